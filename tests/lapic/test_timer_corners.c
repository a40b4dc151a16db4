// SPDX-License-Identifier: BSD-2-Clause
/*
 * The timer at the very moments: read when it is due, rewritten while stretched, saved by a clock
 * that moves while it is read; and that the host hears of each change once.
 * Not the plain course of a count: test_timer.c.
 */
#include "tests/lapic/rig.h"

#include <stdlib.h>

#define VECTOR 0x40u

static struct lapic *counting(uint32_t lvt)
{
	struct lapic *l = rig_one();

	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, lvt);
	return l;
}

/* Rules: TMR-2, TMR-10 */
static void test_a_count_is_read_in_the_moment_of_its_end(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);

	(void)state;
	put(l, APIC_TMICT, 300000);
	rig_of(l)->ns += 300000;
	assert_int_equal(get(l, APIC_TMCCT), 300000);
	assert_serves(l, VECTOR);
}

/* Rules: TMR-9 */
static void test_writes_that_change_nothing_leave_a_stretched_period(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);
	uint64_t due;

	(void)state;
	put(l, APIC_TMICT, 1000);
	rig_sleep(rig_of(l), 1000);
	assert_serves(l, VECTOR);
	due = lapic_next_deadline(l).at;
	assert_true(due - rig_of(l)->ns >= 200000);
	put(l, APIC_DCR, DIVIDE_1);
	assert_true(lapic_next_deadline(l).at == due);
	put(l, APIC_LVT_TIMER, PERIODIC | (VECTOR + 1));
	assert_true(lapic_next_deadline(l).at == due);
	put(l, APIC_LVT_TIMER, MASKED | PERIODIC | VECTOR);
	put(l, APIC_LVT_TIMER, PERIODIC | VECTOR);
	assert_true(lapic_next_deadline(l).at == due);
}

/* Rules: TMR-8, TMR-9 */
static void test_a_period_of_just_the_floor_keeps_its_phase(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);
	uint64_t start = rig_of(l)->ns;

	(void)state;
	put(l, APIC_TMICT, 200000);
	rig_sleep(rig_of(l), 200005); /* a little late */
	assert_serves(l, VECTOR);
	assert_true(lapic_next_deadline(l).at == start + 400000);
}

/* Rules: TMR-2, TMR-10 */
static void test_the_host_hears_of_each_change_once(void **state)
{
	struct lapic *l = counting(VECTOR);
	struct rig_cpu *cpu = rig_cpu_of(l);

	(void)state;
	put(l, APIC_TMICT, 1000);
	cpu->deadline_changes = 0;
	rig_sleep(rig_of(l), 1000);
	assert_int_equal(cpu->deadline_changes, 1);
	assert_int_equal(cpu->deadline.clock, LAPIC_CLOCK_NONE);
	/* A count that is replaced when it is due already. */
	put(l, APIC_TMICT, 1000);
	rig_of(l)->ns += 1000;
	cpu->deadline_changes = 0;
	put(l, APIC_TMICT, 5000);
	assert_int_equal(cpu->deadline_changes, 1);
	lapic_tick(l);
	put(l, APIC_DCR, DIVIDE_1);
	assert_int_equal(cpu->deadline_changes, 1);
}

/* A clock that goes on by a nanosecond with each look at it. */
static uint64_t restless;

static uint64_t next_moment(void *opaque)
{
	(void)opaque;
	return restless++;
}

/* Rules: SAVE-1, TMR-10 */
static void test_a_save_by_a_restless_clock(void **state)
{
	static _Alignas(4096) uint8_t page[4096];
	static const struct lapic_ops ops = {
		.size = sizeof(ops), .now_ns = next_moment, .now_tsc = next_moment};
	struct lapic_map_config c = {.size = sizeof(c), .max_lapics = 1};
	size_t bytes = lapic_map_size(&c);
	void *map_memory = malloc(bytes), *memory = aligned_alloc(lapic_align(), lapic_size());
	struct lapic_config config;
	struct lapic *l;

	(void)state;
	lapic_config_intel(&config);
	assert_int_equal(lapic_init(memory, lapic_size(), page, &config, &ops, NULL,
				    lapic_map_init(map_memory, bytes, &c), &l),
			 LAPIC_INIT_OK);
	put(l, APIC_SVR, 0x1FF);
	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, VECTOR);
	/* Wherever the end of the count falls among the looks, the state is one that can be. */
	for (uint32_t count = 1; count < 40; count++) {
		uint8_t saved[1024];
		int inflight;

		put(l, APIC_TMICT, count);
		assert_int_equal(lapic_save(l, saved, sizeof(saved), -1), lapic_state_size());
		assert_int_equal(lapic_restore(l, saved, lapic_state_size(), &inflight),
				 LAPIC_STATE_OK);
		restless += 100;
		lapic_tick(l);
		assert_int_equal(lapic_pending(l), LAPIC_PENDING_INTR);
		assert_int_equal(lapic_ack(l), VECTOR);
		eoi(l);
		assert_nothing(l);
	}
	free(memory);
	free(map_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_a_count_is_read_in_the_moment_of_its_end),
		rig_test(test_writes_that_change_nothing_leave_a_stretched_period),
		rig_test(test_a_period_of_just_the_floor_keeps_its_phase),
		rig_test(test_the_host_hears_of_each_change_once),
		rig_test(test_a_save_by_a_restless_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
