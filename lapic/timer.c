// SPDX-License-Identifier: BSD-2-Clause
/*
 * One-shot, periodic and TSC-deadline timer as arithmetic on injected time; SDM "APIC Timer".
 * Not a timer of the host: it says when it wants to be looked at, and every look settles what is
 * due.
 */
#include "lapic/core.h"

#define NS_PER_S 1000000000ull

/* 64-bit fraction of part / whole, part < whole, by long division: a freestanding library has no
 * 128-bit one. Rounded up, so that a whole number of ticks falls on its nanosecond, not behind it.
 */
static uint64_t fraction(uint64_t part, uint64_t whole)
{
	uint64_t quotient = 0;

	for (unsigned bit = 0; bit < 64; bit++) {
		part <<= 1; /* whole is below 2^34 */
		quotient <<= 1;
		if (part >= whole) {
			part -= whole;
			quotient |= 1;
		}
	}
	return quotient + (part != 0);
}

void timer_setup(struct lapic *l)
{
	uint64_t hz = l->config.bus_hz;

	l->bus_whole = hz / NS_PER_S;
	l->bus_fraction = fraction(hz % NS_PER_S, NS_PER_S);
	l->ns_whole = NS_PER_S / hz;
	l->ns_fraction = fraction(NS_PER_S % hz, hz);
	l->epoch_ns = lapic_now_ns(l);
	l->floor_ticks = l->config.timer_floor_ns * l->bus_whole +
			 multiply_high(l->config.timer_floor_ns, l->bus_fraction);
}

/* Bus ticks at a moment since the epoch: of a clock that runs freely, so that a count's first tick
 * is a part of one. */
static uint64_t ticks_at(const struct lapic *l, uint64_t ns)
{
	return ns * l->bus_whole + multiply_high(ns, l->bus_fraction);
}

static uint64_t ticks_now(const struct lapic *l)
{
	return ticks_at(l, lapic_now_ns(l) - l->epoch_ns);
}

/* The first ns at which ticks_at() is `ticks`: the estimate is off by a rounding at most. */
static uint64_t ns_at(const struct lapic *l, uint64_t ticks)
{
	uint64_t ns = ticks * l->ns_whole + multiply_high(ticks, l->ns_fraction);

	while (ticks_at(l, ns) < ticks)
		ns++;
	while (ns > 0 && ticks_at(l, ns - 1) >= ticks)
		ns--;
	return ns + l->epoch_ns;
}

static uint32_t mode_bits(const struct lapic *l)
{
	return reg_get(l, REG_LVT_TIMER) & LVT_TIMER_MODE;
}

static bool is_periodic(const struct lapic *l)
{
	return mode_bits(l) == LVT_TIMER_PERIODIC;
}

static uint64_t period(const struct lapic *l)
{
	return (uint64_t)reg_get(l, REG_TMICT) << l->timer_shift;
}

/* Ticks to the next zero of the count. timer_end may lie further ahead: the floor passes over some.
 */
static uint64_t remaining(const struct lapic *l, uint64_t now)
{
	uint64_t left = l->timer_end - now, full = period(l);

	return left > full && full ? (left - 1) % full + 1 : left;
}

uint8_t timer_shift_of(uint32_t dcr)
{
	return (uint8_t)((((dcr & 3u) | (dcr >> 1 & 4u)) + 1u) & 7u);
}

COLD static void tell_armed(struct lapic *l)
{
	struct lapic_deadline next;

	next = lapic_next_deadline(l);
	event_simple(l, LAPIC_EVENT_TIMER_ARM, (uint8_t)(reg_get(l, REG_LVT_TIMER) & LVT_VECTOR),
		     next.clock == LAPIC_CLOCK_NONE ? 0 : next.at);
}

static void touch(struct lapic *l)
{
	l->timer_touched = true;
	if (traced(l))
		tell_armed(l);
}

/* touch() and timer_tell() in one, where the host is owed the news in any case. */
static void announce(struct lapic *l)
{
	if (traced(l))
		tell_armed(l);
	l->timer_touched = false;
	if (l->ops.deadline_changed)
		l->ops.deadline_changed(l->opaque);
}

