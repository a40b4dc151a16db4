// SPDX-License-Identifier: BSD-2-Clause
// When a machine counts as halted for ever: the order of falling asleep, kicks in flight, timers,
// input. Not the sleep itself.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "vmm/watch.h"

static struct kick kicks[4];
static struct watch watch;
static bool input_open;

static bool input(void *opaque)
{
	assert_ptr_equal(opaque, &input_open);
	return input_open;
}

static int setup(void **state)
{
	(void)state;
	memset(kicks, 0, sizeof(kicks));
	input_open = false;
	return watch_init(&watch, 3, input, &input_open) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	watch_destroy(&watch);
	return 0;
}

static bool falls_asleep(unsigned cpu, bool timed)
{
	return watch_sleep(&watch, cpu, &kicks[cpu], timed);
}

static void test_the_last_sleeper_finds_it_dead(void **state)
{
	(void)state;
	assert_false(falls_asleep(2, false));
	assert_false(watch_dead(&watch));
	assert_false(falls_asleep(0, false));
	assert_true(falls_asleep(1, false));
	assert_true(watch_dead(&watch));
	watch_wake(&watch, 0);
	assert_false(watch_dead(&watch));
	assert_true(falls_asleep(0, false));
}

static void test_a_timer_keeps_it_alive(void **state)
{
	(void)state;
	assert_false(falls_asleep(0, true));
	assert_false(falls_asleep(1, false));
	assert_false(falls_asleep(2, false));
	/* The timer has fired, and its vCPU sleeps again without one. */
	watch_wake(&watch, 0);
	assert_true(falls_asleep(0, false));
}

/* Rules: MP-5 */
static void test_a_kick_in_flight_keeps_it_alive(void **state)
{
	(void)state;
	assert_false(falls_asleep(0, false));
	assert_false(falls_asleep(1, false));
	/* CPU 2 has sent an IPI to CPU 0, which has not woken up yet, and falls asleep itself. */
	atomic_fetch_add(&kicks[0].count, 1);
	assert_false(falls_asleep(2, false));
	assert_false(watch_dead(&watch));
	watch_wake(&watch, 0);
	/* What it brought was nothing to wake for. */
	kicks[0].seen = kicks[0].count;
	assert_true(falls_asleep(0, false));
}

static void test_a_kick_before_the_sleep_counts_too(void **state)
{
	(void)state;
	assert_false(falls_asleep(0, false));
	assert_false(falls_asleep(1, false));
	atomic_fetch_add(&kicks[2].count, 1);
	assert_false(falls_asleep(2, false));
}

static void test_input_that_may_come_keeps_it_alive(void **state)
{
	(void)state;
	input_open = true;
	assert_false(falls_asleep(0, false));
	assert_false(falls_asleep(1, false));
	assert_false(falls_asleep(2, false));
	input_open = false;
	assert_true(watch_dead(&watch));
}

static void test_without_anything_to_ask_input_does_not_count(void **state)
{
	struct watch own;

	(void)state;
	assert_true(watch_init(&own, 1, NULL, NULL));
	assert_true(watch_sleep(&own, 0, &kicks[0], false));
	watch_destroy(&own);
}

/* ---------------------------------------------------------------- with real threads */

#define ROUNDS 5000

struct player {
	unsigned cpu;
	bool found_dead;
};

static atomic_uint token;

/* Two vCPUs wake each other in turn: at every moment one has a kick in flight or is awake. */
static void *play(void *opaque)
{
	struct player *player = opaque;
	struct kick *own = &kicks[player->cpu], *other = &kicks[!player->cpu];

	for (unsigned round = 0; round < ROUNDS && !player->found_dead; round++) {
		own->seen = atomic_load(&own->count);
		while (atomic_load(&token) % 2 != player->cpu && !player->found_dead) {
			own->seen = atomic_load(&own->count);
			if (atomic_load(&token) % 2 == player->cpu)
				break;
			player->found_dead = falls_asleep(player->cpu, false);
			watch_wake(&watch, player->cpu);
			sched_yield();
		}
		atomic_fetch_add(&token, 1);
		atomic_fetch_add(&other->count, 1);
	}
	return NULL;
}

static void test_players_that_wake_each_other_are_never_found_dead(void **state)
{
	struct player players[2] = {{.cpu = 0}, {.cpu = 1}};
	pthread_t threads[2];

	(void)state;
	atomic_store(&token, 0);
	watch_destroy(&watch);
	assert_true(watch_init(&watch, 2, NULL, NULL));
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, play, &players[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_false(players[0].found_dead);
	assert_false(players[1].found_dead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_last_sleeper_finds_it_dead, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_timer_keeps_it_alive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_kick_in_flight_keeps_it_alive, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_kick_before_the_sleep_counts_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_input_that_may_come_keeps_it_alive, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_without_anything_to_ask_input_does_not_count,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_players_that_wake_each_other_are_never_found_dead, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
