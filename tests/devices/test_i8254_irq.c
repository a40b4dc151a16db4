// SPDX-License-Identifier: BSD-2-Clause
// OUT0's line in time: when the timer wants to be woken, what it shows then, what it merges.
// Not what counters count: tests/devices/test_i8254.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/devices/i8254_rig.h"

#define START    77777777u
#define FLOOR_NS 100000u /* 119.3 clocks */

static void set_up(struct i8254_rig *rig)
{
	pit_set_up(rig, START, FLOOR_NS);
}

static void start(struct i8254_rig *rig, unsigned mode, unsigned count)
{
	pit_program(rig, 0, MODE(mode));
	pit_count(rig, 0, count);
}

/* The pulse that the timer wants to be woken at, from now. */
static uint64_t wanted(const struct i8254_rig *rig)
{
	uint64_t next = i8254_next(&rig->pit);

	for (uint64_t n = 0; n < 200000; n++) {
		if (pit_ns_of(rig->clock + n) == next)
			return n;
	}
	return next == UINT64_MAX ? next : 0;
}

static void tick_after(struct i8254_rig *rig, uint64_t pulses)
{
	pit_pass(rig, pulses);
	i8254_tick(&rig->pit);
}

static void mode_0_rises_once_and_stays(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 0, 1000);
	assert_int_equal(wanted(&rig), 1001);
	/* Early is harmless, and a look on the way does not move it. */
	tick_after(&rig, 1000);
	assert_recorded(&rig.log, "");
	assert_int_equal(wanted(&rig), 1);
	rig.ns = pit_ns_of(rig.clock + 1) - 1;
	i8254_tick(&rig.pit);
	assert_recorded(&rig.log, "");
	tick_after(&rig, 1);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_true(wanted(&rig) == UINT64_MAX);
	tick_after(&rig, 1 << 20);
	i8254_tick(&rig.pit);
	assert_recorded(&rig.log, "");
	/* The first byte of another count lowers it. */
	pit_out(&rig, CH0, 0);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_true(wanted(&rig) == UINT64_MAX);
	pit_out(&rig, CH0, 1);
	assert_int_equal(wanted(&rig), 257);
	assert_int_equal(pit_run(&rig, 1000), 1);
	assert_recorded(&rig.log, "irq0=1 ");
	/* And so does the control word. */
	pit_program(&rig, 0, MODE(0));
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(pit_run(&rig, 1000000), 0);
	assert_int_equal(rig.pit.merged, 0);
}

static void mode_1_has_no_gate_to_rise(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 1, 5);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(pit_run(&rig, 1000000), 0);
	start(&rig, 5, 5);
	assert_int_equal(pit_run(&rig, 1000000), 0);
	assert_recorded(&rig.log, "");
}

static void mode_2_is_one_wake_up_for_each_period(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 2, 1000);
	/* The control word makes OUT high. */
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(wanted(&rig), 1001);
	tick_after(&rig, 1001);
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
	assert_int_equal(wanted(&rig), 1000);
	/* Who looks into the low clock sees it, and the line with it. */
	pit_pass(&rig, 999);
	assert_false(pit_output(&rig, 0));
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(wanted(&rig), 1);
	tick_after(&rig, 1);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(pit_run(&rig, 5000), 5);
	assert_recorded(&rig.log, "irq0=0 irq0=1 irq0=0 irq0=1 irq0=0 irq0=1 irq0=0 irq0=1 "
				  "irq0=0 irq0=1 ");
	/* A new count is followed from the next rise on. */
	pit_count(&rig, 0, 2000);
	assert_int_equal(wanted(&rig), 1000);
	assert_int_equal(pit_run(&rig, 1000), 1);
	assert_int_equal(wanted(&rig), 2000);
	assert_int_equal(rig.pit.merged, 0);
}

