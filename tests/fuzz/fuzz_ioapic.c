// SPDX-License-Identifier: BSD-2-Clause
// The I/O APIC, its page driven by any guest, its lines by any device, its messages taken or not.
// Not a test of which messages there should be: only of what must hold for any.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/bus.h"
#include "devices/ioapic.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct input {
	const uint8_t *data;
	size_t left;
};

struct machine {
	struct bus_region table[1];
	struct bus memory;
	struct ioapic dev;
	uint32_t high;               /* lines, as the devices hold them */
	unsigned sent;               /* in this step */
	bool ever_refused;           /* since power-on */
	bool refuse;                 /* what is sent now */
	uint64_t known[IOAPIC_PINS]; /* entries as ops->changed() found them */
	uint32_t answered[8];        /* vectors whose level messages were taken */
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The address and data say the same as the message does. */
static void check_msi(const struct ioapic_message *message)
{
	struct ioapic_msi near = ioapic_msi_of(message, false), far = ioapic_msi_of(message, true);

	require(near.address >> 20 == 0xFEE && (far.address & 0xFFF00FF3) == 0xFEE00000);
	require(((near.address >> 12 & 0xFF) | (near.address >> 5 & 0x7F) << 8) == message->dest);
	require(((far.address >> 12 & 0xFF) | far.address >> 40 << 8) == message->dest);
	require((near.address >> 2 & 1) == message->logical);
	require((near.address >> 3 & 1) == message->redirection_hint);
	require((near.address & 0x13) == 0 && near.data == far.data && near.data >> 16 == 0);
	require((near.data & 0xFF) == message->vector && (near.data >> 8 & 7) == message->mode);
	require((near.data >> 15 & 1) == message->level && (near.data & 0x7800) == 0x4000);
}

static bool take_message(void *opaque, const struct ioapic_message *message)
{
	struct machine *m = opaque;
	uint8_t mode = message->mode;

	require(mode <= IOAPIC_SMI || mode == IOAPIC_NMI || mode == IOAPIC_INIT ||
		mode == IOAPIC_EXTINT);
	require(!message->level || mode <= IOAPIC_LOWEST);
	require(message->redirection_hint == (mode == IOAPIC_LOWEST));
	require(message->dest < (m->dev.flags & IOAPIC_EXT_DEST ? 0x8000u : 0x100u));
	check_msi(message);
	m->sent++;
	if (m->refuse) {
		m->ever_refused = true;
		return false;
	}
	if (message->level)
		m->answered[message->vector / 32] |= 1u << message->vector % 32;
	return true;
}

static void take_change(void *opaque)
{
	struct machine *m = opaque;

	memcpy(m->known, m->dev.entries, sizeof(m->known));
}

static const struct ioapic_ops ops = {.send = take_message, .changed = take_change};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		value |= (uint64_t)*in->data++ << (8 * i);
	return value;
}

static uint32_t read_index(struct machine *m, unsigned index)
{
	bus_write(&m->memory, IOAPIC_ADDRESS, 4, index);
	return (uint32_t)bus_read(&m->memory, IOAPIC_ADDRESS + 0x10, 4);
}

/* Registers and reports agree, and a pin is where its entry and line put it. */
static void check_pin(struct machine *m, unsigned pin)
{
	struct ioapic_entry entry = ioapic_entry_of(&m->dev, pin);
	struct ioapic_message message = ioapic_message_of(&m->dev, pin);
	uint32_t low = read_index(m, 0x10 + 2 * pin), high = read_index(m, 0x11 + 2 * pin);
	bool asserted = m->high >> pin & 1;
	bool can_wait = entry.level && entry.mode <= IOAPIC_LOWEST;

	if (m->dev.flags & IOAPIC_ELECTRICAL)
		asserted = asserted != entry.active_low;
	require(low >> 17 == 0 && (low & 0xFF) == entry.vector && (low >> 8 & 7) == entry.mode);
	require((low >> 11 & 1) == entry.logical && (low >> 12 & 1) == entry.pending);
	require((low >> 13 & 1) == entry.active_low && (low >> 14 & 1) == entry.remote_irr);
	require((low >> 15 & 1) == entry.level && low >> 16 == entry.masked);
	require((high >> 24 | (high >> 17 & 0x7F) << 8) == entry.dest && (high & 0x1FFFF) == 0);
	require(message.dest == entry.dest && message.vector == entry.vector &&
		message.mode == entry.mode && message.logical == entry.logical &&
		message.level == can_wait);
	require(entry.asserted == asserted);
	require(!entry.remote_irr || can_wait);
	/* A level that may send has done so, or met a refusal. */
	require(entry.pending == (can_wait && !entry.masked && asserted && !entry.remote_irr));
	require(!entry.pending || m->ever_refused);
	require(m->known[pin] == m->dev.entries[pin]);
}

