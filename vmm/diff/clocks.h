// SPDX-License-Identifier: BSD-2-Clause
// When the timers of both sides run out, as intervals that follow from clock readings.
// Not a timer: ours is in lapic/, KVM's in the kernel; this says how far apart the two may be.
#ifndef VMM_DIFF_CLOCKS_H
#define VMM_DIFF_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "lapic/lapic.h"

struct lapic;

/*
 * One CPU's timer. Ours starts at the end of the interval in which KVM's was started, so KVM's runs
 * out at some time from `expiry - early` to `expiry + late`.
 */
struct clocks_timer {
	bool runs;
	uint64_t expiry;      /* of ours, CLOCK_MONOTONIC ns; UINT64_MAX: not in this world */
	uint64_t early, late; /* ns */
	uint32_t tmict;       /* 0: no count, a deadline */
	bool periodic, masked;
	bool again;     /* periodic, fast, has run out once, and nobody counts how often */
	unsigned shift; /* of the divide value */
};

/* Looks at ours, whose registers are `image`, at its clocks' now_ns and now_tsc. */
void clocks_look(struct clocks_timer *timer, const struct lapic *lapic, const uint8_t *image,
		 uint64_t now_ns, uint64_t now_tsc, uint32_t tsc_khz);

/* Register `reg` was written on KVM's side from t0 to t1, and on ours at t1; `before` was the timer
 * up to then. */
void clocks_written(struct clocks_timer *timer, unsigned reg, uint64_t t0, uint64_t t1,
		    const struct clocks_timer *before);

/* Of a periodic one, ns. */
uint64_t clocks_period(const struct clocks_timer *timer);

/* When ours runs out for the last time up to `ns`, CLOCK_MONOTONIC; 0: not until then. */
uint64_t clocks_expiry(const struct clocks_timer *timer, uint64_t ns);

/* The counts that KVM may show from t0 to t1. */
struct clocks_count {
	uint64_t least, most;
};
struct clocks_count clocks_counts(const struct clocks_timer *timer, uint64_t t0, uint64_t t1);

#endif
