// SPDX-License-Identifier: BSD-2-Clause
// Interval arithmetic on the two timers' times.
// Reads no clock; every time comes in as an argument.

#include "vmm/diff/clocks.h"

#include "vmm/diff/side.h"

#define REG_LVT_TIMER 0x32u
#define REG_TMICT     0x38u
#define REG_TMCCT     0x39u
#define REG_DCR       0x3Eu
#define TIMER_MODE    0x60000u
#define MASKED        0x10000u
#define FLOOR_NS      UINT64_C(200000)
#define PERIODIC      0x20000u
#define SLACK_TICKS   2u /* rounding of ours, and of KVM's */
#define NS_PER_MS     UINT64_C(1000000)

/* SDM "APIC Timer": DCR[3,1,0] of 111b divides by 1, the others by 2, 4, ... 128. */
static unsigned shift_of(uint32_t dcr)
{
	return ((dcr & 3) + (dcr >> 1 & 4) + 1) % 8;
}

void clocks_look(struct clocks_timer *timer, const struct lapic *lapic, const uint8_t *image,
		 uint64_t now_ns, uint64_t now_tsc, uint32_t tsc_khz)
{
	struct lapic_deadline due = lapic_next_deadline(lapic);
	uint64_t count = side_register(image, REG_TMCCT), ticks;

	timer->shift = shift_of(side_register(image, REG_DCR));
	timer->tmict = side_register(image, REG_TMICT);
	timer->periodic = (side_register(image, REG_LVT_TIMER) & TIMER_MODE) == PERIODIC;
	timer->masked = (side_register(image, REG_LVT_TIMER) & MASKED) != 0;
	timer->runs = due.clock != LAPIC_CLOCK_NONE || count;
	timer->expiry = UINT64_MAX;
	timer->again = timer->again && timer->periodic && timer->runs;
	if (due.clock == LAPIC_CLOCK_TSC) {
		timer->tmict = 0;
		ticks = due.at > now_tsc ? due.at - now_tsc : 0;
		/* What is years away is not looked at closer. */
		if (ticks < UINT64_C(1) << 44)
			timer->expiry = now_ns + ticks * NS_PER_MS / tsc_khz + 1;
	} else if (due.clock == LAPIC_CLOCK_NS && !timer->periodic) {
		timer->expiry = due.at;
	} else if (count) {
		timer->expiry = now_ns + (count << timer->shift);
	}
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

void clocks_written(struct clocks_timer *timer, unsigned reg, uint64_t t0, uint64_t t1,
		    const struct clocks_timer *before)
{
	uint64_t took = t1 - t0;

	if (reg == REG_TMICT) {
		timer->again = false;
		timer->early = took;
		timer->late = 0;
	}
	/* What is left of the count goes on at the new rate: a time of x became one of x * new /
	 * old. */
	if (reg == REG_DCR && timer->runs) {
		unsigned was = before->shift, is = timer->shift;
		uint64_t extra = apart(took << is >> was, took) + (UINT64_C(1) << is);

		timer->early = (before->early << is >> was) + extra;
		timer->late = (before->late << is >> was) + extra;
	}
}

uint64_t clocks_period(const struct clocks_timer *timer)
{
	return (uint64_t)timer->tmict << timer->shift;
}

uint64_t clocks_expiry(const struct clocks_timer *timer, uint64_t ns)
{
	uint64_t period = clocks_period(timer);

	if (!timer->runs || timer->expiry > ns)
		return 0;
	if (!timer->periodic || !period)
		return timer->expiry;
	return timer->expiry + (ns - timer->expiry) / period * period;
}

struct clocks_count clocks_counts(const struct clocks_timer *timer, uint64_t t0, uint64_t t1)
{
	struct clocks_count count = {0, 0};
	uint64_t first, last;

	if (timer->again) {
		/* KVM may count by a stretched period: its floor is the same as ours. */
		count.most = (clocks_period(timer) < FLOOR_NS ? FLOOR_NS : clocks_period(timer)) >>
			     timer->shift;
		return count;
	}
	if (!timer->runs || !timer->tmict || timer->expiry == UINT64_MAX)
		return count;
	first = timer->expiry - timer->early;
	last = timer->expiry + timer->late;
	count.least = first > t1 ? (first - t1) >> timer->shift : 0;
	count.most = last > t0 ? (last - t0) >> timer->shift : 0;
	count.least -= count.least < SLACK_TICKS ? count.least : SLACK_TICKS;
	count.most += SLACK_TICKS;
	if (count.most > timer->tmict)
		count.most = timer->tmict;
	if (count.least > timer->tmict)
		count.least = timer->tmict;
	return count;
}
