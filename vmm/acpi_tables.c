// SPDX-License-Identifier: BSD-2-Clause
// Lays out the ACPI tables (Advanced Configuration and Power Interface Specification 6.0, 5.2).
// What stands in the DSDT is vmm/acpi_dsdt.c's.
#include "vmm/acpi_tables.h"

#include <string.h>

#include "devices/le.h"
#include "vmm/acpi_dsdt.h"
#include "vmm/table_bytes.h"

/* The last ID that an entry of the MADT for local APICs can name: FFh is all of them. */
#define LAPIC_ID_LAST 0xFEu

enum {
	HEADER_SIZE = 36,
	RSDP_SIZE = 36,
	RSDP_SIZE_V1 = 20, /* what the first checksum is over */
	FACS_SIZE = 64,
	FADT_SIZE = 276, /* of revision 6 */
	HPET_SIZE = 56,
	MADT_HEADER_SIZE = HEADER_SIZE + 8,

	/* Entries of the MADT: type and size. */
	MADT_LAPIC = 0,
	MADT_LAPIC_SIZE = 8,
	MADT_IOAPIC = 1,
	MADT_IOAPIC_SIZE = 12,
	MADT_OVERRIDE = 2,
	MADT_OVERRIDE_SIZE = 10,
	MADT_LAPIC_NMI = 4,
	MADT_LAPIC_NMI_SIZE = 6,
	MADT_X2APIC = 9,
	MADT_X2APIC_SIZE = 16,
	MADT_X2APIC_NMI = 10,
	MADT_X2APIC_NMI_SIZE = 12,

	MADT_PCAT_COMPAT = 1, /* there are 8259s too */
	PROCESSOR_ENABLED = 1,
	NMI_LINT = 1,
	/* "MPS INTI Flags". */
	LINE_OF_BUS = 0,
	LINE_HIGH_LEVEL = 0xD,

	/* "Fixed ACPI Description Table Fixed Feature Flags". */
	FADT_WBINVD = 1 << 0,
	FADT_PROC_C1 = 1 << 2,
	FADT_NO_FIXED_POWER_BUTTON = 1 << 4,
	FADT_NO_FIXED_SLEEP_BUTTON = 1 << 5,
	FADT_TIMER_32_BITS = 1 << 8,
	FADT_RESET_REGISTER = 1 << 10,
	FADT_FEATURES = FADT_WBINVD | FADT_PROC_C1 | FADT_NO_FIXED_SLEEP_BUTTON |
			FADT_TIMER_32_BITS | FADT_RESET_REGISTER,
	/* "IA-PC Boot Architecture Flags". */
	BOOT_LEGACY_DEVICES = 1 << 0,
	BOOT_8042 = 1 << 1,

	SPACE_MEMORY = 0,
	SPACE_PORTS = 1,
	ACCESS_BYTE = 1,
	ACCESS_WORD = 2,
	ACCESS_DWORD = 3,
};

/* Where each table begins, as an offset from the RSDP, and where the last one ends. */
struct layout {
	size_t rsdt, xsdt, facs, fadt, dsdt, madt, hpet, end;
	size_t dsdt_size, madt_size;
	unsigned listed; /* in RSDT and XSDT: FADT, MADT, HPET */
};

/* The tables' memory, in host and in guest terms. */
struct place {
	uint8_t *host;
	uint32_t gpa;
};

static uint32_t apic_id(const struct acpi_tables_machine *machine, uint32_t cpu)
{
	return machine->apic_ids ? machine->apic_ids[cpu] : cpu;
}

/* IDs that ascend are never below the processor's number: who has an 8-bit ID has an 8-bit UID. */
static bool is_possible(const struct acpi_tables_machine *machine)
{
	if (machine->cpus == 0 || machine->cpus > ACPI_TABLES_CPUS_MAX || machine->s5_type > 7)
		return false;
	for (uint32_t i = 1; i < machine->cpus; i++)
		if (apic_id(machine, i) <= apic_id(machine, i - 1))
			return false;
	return true;
}

static size_t madt_size(const struct acpi_tables_machine *machine)
{
	size_t size = MADT_HEADER_SIZE + MADT_IOAPIC_SIZE + (size_t)2 * MADT_OVERRIDE_SIZE +
		      MADT_LAPIC_NMI_SIZE;

	for (uint32_t i = 0; i < machine->cpus; i++)
		size += apic_id(machine, i) <= LAPIC_ID_LAST ? MADT_LAPIC_SIZE : MADT_X2APIC_SIZE;
	if (apic_id(machine, machine->cpus - 1) > LAPIC_ID_LAST)
		size += MADT_X2APIC_NMI_SIZE;
	return size;
}

/* The next free offset, for a table of this size; ACPI asks for no more than 16 but by the FACS. */
static size_t take(size_t *end, size_t size)
{
	size_t at = (*end + ACPI_TABLES_ALIGNMENT - 1) / ACPI_TABLES_ALIGNMENT;

	at *= ACPI_TABLES_ALIGNMENT;
	*end = at + size;
	return at;
}

