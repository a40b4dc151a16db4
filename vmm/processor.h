// SPDX-License-Identifier: BSD-2-Clause
// What KVM holds of a processor, out of one vCPU and into another: everything but its Local APIC.
// Not whether it runs, halts or waits: who moves it knows (vcpu_hop.c).
#ifndef VMM_PROCESSOR_H
#define VMM_PROCESSOR_H

#include <linux/kvm.h>
#include <stdint.h>

#include "vmm/vm.h"

#define PROCESSOR_MSRS_MAX 512u

/* Which MSRs travel: the same for all vCPUs of a machine. */
struct processor_msrs {
	unsigned count;
	uint32_t index[PROCESSOR_MSRS_MAX];
};

/* Whether an MSR of this number may be among them: not the TSC (tsc.h), nothing of the Local APIC,
 * and no MSR whose write is a command. */
bool processor_msr_travels(uint32_t index);

struct processor {
	struct kvm_regs regs;
	struct kvm_sregs sregs; /* of apic_base and cr8 the Local APIC's owner says what they are */
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	/* struct kvm_xsave, whose end is open */
	_Alignas(64) uint8_t xsave[4096];
	struct kvm_xcrs xcrs;
	uint64_t msrs[PROCESSOR_MSRS_MAX]; /* by place in struct processor_msrs */
};

/*
 * Finds out which MSRs KVM lets be read of this vCPU, and that are state. 0 or -errno.
 * [setup]
 */
int processor_msrs_find(const struct vm *vm, int vcpu_fd, struct processor_msrs *msrs);

/* What failed, with the call's name, beside -errno. */
struct processor_error {
	int error;
	char what[64];
};

/*
 * Both want a vCPU that is not in KVM_RUN and has no instruction unfinished. processor_set() leaves
 * alone MSRs that have their value already. False: *error says why. [any thread]
 */
bool processor_get(const struct vm *vm, int vcpu_fd, const struct processor_msrs *msrs,
		   struct processor *processor, struct processor_error *error);
bool processor_set(const struct vm *vm, int vcpu_fd, const struct processor_msrs *msrs,
		   const struct processor *processor, struct processor_error *error);

#endif
