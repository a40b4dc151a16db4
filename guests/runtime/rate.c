// SPDX-License-Identifier: BSD-2-Clause
// Bounds the counting rate of the APIC timer by reads of CCR between reads of TSC.
// No floating point: rates are in 2^-32.
#include "guests/runtime/rate.h"

#include "guests/runtime/apic.h"
#include "guests/runtime/cpu.h"
#include "guests/runtime/time.h"

#define TRIES 8

struct rate_sample rate_sample(void)
{
	struct rate_sample best = {0, ~UINT64_C(0), 0};

	for (unsigned i = 0; i < TRIES; i++) {
		struct rate_sample one;

		one.before = rdtsc();
		one.ccr = apic_read(APIC_CCR);
		one.after = rdtsc();
		if (one.after - one.before < best.after - best.before)
			best = one;
	}
	return best;
}

struct rate rate_between(const struct rate_sample *first, const struct rate_sample *second)
{
	uint64_t ticks = first->ccr - second->ccr;
	uint64_t shortest = second->before - first->after, longest = second->after - first->before;

	/* The count of whole ticks is off by less than one. */
	return (struct rate){.low = ticks ? ((ticks - 1) << 32) / longest : 0,
			     .high = ((ticks + 1) << 32) / shortest};
}

struct rate rate_measure(unsigned ms)
{
	struct rate_sample first, second;

	apic_write(APIC_TMICT, 0xffffffff);
	first = rate_sample();
	time_spin_ms(ms);
	second = rate_sample();
	apic_write(APIC_TMICT, 0);
	return rate_between(&first, &second);
}

uint64_t rate_least_tsc(const struct rate *rate, uint32_t ticks)
{
	uint64_t tsc = ((uint64_t)ticks << 32) / rate->high;

	return tsc - tsc / 500;
}
