// SPDX-License-Identifier: BSD-2-Clause
// Time on both sides: waiting for timers that run out, until nothing more comes of a step.
// Not what a timer's times are (clocks.c), nor how one side settles (side_*.c).

#include <errno.h>
#include <time.h>

#include "vmm/diff/pair.h"
#include "vmm/kick.h"

#define NS_PER_S      1000000000
#define NEAR_NS       UINT64_C(3000000)  /* a timer that runs out so soon is waited for */
#define FAST_NS       UINT64_C(10000000) /* periods below are not told apart */
#define ROUNDS        50u

#define REG_LVT_TIMER 0x32u
#define TIMER_MODE    0x60000u
#define PERIODIC      0x20000u

uint64_t pair_clock(struct pair *pair)
{
	pair->ours.now_ns = kick_clock_ns();
	pair->ours.now_tsc = tsc_now(&pair->tsc);
	return pair->ours.now_ns;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

uint64_t settle_first_expiry(const struct pair *pair)
{
	uint64_t first = UINT64_MAX;

	for (unsigned n = 0; n < pair->cpus; n++) {
		const struct clocks_timer *t = &pair->cpu[n].timer;

		if (t->runs && t->expiry != UINT64_MAX && !t->again && t->expiry - t->early < first)
			first = t->expiry - t->early;
	}
	return first;
}

void settle_rest(const struct pair *pair, uint64_t ns)
{
	uint64_t now, until;

	sleep_until(kick_clock_ns() + ns);
	now = until = kick_clock_ns();
	for (unsigned n = 0; n < pair->cpus; n++) {
		const struct clocks_timer *t = &pair->cpu[n].timer;
		uint64_t last = clocks_expiry(t, now + NEAR_NS) + t->late + SETTLE_LATER_NS;

		if (!t->again && last > until)
			until = last;
	}
	sleep_until(until);
}

static unsigned arrivals(const struct pair *pair)
{
	unsigned count = 0;

	for (unsigned n = 0; n < pair->cpus; n++)
		count += pair->ours.cpu[n].arrived.count + pair->kvm.cpu[n].arrived.count;
	return count;
}

/* Whether it comes again and again, to a processor that does not look: then once is as often. */
static bool is_unseen(const struct pair *pair, unsigned n)
{
	const struct clocks_timer *t = &pair->cpu[n].timer;

	return t->periodic && clocks_period(t) < FAST_NS &&
	       (t->masked || !side_interrupts_on(&pair->ours, n));
}

/* Until the last timer that is about to run out has done so. */
static bool wait_for_timers(struct pair *pair)
{
	uint64_t now = kick_clock_ns(), until = 0;

	for (unsigned n = 0; n < pair->cpus; n++) {
		struct clocks_timer *t = &pair->cpu[n].timer;

		if (!t->runs || t->expiry == UINT64_MAX || t->again ||
		    t->expiry - t->early > now + NEAR_NS)
			continue;
		if (t->expiry + t->late > until)
			until = t->expiry + t->late;
		t->again = is_unseen(pair, n);
	}
	if (until)
		sleep_until(until + SETTLE_LATER_NS);
	return until != 0;
}

bool settle_is_periodic(const struct pair *pair)
{
	for (unsigned n = 0; n < pair->cpus; n++) {
		const struct pair_cpu *c = &pair->cpu[n];

		if ((c->timer.runs && c->timer.periodic) ||
		    (side_register(c->kvm, REG_LVT_TIMER) & TIMER_MODE) == PERIODIC)
			return true;
	}
	return false;
}

/* Whether a periodic timer has run out for a second time while KVM's side was seen to, or (behind)
 * before it was seen to at all, of which ours saw one: it is not known then how many there were for
 * KVM. */
static bool paused(const struct pair *pair, bool behind, uint64_t from, uint64_t to)
{
	for (unsigned n = 0; n < pair->cpus; n++) {
		const struct clocks_timer *t = &pair->cpu[n].timer;
		uint64_t last = clocks_expiry(t, to + t->early);

		if (!t->periodic || t->again || !last)
			continue;
		if (behind || (last > t->expiry && last + t->late >= from))
			return true;
	}
	return false;
}

bool settle(struct pair *pair)
{
	bool ran_out = false;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned before = arrivals(pair);
		uint64_t from = kick_clock_ns(), now;

		for (unsigned n = 0; n < pair->cpus; n++)
			pair->kvm.kind->settle(&pair->kvm, n);
		now = pair_clock(pair);
		if (paused(pair, ran_out, from, now))
			return false;
		/* KVM's side may have been seen to before. */
		ran_out = now >= settle_first_expiry(pair);
		for (unsigned n = 0; n < pair->cpus; n++)
			pair->ours.kind->settle(&pair->ours, n);
		compare_look(pair);
		/* One CPU's EOI may let another's interrupt go, and a timer may have come in. */
		if (!wait_for_timers(pair) && !ran_out && arrivals(pair) == before)
			return true;
	}
	return false;
}
