// SPDX-License-Identifier: BSD-2-Clause
// Chips on buses and wires, a clock, and what a guest may do to them, as the fuzzer's bytes say.
// Not a test of what chips answer: of what must hold for any answer, interrupt storms above all.
#include "tests/fuzz/board.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PIN_OF_IRQ0  2u
/* Of one access or tick: each pin once, and once more after each of the two that an edge may be. */
#define SENDS_MAX (4 * IOAPIC_PINS)
/* No device wants to be ticked more often, whatever the guest asks for: 50 us on average. */
#define TICK_SPAN_NS UINT64_C(10000000)
#define TICKS_MAX    400u

void board_require(bool holds)
{
	if (!holds)
		abort();
}

static void hear(struct board *b, uint64_t what)
{
	b->heard = (b->heard ^ what) * UINT64_C(0x100000001B3) + 1;
}

static uint64_t tell_now(void *opaque)
{
	return ((const struct board *)opaque)->now;
}

static void tell_day(void *opaque, struct timespec *now)
{
	const struct board *b = opaque;

	now->tv_sec = (time_t)(b->now / 1000000000 + b->day_off);
	now->tv_nsec = (long)(b->now % 1000000000);
}

static bool take_message(void *opaque, const struct ioapic_message *message)
{
	struct board *b = opaque;

	board_require(++b->sends <= SENDS_MAX);
	board_require(message->mode < 8 && message->dest < 1u << 15);
	hear(b, message->vector | message->mode << 8 | (uint64_t)message->dest << 16);
	if (message->level)
		b->last_level = message->vector;
	return b->taken;
}

static void take_intr(void *opaque, unsigned n, bool level)
{
	struct board *b = opaque;

	(void)n;
	hear(b, level);
	irq_line_set(&b->intr_pin, level);
}

static bool take_test(void *opaque, const struct test_message *message)
{
	struct board *b = opaque;

	hear(b, message->vector | message->mode << 8 | message->dest << 16);
	if (message->level)
		b->last_level = message->vector;
	return b->taken;
}

static void hear_byte(void *opaque, uint8_t byte)
{
	hear(opaque, byte);
}

static void hear_reset(void *opaque, enum reset_port_request request)
{
	hear(opaque, request);
}

static void hear_that(void *opaque)
{
	hear(opaque, 1);
}

static void hear_sleep(void *opaque, unsigned type)
{
	hear(opaque, type);
	board_require(type < 8);
}

static void hear_legacy(void *opaque, bool on)
{
	hear(opaque, on);
}

static const struct ioapic_ops ioapic_ops = {.send = take_message};
static const struct i8254_ops i8254_ops = {.now = tell_now};
static const struct cmos_ops cmos_ops = {.now = tell_now, .time_of_day = tell_day};
static const struct acpi_pm_ops acpi_pm_ops = {.now = tell_now, .sleep = hear_sleep};
static const struct hpet_ops hpet_ops = {.now = tell_now, .legacy = hear_legacy};
static const struct i8042_ops i8042_ops = {.reset = hear_that};
static const struct uart16550_ops uart_ops = {.transmit = hear_byte, .rx_room = hear_that};
static const struct test_messages_ops test_ops = {.send = take_test, .changed = hear_that};
static void take_page(void *opaque, uint64_t page)
{
	struct board *b = opaque;

	board_require(page % 4096 == 0 && page <= UINT32_MAX);
	b->flushed = page;
}

static const struct test_ports_ops test_ports_ops = {.flush = take_page};
static const uint8_t file[3] = {1, 2, 3};
static const struct fw_cfg_item fw_cfg_items[] = {{0x0E, file, sizeof(file)}};

