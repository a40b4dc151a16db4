// SPDX-License-Identifier: BSD-2-Clause
// What CPUID tells the guest: KVM's offer, made true for a Local APIC that lives in user space.
// Not a CPU model: features that have nothing to do with the LAPIC stay as the host has them.
#ifndef VMM_CPUID_H
#define VMM_CPUID_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/host.h"
#include "vmm/options.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kvm_calls;
struct kvm_cpuid2;

/* Leaf 15h names the input clock of the LAPIC timer: lapic_config.bus_hz is to be this. */
#define CPUID_BUS_HZ 1000000000u

/*
 * Builds the table for KVM_SET_CPUID2 of the vCPU with this x2APIC ID, one of the topology's,
 * and puts it in *out, to be released by free(). 0, or -errno of KVM_GET_SUPPORTED_CPUID (-ENOMEM
 * where memory is out).
 */
int cpuid_build(const struct kvm_calls *kvm, int kvm_fd, const struct host_traits *traits,
		const struct options *options, uint32_t apic_id, struct kvm_cpuid2 **out);

/*
 * What the LAPIC may offer, for struct lapic_config: the same decision that the table shows to the
 * guest.
 */
bool cpuid_has_x2apic(const struct host_traits *traits, const struct options *options);
bool cpuid_has_tsc_deadline(const struct host_traits *traits, const struct options *options);

/* One register of a built table, or 0 where the leaf is absent. reg: 0 EAX, 1 EBX, 2 ECX, 3 EDX. */
uint32_t cpuid_value(const struct kvm_cpuid2 *table, uint32_t leaf, uint32_t subleaf, unsigned reg);

/* Whether a built table offers KVM's paravirtual EOI (pv_eoi.h). */
bool cpuid_has_pv_eoi(const struct kvm_cpuid2 *table);

/* CPUID.80000008h:EAX[7:0] of a built table, 36 where it does not say: for lapic_config.maxphyaddr.
 */
unsigned cpuid_maxphyaddr(const struct kvm_cpuid2 *table);
/* Whether the table's vendor is AMD or Hygon: which LAPIC profile fits. */
bool cpuid_is_amd(const struct kvm_cpuid2 *table);

#ifdef __cplusplus
}
#endif

#endif
