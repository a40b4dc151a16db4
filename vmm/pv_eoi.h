// SPDX-License-Identifier: BSD-2-Clause
// KVM's paravirtual EOI, offered in front of our Local APIC: a word of the guest's memory says that
// the service is over, and no exit does. Where the Local APIC is KVM's the rest is KVM's own too.
#ifndef VMM_PV_EOI_H
#define VMM_PV_EOI_H

#include <stdbool.h>
#include <stdint.h>

struct msr_access;
struct vcpu;

/*
 * MSR 4B564D04h (Linux, "KVM-specific MSRs"): bit 0 switches it on, bits 63:2 are the address of a
 * 32-bit word. Its bit 0, set by us, allows the guest to clear it in place of the next EOI. KVM's
 * vCPU holds the MSR's value, which so travels with its others. Between two entries the bit is
 * never set, and no EOI is owed.
 */
struct pv_eoi {
	bool offered;  /* CPUID says so */
	bool allowed;  /* the bit was set for this entry */
	uint8_t *word; /* its lowest byte; NULL: switched off, or not in RAM */
};

/* By the vCPU's CPUID, which does not change. [setup] */
void pv_eoi_init(struct vcpu *v);
/* As msr_answer(), for this MSR. [owner] */
bool pv_eoi_answer(struct vcpu *v, const struct msr_access *access, uint64_t *value);
/* KVM's vCPU has got its MSRs anew. [owner] */
void pv_eoi_follow(struct vcpu *v);
/* INIT switches it off. [owner] */
void pv_eoi_reset(struct vcpu *v);

/*
 * Before an entry, after lapic_away(), whose answer `pending` is: with anything pending the EOI has
 * to be an exit. What is posted later kicks, whatever its priority: the guest may have ended the
 * service that it would wait for. [owner]
 */
void pv_eoi_allow(struct vcpu *v, uint32_t pending);
/* After an entry, before its exit is answered: what it did was after the EOI. [owner] */
void pv_eoi_collect(struct vcpu *v);

#endif