static void make_wires(struct board *b)
{
	i8259_init(&b->pic, (struct irq_line){.set = take_intr, .opaque = b}, true);
	ioapic_init(&b->ioapic, &ioapic_ops, b, IOAPIC_EXT_DEST);
	b->intr_pin = ioapic_input(&b->ioapic, 0);
	for (unsigned irq = 0; irq < IOAPIC_PINS; irq++) {
		if (irq == I8259_CASCADE)
			continue;
		if (irq < I8259_INPUTS)
			b->wires[irq].ends[0] = i8259_input(&b->pic, irq);
		b->wires[irq].ends[1] = ioapic_input(&b->ioapic, irq ? irq : PIN_OF_IRQ0);
	}
	for (unsigned n = 0; n < TEST_LINES_COUNT; n++)
		b->test_lines.lines[n] = irq_wire_driver(&b->wires[n], 2);
}

static void make_chips(struct board *b)
{
	struct irq_line lines[HPET_LINES];

	for (unsigned i = 0; i < HPET_LINES; i++)
		lines[i] = irq_wire_driver(&b->wires[i < 2 ? 8 * i : 18 + i], 1);
	i8254_init(&b->pit, &i8254_ops, b, irq_wire_driver(&b->wires[0], 0), 100000);
	cmos_init(&b->cmos, &cmos_ops, b, irq_wire_driver(&b->wires[8], 0),
		  &(struct cmos_machine){1 << 30, 0, 2});
	acpi_pm_init(&b->pm, &acpi_pm_ops, b, irq_wire_driver(&b->wires[9], 0), true);
	hpet_init(&b->hpet, &hpet_ops, b, lines);
	i8042_init(&b->i8042, &i8042_ops, b, irq_wire_driver(&b->wires[1], 0),
		   irq_wire_driver(&b->wires[12], 0));
	test_messages_init(&b->test_messages, &test_ops, b);
	b->test_ports = (struct test_ports){.ops = &test_ports_ops, .opaque = b};
	fw_cfg_init(&b->fw_cfg, &(struct fw_cfg_machine){1 << 30, 2, 2}, fw_cfg_items, 1);
	b->reset = (struct reset_port){hear_reset, b, 0};
	pci_host_init(&b->pci, &b->reset);
	vga_text_init(&b->vga, NULL);
	uart16550_init(&b->com1, &uart_ops, b, irq_wire_driver(&b->wires[4], 0));
	uart16550_init(&b->com2, &uart_ops, b, irq_wire_driver(&b->wires[3], 0));
}

void board_make(struct board *b)
{
	memset(b, 0, sizeof(*b));
	b->taken = true;
	bus_init(&b->ports, "port I/O", BUS_LAST_PORT, b->port_table, BOARD_REGIONS);
	bus_init(&b->memory, "memory", BUS_LAST_MEMORY, b->memory_table, BOARD_REGIONS);
	make_wires(b);
	make_chips(b);

	const struct bus_region ports[] = {
		i8259_master_region(&b->pic),
		i8259_slave_region(&b->pic),
		i8259_elcr_region(&b->pic),
		i8254_region(&b->pit),
		i8254_port61_region(&b->pit),
		cmos_region(&b->cmos),
		acpi_pm_region(&b->pm),
		acpi_pm_smi_region(&b->pm),
		i8042_data_region(&b->i8042),
		i8042_command_region(&b->i8042),
		pci_host_address_region(&b->pci),
		pci_host_data_region(&b->pci),
		vga_text_ports_region(&b->vga),
		uart16550_region(&b->com1, UART16550_COM1),
		uart16550_region(&b->com2, UART16550_COM2),
		test_lines_region(&b->test_lines),
		test_messages_region(&b->test_messages),
		test_ports_data_region(&b->test_ports),
		test_ports_flush_region(&b->test_ports),
		fw_cfg_region(&b->fw_cfg),
	};
	const struct bus_region memory[] = {
		ioapic_region(&b->ioapic),
		hpet_region(&b->hpet),
		vga_text_memory_region(&b->vga),
	};

	for (size_t i = 0; i < COUNT(ports); i++)
		board_require(bus_add(&b->ports, &ports[i], NULL, 0) == BUS_OK);
	for (size_t i = 0; i < COUNT(memory); i++)
		board_require(bus_add(&b->memory, &memory[i], NULL, 0) == BUS_OK);
}

