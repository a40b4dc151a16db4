// SPDX-License-Identifier: BSD-2-Clause
// The machine's port and memory map on one screen, and accesses into it.
// Not the LAPIC's page, which belongs to each vCPU: vcpu.c asks there first.

#include "vmm/machine_devices.h"

#include <string.h>
#include <time.h>

#include "vmm/kernel_lapic.h"
#include "vmm/machine.h"

/* An interrupt message: SDM Vol. 3A, "Message Signalled Interrupts". */
#define MESSAGE_ADDRESS 0xFEE00000u
#define MESSAGE_LOGICAL 0x4u
#define MESSAGE_LEVEL   0x8000u
#define MESSAGE_ASSERT  0x4000u

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

/* Without firmware that could find its way back, a reset of the processors is one of all. */
static void end_by_reset(struct machine *m, const char *how)
{
	ending_say(m->ending, RESULT_RESET, -1, 0, "the guest reset the machine by %s", how);
}

static void reset_by_cf9(void *opaque, enum reset_port_request request)
{
	end_by_reset(opaque, request == RESET_PORT_CF9_HARD ? "a hard reset at port CF9h"
							    : "a soft reset at port CF9h");
}

static void reset_by_8042(void *opaque)
{
	end_by_reset(opaque, "the keyboard controller at port 64h");
}

static const struct i8042_ops i8042_ops = {.reset = reset_by_8042};

/* The pair's INTR is the boot processor's LINT0, as the MultiProcessor Specification wires it. */
static void set_intr(void *opaque, unsigned n, bool level)
{
	struct machine *m = opaque;

	if (!m->options->kernel_lapic) {
		lapic_set_lint(m->vcpus[0].lapic, n, level);
		return;
	}
	atomic_store(&m->intr, level);
	/* While devices are made there is nobody to kick. */
	if (level && m->started)
		vcpu_kick(&m->vcpus[0]);
}

/* ---- interrupt messages ---- */

static bool send_to_model(struct machine *m, const struct test_message *test)
{
	const struct lapic_message message = {
		.dest = test->dest,
		.vector = test->vector,
		.mode = test->mode,
		.logical = test->logical,
		.level = test->level,
	};

	return lapic_map_send(m->map, &message) != LAPIC_REFUSED;
}

static struct kernel_lapic_message as_written(const struct test_message *test)
{
	return (struct kernel_lapic_message){
		.address = MESSAGE_ADDRESS | (uint32_t)test->dest << 12 |
			   (test->logical ? MESSAGE_LOGICAL : 0),
		.data = test->vector | (uint32_t)test->mode << 8 |
			(test->level ? MESSAGE_LEVEL | MESSAGE_ASSERT : 0),
	};
}

static bool send_message(void *opaque, const struct test_message *test)
{
	struct machine *m = opaque;
	struct kernel_lapic_message message = as_written(test);

	return m->options->kernel_lapic ? kernel_lapic_send(&m->vm, &message) > 0
					: send_to_model(m, test);
}

/* KVM is told of level lines alone: of others no EOI is wanted. */
static void messages_changed(void *opaque)
{
	struct machine *m = opaque;
	struct kernel_lapic_message lines[TEST_MESSAGES_COUNT];
	unsigned count = 0;
	int error;

	if (!m->options->kernel_lapic)
		return;
	for (unsigned n = 0; n < TEST_MESSAGES_COUNT; n++) {
		struct test_message test = test_messages_of(&m->test_messages, n);

		if (test.level)
			lines[count++] = as_written(&test);
	}
	error = kernel_lapic_route(&m->vm, lines, count);
	if (error < 0)
		ending_say(m->ending, RESULT_INTERNAL, -1, 0, "KVM_SET_GSI_ROUTING: %s",
			   strerror(-error));
}

static const struct test_messages_ops message_ops = {
	.send = send_message,
	.changed = messages_changed,
};

void machine_eoi(struct machine *m, uint8_t vector)
{
	pthread_mutex_lock(&m->device_lock);
	test_messages_eoi(&m->test_messages, vector);
	pthread_mutex_unlock(&m->device_lock);
}

uint8_t machine_intack(struct machine *m)
{
	uint8_t vector;

	pthread_mutex_lock(&m->device_lock);
	vector = i8259_intack(&m->pic);
	pthread_mutex_unlock(&m->device_lock);
	return vector;
}

static void time_of_day(void *opaque, struct timespec *now)
{
	(void)opaque;
	clock_gettime(CLOCK_REALTIME, now);
}

static const struct cmos_ops cmos_ops = {.now = time_of_day};

static uint64_t ram_above(const struct machine *m)
{
	return m->ram.range_count > 1 ? m->ram.ranges[1].length : 0;
}

static void prepare(struct machine *m)
{
	const struct irq_line unconnected = {0};
	const struct irq_line intr = {.set = set_intr, .opaque = m, .n = 0};
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

	uart16550_init(&m->uart, &uart_ops, m, unconnected);
	cmos_init(&m->cmos, &cmos_ops, m, &cmos);
	fw_cfg_init(&m->fw_cfg, &fw_cfg, NULL, 0);
	/* Test guests were written for KVM and QEMU, where an edge outlives its line. */
	i8259_init(&m->pic, intr, true);
	for (unsigned n = 0; n < I8259_INPUTS; n++)
		m->test_lines.lines[n] = i8259_input(&m->pic, n);
	test_messages_init(&m->test_messages, &message_ops, m);
	m->debugcon = (struct debugcon){.write = transmit, .opaque = m};
	m->debug_exit = (struct debug_exit){.exit = guest_exit, .opaque = m};
	m->reset = (struct reset_port){.reset = reset_by_cf9, .opaque = m};
	pci_host_init(&m->pci_host, &m->reset);
	i8042_init(&m->i8042, &i8042_ops, m, unconnected, unconnected);
	vga_text_init(&m->vga_text, NULL);
}

bool machine_wire(struct machine *m, struct result *why)
{
	char error[256];

	prepare(m);
	bus_init(&m->ports, "port I/O", BUS_LAST_PORT, m->port_regions, MACHINE_REGIONS);
	bus_init(&m->memory, "memory", BUS_LAST_MEMORY, m->memory_regions, MACHINE_REGIONS);

	const struct bus_region ports[] = {
		i8259_master_region(&m->pic),
		i8042_data_region(&m->i8042),
		i8042_command_region(&m->i8042),
		cmos_region(&m->cmos),
		i8259_slave_region(&m->pic),
		debugcon_region(&m->debugcon),
		debug_exit_region(&m->debug_exit),
		vga_text_ports_region(&m->vga_text),
		uart16550_region(&m->uart, UART16550_COM1),
		i8259_elcr_region(&m->pic),
		fw_cfg_region(&m->fw_cfg),
		pci_host_address_region(&m->pci_host),
		pci_host_data_region(&m->pci_host),
		test_lines_region(&m->test_lines),
		test_messages_region(&m->test_messages),
	};

	const struct bus_region text = vga_text_memory_region(&m->vga_text);

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (bus_add(&m->ports, &ports[i], error, sizeof(error)) != BUS_OK)
			goto refused;
	if (bus_add(&m->memory, &text, error, sizeof(error)) == BUS_OK)
		return true;
refused:
	ending_fill(why, RESULT_INTERNAL, "%s", error);
	return false;
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
