// SPDX-License-Identifier: BSD-2-Clause
// Firmware's place for tables, F0000h to FFFFFh, which every memory map reserves, and its notes
// below. Not RAM that an image may be loaded to: the loader leaves it alone.

#include "vmm/machine_tables.h"

#include "devices/le.h"
#include "vmm/acpi_tables.h"
#include "vmm/machine.h"
#include "vmm/mp_table.h"
#include "vmm/topology.h"

#define PLACE         0xF0000u
#define ROOM          0x10000u
#define RESET_PORT    0xCF9u
#define RESET_VALUE   0x06u /* a hard reset */
#define CENTURY       0x32u
#define LAPIC_VERSION 0x14u

/* The BIOS data area of IBM's PC: words at 40h:0, and the extended one's size in its first byte. */
#define BIOS_DATA      0x400u
#define BIOS_DATA_SIZE 0x100u
#define BIOS_COM1      0x00u
#define BIOS_COM2      0x02u
#define BIOS_EBDA      0x0Eu /* as a segment */
#define BIOS_EQUIPMENT 0x10u
#define BIOS_LOW_KIB   0x13u
/* An x87, 80 columns of colour text, two serial ports. */
#define EQUIPMENT 0x0422u

/* Of all processors, in order. */
struct ids {
	uint32_t id[OPTIONS_MAX_CPUS];
};

static void fill_ids(const struct machine *m, struct ids *ids)
{
	const struct topology topology = topology_of(m->options);

	for (uint32_t cpu = 0; cpu < topology.cpus; cpu++)
		ids->id[cpu] = topology_apic_id(&topology, cpu);
}

static struct acpi_tables_machine acpi_machine(const struct machine *m, const struct ids *ids)
{
	return (struct acpi_tables_machine){
		.cpus = m->options->cpus,
		.apic_ids = ids->id,
		.pm1_event = ACPI_PM_PORT + ACPI_PM_EVENT,
		.pm1_control = ACPI_PM_PORT + ACPI_PM_CONTROL,
		.pm_timer = ACPI_PM_PORT + ACPI_PM_TIMER,
		.smi_command = ACPI_PM_SMI_PORT,
		.acpi_enable = ACPI_PM_SMI_ENABLE,
		.acpi_disable = ACPI_PM_SMI_DISABLE,
		.power_button = true,
		.s5_type = ACPI_PM_TYPE_S5,
		.reset_port = RESET_PORT,
		.reset_value = RESET_VALUE,
		.century = CENTURY,
		.com2 = true,
		.hpet_id = m->options->hpet ? HPET_ID : 0,
		.hpet_shortest_period = HPET_SHORTEST_PERIOD,
	};
}

uint64_t machine_tables_acpi(struct machine *m)
{
	struct acpi_tables_machine acpi;
	uint8_t *host = ram_at(&m->ram, PLACE, ROOM);
	struct ids ids;

	fill_ids(m, &ids);
	acpi = acpi_machine(m, &ids);
	if (m->options->no_acpi || !host || !acpi_tables_write(&acpi, host, PLACE, ROOM))
		return 0;
	return PLACE;
}

void machine_tables_mp(struct machine *m)
{
	struct ids ids;
	const struct acpi_tables_machine acpi = acpi_machine(m, &ids);
	const struct vcpu *bsp = &m->vcpus[0];
	const struct mp_table_machine mp = {
		.cpus = m->options->cpus,
		.apic_ids = ids.id,
		.lapic_version = LAPIC_VERSION,
		.cpu_signature = bsp->signature,
		.cpu_features = bsp->features,
	};
	uint8_t *host = ram_at(&m->ram, PLACE, ROOM);
	size_t used;
	uint64_t at;

	fill_ids(m, &ids);
	used = m->options->no_acpi ? 0 : acpi_tables_size(&acpi);
	at = PLACE + (used + MP_TABLE_ALIGNMENT - 1) / MP_TABLE_ALIGNMENT * MP_TABLE_ALIGNMENT;

	if (!m->options->no_mptable && host)
		mp_table_write(&mp, host + (at - PLACE), at, ROOM - (at - PLACE));
}

void machine_tables_bios(struct machine *m)
{
	uint8_t *data = ram_at(&m->ram, BIOS_DATA, BIOS_DATA_SIZE);
	uint8_t *ebda = ram_at(&m->ram, RAM_EBDA_START, RAM_RESERVED - RAM_EBDA_START);

	if (!data || !ebda)
		return;
	le_put(data + BIOS_COM1, 2, UART16550_COM1);
	le_put(data + BIOS_COM2, 2, UART16550_COM2);
	le_put(data + BIOS_EBDA, 2, RAM_EBDA_START / 16);
	le_put(data + BIOS_EQUIPMENT, 2, EQUIPMENT);
	le_put(data + BIOS_LOW_KIB, 2, RAM_EBDA_START / 1024);
	ebda[0] = (uint8_t)((RAM_RESERVED - RAM_EBDA_START) / 1024);
}
