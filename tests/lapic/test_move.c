// SPDX-License-Identifier: BSD-2-Clause
/*
 * The map while LAPICs join, change their IDs and modes, INIT and are disabled: senders find them
 * at every stage. Not matching itself: test_dest.c; nor the map's configuration: test_map.c.
 */
#include "tests/lapic/rig.h"

#include <stdlib.h>

#define V 0x40u

static uint64_t no_time(void *opaque)
{
	(void)opaque;
	return 0;
}

static const struct lapic_ops clocks = {.size = sizeof(clocks),
					.now_ns = no_time,
					.now_tsc = no_time};

/* A cluster message from LAPIC 0, in x2APIC mode, finds LAPIC 1 by its LDR, in xAPIC mode. */
static void assert_mixed(struct rig *r)
{
	assert_int_equal(get(r->l[1], APIC_LDR), 0x20000000);
	send_ipi(r->l[0], 0x20, LOGICAL | V);
	assert_int_equal(who_got(r, V), 2);
}

static struct rig *mixed(void)
{
	struct rig *r = rig_running(2);

	put(r->l[1], APIC_LDR, 0x20000000);
	rig_x2apic(r->l[0]);
	assert_mixed(r);
	return r;
}

/* Rules: ICR-8, ICR-6, RST-2 */
static void test_mixed_modes_survive_moves(void **state)
{
	struct rig *r = mixed();

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		lapic_post(r->l[0], LAPIC_INIT, 0, false);
		lapic_take_init(r->l[0]);
		rig_start(r->l[0]);
		assert_mixed(r);
	}
	for (unsigned i = 0; i < 4; i++) {
		put(r->l[1], APIC_ID, (9 + i) << 24);
		assert_mixed(r);
	}
	for (unsigned i = 0; i < 4; i++) {
		rig_disable(r->l[0]);
		set_msr(r->l[0], MSR_BASE, lapic_apic_base(r->l[0]) | BASE_EN);
		rig_x2apic(r->l[0]);
		rig_start(r->l[0]);
		assert_mixed(r);
	}
}

/* Rules: ICR-8, ICR-12 */
static void test_before_anybody_has_moved(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic_message message = {.dest = 2, .logical = true, .dest32 = true, .vector = V};

	(void)state;
	/* LDRs that are not what x2APIC mode would derive. */
	put(r->l[0], APIC_LDR, 0x02000000);
	put(r->l[1], APIC_LDR, 0x01000000);
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_int_equal(who_got(r, V), 1);
}

/* Rules: ICR-9 */
static void test_the_first_turn_is_that_of_the_first(void **state)
{
	struct rig *r = rig_running(5);

	(void)state;
	assert_int_equal(lapic_map_last_winner(r->map), 4);
	for (unsigned i = 0; i < 6; i++) {
		send_ipi(r->l[0], 0xFF, LOGICAL | MODE(LAPIC_LOWEST) | V);
		assert_int_equal(who_got(r, V), 1u << i % 5);
	}
}

/* Rules: ICR-9, RST-3 */
static void test_enabled_after_its_ldr_was_written(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	put(r->l[1], APIC_SVR, 0xFF);
	put(r->l[1], APIC_LDR, 0x02000000);
	put(r->l[1], APIC_SVR, 0x1FF);
	send_ipi(r->l[0], 2, LOGICAL | MODE(LAPIC_LOWEST) | V);
	assert_int_equal(who_got(r, V), 2);
}

/* Rules: ICR-8 */
static void test_no_initial_id_twice(void **state)
{
	static _Alignas(4096) uint8_t pages[4][4096];
	static const uint32_t ids[] = {1, 3, 3, 2};
	struct lapic_map_config c = {.size = sizeof(c), .max_lapics = 4, .max_id = 3};
	size_t bytes = lapic_map_size(&c);
	void *map_memory = malloc(bytes), *memory[4];
	struct lapic_map *map = lapic_map_init(map_memory, bytes, &c);
	struct lapic_config config;
	struct lapic *l;

	(void)state;
	lapic_config_intel(&config);
	for (unsigned i = 0; i < 4; i++) {
		memory[i] = aligned_alloc(lapic_align(), lapic_size());
		config.initial_id = ids[i];
		assert_int_equal(lapic_init(memory[i], lapic_size(), pages[i], &config, &clocks,
					    NULL, map, &l),
				 i == 2 ? LAPIC_INIT_MAP : LAPIC_INIT_OK);
	}
	assert_int_equal(lapic_map_count(map), 3);
	for (unsigned i = 0; i < 4; i++)
		free(memory[i]);
	free(map_memory);
}

/* Who sends while the map is locked: between a LAPIC's entry into the map and its reset. */
static struct lapic_map *busy_map;
static unsigned taken;

static void lock(void *opaque)
{
	(void)opaque;
}

static void send_in_between(void *opaque)
{
	struct lapic_message message = {.dest = 0xFF, .vector = V};

	(void)opaque;
	taken += lapic_map_send(busy_map, &message) != LAPIC_REFUSED;
	message.mode = LAPIC_NMI;
	taken += lapic_map_send(busy_map, &message) != LAPIC_REFUSED;
}

/* Rules: RST-1, MP-6 */
static void test_nothing_is_taken_before_the_first_reset(void **state)
{
	static _Alignas(4096) uint8_t page[4096];
	struct lapic_map_config c = {
		.size = sizeof(c), .max_lapics = 1, .lock = lock, .unlock = send_in_between};
	size_t bytes = lapic_map_size(&c);
	void *map_memory = malloc(bytes), *memory = aligned_alloc(lapic_align(), lapic_size());
	struct lapic_config config;
	struct lapic *l = NULL;

	(void)state;
	busy_map = lapic_map_init(map_memory, bytes, &c);
	taken = 0;
	lapic_config_intel(&config);
	/* The first unlock is that of joining. The one of the reset meets an enabled LAPIC, which
	 * takes the NMI. */
	assert_int_equal(
		lapic_init(memory, lapic_size(), page, &config, &clocks, NULL, busy_map, &l),
		LAPIC_INIT_OK);
	assert_int_equal(taken, 1);
	assert_true(lapic_take_nmi(l));
	assert_false(lapic_take_nmi(l));
	free(memory);
	free(map_memory);
}

/* Rules: SAVE-3 */
static void test_an_access_page_must_be_aligned(void **state)
{
	struct lapic_map_config c = {.size = sizeof(c), .max_lapics = 1};

	(void)state;
	c.access_page = (void *)0x3000;
	assert_true(lapic_map_size(&c) > 0);
	for (unsigned bit = 0; bit < 12; bit++) {
		c.access_page = (void *)(0x2000 + (1ul << bit));
		assert_int_equal(lapic_map_size(&c), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_mixed_modes_survive_moves),
		rig_test(test_before_anybody_has_moved),
		rig_test(test_the_first_turn_is_that_of_the_first),
		rig_test(test_enabled_after_its_ldr_was_written),
		rig_test(test_no_initial_id_twice),
		rig_test(test_nothing_is_taken_before_the_first_reset),
		rig_test(test_an_access_page_must_be_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
