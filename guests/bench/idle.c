// SPDX-License-Identifier: BSD-2-Clause
// A guest that does nothing but take its tick, as a kernel does: halt, handler, arm the next.
// What it costs is counted by the host, between "begin" and "end".
#include "guests/bench/bench.h"

static struct arrival arrival;

/* Lets the time pass with no tick: the timer is due once, at the end. */
static void sleep_once(uint64_t end)
{
	timer_arm(end);
	wait_halted(&arrival, arrival.count + 1);
}

void idle_run(void)
{
	uint64_t period = bench.hz ? bench.tsc_per_ms * 1000 / bench.hz : 0, due, end, extra = 0;

	if (!apic_has_deadline())
		timer_learn();
	timer_mode(apic_has_deadline() ? TIMER_DEADLINE : TIMER_ONESHOT);
	print("begin idle\n");
	due = rdtsc();
	end = due + bench.ms * bench.tsc_per_ms;
	if (!period)
		sleep_once(end);
	while (period && (int64_t)(due - end) < 0) {
		uint64_t next = arrival.count + 1;

		due += period;
		timer_arm(due);
		wait_halted(&arrival, next);
		/* No statistics: where each instruction is emulated they would be most of the cost.
		 */
		extra += arrival.count - next;
	}
	print("end idle\n");
	if (extra)
		guest_fail("%lu interrupts more than ticks", extra);
}
