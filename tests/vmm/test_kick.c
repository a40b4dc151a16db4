// SPDX-License-Identifier: BSD-2-Clause
// No kick is lost: not before a turn, not between the look and KVM_RUN, not on the way to sleep.
// Not latency: bounds here are seconds.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/kick.h"

#define FAR UINT64_C(3600000000000)

static struct kvm_run run;
static struct kick kick;

static int setup(void **state)
{
	(void)state;
	memset(&run, 0, sizeof(run));
	return kick_install() && kick_join(&kick, &run) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	kick_leave(&kick);
	kick_uninstall();
	return 0;
}

static uint8_t immediate_exit(void)
{
	return ((volatile struct kvm_run *)&run)->immediate_exit;
}

static void test_a_kick_to_a_thread_that_is_not_asleep_is_a_signal(void **state)
{
	(void)state;
	kick_begin(&kick);
	assert_false(kick_came(&kick));
	assert_true(kick_send(&kick));
	assert_true(kick_came(&kick));
	assert_int_equal(immediate_exit(), 1);
	kick_begin(&kick);
	assert_false(kick_came(&kick));
	assert_int_equal(immediate_exit(), 0);
}

static void test_a_sleep_after_a_kick_does_not_happen(void **state)
{
	uint64_t start;

	(void)state;
	kick_begin(&kick);
	kick_send(&kick);
	start = kick_clock_ns();
	kick_sleep(&kick, start + FAR);
	assert_true(kick_clock_ns() - start < UINT64_C(5000000000));
}

static void test_a_thread_at_rest_is_kicked_without_a_signal(void **state)
{
	uint64_t start;

	(void)state;
	kick_begin(&kick);
	kick_rest(&kick);
	assert_false(kick_send(&kick));
	assert_true(kick_came(&kick));
	assert_int_equal(immediate_exit(), 0);
	/* On its way from looking out to sleep, too. */
	start = kick_clock_ns();
	kick_sleep(&kick, start + FAR);
	assert_false(kick_send(&kick));
	assert_int_equal(immediate_exit(), 0);
	kick_begin(&kick);
	assert_true(kick_send(&kick));
	assert_int_equal(immediate_exit(), 1);
}

static bool counts_down(const void *opaque)
{
	return --*(unsigned *)(uintptr_t)opaque > 0;
}

static bool always(const void *opaque)
{
	(void)opaque;
	return true;
}

static void *kick_later(void *opaque)
{
	(void)opaque;
	usleep(20000);
	return kick_send(&kick) ? &kick : NULL;
}

static void test_a_poll_ends_by_its_bound_its_reason_or_a_kick(void **state)
{
	uint64_t start = kick_clock_ns();
	unsigned left = 100;
	pthread_t thread;
	void *signalled;

	(void)state;
	kick_begin(&kick);
	kick_rest(&kick);
	assert_false(kick_poll(&kick, start + 3000000, always, NULL));
	assert_in_range(kick_clock_ns() - start, 3000000, UINT64_C(5000000000));
	assert_false(kick_poll(&kick, start + FAR, counts_down, &left));
	assert_int_equal(left, 0);
	assert_int_equal(pthread_create(&thread, NULL, kick_later, NULL), 0);
	assert_true(kick_poll(&kick, start + FAR, always, NULL));
	assert_int_equal(pthread_join(thread, &signalled), 0);
	assert_null(signalled);
	assert_int_equal(immediate_exit(), 0);
}

static void test_a_sleep_ends_at_its_moment(void **state)
{
	uint64_t start = kick_clock_ns();

	(void)state;
	kick_begin(&kick);
	while (kick_clock_ns() < start + 30000000)
		kick_sleep(&kick, start + 30000000);
	assert_true(kick_clock_ns() - start < UINT64_C(5000000000));
	/* A moment that is past already. */
	kick_sleep(&kick, 1);
	assert_true(kick_clock_ns() - start < UINT64_C(5000000000));
}

static void test_a_bound_sets_immediate_exit_once(void **state)
{
	uint64_t start = kick_clock_ns();

	(void)state;
	kick_begin(&kick);
	kick_after(&kick, 2000000);
	while (!immediate_exit() && kick_clock_ns() - start < UINT64_C(5000000000))
		usleep(100);
	assert_int_equal(immediate_exit(), 1);
	assert_true(kick_clock_ns() - start >= 2000000);
	/* It is no kick: nobody has left anything. */
	assert_false(kick_came(&kick));
	kick_begin(&kick);
	usleep(10000);
	assert_int_equal(immediate_exit(), 0);
}

static void test_a_bound_can_be_taken_back(void **state)
{
	(void)state;
	kick_begin(&kick);
	kick_after(&kick, 50000000);
	kick_after(&kick, 0);
	usleep(80000);
	assert_int_equal(immediate_exit(), 0);
}

static void test_a_thread_that_moves_is_kicked_where_it_is(void **state)
{
	static struct kvm_run other;

	(void)state;
	kick_begin(&kick);
	kick_move(&kick, &other);
	assert_true(kick_send(&kick));
	assert_int_equal(((volatile struct kvm_run *)&other)->immediate_exit, 1);
	assert_int_equal(immediate_exit(), 0);
	run.immediate_exit = 1;
	kick_begin(&kick);
	assert_int_equal(((volatile struct kvm_run *)&other)->immediate_exit, 0);
	assert_int_equal(immediate_exit(), 1);
	kick_move(&kick, &run);
	kick_begin(&kick);
	assert_int_equal(immediate_exit(), 0);
}

static bool wait_for_ring(uint64_t *at_ns)
{
	uint64_t start = kick_clock_ns();
	bool rang;

	while (!(rang = kick_rang(&kick, at_ns)) && kick_clock_ns() - start < UINT64_C(5000000000))
		usleep(100);
	return rang;
}

