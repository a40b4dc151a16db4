// SPDX-License-Identifier: BSD-2-Clause
// Destinations as numbers: who is named by each way of naming, and what sends nothing.
// Not who takes it: test_diff_compare.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "vmm/diff/address.h"
#include "vmm/diff/pair.h"

#define NOTHING 0x100u

/* CPU 0: xAPIC, flat, LDR 01h. 1: xAPIC, cluster 1, member 2 (14h). 2: x2APIC, ID 2. 3: xAPIC, DFR
 * of neither model, LDR 01h. */
static struct pair *four(const struct program_op *op)
{
	static const uint32_t ldr[] = {0x01000000, 0x14000000, 4, 0x01000000};
	static const uint32_t dfr[] = {0xFFFFFFFF, 0x0FFFFFFF, 0xFFFFFFFF, 0x4FFFFFFF};
	struct pair *pair = calloc(1, sizeof(*pair));

	assert_non_null(pair);
	pair->cpus = 4;
	pair->op = op;
	pair->done = true;
	pair->ours_answer.fault = FINDING_NO_FAULT;
	for (unsigned n = 0; n < 4; n++) {
		pair->before[n] = n == 2 ? FINDING_X2APIC : FINDING_XAPIC;
		pair->cpu[n].base_before = 0xFEE00800;
		side_set_register(pair->cpu[n].before, 0x02, n == 2 ? n : n << 24);
		side_set_register(pair->cpu[n].before, 0x0D, ldr[n]);
		side_set_register(pair->cpu[n].before, 0x0E, dfr[n]);
	}
	return pair;
}

/* Bit n for CPU n, or NOTHING. */
static unsigned named(struct pair *pair)
{
	struct address address;
	unsigned set = 0;

	if (!address_of(pair, &address))
		set = NOTHING;
	for (unsigned n = 0; n < pair->cpus && set != NOTHING; n++)
		set |= (unsigned)address_meets(pair, &address, n) << n;
	free(pair);
	return set;
}

static unsigned by_page(uint32_t dest, uint32_t icr)
{
	const struct program_op op = {
		.kind = PROGRAM_WRITE, .width = 4, .where = 0x300, .value = icr};
	struct pair *pair = four(&op);

	pair->icr_high = dest << 24;
	return named(pair);
}

static unsigned by_msr(uint32_t dest, uint32_t icr)
{
	const struct program_op op = {.kind = PROGRAM_WRMSR,
				      .cpu = 2,
				      .where = 0x830,
				      .value = (uint64_t)dest << 32 | icr};

	return named(four(&op));
}

static unsigned by_message(uint32_t address, uint32_t data)
{
	const struct program_op op = {.kind = PROGRAM_MSI, .where = address, .value = data};

	return named(four(&op));
}

static void test_physical(void **state)
{
	(void)state;
	assert_int_equal(by_page(0, 0x41), 1);
	assert_int_equal(by_page(2, 0x41), 4);
	assert_int_equal(by_page(4, 0x41), 0);
	assert_int_equal(by_page(0xFF, 0x41), 0xF);
	assert_int_equal(by_msr(1, 0x41), 2);
	assert_int_equal(by_msr(0xFF, 0x41), 0);
	assert_int_equal(by_msr(0x101, 0x41), 0);
	assert_int_equal(by_msr(0xFFFFFFFF, 0x41), 0xF);
	assert_int_equal(by_message(0xFEE03000, 0x41), 8);
	assert_int_equal(by_message(0xFEEFF008, 0x41), 0xF);
}

static void test_logical(void **state)
{
	(void)state;
	assert_int_equal(by_page(0x01, 0x841), 1);
	assert_int_equal(by_page(0x15, 0x841), 7); /* x2APIC: cluster 0, members 0, 2 and 4 */
	assert_int_equal(by_page(0x24, 0x841), 4);
	assert_int_equal(by_page(0xFF, 0x841), 7);
	assert_int_equal(by_msr(0xFF, 0x841), 7);
	assert_int_equal(by_msr(0xFFFFFFFF, 0x841), 7);
	assert_int_equal(by_msr(0x00010001, 0x841), 0);
	assert_int_equal(by_msr(0x00010004, 0x841), 0);
	assert_int_equal(by_message(0xFEE14004, 0x41), 6);
	assert_int_equal(by_message(0xFEE1400C, 0x441), 6);
}

static void test_shorthands(void **state)
{
	(void)state;
	for (uint32_t logical = 0; logical <= 0x800; logical += 0x800) {
		assert_int_equal(by_page(1, logical | 0x40041), 1);
		assert_int_equal(by_page(1, logical | 0x80041), 0xF);
		assert_int_equal(by_page(1, logical | 0xC0041), 0xE);
		assert_int_equal(by_msr(1, logical | 0xC0041), 0xB);
	}
}

static void test_what_sends_nothing(void **state)
{
	static const struct program_op narrow = {.kind = PROGRAM_WRITE, .width = 1, .where = 0x300},
				       beside = {.kind = PROGRAM_WRITE, .width = 4, .where = 0x304},
				       high = {.kind = PROGRAM_WRITE, .width = 4, .where = 0x310},
				       read = {.kind = PROGRAM_READ, .width = 4, .where = 0x300},
				       send = {.kind = PROGRAM_WRITE, .width = 4, .where = 0x300},
				       all = {.kind = PROGRAM_WRITE,
					      .width = 4,
					      .where = 0x300,
					      .value = 0x80041};
	struct pair *pair;

	(void)state;
	assert_int_equal(named(four(&narrow)), NOTHING);
	assert_int_equal(named(four(&beside)), NOTHING);
	assert_int_equal(named(four(&high)), NOTHING);
	assert_int_equal(named(four(&read)), NOTHING);
	pair = four(&send);
	pair->done = false;
	assert_int_equal(named(pair), NOTHING);
	pair = four(&send);
	pair->ours_answer.fault = 13;
	assert_int_equal(named(pair), NOTHING);
	pair = four(&send);
	pair->before[0] = FINDING_DISABLED;
	assert_int_equal(named(pair), NOTHING);
	/* Nobody disabled is named. */
	pair = four(&all);
	pair->before[3] = FINDING_DISABLED;
	assert_int_equal(named(pair), 7);
	/* The page was moved onto RAM. */
	pair = four(&send);
	pair->ours.ram.range_count = 1;
	pair->ours.ram.ranges[0].length = 0x200000;
	pair->ours.ram.ranges[0].host = pair->cpu[0].ours;
	pair->cpu[0].base_before = 0x100900;
	assert_int_equal(named(pair), NOTHING);
	/* De-assert: no INIT IPI, no level-triggered message with a vector. */
	assert_int_equal(by_page(0, 0x8500), NOTHING);
	assert_int_equal(by_page(0, 0xC500), 1);
	assert_int_equal(by_page(0, 0x8041), 1);
	assert_int_equal(by_message(0xFEE00000, 0x8041), NOTHING);
	assert_int_equal(by_message(0xFEE00000, 0x8141), NOTHING);
	assert_int_equal(by_message(0xFEE00000, 0xC041), 1);
	assert_int_equal(by_message(0xFEE00000, 0x8400), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_physical),
		cmocka_unit_test(test_logical),
		cmocka_unit_test(test_shorthands),
		cmocka_unit_test(test_what_sends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
