// SPDX-License-Identifier: BSD-2-Clause
// KVM's own counts of a vCPU: equal words for both places where a Local APIC may be.
// Not our statistics: those are stats.h, and know more of less.
#ifndef VMM_KVM_STATS_H
#define VMM_KVM_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/kvm_calls.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Adds how many interrupts and NMIs KVM has handed to the guest of this vCPU (KVM_GET_STATS_FD:
 * irq_injections, nmi_injections; one that was broken off and handed over again may count twice).
 * False: this host does not count. [any thread]
 */
bool kvm_stats_add(const struct kvm_calls *kvm, int vcpu_fd, uint64_t *interrupts, uint64_t *nmis);

#ifdef __cplusplus
}
#endif

#endif
