// SPDX-License-Identifier: BSD-2-Clause
/*
 * Profiles, what lapic_init() refuses and by which name, and the memory that a LAPIC takes.
 * Not the registers after power-up: test_reset.c.
 */
#include "tests/lapic/rig.h"

#include <stdlib.h>
#include <string.h>

static uint64_t no_time(void *opaque)
{
	(void)opaque;
	return 0;
}

/* Everything that lapic_init() takes, all of it good. */
struct attempt {
	_Alignas(4096) uint8_t page[LAPIC_PAGE_SIZE];
	_Alignas(64) uint8_t memory[8192];
	uint8_t map_memory[65536];
	struct lapic_config config;
	struct lapic_ops ops;
	struct lapic_map *map;
	struct lapic *out;
};

static struct attempt *good(void)
{
	static struct attempt a;
	struct lapic_map_config map = {.size = sizeof(map), .max_lapics = 2, .max_id = 100};

	memset(&a, 0xEE, sizeof(a));
	lapic_config_intel(&a.config);
	a.ops = (struct lapic_ops){.size = sizeof(a.ops), .now_ns = no_time, .now_tsc = no_time};
	a.map = lapic_map_init(a.map_memory, sizeof(a.map_memory), &map);
	assert_non_null(a.map);
	a.out = NULL;
	return &a;
}

static enum lapic_init_error try(struct attempt *a)
{
	return lapic_init(a->memory, sizeof(a->memory), a->page, &a->config, &a->ops, NULL, a->map,
			  &a->out);
}

static void test_good_is_taken(void **state)
{
	struct attempt *a = good();

	(void)state;
	assert_int_equal(try(a), LAPIC_INIT_OK);
	assert_ptr_equal(a->out, (void *)a->memory);
	assert_int_equal(lapic_map_count(a->map), 1);
	assert_ptr_equal(lapic_page(a->out), a->page);
}

/* Rules: SAVE-3 */
static void test_memory_and_page(void **state)
{
	struct attempt *a = good();

	(void)state;
	assert_true(lapic_size() > 0 && lapic_size() <= 512);
	assert_true(lapic_align() > 0 && (lapic_align() & (lapic_align() - 1)) == 0);
	assert_int_equal(
		lapic_init(NULL, 8192, a->page, &a->config, &a->ops, NULL, a->map, &a->out),
		LAPIC_INIT_MEMORY);
	assert_int_equal(lapic_init(a->memory, lapic_size() - 1, a->page, &a->config, &a->ops, NULL,
				    a->map, &a->out),
			 LAPIC_INIT_MEMORY);
	assert_int_equal(lapic_init(a->memory + 1, 8000, a->page, &a->config, &a->ops, NULL, a->map,
				    &a->out),
			 LAPIC_INIT_MEMORY);
	assert_int_equal(lapic_init(a->memory, lapic_size(), NULL, &a->config, &a->ops, NULL,
				    a->map, &a->out),
			 LAPIC_INIT_PAGE);
	assert_int_equal(lapic_init(a->memory, lapic_size(), a->page + 16, &a->config, &a->ops,
				    NULL, a->map, &a->out),
			 LAPIC_INIT_PAGE);
	assert_null(a->out);
	assert_int_equal(lapic_map_count(a->map), 0);
	assert_int_equal(lapic_init(a->memory, lapic_size(), a->page, &a->config, &a->ops, NULL,
				    a->map, &a->out),
			 LAPIC_INIT_OK);
}

#define assert_config_refused(field, value)                                                        \
 do {                                                                                              \
  struct attempt *a_ = good();                                                                     \
  a_->config.field = (value);                                                                      \
  assert_int_equal(try(a_), LAPIC_INIT_CONFIG);                                                    \
  assert_null(a_->out);                                                                            \
 } while (0)
#define assert_config_taken(field, value)                                                          \
 do {                                                                                              \
  struct attempt *a_ = good();                                                                     \
  a_->config.field = (value);                                                                      \
  assert_int_equal(try(a_), LAPIC_INIT_OK);                                                        \
 } while (0)