static bool is_same(const struct ioapic *a, const struct ioapic *b)
{
	return a->flags == b->flags && a->select == b->select && a->id == b->id &&
	       a->lines == b->lines && a->remote_irr == b->remote_irr &&
	       memcmp(a->entries, b->entries, sizeof(a->entries)) == 0;
}

static void check(struct machine *m)
{
	uint8_t select = m->dev.select;
	struct ioapic before = m->dev;

	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		check_pin(m, pin);
	require(read_index(m, 0) == read_index(m, 2) && (read_index(m, 0) & 0xF0FFFFFF) == 0);
	require(read_index(m, 1) == 0x00170020);
	bus_write(&m->memory, IOAPIC_ADDRESS, 1, select);
	require(is_same(&before, &m->dev));
}

static void access_page(struct machine *m, struct input *in, uint64_t address)
{
	static const unsigned widths[] = {4, 4, 4, 4, 1, 2, 8, 3};
	unsigned how = (unsigned)take(in, 1), width = widths[how % 8];
	struct ioapic before = m->dev;

	if (how & 8) {
		bus_write(&m->memory, address, width, take(in, width));
		return;
	}
	bus_read(&m->memory, address, width);
	require(m->sent == 0 && is_same(&before, &m->dev));
}

/* As software writes it, so that the fuzzer need not find the index. */
static void program(struct machine *m, struct input *in)
{
	unsigned index = (unsigned)take(in, 1);

	if (index >= 0x60)
		index = 0x10 + index % (2 * IOAPIC_PINS);
	bus_write(&m->memory, IOAPIC_ADDRESS, 4, index);
	bus_write(&m->memory, IOAPIC_ADDRESS + 0x10, 4, take(in, 4));
	require(m->sent <= 1);
}

static void pull(struct machine *m, struct input *in)
{
	unsigned what = (unsigned)take(in, 1), pin = what % 32;
	struct irq_line input = ioapic_input(&m->dev, pin);

	require(irq_line_connected(&input) == (pin < IOAPIC_PINS));
	irq_line_set(&input, what & 0x80);
	if (pin < IOAPIC_PINS)
		m->high = (m->high & ~(1u << pin)) | (uint32_t)(what >> 7) << pin;
	require(m->sent <= 1);
}

/* Remote IRR comes back only to a pin that asks again. */
static void eoi(struct machine *m, uint8_t vector)
{
	ioapic_eoi(&m->dev, vector);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		struct ioapic_entry entry = ioapic_entry_of(&m->dev, pin);

		require(!entry.remote_irr || entry.vector != vector ||
			(entry.asserted && !entry.masked && m->sent > 0));
	}
}

/* Ends every vector that a Local APIC was given, as a guest that keeps up does. */
static void answer(struct machine *m)
{
	uint32_t answered[8];

	memcpy(answered, m->answered, sizeof(answered));
	memset(m->answered, 0, sizeof(m->answered));
	for (unsigned vector = 0; vector < 256; vector++)
		if (answered[vector / 32] >> vector % 32 & 1)
			eoi(m, (uint8_t)vector);
}

static void reset(struct machine *m)
{
	ioapic_reset(&m->dev);
	require(m->sent == 0 && m->dev.remote_irr == 0 && m->dev.lines == m->high);
	m->ever_refused = false;
}

static void step(struct machine *m, struct input *in)
{
	static const uint16_t offsets[] = {0x00, 0x10, 0x10, 0x40};
	unsigned what = (unsigned)take(in, 1);

	m->sent = 0;
	m->refuse = what & 0x80;
	switch (what % 8) {
	case 0: access_page(m, in, IOAPIC_ADDRESS + offsets[take(in, 1) % COUNT(offsets)]); break;
	case 1: access_page(m, in, IOAPIC_ADDRESS - 8 + take(in, 2) % 0x1010); break;
	case 2:
	case 3: program(m, in); break;
	case 4: pull(m, in); break;
	case 5: eoi(m, (uint8_t)take(in, 1)); break;
	case 6: ioapic_retry(&m->dev); break;
	case 7: what & 0x40 ? reset(m) : answer(m); break;
	}
	/* Nothing goes round in circles: each pin sends once at most for each vector ended. */
	require(m->sent <= IOAPIC_PINS);
	check(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct bus_region region;
	struct machine m;

	memset(&m, 0, sizeof(m));
	bus_init(&m.memory, "memory", BUS_LAST_MEMORY, m.table, 1);
	ioapic_init(&m.dev, &ops, &m, (unsigned)take(&in, 1) % 4);
	take_change(&m);
	region = ioapic_region(&m.dev);
	require(bus_add(&m.memory, &region, NULL, 0) == BUS_OK);
	while (in.left)
		step(&m, &in);
	return 0;
}
