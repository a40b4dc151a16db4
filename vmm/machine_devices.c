// SPDX-License-Identifier: BSD-2-Clause
// The machine's port and memory map on one screen, and accesses into it.
// Not the LAPIC's page, which belongs to each vCPU: vcpu.c asks there first.

#include "vmm/machine_devices.h"

#include <string.h>
#include <time.h>

#include "vmm/machine.h"
#include "vmm/machine_clock.h"
#include "vmm/machine_irq.h"
#include "vmm/machine_warm.h"
#include "vmm/topology.h"

#define IRQ_TIMER    0u
#define IRQ_KEYBOARD 1u
#define IRQ_COM2     3u
#define IRQ_COM1     4u
#define IRQ_CLOCK    8u
#define IRQ_SCI      9u
#define IRQ_MOUSE    12u
/* Of IRQ 0, so that a count of 2 is no storm. */
#define SHORTEST_PERIOD_NS 100000u

static void transmit(void *opaque, uint8_t byte)
{
	struct machine *m = opaque;

	m->console.put(m->console.opaque, byte);
}

static void rx_room(void *opaque)
{
	struct machine *m = opaque;

	m->console.room(m->console.opaque);
}

/* Nobody is at the other end. */
static void transmit_nowhere(void *opaque, uint8_t byte)
{
	(void)opaque;
	(void)byte;
}

static const struct uart16550_ops com2_ops = {.transmit = transmit_nowhere};
static const struct uart16550_ops uart_ops = {.transmit = transmit, .rx_room = rx_room};

static void guest_exit(void *opaque, uint32_t value)
{
	struct machine *m = opaque;
	struct result result = {.kind = RESULT_GUEST_EXIT, .value = value, .cpu = -1};

	ending_report(m->ending, &result);
}

static void end_by_reset(struct machine *m, const char *how)
{
	ending_say(m->ending, RESULT_RESET, -1, 0, "the guest reset the machine by %s", how);
}

/* A reset of the processors alone is one of all, unless software has said where to go on. */
static void reset_by_cf9(void *opaque, enum reset_port_request request)
{
	if (request == RESET_PORT_CF9_HARD)
		end_by_reset(opaque, "a hard reset at port CF9h");
	else if (!machine_warm_reset(opaque))
		end_by_reset(opaque, "a soft reset at port CF9h");
}

static void reset_by_8042(void *opaque)
{
	if (!machine_warm_reset(opaque))
		end_by_reset(opaque, "the keyboard controller at port 64h");
}

static const struct i8042_ops i8042_ops = {.reset = reset_by_8042};

/* Of sleep states there is soft-off alone: nothing could wake the machine from another. */
static void power_off(void *opaque, unsigned type)
{
	struct machine *m = opaque;

	if (type == ACPI_PM_TYPE_S5)
		ending_say(m->ending, RESULT_POWER_OFF, -1, 0,
			   "the guest switched the machine off");
}

static void time_of_day(void *opaque, struct timespec *now)
{
	(void)opaque;
	clock_gettime(CLOCK_REALTIME, now);
}

