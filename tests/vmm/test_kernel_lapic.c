// SPDX-License-Identifier: BSD-2-Clause
// What KVM is asked for and told when the Local APICs are its own.
// Not how vCPUs with them run.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/vmm/fake_kvm.h"
#include "vmm/kernel_lapic.h"

static struct fake_kvm kvm;
static struct host_traits traits;
static struct vm vm;
static struct result why;

static int setup(void **state)
{
	(void)state;
	fake_kvm_init(&kvm);
	memset(&why, 0, sizeof(why));
	return !vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_KERNEL, &why);
}

static int teardown(void **state)
{
	(void)state;
	vm_close(&vm);
	return 0;
}

static void test_only_the_lapic_goes_into_the_kernel(void **state)
{
	(void)state;
	assert_true(kernel_lapic_enable(&vm, 254, &why));
	assert_int_equal(kvm.split_pins, KERNEL_LAPIC_LINES);
	assert_int_equal(kvm.x2apic_api, KVM_X2APIC_API_USE_32BIT_IDS);
	assert_int_equal(kvm.quirks_off, KVM_X86_QUIRK_LINT0_REENABLED);
}

static void test_with_more_cpus_than_8_bits_tell_apart_no_id_is_a_broadcast(void **state)
{
	(void)state;
	assert_true(kernel_lapic_enable(&vm, 255, &why));
	assert_int_equal(kvm.x2apic_api,
			 KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
}

static void test_a_host_without_it_is_told_what_it_lacks(void **state)
{
	static const struct {
		uint32_t cap;
		const char *name;
	} cases[] = {
		{KVM_CAP_SPLIT_IRQCHIP, "KVM_CAP_SPLIT_IRQCHIP"},
		{KVM_CAP_X2APIC_API, "KVM_CAP_X2APIC_API"},
		{KVM_CAP_DISABLE_QUIRKS, "KVM_CAP_DISABLE_QUIRKS"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kvm.missing_cap = cases[i].cap;
		assert_false(kernel_lapic_enable(&vm, 1, &why));
		assert_int_equal(why.kind, RESULT_HOST_LACKS);
		assert_non_null(strstr(why.text, cases[i].name));
		assert_non_null(strstr(why.text, strerror(EINVAL)));
		assert_non_null(strstr(why.text, "Linux 4."));
	}
}

static void test_registers_go_there_and_back(void **state)
{
	struct kvm_lapic_state in = {{0}}, out = {{0}};
	int fd;

	(void)state;
	assert_true(kernel_lapic_enable(&vm, 1, &why));
	fd = vm_create_vcpu(&vm, 0);
	memcpy(in.regs + 0x320, "\x31\x00\x02\x00", 4);
	assert_int_equal(kernel_lapic_set(&vm, fd, &in), 0);
	assert_int_equal(kernel_lapic_get(&vm, fd, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_int_equal(kernel_lapic_register(&out, 0x320), 0x20031);
}

static void test_a_message_keeps_its_high_destination(void **state)
{
	const struct kernel_lapic_message message = {
		.address = UINT64_C(0x00000100FEE05000),
		.data = 0xC031,
	};

	(void)state;
	kvm.msi_answer = 0;
	assert_int_equal(kernel_lapic_send(&vm, &message), 0);
	kvm.msi_answer = 1;
	assert_int_equal(kernel_lapic_send(&vm, &message), 1);
	assert_int_equal(kvm.msi_count, 2);
	assert_int_equal(kvm.msis[1].address_lo, 0xFEE05000);
	assert_int_equal(kvm.msis[1].address_hi, 0x100);
	assert_int_equal(kvm.msis[1].data, 0xC031);
	assert_int_equal(kvm.msis[1].flags, 0);
}

static void test_lines_become_routes_in_order(void **state)
{
	struct kernel_lapic_message lines[KERNEL_LAPIC_LINES];

	(void)state;
	for (unsigned i = 0; i < KERNEL_LAPIC_LINES; i++)
		lines[i] = (struct kernel_lapic_message){
			.address = (uint64_t)i << 40 | 0xFEE00000 | i << 12,
			.data = 0xC000 + i,
		};
	assert_int_equal(kernel_lapic_route(&vm, lines, KERNEL_LAPIC_LINES), 0);
	assert_int_equal(kvm.route_count, KERNEL_LAPIC_LINES);
	for (unsigned i = 0; i < KERNEL_LAPIC_LINES; i++) {
		assert_int_equal(kvm.routes[i].gsi, i);
		assert_int_equal(kvm.routes[i].type, KVM_IRQ_ROUTING_MSI);
		assert_int_equal(kvm.routes[i].u.msi.address_lo, 0xFEE00000 | i << 12);
		assert_int_equal(kvm.routes[i].u.msi.address_hi, i << 8);
		assert_int_equal(kvm.routes[i].u.msi.data, 0xC000 + i);
	}
	assert_int_equal(kernel_lapic_route(&vm, NULL, 0), 0);
	assert_int_equal(kvm.route_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_the_lapic_goes_into_the_kernel),
		TEST(test_with_more_cpus_than_8_bits_tell_apart_no_id_is_a_broadcast),
		TEST(test_a_host_without_it_is_told_what_it_lacks),
		TEST(test_registers_go_there_and_back),
		TEST(test_a_message_keeps_its_high_destination),
		TEST(test_lines_become_routes_in_order),
	};

	return cmocka_run_group_tests_name("kernel LAPIC", tests, NULL, NULL);
}
