// SPDX-License-Identifier: BSD-2-Clause
// Each mode of the 8254 pulse by pulse, as the data sheet's figures have them, on channel 2.
// Not the registers and ports around it: tests/devices/test_i8254.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/devices/i8254_rig.h"

#define START 1000003u

static void set_up(struct i8254_rig *rig)
{
	pit_set_up(rig, START, 0);
}

/* Lets pulses pass one by one: after each the count as expected, with OUT low where it is marked.
 */
#define LOW 0x10000u

static void expect(struct i8254_rig *rig, unsigned n, const uint32_t *counts, size_t pulses)
{
	for (size_t i = 0; i < pulses; i++) {
		pit_pass(rig, 1);
		assert_int_equal(pit_latched(rig, n) | (pit_output(rig, n) ? 0 : LOW), counts[i]);
	}
}

#define EXPECT(rig, n, ...)                                                                        \
 do {                                                                                              \
  const uint32_t counts[] = {__VA_ARGS__};                                                         \
  expect(rig, n, counts, sizeof(counts) / sizeof(counts[0]));                                      \
 } while (0)

static void mode_0_rises_n_plus_1_pulses_after_the_count(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_gate(&rig, true);
	pit_program(&rig, 2, MODE(0));
	assert_false(pit_output(&rig, 2));
	pit_pass(&rig, 100000);
	assert_false(pit_output(&rig, 2));
	pit_count(&rig, 2, 4);
	EXPECT(&rig, 2, 4 | LOW, 3 | LOW, 2 | LOW, 1 | LOW, 0, 0xFFFF, 0xFFFE);
	/* Once: OUT stays, however often it comes by 0. */
	pit_pass(&rig, 300000);
	assert_true(pit_output(&rig, 2));
	/* The first byte of a new count stops it and lowers OUT at once; the second starts it. */
	pit_out(&rig, CH2, 3);
	assert_false(pit_output(&rig, 2));
	pit_pass(&rig, 50);
	assert_int_equal(pit_latched(&rig, 2), (0xFFFE - 300000) & 0xFFFF);
	pit_out(&rig, CH2, 0);
	EXPECT(&rig, 2, 3 | LOW, 2 | LOW, 1 | LOW, 0);
	/* And while it counts down. */
	pit_count(&rig, 2, 9);
	EXPECT(&rig, 2, 9 | LOW, 8 | LOW);
	pit_count(&rig, 2, 2);
	EXPECT(&rig, 2, 2 | LOW, 1 | LOW, 0);
}

static void mode_0_gate_holds_the_count(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_program(&rig, 2, MODE(0));
	/* It is loaded without the gate, and then needs no pulse for that. */
	pit_count(&rig, 2, 2);
	EXPECT(&rig, 2, 2 | LOW, 2 | LOW, 2 | LOW);
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 1 | LOW);
	pit_gate(&rig, false);
	EXPECT(&rig, 2, 1 | LOW, 1 | LOW);
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 0);
	pit_gate(&rig, false);
	EXPECT(&rig, 2, 0);
}

static void mode_1_is_a_pulse_after_each_trigger(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_program(&rig, 2, MODE(1));
	assert_true(pit_output(&rig, 2));
	/* Without a count there is nothing to trigger. */
	pit_gate(&rig, true);
	pit_gate(&rig, false);
	pit_pass(&rig, 3);
	pit_count(&rig, 2, 3);
	pit_pass(&rig, 10);
	assert_true(pit_output(&rig, 2));
	pit_gate(&rig, true);
	assert_true(pit_output(&rig, 2));
	EXPECT(&rig, 2, 3 | LOW, 2 | LOW);
	pit_gate(&rig, false);
	EXPECT(&rig, 2, 1 | LOW, 0, 0xFFFF);
	/* Another, and again within it. A new count waits for the next trigger. */
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 3 | LOW, 2 | LOW);
	pit_count(&rig, 2, 2);
	EXPECT(&rig, 2, 1 | LOW);
	assert_int_equal(pit_status(&rig, 2) & NULL_COUNT, NULL_COUNT);
	pit_gate(&rig, false);
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 2 | LOW, 1 | LOW, 0);
	assert_int_equal(pit_status(&rig, 2) & NULL_COUNT, 0);
}

