// SPDX-License-Identifier: BSD-2-Clause
// What KVM holds of a processor, read and set: all of it, in KVM's order, and by name where
// refused. Not its Local APIC.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/vmm/fake_kvm.h"
#include "vmm/msr_index.h"
#include "vmm/processor.h"

#define EFER 0xC0000080u

static struct fake_kvm kvm;
static struct host_traits traits;
static struct vm vm;
static int fds[2];
static struct processor_msrs msrs;
static struct processor processor;
static struct processor_error why;

static int setup(void **state)
{
	struct result result;

	(void)state;
	fake_kvm_init(&kvm);
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &result));
	for (unsigned i = 0; i < 2; i++)
		fds[i] = vm_create_vcpu(&vm, i);
	memset(&why, 0, sizeof(why));
	return 0;
}

static void list(const uint32_t *indices, unsigned count)
{
	memcpy(kvm.msr_index, indices, count * sizeof(indices[0]));
	kvm.msr_count = count;
}

static bool travels(uint32_t index)
{
	for (unsigned i = 0; i < msrs.count; i++)
		if (msrs.index[i] == index)
			return true;
	return false;
}

/* ---------------------------------------------------------------- which MSRs */

static void test_state_travels_and_commands_do_not(void **state)
{
	static const struct {
		uint32_t index;
		bool travels;
	} cases[] = {
		{0x10, false},       {0x1B, false},      {0x6E0, false}, {0x11, false},
		{0x4B564D00, false}, {0x800, false},     {0x830, false}, {0x8FF, false},
		{0x7FF, true},       {0x900, true},      {0x3B, true},   {0x4B564D01, true},
		{EFER, true},        {0xC0000102, true}, {0x277, true},
	};
	uint32_t all[15];

	(void)state;
	for (size_t i = 0; i < 15; i++)
		all[i] = cases[i].index;
	list(all, 15);
	/* The deadline can be read where the Local APICs are KVM's. */
	kvm.split_pins = 24;
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	for (size_t i = 0; i < 15; i++)
		if (travels(cases[i].index) != cases[i].travels)
			fail_msg("MSR %Xh", cases[i].index);
	assert_int_equal(msrs.count, 7);
}

static void test_what_cannot_be_read_stays(void **state)
{
	(void)state;
	list((const uint32_t[]){0x174, 0x175, 0x176}, 3);
	kvm.msr_unreadable = 0x175;
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	assert_int_equal(msrs.count, 2);
	assert_false(travels(0x175));
}

static void test_a_host_without_a_list_has_none(void **state)
{
	(void)state;
	msrs.count = 7;
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	assert_int_equal(msrs.count, 0);
	kvm.failing_request = KVM_GET_MSR_INDEX_LIST;
	kvm.failing_error = EFAULT;
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), -EFAULT);
}

/* ---------------------------------------------------------------- there and back */

static void fill(void *at, size_t bytes, unsigned seed)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)at)[i] = (uint8_t)(seed + i * 7 + i / 256);
}

static void test_everything_arrives(void **state)
{
	struct fake_vcpu *from = &kvm.vcpus[0], *to = &kvm.vcpus[1];
	uint32_t many[FAKE_MSRS];

	(void)state;
	/* More than KVM takes in one call. */
	for (unsigned i = 0; i < FAKE_MSRS; i++)
		many[i] = 0x1000 + i;
	list(many, FAKE_MSRS);
	fill(&from->regs, sizeof(from->regs), 1);
	fill(&from->sregs, sizeof(from->sregs), 2);
	memset(from->sregs.interrupt_bitmap, 0, sizeof(from->sregs.interrupt_bitmap));
	from->apic_base = from->sregs.apic_base;
	fill(&from->debug, sizeof(from->debug), 3);
	fill(from->xsave, sizeof(from->xsave), 4);
	fill(&from->xcrs, sizeof(from->xcrs), 5);
	fill(from->msrs, sizeof(from->msrs), 6);
	from->events.exception.nr = 14;
	from->events.exception.pending = 1;
	from->events.exception.error_code = 2;
	from->queued = 0x51;
	from->nmis_queued = 2;
	from->nmi_blocked = true;
	from->shadow = true;
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	assert_int_equal(msrs.count, FAKE_MSRS);
	assert_true(processor_get(&vm, fds[0], &msrs, &processor, &why));
	assert_true(processor_set(&vm, fds[1], &msrs, &processor, &why));
	assert_memory_equal(&to->regs, &from->regs, sizeof(to->regs));
	assert_memory_equal(&to->sregs, &from->sregs, sizeof(to->sregs));
	assert_memory_equal(&to->debug, &from->debug, sizeof(to->debug));
	assert_memory_equal(to->xsave, from->xsave, sizeof(to->xsave));
	assert_memory_equal(&to->xcrs, &from->xcrs, sizeof(to->xcrs));
	assert_memory_equal(to->msrs, from->msrs, sizeof(to->msrs));
	assert_int_equal(to->events.exception.nr, 14);
	assert_int_equal(to->events.exception.pending, 1);
	assert_int_equal(to->queued, 0x51);
	assert_int_equal(to->nmis_queued, 2);
	assert_true(to->nmi_blocked);
	assert_true(to->shadow);
}

