// SPDX-License-Identifier: BSD-2-Clause
// Guest RAM: sizes, the hole below 4 GiB, the checked translator at every edge, zeroing.
// Not the memory map that a guest sees: test_multiboot_info.c has that.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "vmm/ram.h"

#define GIB UINT64_C(0x40000000)

static enum ram_result create(struct ram *ram, uint64_t size)
{
	char why[200] = "";
	enum ram_result result = ram_create(ram, size, why, sizeof(why));

	assert_true((result == RAM_OK) == (why[0] == '\0'));
	return result;
}

static void test_sizes_that_are_refused(void **state)
{
	static const uint64_t sizes[] = {
		0,
		1,
		4096,
		RAM_SIZE_MIN - 4096,
		RAM_SIZE_MIN + 1,
		RAM_SIZE_MIN + 4095,
		RAM_SIZE_MAX + 4096,
		UINT64_MAX,
		UINT64_MAX & ~UINT64_C(4095),
	};
	struct ram ram;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(create(&ram, sizes[i]), RAM_BAD_SIZE);
		assert_int_equal(ram.range_count, 0);
		assert_null(ram_at(&ram, 0, 1));
		ram_destroy(&ram);
	}
}

static void test_a_forgotten_mapping_keeps_what_is_in_the_page(void **state)
{
	struct ram ram;
	uint8_t *host;

	(void)state;
	assert_int_equal(create(&ram, RAM_SIZE_MIN), RAM_OK);
	host = ram_at(&ram, 0x3000, RAM_PAGE_SIZE);
	host[5] = 7;
	ram_forget_mapping(&ram, 0x3000);
	host[6] = host[5] + 1;
	assert_int_equal(host[6], 8);
	ram_forget_mapping(&ram, RAM_SIZE_MIN);
	ram_forget_mapping(&ram, 0xFFFFF000);
	ram_destroy(&ram);
}

static void test_small_ram_is_one_zeroed_range(void **state)
{
	struct ram ram;
	uint8_t *host;

	(void)state;
	assert_int_equal(create(&ram, RAM_SIZE_MIN + 4096), RAM_OK);
	assert_int_equal(ram.range_count, 1);
	assert_int_equal(ram.ranges[0].gpa, 0);
	assert_int_equal(ram.ranges[0].length, RAM_SIZE_MIN + 4096);
	assert_int_equal(ram.size, RAM_SIZE_MIN + 4096);
	host = ram_at(&ram, 0, ram.size);
	assert_ptr_equal(host, ram.ranges[0].host);
	assert_int_equal((uintptr_t)host % 4096, 0);
	for (uint64_t i = 0; i < ram.size; i++)
		assert_int_equal(host[i], 0);
	host[ram.size - 1] = 1;
	ram_destroy(&ram);
	assert_int_equal(ram.range_count, 0);
	ram_destroy(&ram);
}

static void test_large_ram_leaves_the_hole_below_4_gib(void **state)
{
	struct ram ram;
	uint8_t *low_end, *high;

	(void)state;
	assert_int_equal(create(&ram, 3 * GIB), RAM_OK);
	assert_int_equal(ram.range_count, 1);
	assert_int_equal(ram.ranges[0].length, 0xC0000000);
	ram_destroy(&ram);

	assert_int_equal(create(&ram, 3 * GIB + 2 * 4096), RAM_OK);
	assert_int_equal(ram.range_count, 2);
	assert_int_equal(ram.ranges[0].length, 0xC0000000);
	assert_int_equal(ram.ranges[1].gpa, 0x100000000);
	assert_int_equal(ram.ranges[1].length, 2 * 4096);
	low_end = ram_at(&ram, 0xBFFFFFFF, 1);
	high = ram_at(&ram, 0x100000000, 2 * 4096);
	assert_non_null(low_end);
	assert_non_null(high);
	*low_end = 0x11;
	high[0] = 0x22;
	high[2 * 4096 - 1] = 0x33;
	assert_int_equal(*low_end, 0x11);
	ram_destroy(&ram);
}

static void test_host_that_gives_no_memory(void **state)
{
	struct rlimit before, tight;
	struct ram ram;
	char why[200] = "";
	enum ram_result result;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	tight = before;
	tight.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
	result = ram_create(&ram, 2 * GIB, why, sizeof(why));
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(result, RAM_NO_MEMORY);
	assert_int_equal(ram.range_count, 0);
	assert_non_null(strstr(why, "2048 MiB"));
	assert_non_null(strstr(why, "Cannot allocate memory"));
	assert_non_null(strstr(why, "-m"));
}

