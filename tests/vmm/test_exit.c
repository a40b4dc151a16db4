// SPDX-License-Identifier: BSD-2-Clause
// Every kind of return from KVM_RUN, decoded; and the ones that no kernel should send.
// Not what is done about them.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "vmm/exit.h"

#define RUN_BYTES 8192u

static _Alignas(struct kvm_run) uint8_t memory[RUN_BYTES];

static struct kvm_run *fresh(uint32_t reason)
{
	struct kvm_run *run = (struct kvm_run *)memory;

	memset(memory, 0, sizeof(memory));
	run->exit_reason = reason;
	return run;
}

static struct exit decode(struct kvm_run *run)
{
	struct exit exit;

	exit_decode(run, RUN_BYTES, 0, &exit);
	return exit;
}

static void test_ports(void **state)
{
	struct kvm_run *run = fresh(KVM_EXIT_IO);
	struct exit exit;

	(void)state;
	run->io.direction = KVM_EXIT_IO_OUT;
	run->io.size = 2;
	run->io.port = 0x3F8;
	run->io.count = 5;
	run->io.data_offset = 4096;
	exit = decode(run);
	assert_int_equal(exit.kind, EXIT_PORT);
	assert_int_equal(exit.reason, KVM_EXIT_IO);
	assert_true(exit.unfinished);
	assert_true(exit.u.access.write);
	assert_int_equal(exit.u.access.address, 0x3F8);
	assert_int_equal(exit.u.access.width, 2);
	assert_int_equal(exit.u.access.count, 5);
	assert_ptr_equal(exit.u.access.data, memory + 4096);
	run->io.direction = KVM_EXIT_IO_IN;
	assert_false(decode(run).u.access.write);
}

