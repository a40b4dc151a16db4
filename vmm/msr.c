// SPDX-License-Identifier: BSD-2-Clause
// Routes MSR accesses by index.
// Registers are not known here: the LAPIC's are in lapic/, the TSC's in tsc.c.

#include "vmm/msr.h"

#include "lapic/lapic.h"
#include "vmm/msr_index.h"
#include "vmm/tsc.h"

bool msr_is_lapic(uint32_t index)
{
	return index == MSR_IA32_APIC_BASE || index == MSR_IA32_TSC_DEADLINE ||
	       (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST);
}

static bool write_tsc(struct lapic *lapic, struct tsc *tsc, uint32_t index, uint64_t value)
{
	if (tsc_guest_write(tsc, index, value) < 0)
		return false;
	/* An armed deadline is a value of the TSC: it may have come nearer, or passed (rule
	 * TMR-11). */
	if (lapic)
		lapic_tsc_changed(lapic);
	return true;
}

bool msr_answer(struct lapic *lapic, struct tsc *tsc, const struct msr_access *access,
		uint64_t *value)
{
	*value = access->value;
	if (msr_is_lapic(access->index) && !lapic)
		return false; /* KVM has refused it */
	if (msr_is_lapic(access->index) && access->write)
		return lapic_msr_write(lapic, access->index, access->value) == LAPIC_OK;
	if (msr_is_lapic(access->index))
		return lapic_msr_read(lapic, access->index, value) == LAPIC_OK;
	if (access->write &&
	    (access->index == MSR_IA32_TSC || access->index == MSR_IA32_TSC_ADJUST))
		return write_tsc(lapic, tsc, access->index, access->value);
	/* Paravirtual MSRs that CPUID hides, and whatever KVM itself does not know. */
	return false;
}