static void mode_2_is_low_for_the_last_pulse_of_each_period(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_gate(&rig, true);
	pit_program(&rig, 2, MODE(2));
	pit_count(&rig, 2, 3);
	EXPECT(&rig, 2, 3, 2, 1 | LOW, 3, 2, 1 | LOW, 3);
	/* A new count comes with the next reload. */
	pit_count(&rig, 2, 5);
	EXPECT(&rig, 2, 2, 1 | LOW, 5, 4, 3, 2, 1 | LOW, 5);
	/* The gate makes OUT high at once, holds the count, and reloads it when it rises. */
	EXPECT(&rig, 2, 4, 3, 2, 1 | LOW);
	pit_gate(&rig, false);
	assert_true(pit_output(&rig, 2));
	EXPECT(&rig, 2, 1, 1);
	pit_gate(&rig, true);
	assert_true(pit_output(&rig, 2));
	EXPECT(&rig, 2, 5, 4);
	pit_gate(&rig, false);
	pit_count(&rig, 2, 2);
	EXPECT(&rig, 2, 4);
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 2, 1 | LOW, 2, 1 | LOW);
}

static void mode_3_counts_by_two(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_gate(&rig, true);
	pit_program(&rig, 2, MODE(3));
	pit_count(&rig, 2, 4);
	EXPECT(&rig, 2, 4, 2, 4 | LOW, 2 | LOW, 4, 2, 4 | LOW, 2 | LOW, 4);
	/* Odd ones are high for one pulse more, which comes after the count has expired. A new
	 * count comes with the next half-cycle. */
	pit_count(&rig, 2, 5);
	EXPECT(&rig, 2, 2, 4 | LOW, 2 | LOW, 4, 2, 0, 4 | LOW, 2 | LOW, 4, 2, 0, 4 | LOW);
	pit_gate(&rig, false);
	assert_true(pit_output(&rig, 2));
	EXPECT(&rig, 2, 4, 4);
	pit_gate(&rig, true);
	assert_true(pit_output(&rig, 2));
	EXPECT(&rig, 2, 4, 2, 0, 4 | LOW, 2 | LOW, 4);
	/* From odd to even within the high half. */
	pit_count(&rig, 2, 2);
	EXPECT(&rig, 2, 2, 0, 2 | LOW, 2, 2 | LOW, 2);
	pit_count(&rig, 2, 3);
	EXPECT(&rig, 2, 2 | LOW, 2, 0, 2 | LOW, 2, 0, 2 | LOW);
	/* The largest count. */
	pit_program(&rig, 2, MODE(3));
	pit_count(&rig, 2, 0);
	EXPECT(&rig, 2, 0, 0xFFFE, 0xFFFC);
	pit_pass(&rig, 0x8000 - 3);
	EXPECT(&rig, 2, 0 | LOW, 0xFFFE | LOW);
}

static void mode_4_strobes_once(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_gate(&rig, true);
	pit_program(&rig, 2, MODE(4));
	pit_count(&rig, 2, 3);
	EXPECT(&rig, 2, 3, 2, 1, 0 | LOW, 0xFFFF, 0xFFFE);
	pit_pass(&rig, 0xFFFD);
	EXPECT(&rig, 2, 0, 0xFFFF);
	/* The first byte changes nothing, the second starts anew, also in the midst of it. */
	pit_count(&rig, 2, 4);
	EXPECT(&rig, 2, 4, 3);
	pit_out(&rig, CH2, 2);
	EXPECT(&rig, 2, 2);
	pit_out(&rig, CH2, 0);
	EXPECT(&rig, 2, 2, 1, 0 | LOW);
	pit_count(&rig, 2, 3);
	assert_false(pit_output(&rig, 2));
	EXPECT(&rig, 2, 3);
	/* The gate holds the count but not OUT. */
	pit_gate(&rig, false);
	EXPECT(&rig, 2, 3, 3);
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 2, 1, 0 | LOW);
	pit_gate(&rig, false);
	assert_false(pit_output(&rig, 2));
	assert_int_equal(i8254_counter_next_rise(&rig.pit.channels[2]), rig.clock + 1);
	EXPECT(&rig, 2, 0, 0);
	/* A control word ends the strobe at once. */
	pit_gate(&rig, true);
	pit_count(&rig, 2, 1);
	EXPECT(&rig, 2, 1, 0 | LOW);
	pit_program(&rig, 2, MODE(4));
	assert_true(pit_output(&rig, 2));
}

