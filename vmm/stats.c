// SPDX-License-Identifier: BSD-2-Clause
// Counts what happens in a run.
// Not where the counts become text: that is stats_print.c.
#include "vmm/stats.h"

/* Posts come from other threads, which a relaxed add suffices for: nothing is ordered by a count.
 */
static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void stats_exit(struct stats_vcpu *stats, uint32_t reason)
{
	stats->exits[reason < STATS_EXIT_KINDS ? reason : STATS_EXIT_KINDS - 1]++;
}

void stats_kick(struct stats_vcpu *stats)
{
	count(&stats->kicks);
}

/* ---------------------------------------------------------------- events */

static bool has_vector(uint8_t mode)
{
	return mode == LAPIC_FIXED || mode == LAPIC_LOWEST;
}

static void count_post(const struct lapic_event *event, uint64_t *by_vector, uint64_t *by_mode)
{
	if (has_vector(event->mode))
		count(&by_vector[event->vector]);
	else
		count(&by_mode[event->mode % STATS_MODES]);
}

/* Timer posts are the owner's own, so the fields behind a wait need no atomics. */
static void timer_posted(struct stats_vcpu *stats, const struct lapic_event *event)
{
	if (event->source != LAPIC_FROM_TIMER || !has_vector(event->mode))
		return;
	if (stats->due_known && !stats->waiting) {
		stats->waiting = true;
		stats->waiting_vector = event->vector;
		stats->waiting_due_ns = stats->due_ns;
	}
	stats->due_known = false;
}

static void acknowledged(struct stats_vcpu *stats, const struct lapic_event *event)
{
	if (!has_vector(event->mode)) {
		stats->taken_mode[event->mode % STATS_MODES]++;
		return;
	}
	stats->delivered[event->vector]++;
	if (!stats->waiting || stats->waiting_vector != event->vector)
		return;
	stats->waiting = false;
	/* Two clocks may disagree by a tick about what is late. */
	stats_record(&stats->timer, event->when_ns > stats->waiting_due_ns
					    ? event->when_ns - stats->waiting_due_ns
					    : 0);
}

void stats_event(struct stats_vcpu *stats, const struct lapic_event *event)
{
	switch (event->kind) {
	case LAPIC_EVENT_ACCEPTED:
		count_post(event, stats->posted, stats->posted_mode);
		timer_posted(stats, event);
		break;
	case LAPIC_EVENT_MERGED:
		count_post(event, stats->merged, stats->merged_mode);
		timer_posted(stats, event);
		break;
	case LAPIC_EVENT_REFUSED: count_post(event, stats->refused, stats->refused_mode); break;
	case LAPIC_EVENT_ACK: acknowledged(stats, event); break;
	case LAPIC_EVENT_EOI: stats->eoi[event->vector]++; break;
	case LAPIC_EVENT_SPURIOUS: stats->spurious++; break;
	case LAPIC_EVENT_SENT: stats->sent++; break;
	case LAPIC_EVENT_MISTAKE: stats->mistakes++; break;
	case LAPIC_EVENT_FLUSHED:
		if (stats->waiting_vector == event->vector)
			stats->waiting = false;
		break;
	case LAPIC_EVENT_INIT: stats->taken_mode[LAPIC_INIT]++; break;
	case LAPIC_EVENT_SIPI: stats->taken_mode[LAPIC_SIPI]++; break;
	case LAPIC_EVENT_TIMER_ARM:
	case LAPIC_EVENT_TIMER_DUE:
	case LAPIC_EVENT_MODE:
	case LAPIC_EVENT_ERROR: break;
	}
}

void stats_timer_due(struct stats_vcpu *stats, uint64_t due_ns)
{
	stats->due_ns = due_ns;
	stats->due_known = true;
}

/* ---------------------------------------------------------------- histograms */

#define SUB_BITS 4u /* log2 of STATS_HISTOGRAM_SUB */

/* Linear up to 2 * SUB, then SUB buckets for each power of two. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned power;

	if (ns < STATS_HISTOGRAM_SUB)
		return (unsigned)ns;
	power = 63u - (unsigned)__builtin_clzll(ns) - SUB_BITS;
	return power * STATS_HISTOGRAM_SUB + (unsigned)(ns >> power);
}

/* The largest duration that falls into a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
	unsigned power;

	if (bucket < 2 * STATS_HISTOGRAM_SUB)
		return bucket;
	power = bucket / STATS_HISTOGRAM_SUB - 1;
	return ((uint64_t)(bucket % STATS_HISTOGRAM_SUB + STATS_HISTOGRAM_SUB) << power) +
	       ((UINT64_C(1) << power) - 1);
}

void stats_record(struct stats_histogram *histogram, uint64_t ns)
{
	histogram->count++;
	histogram->buckets[bucket_of(ns)]++;
	if (ns > histogram->max)
		histogram->max = ns;
}

uint64_t stats_percentile(const struct stats_histogram *histogram, unsigned permille)
{
	uint64_t seen = 0, rank;

	if (histogram->count == 0)
		return 0;
	if (permille > 1000)
		permille = 1000;
	/* Rounded up, in an order that cannot overflow. */
	rank = histogram->count / 1000 * permille +
	       (histogram->count % 1000 * permille + 999) / 1000;
	for (unsigned i = 0; i < STATS_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= rank && seen > 0)
			return bucket_end(i) < histogram->max ? bucket_end(i) : histogram->max;
	}
	return histogram->max;
}

/* ---------------------------------------------------------------- sums */

static void add(uint64_t *to, const uint64_t *from, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		to[i] += from[i];
}

void stats_add(struct stats_vcpu *to, const struct stats_vcpu *from)
{
	add(to->exits, from->exits, STATS_EXIT_KINDS);
	add(to->posted, from->posted, STATS_VECTORS);
	add(to->merged, from->merged, STATS_VECTORS);
	add(to->refused, from->refused, STATS_VECTORS);
	add(to->delivered, from->delivered, STATS_VECTORS);
	add(to->eoi, from->eoi, STATS_VECTORS);
	add(to->posted_mode, from->posted_mode, STATS_MODES);
	add(to->merged_mode, from->merged_mode, STATS_MODES);
	add(to->refused_mode, from->refused_mode, STATS_MODES);
	add(to->taken_mode, from->taken_mode, STATS_MODES);
	to->sent += from->sent;
	to->spurious += from->spurious;
	to->page_accesses += from->page_accesses;
	to->msr_accesses += from->msr_accesses;
	to->mistakes += from->mistakes;
	to->smis_dropped += from->smis_dropped;
	to->unseen_eois += from->unseen_eois;
	to->halts += from->halts;
	to->halted_ns += from->halted_ns;
	to->polls += from->polls;
	to->polled_ns += from->polled_ns;
	to->windows += from->windows;
	to->steps += from->steps;
	to->kicks += from->kicks;
	to->timer.count += from->timer.count;
	add(to->timer.buckets, from->timer.buckets, STATS_HISTOGRAM_BUCKETS);
	if (from->timer.max > to->timer.max)
		to->timer.max = from->timer.max;
}
