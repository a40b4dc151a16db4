// SPDX-License-Identifier: BSD-2-Clause
// The word in the guest's memory, and the MSR that says where it is.
// Which EOI may go unseen is the Local APIC's to say.

#include "vmm/pv_eoi.h"

#include "vmm/cpuid.h"
#include "vmm/exit.h"
#include "vmm/machine.h"
#include "vmm/msr_index.h"
#include "vmm/vcpu.h"

#define ENABLED UINT64_C(1) /* of the MSR */
#define ALLOWED 1u          /* of the word */

void pv_eoi_init(struct vcpu *v)
{
	v->pv_eoi = (struct pv_eoi){.offered = cpuid_has_pv_eoi(v->cpuid)};
}

void pv_eoi_follow(struct vcpu *v)
{
	uint64_t value;

	v->pv_eoi.word = NULL;
	if (v->pv_eoi.offered && vm_get_msr(v->vm, v->fd, MSR_KVM_PV_EOI, &value) >= 0 &&
	    (value & ENABLED))
		v->pv_eoi.word = ram_at(&v->machine->ram, value & ~ENABLED, 1);
}

/* KVM judges the value, and refuses an address that it has no memory for. */
bool pv_eoi_answer(struct vcpu *v, const struct msr_access *access, uint64_t *value)
{
	*value = access->value;
	if (!v->pv_eoi.offered)
		return false;
	if (!access->write)
		return vm_get_msr(v->vm, v->fd, MSR_KVM_PV_EOI, value) >= 0;
	if (vm_set_msr(v->vm, v->fd, MSR_KVM_PV_EOI, access->value) < 0)
		return false;
	pv_eoi_follow(v);
	return true;
}

void pv_eoi_reset(struct vcpu *v)
{
	if (v->pv_eoi.offered)
		vm_set_msr(v->vm, v->fd, MSR_KVM_PV_EOI, 0);
	v->pv_eoi.word = NULL;
}

/* The guest's other processors may write it too: whatever they do, it is one EOI at most. */
void pv_eoi_allow(struct vcpu *v, uint32_t pending)
{
	if (!v->pv_eoi.word || (pending & (LAPIC_PENDING_INTR | LAPIC_PENDING_MASKED)) ||
	    !lapic_eoi_is_silent(v->lapic))
		return;
	__atomic_fetch_or(v->pv_eoi.word, ALLOWED, __ATOMIC_SEQ_CST);
	v->pv_eoi.allowed = true;
}

void pv_eoi_collect(struct vcpu *v)
{
	if (!v->pv_eoi.allowed)
		return;
	v->pv_eoi.allowed = false;
	if (__atomic_fetch_and(v->pv_eoi.word, (uint8_t)~ALLOWED, __ATOMIC_SEQ_CST) & ALLOWED)
		return;
	lapic_eoi(v->lapic);
	v->stats.unseen_eois++;
}
