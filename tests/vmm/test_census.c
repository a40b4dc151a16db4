// SPDX-License-Identifier: BSD-2-Clause
// All vCPUs stop, then all speak: when the answer is yes, and what calls it off.
// Not what a vCPU finds out about itself.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "vmm/census.h"

#define CPUS  4u
#define A_BIT UINT64_C(20000000)

static struct census census;

struct cpu {
	pthread_t thread;
	bool asleep, comes;
	bool stopped, all; /* what it was told */
	unsigned seen;     /* how many were stopped when it spoke */
};

static struct cpu cpus[CPUS];
static atomic_uint stopped;

static void *take_part(void *opaque)
{
	struct cpu *cpu = opaque;
	unsigned round;

	atomic_fetch_add(&stopped, 1);
	cpu->stopped = census_stop(&census, &round);
	cpu->seen = atomic_load(&stopped);
	if (cpu->stopped)
		cpu->all = census_say(&census, round, cpu->asleep);
	return NULL;
}

static void hold(void)
{
	atomic_store(&stopped, 0);
	for (unsigned i = 0; i < CPUS; i++)
		if (cpus[i].comes)
			pthread_create(&cpus[i].thread, NULL, take_part, &cpus[i]);
	for (unsigned i = 0; i < CPUS; i++)
		if (cpus[i].comes)
			pthread_join(cpus[i].thread, NULL);
}

static unsigned told_all(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CPUS; i++)
		count += cpus[i].all;
	return count;
}

static int setup(void **state)
{
	(void)state;
	census_init(&census, CPUS);
	for (unsigned i = 0; i < CPUS; i++)
		cpus[i] = (struct cpu){.asleep = true, .comes = true};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	census_destroy(&census);
	return 0;
}

static void test_when_all_sleep_one_of_them_is_told(void **state)
{
	(void)state;
	census.patience_ns *= 100;
	assert_false(census_wanted(&census));
	assert_true(census_call(&census));
	assert_true(census_wanted(&census));
	hold();
	assert_int_equal(told_all(), 1);
	assert_false(census_wanted(&census));
	for (unsigned i = 0; i < CPUS; i++) {
		assert_true(cpus[i].stopped);
		assert_int_equal(cpus[i].seen, CPUS);
	}
}

static void test_one_that_is_awake_calls_it_off(void **state)
{
	(void)state;
	census.patience_ns *= 100;
	for (unsigned awake = 0; awake < CPUS; awake++) {
		for (unsigned i = 0; i < CPUS; i++)
			cpus[i].asleep = i != awake;
		assert_true(census_call(&census));
		hold();
		assert_int_equal(told_all(), 0);
		assert_false(census_wanted(&census));
	}
}

static void test_nobody_waits_for_ever_for_one_that_does_not_come(void **state)
{
	(void)state;
	census.patience_ns = A_BIT;
	cpus[2].comes = false;
	assert_true(census_call(&census));
	hold();
	assert_int_equal(told_all(), 0);
	assert_false(cpus[0].stopped || cpus[1].stopped || cpus[3].stopped);
	assert_false(census_wanted(&census));
}

static void test_only_one_at_a_time(void **state)
{
	unsigned round;

	(void)state;
	census.patience_ns = A_BIT;
	assert_false(census_stop(&census, &round));
	assert_true(census_call(&census));
	assert_false(census_call(&census));
	/* It comes alone, and it is over. */
	assert_false(census_stop(&census, &round));
	assert_true(census_call(&census));
}

/* What was found out in one round is no answer in the next. */
static void test_a_late_word_counts_for_nothing(void **state)
{
	unsigned round, next;

	(void)state;
	census_destroy(&census);
	census_init(&census, 1);
	assert_true(census_call(&census));
	assert_true(census_stop(&census, &round));
	assert_false(census_say(&census, round, false));
	assert_true(census_call(&census));
	assert_false(census_say(&census, round, true));
	assert_true(census_wanted(&census));
	assert_true(census_stop(&census, &next));
	assert_true(census_say(&census, next, true));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---------------------------------------------------------------- called off */

static void *call_off(void *opaque)
{
	(void)opaque;
	while (!atomic_load(&stopped))
		usleep(1000);
	usleep(10000);
	census_off(&census);
	return NULL;
}

static void test_one_that_is_called_off_holds_nobody(void **state)
{
	pthread_t thread;

	(void)state;
	census.patience_ns = UINT64_C(3600000000000);
	assert_true(census_call(&census));
	/* One does not come. */
	cpus[2].comes = false;
	pthread_create(&thread, NULL, call_off, NULL);
	hold();
	pthread_join(thread, NULL);
	assert_int_equal(told_all(), 0);
	assert_false(cpus[0].stopped);
	assert_false(census_wanted(&census));
	/* None is under way: nothing happens, and the next one is whole. */
	census_off(&census);
	cpus[2].comes = true;
	assert_true(census_call(&census));
	hold();
	assert_int_equal(told_all(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_when_all_sleep_one_of_them_is_told),
		TEST(test_one_that_is_awake_calls_it_off),
		TEST(test_nobody_waits_for_ever_for_one_that_does_not_come),
		TEST(test_only_one_at_a_time),
		TEST(test_a_late_word_counts_for_nothing),
		cmocka_unit_test_setup_teardown(test_one_that_is_called_off_holds_nobody, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("census", tests, NULL, NULL);
}
