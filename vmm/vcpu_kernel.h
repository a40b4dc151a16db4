// SPDX-License-Identifier: BSD-2-Clause
// The life of a virtual processor whose Local APIC is KVM's: KVM halts it, wakes it, starts it by
// INIT and SIPI. Not for one whose Local APIC is ours: that is vcpu.c.
#ifndef VMM_VCPU_KERNEL_H
#define VMM_VCPU_KERNEL_H

#include <stdbool.h>

struct vcpu;

/* One turn: give what the 8259s ask for, run the guest, answer the exit. False when the run has
 * ended. [owner] */
bool vcpu_kernel_turn(struct vcpu *v);

/* KVM finishes the instruction whose access was answered last. False: the run has ended over it.
 * [owner] */
bool vcpu_kernel_finish(struct vcpu *v);

/* The boot processor goes on where machine_warm.h says, which KVM does not know. False: the run has
 * ended. [owner] */
bool vcpu_kernel_start_warm(struct vcpu *v);

/* KVM's loop comes round once, so that what was handed to KVM is under way. *exited: the guest had
 * an exit in it. False: the run has ended over it. [owner] */
bool vcpu_kernel_pass(struct vcpu *v, bool *exited);

/*
 * Whether it sleeps, and neither what is pending nor its own timer will wake it: exact as long as
 * nobody sends it anything. Runs no instruction of the guest. [owner, not in KVM_RUN]
 */
bool vcpu_kernel_sleeps(struct vcpu *v);

#endif
