// SPDX-License-Identifier: BSD-2-Clause
// The ACPI tables of the machine, as its firmware would leave them in memory.
// Not the hardware that they describe, and no MP table: vmm/mp_table.c writes that.
#ifndef VMM_ACPI_TABLES_H
#define VMM_ACPI_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Processor devices are named by three hexadecimal digits. */
#define ACPI_TABLES_CPUS_MAX 4096u

/*
 * What no parameter changes. The IOAPIC's ID is what the 82093AA's register holds after reset, and
 * what systems compare it with. That a local APIC has the same ID does no harm: the IOAPIC's
 * arbitrates on the three-wire APIC bus of old, which machines whose LAPICs are xAPICs lack.
 */
#define ACPI_TABLES_LAPIC_BASE  0xFEE00000u
#define ACPI_TABLES_IOAPIC_BASE 0xFEC00000u
#define ACPI_TABLES_IOAPIC_ID   0u
#define ACPI_TABLES_HPET_BASE   0xFED00000u
#define ACPI_TABLES_HPET_SIZE   0x400u
#define ACPI_TABLES_SCI         9u /* active high, level-triggered */

/* The RSDP is the first byte, and the FACS, somewhere behind it, wants this much. */
#define ACPI_TABLES_ALIGNMENT 64u

struct acpi_tables_machine {
	uint32_t cpus; /* 1 .. ACPI_TABLES_CPUS_MAX; the first is the boot processor */
	/*
	 * The local APIC IDs, ascending; NULL: 0, 1, 2 ... From 255 on a processor has an x2APIC
	 * entry, which systems without x2APIC skip; the others have entries that all systems read.
	 */
	const uint32_t *apic_ids;
	uint16_t pm1_event;                /* port of PM1_STS and PM1_EN */
	uint16_t pm1_control;              /* port of PM1_CNT */
	uint16_t pm_timer;                 /* port of the timer, which has 32 bits */
	uint16_t smi_command;              /* port; 0: the machine is always in ACPI mode */
	uint8_t acpi_enable, acpi_disable; /* written there they set and clear SCI_EN */
	bool power_button;                 /* PM1_STS has PWRBTN */
	uint8_t s5_type;                   /* SLP_TYP of soft-off, 0 to 7 */
	uint16_t reset_port;
	uint8_t reset_value; /* written there it resets the machine */
	uint8_t century;     /* the CMOS register that has the century, or 0 */
	bool com2;
	uint32_t hpet_id; /* General Capabilities and ID register of the HPET, bits 31:0; 0: none */
	uint16_t hpet_shortest_period; /* ticks; shorter ones lose interrupts */
};

/*
 * Bytes that acpi_tables_write needs, at any address; 0 for a machine that the tables cannot
 * describe (too many processors or none, IDs not ascending, s5_type above 7).
 */
size_t acpi_tables_size(const struct acpi_tables_machine *machine);

/*
 * Writes the tables to host, which is guest physical gpa: RSDP first, then RSDT, XSDT, FACS, FADT,
 * DSDT, MADT, HPET. A guest finds the RSDP by itself if gpa is in E0000h-FFFFFh, or in the first
 * KiB of the EBDA; elsewhere its boot protocol has to tell. The memory is the guest's to write too
 * (the FACS has a lock), and no memory map may call it usable.
 *
 * False, and nothing written, if acpi_tables_size() is 0 or more than room, gpa is no multiple of
 * ACPI_TABLES_ALIGNMENT, or the tables would not end below 4 GiB.
 */
bool acpi_tables_write(const struct acpi_tables_machine *machine, uint8_t *host, uint64_t gpa,
		       size_t room);

#ifdef __cplusplus
}
#endif

#endif
