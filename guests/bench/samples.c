// SPDX-License-Identifier: BSD-2-Clause
// A row: when it ends, its durations in buckets, and their way out.
// Not statistics: medians are made by who reads the buckets.
#include "guests/bench/bench.h"

#define SUB_BITS 8u /* log2 of SAMPLES_SUB */
#define A_LINE   24u

static uint64_t row_end;

void row_begin(const char *name)
{
	print("begin %s\n", name);
	row_end = rdtsc() + bench.ms * bench.tsc_per_ms;
}

bool row_goes_on(unsigned done)
{
	return done < bench.n && (!done || (int64_t)(rdtsc() - row_end) < 0);
}

void samples_clear(struct samples *samples)
{
	memset(samples, 0, sizeof(*samples));
	samples->min = ~UINT64_C(0);
}

/* Linear up to 2 * SUB, then SUB buckets for each power of two. */
static unsigned bucket_of(uint64_t cycles)
{
	unsigned power, bucket;

	if (cycles < SAMPLES_SUB)
		return (unsigned)cycles;
	power = 63u - (unsigned)__builtin_clzll(cycles) - SUB_BITS;
	bucket = power * SAMPLES_SUB + (unsigned)(cycles >> power);
	return bucket < SAMPLES_BUCKETS ? bucket : SAMPLES_BUCKETS - 1;
}

void samples_add(struct samples *samples, uint64_t cycles)
{
	samples->count++;
	samples->sum += cycles;
	if (cycles < samples->min)
		samples->min = cycles;
	if (cycles > samples->max)
		samples->max = cycles;
	samples->buckets[bucket_of(cycles)]++;
}

void samples_print(const struct samples *samples, const char *name)
{
	unsigned used = 0;

	print("row %s count=%lu min=%lu max=%lu sum=%lu extra=%lu early=%lu merged=%lu\n", name,
	      samples->count, samples->min, samples->max, samples->sum, samples->extra,
	      samples->early, samples->merged);
	for (unsigned i = 0; i < SAMPLES_BUCKETS; i++) {
		if (!samples->buckets[i])
			continue;
		print("%s%u:%u",
		      used % A_LINE ? " "
		      : used        ? "\nh "
				    : "h ",
		      i, samples->buckets[i]);
		used++;
	}
	print("\n");
}
