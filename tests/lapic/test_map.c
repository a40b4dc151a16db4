// SPDX-License-Identifier: BSD-2-Clause
/*
 * The map of a machine: its configuration, who joins, and what it publishes under its lock.
 * Not who receives a message: test_dest.c.
 */
#include "tests/lapic/rig.h"

#include <stdlib.h>

static struct lapic_map_config good(void)
{
	return (struct lapic_map_config){
		.size = sizeof(struct lapic_map_config), .max_lapics = 4, .max_id = 3};
}

static void lock_nothing(void *opaque)
{
	(void)opaque;
}

static uint64_t no_time(void *opaque)
{
	(void)opaque;
	return 0;
}

/* Callbacks that name the clocks alone. */
static const struct lapic_ops clocks = {.size = sizeof(clocks),
					.now_ns = no_time,
					.now_tsc = no_time};

static void assert_refused(const struct lapic_map_config *config)
{
	static _Alignas(64) uint8_t memory[65536];

	assert_int_equal(lapic_map_size(config), 0);
	assert_null(lapic_map_init(memory, sizeof(memory), config));
}

/* Rules: ICR-13 */
static void test_configurations_out_of_range(void **state)
{
	struct lapic_map_config c;

	(void)state;
	assert_refused(NULL);
	c = good();
	c.size--;
	assert_refused(&c);
	c = good();
	c.size = sizeof(c) + 8;
	assert_refused(&c);
	c = good();
	c.max_lapics = 0;
	assert_refused(&c);
	c = good();
	c.max_lapics = 65537;
	assert_refused(&c);
	c = good();
	c.max_id = 1048576;
	assert_refused(&c);
	c = good();
	c.max_id = 0xFFFFFFFF;
	assert_refused(&c);
	c = good();
	c.lock = lock_nothing; /* one without the other */
	assert_refused(&c);
	c = good();
	c.unlock = lock_nothing;
	assert_refused(&c);
	c = good();
	c.access_page = (void *)0x1008;
	assert_refused(&c);
	c = good();
	assert_true(lapic_map_size(&c) > 0);
	c.max_lapics = 65536;
	c.max_id = 1048575;
	assert_true(lapic_map_size(&c) > 0);
}

/* Rules: ICR-13 */
static void test_memory(void **state)
{
	struct lapic_map_config c = good();
	size_t bytes = lapic_map_size(&c);
	uint8_t *memory = malloc(bytes + 1);

	(void)state;
	assert_non_null(memory);
	assert_null(lapic_map_init(NULL, bytes, &c));
	assert_null(lapic_map_init(memory, bytes - 1, &c));
	assert_null(lapic_map_init(memory + 1, bytes, &c));
	assert_non_null(lapic_map_init(memory, bytes, &c));
	free(memory);
}

/* Rules: SAVE-3 */
static void test_the_shared_access_page(void **state)
{
	static _Alignas(4096) uint8_t page[4096];
	struct rig *r = rig_build(&(struct rig_plan){.count = 2, .access_page = page});

	(void)state;
	assert_ptr_equal(lapic_map_access_page(r->map), page);
	assert_null(lapic_map_access_page(rig_running(1)->map));
	/* It is the processors', never touched by the model. */
	rig_start(r->l[0]);
	put(r->l[0], APIC_TPR, 0x55);
	for (unsigned i = 0; i < sizeof(page); i++)
		assert_int_equal(page[i], 0);
	assert_true(lapic_page(r->l[0]) != lapic_page(r->l[1]));
	assert_true(lapic_page(r->l[0]) != page);
}

/* Rules: ICR-12, ICR-5 */
static void test_a_map_without_lapics(void **state)
{
	static const uint32_t dests[] = {0, 1, 0xFF, 0x100, 0xFFFFFFFF};
	struct lapic_map_config c = good();
	size_t bytes = lapic_map_size(&c);
	void *memory = malloc(bytes);
	struct lapic_map *map = lapic_map_init(memory, bytes, &c);

	(void)state;
	assert_non_null(map);
	assert_int_equal(lapic_map_count(map), 0);
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned kind = 0; kind < 16; kind++) {
			struct lapic_message message = {
				.dest = dests[i],
				.vector = 0x40,
				.mode = kind & 4 ? LAPIC_LOWEST : LAPIC_FIXED,
				.logical = (kind & 1) != 0,
				.dest32 = (kind & 2) != 0,
				.redirection_hint = (kind & 8) != 0,
			};

			assert_int_equal(lapic_map_send(map, &message), LAPIC_REFUSED);
			message.mode = LAPIC_NMI;
			assert_int_equal(lapic_map_send(map, &message), LAPIC_REFUSED);
		}
	}
	free(memory);
}

/* Rules: ICR-13, ICR-8 */
static void test_who_may_join(void **state)
{
	static _Alignas(4096) uint8_t page[4096];
	struct rig *r = rig_running(3);
	struct lapic_config config;
	struct lapic *l = NULL;
	void *memory = aligned_alloc(lapic_align(), lapic_size());

	(void)state;
	assert_non_null(memory);
	assert_int_equal(lapic_map_count(r->map), 3);
	lapic_config_intel(&config);
	config.initial_id = 7;
	assert_int_equal(lapic_init(memory, lapic_size(), page, &config, &clocks, NULL, r->map, &l),
			 LAPIC_INIT_MAP); /* full */
	assert_int_equal(lapic_init(memory, lapic_size(), page, &config, &clocks, NULL, NULL, &l),
			 LAPIC_INIT_MAP);
	assert_int_equal(lapic_map_count(r->map), 3);
	assert_null(l);
	free(memory);
}

