// SPDX-License-Identifier: BSD-2-Clause
// What is remembered of an operation before it is done: whom delivery mode 011b may have reached.
// No side does anything here: its CPUs are all waiting for SIPI.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "vmm/diff/pair.h"

static uint64_t no_tsc(void)
{
	return 0;
}

static void no_message(struct side *side, uint32_t address, uint32_t data)
{
	(void)side;
	(void)address;
	(void)data;
}

/* Bit n: CPU n of three may have got it. CPU 2 is in x2APIC mode; CPU 1 has the ID `id`. */
static unsigned reached(const struct program_op *op, uint32_t id, enum finding_state state_of_1)
{
	static const struct side_kind kind = {.message = no_message};
	struct pair *pair = calloc(1, sizeof(*pair));
	unsigned set = 0;

	assert_non_null(pair);
	pair->cpus = 3;
	pair->op = op;
	pair->ours.kind = pair->kvm.kind = &kind;
	pair->tsc = (struct tsc){.khz = 1000000, .plain = true, .host = no_tsc};
	for (unsigned n = 0; n < 3; n++) {
		pair->before[n] = n == 2 ? FINDING_X2APIC : FINDING_XAPIC;
		pair->kvm.cpu[n].state = pair->ours.cpu[n].state = FINDING_WAITS_FOR_SIPI;
	}
	pair->kvm.cpu[1].state = state_of_1;
	side_set_register(pair->cpu[1].before, 2, id << 24);
	side_set_register(pair->cpu[2].before, 2, 2);
	assert_true(bid_op(pair));
	for (unsigned n = 0; n < 3; n++)
		set |= (unsigned)pair->cpu[n].sent_011 << n;
	free(pair);
	return set;
}

static unsigned by_message(uint32_t address, uint32_t data)
{
	struct program_op op = {.kind = PROGRAM_MSI, .where = address, .value = data};

	return reached(&op, 1, FINDING_WAITS_FOR_SIPI);
}

static void test_mode_011_is_remembered_of_whom_it_may_reach(void **state)
{
	static const struct program_op to_1 = {
		.kind = PROGRAM_MSI, .where = 0xFEE01000, .value = 0x4341};

	(void)state;
	assert_int_equal(by_message(0xFEE02000, 0x341), 4);
	assert_int_equal(by_message(0xFEEFF000, 0x341), 7);
	assert_int_equal(by_message(0xFEE02004, 0x341), 7); /* logical: KVM decides */
	for (unsigned mode = 0; mode < 8; mode++)
		assert_int_equal(by_message(0xFEEFF000, 0x41 | mode << 8) != 0, mode == 3);
	/* Another ID; and one who sleeps is woken by it, which is all. */
	assert_int_equal(reached(&to_1, 7, FINDING_WAITS_FOR_SIPI), 0);
	assert_int_equal(reached(&to_1, 1, FINDING_HALTED), 0);
	assert_int_equal(reached(&to_1, 1, FINDING_RUNNING), 2);
}

static void test_what_nobody_does_is_not_remembered(void **state)
{
	static const struct program_op send = {
		.kind = PROGRAM_WRITE, .width = 4, .where = 0x300, .value = 0x84341};

	(void)state;
	assert_int_equal(reached(&send, 1, FINDING_WAITS_FOR_SIPI), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode_011_is_remembered_of_whom_it_may_reach),
		cmocka_unit_test(test_what_nobody_does_is_not_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
