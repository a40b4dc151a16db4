// SPDX-License-Identifier: BSD-2-Clause
// Making a VM: order of the calls, the MSR filter, memory slots with holes, and what is said when
// KVM refuses. Not vCPUs.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/vmm/fake_kvm.h"
#include "vmm/apic_page.h"
#include "vmm/vm.h"

static struct fake_kvm kvm;
static struct host_traits traits;
static struct vm vm;
static struct result why;

static int setup(void **state)
{
	(void)state;
	fake_kvm_init(&kvm);
	memset(&why, 0, sizeof(why));
	return 0;
}

static void test_intel_pages_come_before_the_first_vcpu(void **state)
{
	(void)state;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	assert_true(vm_create_vcpu(&vm, 0) >= 0);
	assert_true(kvm.tss_set && kvm.identity_set);
	assert_false(kvm.vcpu_before_tss);
	assert_int_equal(vm.run_bytes, FAKE_RUN_BYTES);
}

static void test_a_host_without_those_pages_will_do(void **state)
{
	(void)state;
	kvm.failing_request = KVM_SET_TSS_ADDR;
	kvm.failing_error = ENOTTY;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	kvm.failing_request = KVM_SET_IDENTITY_MAP_ADDR;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
}

static void test_the_filter_hands_out_what_is_ours_and_nothing_else(void **state)
{
	static const struct {
		uint32_t msr;
		bool read, write; /* answered by KVM itself */
	} msrs[] = {
		{0x1B, false, false},       {0x6E0, false, false},      {0x10, true, false},
		{0x3B, true, false},        {0x11, false, false},       {0x12, false, false},
		{0x4B564D01, true, true},   {0x4B564D02, false, false}, {0x4B564D04, false, false},
		{0x4B564D07, false, false}, {0x4B564D08, true, true},   {0xC0000080, true, true},
		{0x1A, true, true},         {0x1C, true, true},         {0x6DF, true, true},
		{0x6E1, true, true},        {0xF, true, true},          {0x13, true, true},
		{0x3A, true, true},
	};

	(void)state;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		assert_int_equal(fake_filter_allows(&kvm, msrs[i].msr, false), msrs[i].read);
		assert_int_equal(fake_filter_allows(&kvm, msrs[i].msr, true), msrs[i].write);
	}
	assert_int_equal(kvm.msr_reasons, KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_FILTER |
						  KVM_MSR_EXIT_REASON_UNKNOWN);
}

static void test_a_lapic_in_the_kernel_keeps_its_own_msrs(void **state)
{
	static const struct {
		uint32_t msr;
		bool read, write;
	} msrs[] = {
		{0x1B, true, true},         {0x6E0, true, true},      {0x10, true, false},
		{0x3B, true, false},        {0x11, false, false},     {0x12, false, false},
		{0x808, true, true},        {0x4B564D01, true, true}, {0x4B564D02, false, false},
		{0x4B564D04, false, false},
	};

	(void)state;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_KERNEL, &why));
	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		assert_int_equal(fake_filter_allows(&kvm, msrs[i].msr, false), msrs[i].read);
		assert_int_equal(fake_filter_allows(&kvm, msrs[i].msr, true), msrs[i].write);
	}
}

