// SPDX-License-Identifier: BSD-2-Clause
// Shrinking with failures that are known: what is left is what the failure needs, and no more.
// No Local APIC here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/diff/shrink.h"

static struct program program;
static unsigned calls;

static void make(unsigned cpus, size_t count)
{
	program = (struct program){.cpus = cpus, .seed = 9};
	for (size_t i = 0; i < count; i++) {
		struct program_op op = {.kind = PROGRAM_WRITE,
					.cpu = (uint8_t)(i % cpus),
					.width = 8,
					.where = (uint32_t)(i % 16) << 4,
					.value = i * UINT64_C(0x123456789)};

		assert_true(program_add(&program, &op));
	}
}

static bool all_fail(void *opaque, const struct program *p)
{
	(void)opaque;
	(void)p;
	calls++;
	return true;
}

static bool none_fail(void *opaque, const struct program *p)
{
	(void)all_fail(opaque, p);
	return false;
}

/* The operations marked with these offsets, in this order. */
struct wanted {
	const uint32_t *where;
	size_t count;
};

static bool holds(void *opaque, const struct program *p)
{
	const struct wanted *wanted = opaque;
	size_t found = 0;

	calls++;
	for (size_t i = 0; i < p->count && found < wanted->count; i++)
		found += p->ops[i].where == wanted->where[found];
	return found == wanted->count;
}

static void test_what_is_needed_stays_in_its_order(void **state)
{
	static const uint32_t where[] = {0xFF1, 0xFF2, 0xFF3};
	struct wanted wanted = {where, 3};
	unsigned used;

	(void)state;
	make(4, 1000);
	program.ops[17].where = where[0];
	program.ops[503].where = where[1];
	program.ops[998].where = where[2];
	calls = 0;
	used = shrink(&program, holds, &wanted, 100000);
	assert_int_equal(used, calls);
	assert_int_equal(program.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(program.ops[i].where, where[i]);
		assert_int_equal(program.ops[i].value, 0);
	}
	assert_int_equal(program.cpus, 1);
	assert_true(program.started);
	assert_true(program.seed == 9);
	assert_true(calls < 200);
	program_free(&program);
}

static void test_nothing_needed_leaves_one_operation(void **state)
{
	(void)state;
	make(3, 64);
	shrink(&program, all_fail, NULL, 1000);
	assert_int_equal(program.count, 1);
	assert_int_equal(program.cpus, 1);
	program_free(&program);
}

static void test_what_never_fails_again_is_left_alone(void **state)
{
	struct program before;
	static bool keep[50];

	(void)state;
	make(2, 50);
	memset(keep, true, sizeof(keep));
	assert_true(program_filter(&program, keep, &before));
	shrink(&program, none_fail, NULL, 100000);
	assert_int_equal(program.count, 50);
	assert_int_equal(program.cpus, 2);
	assert_false(program.started);
	for (size_t i = 0; i < 50; i++)
		assert_true(program.ops[i].value == before.ops[i].value);
	program_free(&program);
	program_free(&before);
}

static void test_tries_are_a_bound_and_it_fails_at_each(void **state)
{
	static const uint32_t where[] = {0xFF1, 0xFF2};

	(void)state;
	for (unsigned tries = 0; tries < 60; tries++) {
		struct wanted wanted = {where, 2};
		unsigned used;

		make(4, 200);
		program.ops[3].where = where[0];
		program.ops[150].where = where[1];
		calls = 0;
		used = shrink(&program, holds, &wanted, tries);
		assert_int_equal(used, calls);
		assert_true(calls <= tries);
		assert_true(tries > 20 || calls == tries);
		assert_true(holds(&wanted, &program));
		program_free(&program);
	}
}

/* Fails while the sum of two bits stands in a value of the last CPU. */
static bool two_bits(void *opaque, const struct program *p)
{
	(void)opaque;
	for (size_t i = 0; i < p->count; i++)
		if (p->ops[i].kind == PROGRAM_WRITE && (p->ops[i].value & 0x8100) == 0x8100 &&
		    p->ops[i].cpu == 1)
			return true;
	return false;
}

static void test_values_keep_the_bits_that_matter(void **state)
{
	(void)state;
	make(2, 4);
	program.ops[1].value = UINT64_MAX;
	shrink(&program, two_bits, NULL, 1000);
	assert_int_equal(program.count, 1);
	assert_true(program.ops[0].value == 0x8100);
	/* CPU 1 is needed, so there are two. */
	assert_int_equal(program.cpus, 2);
	program_free(&program);
}

static bool one_bit(void *opaque, const struct program *p)
{
	(void)opaque;
	return p->count > 0 && (p->ops[0].value & 0x10);
}

static void test_one_bit_alone_is_found_at_once(void **state)
{
	unsigned used;

	(void)state;
	make(1, 1);
	program.ops[0].value = 0xFFFF;
	used = shrink(&program, one_bit, NULL, 1000);
	assert_true(program.ops[0].value == 0x10);
	/* started, 0, 1, bits 0 to 4; then none of the rest is asked. */
	assert_true(used <= 12);
	program_free(&program);
}

/* Fails with the operations of at least two CPUs, whoever they are. */
static bool two_cpus(void *opaque, const struct program *p)
{
	unsigned set = 0;

	(void)opaque;
	for (size_t i = 0; i < p->count; i++)
		if (p->ops[i].kind != PROGRAM_WAIT)
			set |= 1u << p->ops[i].cpu;
	return (set & (set - 1)) != 0;
}

static void test_the_last_cpu_gives_its_part_to_another(void **state)
{
	(void)state;
	make(4, 8);
	/* The host's operations have no CPU. */
	program.ops[2] = (struct program_op){.kind = PROGRAM_WAIT, .value = 5};
	shrink(&program, two_cpus, NULL, 1000);
	assert_int_equal(program.count, 2);
	assert_int_equal(program.cpus, 2);
	assert_int_not_equal(program.ops[0].cpu, program.ops[1].cpu);
	program_free(&program);
}

static bool not_started(void *opaque, const struct program *p)
{
	(void)opaque;
	return !p->started;
}

static void test_started_is_tried_first_and_taken_back(void **state)
{
	(void)state;
	make(2, 4);
	shrink(&program, not_started, NULL, 1000);
	assert_false(program.started);
	assert_int_equal(program.count, 1);
	program_free(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_needed_stays_in_its_order),
		cmocka_unit_test(test_nothing_needed_leaves_one_operation),
		cmocka_unit_test(test_what_never_fails_again_is_left_alone),
		cmocka_unit_test(test_tries_are_a_bound_and_it_fails_at_each),
		cmocka_unit_test(test_values_keep_the_bits_that_matter),
		cmocka_unit_test(test_one_bit_alone_is_found_at_once),
		cmocka_unit_test(test_the_last_cpu_gives_its_part_to_another),
		cmocka_unit_test(test_started_is_tried_first_and_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
