// SPDX-License-Identifier: BSD-2-Clause
// Lays out the MP floating pointer and configuration table (MultiProcessor Specification 1.4, 4).
// The wires are those of vmm/acpi_tables.c, said in older words.
#include "vmm/mp_table.h"

#include <string.h>

#include "devices/le.h"
#include "vmm/acpi_tables.h"
#include "vmm/table_bytes.h"

/* FFh is every local APIC. */
#define LAPIC_ID_LAST 0xFEu
#define LAPIC_ID_ALL  0xFFu

enum {
	POINTER_SIZE = 16,
	HEADER_SIZE = 44,
	PROCESSOR_SIZE = 20,
	ENTRY_SIZE = 8, /* of every other kind */
	SPECIFICATION = 4,

	ENTRY_PROCESSOR = 0,
	ENTRY_BUS = 1,
	ENTRY_IOAPIC = 2,
	ENTRY_IO_INTERRUPT = 3,
	ENTRY_LOCAL_INTERRUPT = 4,

	PROCESSOR_ENABLED = 1,
	PROCESSOR_BOOT = 2,
	SIGNATURE_SHOWN = 0xFFF, /* family, model, stepping as the table knows them */

	BUSES = 2,
	BUS_PCI = 0, /* a PCI bus has its own number here (D.2) */
	BUS_ISA = 1,

	IOAPIC_VERSION = 0x20,
	IOAPIC_ENABLED = 1,

	INTERRUPT_VECTOR = 0,
	INTERRUPT_NMI = 1,
	INTERRUPT_EXTINT = 3,
	LINE_OF_BUS = 0,
	LINE_HIGH_LEVEL = 0xD,

	ISA_IRQS = 16,
	ISA_CASCADE = 2,
	/* ExtINT, and an ISA interrupt each but the cascade; then LINT0 and LINT1. */
	IO_INTERRUPTS = 1 + ISA_IRQS - 1,
	LOCAL_INTERRUPTS = 2,
};

static uint32_t apic_id(const struct mp_table_machine *machine, uint32_t cpu)
{
	return machine->apic_ids ? machine->apic_ids[cpu] : cpu;
}

/* How many processors the table names; 0 for IDs that do not ascend, or that are all too large. */
static uint32_t processors(const struct mp_table_machine *machine)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < machine->cpus; i++) {
		if (i > 0 && apic_id(machine, i) <= apic_id(machine, i - 1))
			return 0;
		if (apic_id(machine, i) <= LAPIC_ID_LAST)
			count++;
	}
	return count;
}

static size_t table_size(uint32_t count)
{
	return HEADER_SIZE + (size_t)count * PROCESSOR_SIZE +
	       (size_t)ENTRY_SIZE * (BUSES + 1 + IO_INTERRUPTS + LOCAL_INTERRUPTS);
}

static uint8_t *take_entry(uint8_t **at, uint8_t type)
{
	uint8_t *entry = *at;

	entry[0] = type;
	*at += type == ENTRY_PROCESSOR ? PROCESSOR_SIZE : ENTRY_SIZE;
	return entry;
}

static void put_processor(const struct mp_table_machine *machine, uint8_t **at, uint32_t cpu)
{
	uint8_t *entry = take_entry(at, ENTRY_PROCESSOR);

	entry[1] = (uint8_t)apic_id(machine, cpu);
	entry[2] = machine->lapic_version;
	entry[3] = PROCESSOR_ENABLED | (cpu == 0 ? PROCESSOR_BOOT : 0);
	le_put(entry + 4, 4, machine->cpu_signature & SIGNATURE_SHOWN);
	le_put(entry + 8, 4, machine->cpu_features);
}

static void put_bus(uint8_t **at, uint8_t bus, const char *type)
{
	uint8_t *entry = take_entry(at, ENTRY_BUS);

	entry[1] = bus;
	table_text(entry + 2, type);
}

