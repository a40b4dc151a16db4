// SPDX-License-Identifier: BSD-2-Clause
// Numbers of the MSRs that the VMM has to do with, by the SDM's names.
// Not a table of what they do.
#ifndef VMM_MSR_INDEX_H
#define VMM_MSR_INDEX_H

#define MSR_IA32_TSC          0x10u
#define MSR_IA32_APIC_BASE    0x1Bu
#define MSR_IA32_TSC_ADJUST   0x3Bu
#define MSR_IA32_TSC_DEADLINE 0x6E0u
#define MSR_X2APIC_FIRST      0x800u
#define MSR_X2APIC_LAST       0x8FFu
#define MSR_AMD_HWCR          0xC0010015u

/* KVM's paravirtual MSRs: the old pair (wall clock, system time), and what KVM shall not answer
 * of today's. */
#define MSR_KVM_WALL_CLOCK      0x11u
#define MSR_KVM_WALL_CLOCK_NEW  0x4B564D00u
#define MSR_KVM_SYSTEM_TIME_NEW 0x4B564D01u
#define MSR_KVM_HIDDEN          0x4B564D02u /* behind the clock's two */
#define MSR_KVM_HIDDEN_COUNT    6u
#define MSR_KVM_PV_EOI          0x4B564D04u /* one of those: pv_eoi.h */

#endif