static uint64_t monotonic_ns(void *opaque)
{
	struct timespec now;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void forget_page(void *opaque, uint64_t page)
{
	struct machine *m = opaque;

	ram_forget_mapping(&m->ram, page);
}

static const struct test_ports_ops test_ports_ops = {.flush = forget_page};
static const struct acpi_pm_ops acpi_pm_ops = {.now = monotonic_ns, .sleep = power_off};
static const struct i8254_ops i8254_ops = {.now = monotonic_ns};
static const struct hpet_ops hpet_ops = {.now = monotonic_ns, .legacy = machine_irq_legacy};
static const struct cmos_ops cmos_ops = {.now = monotonic_ns, .time_of_day = time_of_day};

static const uint8_t boot_menu[2] = {1};
static const struct fw_cfg_item fw_cfg_items[] = {{FW_CFG_BOOT_MENU, boot_menu, sizeof(boot_menu)}};

static uint64_t ram_above(const struct machine *m)
{
	return m->ram.range_count > 1 ? m->ram.ranges[1].length : 0;
}

static void prepare_hpet(struct machine *m)
{
	struct irq_line lines[HPET_LINES] = {
		[HPET_LINE_IRQ0] = machine_irq(m, IRQ_TIMER, MACHINE_IRQ_CHIP_2),
		[HPET_LINE_IRQ8] = machine_irq(m, IRQ_CLOCK, MACHINE_IRQ_CHIP_2),
	};

	for (unsigned i = HPET_LINE_20; i < HPET_LINES; i++)
		lines[i] = machine_irq(m, HPET_FIRST_ROUTE + i - HPET_LINE_20, MACHINE_IRQ_CHIP);
	hpet_init(&m->hpet, &hpet_ops, m, lines);
}

static void prepare(struct machine *m)
{
	const struct topology topology = topology_of(m->options);
	const struct cmos_machine cmos = {
		.ram_below_4g = m->ram.ranges[0].length,
		.ram_above_4g = ram_above(m),
		.cpus = m->options->cpus,
	};
	const struct fw_cfg_machine fw_cfg = {
		.ram_size = m->ram.size,
		.cpus = (uint16_t)m->options->cpus,
		.max_cpus = (uint16_t)(topology_last_apic_id(&topology) + 1),
	};

	machine_irq_init(m);
	uart16550_init(&m->uart, &uart_ops, m, machine_irq(m, IRQ_COM1, MACHINE_IRQ_CHIP));
	uart16550_init(&m->com2, &com2_ops, m, machine_irq(m, IRQ_COM2, MACHINE_IRQ_CHIP));
	cmos_init(&m->cmos, &cmos_ops, m, machine_irq_of_clock(m), &cmos);
	fw_cfg_init(&m->fw_cfg, &fw_cfg, fw_cfg_items, 1);
	m->debugcon = (struct debugcon){.write = transmit, .opaque = m};
	m->debug_exit = (struct debug_exit){.exit = guest_exit, .opaque = m};
	m->reset = (struct reset_port){.reset = reset_by_cf9, .opaque = m};
	pci_host_init(&m->pci_host, &m->reset);
	i8042_init(&m->i8042, &i8042_ops, m, machine_irq(m, IRQ_KEYBOARD, MACHINE_IRQ_CHIP),
		   machine_irq(m, IRQ_MOUSE, MACHINE_IRQ_CHIP));
	/* In RAM, as the whole of A0000h to FFFFFh: no access to it is an exit. */
	vga_text_init(&m->vga_text, ram_at(&m->ram, VGA_TEXT_MEMORY, VGA_TEXT_MEMORY_SIZE));
	acpi_pm_init(&m->acpi_pm, &acpi_pm_ops, m, machine_irq(m, IRQ_SCI, MACHINE_IRQ_CHIP), true);
	i8254_init(&m->pit, &i8254_ops, m, machine_irq_of_8254(m), SHORTEST_PERIOD_NS);
	prepare_hpet(m);
	m->test_ports = (struct test_ports){.ops = &test_ports_ops, .opaque = m};
}

static bool add_all(struct bus *bus, const struct bus_region *regions, size_t count,
		    struct result *why)
{
	char error[256];

	for (size_t i = 0; i < count; i++) {
		if (bus_add(bus, &regions[i], error, sizeof(error)) == BUS_OK)
			continue;
		ending_fill(why, RESULT_INTERNAL, "%s", error);
		return false;
	}
	return true;
}

bool machine_wire(struct machine *m, struct result *why)
{
	prepare(m);
	bus_init(&m->ports, "port I/O", BUS_LAST_PORT, m->port_regions, MACHINE_REGIONS);
	bus_init(&m->memory, "memory", BUS_LAST_MEMORY, m->memory_regions, MACHINE_REGIONS);

	const struct bus_region ports[] = {
		i8259_master_region(&m->pic),
		i8254_region(&m->pit),
		i8042_data_region(&m->i8042),
		i8254_port61_region(&m->pit),
		i8042_command_region(&m->i8042),
		cmos_region(&m->cmos),
		i8259_slave_region(&m->pic),
		debugcon_region(&m->debugcon, DEBUGCON_PORT),
		debug_exit_region(&m->debug_exit),
		acpi_pm_smi_region(&m->acpi_pm),
		uart16550_region(&m->com2, UART16550_COM2),
		vga_text_ports_region(&m->vga_text),
		uart16550_region(&m->uart, UART16550_COM1),
		debugcon_region(&m->debugcon, DEBUGCON_FIRMWARE),
		i8259_elcr_region(&m->pic),
		fw_cfg_region(&m->fw_cfg),
		acpi_pm_region(&m->acpi_pm),
		pci_host_address_region(&m->pci_host),
		pci_host_data_region(&m->pci_host),
		test_lines_region(&m->test_lines),
		test_messages_region(&m->test_messages),
		test_ports_data_region(&m->test_ports),
		test_ports_flush_region(&m->test_ports),
	};

	const struct bus_region memory[] = {
		ioapic_region(&m->ioapic),
		hpet_region(&m->hpet),
	};

	return add_all(&m->ports, ports, sizeof(ports) / sizeof(ports[0]), why) &&
	       add_all(&m->memory, memory, m->options->hpet ? 2 : 1, why);
}

static void count(struct machine_exits *exits, const struct bus *bus, uint64_t address)
{
	const struct bus_region *region = bus_find(bus, address);

	if (region)
		exits->regions[region - bus->regions]++;
	else
		exits->nobody++;
}

static void do_access(const struct bus *bus, const struct access *access, uint8_t *data)
{
	uint64_t value = 0;

	if (access->write) {
		memcpy(&value, data, access->width);
		bus_write(bus, access->address, access->width, value);
	} else {
		value = bus_read(bus, access->address, access->width);
		memcpy(data, &value, access->width);
	}
}

/*
 * A write may be output, and that may have to wait for stdout: without the lock, because the loop,
 * which empties the console, needs it too. Room that was seen under the lock stays, as all output
 * is made under it. What then finds none in the midst of a hop, which had room at first, is lost.
 */
static void lock_devices(struct machine *m, const struct access *access)
{
	unsigned bytes = access->write ? access->width * access->count : 0;

	pthread_mutex_lock(&m->device_lock);
	while (bytes && !m->settling && !m->console.fits(m->console.opaque, bytes)) {
		pthread_mutex_unlock(&m->device_lock);
		m->console.wait(m->console.opaque, bytes);
		pthread_mutex_lock(&m->device_lock);
	}
}

void machine_port(struct machine *m, const struct access *access)
{
	lock_devices(m, access);
	count(&m->port_exits, &m->ports, access->address);
	for (unsigned i = 0; i < access->count; i++)
		do_access(&m->ports, access, access->data + (size_t)i * access->width);
	machine_clock_update(m);
	pthread_mutex_unlock(&m->device_lock);
}

/* RAM that another vCPU's LAPIC page hides from KVM (layout.h), for those whose LAPIC is elsewhere.
 */
static bool hidden_ram(struct machine *m, const struct access *access)
{
	void *ram = ram_at(&m->ram, access->address, access->width);

	if (ram && access->write)
		memcpy(ram, access->data, access->width);
	else if (ram)
		memcpy(access->data, ram, access->width);
	return ram != NULL;
}

void machine_memory(struct machine *m, const struct access *access)
{
	if (hidden_ram(m, access))
		return;
	lock_devices(m, access);
	count(&m->memory_exits, &m->memory, access->address);
	do_access(&m->memory, access, access->data);
	machine_clock_update(m);
	pthread_mutex_unlock(&m->device_lock);
}

size_t machine_input(struct machine *m, const uint8_t *bytes, size_t n)
{
	size_t taken;

	pthread_mutex_lock(&m->device_lock);
	taken = uart16550_receive(&m->uart, bytes, n);
	machine_clock_update(m);
	pthread_mutex_unlock(&m->device_lock);
	return taken;
}