/* Rules: TMR-9, TMR-1, BASE-1 */
static void test_configuration_ranges(void **state)
{
	struct attempt *a = good();

	(void)state;
	assert_int_equal(
		lapic_init(a->memory, lapic_size(), a->page, NULL, &a->ops, NULL, a->map, &a->out),
		LAPIC_INIT_CONFIG);
	assert_config_refused(size, 0);
	assert_config_refused(size, sizeof(struct lapic_config) + 1);
	assert_config_refused(bus_hz, 0);
	assert_config_refused(bus_hz, 999);
	assert_config_taken(bus_hz, 1000);
	assert_config_taken(bus_hz, 10000000000);
	assert_config_refused(bus_hz, 10000000001);
	assert_config_refused(bus_hz, UINT64_MAX);
	assert_config_taken(timer_floor_ns, 0);
	assert_config_taken(timer_floor_ns, 1000000000000);
	assert_config_refused(timer_floor_ns, 1000000000001);
	assert_config_refused(timer_floor_ns, UINT64_MAX);
	assert_config_refused(maxphyaddr, 0);
	assert_config_refused(maxphyaddr, 35);
	assert_config_taken(maxphyaddr, 36);
	assert_config_taken(maxphyaddr, 52);
	assert_config_refused(maxphyaddr, 53);
	assert_config_refused(maxphyaddr, 255);
}

static void test_callbacks(void **state)
{
	struct attempt *a = good();

	(void)state;
	assert_int_equal(lapic_init(a->memory, lapic_size(), a->page, &a->config, NULL, NULL,
				    a->map, &a->out),
			 LAPIC_INIT_OPS);
	a->ops.now_ns = NULL;
	assert_int_equal(try(a), LAPIC_INIT_OPS);
	a = good();
	a->ops.now_tsc = NULL;
	assert_int_equal(try(a), LAPIC_INIT_OPS);
	a = good();
	a->ops.size = 8;
	assert_int_equal(try(a), LAPIC_INIT_OPS);
	a = good();
	a->map = NULL;
	assert_int_equal(try(a), LAPIC_INIT_MAP);
	a = good();
	a->config.initial_id = 101;
	assert_int_equal(try(a), LAPIC_INIT_MAP);
	a->config.initial_id = 100;
	assert_int_equal(try(a), LAPIC_INIT_OK);
}

static void test_each_error_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= LAPIC_INIT_MAP + 1; i++) {
		const char *name = lapic_init_error_name((enum lapic_init_error)i);

		assert_true(name && name[0]);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name,
						lapic_init_error_name((enum lapic_init_error)k));
	}
}

/* Rules: TMR-1, TMR-9, LVT-5, ICR-3, ICR-12, ACC-6, ERR-2, ERR-5, MSR-5 */
static void test_profile_intel(void **state)
{
	struct lapic_config c;

	(void)state;
	memset(&c, 0xFF, sizeof(c));
	lapic_config_intel(&c);
	assert_int_equal(c.size, sizeof(c));
	assert_int_equal(c.initial_id, 0);
	assert_int_equal(c.bus_hz, 1000000000);
	assert_int_equal(c.timer_floor_ns, 200000);
	assert_int_equal(c.maxphyaddr, 52);
	assert_true(c.bsp && c.x2apic && c.tsc_deadline && c.cmci);
	assert_false(c.eoi_suppression);
	assert_true(c.xapic_id_writable && c.lowest_priority);
	assert_false(c.p6_errors || c.lvt_write_checks);
	assert_true(c.perf_masks && c.init_to_self);
	assert_false(c.icr_busy_bit_faults);
	assert_true(c.msi_ff_broadcasts);
}

/* Rules: MSR-5, LVT-1, LVT-5, TMR-7 */
static void test_profile_amd(void **state)
{
	struct lapic_config c;

	(void)state;
	memset(&c, 0xFF, sizeof(c));
	lapic_config_amd(&c);
	assert_false(c.tsc_deadline || c.cmci || c.perf_masks);
	assert_true(c.icr_busy_bit_faults);
	/* The rest is as Intel's. */
	assert_int_equal(c.size, sizeof(c));
	assert_int_equal(c.initial_id, 0);
	assert_int_equal(c.bus_hz, 1000000000);
	assert_int_equal(c.timer_floor_ns, 200000);
	assert_int_equal(c.maxphyaddr, 52);
	assert_true(c.bsp && c.x2apic && c.xapic_id_writable && c.lowest_priority);
	assert_false(c.eoi_suppression || c.p6_errors || c.lvt_write_checks);
	assert_true(c.init_to_self && c.msi_ff_broadcasts);
}

