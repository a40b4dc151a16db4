// SPDX-License-Identifier: BSD-2-Clause
// The board's state, saved and loaded in the middle of whatever a guest does; or loaded as an enemy
// wrote it, and then run. Not the Local APICs' state: fuzz_state.c.
#include <string.h>

#include "tests/fuzz/board.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STATE_MAX 40000u

static void walk(struct board *b, struct state *s)
{
	i8259_state(&b->pic, s);
	ioapic_state(&b->ioapic, s);
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		irq_wire_state(&b->wires[i], s);
	i8254_state(&b->pit, s);
	cmos_state(&b->cmos, s);
	acpi_pm_state(&b->pm, s);
	hpet_state(&b->hpet, s);
	i8042_state(&b->i8042, s);
	reset_port_state(&b->reset, s);
	pci_host_state(&b->pci, s);
	uart16550_state(&b->com1, s);
	uart16550_state(&b->com2, s);
	fw_cfg_state(&b->fw_cfg, s);
	test_lines_state(&b->test_lines, s);
	test_messages_state(&b->test_messages, s);
	test_ports_state(&b->test_ports, s);
	/* Last, as most of it is text that all values fit. */
	vga_text_state(&b->vga, s);
}

static bool is_possible(const struct board *b)
{
	const struct state_error errors[] = {
		i8259_state_error(&b->pic),
		ioapic_state_error(&b->ioapic),
		i8254_state_error(&b->pit),
		cmos_state_error(&b->cmos),
		acpi_pm_state_error(&b->pm),
		hpet_state_error(&b->hpet),
		i8042_state_error(&b->i8042),
		reset_port_state_error(&b->reset),
		pci_host_state_error(&b->pci),
		uart16550_state_error(&b->com1),
		uart16550_state_error(&b->com2),
		fw_cfg_state_error(&b->fw_cfg),
		test_lines_state_error(&b->test_lines),
		test_messages_state_error(&b->test_messages),
		vga_text_state_error(&b->vga),
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].what)
			return false;
	return true;
}

static size_t save(struct board *b, uint8_t bytes[STATE_MAX])
{
	struct state count = {0}, s = {.to = bytes, .size = STATE_MAX};

	walk(b, &count);
	walk(b, &s);
	board_require(!s.bad && s.used == count.used);
	return s.used;
}

static bool load(struct board *b, const uint8_t *bytes, size_t size)
{
	struct state s = {.from = bytes, .size = size};

	walk(b, &s);
	board_require(s.bad || s.used == size);
	return !s.bad && is_possible(b);
}

/* All controllers programmed, all timers running, several interrupts on their way: what random
 * accesses alone seldom come to. */
static void make_busy(struct board *b)
{
	static const struct {
		uint16_t port;
		uint8_t value;
	} writes[] = {
		{0x20, 0x11},  {0x21, 0x30},  {0x21, 0x04}, {0x21, 0x01},  {0x21, 0x00},
		{0xA0, 0x11},  {0xA1, 0x38},  {0xA1, 0x02}, {0xA1, 0x01},  {0xA1, 0x00},
		{0x43, 0x34},  {0x40, 0x9C},  {0x40, 0x2E}, {0x61, 0x01},  {0x43, 0xB6},
		{0x42, 0x12},  {0x70, 0x0B},  {0x71, 0x72}, {0x3FC, 0x08}, {0x3F9, 0x03},
		{0x3FA, 0x01}, {0x64, 0x60},  {0x60, 0x47}, {0x60, 0xF2},  {0x200B, 0x01},
		{0xB2, 0xF1},  {0x602, 0x01},
	};
	static const struct {
		uint16_t offset;
		uint32_t value;
	} hpet[] = {{0x100, 0x2A4C}, {0x108, 50000},  {0x108, 20000},    {0x120, 0x2C06},
		    {0x128, 30000},  {0x140, 0x2E04}, {0x148, 1u << 20}, {0x010, 1}};

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		bus_write(&b->ports, writes[i].port, 1, writes[i].value);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		bus_write(&b->memory, IOAPIC_ADDRESS, 4, 0x10 + 2 * pin);
		bus_write(&b->memory, IOAPIC_ADDRESS + 0x10, 4, 0x40 + pin + (pin & 1) * 0x8000);
	}
	for (size_t i = 0; i < sizeof(hpet) / sizeof(hpet[0]); i++)
		bus_write(&b->memory, HPET_BASE + hpet[i].offset, 8, hpet[i].value);
	bus_write(&b->ports, 0x2040, 4, 0x8025);
	bus_write(&b->ports, 0x2048, 4, 1);
}

/* A fresh board in the same world as another. */
static void make_beside(struct board *b, const struct board *like)
{
	board_make(b);
	b->now = like->now;
	b->day_off = like->day_off;
	b->taken = like->taken;
	b->last_level = like->last_level;
	b->heard = like->heard;
}

static void check_same(struct board *a, struct board *b)
{
	static uint8_t first[STATE_MAX], second[STATE_MAX];
	size_t size = save(a, first);

	board_require(a->heard == b->heard && save(b, second) == size);
	board_require(memcmp(first, second, size) == 0);
}

/* Whatever comes now, both do the same. */
static void go_on_beside(struct board *a, struct board *b, struct board_input *in)
{
	check_same(a, b);
	while (in->left) {
		struct board_input again = *in;

		board_step(a, in);
		board_step(b, &again);
		board_require(a->heard == b->heard);
	}
	check_same(a, b);
}

/* Bytes of the front are hit more often than the text behind. */
static void spoil(uint8_t *bytes, size_t size, struct board_input *in)
{
	unsigned count = 1 + (unsigned)board_take(in, 1) % 16;

	while (count--) {
		unsigned how = (unsigned)board_take(in, 1);
		size_t at = board_take(in, 2) % (how & 1 ? size : 1600);
		unsigned width = how & 2 ? 8 : 1;

		for (unsigned i = 0; i < width && at + i < size; i++)
			bytes[at + i] = how & 4 ? (uint8_t)board_take(in, 1)
						: bytes[at + i] ^ (uint8_t)board_take(in, 1);
	}
}

/* It stays possible, and keeps all promises, whatever comes now. */
static void go_on(struct board *b, struct board_input *in)
{
	for (unsigned steps = 1; in->left; steps++) {
		board_step(b, in);
		if (steps % 16 == 0)
			board_require(is_possible(b));
	}
	board_require(is_possible(b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct board a, b;
	static uint8_t bytes[STATE_MAX];
	struct board_input in = {data, size};
	unsigned how = (unsigned)board_take(&in, 1);
	unsigned before = (unsigned)board_take(&in, 1);
	size_t used;

	board_make(&a);
	if (how & 4)
		make_busy(&a);
	while (before-- && in.left)
		board_step(&a, &in);
	used = save(&a, bytes);
	make_beside(&b, &a);
	if (how & 1) {
		if (how & 2)
			b.now = board_take(&in, 8) >> 2;
		spoil(bytes, used, &in);
		if (load(&b, bytes, used))
			go_on(&b, &in);
	} else {
		board_require(load(&b, bytes, used));
		go_on_beside(&a, &b, &in);
	}
	return 0;
}