static struct layout lay_out(const struct acpi_tables_machine *machine)
{
	struct layout l = {.end = RSDP_SIZE, .listed = machine->hpet_id != 0 ? 3 : 2};

	l.dsdt_size = HEADER_SIZE + acpi_dsdt_write(machine, NULL, 0);
	l.madt_size = madt_size(machine);
	l.rsdt = take(&l.end, HEADER_SIZE + (size_t)4 * l.listed);
	l.xsdt = take(&l.end, HEADER_SIZE + (size_t)8 * l.listed);
	l.facs = take(&l.end, FACS_SIZE);
	l.fadt = take(&l.end, FADT_SIZE);
	l.dsdt = take(&l.end, l.dsdt_size);
	l.madt = take(&l.end, l.madt_size);
	if (machine->hpet_id != 0)
		l.hpet = take(&l.end, HPET_SIZE);
	return l;
}

/* The common header, when all behind it is written. */
static void put_header(uint8_t *table, const char *signature, size_t size, uint8_t revision)
{
	table_text(table, signature);
	le_put(table + 4, 4, size);
	table[8] = revision;
	table_text(table + 10, "LAPIC LAPICVM "); /* OEM ID and OEM table ID */
	le_put(table + 24, 4, 1);
	table_text(table + 28, "LVM ");
	le_put(table + 32, 4, 1);
	table[9] = table_sum(table, size);
}

static void put_rsdp(const struct place *place, const struct layout *l)
{
	uint8_t *rsdp = place->host;

	table_text(rsdp, "RSD PTR ");
	table_text(rsdp + 9, "LAPIC ");
	rsdp[15] = 2;
	le_put(rsdp + 16, 4, place->gpa + l->rsdt);
	le_put(rsdp + 20, 4, RSDP_SIZE);
	le_put(rsdp + 24, 8, place->gpa + l->xsdt);
	rsdp[8] = table_sum(rsdp, RSDP_SIZE_V1);
	rsdp[32] = table_sum(rsdp, RSDP_SIZE);
}

static void put_root(const struct place *place, const struct layout *l)
{
	const size_t listed[] = {l->fadt, l->madt, l->hpet};
	uint8_t *rsdt = place->host + l->rsdt, *xsdt = place->host + l->xsdt;

	for (unsigned i = 0; i < l->listed; i++) {
		le_put(rsdt + HEADER_SIZE + 4 * (size_t)i, 4, place->gpa + listed[i]);
		le_put(xsdt + HEADER_SIZE + 8 * (size_t)i, 8, place->gpa + listed[i]);
	}
	put_header(rsdt, "RSDT", HEADER_SIZE + (size_t)4 * l->listed, 1);
	put_header(xsdt, "XSDT", HEADER_SIZE + (size_t)8 * l->listed, 1);
}

/* "Firmware ACPI Control Structure": no wake from sleep, and a lock that nobody holds. */
static void put_facs(uint8_t *facs)
{
	table_text(facs, "FACS");
	le_put(facs + 4, 4, FACS_SIZE);
	facs[32] = 2; /* version */
}

/* "Generic Address Structure". */
static void put_address(uint8_t *at, unsigned space, unsigned bits, unsigned access,
			uint32_t address)
{
	at[0] = (uint8_t)space;
	at[1] = (uint8_t)bits;
	at[3] = (uint8_t)access;
	le_put(at + 4, 8, address);
}

/* Field by field, the old 32-bit addresses before their extended twins. */
static void put_fadt(const struct acpi_tables_machine *m, const struct place *place,
		     const struct layout *l)
{
	uint8_t *fadt = place->host + l->fadt;

	le_put(fadt + 36, 4, place->gpa + l->facs); /* X_FIRMWARE_CTRL is for above 4 GiB */
	le_put(fadt + 40, 4, place->gpa + l->dsdt);
	le_put(fadt + 46, 2, ACPI_TABLES_SCI);
	le_put(fadt + 48, 4, m->smi_command);
	fadt[52] = m->acpi_enable;
	fadt[53] = m->acpi_disable;
	le_put(fadt + 56, 4, m->pm1_event);
	le_put(fadt + 64, 4, m->pm1_control);
	le_put(fadt + 76, 4, m->pm_timer);
	fadt[88] = 4;                 /* bytes of PM1_STS and PM1_EN */
	fadt[89] = 2;                 /* of PM1_CNT */
	fadt[91] = 4;                 /* of the timer */
	le_put(fadt + 96, 2, 0xFFFF); /* worst latencies: neither C2 */
	le_put(fadt + 98, 2, 0xFFFF); /* nor C3 */
	fadt[108] = m->century;
	le_put(fadt + 109, 2, BOOT_LEGACY_DEVICES | BOOT_8042);
	le_put(fadt + 112, 4, FADT_FEATURES | (m->power_button ? 0 : FADT_NO_FIXED_POWER_BUTTON));
	put_address(fadt + 116, SPACE_PORTS, 8, ACCESS_BYTE, m->reset_port);
	fadt[128] = m->reset_value;
	le_put(fadt + 140, 8, place->gpa + l->dsdt);
	put_address(fadt + 148, SPACE_PORTS, 32, ACCESS_WORD, m->pm1_event);
	put_address(fadt + 172, SPACE_PORTS, 16, ACCESS_WORD, m->pm1_control);
	put_address(fadt + 208, SPACE_PORTS, 32, ACCESS_DWORD, m->pm_timer);
	put_header(fadt, "FACP", FADT_SIZE, 6);
}