static void stop(struct lapic *l)
{
	bool ran = l->timer != TIMER_OFF;

	l->timer = TIMER_OFF;
	l->tsc_deadline = 0;
	if (ran)
		touch(l);
}

/* However late the host is, one interrupt is due; then the original phase, but no closer than the
 * floor. */
static void next_period(struct lapic *l, uint64_t now)
{
	uint64_t full = period(l), wanted = now + 1;

	if (!full) {
		l->timer = TIMER_OFF;
		return;
	}
	if (full < l->floor_ticks)
		wanted = now + l->floor_ticks;
	l->timer_end += (wanted - l->timer_end + full - 1) / full * full;
}

COLD static void expire(struct lapic *l, uint64_t now)
{
	uint32_t lvt = reg_get(l, REG_LVT_TIMER);
	uint64_t due = 0;

	/* Two clocks: a TSC value is no number of bus ticks. */
	if (traced(l))
		due = l->timer == TIMER_DEADLINE ? l->tsc_deadline : ns_at(l, l->timer_end);
	if (l->timer == TIMER_COUNTING && is_periodic(l)) {
		next_period(l, now);
	} else {
		l->timer = TIMER_OFF;
		l->tsc_deadline = 0;
	}
	l->timer_touched = true;
	if (traced(l))
		event_simple(l, LAPIC_EVENT_TIMER_DUE, (uint8_t)(lvt & LVT_VECTOR), due);
	lvt_fire(l, REG_LVT_TIMER);
}

void timer_settle(struct lapic *l)
{
	uint64_t now;

	if (LIKELY(l->timer == TIMER_OFF))
		return;
	if (l->timer == TIMER_COUNTING) {
		now = ticks_now(l);
		if (UNLIKELY(now >= l->timer_end))
			expire(l, now);
	} else {
		now = l->ops.now_tsc(l->opaque);
		if (UNLIKELY(now >= l->tsc_deadline))
			expire(l, now);
	}
}

enum lapic_result timer_write_tmict(struct lapic *l, unsigned n, uint64_t value)
{
	uint64_t now;

	/* SDM "TSC-Deadline Mode": writes to the initial-count register are ignored; 11b is
	 * reserved and counts nothing. */
	if (UNLIKELY(mode_bits(l) & LVT_TIMER_DEADLINE)) {
		event_mistake(l, "TMR-6", REG_TMICT << 4);
		return LAPIC_OK;
	}
	now = ticks_now(l);
	if (UNLIKELY(l->timer == TIMER_COUNTING && now >= l->timer_end))
		expire(l, now);
	*reg(l, n) = (uint32_t)value;
	if (LIKELY(value != 0)) {
		l->timer = TIMER_COUNTING;
		l->timer_end = now + ((uint64_t)value << l->timer_shift);
	} else {
		l->timer = TIMER_OFF;
	}
	announce(l);
	return LAPIC_OK;
}

enum lapic_result timer_write_dcr(struct lapic *l, unsigned n, uint64_t value)
{
	uint8_t shift = timer_shift_of((uint32_t)value);
	uint64_t now, left;

	timer_settle(l);
	*reg(l, n) = (uint32_t)value;
	if (l->timer == TIMER_COUNTING && shift != l->timer_shift) {
		now = ticks_now(l);
		left = now < l->timer_end ? remaining(l, now) : 1;
		left = ((left << shift) + (1ull << l->timer_shift) - 1) >> l->timer_shift;
		l->timer_end = now + left;
		touch(l);
	}
	l->timer_shift = shift;
	timer_tell(l);
	return LAPIC_OK;
}

static unsigned mode_family(uint32_t lvt)
{
	unsigned mode = (lvt & LVT_TIMER_MODE) >> LVT_TIMER_MODE_SHIFT;

	return mode < 2 ? 0 : mode;
}

static enum lapic_result write_lvt_armed(struct lapic *l, unsigned n, uint64_t value)
{
	uint32_t old = reg_get(l, n);
	uint64_t now;

