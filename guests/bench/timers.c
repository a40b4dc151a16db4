// SPDX-License-Identifier: BSD-2-Clause
// From a timer's due moment to the first instruction of its handler: three modes, three ways to
// wait. Not how exact the mode is: one-shot and periodic count from before the write that starts
// them, so that half of that exit is in the figure.
#include "guests/bench/bench.h"
#include "guests/runtime/tables.h"

#define REARM_EVERY 16   /* periods: longer, the drift of two clocks would be in the figure */
#define LET_COME    3000 /* rounds; hosts that emulate look for interrupts every 1024 instructions */

enum wait { HALTED, CPL0, CPL3 };

static struct samples samples;
static struct arrival arrival;

static void wait_for(enum wait wait, uint64_t count)
{
	if (wait == HALTED)
		wait_halted(&arrival, count);
	else if (wait == CPL0)
		wait_spinning(&arrival, count);
	else
		wait_user(&arrival, count, tables_interrupt_stack(0));
}

/* Some 0.5 ms, never twice the same in a row: nothing on the host shall keep step with it. */
static uint64_t interval(void)
{
	static uint32_t state = 1;

	state = state * 1664525u + 1013904223u;
	return bench.tsc_per_ms * 3 / 8 + (bench.tsc_per_ms / 4 * (state >> 16) >> 16);
}

static void note(uint64_t due, uint64_t expected)
{
	int64_t late = (int64_t)(arrival.tsc - due);

	samples.extra += arrival.count - expected;
	if (late < 0)
		samples.early++;
	samples_add(&samples, late < 0 ? 0 : (uint64_t)late);
}

static void deadlines(enum wait wait)
{
	for (unsigned i = 0; row_goes_on(i); i++) {
		uint64_t next = arrival.count + 1, due = rdtsc() + interval();

		wrmsr(MSR_TSC_DEADLINE, due);
		wait_for(wait, next);
		note(due, next);
	}
}

/* How far a count of timer ticks may be from the TSC cycles that it stands for: 1 us. */
static uint64_t tolerance(void)
{
	return bench.tsc_per_ms / 1000;
}

static void oneshots(enum wait wait)
{
	for (unsigned i = 0; row_goes_on(i); i++) {
		uint64_t next = arrival.count + 1, ahead = interval(), start;
		uint32_t ticks = timer_ticks(ahead);

		start = write_at(APIC_TMICT, ticks);
		wait_for(wait, next);
		note(start + ahead - tolerance(), next);
	}
}

/*
 * After a tick that came a whole period late nobody can tell which the next one is: it has merged
 * with the one before, waits behind it, or has come at its heels. Then the count starts anew.
 */
static bool merged(uint64_t due, uint64_t period, uint64_t expected)
{
	uint64_t late = arrival.tsc - due;

	if ((int64_t)late < (int64_t)period)
		return false;
	if (arrival.count - expected <= late / period)
		samples.extra -= arrival.count - expected;
	samples.merged += late / period;
	return true;
}

static void periods(enum wait wait)
{
	uint64_t period = bench.tsc_per_ms / 2;

	for (unsigned done = 0; row_goes_on(done);) {
		uint64_t due = write_at(APIC_TMICT, timer_ticks(period)) - tolerance();

		for (unsigned i = 0; i < REARM_EVERY && done < bench.n; i++) {
			uint64_t next = arrival.count + 1;

			due += period;
			wait_for(wait, next);
			note(due, next);
			done++;
			if (merged(due, period, next))
				break;
		}
		apic_write(APIC_TMICT, 0);
		let_come(&arrival, LET_COME);
	}
}

static const struct row {
	const char *name;
	void (*run)(enum wait wait);
	enum timer_mode mode;
	enum wait wait;
} rows[] = {
	{"timer_deadline_hlt", deadlines, TIMER_DEADLINE, HALTED},
	{"timer_deadline_cpl0", deadlines, TIMER_DEADLINE, CPL0},
	{"timer_deadline_cpl3", deadlines, TIMER_DEADLINE, CPL3},
	{"timer_oneshot_hlt", oneshots, TIMER_ONESHOT, HALTED},
	{"timer_oneshot_cpl0", oneshots, TIMER_ONESHOT, CPL0},
	{"timer_oneshot_cpl3", oneshots, TIMER_ONESHOT, CPL3},
	{"timer_periodic_hlt", periods, TIMER_PERIODIC, HALTED},
	{"timer_periodic_cpl0", periods, TIMER_PERIODIC, CPL0},
	{"timer_periodic_cpl3", periods, TIMER_PERIODIC, CPL3},
};

void timers_run(void)
{
	tables_load_tss(0);
	timer_learn();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].mode == TIMER_DEADLINE && !apic_has_deadline())
			continue;
		samples_clear(&samples);
		timer_mode(rows[i].mode);
		row_begin(rows[i].name);
		rows[i].run(rows[i].wait);
		samples_print(&samples, rows[i].name);
	}
}