static void test_refusals_say_what_failed_and_leave_nothing_open(void **state)
{
	static const struct {
		unsigned long request;
		enum result_kind kind;
		const char *phrase;
	} cases[] = {
		{KVM_CREATE_VM, RESULT_NO_KVM, "KVM_CREATE_VM"},
		{KVM_GET_VCPU_MMAP_SIZE, RESULT_HOST_LACKS, "KVM_GET_VCPU_MMAP_SIZE"},
		{KVM_ENABLE_CAP, RESULT_HOST_LACKS, "Linux 5.10"},
		{KVM_X86_SET_MSR_FILTER, RESULT_HOST_LACKS, "KVM_X86_SET_MSR_FILTER"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(NULL);
		kvm.failing_request = cases[i].request;
		kvm.failing_error = EPERM;
		assert_false(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
		assert_int_equal(why.kind, cases[i].kind);
		assert_non_null(strstr(why.text, cases[i].phrase));
		assert_non_null(strstr(why.text, strerror(EPERM)));
		assert_int_equal(kvm.descriptors, 0);
	}
	setup(NULL);
	kvm.open_error = EACCES;
	assert_false(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	assert_int_equal(why.kind, RESULT_NO_KVM);
	assert_non_null(strstr(why.text, "doctor"));
}

/* ---------------------------------------------------------------- slots */

#define MIB UINT64_C(0x100000)

static uint8_t memory[8 << 20];

static struct ram two_ranges(void)
{
	return (struct ram){
		.ranges = {{0, memory, 4 * MIB}, {RAM_HIGH_START, memory + 4 * MIB, 4 * MIB}},
		.range_count = 2,
		.size = 8 * MIB,
	};
}

static void assert_backed(uint64_t gpa, bool backed)
{
	assert_int_equal(fake_backed(&kvm, gpa), backed);
}

static void test_holes_are_cut_out_and_given_back(void **state)
{
	const uint64_t holes[] = {0, 0x1000, 0x200000, 4 * MIB - 0x1000, RAM_HIGH_START + 0x5000};
	struct ram ram = two_ranges();

	(void)state;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	assert_int_equal(vm_map_ram(&vm, &ram, NULL, 0), 0);
	assert_backed(0, true);
	assert_backed(4 * MIB - 1, true);
	assert_backed(4 * MIB, false);
	assert_backed(RAM_HIGH_START, true);

	assert_int_equal(vm_map_ram(&vm, &ram, holes, 5), 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_backed(holes[i], false);
		assert_backed(holes[i] + 0xFFF, false);
	}
	assert_backed(0x2000, true);
	assert_backed(0x1FFFFF, true);
	assert_backed(0x201000, true);
	assert_backed(4 * MIB - 0x1001, true);
	assert_backed(RAM_HIGH_START + 0x4FFF, true);
	assert_backed(RAM_HIGH_START + 0x6000, true);

	assert_int_equal(vm_map_ram(&vm, &ram, NULL, 0), 0);
	assert_backed(0x200000, true);
	assert_backed(RAM_HIGH_START + 0x5000, true);
}

static void test_each_slot_leads_to_its_own_memory(void **state)
{
	const uint64_t holes[] = {0x200000, RAM_HIGH_START + 0x5000};
	struct ram ram = two_ranges();

	(void)state;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	assert_int_equal(vm_map_ram(&vm, &ram, holes, 2), 0);
	for (unsigned i = 0; i < FAKE_SLOTS; i++) {
		const struct kvm_userspace_memory_region *slot = &kvm.slots[i];

		if (slot->memory_size)
			assert_ptr_equal((void *)(uintptr_t)slot->userspace_addr,
					 ram_at(&ram, slot->guest_phys_addr, slot->memory_size));
	}
}

static void test_what_does_not_change_is_left_alone(void **state)
{
	const uint64_t hole = RAM_HIGH_START + 0x5000;
	struct ram ram = two_ranges();
	unsigned before;

	(void)state;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	vm_map_ram(&vm, &ram, NULL, 0);
	before = kvm.slot_changes;
	vm_map_ram(&vm, &ram, NULL, 0);
	assert_int_equal(kvm.slot_changes, before);
	/* The low range keeps its slot; the high one goes and comes back as two. */
	vm_map_ram(&vm, &ram, &hole, 1);
	assert_int_equal(kvm.slot_changes, before + 3);
}

static void test_more_holes_than_slots_change_nothing(void **state)
{
	uint64_t holes[VM_SLOTS_MAX];
	struct ram ram = two_ranges();

	(void)state;
	for (unsigned i = 0; i < VM_SLOTS_MAX; i++)
		holes[i] = 0x1000 + 0x2000 * (uint64_t)i;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	vm_map_ram(&vm, &ram, NULL, 0);
	assert_int_equal(vm_map_ram(&vm, &ram, holes, VM_SLOTS_MAX), -ENOSPC);
	assert_backed(0x1000, true);
}

static void test_all_ram_goes_and_comes_back(void **state)
{
	struct ram ram = two_ranges();
	const struct ram_range rom = {0xFFFC0000, ram.ranges[0].host, 0x1000};
	uint64_t hole = 0x100000;

	(void)state;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	vm_map_ram(&vm, &ram, &hole, 1);
	assert_int_equal(vm_map_rom(&vm, &rom), 0);
	assert_int_equal(vm_unmap_ram(&vm), 0);
	assert_backed(0, false);
	assert_backed(0x1FF000, false);
	assert_backed(ram.ranges[1].gpa, false);
	assert_backed(0xFFFC0000, true);
	assert_int_equal(vm_unmap_ram(&vm), 0);
	assert_int_equal(vm_map_ram(&vm, &ram, NULL, 0), 0);
	assert_backed(0, true);
	assert_backed(0x100000, true);
	assert_backed(ram.ranges[1].gpa, true);
	kvm.failing_request = KVM_SET_USER_MEMORY_REGION;
	kvm.failing_error = EIO;
	assert_int_equal(vm_unmap_ram(&vm), -EIO);
}

static void test_an_apic_page_is_shown_where_there_is_room(void **state)
{
	struct ram ram = two_ranges();
	uint8_t *page = ram.ranges[1].host;
	const struct kvm_userspace_memory_region *slot = &kvm.slots[VM_SLOT_APIC];

	(void)state;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	vm_map_ram(&vm, &ram, NULL, 0);
	assert_int_equal(vm_hide_apic_page(&vm), 0);
	assert_false(apic_page_shown(&vm));
	vm_show_apic_page(&vm, 0xFEE00000, page);
	assert_true(apic_page_shown(&vm));
	assert_int_equal(slot->flags, KVM_MEM_READONLY);
	assert_true(slot->guest_phys_addr == 0xFEE00000 && slot->memory_size == 0x1000);
	assert_true(slot->userspace_addr == (uintptr_t)page);
	assert_int_equal(vm_hide_apic_page(&vm), 0);
	assert_backed(0xFEE00000, false);
	/* RAM is there: it stays, and nothing says that the page is shown. */
	vm_show_apic_page(&vm, 0x1000, page);
	assert_false(apic_page_shown(&vm));
	assert_int_equal(vm_hide_apic_page(&vm), 0);
	assert_backed(0x1000, true);
	vm_show_apic_page(&vm, 0xFEE00000, page);
	kvm.failing_request = KVM_SET_USER_MEMORY_REGION;
	kvm.failing_error = EIO;
	assert_int_equal(vm_hide_apic_page(&vm), -EIO);
}

static void test_the_clock_goes_on_in_another_vm(void **state)
{
	static struct fake_kvm other;
	struct vm there;

	(void)state;
	fake_kvm_init(&other);
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	assert_true(vm_open(&there, &other.calls, &traits, VM_LAPIC_KERNEL, &why));
	kvm.clock = (struct kvm_clock_data){
		.clock = 1000,
		.realtime = 2000,
		.flags = KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC,
	};
	assert_int_equal(vm_follow_clock(&there, &vm), 0);
	assert_int_equal(other.clock.clock, 1000);
	assert_int_equal(other.clock.realtime, 2000);
	/* All that KVM_SET_CLOCK takes. */
	assert_int_equal(other.clock.flags, KVM_CLOCK_REALTIME);
	/* Before Linux 5.16 it says less. */
	kvm.clock.flags = KVM_CLOCK_TSC_STABLE;
	assert_int_equal(vm_follow_clock(&there, &vm), 0);
	assert_int_equal(other.clock.flags, 0);
	other.failing_request = KVM_SET_CLOCK;
	other.failing_error = EINVAL;
	assert_int_equal(vm_follow_clock(&there, &vm), -EINVAL);
	kvm.failing_request = KVM_GET_CLOCK;
	kvm.failing_error = EIO;
	assert_int_equal(vm_follow_clock(&there, &vm), -EIO);
}

static void test_one_msr(void **state)
{
	uint64_t value;
	int fd;

	(void)state;
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	fd = vm_create_vcpu(&vm, 0);
	assert_int_equal(vm_set_msr(&vm, fd, 0x3B, 77), 0);
	assert_int_equal(vm_get_msr(&vm, fd, 0x3B, &value), 0);
	assert_int_equal(value, 77);
	assert_int_equal(vm_get_msr(&vm, fd, 0x999, &value), -ENXIO);
	assert_int_equal(vm_set_msr(&vm, fd, 0x999, 1), -ENXIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_intel_pages_come_before_the_first_vcpu, setup),
		cmocka_unit_test_setup(test_a_host_without_those_pages_will_do, setup),
		cmocka_unit_test_setup(test_the_filter_hands_out_what_is_ours_and_nothing_else,
				       setup),
		cmocka_unit_test_setup(test_a_lapic_in_the_kernel_keeps_its_own_msrs, setup),
		cmocka_unit_test_setup(test_refusals_say_what_failed_and_leave_nothing_open, setup),
		cmocka_unit_test_setup(test_holes_are_cut_out_and_given_back, setup),
		cmocka_unit_test_setup(test_each_slot_leads_to_its_own_memory, setup),
		cmocka_unit_test_setup(test_what_does_not_change_is_left_alone, setup),
		cmocka_unit_test_setup(test_more_holes_than_slots_change_nothing, setup),
		cmocka_unit_test_setup(test_all_ram_goes_and_comes_back, setup),
		cmocka_unit_test_setup(test_an_apic_page_is_shown_where_there_is_room, setup),
		cmocka_unit_test_setup(test_the_clock_goes_on_in_another_vm, setup),
		cmocka_unit_test_setup(test_one_msr, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
