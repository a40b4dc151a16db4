// SPDX-License-Identifier: BSD-2-Clause
// A poll that grows while it pays, is gone at once where it does not, and knows its bound.
// No clock and no thread: those are in test_vcpu.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sched.h>

#include "vmm/halt_poll.h"

static void test_it_grows_with_halts_that_it_would_have_met(void **state)
{
	static const uint64_t wanted[] = {10000, 20000, 40000, 80000, 80000, 80000};
	struct halt_poll poll = {.most_ns = 200000};

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		halt_poll_learn(&poll, 64000);
		assert_int_equal(poll.ns, wanted[i]);
	}
	halt_poll_learn(&poll, 90000);
	halt_poll_learn(&poll, 190000);
	assert_int_equal(poll.ns, 200000);
	halt_poll_learn(&poll, 1000);
	assert_int_equal(poll.ns, 200000);
}

static void test_one_long_halt_ends_it(void **state)
{
	struct halt_poll poll = {.most_ns = 200000, .ns = 200000};

	(void)state;
	halt_poll_learn(&poll, 200001);
	assert_int_equal(poll.ns, 0);
	halt_poll_learn(&poll, 10000000);
	assert_int_equal(poll.ns, 0);
}

static void test_off_is_off(void **state)
{
	struct halt_poll poll = {.most_ns = 0};

	(void)state;
	halt_poll_learn(&poll, 1);
	halt_poll_learn(&poll, 0);
	assert_int_equal(poll.ns, 0);
}

static void test_nobody_polls_where_cores_are_shared(void **state)
{
	cpu_set_t set;
	unsigned cores;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	cores = (unsigned)CPU_COUNT(&set);
	assert_int_equal(halt_poll_most_ns(200, cores), 200000);
	assert_int_equal(halt_poll_most_ns(200, cores + 1), 0);
	assert_int_equal(halt_poll_most_ns(0, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_grows_with_halts_that_it_would_have_met),
		cmocka_unit_test(test_one_long_halt_ends_it),
		cmocka_unit_test(test_off_is_off),
		cmocka_unit_test(test_nobody_polls_where_cores_are_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
