// SPDX-License-Identifier: BSD-2-Clause
// Finds guest code in RAM or ROM by KVM_TRANSLATE.
// Not a page table walker: KVM knows the modes.

#include "vmm/fetch.h"

#include <linux/kvm.h>
#include <stddef.h>

#define EFER_LMA  0x400u
#define PAGE_MASK (RAM_PAGE_SIZE - 1)

const uint8_t *fetch_page(const struct vm *vm, int vcpu_fd, const struct ram *ram, uint64_t linear)
{
	struct kvm_translation at = {.linear_address = linear};

	if (kvm_ioctl(vm->kvm, vcpu_fd, KVM_TRANSLATE, &at) < 0 || !at.valid)
		return NULL;
	at.physical_address &= ~PAGE_MASK;
	/* Below the ROM this wraps, to more than its length. */
	if (at.physical_address - vm->rom.gpa < vm->rom.length)
		return vm->rom.host + (at.physical_address - vm->rom.gpa);
	return ram_at(ram, at.physical_address, RAM_PAGE_SIZE);
}

unsigned fetch_mode(const struct kvm_sregs *sregs)
{
	if (sregs->cs.l && (sregs->efer & EFER_LMA))
		return 64;
	return sregs->cs.db ? 32 : 16;
}

uint64_t fetch_linear(const struct kvm_sregs *sregs, uint64_t rip)
{
	/* SDM 3A, "Segmentation in IA-32e Mode": CS.base counts as 0 in 64-bit mode. */
	return fetch_mode(sregs) == 64 ? rip : (uint32_t)(sregs->cs.base + rip);
}

uint64_t fetch_stack(const struct kvm_sregs *sregs, uint64_t rsp)
{
	if (fetch_mode(sregs) == 64)
		return rsp;
	return (uint32_t)(sregs->ss.base + (sregs->ss.db ? (uint32_t)rsp : (uint16_t)rsp));
}

unsigned fetch_code(const struct vm *vm, int vcpu_fd, const struct ram *ram,
		    const struct kvm_sregs *sregs, uint64_t rip, uint8_t *bytes, unsigned size)
{
	uint64_t linear = fetch_linear(sregs, rip);
	const uint8_t *page = NULL;
	unsigned n;

	for (n = 0; n < size; n++, linear++) {
		if (!page || (linear & PAGE_MASK) == 0)
			page = fetch_page(vm, vcpu_fd, ram, linear & ~PAGE_MASK);
		if (!page)
			break;
		bytes[n] = *(const volatile uint8_t *)&page[linear & PAGE_MASK];
	}
	return n;
}
