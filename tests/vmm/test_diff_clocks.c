// SPDX-License-Identifier: BSD-2-Clause
// Intervals of two timers' times: what they allow, and what they do not.
// Not the timers: every time here is a number.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vmm/diff/clocks.h"

#define REG_TMICT 0x38u
#define REG_DCR   0x3Eu
#define REG_LVT   0x32u

static struct clocks_timer one_shot(void)
{
	return (struct clocks_timer){
		.runs = true, .expiry = 1000000, .tmict = 900000, .early = 50, .late = 20};
}

static void test_the_interval_is_that_of_the_readings(void **state)
{
	struct clocks_timer t = one_shot();
	struct clocks_count may = clocks_counts(&t, 400000, 400300);

	(void)state;
	/* From the earliest end at the last reading to the latest end at the first; two ticks of
	 * rounding. */
	assert_int_equal(may.least, 1000000 - 50 - 400300 - 2);
	assert_int_equal(may.most, 1000000 + 20 - 400000 + 2);
	t.shift = 3;
	may = clocks_counts(&t, 400000, 400300);
	assert_int_equal(may.least, ((1000000 - 50 - 400300) >> 3) - 2);
	assert_int_equal(may.most, ((1000000 + 20 - 400000) >> 3) + 2);
}

static void test_no_count_is_beyond_its_ends(void **state)
{
	struct clocks_timer t = one_shot();
	struct clocks_count may = clocks_counts(&t, 2000000, 2000100);

	(void)state;
	assert_int_equal(may.least, 0);
	assert_int_equal(may.most, 2);
	may = clocks_counts(&t, 0, 10);
	assert_int_equal(may.most, 900000);
	assert_int_equal(may.least, 900000);
	t.runs = false;
	may = clocks_counts(&t, 400000, 400300);
	assert_int_equal(may.most, 0);
	/* A deadline has no count. */
	t = one_shot();
	t.tmict = 0;
	may = clocks_counts(&t, 400000, 400300);
	assert_int_equal(may.most, 0);
}

static void test_a_new_count_forgets_what_was(void **state)
{
	struct clocks_timer before = one_shot(), t = before;

	(void)state;
	clocks_written(&t, REG_TMICT, 5000, 5700, &before);
	assert_int_equal(t.early, 700);
	assert_int_equal(t.late, 0);
	clocks_written(&t, REG_LVT, 6000, 9000, &before);
	assert_int_equal(t.early, 700);
}

/* The rest of a count goes on at the new rate, and so does what is not known of it. */
static void test_a_new_divisor_stretches_what_is_not_known(void **state)
{
	struct clocks_timer before = one_shot(), t = before;

	(void)state;
	t.shift = 4;
	clocks_written(&t, REG_DCR, 5000, 5100, &before);
	assert_int_equal(t.early, (50 << 4) + (100 << 4) - 100 + 16);
	assert_int_equal(t.late, (20 << 4) + (100 << 4) - 100 + 16);
	before = t;
	t.shift = 0;
	clocks_written(&t, REG_DCR, 6000, 6016, &before);
	assert_int_equal(t.early, (before.early >> 4) + 15 + 1);
	t.runs = false;
	before = t;
	clocks_written(&t, REG_DCR, 7000, 9000, &before);
	assert_int_equal(t.early, before.early);
}

static void test_a_fast_one_that_nobody_follows_may_stand_anywhere_in_its_period(void **state)
{
	struct clocks_timer t = one_shot();
	struct clocks_count may;

	(void)state;
	t.periodic = t.again = true;
	t.tmict = 300000;
	may = clocks_counts(&t, 5, 6);
	assert_int_equal(may.least, 0);
	assert_int_equal(may.most, 300000);
	/* The floor of 200 us stretches it. */
	t.tmict = 1000;
	may = clocks_counts(&t, 5, 6);
	assert_int_equal(may.most, 200000);
	clocks_written(&t, REG_TMICT, 5, 6, &t);
	assert_false(t.again);
}

static void test_a_periodic_one_runs_out_again_and_again(void **state)
{
	struct clocks_timer t = {.runs = true, .expiry = 10000, .tmict = 500, .shift = 3};

	(void)state;
	assert_int_equal(clocks_expiry(&t, 9999), 0);
	assert_int_equal(clocks_expiry(&t, 10000), 10000);
	assert_int_equal(clocks_expiry(&t, 50000), 10000);
	t.periodic = true;
	assert_int_equal(clocks_expiry(&t, 13999), 10000);
	assert_int_equal(clocks_expiry(&t, 14000), 14000);
	assert_int_equal(clocks_expiry(&t, 23000), 22000);
	assert_int_equal(clocks_expiry(&t, 9999), 0);
	t.runs = false;
	assert_int_equal(clocks_expiry(&t, 23000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_interval_is_that_of_the_readings),
		cmocka_unit_test(test_no_count_is_beyond_its_ends),
		cmocka_unit_test(test_a_new_count_forgets_what_was),
		cmocka_unit_test(test_a_new_divisor_stretches_what_is_not_known),
		cmocka_unit_test(
			test_a_fast_one_that_nobody_follows_may_stand_anywhere_in_its_period),
		cmocka_unit_test(test_a_periodic_one_runs_out_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