static void put_ioapic(uint8_t **at)
{
	uint8_t *entry = take_entry(at, ENTRY_IOAPIC);

	entry[1] = ACPI_TABLES_IOAPIC_ID;
	entry[2] = IOAPIC_VERSION;
	entry[3] = IOAPIC_ENABLED;
	le_put(entry + 4, 4, ACPI_TABLES_IOAPIC_BASE);
}

/* From an ISA interrupt to an input of the APIC with this ID. */
static void put_interrupt(uint8_t **at, uint8_t entry_type, uint8_t interrupt, uint8_t line,
			  unsigned irq, uint8_t apic, unsigned input)
{
	uint8_t *entry = take_entry(at, entry_type);

	entry[1] = interrupt;
	entry[2] = line;
	entry[4] = BUS_ISA;
	entry[5] = (uint8_t)irq;
	entry[6] = apic;
	entry[7] = (uint8_t)input;
}

static void put_wires(uint8_t **at, uint8_t boot_id)
{
	put_interrupt(at, ENTRY_IO_INTERRUPT, INTERRUPT_EXTINT, LINE_OF_BUS, 0,
		      ACPI_TABLES_IOAPIC_ID, 0);
	for (unsigned irq = 0; irq < ISA_IRQS; irq++) {
		if (irq == ISA_CASCADE)
			continue;
		put_interrupt(at, ENTRY_IO_INTERRUPT, INTERRUPT_VECTOR,
			      irq == ACPI_TABLES_SCI ? LINE_HIGH_LEVEL : LINE_OF_BUS, irq,
			      ACPI_TABLES_IOAPIC_ID, irq == 0 ? ISA_CASCADE : irq);
	}
	put_interrupt(at, ENTRY_LOCAL_INTERRUPT, INTERRUPT_EXTINT, LINE_OF_BUS, 0, boot_id, 0);
	put_interrupt(at, ENTRY_LOCAL_INTERRUPT, INTERRUPT_NMI, LINE_OF_BUS, 0, LAPIC_ID_ALL, 1);
}

static void put_table(const struct mp_table_machine *machine, uint8_t *table, uint32_t count)
{
	uint8_t *at = table + HEADER_SIZE;
	size_t size = table_size(count);

	table_text(table, "PCMP");
	le_put(table + 4, 2, size);
	table[6] = SPECIFICATION;
	table_text(table + 8, "LAPIC   LAPICVM     "); /* OEM ID and product ID */
	le_put(table + 34, 2, count + BUSES + 1 + IO_INTERRUPTS + LOCAL_INTERRUPTS);
	le_put(table + 36, 4, ACPI_TABLES_LAPIC_BASE);
	for (uint32_t i = 0; i < count; i++)
		put_processor(machine, &at, i);
	put_bus(&at, BUS_PCI, "PCI   ");
	put_bus(&at, BUS_ISA, "ISA   ");
	put_ioapic(&at);
	put_wires(&at, (uint8_t)apic_id(machine, 0));
	table[7] = table_sum(table, size);
}

/* No default configuration, and no IMCR: LINT0 of the boot processor is a virtual wire. */
static void put_pointer(uint8_t *pointer, uint32_t table)
{
	table_text(pointer, "_MP_");
	le_put(pointer + 4, 4, table);
	pointer[8] = POINTER_SIZE / 16;
	pointer[9] = SPECIFICATION;
	pointer[10] = table_sum(pointer, POINTER_SIZE);
}

size_t mp_table_size(const struct mp_table_machine *machine)
{
	uint32_t count = processors(machine);

	return count > 0 ? POINTER_SIZE + table_size(count) : 0;
}

bool mp_table_write(const struct mp_table_machine *machine, uint8_t *host, uint64_t gpa,
		    size_t room)
{
	size_t size = mp_table_size(machine);

	if (size == 0 || size > room || gpa % MP_TABLE_ALIGNMENT != 0 || gpa > UINT32_MAX ||
	    size > UINT32_MAX - gpa)
		return false;
	memset(host, 0, size);
	put_pointer(host, (uint32_t)gpa + POINTER_SIZE);
	put_table(machine, host + POINTER_SIZE, processors(machine));
	return true;
}
