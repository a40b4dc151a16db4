// SPDX-License-Identifier: BSD-2-Clause
// Each kind of first state, as it arrives in KVM's structures: every register has its own place.
// Not what those states are: test_boot.c has that.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/vmm/fake_kvm.h"
#include "vmm/regs.h"

static struct fake_kvm kvm;
static struct host_traits traits;
static struct vm vm;
static int fd;

static int setup(void **state)
{
	struct result why;

	(void)state;
	fake_kvm_init(&kvm);
	memset(&vm, 0, sizeof(vm));
	traits = (struct host_traits){0};
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	fd = vm_create_vcpu(&vm, 0);
	assert_true(fd >= 0);
	/* What must not stay. */
	memset(&kvm.vcpus[0].regs, 0xAB, sizeof(kvm.vcpus[0].regs));
	kvm.vcpus[0].sregs.cr2 = 0xAB;
	kvm.vcpus[0].sregs.apic_base = 0xFEE00900;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vm_close(&vm);
	return 0;
}

static void test_general_registers(void **state)
{
	struct boot_state boot = {
		.rax = 1, .rbx = 2, .rdx = 3, .rsi = 4, .rdi = 5, .rip = 6, .rflags = 2};
	const struct kvm_regs *regs = &kvm.vcpus[0].regs;

	(void)state;
	assert_int_equal(regs_set(&vm, fd, &boot), 0);
	assert_int_equal(regs->rax, 1);
	assert_int_equal(regs->rbx, 2);
	assert_int_equal(regs->rdx, 3);
	assert_int_equal(regs->rsi, 4);
	assert_int_equal(regs->rdi, 5);
	assert_int_equal(regs->rip, 6);
	assert_int_equal(regs->rflags, 2);
	assert_int_equal(regs->rcx | regs->rbp | regs->rsp, 0);
	assert_int_equal(regs->r8 | regs->r9 | regs->r10 | regs->r11, 0);
	assert_int_equal(regs->r12 | regs->r13 | regs->r14 | regs->r15, 0);
}

static void assert_segment(const struct kvm_segment *s, uint16_t selector, uint8_t type, bool wide)
{
	assert_int_equal(s->base, 0);
	assert_int_equal(s->limit, 0xFFFFFFFF);
	assert_int_equal(s->selector, selector);
	assert_int_equal(s->type, type);
	assert_int_equal(s->present, 1);
	assert_int_equal(s->s, 1);
	assert_int_equal(s->g, 1);
	assert_int_equal(s->dpl, 0);
	assert_int_equal(s->l, wide);
	assert_int_equal(s->db, !wide);
	assert_int_equal(s->unusable, 0);
}

static void test_linux_states(void **state)
{
	const struct kvm_sregs *sregs = &kvm.vcpus[0].sregs;
	struct boot_state boot;

	(void)state;
	boot_linux64(&boot, 0x1000200, 0x7000, 0x7100);
	assert_int_equal(regs_set(&vm, fd, &boot), 0);
	assert_segment(&sregs->cs, 0x10, 0xB, true);
	assert_segment(&sregs->ds, 0x18, 3, false);
	assert_segment(&sregs->es, 0x18, 3, false);
	assert_segment(&sregs->fs, 0x18, 3, false);
	assert_segment(&sregs->gs, 0x18, 3, false);
	assert_segment(&sregs->ss, 0x18, 3, false);
	assert_int_equal(sregs->ldt.unusable, 1);
	assert_int_equal(sregs->tr.type, 0xB);
	assert_int_equal(sregs->tr.limit, 0x67);
	assert_int_equal(sregs->gdt.base, 0x7000);
	assert_int_equal(sregs->gdt.limit, 31);
	assert_int_equal(sregs->idt.limit, 0);
	assert_int_equal(sregs->cr0, 0x80000011);
	assert_int_equal(sregs->cr2, 0);
	assert_int_equal(sregs->cr3, 0x9000);
	assert_int_equal(sregs->cr4, 0x20);
	assert_int_equal(sregs->efer, 0x500);
	assert_int_equal(sregs->apic_base, 0xFEE00900);
	assert_int_equal(kvm.vcpus[0].debug.dr6, 0xFFFF0FF0);
	assert_int_equal(kvm.vcpus[0].debug.dr7, 0x400);
	boot_linux32(&boot, 0x1000000, 0x7000, 0x7100);
	assert_int_equal(regs_set(&vm, fd, &boot), 0);
	assert_segment(&sregs->cs, 0x10, 0xB, false);
	assert_int_equal(sregs->cr0, 0x11);
	assert_int_equal(sregs->cr4 | sregs->efer | sregs->cr3, 0);
}

static void test_what_kvm_refuses(void **state)
{
	static const unsigned long requests[] = {KVM_GET_SREGS, KVM_SET_SREGS, KVM_SET_REGS,
						 KVM_SET_VCPU_EVENTS};
	struct boot_state boot;

	(void)state;
	boot_linux64(&boot, 0x1000200, 0x7000, 0x7100);
	kvm.failing_error = EFAULT;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		kvm.failing_request = requests[i];
		assert_int_equal(regs_set(&vm, fd, &boot), -EFAULT);
	}
	/* Debug registers are missing in old kernels, and a fresh processor's are as they should.
	 */
	kvm.failing_request = KVM_SET_DEBUGREGS;
	assert_int_equal(regs_set(&vm, fd, &boot), -EFAULT);
	kvm.failing_error = ENOTTY;
	assert_int_equal(regs_set(&vm, fd, &boot), 0);
}

static void test_registers_come_back(void **state)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct boot_state boot;

	(void)state;
	boot_pvh(&boot, 0x123456, 0x7000, 0x7100);
	assert_int_equal(regs_set(&vm, fd, &boot), 0);
	assert_int_equal(regs_get(&vm, fd, &regs, &sregs), 0);
	assert_int_equal(regs.rip, 0x123456);
	assert_int_equal(regs.rbx, 0x7100);
	assert_int_equal(sregs.cr0, 0x11);
	kvm.failing_error = EFAULT;
	kvm.failing_request = KVM_GET_REGS;
	assert_int_equal(regs_get(&vm, fd, &regs, &sregs), -EFAULT);
}

int main(void)
{
#define REGS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		REGS_TEST(test_general_registers),
		REGS_TEST(test_linux_states),
		REGS_TEST(test_what_kvm_refuses),
		REGS_TEST(test_registers_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