static void mode_3_is_a_square_wave(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 3, 1001);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(wanted(&rig), 502);
	tick_after(&rig, 502);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(wanted(&rig), 500);
	tick_after(&rig, 500);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(wanted(&rig), 501);
	assert_int_equal(pit_run(&rig, 2002), 4);
	assert_recorded(&rig.log, "irq0=0 irq0=1 irq0=0 irq0=1 ");
	/* A new count within the low half is loaded when OUT rises. */
	assert_int_equal(pit_run(&rig, 600), 1);
	pit_count(&rig, 0, 400);
	assert_int_equal(wanted(&rig), 401);
	assert_int_equal(pit_run(&rig, 401), 1);
	assert_int_equal(wanted(&rig), 200);
	/* And within the high one when it falls. */
	pit_count(&rig, 0, 800);
	assert_int_equal(wanted(&rig), 200);
	assert_int_equal(pit_run(&rig, 200), 1);
	assert_int_equal(wanted(&rig), 400);
	assert_int_equal(rig.pit.merged, 0);
}

static void mode_4_is_one_shot(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 4, 15);
	assert_recorded(&rig.log, "irq0=1 ");
	/* 15 + 1 to the low clock, which ends one later. */
	assert_int_equal(wanted(&rig), 17);
	tick_after(&rig, 17);
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
	assert_true(wanted(&rig) == UINT64_MAX);
	/* No floor holds it back: each needs a count from the guest. */
	pit_count(&rig, 0, 1);
	assert_int_equal(wanted(&rig), 3);
	tick_after(&rig, 2);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(wanted(&rig), 1);
	/* In the low clock a new count is on its way: OUT rises when it is loaded. */
	pit_count(&rig, 0, 300);
	assert_int_equal(wanted(&rig), 1);
	assert_int_equal(pit_run(&rig, 1), 1);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(wanted(&rig), 301);
	/* Put off before it comes, as a scheduler's clock does. */
	pit_pass(&rig, 299);
	pit_count(&rig, 0, 500);
	assert_int_equal(wanted(&rig), 502);
	assert_int_equal(pit_run(&rig, 100000), 1);
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
	assert_int_equal(rig.pit.merged, 0);
}

static void late_ticks_merge_and_keep_the_phase(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 2, 1000);
	pit_pass(&rig, 1);
	assert_recorded(&rig.log, "irq0=1 ");
	tick_after(&rig, 7300);
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
	assert_int_equal(rig.pit.merged, 6);
	assert_int_equal(wanted(&rig), 700);
	/* An hour, of a million periods and more. */
	tick_after(&rig, 4295454000);
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
	assert_int_equal(rig.pit.merged, 6 + 4295453);
	assert_int_equal(wanted(&rig), 700);
	/* An access is as good as a tick, and finds OUT as it is. */
	pit_pass(&rig, 1700);
	assert_int_equal(pit_latched(&rig, 0), 1000);
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
	assert_int_equal(rig.pit.merged, 6 + 4295453 + 1);
	/* As a reset finds it, but for the sum. */
	i8254_reset(&rig.pit);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(rig.pit.merged, 6 + 4295453 + 1);
	assert_true(wanted(&rig) == UINT64_MAX);
	start(&rig, 2, 2);
	assert_int_equal(wanted(&rig), 3);
	assert_int_equal(pit_run(&rig, 3), 1);
	assert_recorded(&rig.log, "irq0=1 irq0=0 irq0=1 ");
	assert_int_equal(rig.pit.merged, 6 + 4295453 + 1);
}

static void late_ticks_of_a_square_wave_end_as_out_is(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 3, 1000);
	pit_pass(&rig, 1);
	/* Low, high, low; the line was high. */
	tick_after(&rig, 1600);
	assert_recorded(&rig.log, "irq0=1 irq0=0 irq0=1 irq0=0 ");
	assert_int_equal(rig.pit.merged, 0);
	/* High, low, high. */
	tick_after(&rig, 1500);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(rig.pit.merged, 1);
	assert_int_equal(wanted(&rig), 400);
	/* Only a fall. */
	tick_after(&rig, 450);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(wanted(&rig), 450);
	tick_after(&rig, 1000000000);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	assert_int_equal(rig.pit.merged, 1000000);
	assert_int_equal(wanted(&rig), 450);
}

