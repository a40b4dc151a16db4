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

static void test_a_thread_that_waits_for_a_core_polls_no_more(void **state)
{
	struct halt_poll poll = {.most_ns = 200000, .ns = 200000};
	uint64_t now = 5000000, waited = 0;

	(void)state;
	assert_true(halt_poll_wants_look(&poll, now));
	halt_poll_looked(&poll, now, waited);
	assert_true(halt_poll_on(&poll, now));
	assert_false(halt_poll_wants_look(&poll, now + 4000000));
	/* One part of ten is no reason, one of five is. */
	halt_poll_looked(&poll, now += 10000000, waited += 1000000);
	assert_true(halt_poll_on(&poll, now));
	halt_poll_looked(&poll, now += 10000000, waited += 2000000);
	assert_false(halt_poll_on(&poll, now + 49000000));
	assert_false(halt_poll_wants_look(&poll, now + 49000000));
	assert_true(halt_poll_on(&poll, now + 50000000));
	/* Each time longer, up to 2 s. */
	for (unsigned i = 0; i < 8; i++)
		halt_poll_looked(&poll, now += 3000000000, waited += 1000000000);
	assert_false(halt_poll_on(&poll, now + 1999000000));
	assert_true(halt_poll_on(&poll, now + 2000000000));
	/* All is well again. */
	for (unsigned i = 0; i < 8; i++)
		halt_poll_looked(&poll, now += 3000000000, waited);
	halt_poll_looked(&poll, now += 10000000, waited + 2000000);
	assert_true(halt_poll_on(&poll, now + 50000000));
	/* It is no idle CPU that looks. */
	poll.ns = 0;
	assert_false(halt_poll_wants_look(&poll, now + 3000000000));
	assert_false(halt_poll_on(&poll, now + 3000000000));
}

static void test_a_kernel_that_does_not_tell_is_not_polled_on(void **state)
{
	struct halt_poll poll = {.most_ns = 200000, .ns = 200000};

	(void)state;
	halt_poll_looked(&poll, 5000000, UINT64_MAX);
	assert_false(halt_poll_on(&poll, 5000000));
	halt_poll_looked(&poll, 6000000000, UINT64_MAX);
	assert_false(halt_poll_on(&poll, 6000000000));
}

static void test_what_a_kernel_tells(void **state)
{
	(void)state;
	assert_int_equal(halt_poll_waited_in("136744 3318415 2\n"), 3318415);
	assert_int_equal(halt_poll_waited_in("136744 0 2\n"), 0);
	assert_int_equal(halt_poll_waited_in("0 0 0\n"), UINT64_MAX);
	assert_int_equal(halt_poll_waited_in("136744"), UINT64_MAX);
	assert_int_equal(halt_poll_waited_in("none"), UINT64_MAX);
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
		cmocka_unit_test(test_a_thread_that_waits_for_a_core_polls_no_more),
		cmocka_unit_test(test_a_kernel_that_does_not_tell_is_not_polled_on),
		cmocka_unit_test(test_what_a_kernel_tells),
		cmocka_unit_test(test_nobody_polls_where_cores_are_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