/* The type and size that begin an entry of the MADT, which starts at *at; *at is then behind it. */
static uint8_t *take_entry(uint8_t **at, uint8_t type, uint8_t size)
{
	uint8_t *entry = *at;

	entry[0] = type;
	entry[1] = size;
	*at += size;
	return entry;
}

static void put_processors(const struct acpi_tables_machine *machine, uint8_t **at)
{
	for (uint32_t i = 0; i < machine->cpus; i++) {
		uint32_t id = apic_id(machine, i);
		uint8_t *entry;

		if (id <= LAPIC_ID_LAST) {
			entry = take_entry(at, MADT_LAPIC, MADT_LAPIC_SIZE);
			entry[2] = (uint8_t)i; /* _UID in the DSDT */
			entry[3] = (uint8_t)id;
			le_put(entry + 4, 4, PROCESSOR_ENABLED);
		} else {
			entry = take_entry(at, MADT_X2APIC, MADT_X2APIC_SIZE);
			le_put(entry + 4, 4, id);
			le_put(entry + 8, 4, PROCESSOR_ENABLED);
			le_put(entry + 12, 4, i);
		}
	}
}

/* An ISA interrupt that is not the IOAPIC's input of the same number, or not as on ISA. */
static void put_override(uint8_t **at, unsigned irq, unsigned input, unsigned line)
{
	uint8_t *entry = take_entry(at, MADT_OVERRIDE, MADT_OVERRIDE_SIZE);

	entry[3] = (uint8_t)irq;
	le_put(entry + 4, 4, input);
	le_put(entry + 8, 2, line);
}

static void put_madt(const struct acpi_tables_machine *machine, uint8_t *madt, size_t size)
{
	uint8_t *at = madt + MADT_HEADER_SIZE;
	uint8_t *entry;

	le_put(madt + HEADER_SIZE, 4, ACPI_TABLES_LAPIC_BASE);
	le_put(madt + HEADER_SIZE + 4, 4, MADT_PCAT_COMPAT);
	put_processors(machine, &at);
	entry = take_entry(&at, MADT_IOAPIC, MADT_IOAPIC_SIZE);
	entry[2] = ACPI_TABLES_IOAPIC_ID;
	le_put(entry + 4, 4, ACPI_TABLES_IOAPIC_BASE);
	/* Input 0 is the 8259s' INTR, so the timer is where they have their cascade. */
	put_override(&at, 0, 2, LINE_OF_BUS);
	put_override(&at, ACPI_TABLES_SCI, ACPI_TABLES_SCI, LINE_HIGH_LEVEL);
	entry = take_entry(&at, MADT_LAPIC_NMI, MADT_LAPIC_NMI_SIZE);
	entry[2] = 0xFF; /* every processor */
	entry[5] = NMI_LINT;
	if (apic_id(machine, machine->cpus - 1) > LAPIC_ID_LAST) {
		entry = take_entry(&at, MADT_X2APIC_NMI, MADT_X2APIC_NMI_SIZE);
		le_put(entry + 4, 4, UINT32_MAX);
		entry[8] = NMI_LINT;
	}
	put_header(madt, "APIC", size, 3);
}

/* IA-PC HPET Specification 1.0a, "The HPET Description Table". */
static void put_hpet(const struct acpi_tables_machine *machine, uint8_t *hpet)
{
	le_put(hpet + 36, 4, machine->hpet_id);
	put_address(hpet + 40, SPACE_MEMORY, 64, 0, ACPI_TABLES_HPET_BASE);
	le_put(hpet + 53, 2, machine->hpet_shortest_period);
	put_header(hpet, "HPET", HPET_SIZE, 1);
}

size_t acpi_tables_size(const struct acpi_tables_machine *machine)
{
	return is_possible(machine) ? lay_out(machine).end : 0;
}

bool acpi_tables_write(const struct acpi_tables_machine *machine, uint8_t *host, uint64_t gpa,
		       size_t room)
{
	struct place place = {host, (uint32_t)gpa};
	struct layout l;

	if (!is_possible(machine))
		return false;
	l = lay_out(machine);
	if (l.end > room || gpa % ACPI_TABLES_ALIGNMENT != 0 || gpa > UINT32_MAX ||
	    l.end > UINT32_MAX - gpa)
		return false;
	memset(host, 0, l.end);
	put_rsdp(&place, &l);
	put_root(&place, &l);
	put_facs(host + l.facs);
	put_fadt(machine, &place, &l);
	acpi_dsdt_write(machine, host + l.dsdt + HEADER_SIZE, l.dsdt_size - HEADER_SIZE);
	put_header(host + l.dsdt, "DSDT", l.dsdt_size, 2);
	put_madt(machine, host + l.madt, l.madt_size);
	if (machine->hpet_id != 0)
		put_hpet(machine, host + l.hpet);
	return true;
}