/* A storm: wake-ups at the floor, and all the rest as it is without one. */
static void short_periods_are_followed_at_the_floor(void **state)
{
	static const unsigned modes[] = {2, 3};
	static const unsigned counts[] = {1, 2, 3, 7, 60, 119};

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		unsigned count = counts[i / 2], period = count < 2 ? 2 : count;
		unsigned step = (120 + period - 1) / period * period;
		struct i8254_rig rig;
		unsigned ticks;

		set_up(&rig);
		start(&rig, modes[i % 2], count);
		assert_recorded(&rig.log, "irq0=1 ");
		assert_int_equal(wanted(&rig), 1 + period);
		assert_int_equal(pit_run(&rig, 1 + period), 1);
		assert_recorded(&rig.log, "irq0=0 irq0=1 ");
		assert_int_equal(wanted(&rig), step);
		/* Looks at the count on the way are right, let no edge out, and put none off. */
		pit_pass(&rig, 1);
		if (modes[i % 2] == 2)
			assert_int_equal(pit_latched(&rig, 0), period - 1);
		assert_int_equal(wanted(&rig), step - 1);
		pit_pass(&rig, period);
		i8254_tick(&rig.pit);
		assert_recorded(&rig.log, "");
		assert_int_equal(wanted(&rig), step - 1 - period);
		assert_int_equal(pit_run(&rig, step - 1 - period), 1);
		assert_recorded(&rig.log, "irq0=0 irq0=1 ");
		assert_int_equal(rig.pit.merged, step / period - 1);

		ticks = pit_run(&rig, 1193182);
		assert_int_equal(ticks, 1193182 / step);
		assert_int_equal(rig.pit.merged, (ticks + 1ull) * (step / period - 1));
	}
}

static void periods_from_the_floor_on_are_followed(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 2, 120);
	assert_int_equal(pit_run(&rig, 1 + 120 * 1000), 1000);
	/* A tick that is late by nearly all of the period does not cost the next one. */
	tick_after(&rig, 239);
	assert_int_equal(wanted(&rig), 1);
	assert_int_equal(pit_run(&rig, 1), 1);
	assert_int_equal(rig.pit.merged, 0);
	start(&rig, 3, 120);
	assert_int_equal(pit_run(&rig, 1 + 120 * 1000), 2000);
	/* Nor does one that comes in the low half. */
	tick_after(&rig, 239);
	assert_int_equal(wanted(&rig), 1);
	assert_int_equal(pit_run(&rig, 1), 1);
	assert_int_equal(rig.pit.merged, 0);

	/* Without a floor all are. */
	pit_set_up(&rig, START, 0);
	start(&rig, 2, 2);
	assert_int_equal(pit_run(&rig, 2001), 1000);
	start(&rig, 3, 2);
	assert_int_equal(pit_run(&rig, 2001), 2000);
	assert_int_equal(rig.pit.merged, 0);

	/* A floor above all periods. */
	pit_set_up(&rig, START, UINT64_MAX);
	start(&rig, 2, 0);
	assert_int_equal(pit_run(&rig, 1 << 22), 1);
}

static void floor_and_changes_of_the_count(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	/* From a long period to a short one, within the square wave's low half. */
	start(&rig, 3, 1000);
	assert_int_equal(pit_run(&rig, 1 + 1000 + 600), 3);
	assert_recorded(&rig.log, "irq0=1 irq0=0 irq0=1 irq0=0 ");
	pit_count(&rig, 0, 4);
	assert_int_equal(wanted(&rig), 400);
	assert_int_equal(pit_run(&rig, 400), 1);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(wanted(&rig), 120);
	/* And back: what was held back goes into the next rise that is passed on. */
	pit_pass(&rig, 41);
	pit_count(&rig, 0, 1000);
	assert_recorded(&rig.log, "");
	assert_int_equal(wanted(&rig), 1);
	tick_after(&rig, 1);
	assert_recorded(&rig.log, "");
	assert_int_equal(wanted(&rig), 500);
	assert_int_equal(pit_run(&rig, 500), 1);
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
	assert_int_equal(rig.pit.merged, 10);
	assert_int_equal(wanted(&rig), 500);

	/* Another channel's mode is no matter. Another mode: they are gone, and counted. */
	pit_pass(&rig, 200);
	pit_program(&rig, 0, LSB | MODE(2));
	pit_out(&rig, CH0, 2);
	assert_int_equal(pit_run(&rig, 3), 1);
	pit_pass(&rig, 20);
	pit_program(&rig, 1, MODE(0));
	assert_int_equal(rig.pit.merged, 10);
	pit_program(&rig, 0, MODE(0));
	assert_recorded(&rig.log, "irq0=0 irq0=1 irq0=0 ");
	assert_int_equal(rig.pit.merged, 20);
	/* One-shots right after a storm know no floor. */
	pit_count(&rig, 0, 2);
	assert_int_equal(wanted(&rig), 3);
	assert_int_equal(pit_run(&rig, 3), 1);
	assert_recorded(&rig.log, "irq0=1 ");
	/* A count of another mode says nothing about the period to come. */
	pit_count(&rig, 0, 2);
	pit_program(&rig, 0, MODE(2));
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
}

