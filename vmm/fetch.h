// SPDX-License-Identifier: BSD-2-Clause
// Guest code as bytes: what a linear address leads to through the vCPU's own page tables.
// Not for data that a guest hands over, and nothing here writes.
#ifndef VMM_FETCH_H
#define VMM_FETCH_H

#include <stdint.h>

#include "vmm/ram.h"
#include "vmm/vm.h"

struct kvm_sregs;

/* The RAM behind the 4 KiB page that starts at `linear`, or NULL. It changes under running guests.
 */
const uint8_t *fetch_page(const struct vm *vm, int vcpu_fd, const struct ram *ram, uint64_t linear);

/* Bytes at CS:rip, as many of `size` as there are: the count. */
unsigned fetch_code(const struct vm *vm, int vcpu_fd, const struct ram *ram,
		    const struct kvm_sregs *sregs, uint64_t rip, uint8_t *bytes, unsigned size);

/* The linear address of CS:rip. */
uint64_t fetch_linear(const struct kvm_sregs *sregs, uint64_t rip);
/* The linear address of SS:rsp. */
uint64_t fetch_stack(const struct kvm_sregs *sregs, uint64_t rsp);
/* The size of the code segment: 16, 32 or 64 bits. */
unsigned fetch_mode(const struct kvm_sregs *sregs);

#endif
