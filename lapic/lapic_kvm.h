// SPDX-License-Identifier: BSD-2-Clause
/*
 * State of a LAPIC to and from struct kvm_lapic_state (KVM_GET_LAPIC, KVM_SET_LAPIC).
 * Optional, and the only place of the library that needs a Linux header.
 */
#ifndef LAPIC_LAPIC_KVM_H
#define LAPIC_LAPIC_KVM_H

#include <linux/kvm.h>

#include "lapic.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * `ids32`: the VM has KVM_CAP_X2APIC_API with KVM_X2APIC_API_USE_32BIT_IDS. IA32_APIC_BASE and
 * IA32_TSC_DEADLINE travel as MSRs beside it, pending NMI, SMI, INIT and SIPI in struct
 * kvm_vcpu_events. [owner]
 */
static inline void lapic_to_kvm(struct lapic *l, bool ids32, struct kvm_lapic_state *state)
{
	lapic_export_image(l, ids32 ? LAPIC_IMAGE_KVM_X2APIC : LAPIC_IMAGE_KVM_LEGACY,
			   (uint8_t *)state->regs);
}

/* Nothing changes where the result is not LAPIC_STATE_OK. [owner] */
static inline enum lapic_state_error lapic_from_kvm(struct lapic *l, bool ids32,
						    const struct kvm_lapic_state *state,
						    uint64_t apic_base, uint64_t tsc_deadline)
{
	return lapic_import_image(l, ids32 ? LAPIC_IMAGE_KVM_X2APIC : LAPIC_IMAGE_KVM_LEGACY,
				  (const uint8_t *)state->regs, apic_base, tsc_deadline);
}

#ifdef __cplusplus
}
#endif

#endif
