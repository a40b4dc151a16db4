// SPDX-License-Identifier: BSD-2-Clause
// Both buses with every device on them, driven by whatever the input says a guest and a host do.
// Not a test of what devices answer: only of what must hold for any answer.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/bus.h"
#include "devices/cmos.h"
#include "devices/debug_exit.h"
#include "devices/debugcon.h"
#include "devices/fw_cfg.h"
#include "devices/i8259.h"
#include "devices/pci_host.h"
#include "devices/reset_port.h"
#include "devices/test_lines.h"
#include "devices/uart16550.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REGIONS      16
#define LINES        3 /* of the two UARTs, and the 8259s' INTR */

/* A region that holds the bus to its side of the contract. */
struct probe {
	uint64_t size;
	unsigned widths;
};

#define PROBES 8u

struct machine {
	struct bus_region port_table[REGIONS], memory_table[REGIONS];
	struct bus ports, memory;
	struct uart16550 com1, mmio_uart;
	struct debug_exit exit;
	struct debugcon debugcon;
	struct reset_port reset;
	struct pci_host pci;
	struct fw_cfg fw_cfg;
	struct cmos cmos;
	struct i8259 pic;
	struct test_lines test_lines;
	struct probe probes[PROBES];
	struct timespec now;
	uint64_t elapsed;
	bool irq[LINES];
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void take_byte(void *opaque, uint8_t byte)
{
	(void)opaque;
	(void)byte;
}

static void take_value(void *opaque, uint32_t value)
{
	(void)opaque;
	(void)value;
}

static void take_reset(void *opaque, enum reset_port_request request)
{
	struct machine *m = opaque;

	require(request <= RESET_PORT_CF9_HARD);
	cmos_reset(&m->cmos);
	fw_cfg_reset(&m->fw_cfg);
	i8259_reset(&m->pic);
}

static void take_level(void *opaque, unsigned n, bool level)
{
	struct machine *m = opaque;
	struct irq_line com = i8259_input(&m->pic, 4 - n);

	require(n < LINES && m->irq[n] != level);
	m->irq[n] = level;
	if (n < 2)
		irq_line_set(&com, level);
}

static void take_room(void *opaque)
{
	const struct machine *m = opaque;

	require(uart16550_rx_space(&m->com1) > 0 || uart16550_rx_space(&m->mmio_uart) > 0);
}

static uint64_t tell_now(void *opaque)
{
	return ((const struct machine *)opaque)->elapsed;
}

static void tell_time_of_day(void *opaque, struct timespec *now)
{
	*now = ((const struct machine *)opaque)->now;
}

static void check_access(const struct probe *probe, uint64_t offset, unsigned width)
{
	require(width && (width & (width - 1)) == 0 && (probe->widths & width));
	require(offset < probe->size && width <= probe->size - offset);
}

static uint64_t probe_read(void *opaque, uint64_t offset, unsigned width)
{
	check_access(opaque, offset, width);
	return UINT64_MAX;
}

static void probe_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	check_access(opaque, offset, width);
	require(width >= 8 || value >> (8 * width) == 0);
}

static const struct uart16550_ops uart_ops = {.transmit = take_byte, .rx_room = take_room};
static const struct cmos_ops cmos_ops = {.now = tell_now, .time_of_day = tell_time_of_day};
static const uint8_t blob[300] = {1, 2, 3};
static const struct fw_cfg_item items[] = {{0x0B, blob, sizeof(blob)}, {0x8000, blob, 0}};

/* As firmware leaves them; the fuzzer would be long in finding it out. */
static void start_pic(struct machine *m)
{
	static const uint16_t words[][2] = {
		{0x20, 0x11}, {0x21, 0x08}, {0x21, 0x04}, {0x21, 0x01},
		{0xA0, 0x11}, {0xA1, 0x70}, {0xA1, 0x02}, {0xA1, 0x01},
	};

	for (size_t i = 0; i < COUNT(words); i++)
		bus_write(&m->ports, words[i][0], 1, words[i][1]);
}

