// SPDX-License-Identifier: BSD-2-Clause
// Mail from other threads, signals and the time limit reach the loop's calls.
// Not what is done about them.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "vmm/kick.h"
#include "vmm/loop.h"

static struct loop loop;
static unsigned mails, bits_seen, signals, timeouts;
static int last_signal;

static void on_mail(void *opaque, unsigned bits)
{
	assert_ptr_equal(opaque, &mails);
	mails++;
	bits_seen |= bits;
	if (bits & LOOP_ENDED)
		loop_break(&loop);
}

static void on_signal(void *opaque, int number)
{
	(void)opaque;
	signals++;
	last_signal = number;
	loop_break(&loop);
}

static void on_timeout(void *opaque)
{
	(void)opaque;
	timeouts++;
	loop_break(&loop);
}

static const struct loop_calls calls = {on_mail, on_signal, on_timeout};

static int setup(void **state)
{
	(void)state;
	mails = bits_seen = signals = timeouts = 0;
	return loop_open(&loop, &calls, &mails) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	loop_close(&loop);
	return 0;
}

static void test_bits_that_gather_come_as_one_mail(void **state)
{
	(void)state;
	loop_post(&loop, LOOP_OUTPUT);
	loop_post(&loop, LOOP_ROOM);
	loop_post(&loop, LOOP_OUTPUT);
	loop_once(&loop);
	assert_int_equal(mails, 1);
	assert_int_equal(bits_seen, LOOP_OUTPUT | LOOP_ROOM);
	loop_post(&loop, LOOP_ENDED);
	loop_run(&loop);
	assert_int_equal(mails, 2);
	assert_int_equal(bits_seen, LOOP_OUTPUT | LOOP_ROOM | LOOP_ENDED);
}

#define POSTS 20000u
static atomic_uint posted;

static void *post_many(void *opaque)
{
	(void)opaque;
	for (unsigned i = 0; i < POSTS; i++) {
		atomic_fetch_add(&posted, 1);
		loop_post(&loop, LOOP_OUTPUT);
		if (i % 64 == 0)
			sched_yield();
	}
	loop_post(&loop, LOOP_ENDED);
	return NULL;
}

static void test_no_mail_is_lost(void **state)
{
	pthread_t thread;

	(void)state;
	atomic_store(&posted, 0);
	assert_int_equal(pthread_create(&thread, NULL, post_many, NULL), 0);
	loop_run(&loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&posted), POSTS);
	assert_true(bits_seen & LOOP_OUTPUT);
}

static void test_signals_are_heard_only_while_listened_to(void **state)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGCONT};
	struct sigaction action;

	(void)state;
	sigaction(SIGTERM, NULL, &action);
	assert_true(action.sa_handler == SIG_DFL);
	assert_true(loop_listen(&loop));
	for (unsigned i = 0; i < 3; i++) {
		kill(getpid(), numbers[i]);
		loop_run(&loop);
		assert_int_equal(signals, i + 1);
		assert_int_equal(last_signal, numbers[i]);
	}
	loop_close(&loop);
	sigaction(SIGTERM, NULL, &action);
	assert_true(action.sa_handler == SIG_DFL);
	assert_true(loop_open(&loop, &calls, &mails));
}

static void test_the_limit_comes_once_and_can_be_moved(void **state)
{
	uint64_t start = kick_clock_ns();

	(void)state;
	assert_true(loop_limit(&loop, 3600000));
	assert_true(loop_limit(&loop, 20));
	loop_run(&loop);
	assert_int_equal(timeouts, 1);
	assert_true(kick_clock_ns() - start >= 19000000);
	assert_true(kick_clock_ns() - start < UINT64_C(10000000000));
	loop_post(&loop, LOOP_ENDED);
	loop_run(&loop);
	assert_int_equal(timeouts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bits_that_gather_come_as_one_mail, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_mail_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signals_are_heard_only_while_listened_to,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_limit_comes_once_and_can_be_moved, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
