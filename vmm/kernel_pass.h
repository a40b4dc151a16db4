// SPDX-License-Identifier: BSD-2-Clause
// One turn of KVM_RUN's own loop for a vCPU whose Local APIC is KVM's, without the guest.
// Not a kick: nobody else is told, and no instruction of the guest runs.
#ifndef VMM_KERNEL_PASS_H
#define VMM_KERNEL_PASS_H

#include <stdbool.h>

#include "vmm/vm.h"

struct kvm_run;

/*
 * KVM turns a timer that has run out into an interrupt, and makes a halted vCPU with an interrupt
 * runnable, only when its loop comes round: of the latter after the former, so in two passes. What
 * the last exit left unfinished is finished. False: KVM refuses. [owner, KICK_SIGNAL installed and
 * not in KVM_RUN]
 */
bool kernel_pass(const struct vm *vm, int vcpu_fd, struct kvm_run *run);

/* The same for one that is not halted: a host that emulates may run some instructions all the same.
 * What KVM_RUN returned, -EINTR mostly; another exit is to be answered. */
int kernel_pass_awake(const struct vm *vm, int vcpu_fd, struct kvm_run *run);

#endif