static void mode_5_strobes_after_each_trigger(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_gate(&rig, true);
	pit_program(&rig, 2, MODE(5));
	pit_count(&rig, 2, 3);
	pit_pass(&rig, 10);
	assert_int_equal(pit_status(&rig, 2), OUTPUT | NULL_COUNT | BOTH | MODE(5));
	pit_gate(&rig, false);
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 3, 2);
	pit_gate(&rig, false);
	EXPECT(&rig, 2, 1, 0 | LOW, 0xFFFF);
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 3, 2);
	pit_gate(&rig, false);
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 3, 2, 1, 0 | LOW);
	pit_count(&rig, 2, 1);
	EXPECT(&rig, 2, 0xFFFF);
	pit_gate(&rig, false);
	pit_gate(&rig, true);
	EXPECT(&rig, 2, 1, 0 | LOW, 0xFFFF);
}

static void modes_6_and_7_are_2_and_3(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_program(&rig, 1, MODE(6));
	pit_count(&rig, 1, 3);
	EXPECT(&rig, 1, 3, 2, 1 | LOW, 3, 2, 1 | LOW);
	/* As they were written. */
	assert_int_equal(pit_status(&rig, 1), BOTH | MODE(6));
	pit_program(&rig, 1, MODE(7));
	pit_count(&rig, 1, 4);
	EXPECT(&rig, 1, 4, 2, 4 | LOW, 2 | LOW);
	assert_int_equal(pit_status(&rig, 1), BOTH | MODE(7));
}

static void a_count_of_1_is_illegal_in_modes_2_and_3_and_taken_as_2(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_program(&rig, 1, MODE(2));
	pit_count(&rig, 1, 1);
	EXPECT(&rig, 1, 2, 1 | LOW, 2, 1 | LOW);
	pit_program(&rig, 1, MODE(3));
	pit_count(&rig, 1, 1);
	EXPECT(&rig, 1, 2, 2 | LOW, 2, 2 | LOW);
	pit_program(&rig, 1, MODE(4));
	pit_count(&rig, 1, 1);
	EXPECT(&rig, 1, 1, 0 | LOW, 0xFFFF);
}

static void bcd_counts_in_decades(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_gate(&rig, true);
	pit_program(&rig, 2, MODE(0) | BCD);
	pit_count(&rig, 2, 0x1001);
	EXPECT(&rig, 2, 0x1001 | LOW, 0x1000 | LOW, 0x0999 | LOW, 0x0998 | LOW);
	pit_pass(&rig, 997);
	EXPECT(&rig, 2, 0x0000, 0x9999, 0x9998);
	pit_program(&rig, 2, MODE(3) | BCD);
	pit_count(&rig, 2, 0x0011);
	EXPECT(&rig, 2, 0x10, 8, 6, 4, 2, 0, 0x10 | LOW, 8 | LOW, 6 | LOW, 4 | LOW, 2 | LOW, 0x10);
	/* 0 is 10000. */
	pit_program(&rig, 2, MODE(2) | BCD);
	pit_count(&rig, 2, 0);
	EXPECT(&rig, 2, 0x0000, 0x9999);
	pit_pass(&rig, 9997);
	EXPECT(&rig, 2, 0x0001 | LOW, 0x0000, 0x9999);
	/* A digit that is none weighs what it says. */
	pit_program(&rig, 2, MODE(2) | BCD);
	pit_count(&rig, 2, 0x001F);
	EXPECT(&rig, 2, 0x25, 0x24);
	pit_program(&rig, 2, MODE(0) | BCD);
	pit_count(&rig, 2, 0xFFFF);
	EXPECT(&rig, 2, 0x6665 | LOW);
	pit_pass(&rig, 16663);
	EXPECT(&rig, 2, 0x0001 | LOW, 0x0000, 0x9999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_0_rises_n_plus_1_pulses_after_the_count),
		cmocka_unit_test(mode_0_gate_holds_the_count),
		cmocka_unit_test(mode_1_is_a_pulse_after_each_trigger),
		cmocka_unit_test(mode_2_is_low_for_the_last_pulse_of_each_period),
		cmocka_unit_test(mode_3_counts_by_two),
		cmocka_unit_test(mode_4_strobes_once),
		cmocka_unit_test(mode_5_strobes_after_each_trigger),
		cmocka_unit_test(modes_6_and_7_are_2_and_3),
		cmocka_unit_test(a_count_of_1_is_illegal_in_modes_2_and_3_and_taken_as_2),
		cmocka_unit_test(bcd_counts_in_decades),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
