// SPDX-License-Identifier: BSD-2-Clause
// PCI host, 8042 and VGA text on their buses, driven by whatever the input says a guest does.
// Not a test of what devices answer: only of what must hold for any answer.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/bus.h"
#include "devices/i8042.h"
#include "devices/pci_host.h"
#include "devices/reset_port.h"
#include "devices/vga_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REGIONS      8

struct machine {
	struct bus_region port_table[REGIONS], memory_table[1];
	struct bus ports, memory;
	struct reset_port reset;
	struct pci_host pci;
	struct i8042 i8042;
	struct vga_text vga;
	bool irq1, irq12;
	unsigned lines;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void take_request(void *opaque, enum reset_port_request request)
{
	(void)opaque;
	require(request == RESET_PORT_CF9_SOFT || request == RESET_PORT_CF9_HARD);
}

static void take_reset(void *opaque)
{
	(void)opaque;
}

static const struct i8042_ops i8042_ops = {.reset = take_reset};

static void take_level(void *opaque, unsigned n, bool level)
{
	struct machine *m = opaque;
	bool *line = n == 1 ? &m->irq1 : &m->irq12;

	require(*line != level);
	*line = level;
}

static void add(struct bus *bus, struct bus_region region)
{
	require(bus_add(bus, &region, NULL, 0) == BUS_OK);
}

static void build(struct machine *m, uint8_t *text)
{
	memset(m, 0, sizeof(*m));
	bus_init(&m->ports, "port I/O", BUS_LAST_PORT, m->port_table, REGIONS);
	bus_init(&m->memory, "memory", BUS_LAST_MEMORY, m->memory_table, 1);
	m->reset = (struct reset_port){.reset = take_request};
	pci_host_init(&m->pci, &m->reset);
	i8042_init(&m->i8042, &i8042_ops, m, (struct irq_line){take_level, m, 1},
		   (struct irq_line){take_level, m, 12});
	vga_text_init(&m->vga, text);
	add(&m->ports, pci_host_address_region(&m->pci));
	add(&m->ports, pci_host_data_region(&m->pci));
	add(&m->ports, i8042_data_region(&m->i8042));
	add(&m->ports, i8042_command_region(&m->i8042));
	add(&m->ports, vga_text_ports_region(&m->vga));
	add(&m->memory, vga_text_memory_region(&m->vga));
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
	unsigned choice = (unsigned)take(in, 1);
	unsigned width = 1 + choice / 2 % 8;

	if (choice & 1) {
		bus_write(bus, address, width, take(in, width));
	} else {
		uint64_t value = bus_read(bus, address, width);

		require(width >= 8 || value >> (8 * width) == 0);
	}
}

/* A driver that reads while there is something to read comes to an end. */
static void drain(struct machine *m)
{
	unsigned bytes = 0;

	while (bus_read(&m->ports, I8042_COMMAND_PORT, 1) & 1) {
		bus_read(&m->ports, I8042_DATA_PORT, 1);
		require(++bytes <= 2 + I8042_LONGEST);
	}
	require(!m->irq1 && !m->irq12);
}

static void take_line(void *opaque, const char *bytes, size_t n)
{
	struct machine *m = opaque;

	require(n >= 1 && n <= VGA_TEXT_LINE && bytes[n - 1] == '\n');
	require(n == 1 || bytes[n - 2] != ' ');
	for (size_t i = 0; i + 1 < n; i++)
		require((uint8_t)bytes[i] >= 0x20 && bytes[i] != 0x7F);
	m->lines++;
}

static void render(struct machine *m)
{
	m->lines = 0;
	vga_text_render(&m->vga, take_line, m);
	require(m->lines == VGA_TEXT_ROWS);
}

static void reset(struct machine *m, unsigned which)
{
	switch (which % 3) {
	case 0: pci_host_reset(&m->pci); break;
	case 1: i8042_reset(&m->i8042); break;
	case 2: vga_text_reset(&m->vga); break;
	}
}

static void check(const struct machine *m)
{
	require((m->pci.address & ~0x80FFFFFCu) == 0);
	require(m->pci.config[0] == 0x86 && m->pci.config[3] == 0x12 && m->pci.config[0x0B] == 6);
	require(m->i8042.irq1_level == m->irq1 && m->i8042.irq12_level == m->irq12);
	require(!(m->irq1 && m->irq12));
	require(m->i8042.keyboard.count <= I8042_LONGEST);
	require(m->i8042.keyboard.scan_set >= 1 && m->i8042.keyboard.scan_set <= 3);
	require(m->i8042.output.status || !m->i8042.reply.status);
	require(m->vga.dac_at < VGA_TEXT_DAC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Where something is, so that the fuzzer need not guess it. */
	static const uint16_t ports[] = {0x60,  0x60,  0x64,  0x64,  0x64,  0xCF8, 0xCF9,
					 0xCFC, 0xCFE, 0x3C0, 0x3C1, 0x3C4, 0x3C5, 0x3C7,
					 0x3C8, 0x3C9, 0x3CE, 0x3CF, 0x3D4, 0x3D5, 0x3DA};
	static uint8_t text[VGA_TEXT_MEMORY_SIZE];
	struct input in = {data, size};
	struct machine m;

	build(&m, take(&in, 1) & 1 ? text : NULL);
	while (in.left) {
		unsigned step = (unsigned)take(&in, 1);

		switch (step % 8) {
		case 0:
		case 1:
		case 2: access_bus(&m.ports, ports[take(&in, 1) % COUNT(ports)], &in); break;
		case 3: access_bus(&m.ports, take(&in, 2), &in); break;
		case 4: access_bus(&m.memory, 0xB7FF8 + take(&in, 2) % 0x8010, &in); break;
		case 5: render(&m); break;
		case 6: drain(&m); break;
		case 7: reset(&m, step / 8); break;
		}
		check(&m);
	}
	return 0;
}
