// SPDX-License-Identifier: BSD-2-Clause
// The MP table: processors, IOAPIC and interrupt wires for systems that do not read ACPI.
// Not the hardware that it describes; MultiProcessor Specification 1.4, chapter 4.
#ifndef VMM_MP_TABLE_H
#define VMM_MP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_TABLE_ALIGNMENT 16u

struct mp_table_machine {
	uint32_t cpus; /* at least 1; the first is the boot processor */
	/*
	 * The local APIC IDs, ascending; NULL: 0, 1, 2 ... The table has bytes for them: processors
	 * with IDs from 255 on are left out.
	 */
	const uint32_t *apic_ids;
	uint8_t lapic_version;  /* bits 7:0 of the local APIC's version register */
	uint32_t cpu_signature; /* CPUID.1:EAX: of which bits 11:0 are shown */
	uint32_t cpu_features;  /* CPUID.1:EDX */
};

/* Bytes that mp_table_write needs; 0 with no processor that the table can name first, or with IDs
 * not ascending. */
size_t mp_table_size(const struct mp_table_machine *machine);

/*
 * Writes the floating pointer to host, which is guest physical gpa, and the configuration table
 * right behind it. A guest looks in F0000h-FFFFFh, in the first KiB of the EBDA and in the last KiB
 * of base memory. No memory map may call the place usable.
 *
 * False, and nothing written, if mp_table_size() is 0 or more than room, gpa is no multiple of
 * MP_TABLE_ALIGNMENT, or the table would not end below 4 GiB.
 */
bool mp_table_write(const struct mp_table_machine *machine, uint8_t *host, uint64_t gpa,
		    size_t room);

#ifdef __cplusplus
}
#endif

#endif