static void test_an_interrupt_that_waits_is_told_once(void **state)
{
	(void)state;
	msrs.count = 0;
	kvm.vcpus[0].sregs.interrupt_bitmap[1] = 1;
	assert_true(processor_get(&vm, fds[0], &msrs, &processor, &why));
	assert_true(processor_set(&vm, fds[1], &msrs, &processor, &why));
	assert_int_equal(kvm.vcpus[1].sregs.interrupt_bitmap[1], 0);
}

static void test_an_exception_that_waits_brings_its_address(void **state)
{
	(void)state;
	msrs.count = 0;
	kvm.vcpus[0].sregs.cr2 = 1;
	kvm.vcpus[0].cr2_payload = 0x123000;
	assert_true(processor_get(&vm, fds[0], &msrs, &processor, &why));
	assert_int_equal(processor.sregs.cr2, 0x123000);
}

static void test_the_order_is_kvms(void **state)
{
	const struct fake_vcpu *to = &kvm.vcpus[1];
	unsigned sregs, xcrs, xsave, msr, regs, events;

	(void)state;
	list((const uint32_t[]){EFER}, 1);
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	assert_true(processor_get(&vm, fds[0], &msrs, &processor, &why));
	processor.msrs[0] = 5;
	assert_true(processor_set(&vm, fds[1], &msrs, &processor, &why));
	sregs = fake_logged(to, KVM_SET_SREGS);
	xcrs = fake_logged(to, KVM_SET_XCRS);
	xsave = fake_logged(to, KVM_SET_XSAVE);
	msr = fake_logged(to, KVM_SET_MSRS);
	regs = fake_logged(to, KVM_SET_REGS);
	events = fake_logged(to, KVM_SET_VCPU_EVENTS);
	assert_true(sregs > 0 && xcrs > sregs && xsave > xcrs && msr > sregs && regs > 0);
	assert_int_equal(events, to->log_count);
}

/* ---------------------------------------------------------------- MSRs that are particular */

static unsigned sets(const struct fake_vcpu *v)
{
	unsigned count = 0;

	for (unsigned i = 0; i < v->log_count; i++)
		count += v->log[i] == KVM_SET_MSRS;
	return count;
}

static void test_an_msr_that_has_its_value_is_left_alone(void **state)
{
	(void)state;
	list((const uint32_t[]){0x174, 0x175}, 2);
	/* It would be refused. */
	kvm.msr_refused = 0x174;
	kvm.vcpus[0].msrs[0] = kvm.vcpus[1].msrs[0] = 77;
	kvm.vcpus[0].msrs[1] = 78;
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	assert_true(processor_get(&vm, fds[0], &msrs, &processor, &why));
	assert_true(processor_set(&vm, fds[1], &msrs, &processor, &why));
	assert_int_equal(sets(&kvm.vcpus[1]), 1);
	assert_int_equal(kvm.vcpus[1].msrs[1], 78);
}

static void test_the_clocks_place_is_told_each_time(void **state)
{
	(void)state;
	list((const uint32_t[]){0x4B564D01}, 1);
	kvm.vcpus[0].msrs[0] = kvm.vcpus[1].msrs[0] = 0x5001;
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	assert_true(processor_get(&vm, fds[0], &msrs, &processor, &why));
	assert_true(processor_set(&vm, fds[1], &msrs, &processor, &why));
	assert_int_equal(sets(&kvm.vcpus[1]), 1);
}

/* ---------------------------------------------------------------- refusals */

/* Where the guest has put it no memory is any more: it goes on without. */
static void test_a_word_for_the_eoi_that_is_nowhere_is_given_up(void **state)
{
	(void)state;
	list((const uint32_t[]){0x4B564D04}, 1);
	kvm.vcpus[0].msrs[0] = 0xD0000001;
	kvm.vcpus[1].msrs[0] = 0x5000;
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	assert_true(processor_get(&vm, fds[0], &msrs, &processor, &why));
	assert_true(processor_set(&vm, fds[1], &msrs, &processor, &why));
	assert_int_equal(kvm.vcpus[1].msrs[0], 0);
}