	timer_settle(l);
	if (UNLIKELY(mode_family(old) != mode_family((uint32_t)value))) {
		stop(l);
		*reg(l, REG_TMICT) = 0;
	} else if (UNLIKELY(l->timer == TIMER_COUNTING && ((old ^ value) & LVT_TIMER_MODE))) {
		/* The mode counts when zero is reached: back to the next zero, which the floor may
		 * have passed over. */
		now = ticks_now(l);
		if (now < l->timer_end)
			l->timer_end = now + remaining(l, now);
	}
	lvt_write(l, n, value);
	if (l->timer != TIMER_OFF)
		touch(l);
	timer_tell(l);
	return LAPIC_OK;
}

enum lapic_result timer_write_lvt(struct lapic *l, unsigned n, uint64_t value)
{
	/* Nothing runs, and what counts stays a counter: an entry like every other. */
	if (LIKELY(l->timer == TIMER_OFF && !((reg_get(l, n) | value) & LVT_TIMER_DEADLINE)))
		return lvt_write(l, n, value);
	return write_lvt_armed(l, n, value);
}

uint64_t timer_read_ccr(struct lapic *l, unsigned n)
{
	uint64_t now, left;

	(void)n;
	if (l->timer != TIMER_COUNTING)
		return 0;
	now = ticks_now(l);
	if (UNLIKELY(now >= l->timer_end)) {
		expire(l, now);
		timer_tell(l);
		if (l->timer != TIMER_COUNTING)
			return 0;
	}
	left = l->timer_end - now + ((1ull << l->timer_shift) - 1);
	if (UNLIKELY(left >> l->timer_shift > reg_get(l, REG_TMICT)))
		left = remaining(l, now) + ((1ull << l->timer_shift) - 1);
	return (uint32_t)(left >> l->timer_shift);
}

uint64_t timer_read_deadline(struct lapic *l)
{
	if (l->timer != TIMER_DEADLINE)
		return 0;
	timer_settle(l);
	timer_tell(l);
	return l->tsc_deadline;
}

void timer_write_deadline(struct lapic *l, uint64_t deadline)
{
	if (l->mode == MODE_DISABLED || mode_bits(l) != LVT_TIMER_DEADLINE) {
		event_mistake(l, "TMR-6", MSR_TSC_DEADLINE);
		return;
	}
	timer_settle(l);
	stop(l);
	if (deadline) {
		l->timer = TIMER_DEADLINE;
		l->tsc_deadline = deadline;
		touch(l);
		timer_settle(l);
	}
	timer_tell(l);
}

/* Ticks from now until the count's next zero; 0: it does not run. */
uint64_t timer_remaining(struct lapic *l)
{
	uint64_t now;

	timer_settle(l);
	if (l->timer != TIMER_COUNTING)
		return 0;
	now = ticks_now(l);
	return now < l->timer_end ? remaining(l, now) : 1;
}

void timer_resume(struct lapic *l, uint64_t remaining_ticks)
{
	if (remaining_ticks) {
		l->timer = TIMER_COUNTING;
		l->timer_end = ticks_now(l) + remaining_ticks;
	}
	touch(l);
}

void timer_reset(struct lapic *l)
{
	stop(l);
	l->timer_end = 0;
	l->timer_shift = timer_shift_of(0);
}

/* A masked timer counts, but nobody need wake for it: what it reached meanwhile is settled at the
 * next look. */
struct lapic_deadline lapic_next_deadline(const struct lapic *l)
{
	struct lapic_deadline next = {LAPIC_CLOCK_NONE, 0};

	if (l->timer == TIMER_OFF || (reg_get(l, REG_LVT_TIMER) & LVT_MASKED))
		return next;
	if (l->timer == TIMER_DEADLINE) {
		next.clock = LAPIC_CLOCK_TSC;
		next.at = l->tsc_deadline;
	} else {
		next.clock = LAPIC_CLOCK_NS;
		next.at = ns_at(l, l->timer_end);
	}
	return next;
}

void lapic_tick(struct lapic *l)
{
	timer_settle(l);
	timer_tell(l);
}

void lapic_tsc_changed(struct lapic *l)
{
	if (l->timer == TIMER_DEADLINE) {
		timer_settle(l);
		touch(l);
		timer_tell(l);
	}
}
