// SPDX-License-Identifier: BSD-2-Clause
// A processor's first state into KVM's registers, and what INIT undoes in KVM.
// Not what that state is: boot.h says so, by the SDM.
#ifndef VMM_REGS_H
#define VMM_REGS_H

#include <stdint.h>

#include "vmm/boot.h"
#include "vmm/vm.h"

struct kvm_regs;
struct kvm_sregs;

/*
 * Makes *state the vCPU's state: general, segment, control and debug registers. IA32_APIC_BASE
 * stays, and everything that INIT keeps: TSC, x87 and SSE, MTRRs (rule MP-7). Events that KVM holds
 * for the vCPU, such as an NMI, are gone, and SMM is left. No instruction may be unfinished. 0 or
 * -errno. [owner]
 */
int regs_set(const struct vm *vm, int vcpu_fd, const struct boot_state *state);

int regs_get(const struct vm *vm, int vcpu_fd, struct kvm_regs *regs, struct kvm_sregs *sregs);

#endif