static void build(struct machine *m)
{
	struct bus_region on_ports[REGIONS], on_memory[2];
	size_t n = 0;

	memset(m, 0, sizeof(*m));
	bus_init(&m->ports, "port I/O", BUS_LAST_PORT, m->port_table, REGIONS);
	bus_init(&m->memory, "memory", BUS_LAST_MEMORY, m->memory_table, REGIONS);
	i8259_init(&m->pic, (struct irq_line){take_level, m, 2}, true);
	for (unsigned i = 0; i < I8259_INPUTS; i++)
		m->test_lines.lines[i] = i8259_input(&m->pic, i);
	uart16550_init(&m->com1, &uart_ops, m, (struct irq_line){take_level, m, 0});
	uart16550_init(&m->mmio_uart, &uart_ops, m, (struct irq_line){take_level, m, 1});
	m->exit = (struct debug_exit){take_value, m};
	m->debugcon = (struct debugcon){take_byte, m};
	m->reset = (struct reset_port){take_reset, m, 0};
	pci_host_init(&m->pci, &m->reset);
	fw_cfg_init(&m->fw_cfg, &(struct fw_cfg_machine){1 << 30, 2, 2}, items, 2);
	cmos_init(&m->cmos, &cmos_ops, m, (struct irq_line){0},
		  &(struct cmos_machine){1 << 30, 0, 2});

	for (unsigned i = 0; i < PROBES; i++)
		m->probes[i] = (struct probe){.size = 3 * i + 1, .widths = 2 * i + 1};
	m->probes[0].size = UINT64_MAX - 300;

	on_ports[n++] = uart16550_region(&m->com1, UART16550_COM1);
	on_ports[n++] = debug_exit_region(&m->exit);
	on_ports[n++] = debugcon_region(&m->debugcon, DEBUGCON_PORT);
	on_ports[n++] = pci_host_address_region(&m->pci);
	on_ports[n++] = fw_cfg_region(&m->fw_cfg);
	on_ports[n++] = cmos_region(&m->cmos);
	on_ports[n++] = i8259_master_region(&m->pic);
	on_ports[n++] = i8259_slave_region(&m->pic);
	on_ports[n++] = i8259_elcr_region(&m->pic);
	on_ports[n++] = test_lines_region(&m->test_lines);
	while (n)
		require(bus_add(&m->ports, &on_ports[--n], NULL, 0) == BUS_OK);
	start_pic(m);

	/* Memory has the same models, at both ends of the address space. */
	on_memory[0] = uart16550_region(&m->mmio_uart, UINT64_MAX - 7);
	on_memory[1] = fw_cfg_region(&m->fw_cfg);
	on_memory[1].base = 0;
	require(bus_add(&m->memory, &on_memory[0], NULL, 0) == BUS_OK);
	require(bus_add(&m->memory, &on_memory[1], NULL, 0) == BUS_OK);
}

struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		value |= (uint64_t)*in->data++ << (8 * i);
	return value;
}

static void access_bus(const struct bus *bus, uint64_t address, struct input *in)
{
	unsigned width = (unsigned)take(in, 1);

	/* Mostly widths there are. */
	if (width < 0xF0)
		width = 1 + width % 8;
	if (take(in, 1) & 1) {
		bus_write(bus, address, width, take(in, 8));
	} else {
		uint64_t value = bus_read(bus, address, width);

		require(width >= 8 || value >> (8 * width) == 0);
	}
}

static void change_memory_table(struct machine *m, struct input *in)
{
	unsigned choice = (unsigned)take(in, 1);
	struct probe *probe = &m->probes[choice / 2 % PROBES];
	struct bus_region region = {
		.size = probe->size,
		.name = "probe",
		.widths = probe->widths,
		.read = probe_read,
		.write = probe_write,
		.opaque = probe,
	};
	char error[40];

	/* Far from the ends the fuzzer would not find its own regions again. */
	region.base = choice & 0x80 ? UINT64_MAX - take(in, 1) : take(in, 8);
	if (choice & 1) {
		bus_remove(&m->memory, region.base);
		return;
	}
	memset(error, '#', sizeof(error));
	if (bus_add(&m->memory, &region, error, sizeof(error)) != BUS_OK)
		require(memchr(error, '\0', sizeof(error)) != NULL);
}

