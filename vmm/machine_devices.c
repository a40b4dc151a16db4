// SPDX-License-Identifier: BSD-2-Clause
// The machine's port and memory map on one screen, and accesses into it.
// Not the LAPIC's page, which belongs to each vCPU: vcpu.c asks there first.

#include "vmm/machine_devices.h"

#include <string.h>
#include <time.h>

#include "vmm/machine.h"
#include "vmm/machine_irq.h"

#define IRQ_COM1  4u
#define IRQ_CLOCK 8u

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

static const struct uart16550_ops uart_ops = {.transmit = transmit, .rx_room = rx_room};

static void guest_exit(void *opaque, uint32_t value)
{
	struct machine *m = opaque;
	struct result result = {.kind = RESULT_GUEST_EXIT, .value = value, .cpu = -1};

	ending_report(m->ending, &result);
}

static void guest_reset(void *opaque, enum reset_port_request request)
{
	static const char *const how[] = {
		[RESET_PORT_BY_8042] = "command FEh at port 64h",
		[RESET_PORT_CF9_SOFT] = "a soft reset at port CF9h",
		[RESET_PORT_CF9_HARD] = "a hard reset at port CF9h",
	};
	struct machine *m = opaque;

	/* Without firmware that could find its way back, a reset of the processors is one of all.
	 */
	ending_say(m->ending, RESULT_RESET, -1, 0, "the guest reset the machine by %s",
		   how[request]);
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

static const struct cmos_ops cmos_ops = {.now = monotonic_ns, .time_of_day = time_of_day};

static uint64_t ram_above(const struct machine *m)
{
	return m->ram.range_count > 1 ? m->ram.ranges[1].length : 0;
}

static void prepare(struct machine *m)
{
	const struct cmos_machine cmos = {
		.ram_below_4g = m->ram.ranges[0].length,
		.ram_above_4g = ram_above(m),
		.cpus = m->options->cpus,
	};
	const struct fw_cfg_machine fw_cfg = {
		.ram_size = m->ram.size,
		.cpus = (uint16_t)m->options->cpus,
		.max_cpus = (uint16_t)m->options->cpus,
	};

	machine_irq_init(m);
	uart16550_init(&m->uart, &uart_ops, m, machine_irq(m, IRQ_COM1, MACHINE_IRQ_CHIP));
	cmos_init(&m->cmos, &cmos_ops, m, machine_irq(m, IRQ_CLOCK, MACHINE_IRQ_CHIP), &cmos);
	fw_cfg_init(&m->fw_cfg, &fw_cfg, NULL, 0);
	m->debugcon = (struct debugcon){.write = transmit, .opaque = m};
	m->debug_exit = (struct debug_exit){.exit = guest_exit, .opaque = m};
	m->reset = (struct reset_port){.reset = guest_reset, .opaque = m};
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
		reset_port_8042_region(&m->reset),
		cmos_region(&m->cmos),
		i8259_slave_region(&m->pic),
		debugcon_region(&m->debugcon),
		debug_exit_region(&m->debug_exit),
		uart16550_region(&m->uart, UART16550_COM1),
		i8259_elcr_region(&m->pic),
		fw_cfg_region(&m->fw_cfg),
		reset_port_cf9_region(&m->reset),
		test_lines_region(&m->test_lines),
		test_messages_region(&m->test_messages),
	};

	const struct bus_region memory[] = {
		ioapic_region(&m->ioapic),
	};

	return add_all(&m->ports, ports, sizeof(ports) / sizeof(ports[0]), why) &&
	       add_all(&m->memory, memory, sizeof(memory) / sizeof(memory[0]), why);
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
 * is made under it.
 */
static void lock_devices(struct machine *m, const struct access *access)
{
	unsigned bytes = access->write ? access->width * access->count : 0;

	pthread_mutex_lock(&m->device_lock);
	while (bytes && !m->console.fits(m->console.opaque, bytes)) {
		pthread_mutex_unlock(&m->device_lock);
		m->console.wait(m->console.opaque, bytes);
		pthread_mutex_lock(&m->device_lock);
	}
}

void machine_port(struct machine *m, const struct access *access)
{
	lock_devices(m, access);
	for (unsigned i = 0; i < access->count; i++)
		do_access(&m->ports, access, access->data + (size_t)i * access->width);
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
	do_access(&m->memory, access, access->data);
	pthread_mutex_unlock(&m->device_lock);
}

size_t machine_input(struct machine *m, const uint8_t *bytes, size_t n)
{
	size_t taken;

	pthread_mutex_lock(&m->device_lock);
	taken = uart16550_receive(&m->uart, bytes, n);
	pthread_mutex_unlock(&m->device_lock);
	return taken;
}
