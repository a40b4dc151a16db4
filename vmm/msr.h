// SPDX-License-Identifier: BSD-2-Clause
// Who answers an MSR access that KVM handed out: the LAPIC, the TSC, or nobody (#GP).
// Not the MSRs that KVM answers itself; vm.c's filter says which come here.
#ifndef VMM_MSR_H
#define VMM_MSR_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/exit.h"

struct lapic;
struct tsc;

/* Whether it is one of the Local APIC: IA32_APIC_BASE, the TSC deadline, x2APIC's. */
bool msr_is_lapic(uint32_t index);

/* `lapic` is NULL where it is KVM's own. True: done, *value holds what a read gives. False: #GP(0),
 * nothing has changed. [owner] */
bool msr_answer(struct lapic *lapic, struct tsc *tsc, const struct msr_access *access,
		uint64_t *value);

#endif
