// SPDX-License-Identifier: BSD-2-Clause
// The state of all devices of a machine as named sections of bytes.
// Not the vCPUs, the Local APICs or RAM, and not a file: who keeps the bytes keeps them whole.
#ifndef VMM_MACHINE_STATE_H
#define VMM_MACHINE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;

/*
 * One section after the other, each once, in any order: its name in 16 bytes filled up with zeros,
 * a version of 16 bits, the length of what follows in 32 bits, and that many bytes, which the
 * device's X_state() makes (devices/state.h). All numbers are little-endian.
 *
 * Each call takes the device lock itself. [vCPUs held or not yet started]
 */

/* How many bytes machine_state_save() writes; it changes with the machine's options alone. */
size_t machine_state_size(struct machine *machine);

/* Writes them. */
void machine_state_save(struct machine *machine, uint8_t *bytes);

/*
 * Makes the devices be as they were saved: all, or, when something is wrong, none. False: why says
 * in one line which section, and what of it. The bytes may be an enemy's; they have all devices
 * that were there at that version of SAVED_DEVICES, each in a version not above today's.
 *
 * The machine was made with the same options. Its devices' clock goes on from what it was when they
 * were saved, and has been set before this. No device hears of it and no wire has an edge. What
 * lies outside of the devices and follows them is told: LINT0 of the boot processor has the 8259s'
 * INTR as its level (a LAPIC that is restored after that keeps no edge of it), KVM's routes are
 * those of the I/O APIC, and the devices' timer is set anew to what they wait for, as by
 * machine_clock_update(); where machine_clock_open() comes later, that does it.
 */
bool machine_state_load(struct machine *machine, const uint8_t *bytes, size_t size,
			uint32_t version, char *why, size_t why_size);

#endif