static void test_an_alarm_rings_once_and_at_its_moment(void **state)
{
	uint64_t at = kick_clock_ns() + 2000000, told = 0;

	(void)state;
	kick_begin(&kick);
	kick_at(&kick, at);
	/* The same again is no second one. */
	kick_at(&kick, at);
	assert_true(wait_for_ring(&told));
	assert_true(kick_clock_ns() >= at);
	assert_int_equal(told, at);
	assert_int_equal(immediate_exit(), 1);
	assert_false(kick_came(&kick));
	kick_begin(&kick);
	usleep(10000);
	assert_false(kick_rang(&kick, &told));
	assert_int_equal(immediate_exit(), 0);
	/* But it is, when it has rung. */
	kick_at(&kick, at);
	assert_true(wait_for_ring(&told));
	kick_begin(&kick);
}

static void test_an_alarm_can_be_put_off_and_taken_back(void **state)
{
	uint64_t told;

	(void)state;
	kick_begin(&kick);
	kick_at(&kick, kick_clock_ns() + 50000000);
	kick_at(&kick, kick_clock_ns() + FAR);
	usleep(80000);
	assert_false(kick_rang(&kick, &told));
	kick_at(&kick, kick_clock_ns() + 50000000);
	kick_at(&kick, 0);
	usleep(80000);
	assert_false(kick_rang(&kick, &told));
	assert_int_equal(immediate_exit(), 0);
}

static void test_neither_a_kick_nor_a_bound_is_the_alarm(void **state)
{
	uint64_t start = kick_clock_ns(), told;

	(void)state;
	kick_begin(&kick);
	kick_at(&kick, start + FAR);
	kick_send(&kick);
	kick_begin(&kick);
	kick_after(&kick, 2000000);
	while (!immediate_exit() && kick_clock_ns() - start < UINT64_C(5000000000))
		usleep(100);
	assert_false(kick_rang(&kick, &told));
	kick_after(&kick, 0);
	kick_at(&kick, 0);
	kick_begin(&kick);
}

static void test_other_signals_stay_away_until_the_thread_leaves(void **state)
{
	sigset_t mask;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_true(sigismember(&mask, SIGINT));
	assert_true(sigismember(&mask, SIGTERM));
	assert_false(sigismember(&mask, KICK_SIGNAL));
	assert_false(sigismember(&mask, SIGSEGV));
	kick_leave(&kick);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_false(sigismember(&mask, SIGINT));
	assert_true(kick_join(&kick, &run));
}

/* ---------------------------------------------------------------- two threads */

#define ROUNDS 20000u

static atomic_uint left_word, answered;

/* Leaves a word, then kicks; the next only after the answer. */
static void *kicker(void *opaque)
{
	(void)opaque;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		atomic_store(&left_word, i);
		kick_send(&kick);
		while (atomic_load(&answered) != i)
			sched_yield();
	}
	return NULL;
}

/* Rules: MP-5 */
static void test_every_word_is_found_though_the_owner_sleeps_for_ever(void **state)
{
	pthread_t thread;

	(void)state;
	atomic_store(&left_word, 0);
	atomic_store(&answered, 0);
	assert_int_equal(pthread_create(&thread, NULL, kicker, NULL), 0);
	while (atomic_load(&answered) != ROUNDS) {
		kick_begin(&kick);
		if (atomic_load(&left_word) != atomic_load(&answered))
			atomic_store(&answered, atomic_load(&left_word));
		else if (!kick_came(&kick))
			kick_sleep(&kick, UINT64_MAX);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* As KVM_RUN: returns only for immediate_exit. A lost kick would last 10 s, and is seen. */
static bool enter(void)
{
	uint64_t start = kick_clock_ns();

	while (!immediate_exit()) {
		if (kick_clock_ns() - start > UINT64_C(10000000000))
			return false;
		sched_yield();
	}
	return true;
}

/* Rules: MP-5 */
static void test_every_word_is_found_though_the_guest_never_exits(void **state)
{
	bool lost = false;
	pthread_t thread;

	(void)state;
	atomic_store(&left_word, 0);
	atomic_store(&answered, 0);
	assert_int_equal(pthread_create(&thread, NULL, kicker, NULL), 0);
	while (atomic_load(&answered) != ROUNDS && !lost) {
		kick_begin(&kick);
		if (atomic_load(&left_word) != atomic_load(&answered))
			atomic_store(&answered, atomic_load(&left_word));
		else if (!kick_came(&kick))
			lost = !enter();
	}
	assert_false(lost);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_kick_to_a_thread_that_is_not_asleep_is_a_signal),
		cmocka_unit_test(test_a_sleep_after_a_kick_does_not_happen),
		cmocka_unit_test(test_a_thread_at_rest_is_kicked_without_a_signal),
		cmocka_unit_test(test_a_poll_ends_by_its_bound_its_reason_or_a_kick),
		cmocka_unit_test(test_a_sleep_ends_at_its_moment),
		cmocka_unit_test(test_a_bound_sets_immediate_exit_once),
		cmocka_unit_test(test_a_bound_can_be_taken_back),
		cmocka_unit_test(test_a_thread_that_moves_is_kicked_where_it_is),
		cmocka_unit_test(test_an_alarm_rings_once_and_at_its_moment),
		cmocka_unit_test(test_an_alarm_can_be_put_off_and_taken_back),
		cmocka_unit_test(test_neither_a_kick_nor_a_bound_is_the_alarm),
		cmocka_unit_test(test_other_signals_stay_away_until_the_thread_leaves),
		cmocka_unit_test(test_every_word_is_found_though_the_owner_sleeps_for_ever),
		cmocka_unit_test(test_every_word_is_found_though_the_guest_never_exits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
