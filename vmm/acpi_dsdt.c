// SPDX-License-Identifier: BSD-2-Clause
// The namespace: soft-off, the processors, a PCI root with nothing behind it, the ISA devices.
// No methods: there is nothing to run, so a guest needs no more than a reader of names.
#include "vmm/acpi_dsdt.h"

#include "vmm/acpi_tables.h"
#include "vmm/aml.h"
#include "vmm/ram.h"

enum {
	PNP_KEYBOARD = 0x0303,
	PNP_SERIAL = 0x0501,
	PNP_PCI_ROOT = 0x0A03,
	PNP_CLOCK = 0x0B00,
	PNP_HPET = 0x0103,

	PCI_CONFIG = 0xCF8,
	PCI_CONFIG_LAST = 0xCFF,
};

/* Below the IOAPIC, where the first of the fixed addresses under 4 GiB are. */
#define PCI_MEMORY_LAST (ACPI_TABLES_IOAPIC_BASE - 1)

struct isa_device {
	const char *name;
	uint16_t product;
	uint8_t uid;
	uint8_t irq;
	struct {
		uint16_t base;
		uint8_t length;
	} ports[2];
};

static const struct isa_device clock_device = {"RTC_", PNP_CLOCK, 0, 8, {{0x70, 2}}};
static const struct isa_device keyboard = {"KBD_", PNP_KEYBOARD, 0, 1, {{0x60, 1}, {0x64, 1}}};
static const struct isa_device com1 = {"COM1", PNP_SERIAL, 1, 4, {{0x3F8, 8}}};
static const struct isa_device com2 = {"COM2", PNP_SERIAL, 2, 3, {{0x2F8, 8}}};

static void put_isa(struct aml *aml, const struct isa_device *isa)
{
	size_t device = aml_pnp_device(aml, isa->name, isa->product, isa->uid);
	struct aml_resources resources = aml_resources_open(aml);

	for (unsigned i = 0; i < 2 && isa->ports[i].length > 0; i++)
		aml_ports(aml, isa->ports[i].base, isa->ports[i].length);
	aml_irq(aml, isa->irq);
	aml_resources_close(aml, resources);
	aml_close(aml, device);
}

/* The two numbers are what PM1a_CNT.SLP_TYP and PM1b_CNT.SLP_TYP take; there is no PM1b. */
static void put_soft_off(struct aml *aml, uint8_t sleep_type)
{
	size_t package;

	aml_name(aml, "_S5_");
	package = aml_open(aml, AML_PACKAGE);
	aml_put(aml, 1, 4);
	aml_integer(aml, sleep_type);
	for (unsigned i = 1; i < 4; i++)
		aml_integer(aml, 0);
	aml_close(aml, package);
}

static void put_processor(struct aml *aml, uint32_t uid)
{
	static const char hex[] = "0123456789ABCDEF";
	const char name[] = {'C', hex[uid >> 8 & 15], hex[uid >> 4 & 15], hex[uid & 15]};
	size_t device = aml_open(aml, AML_DEVICE);

	aml_segment(aml, name);
	aml_name(aml, "_HID");
	aml_string(aml, "ACPI0007");
	aml_name(aml, "_UID");
	aml_integer(aml, uid);
	aml_close(aml, device);
}

static void put_pci_root(struct aml *aml)
{
	size_t device = aml_pnp_device(aml, "PCI0", PNP_PCI_ROOT, 0);
	struct aml_resources resources = aml_resources_open(aml);

	aml_bus_window(aml, 0, 0xFF);
	aml_ports(aml, PCI_CONFIG, PCI_CONFIG_LAST - PCI_CONFIG + 1);
	aml_port_window(aml, 0, PCI_CONFIG - 1);
	aml_port_window(aml, PCI_CONFIG_LAST + 1, 0xFFFF);
	aml_memory_window(aml, 0xA0000, 0xBFFFF);
	aml_memory_window(aml, (uint32_t)RAM_LOW_END, PCI_MEMORY_LAST);
	aml_resources_close(aml, resources);
	aml_close(aml, device);
}

static void put_hpet(struct aml *aml)
{
	size_t device = aml_pnp_device(aml, "HPET", PNP_HPET, 0);
	struct aml_resources resources = aml_resources_open(aml);

	aml_fixed_memory(aml, ACPI_TABLES_HPET_BASE, ACPI_TABLES_HPET_SIZE);
	aml_resources_close(aml, resources);
	aml_close(aml, device);
}

size_t acpi_dsdt_write(const struct acpi_tables_machine *machine, uint8_t *at, size_t room)
{
	struct aml aml = {at, room, 0};
	size_t scope;

	put_soft_off(&aml, machine->s5_type);
	scope = aml_open(&aml, AML_SCOPE);
	aml_segment(&aml, "_SB_");
	for (uint32_t i = 0; i < machine->cpus; i++)
		put_processor(&aml, i);
	put_pci_root(&aml);
	put_isa(&aml, &clock_device);
	put_isa(&aml, &keyboard);
	put_isa(&aml, &com1);
	if (machine->com2)
		put_isa(&aml, &com2);
	if (machine->hpet_id != 0)
		put_hpet(&aml);
	aml_close(&aml, scope);
	return aml.used;
}
