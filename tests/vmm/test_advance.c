// SPDX-License-Identifier: BSD-2-Clause
// How early a CPU is woken: four of five wakes are in time, never earlier than the bound, never for
// what is near. No clock here.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "vmm/advance.h"

/* 1000 wakes that are 0.0 .. 19.9 us late, in an order that is not theirs. */
static uint64_t late(unsigned i)
{
	return i * 7919u % 1000 * 20;
}

static void test_four_of_five_are_in_time(void **state)
{
	struct advance advance = {.most_ns = 50000};
	unsigned in_time = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		advance_learn(&advance, late(i));
	assert_in_range(advance.ns, 13000, 19000);
	for (unsigned i = 0; i < 1000; i++) {
		in_time += late(i) <= advance.ns;
		advance_learn(&advance, late(i));
	}
	assert_in_range(in_time, 750, 850);
}

static void test_a_time_slice_counts_as_one_wake(void **state)
{
	struct advance advance = {.most_ns = 50000};

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		advance_learn(&advance, 5000);
	assert_in_range(advance.ns, 4000, 6500);
	advance_learn(&advance, 40000000);
	assert_in_range(advance.ns, 4000, 7500);
}

static void test_the_bound_holds_and_0_is_never(void **state)
{
	struct advance advance = {.most_ns = 50000}, off = {0};

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		advance_learn(&advance, UINT64_MAX);
		advance_learn(&off, UINT64_MAX);
		assert_true(advance.ns <= 50000);
		assert_int_equal(off.ns, 0);
	}
	assert_int_equal(advance.ns, 50000);
	for (unsigned i = 0; i < 1000; i++)
		advance_learn(&advance, 0);
	assert_int_equal(advance.ns, 0);
}

static void test_what_is_near_is_not_brought_forward(void **state)
{
	struct advance advance = {.ns = 10000, .most_ns = 50000};

	(void)state;
	assert_int_equal(advance_before(&advance, 1000000, 1020000), 10000);
	assert_int_equal(advance_before(&advance, 1000000, 1019999), 0);
	assert_int_equal(advance_before(&advance, 1000000, 1000000), 0);
	assert_int_equal(advance_before(&advance, 1000000, 0), 0);
	assert_int_equal(advance_before(&advance, 0, UINT64_MAX), 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_of_five_are_in_time),
		cmocka_unit_test(test_a_time_slice_counts_as_one_wake),
		cmocka_unit_test(test_the_bound_holds_and_0_is_never),
		cmocka_unit_test(test_what_is_near_is_not_brought_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