static uint64_t next(const struct board *b)
{
	const uint64_t at[] = {i8254_next(&b->pit), cmos_next(&b->cmos), acpi_pm_next(&b->pm),
			       hpet_next(&b->hpet)};
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < COUNT(at); i++)
		if (at[i] < first)
			first = at[i];
	return first;
}

static void tick(struct board *b)
{
	b->sends = 0;
	i8254_tick(&b->pit);
	cmos_tick(&b->cmos);
	acpi_pm_tick(&b->pm);
	hpet_tick(&b->hpet);
}

/* As the owner does it: at each moment that a chip asks for. */
static void pass_time(struct board *b, uint64_t span)
{
	uint64_t end = b->now + span;
	unsigned ticks = 0;

	for (uint64_t at = next(b); at <= end && ticks < TICKS_MAX; at = next(b), ticks++) {
		b->now = at > b->now ? at : b->now;
		tick(b);
		/* It has done what it asked for. */
		board_require(next(b) > b->now);
	}
	board_require(ticks < TICKS_MAX || span > TICK_SPAN_NS);
	b->now = end;
	tick(b);
}

uint64_t board_take(struct board_input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		value |= (uint64_t)*in->data++ << (8 * i);
	return value;
}

static void access_bus(struct board *b, const struct bus *bus, uint64_t address,
		       struct board_input *in)
{
	static const unsigned widths[] = {1, 1, 2, 4, 4, 4, 8, 3};
	unsigned how = (unsigned)board_take(in, 1), width = widths[how & 7];

	b->sends = 0;
	if (how & 8)
		bus_write(bus, address, width, board_take(in, width));
	else
		hear(b, bus_read(bus, address, width));
}

static uint16_t port(struct board_input *in)
{
	static const uint16_t bases[] = {0x20,   0xA0,   0x4D0,  0x40,  0x60,   0x70,
					 0x600,  0xB2,   0xCF8,  0x3C0, 0x3F8,  0x2F8,
					 0x2000, 0x2008, 0x2010, 0x510, 0x2040, 0x2060};
	unsigned choice = (unsigned)board_take(in, 1);

	return bases[choice % COUNT(bases)] + choice / COUNT(bases);
}

static uint64_t address(struct board_input *in)
{
	static const uint32_t bases[] = {
		IOAPIC_ADDRESS, IOAPIC_ADDRESS + 0x10, IOAPIC_ADDRESS + 0x40, 0xFED00000,
		0xFED00100,     VGA_TEXT_MEMORY};
	unsigned choice = (unsigned)board_take(in, 1);

	return bases[choice % COUNT(bases)] + (choice & 64 ? board_take(in, 1) : 0);
}

/* A guest's EOI reaches everybody. */
static void end_of_interrupt(struct board *b, uint8_t vector)
{
	ioapic_eoi(&b->ioapic, vector);
	test_messages_eoi(&b->test_messages, vector);
}

static void acknowledge_or_wait(struct board *b, unsigned step, struct board_input *in)
{
	if (step & 64) {
		hear(b, i8259_intack(&b->pic));
	} else if (step & 128) {
		uint8_t byte = (uint8_t)board_take(in, 1);

		hear(b, uart16550_receive(&b->com1, &byte, 1));
	} else {
		b->now += board_take(in, 6);
		tick(b);
	}
}

void board_step(struct board *b, struct board_input *in)
{
	unsigned step = (unsigned)board_take(in, 1);

	b->sends = 0;
	switch (step % 8) {
	case 0:
	case 1: access_bus(b, &b->ports, port(in), in); break;
	case 2:
	case 3: access_bus(b, &b->memory, address(in), in); break;
	case 4: pass_time(b, board_take(in, step & 64 ? 4 : 2)); break;
	case 5: end_of_interrupt(b, step & 64 ? b->last_level : (uint8_t)board_take(in, 1)); break;
	case 6:
		b->taken = step & 64;
		ioapic_retry(&b->ioapic);
		break;
	case 7: acknowledge_or_wait(b, step, in); break;
	}
}
