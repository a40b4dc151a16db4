// SPDX-License-Identifier: BSD-2-Clause
// One vCPU between the VM in which its Local APIC is ours and the one in which it is KVM's: out of
// one, into the other. Not when, and not what else a machine has: machine_hop.c.
#ifndef VMM_VCPU_HOP_H
#define VMM_VCPU_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/processor.h"
#include "vmm/vcpu.h"

/* What a vCPU is while it is in neither. */
struct vcpu_hop {
	struct processor processor;
	enum vcpu_state state;
	bool smi;
	uint64_t apic_base;
	/* Of a Local APIC of KVM's, read at this moment; ours keep their state themselves. */
	struct kvm_lapic_state lapic;
	uint64_t tsc_deadline;
	uint64_t looked_ns;
	/* Forget one of the vectors that wait in IRR, if any does: to see who notices. */
	bool drop;
	int dropped; /* it, or -1 */
};

/*
 * The vCPU's own thread does all this, between two turns, while no other vCPU runs and no device
 * moves. False: the run has ended, and has been told why.
 *
 * In this order: vcpu_hop_settle() for all, so that KVM holds nothing back that cannot be read;
 * vcpu_hop_leave() for all; vcpu_hop_swap() for all; vcpu_hop_enter() for all.
 */
bool vcpu_hop_settle(struct vcpu *v);
bool vcpu_hop_leave(struct vcpu *v, const struct processor_msrs *msrs, struct vcpu_hop *hop);
/* To the double, whose TSC reads the same from now on. */
bool vcpu_hop_swap(struct vcpu *v);
bool vcpu_hop_enter(struct vcpu *v, const struct processor_msrs *msrs, struct vcpu_hop *hop);

#endif