static void receive(struct uart16550 *uart, struct input *in)
{
	uint8_t bytes[40] = {0};
	size_t n = take(in, 1) % sizeof(bytes);
	size_t space = uart16550_rx_space(uart);

	require(space <= UART16550_FIFO);
	require(uart16550_receive(uart, bytes, n) == (n < space ? n : space));
}

/* What is asked for goes into service, unless AEOI ends that; without a request nothing does. */
static void acknowledge(struct machine *m)
{
	bool asked = m->pic.intr_level;
	int ir = i8259_chip_request(&m->pic.master);
	uint8_t isr = m->pic.master.isr;

	require(asked == (ir >= 0));
	i8259_intack(&m->pic);
	if (!asked)
		require(m->pic.master.isr == isr);
	else
		require((m->pic.master.icw4 & 2) || (m->pic.master.isr >> ir & 1));
}

static void check_chip(const struct i8259_chip *chip)
{
	require(chip->lowest < 8 && chip->step <= I8259_ICW4);
	require(i8259_chip_request(chip) < 8);
}

static void check(const struct machine *m)
{
	check_chip(&m->pic.master);
	check_chip(&m->pic.slave);
	require(m->pic.intr_level == m->irq[2]);
	require(m->pic.intr_level == (i8259_chip_request(&m->pic.master) >= 0));
	require((m->pic.master.lines >> I8259_CASCADE & 1) ==
		(i8259_chip_request(&m->pic.slave) >= 0));
	require(m->test_lines.levels >> TEST_LINES_COUNT == 0);
	require(m->com1.irq_level == m->irq[0] && m->mmio_uart.irq_level == m->irq[1]);
	require(m->com1.rx_count <= UART16550_FIFO && m->mmio_uart.rx_count <= UART16550_FIFO);
	require(m->cmos.index < CMOS_REGISTERS);
	for (size_t i = 1; i < m->memory.count; i++)
		require(m->memory.regions[i - 1].base + (m->memory.regions[i - 1].size - 1) <
			m->memory.regions[i].base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Where something is, so that the fuzzer need not guess it. */
	static const uint16_t ports[] = {0x3F8, 0x3F9, 0x3FA, 0x3FB, 0x3FC,  0x3FD, 0x3FE,
					 0x3FF, 0xE9,  0xF4,  0xCF8, 0xCF9,  0x510, 0x511,
					 0x70,  0x71,  0x71,  0x3F7, 0xFFFE, 0x20,  0x21,
					 0xA0,  0xA1,  0x4D0, 0x4D1, 0x2003, 0x200B};
	struct input in = {data, size};
	struct machine m;

	build(&m);
	while (in.left) {
		unsigned step = (unsigned)take(&in, 1);

		switch (step % 11) {
		case 0:
		case 1:
		case 2:
		case 3: access_bus(&m.ports, ports[take(&in, 1) % COUNT(ports)], &in); break;
		case 4: access_bus(&m.ports, take(&in, 2), &in); break;
		case 5: access_bus(&m.memory, UINT64_MAX - take(&in, 1), &in); break;
		case 6: access_bus(&m.memory, take(&in, 8), &in); break;
		case 7: change_memory_table(&m, &in); break;
		case 8: receive(step & 16 ? &m.com1 : &m.mmio_uart, &in); break;
		case 9:
			if (step & 16) {
				uart16550_reset(&m.com1);
			} else {
				m.now.tv_sec = (int64_t)take(&in, 8) / (1 << 13);
				m.now.tv_nsec = (long)(take(&in, 4) % 1000000000);
				m.elapsed += take(&in, 4);
			}
			break;
		case 10: acknowledge(&m); break;
		}
		check(&m);
	}
	return 0;
}
