// SPDX-License-Identifier: BSD-2-Clause
// The wiring behind the I/O APIC's tests.
// No expectation about the chip: those are the tests'.
#include "tests/devices/ioapic_rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static bool take_message(void *opaque, const struct ioapic_message *message)
{
	struct ioapic_rig *rig = opaque;

	recorder_note(&rig->log, "%s%x%s:%x", rig->refuse ? "!" : "", message->dest,
		      message->logical ? "L" : "", message->vector);
	if (message->mode != IOAPIC_FIXED)
		recorder_note(&rig->log, "m%u", message->mode);
	recorder_note(&rig->log, "%s%s ", message->level ? "l" : "",
		      message->redirection_hint ? "h" : "");
	rig->changes_at_send = rig->changes;
	return !rig->refuse;
}

static void take_change(void *opaque)
{
	struct ioapic_rig *rig = opaque;

	rig->changes++;
}

static const struct ioapic_ops ops = {.send = take_message, .changed = take_change};

void ioapic_rig_set_up(struct ioapic_rig *rig, unsigned flags)
{
	struct bus_region region;

	*rig = (struct ioapic_rig){.log = {.used = 0}};
	ioapic_init(&rig->dev, &ops, rig, flags);
	bus_init(&rig->bus, "memory", BUS_LAST_MEMORY, rig->table, 1);
	region = ioapic_region(&rig->dev);
	assert_int_equal(bus_add(&rig->bus, &region, NULL, 0), BUS_OK);
}

uint32_t get(struct ioapic_rig *rig, unsigned index)
{
	bus_write(&rig->bus, IOREGSEL, 4, index);
	return (uint32_t)bus_read(&rig->bus, IOWIN, 4);
}

void set(struct ioapic_rig *rig, unsigned index, uint32_t value)
{
	bus_write(&rig->bus, IOREGSEL, 4, index);
	bus_write(&rig->bus, IOWIN, 4, value);
}

void program(struct ioapic_rig *rig, unsigned pin, uint32_t dest, uint32_t low)
{
	set(rig, 0x11 + 2 * pin, dest << 24);
	set(rig, 0x10 + 2 * pin, low);
}

uint32_t low_half(struct ioapic_rig *rig, unsigned pin)
{
	return get(rig, 0x10 + 2 * pin);
}

void set_low_half(struct ioapic_rig *rig, unsigned pin, uint32_t low)
{
	set(rig, 0x10 + 2 * pin, low);
}

void pull(struct ioapic_rig *rig, unsigned pin, bool level)
{
	struct irq_line input = ioapic_input(&rig->dev, pin);

	irq_line_set(&input, level);
}

void pulse(struct ioapic_rig *rig, unsigned pin)
{
	pull(rig, pin, false);
	pull(rig, pin, true);
}
