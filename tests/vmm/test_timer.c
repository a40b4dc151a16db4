// SPDX-License-Identifier: BSD-2-Clause
// A vCPU's timerfd and the loop: it rings once for what it is set to, and is set again only where
// needed. Not the LAPIC timer.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <event2/event.h>
#include <unistd.h>

#include "vmm/kick.h"
#include "vmm/timer.h"

static struct event_base *base;
static struct timer timer;
static unsigned rang;

static void ring(void *opaque)
{
	assert_ptr_equal(opaque, &rang);
	rang++;
}

static int setup(void **state)
{
	(void)state;
	rang = 0;
	base = event_base_new();
	return timer_open(&timer, base, ring, &rang);
}

static int teardown(void **state)
{
	(void)state;
	timer_close(&timer);
	event_base_free(base);
	return 0;
}

/* Answers events until it has rung, or for at most 5 s; then a little longer. */
static void wait_for_ring(void)
{
	uint64_t start = kick_clock_ns();

	while (!rang && kick_clock_ns() - start < UINT64_C(5000000000)) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(200);
	}
	usleep(5000);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void test_it_rings_once_and_not_early(void **state)
{
	uint64_t at = kick_clock_ns() + 20000000;

	(void)state;
	timer_set(&timer, at);
	assert_false(timer_spent(&timer));
	wait_for_ring();
	assert_true(kick_clock_ns() >= at);
	assert_int_equal(rang, 1);
	assert_true(timer_spent(&timer));
}

static void test_a_past_moment_rings_at_once(void **state)
{
	(void)state;
	timer_set(&timer, 1);
	wait_for_ring();
	assert_int_equal(rang, 1);
}

static void test_nothing_rings_that_was_taken_back(void **state)
{
	(void)state;
	timer_set(&timer, kick_clock_ns() + 10000000);
	timer_set(&timer, 0);
	usleep(30000);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(rang, 0);
	assert_false(timer_spent(&timer));
}

static void test_the_same_moment_again_rings_again_once_it_has_rung(void **state)
{
	(void)state;
	timer_set(&timer, 1);
	wait_for_ring();
	timer_set(&timer, 1);
	assert_false(timer_spent(&timer));
	rang = 0;
	wait_for_ring();
	assert_int_equal(rang, 1);
}

static void test_a_moment_further_than_anybody_lives(void **state)
{
	(void)state;
	timer_set(&timer, UINT64_MAX - 1);
	usleep(1000);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(rang, 0);
}

static void test_a_zeroed_timer_can_be_closed(void **state)
{
	struct timer none = {0};

	(void)state;
	timer_close(&none);
	/* It was not mistaken for descriptor 0. */
	assert_int_equal(dup2(0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_it_rings_once_and_not_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_past_moment_rings_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_rings_that_was_taken_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_the_same_moment_again_rings_again_once_it_has_rung, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_moment_further_than_anybody_lives, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_zeroed_timer_can_be_closed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