static void test_port_data_outside_of_kvm_run_is_refused(void **state)
{
	static const struct {
		uint8_t size;
		uint32_t count;
		uint64_t offset;
		bool fits;
	} cases[] = {
		{1, 1, RUN_BYTES - 1, true},  {1, 1, RUN_BYTES, false},
		{4, 1024, 4096, true},        {4, 1025, 4096, false},
		{4, 0xFFFFFFFF, 4096, false}, {4, 1, UINT64_MAX - 2, false},
		{0, 1, 4096, false},          {1, 0, 4096, false},
		{8, 1, 4096, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kvm_run *run = fresh(KVM_EXIT_IO);

		run->io.size = cases[i].size;
		run->io.count = cases[i].count;
		run->io.data_offset = cases[i].offset;
		assert_int_equal(decode(run).kind, cases[i].fits ? EXIT_PORT : EXIT_UNKNOWN);
	}
}

static void test_memory(void **state)
{
	(void)state;
	for (unsigned length = 0; length < 10; length++) {
		struct kvm_run *run = fresh(KVM_EXIT_MMIO);
		struct exit exit;

		run->mmio.phys_addr = 0xFEE00080;
		run->mmio.len = length;
		run->mmio.is_write = length & 1;
		exit = decode(run);
		if (length == 0 || length > 8) {
			assert_int_equal(exit.kind, EXIT_UNKNOWN);
			assert_false(exit.unfinished);
			continue;
		}
		assert_int_equal(exit.kind, EXIT_MEMORY);
		assert_true(exit.unfinished);
		assert_int_equal(exit.u.access.address, 0xFEE00080);
		assert_int_equal(exit.u.access.width, length);
		assert_int_equal(exit.u.access.count, 1);
		assert_int_equal(exit.u.access.write, length & 1);
		assert_ptr_equal(exit.u.access.data, run->mmio.data);
	}
}

static void test_msrs_and_their_answers(void **state)
{
	struct kvm_run *run = fresh(KVM_EXIT_X86_WRMSR);
	struct exit exit;

	(void)state;
	run->msr.index = 0x830;
	run->msr.data = UINT64_C(0x123456789ABCDEF0);
	exit = decode(run);
	assert_int_equal(exit.kind, EXIT_MSR);
	assert_true(exit.unfinished);
	assert_true(exit.u.msr.write);
	assert_int_equal(exit.u.msr.index, 0x830);
	assert_int_equal(exit.u.msr.value, UINT64_C(0x123456789ABCDEF0));
	exit_answer_msr(run, true, 7);
	assert_int_equal(run->msr.error, 0);
	assert_int_equal(run->msr.data, UINT64_C(0x123456789ABCDEF0));
	exit_answer_msr(run, false, 7);
	assert_int_equal(run->msr.error, 1);

	run = fresh(KVM_EXIT_X86_RDMSR);
	run->msr.index = 0x802;
	run->msr.error = 1;
	assert_false(decode(run).u.msr.write);
	exit_answer_msr(run, true, UINT64_C(0xFFFFFFFF00000001));
	assert_int_equal(run->msr.error, 0);
	assert_int_equal(run->msr.data, UINT64_C(0xFFFFFFFF00000001));
	exit_answer_msr(run, false, 9);
	assert_int_equal(run->msr.error, 1);
	assert_int_equal(run->msr.data, UINT64_C(0xFFFFFFFF00000001));
}

static void test_the_rest_by_reason(void **state)
{
	static const struct {
		uint32_t reason;
		enum exit_kind kind;
	} kinds[] = {
		{KVM_EXIT_HLT, EXIT_HALT},
		{KVM_EXIT_SET_TPR, EXIT_TPR},
		{KVM_EXIT_DEBUG, EXIT_STEP},
		{KVM_EXIT_IOAPIC_EOI, EXIT_EOI},
		{KVM_EXIT_SHUTDOWN, EXIT_SHUTDOWN},
		{KVM_EXIT_INTR, EXIT_NOTHING},
		{KVM_EXIT_NMI, EXIT_NOTHING},
		{KVM_EXIT_IRQ_WINDOW_OPEN, EXIT_NOTHING},
		{KVM_EXIT_FAIL_ENTRY, EXIT_FAILED_ENTRY},
		{KVM_EXIT_UNKNOWN, EXIT_UNKNOWN},
		{KVM_EXIT_HYPERCALL, EXIT_UNKNOWN},
		{KVM_EXIT_SYSTEM_EVENT, EXIT_UNKNOWN},
		{4711, EXIT_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct exit exit = decode(fresh(kinds[i].reason));

		assert_int_equal(exit.kind, kinds[i].kind);
		assert_int_equal(exit.reason, kinds[i].reason);
		assert_false(exit.unfinished);
	}
}

static void test_a_failed_entry_keeps_the_hardware_reason(void **state)
{
	struct kvm_run *run = fresh(KVM_EXIT_FAIL_ENTRY);

	(void)state;
	run->fail_entry.hardware_entry_failure_reason = UINT64_C(0x80000021);
	assert_int_equal(decode(run).u.failure.code, 0x80000021);
}

static struct exit emulation(unsigned ndata, uint64_t flags, uint8_t size)
{
	struct kvm_run *run = fresh(KVM_EXIT_INTERNAL_ERROR);

	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = ndata;
	run->emulation_failure.flags = flags;
	run->emulation_failure.insn_size = size;
	memset(run->emulation_failure.insn_bytes, 0x66, 15);
	return decode(run);
}

static void test_emulation_failures_show_bytes_if_they_are_there(void **state)
{
	const uint64_t bytes = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	struct exit exit = emulation(4, bytes, 5);

	(void)state;
	assert_int_equal(exit.kind, EXIT_EMULATION);
	assert_int_equal(exit.u.failure.length, 5);
	assert_int_equal(exit.u.failure.bytes[4], 0x66);
	assert_int_equal(emulation(4, bytes, 200).u.failure.length, 15);
	assert_int_equal(emulation(2, bytes, 5).u.failure.length, 0);
	assert_int_equal(emulation(4, 0, 5).u.failure.length, 0);
}

static void test_other_internal_errors_keep_their_data(void **state)
{
	struct kvm_run *run = fresh(KVM_EXIT_INTERNAL_ERROR);
	struct exit exit;

	(void)state;
	run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	run->internal.ndata = 0xFFFFFFFF;
	run->internal.data[15] = 77;
	exit = decode(run);
	assert_int_equal(exit.kind, EXIT_INTERNAL);
	assert_int_equal(exit.u.failure.suberror, KVM_INTERNAL_ERROR_DELIVERY_EV);
	assert_int_equal(exit.u.failure.data_count, 16);
	assert_int_equal(exit.u.failure.data[15], 77);
}

static void test_errors_of_kvm_run_hide_the_old_reason(void **state)
{
	struct kvm_run *run = fresh(KVM_EXIT_SHUTDOWN);
	struct exit exit;

	(void)state;
	exit_decode(run, RUN_BYTES, -EINTR, &exit);
	assert_int_equal(exit.kind, EXIT_NOTHING);
	assert_int_equal(exit.reason, KVM_EXIT_INTR);
	exit_decode(run, RUN_BYTES, -EFAULT, &exit);
	assert_int_equal(exit.kind, EXIT_UNKNOWN);
}

static void test_reasons_have_names(void **state)
{
	(void)state;
	assert_string_equal(exit_reason_name(KVM_EXIT_HLT), "HLT");
	assert_string_equal(exit_reason_name(4711), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_port_data_outside_of_kvm_run_is_refused),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_msrs_and_their_answers),
		cmocka_unit_test(test_the_rest_by_reason),
		cmocka_unit_test(test_a_failed_entry_keeps_the_hardware_reason),
		cmocka_unit_test(test_emulation_failures_show_bytes_if_they_are_there),
		cmocka_unit_test(test_other_internal_errors_keep_their_data),
		cmocka_unit_test(test_errors_of_kvm_run_hide_the_old_reason),
		cmocka_unit_test(test_reasons_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