/* Ranges are only compared here, never read: no memory stands behind them. */
static void test_translator_at_every_edge(void **state)
{
	static uint8_t base[1];
	const struct ram ram = {
		.ranges = {{0, base, 0xC0000000}, {0x100000000, base + 1, 0x40000000}},
		.range_count = 2,
		.size = 0x100000000,
	};
	static const struct {
		uint64_t gpa, length;
		bool inside;
	} rows[] = {
		{0, 1, true},
		{0, 0, false},
		{5, 0, false},
		{0, 0xC0000000, true},
		{0, 0xC0000001, false},
		{1, 0xC0000000, false},
		{0xA0000, 0x60000, true},
		{0xBFFFFFFF, 1, true},
		{0xBFFFFFFF, 2, false},
		{0xC0000000, 1, false},
		{0xFEE00000, 4, false},
		{0xFFFFFFFF, 1, false},
		{0xFFFFFFFF, 2, false},
		{0xBFFFFFFF, 0x40000002, false},
		{0x100000000, 1, true},
		{0x100000000, 0x40000000, true},
		{0x100000000, 0x40000001, false},
		{0x13FFFFFFF, 1, true},
		{0x140000000, 1, false},
		{0x140000000, 0, false},
		{0, UINT64_MAX, false},
		{1, UINT64_MAX, false},
		{UINT64_MAX, 1, false},
		{UINT64_MAX, 2, false},
		{UINT64_MAX, UINT64_MAX, false},
		{UINT64_MAX - 3, 8, false},
		{0x100000000, UINT64_MAX - 0xFFFFFFFF, false},
		{0x100000000, UINT64_MAX, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const void *host = ram_at(&ram, rows[i].gpa, rows[i].length);

		if ((host != NULL) != rows[i].inside)
			fail_msg("row %zu: %p", i, host);
	}
	assert_ptr_equal(ram_at(&ram, 0, 1), base);
	assert_ptr_equal(ram_at(&ram, 0x100000000, 1), base + 1);
}

static void test_zeroing_touches_what_was_asked_alone(void **state)
{
	static const struct {
		uint64_t gpa, length;
	} rows[] = {
		{0x5000, 1},      {0x5001, 7},      {0x5FFF, 2},          {0x5000, 0x1000},
		{0x5001, 0x1000}, {0x5FFF, 0x2001}, {0x5001, 3 * 0x1000}, {0x5000, 3 * 0x1000},
	};
	struct ram ram;
	uint8_t *host;

	(void)state;
	assert_int_equal(create(&ram, RAM_SIZE_MIN), RAM_OK);
	host = ram_at(&ram, 0, ram.size);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(host, 0xAA, ram.size);
		assert_true(ram_zero(&ram, rows[i].gpa, rows[i].length));
		for (uint64_t at = 0; at < ram.size; at++)
			if ((host[at] == 0) != (at - rows[i].gpa < rows[i].length))
				fail_msg("row %zu at %llx", i, (unsigned long long)at);
	}
	memset(host, 0xAA, ram.size);
	assert_false(ram_zero(&ram, ram.size - 1, 2));
	assert_false(ram_zero(&ram, 0, 0));
	assert_int_equal(host[ram.size - 1], 0xAA);
	assert_int_equal(host[0], 0xAA);
	ram_destroy(&ram);
}

static void test_zeroing_locked_pages(void **state)
{
	struct ram ram;
	uint8_t *host;

	(void)state;
	assert_int_equal(create(&ram, RAM_SIZE_MIN), RAM_OK);
	host = ram_at(&ram, 0, ram.size);
	memset(host, 0xAA, 0x4000);
	if (mlock(host, 0x4000) != 0) {
		ram_destroy(&ram);
		skip();
	}
	assert_true(ram_zero(&ram, 0x800, 0x2000));
	assert_int_equal(host[0x7FF], 0xAA);
	for (uint64_t at = 0x800; at < 0x2800; at++)
		assert_int_equal(host[at], 0);
	assert_int_equal(host[0x2800], 0xAA);
	ram_destroy(&ram);
}

static void test_the_size_that_would_do(void **state)
{
	static const struct {
		uint64_t gpa, length, size;
	} rows[] = {
		{0, 1, 2 * RAM_MIB},
		{0, 0, 0},
		{0x100000, 0x100000, 2 * RAM_MIB},
		{0x100000, 0x100001, 3 * RAM_MIB},
		{0x400000, 0x100000, 5 * RAM_MIB},
		{0xBFFFFFFF, 1, 3 * GIB},
		{0xBFFFFFFF, 2, 0},
		{0xC0000000, 1, 0},
		{0xFFFFFFFF, 1, 0},
		{0xFFFFFFFF, 2, 0},
		{0x100000000, 1, 3 * GIB + RAM_MIB},
		{0x100000000, RAM_MIB, 3 * GIB + RAM_MIB},
		{0x100000000, RAM_MIB + 1, 3 * GIB + 2 * RAM_MIB},
		{0x100000000, RAM_SIZE_MAX - 3 * GIB, RAM_SIZE_MAX},
		{0x100000000, RAM_SIZE_MAX - 3 * GIB + 1, 0},
		{UINT64_MAX, 1, 0},
		{UINT64_MAX, UINT64_MAX, 0},
		{1, UINT64_MAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (ram_size_for(rows[i].gpa, rows[i].length) != rows[i].size)
			fail_msg("row %zu: %llx", i,
				 (unsigned long long)ram_size_for(rows[i].gpa, rows[i].length));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_that_are_refused),
		cmocka_unit_test(test_small_ram_is_one_zeroed_range),
		cmocka_unit_test(test_a_forgotten_mapping_keeps_what_is_in_the_page),
		cmocka_unit_test(test_large_ram_leaves_the_hole_below_4_gib),
		cmocka_unit_test(test_host_that_gives_no_memory),
		cmocka_unit_test(test_translator_at_every_edge),
		cmocka_unit_test(test_zeroing_touches_what_was_asked_alone),
		cmocka_unit_test(test_zeroing_locked_pages),
		cmocka_unit_test(test_the_size_that_would_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