/* The floor reckons from one-shots too, by when they came and not by when they were noticed. */
static void the_floor_after_a_one_shot(void **state)
{
	static const struct {
		unsigned mode, count, late, at;
	} rows[] = {{0, 10, 17, 11}, {0, 10, 11, 11}, {4, 10, 17, 12}, {4, 10, 12, 12}};
	struct i8254_rig rig;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(&rig);
		start(&rig, rows[i].mode, rows[i].count);
		tick_after(&rig, rows[i].late);
		start(&rig, 2, 2);
		assert_in_range(wanted(&rig), rows[i].at + 120 - rows[i].late,
				rows[i].at + 121 - rows[i].late);
		assert_int_equal(rig.pit.followed_from, START + rows[i].at + 120);
	}
	/* One that is seen strobing first. */
	set_up(&rig);
	start(&rig, 4, 10);
	tick_after(&rig, 11);
	tick_after(&rig, 5);
	assert_int_equal(rig.pit.followed_from, START + 12 + 120);
	/* And one that a new count ends. */
	set_up(&rig);
	start(&rig, 4, 10);
	tick_after(&rig, 11);
	pit_count(&rig, 0, 100);
	tick_after(&rig, 5);
	assert_int_equal(rig.pit.followed_from, START + 12 + 120);
}

static void nobody_need_be_connected(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	i8254_init(&rig.pit, rig.pit.ops, &rig, (struct irq_line){0}, FLOOR_NS);
	start(&rig, 2, 1000);
	assert_int_equal(pit_run(&rig, 10001), 10);
	assert_recorded(&rig.log, "");
	assert_true(rig.pit.irq_level);
}

/* The other channels wake nobody. */
static void only_channel_0_is_waited_for(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_gate(&rig, true);
	for (unsigned n = 1; n < 3; n++) {
		pit_program(&rig, n, MODE(2));
		pit_count(&rig, n, 100);
	}
	assert_int_equal(pit_run(&rig, 100000), 0);
	assert_recorded(&rig.log, "");
}

/* HZ=250 for ten minutes: each tick at the first nanosecond of its clock. */
static void periodic_ticks_do_not_drift(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	start(&rig, 2, 4773);
	for (unsigned n = 1; n <= 150000; n++) {
		rig.ns = i8254_next(&rig.pit);
		assert_int_equal(rig.ns, pit_ns_of(START + 1 + 4773ull * n));
		i8254_tick(&rig.pit);
		rig.log.used = 0;
	}
	assert_int_equal(rig.pit.merged, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_0_rises_once_and_stays),
		cmocka_unit_test(mode_1_has_no_gate_to_rise),
		cmocka_unit_test(mode_2_is_one_wake_up_for_each_period),
		cmocka_unit_test(mode_3_is_a_square_wave),
		cmocka_unit_test(mode_4_is_one_shot),
		cmocka_unit_test(late_ticks_merge_and_keep_the_phase),
		cmocka_unit_test(late_ticks_of_a_square_wave_end_as_out_is),
		cmocka_unit_test(short_periods_are_followed_at_the_floor),
		cmocka_unit_test(periods_from_the_floor_on_are_followed),
		cmocka_unit_test(floor_and_changes_of_the_count),
		cmocka_unit_test(the_floor_after_a_one_shot),
		cmocka_unit_test(nobody_need_be_connected),
		cmocka_unit_test(only_channel_0_is_waited_for),
		cmocka_unit_test(periodic_ticks_do_not_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
