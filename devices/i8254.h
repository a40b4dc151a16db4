// SPDX-License-Identifier: BSD-2-Clause
// The PC's 8254 interval timer at 40h-43h, and port 61h: channel 2's gate, its OUT, the speaker's.
// Not a sound, nor a refresh of memory: channels 1 and 2 are looked at only when they are read.
#ifndef DEVICES_I8254_H
#define DEVICES_I8254_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/i8254_counter.h"
#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define I8254_PORT     0x40u
#define I8254_PORTS    4u
#define I8254_PORT61   0x61u /* NMI status and control */
#define I8254_CHANNELS 3u

/*
 * CLK is 14318180/12 Hz, that is 715909 pulses in 600000000 ns: pulse n is at the first nanosecond
 * of ops->now at which n of them are over. No rounding is ever carried on, so nothing drifts.
 */
#define I8254_STEP_CLOCKS 715909u
#define I8254_STEP_NS     600000000u

struct i8254_ops {
	/* Nanoseconds of a clock that never goes back; asked in i8254_init() too. Never NULL. */
	uint64_t (*now)(void *opaque);
};

/* The caller's memory. Fields are for reading in tests and reports; only the functions write them.
 */
struct i8254 {
	const struct i8254_ops *ops;
	void *opaque;
	struct irq_line irq;
	bool irq_level;
	uint8_t port61; /* bits 3:0 as written: gate 2, speaker, and two that gate no NMI here */
	struct i8254_counter channels[I8254_CHANNELS];
	uint64_t floor;         /* clocks */
	uint64_t followed_from; /* modes 2 and 3: the first clock at which a rise is passed on */
	uint64_t rises_seen;    /* of channels[0].rises: passed on or merged */
	uint64_t merged;        /* rises of OUT0 that went into a later one; reset keeps the sum */
};

/*
 * The timer before any software has been: mode 0 on all channels and no count, so that nothing
 * counts and OUT0 is low (the data sheet leaves it undefined); gates 0 and 1 high, as wired in a
 * PC, gate 2 low.
 *
 * irq is OUT0, copied; {0} leaves it unconnected. It follows OUT0 in any mode:
 * - What CLK does is seen at i8254_tick() and before each access; what a write does, at once.
 * - Several rises since the last time are merged into one: the line falls, if it was high, rises,
 *   and then is what OUT0 is now; all but one of them are added to merged. Nothing is made up for
 *   later, and the phase stays what CLK makes it. Who sits behind the line and forgets an edge when
 *   it falls (i8259_init() without keep_edges) may lose one that comes late.
 * - The one low clock of modes 2 and 4 is not worth a wake-up: unless an access falls into it, the
 *   line falls and rises when it is over.
 *
 * floor_ns: rises of modes 2 and 3 are passed on at least this far apart, by CLK and not by when
 * they are noticed; those between are merged. Periods from floor_ns on are followed as they are. Of
 * shorter ones the line stays high between. Counts, and OUT where the guest reads it, know no
 * floor. 0: none, and a guest may then ask for a wake-up at every other clock.
 */
void i8254_init(struct i8254 *pit, const struct i8254_ops *ops, void *opaque, struct irq_line irq,
		uint64_t floor_ns);

/* As after i8254_init(), OUT0 with it. */
void i8254_reset(struct i8254 *pit);

/*
 * Ports 40h-43h, and 61h, for bus_add(). 43h reads as open bus. 61h: bits 3:0 are kept; bit 4
 * toggles every 18 clocks (15 us), however channel 1 is programmed; bit 5 is OUT2; 7:6 are 0. pit
 * must outlive the regions. Threads: see devices/bus.h.
 */
struct bus_region i8254_region(struct i8254 *pit);
struct bus_region i8254_port61_region(struct i8254 *pit);

/* devices/state.h. */
void i8254_state(struct i8254 *pit, struct state *s);
struct state_error i8254_state_error(const struct i8254 *pit);

/*
 * The nanosecond by ops->now at which i8254_tick() is to be called next, UINT64_MAX for never.
 * It changes with any call but this one: accesses, ticks, reset.
 */
uint64_t i8254_next(const struct i8254 *pit);

/* Brings everything up to ops->now. May be early, late or twice; costs the same however late. */
void i8254_tick(struct i8254 *pit);

#ifdef __cplusplus
}
#endif
#endif
