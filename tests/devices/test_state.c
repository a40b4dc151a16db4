// SPDX-License-Identifier: BSD-2-Clause
// The cursor that saves and loads fields: widths, byte order, counting, and what makes it bad.
// Not a device's list of fields: test_state_fields.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "devices/state.h"

struct sample {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	int64_t i64;
	bool yes, no;
	uint8_t bytes[3];
};

#define SAMPLE_SIZE 28u

static void walk(struct sample *sample, struct state *s)
{
	state_u8(s, &sample->u8);
	state_u16(s, &sample->u16);
	state_u32(s, &sample->u32);
	state_u64(s, &sample->u64);
	state_i64(s, &sample->i64);
	state_bool(s, &sample->yes);
	state_bool(s, &sample->no);
	state_bytes(s, sample->bytes, sizeof(sample->bytes));
}

static const struct sample sample = {
	.u8 = 0x12,
	.u16 = 0x3456,
	.u32 = 0x789ABCDE,
	.u64 = 0x0123456789ABCDEF,
	.i64 = -2,
	.yes = true,
	.bytes = {1, 2, 3},
};

static const uint8_t expected[SAMPLE_SIZE] = {
	0x12, 0x56, 0x34, 0xDE, 0xBC, 0x9A, 0x78, 0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23,
	0x01, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1,    0,    1,    2,    3,
};

static void test_counts(void **state)
{
	struct sample x = sample;
	struct state s = {0};

	(void)state;
	walk(&x, &s);
	assert_false(s.bad);
	assert_int_equal(s.used, SAMPLE_SIZE);
	assert_false(state_is_load(&s));
	assert_int_equal(x.u64, sample.u64);
}

static void test_saves_little_endian(void **state)
{
	struct sample x = sample;
	uint8_t bytes[SAMPLE_SIZE + 1];
	struct state s = {.to = bytes, .size = sizeof(bytes)};

	(void)state;
	memset(bytes, 0xEE, sizeof(bytes));
	walk(&x, &s);
	assert_false(s.bad);
	assert_int_equal(s.used, SAMPLE_SIZE);
	assert_memory_equal(bytes, expected, SAMPLE_SIZE);
	assert_int_equal(bytes[SAMPLE_SIZE], 0xEE);
}

static void test_loads_what_was_saved(void **state)
{
	struct sample x = {.no = true};
	struct state s = {.from = expected, .size = SAMPLE_SIZE};

	(void)state;
	assert_true(state_is_load(&s));
	walk(&x, &s);
	assert_false(s.bad);
	assert_int_equal(s.used, SAMPLE_SIZE);
	assert_int_equal(x.u8, sample.u8);
	assert_int_equal(x.u16, sample.u16);
	assert_int_equal(x.u32, sample.u32);
	assert_int_equal(x.u64, sample.u64);
	assert_true(x.i64 == -2);
	assert_true(x.yes);
	assert_false(x.no);
	assert_memory_equal(x.bytes, sample.bytes, sizeof(x.bytes));
}

/* With the bytes on the heap a sanitizer sees a step too far. */
static void test_too_few_bytes_are_bad(void **state)
{
	(void)state;
	for (size_t size = 1; size < SAMPLE_SIZE; size++) {
		struct sample x = sample, y = {0};
		uint8_t *bytes = test_malloc(size);
		struct state save = {.to = bytes, .size = size};
		struct state load = {.from = bytes, .size = size};

		walk(&x, &save);
		assert_true(save.bad);
		assert_memory_equal(bytes, expected, save.used);
		memcpy(bytes, expected, size);
		walk(&y, &load);
		assert_true(load.bad);
		assert_true(load.used <= size);
		assert_memory_equal(y.bytes, "\0\0\0", 3);
		test_free(bytes);
	}
}

static void test_a_bool_is_0_or_1_and_bad_stays(void **state)
{
	const uint8_t bytes[] = {2, 1, 7};
	struct state s = {.from = bytes, .size = sizeof(bytes)};
	bool flag = false;
	uint8_t number = 5;

	(void)state;
	state_bool(&s, &flag);
	assert_true(s.bad);
	assert_false(flag);
	state_bool(&s, &flag);
	state_u8(&s, &number);
	state_bytes(&s, &number, 1);
	assert_true(s.bad);
	assert_false(flag);
	assert_int_equal(number, 5);
}

struct grown {
	uint16_t old;
	uint32_t later;
	uint8_t last;
};

/* As a list of fields looks after it has grown twice. */
static void walk_grown(struct grown *grown, struct state *s)
{
	state_u16(s, &grown->old);
	if (state_has(s, 2))
		state_u32(s, &grown->later);
	if (state_has(s, 3))
		state_u8(s, &grown->last);
}

static void test_older_versions_leave_power_up_values(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
	static const struct grown loaded[] = {
		{0x0201, 0xAAAAAAAA, 0xBB}, {0x0201, 0x06050403, 0xBB}, {0x0201, 0x06050403, 7}};
	static const size_t sizes[] = {2, 6, 7};
	uint8_t saved[sizeof(bytes)];
	struct state save = {.to = saved, .size = sizeof(saved)};

	(void)state;
	for (uint32_t version = 1; version <= 3; version++) {
		struct state count = {.version = version};
		struct state load = {.from = bytes, .size = sizes[version - 1], .version = version};
		struct grown x = {.later = 0xAAAAAAAA, .last = 0xBB};

		walk_grown(&x, &count);
		assert_int_equal(count.used, sizes[version - 1]);
		walk_grown(&x, &load);
		assert_false(load.bad);
		assert_int_equal(load.used, sizes[version - 1]);
		assert_int_equal(x.old, loaded[version - 1].old);
		assert_int_equal(x.later, loaded[version - 1].later);
		assert_int_equal(x.last, loaded[version - 1].last);
	}
	/* What is saved is the newest. */
	walk_grown(&(struct grown){0x0201, 0x06050403, 7}, &save);
	assert_int_equal(save.used, sizeof(bytes));
	assert_memory_equal(saved, bytes, sizeof(bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_saves_little_endian),
		cmocka_unit_test(test_loads_what_was_saved),
		cmocka_unit_test(test_too_few_bytes_are_bad),
		cmocka_unit_test(test_a_bool_is_0_or_1_and_bad_stays),
		cmocka_unit_test(test_older_versions_leave_power_up_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