/* Rules: ICR-8 */
static void test_initial_ids_are_unique_and_bounded(void **state)
{
	static _Alignas(4096) uint8_t pages[3][4096];
	struct lapic_map_config c = good();
	size_t bytes = lapic_map_size(&c);
	void *map_memory = malloc(bytes), *memory[3];
	struct lapic_map *map = lapic_map_init(map_memory, bytes, &c);
	struct lapic_config config;
	struct lapic *l[3] = {NULL};
	static const uint32_t ids[] = {3, 4, 3};
	static const enum lapic_init_error expected[] = {LAPIC_INIT_OK, LAPIC_INIT_MAP,
							 LAPIC_INIT_MAP};

	(void)state;
	lapic_config_intel(&config);
	for (unsigned i = 0; i < 3; i++) {
		memory[i] = aligned_alloc(lapic_align(), lapic_size());
		config.initial_id = ids[i];
		assert_int_equal(lapic_init(memory[i], lapic_size(), pages[i], &config, &clocks,
					    NULL, map, &l[i]),
				 expected[i]);
	}
	assert_int_equal(lapic_map_count(map), 1);
	assert_non_null(l[0]);
	assert_null(l[1]);
	assert_null(l[2]);
	for (unsigned i = 0; i < 3; i++)
		free(memory[i]);
	free(map_memory);
}

/* Rules: ICR-8, ACC-6, BASE-6 */
static void test_ids_change_under_the_lock(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	r->locked = 0;
	put(r->l[0], APIC_ID, 0x55000000);
	assert_int_equal(r->locked, 1);
	rig_x2apic(r->l[0]);
	assert_int_equal(r->locked, 2);
	rig_disable(r->l[0]);
	assert_int_equal(r->locked, 3);
	/* Sending takes none, nor does what an 8-bit sender cannot see. */
	send_ipi(r->l[1], 0xFF, 0x40);
	send_ipi(r->l[1], 0xFF, LOGICAL | 0x40);
	send_ipi(r->l[1], 0, TO_OTHERS | MODE(LAPIC_LOWEST) | 0x40);
	put(r->l[1], APIC_TPR, 0x40);
	assert_int_equal(r->locked, 3);
	assert_int_equal(r->lock_depth, 0);
}

/* Rules: ICR-9 */
static void test_last_winner_is_kept_within_the_map(void **state)
{
	struct rig *r = rig_running(3);

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		lapic_map_set_last_winner(r->map, i);
		assert_int_equal(lapic_map_last_winner(r->map), i);
	}
	lapic_map_set_last_winner(r->map, 0xFFFFFFFF);
	assert_true(lapic_map_last_winner(r->map) < 3);
}

/* Rules: ICR-13 */
static void test_a_map_of_small_ids_still_knows_all_8_bit_ones(void **state)
{
	struct rig *r = rig_build(&(struct rig_plan){.count = 2, .max_id = 1});

	(void)state;
	rig_start(r->l[0]);
	rig_start(r->l[1]);
	put(r->l[1], APIC_ID, 0xFE000000);
	send_ipi(r->l[0], 0xFE, 0x40);
	assert_int_equal(who_got(r, 0x40), 2);
	rig_x2apic(r->l[0]);
	send_ipi(r->l[0], 0xFE, 0x40);
	assert_int_equal(who_got(r, 0x40), 2);
	send_ipi(r->l[0], 0x100, 0x40);
	send_ipi(r->l[0], 0x80000000, 0x40);
	assert_int_equal(who_got(r, 0x40), 0);
}

/* Rules: ICR-13 */
static void test_a_map_without_a_lock(void **state)
{
	struct lapic_map_config c = good();
	size_t bytes = lapic_map_size(&c);
	static _Alignas(4096) uint8_t page[4096];
	void *map_memory = malloc(bytes), *memory = aligned_alloc(lapic_align(), lapic_size());
	struct lapic_map *map = lapic_map_init(map_memory, bytes, &c);
	uint8_t state_bytes[1024];
	struct lapic_config config;
	struct lapic *l;
	int inflight;

	(void)state;
	lapic_config_intel(&config);
	/* No callback but the clocks. */
	assert_int_equal(lapic_init(memory, lapic_size(), page, &config, &clocks, NULL, map, &l),
			 LAPIC_INIT_OK);
	put(l, APIC_SVR, 0x1FF);
	put(l, APIC_ID, 0x05000000);
	lapic_away(l);
	send_ipi(l, 5, 0x40);
	lapic_back(l);
	assert_serves(l, 0x40);
	lapic_post(l, LAPIC_FIXED, 0x41, true);
	assert_serves(l, 0x41);
	put(l, APIC_LVT_TIMER, 0x42);
	put(l, APIC_TMICT, 1000);
	put(l, APIC_TMICT, 0);
	put(l, APIC_TMICT, 1000);
	put(l, APIC_LVT_TIMER, MASKED | 0x42);
	lapic_save(l, state_bytes, sizeof(state_bytes), -1);
	set_msr(l, MSR_BASE, 0xFEE01000 | BASE_EN);
	assert_int_equal(lapic_restore(l, state_bytes, lapic_state_size(), &inflight),
			 LAPIC_STATE_OK);
	assert_true(lapic_claims(l, 0xFEE00000));
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_take_init(l);
	free(memory);
	free(map_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_configurations_out_of_range),
		rig_test(test_memory),
		rig_test(test_the_shared_access_page),
		rig_test(test_a_map_without_lapics),
		rig_test(test_who_may_join),
		rig_test(test_initial_ids_are_unique_and_bounded),
		rig_test(test_ids_change_under_the_lock),
		rig_test(test_last_winner_is_kept_within_the_map),
		rig_test(test_a_map_of_small_ids_still_knows_all_8_bit_ones),
		rig_test(test_a_map_without_a_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
