// SPDX-License-Identifier: BSD-2-Clause
// The interrupt hardware as a PC's firmware leaves it to a boot loader.
// Not firmware: no code of it is in the guest's memory.
#ifndef VMM_MACHINE_FIRMWARE_H
#define VMM_MACHINE_FIRMWARE_H

struct machine;

/*
 * The 8259s with vectors 08h and 70h, all inputs open; the boot processor's LAPIC as virtual wire
 * (MultiProcessor Specification 1.4, 3.6.2.2): software-enabled, LINT0 ExtINT, LINT1 NMI. A
 * Multiboot image is promised a machine that firmware has gone over; others find it as after reset.
 * 0 or -errno of KVM's, whose Local APIC it may be. [setup]
 */
int machine_firmware(struct machine *machine);

#endif