static void test_profiles_and_sizes_that_there_are_not(void **state)
{
	struct lapic_config c;
	uint8_t untouched[sizeof(c)];

	(void)state;
	memset(&c, 0xFF, sizeof(c));
	memset(untouched, 0xFF, sizeof(untouched));
	for (unsigned profile = LAPIC_INTEL; profile <= LAPIC_AMD + 1; profile++) {
		enum lapic_profile p = (enum lapic_profile)profile;

		assert_false(lapic_config_profile(&c, sizeof(c) - 1, p));
		assert_false(lapic_config_profile(&c, sizeof(c) + 1, p));
		assert_true(profile <= LAPIC_AMD || !lapic_config_profile(&c, sizeof(c), p));
		assert_memory_equal(&c, untouched, sizeof(c));
	}
	assert_true(lapic_config_profile(&c, sizeof(c), LAPIC_INTEL));
	assert_true(lapic_config_profile(&c, sizeof(c), LAPIC_AMD));
}

/* Rules: LVT-1, TMR-7, MSR-5, LVT-5 */
static void test_an_amd_lapic_works(void **state)
{
	struct rig *r = rig_build(&(struct rig_plan){.count = 2, .profile = lapic_config_amd});

	(void)state;
	rig_start(r->l[0]);
	rig_start(r->l[1]);
	assert_int_equal(get(r->l[0], APIC_VERSION), 0x50014);
	send_ipi(r->l[0], 1, 0x40);
	assert_serves(r->l[1], 0x40);
	put(r->l[0], APIC_LVT_PERF, 0x50);
	lapic_raise(r->l[0], LAPIC_LVT_PERF);
	assert_serves(r->l[0], 0x50);
	assert_int_equal(get(r->l[0], APIC_LVT_PERF), 0x50);
	assert_gp_read(r->l[0], MSR_DEADLINE);
	rig_x2apic_all(r);
	send_ipi(r->l[1], 0, 0x41);
	assert_serves(r->l[0], 0x41);
	assert_gp_write(r->l[1], 0x830, 0x1041);
	put(r->l[1], APIC_DCR, DIVIDE_1);
	put(r->l[1], APIC_LVT_TIMER, PERIODIC | 0x60);
	put(r->l[1], APIC_TMICT, 1000000);
	rig_sleep(r, 1000000);
	assert_serves(r->l[1], 0x60);
}

static uint64_t late;

static uint64_t late_time(void *opaque)
{
	(void)opaque;
	return late;
}

/* Any origin will do: with that of CLOCK_REALTIME a 10 GHz bus has counted past 2^64. */
/* Rules: TMR-1, TMR-9 */
static void test_a_clock_that_started_long_ago(void **state)
{
	static const uint64_t starts[] = {1844674407370955000u, 1844674407370955161u,
					  9223372036854775000u, UINT64_MAX - 1000000000};

	(void)state;
	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct attempt *a = good();

		late = starts[i];
		a->config.bus_hz = 10000000000u;
		a->ops.now_ns = late_time;
		assert_int_equal(lapic_init(a->memory, sizeof(a->memory), a->page, &a->config,
					    &a->ops, NULL, a->map, &a->out),
				 LAPIC_INIT_OK);
		put(a->out, APIC_SVR, 0x1FF);
		put(a->out, APIC_DCR, DIVIDE_1);
		put(a->out, APIC_LVT_TIMER, 0x40);
		put(a->out, APIC_TMICT, 100000); /* 10 us */
		assert_int_equal(lapic_next_deadline(a->out).at, late + 10000);
		late += 9999;
		lapic_tick(a->out);
		assert_false(in_irr(a->out, 0x40));
		late++;
		lapic_tick(a->out);
		assert_true(in_irr(a->out, 0x40));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_good_is_taken),
		rig_test(test_memory_and_page),
		rig_test(test_configuration_ranges),
		rig_test(test_callbacks),
		rig_test(test_each_error_has_a_name_of_its_own),
		rig_test(test_profile_intel),
		rig_test(test_profile_amd),
		rig_test(test_profiles_and_sizes_that_there_are_not),
		rig_test(test_an_amd_lapic_works),
		rig_test(test_a_clock_that_started_long_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
