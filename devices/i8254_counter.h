// SPDX-License-Identifier: BSD-2-Clause
// One of the 8254's three counters: its registers, its six modes, its OUT, by the clock.
// Not a device on a bus: devices/i8254.c wires three. Only it and reports look in here.
#ifndef DEVICES_I8254_COUNTER_H
#define DEVICES_I8254_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define I8254_NEVER UINT64_MAX

/*
 * The caller's memory. Times are numbers of CLK pulses (of their falling edges, where counts
 * change) since the owner's clock was 0. Everything stands as it does after pulse number clock.
 */
struct i8254_counter {
	uint64_t clock;
	uint64_t rises;    /* rising edges of OUT that came of CLK pulses, not of writes or GATE */
	uint64_t rose_at;  /* when the last of them was */
	uint32_t left;     /* pulses to the terminal count, or to the end of mode 3's half-cycle */
	uint16_t cr;       /* count register; 0 stands for the largest count */
	uint16_t ol;       /* output latch, while ol_full */
	uint8_t control;   /* bits 5:0 of the control word */
	uint8_t first;     /* the low byte of a count whose high byte has not come yet */
	uint8_t status;    /* latched, while status_full */
	bool gate;         /* the pin */
	bool write_second; /* the next byte written is the high one of two */
	bool read_second;  /* and the next read */
	bool ol_full, status_full;
	bool written;    /* there has been a count since the control word */
	bool null_count; /* what was written has not reached the counting element */
	bool load;       /* the next pulse loads the counting element */
	bool loaded;     /* it has been loaded since the control word */
	bool armed;      /* modes 0, 1, 4, 5: the terminal count is still to come */
	bool strobe;     /* modes 4 and 5: OUT is low for this one clock */
	bool high;       /* mode 3: the half-cycle that OUT is high in */
	bool odd;        /* mode 3: the count that is loaded is odd */
};

/* Brings it to pulse number clock; what is past already is left alone. The cost does not depend on
 * how far that is. */
void i8254_counter_advance(struct i8254_counter *c, uint64_t clock);

/* What the CPU does, and the GATE pin: between pulse number clock and the next. */
void i8254_counter_control(struct i8254_counter *c, uint8_t word);
void i8254_counter_write(struct i8254_counter *c, uint8_t byte);
uint8_t i8254_counter_read(struct i8254_counter *c);
void i8254_counter_latch_count(struct i8254_counter *c);
void i8254_counter_latch_status(struct i8254_counter *c);
void i8254_counter_gate(struct i8254_counter *c, bool level);

/* devices/state.h. What is wrong comes as its reason alone, NULL: nothing. Whether clock itself
 * lies in the future, and what drives gate, is the owner's to know. */
void i8254_counter_state(struct i8254_counter *c, struct state *s);
const char *i8254_counter_state_error(const struct i8254_counter *c);

/* The OUT pin. */
bool i8254_counter_out(const struct i8254_counter *c);

/* 0 to 5: modes 6 and 7 are 2 and 3. */
unsigned i8254_counter_mode(const struct i8254_counter *c);

/* Modes 2 and 3: pulses from one reload of cr to the next one at the same edge of OUT. 2 to 65536.
 */
uint32_t i8254_counter_period(const struct i8254_counter *c);

/* When OUT rises next, and, of mode 3 only, when it falls next, if nobody touches it: later than
 * clock, or I8254_NEVER. */
uint64_t i8254_counter_next_rise(const struct i8254_counter *c);
uint64_t i8254_counter_next_fall(const struct i8254_counter *c);

#ifdef __cplusplus
}
#endif
#endif
