// SPDX-License-Identifier: BSD-2-Clause
// Threads that stand still: all of them, for as long as they are wanted, again and again.
// No vCPU: plain threads that count.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <unistd.h>

#include "vmm/pause.h"

#define THREADS 4u
#define ROUNDS  300u

static struct pause gate;
static atomic_bool end;
static atomic_uint calls;
/* Plain on purpose: while all stand they are the main thread's. */
static unsigned long counts[THREADS];

static void on_all(void *opaque)
{
	assert_ptr_equal(opaque, &gate);
	atomic_fetch_add(&calls, 1);
}

static void *count(void *opaque)
{
	unsigned long *mine = opaque;

	while (!atomic_load(&end)) {
		if (pause_wanted(&gate))
			pause_stand(&gate, NULL);
		++*mine;
	}
	return NULL;
}

static void await_all(void)
{
	for (int i = 0; i < 200000 && !pause_all(&gate); i++)
		usleep(100);
	assert_true(pause_all(&gate));
}

static void test_all_stand_while_wanted(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	pause_init(&gate, THREADS, on_all, &gate);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, &counts[i]), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned long before[THREADS];

		pause_begin(&gate);
		await_all();
		for (unsigned i = 0; i < THREADS; i++)
			before[i] = counts[i];
		if (round % 10 == 0)
			usleep(500);
		for (unsigned i = 0; i < THREADS; i++) {
			assert_int_equal(counts[i], before[i]);
			counts[i] = 0;
		}
		pause_end(&gate);
		assert_false(pause_all(&gate));
		/* At once again, before all have woken: they stand on. */
	}
	assert_true(atomic_load(&calls) > 0);
	atomic_store(&end, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pause_destroy(&gate);
}

static void test_the_last_one_tells(void **state)
{
	pthread_t threads[2];

	(void)state;
	atomic_store(&end, false);
	atomic_store(&calls, 0);
	pause_init(&gate, 2, on_all, &gate);
	pause_begin(&gate);
	assert_int_equal(pthread_create(&threads[0], NULL, count, &counts[0]), 0);
	usleep(20000);
	assert_int_equal(atomic_load(&calls), 0);
	assert_false(pause_all(&gate));
	assert_int_equal(pthread_create(&threads[1], NULL, count, &counts[1]), 0);
	await_all();
	for (int i = 0; i < 20000 && !atomic_load(&calls); i++)
		usleep(100);
	assert_int_equal(atomic_load(&calls), 1);
	atomic_store(&end, true);
	pause_end(&gate);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	pause_destroy(&gate);
}

static void test_nobody_asked_nobody_stands(void **state)
{
	(void)state;
	pause_init(&gate, 1, NULL, NULL);
	assert_false(pause_wanted(&gate));
	assert_false(pause_all(&gate));
	/* It was over before the thread came. */
	pause_begin(&gate);
	assert_true(pause_wanted(&gate));
	pause_end(&gate);
	pause_stand(&gate, NULL);
	assert_false(pause_all(&gate));
	pause_destroy(&gate);
}

/* ---------------------------------------------------------------- work */

static struct done {
	pthread_t by;
	unsigned long jobs, *thread;
} done[THREADS];
static atomic_uint working, most;

static void job(void *thread, void *opaque)
{
	unsigned long *mine = thread;
	struct done *d = &done[mine - counts];
	unsigned now = atomic_fetch_add(&working, 1) + 1;

	assert_ptr_equal(opaque, done);
	d->by = pthread_self();
	d->thread = mine;
	d->jobs++;
	if (now > atomic_load(&most))
		atomic_store(&most, now);
	/* The others are at it too, or will be: a barrier that one alone would not pass. */
	for (int i = 0; i < 200000 && atomic_load(&most) < THREADS; i++)
		usleep(10);
	atomic_fetch_sub(&working, 1);
}

static void *stand_and_work(void *opaque)
{
	while (!atomic_load(&end))
		if (pause_wanted(&gate))
			pause_stand(&gate, opaque);
		else
			usleep(10);
	return NULL;
}

static void test_each_thread_does_each_job_once_itself(void **state)
{
	pthread_t threads[THREADS];
	unsigned long jobs = 0;

	(void)state;
	atomic_store(&end, false);
	pause_init(&gate, THREADS, NULL, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, stand_and_work, &counts[i]), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		pause_begin(&gate);
		await_all();
		for (unsigned k = 0; k < round % 4; k++) {
			atomic_store(&most, 0);
			pause_work(&gate, job, done);
			jobs++;
			/* It has come back: nobody is at it, and all have been. */
			assert_int_equal(atomic_load(&working), 0);
			for (unsigned i = 0; i < THREADS; i++) {
				assert_int_equal(done[i].jobs, jobs);
				assert_ptr_equal(done[i].thread, &counts[i]);
				assert_true(pthread_equal(done[i].by, threads[i]));
			}
			assert_true(pause_all(&gate));
		}
		pause_end(&gate);
	}
	atomic_store(&end, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pause_destroy(&gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_stand_while_wanted),
		cmocka_unit_test(test_the_last_one_tells),
		cmocka_unit_test(test_nobody_asked_nobody_stands),
		cmocka_unit_test(test_each_thread_does_each_job_once_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
