// SPDX-License-Identifier: BSD-2-Clause
// How fast the APIC timer counts against the time-stamp counter, as an interval that must hold it.
// No single figure: between two reads this processor may be set aside for milliseconds.
#ifndef GUESTS_RUNTIME_RATE_H
#define GUESTS_RUNTIME_RATE_H

#include <stdint.h>

/* Timer ticks in 2^32 TSC ticks lie in low..high. */
struct rate {
	uint64_t low, high;
};

/* CCR, and TSC just before and after it was read. */
struct rate_sample {
	uint64_t before, after;
	uint32_t ccr;
};

/* A sample with a narrow bracket, if one can be had in some tries. */
struct rate_sample rate_sample(void);
struct rate rate_between(const struct rate_sample *first, const struct rate_sample *second);
/* Counts from the top for `ms`, with the divisor as it is, in one-shot or periodic mode, the LVT
 * masked; stops the timer. */
struct rate rate_measure(unsigned ms);
/* The least that `ticks` of the timer take in TSC ticks; 0.2 % is left for clocks that are steered.
 */
uint64_t rate_least_tsc(const struct rate *rate, uint32_t ticks);

#endif