static void test_a_refused_msr_is_named(void **state)
{
	uint32_t many[FAKE_MSRS];

	(void)state;
	for (unsigned i = 0; i < FAKE_MSRS; i++)
		many[i] = 0x1000 + i;
	list(many, FAKE_MSRS);
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	kvm.vcpus[0].msrs[0x105] = 0xABC;
	assert_true(processor_get(&vm, fds[0], &msrs, &processor, &why));
	kvm.msr_refused = 0x1105;
	assert_false(processor_set(&vm, fds[1], &msrs, &processor, &why));
	assert_string_equal(why.what, "KVM_SET_MSRS: MSR 1105h = ABCh");
	assert_int_equal(why.error, -ENXIO);
	/* In the second call that it takes. */
	kvm.msr_unreadable = 0x1103;
	assert_false(processor_get(&vm, fds[0], &msrs, &processor, &why));
	assert_string_equal(why.what, "KVM_GET_MSRS: MSR 1103h");
	assert_int_equal(why.error, -ENXIO);
}

static void test_each_call_that_fails_is_named(void **state)
{
	static const struct {
		unsigned long request;
		const char *name;
		bool get;
	} calls[] = {
		{KVM_GET_REGS, "KVM_GET_REGS", true},
		{KVM_GET_SREGS, "KVM_GET_SREGS", true},
		{KVM_GET_DEBUGREGS, "KVM_GET_DEBUGREGS", true},
		{KVM_GET_VCPU_EVENTS, "KVM_GET_VCPU_EVENTS", true},
		{KVM_GET_XSAVE, "KVM_GET_XSAVE", true},
		{KVM_GET_XCRS, "KVM_GET_XCRS", true},
		{KVM_GET_MSRS, "KVM_GET_MSRS: MSR C0000080h", true},
		{KVM_SET_REGS, "KVM_SET_REGS", false},
		{KVM_SET_SREGS, "KVM_SET_SREGS", false},
		{KVM_SET_DEBUGREGS, "KVM_SET_DEBUGREGS", false},
		{KVM_SET_VCPU_EVENTS, "KVM_SET_VCPU_EVENTS", false},
		{KVM_SET_XSAVE, "KVM_SET_XSAVE", false},
		{KVM_SET_XCRS, "KVM_SET_XCRS", false},
		{KVM_SET_MSRS, "KVM_SET_MSRS: MSR C0000080h = 500h", false},
	};

	(void)state;
	list((const uint32_t[]){EFER}, 1);
	assert_int_equal(processor_msrs_find(&vm, fds[0], &msrs), 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		kvm.failing_error = 0;
		kvm.vcpus[0].msrs[0] = 0x500;
		kvm.vcpus[1].msrs[0] = 0;
		assert_true(processor_get(&vm, fds[0], &msrs, &processor, &why));
		kvm.failing_request = calls[i].request;
		kvm.failing_error = EPERM;
		assert_int_equal(processor_get(&vm, fds[0], &msrs, &processor, &why),
				 !calls[i].get);
		if (!calls[i].get)
			assert_false(processor_set(&vm, fds[1], &msrs, &processor, &why));
		assert_string_equal(why.what, calls[i].name);
		assert_int_equal(why.error, -EPERM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_state_travels_and_commands_do_not, setup),
		cmocka_unit_test_setup(test_what_cannot_be_read_stays, setup),
		cmocka_unit_test_setup(test_a_host_without_a_list_has_none, setup),
		cmocka_unit_test_setup(test_everything_arrives, setup),
		cmocka_unit_test_setup(test_an_interrupt_that_waits_is_told_once, setup),
		cmocka_unit_test_setup(test_an_exception_that_waits_brings_its_address, setup),
		cmocka_unit_test_setup(test_the_order_is_kvms, setup),
		cmocka_unit_test_setup(test_an_msr_that_has_its_value_is_left_alone, setup),
		cmocka_unit_test_setup(test_the_clocks_place_is_told_each_time, setup),
		cmocka_unit_test_setup(test_a_word_for_the_eoi_that_is_nowhere_is_given_up, setup),
		cmocka_unit_test_setup(test_a_refused_msr_is_named, setup),
		cmocka_unit_test_setup(test_each_call_that_fails_is_named, setup),
	};

	return cmocka_run_group_tests_name("processor", tests, NULL, NULL);
}
