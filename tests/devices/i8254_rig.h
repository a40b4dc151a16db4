// SPDX-License-Identifier: BSD-2-Clause
// An 8254 and port 61h on a bus of their own, its OUT0 recorded as "irq0=<level> ".
// Not a machine: time passes when the test says so, by its own arithmetic of the clock.
#ifndef TESTS_DEVICES_I8254_RIG_H
#define TESTS_DEVICES_I8254_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/i8254.h"
#include "tests/devices/recorder.h"

enum { CH0 = 0x40, CH1 = 0x41, CH2 = 0x42, CONTROL = 0x43, PORT61 = 0x61 };

/* Of a control word: "Control Word Format". */
enum { LSB = 0x10, MSB = 0x20, BOTH = 0x30, BCD = 0x01 };
#define SELECT(n) ((unsigned)(n) << 6)
#define MODE(n)   ((unsigned)(n) << 1)

/* Of a read-back command, which has two of them active low. */
#define READ_STATUS(n)           (0xE0u | 2u << (n))
#define READ_COUNT(n)            (0xD0u | 2u << (n))
#define READ_STATUS_AND_COUNT(n) (0xC0u | 2u << (n))

/* Of a status byte. */
enum { OUTPUT = 0x80, NULL_COUNT = 0x40 };

struct i8254_rig {
	struct recorder log;
	uint64_t ns;
	uint64_t clock; /* pulses since 0 ns */
	struct i8254 pit;
	struct bus_region table[2];
	struct bus bus;
};

/* A timer at pulse number start, with that floor. */
void pit_set_up(struct i8254_rig *rig, uint64_t start, uint64_t floor_ns);

/* The first nanosecond of a pulse. */
uint64_t pit_ns_of(uint64_t clock);
/* Lets n pulses pass; nobody looks. */
void pit_pass(struct i8254_rig *rig, uint64_t n);
/* As an owner does: to each i8254_next() on the way, with a tick there. How many there were. */
unsigned pit_run(struct i8254_rig *rig, uint64_t n);

void pit_out(struct i8254_rig *rig, unsigned port, unsigned value);
unsigned pit_in(struct i8254_rig *rig, unsigned port);

/* A control word for channel n, with two bytes of count to follow unless word says LSB or MSB. */
void pit_program(struct i8254_rig *rig, unsigned n, unsigned word);
/* Low byte, high byte. */
void pit_count(struct i8254_rig *rig, unsigned n, unsigned count);
/* The latched count, two bytes. */
unsigned pit_latched(struct i8254_rig *rig, unsigned n);
unsigned pit_status(struct i8254_rig *rig, unsigned n);
bool pit_output(struct i8254_rig *rig, unsigned n);
/* The gate of channel 2. */
void pit_gate(struct i8254_rig *rig, bool level);

#endif
