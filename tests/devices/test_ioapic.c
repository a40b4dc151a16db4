// SPDX-License-Identifier: BSD-2-Clause
// The I/O APIC's page: registers, widths, what of an entry can be written, and entries as messages.
// Not what the pins do: test_ioapic_edge.c and test_ioapic_level.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/devices/ioapic_rig.h"

/* ---- registers ---- */

static void at_first_all_pins_are_masked(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	assert_int_equal(bus_read(&rig.bus, IOREGSEL, 4), 0);
	assert_int_equal(bus_read(&rig.bus, IOWIN, 4), 0);
	for (unsigned pin = 0; pin < 24; pin++) {
		assert_int_equal(low_half(&rig, pin), 0x10000);
		assert_int_equal(get(&rig, 0x11 + 2 * pin), 0);
		pull(&rig, pin, true);
	}
	assert_recorded(&rig.log, "");
	assert_int_equal(rig.changes, 0);
}

/* 24 pins, version 20h: that has the EOI register. */
static void the_version_says_24_pins_and_an_eoi_register(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	assert_int_equal(get(&rig, 1), 0x00170020);
	set(&rig, 1, 0xFFFFFFFF);
	assert_int_equal(get(&rig, 1), 0x00170020);
	assert_int_equal(get(&rig, 0), 0);
}

static void the_id_has_four_bits_and_loads_the_arbitration_id(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	set(&rig, 0, 0xFFFFFFFF);
	assert_int_equal(get(&rig, 0), 0x0F000000);
	assert_int_equal(get(&rig, 2), 0x0F000000);
	set(&rig, 0, 0xA5000000);
	assert_int_equal(get(&rig, 0), 0x05000000);
	set(&rig, 2, 0x0C000000);
	assert_int_equal(get(&rig, 2), 0x05000000);
	assert_int_equal(get(&rig, 0), 0x05000000);
	assert_int_equal(rig.changes, 0);
}

static void indices_without_a_register_read_as_zero(void **state)
{
	struct ioapic_rig rig;
	struct ioapic before;

	(void)state;
	ioapic_rig_set_up(&rig, IOAPIC_EXT_DEST);
	for (unsigned index = 0; index < 256; index++) {
		if (index < 3 || (index >= 0x10 && index < 0x40))
			continue;
		assert_int_equal(get(&rig, index), 0);
		before = rig.dev;
		bus_write(&rig.bus, IOWIN, 4, 0xFFFFFFFF);
		assert_memory_equal(&before, &rig.dev, sizeof(before));
		assert_int_equal(get(&rig, index), 0);
	}
	assert_int_equal(rig.changes, 0);
}

/* "IOREGSEL": bits 31:8 are reserved. */
static void the_index_has_eight_bits(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	bus_write(&rig.bus, IOREGSEL, 4, 0xFFFFFF01);
	assert_int_equal(bus_read(&rig.bus, IOREGSEL, 4), 0x01);
	assert_int_equal(bus_read(&rig.bus, IOWIN, 4), 0x00170020);
	bus_write(&rig.bus, IOREGSEL, 4, 0x1FF);
	assert_int_equal(bus_read(&rig.bus, IOREGSEL, 4), 0xFF);
}

/* ---- widths ---- */

static void the_index_is_taken_at_any_width_by_its_first_byte(void **state)
{
	static const unsigned widths[] = {1, 2, 4, 8};
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	for (size_t i = 0; i < 4; i++) {
		bus_write(&rig.bus, IOREGSEL, 4, 0x77);
		bus_write(&rig.bus, IOREGSEL, widths[i], 0x2222222222222201);
		assert_int_equal(bus_read(&rig.bus, IOREGSEL, widths[i]), 0x01);
		/* Its other bytes are none. */
		bus_write(&rig.bus, IOREGSEL + 1, 1, 0x55);
		bus_write(&rig.bus, IOREGSEL + 3, 1, 0x55);
		assert_int_equal(bus_read(&rig.bus, IOREGSEL + 1, 1), 0);
		assert_int_equal(bus_read(&rig.bus, IOREGSEL, 4), 0x01);
	}
}

static void the_window_takes_32_bits_alone(void **state)
{
	static const unsigned widths[] = {1, 2, 3, 8};
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	set(&rig, 0x10, 0x100A5);
	set(&rig, 0x11, 0x5A000000);
	bus_write(&rig.bus, IOREGSEL, 4, 0x10);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(bus_read(&rig.bus, IOWIN, widths[i]), 0);
		bus_write(&rig.bus, IOWIN, widths[i], 0x31);
		assert_int_equal(bus_read(&rig.bus, IOWIN, 4), 0x100A5);
	}
	/* Nor is it met across its border. */
	for (unsigned offset = 1; offset < 4; offset++) {
		bus_write(&rig.bus, IOWIN + offset, 4, 0x31);
		bus_write(&rig.bus, IOWIN - offset, 4, 0x31);
		assert_int_equal(bus_read(&rig.bus, IOWIN + offset, 4), 0);
	}
	assert_int_equal(bus_read(&rig.bus, IOWIN, 4), 0x100A5);
	assert_int_equal(bus_read(&rig.bus, IOREGSEL, 4), 0x10);
}

static void the_eoi_register_takes_32_bits_alone_and_reads_as_zero(void **state)
{
	static const unsigned widths[] = {1, 2, 8};
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, 5, 1, LEVEL | 0x31);
	pull(&rig, 5, true);
	assert_recorded(&rig.log, "1:31l ");
	for (size_t i = 0; i < 3; i++)
		bus_write(&rig.bus, EOI_REG, widths[i], 0x31);
	bus_write(&rig.bus, EOI_REG + 1, 4, 0x31);
	assert_int_equal(bus_read(&rig.bus, EOI_REG, 4), 0);
	assert_recorded(&rig.log, "");
	/* Bits 31:8 are ignored. */
	bus_write(&rig.bus, EOI_REG, 4, 0xFFFFFF31);
	assert_recorded(&rig.log, "1:31l ");
}

static void the_rest_of_the_page_is_empty(void **state)
{
	struct ioapic_rig rig;
	struct ioapic before;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	program(&rig, 5, 1, LEVEL | 0x31);
	pull(&rig, 5, true);
	rig.log.used = 0;
	before = rig.dev;
	for (uint64_t offset = 1; offset < 0x1000; offset++) {
		if (offset == 0x10 || offset == 0x40)
			continue;
		assert_int_equal(bus_read(&rig.bus, PAGE + offset, 1), 0);
		bus_write(&rig.bus, PAGE + offset, 1, 0x31);
		if (offset > 0xFFC)
			continue;
		assert_int_equal(bus_read(&rig.bus, PAGE + offset, 4), 0);
		bus_write(&rig.bus, PAGE + offset, 4, 0x31);
	}
	assert_memory_equal(&before, &rig.dev, sizeof(before));
	assert_int_equal(rig.log.used, 0);
	assert_int_equal(bus_read(&rig.bus, PAGE + 0x1000, 4), 0xFFFFFFFF);
	assert_int_equal(bus_read(&rig.bus, PAGE - 4, 4), 0xFFFFFFFF);
}

/* ---- the redirection table ---- */

static void an_entry_keeps_what_the_data_sheet_calls_writable(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	for (unsigned pin = 0; pin < 24; pin++) {
		set_low_half(&rig, pin, 0xFFFFFFFF);
		set(&rig, 0x11 + 2 * pin, 0xFFFFFFFF);
		assert_int_equal(low_half(&rig, pin), 0x1AFFF);
		assert_int_equal(get(&rig, 0x11 + 2 * pin), 0xFF000000);
		/* Each half leaves the other, and its neighbours. */
		set_low_half(&rig, pin, MASKED | pin);
		assert_int_equal(get(&rig, 0x11 + 2 * pin), 0xFF000000);
		set(&rig, 0x11 + 2 * pin, pin << 24);
		assert_int_equal(low_half(&rig, pin), MASKED | pin);
	}
	for (unsigned pin = 0; pin < 24; pin++) {
		assert_int_equal(low_half(&rig, pin), MASKED | pin);
		assert_int_equal(get(&rig, 0x11 + 2 * pin), pin << 24);
	}
	assert_recorded(&rig.log, "");
}

static void delivery_status_and_remote_irr_ignore_writes(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	set_low_half(&rig, 3, LEVEL | REMOTE_IRR | SEND_PENDING | 0x31);
	assert_int_equal(low_half(&rig, 3), LEVEL | 0x31);
	/* So the line finds nothing in its way. */
	pull(&rig, 3, true);
	assert_recorded(&rig.log, "0:31l ");
	set_low_half(&rig, 3, LEVEL | 0x31);
	assert_int_equal(low_half(&rig, 3), LEVEL | REMOTE_IRR | 0x31);
	assert_recorded(&rig.log, "");
}

static void extended_destinations_are_a_flag(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, IOAPIC_EXT_DEST);
	set(&rig, 0x11, 0xFFFFFFFF);
	assert_int_equal(get(&rig, 0x11), 0xFFFE0000);
	assert_int_equal(ioapic_message_of(&rig.dev, 0).dest, 0x7FFF);
	for (unsigned bit = 0; bit < 7; bit++) {
		set(&rig, 0x11, 0x12000000 | 0x20000u << bit);
		assert_int_equal(ioapic_message_of(&rig.dev, 0).dest, 0x12 | 0x100u << bit);
		assert_int_equal(ioapic_entry_of(&rig.dev, 0).dest, 0x12 | 0x100u << bit);
	}
	set_low_half(&rig, 0, 0x41);
	pulse(&rig, 0);
	assert_recorded(&rig.log, "4012:41 ");

	ioapic_rig_set_up(&rig, 0);
	set(&rig, 0x11, 0x12FFFFFF);
	assert_int_equal(get(&rig, 0x11), 0x12000000);
	assert_int_equal(ioapic_message_of(&rig.dev, 0).dest, 0x12);
}

static void changed_entries_are_told_before_they_act(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	set(&rig, 0x10, MASKED);
	set(&rig, 0x11, 0);
	set(&rig, 0x11, 0x00FFFFFF);
	assert_int_equal(rig.changes, 0);
	set(&rig, 0x11, 0x07000000);
	assert_int_equal(rig.changes, 1);
	set(&rig, 0x10, MASKED | LEVEL | 0x31);
	assert_int_equal(rig.changes, 2);
	pull(&rig, 0, true);
	set(&rig, 0x10, LEVEL | 0x31);
	assert_int_equal(rig.changes, 3);
	assert_recorded(&rig.log, "7:31l ");
	assert_int_equal(rig.changes_at_send, 3);
	/* Neither lines nor EOIs change an entry, nor what cannot be written of it. */
	set(&rig, 0x10, LEVEL | REMOTE_IRR | SEND_PENDING | 0x31);
	ioapic_eoi(&rig.dev, 0x31);
	pull(&rig, 0, false);
	assert_int_equal(rig.changes, 3);
}

/* ---- entries as messages ---- */

static void messages_say_what_the_entry_says(void **state)
{
	struct ioapic_rig rig;
	struct ioapic_message message;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	for (unsigned mode = 0; mode < 8; mode++)
		for (unsigned bits = 0; bits < 4; bits++) {
			bool logical = bits & 1, level = bits & 2;

			program(&rig, 9, 0xC3,
				MASKED | mode << 8 | (logical ? LOGICAL : 0) | (level ? LEVEL : 0) |
					0xE7);
			message = ioapic_message_of(&rig.dev, 9);
			assert_int_equal(message.dest, 0xC3);
			assert_int_equal(message.vector, 0xE7);
			assert_int_equal(message.mode, mode);
			assert_int_equal(message.logical, logical);
			assert_int_equal(message.level, level && mode <= 1);
			assert_int_equal(message.redirection_hint, mode == 1);
		}
}

static void entries_are_taken_to_pieces(void **state)
{
	struct ioapic_rig rig;
	struct ioapic_entry entry;

	(void)state;
	ioapic_rig_set_up(&rig, 0);
	entry = ioapic_entry_of(&rig.dev, 23);
	assert_true(entry.masked);
	assert_false(entry.level || entry.active_low || entry.logical || entry.remote_irr ||
		     entry.pending || entry.asserted);
	program(&rig, 23, 0x5A, LOWEST | LOGICAL | LEVEL | ACTIVE_LOW | 0x99);
	entry = ioapic_entry_of(&rig.dev, 23);
	assert_int_equal(entry.dest, 0x5A);
	assert_int_equal(entry.vector, 0x99);
	assert_int_equal(entry.mode, IOAPIC_LOWEST);
	assert_true(entry.level && entry.active_low && entry.logical);
	assert_false(entry.masked || entry.remote_irr || entry.pending || entry.asserted);
	pull(&rig, 23, true);
	entry = ioapic_entry_of(&rig.dev, 23);
	assert_true(entry.remote_irr && entry.asserted && !entry.pending);
	pull(&rig, 23, false);
	entry = ioapic_entry_of(&rig.dev, 23);
	assert_true(entry.remote_irr && !entry.asserted && !entry.pending);
	/* The trigger mode is shown as written, whatever the delivery mode makes of it. */
	program(&rig, 23, 0, MASKED | NMI | LEVEL);
	entry = ioapic_entry_of(&rig.dev, 23);
	assert_true(entry.level && !entry.remote_irr);
	assert_int_equal(entry.mode, IOAPIC_NMI);
}

/* "Message Address Register Format" and "Message Data Register Format" of the SDM. */
static void messages_become_msis(void **state)
{
	static const struct {
		struct ioapic_message message;
		uint64_t near, far; /* address without and with 32-bit destinations */
		uint32_t data;
	} cases[] = {
		{{0}, 0xFEE00000, 0xFEE00000, 0x4000},
		{{.dest = 0xFF, .vector = 0xFF}, 0xFEEFF000, 0xFEEFF000, 0x40FF},
		{{.dest = 0x5A, .vector = 0x31, .level = true}, 0xFEE5A000, 0xFEE5A000, 0xC031},
		{{.dest = 3, .vector = 0x20, .logical = true}, 0xFEE03004, 0xFEE03004, 0x4020},
		{{.dest = 3, .vector = 0x20, .logical = true, .mode = 1, .redirection_hint = true},
		 0xFEE0300C,
		 0xFEE0300C,
		 0x4120},
		{{.mode = IOAPIC_EXTINT}, 0xFEE00000, 0xFEE00000, 0x4700},
		{{.mode = IOAPIC_NMI, .dest = 1}, 0xFEE01000, 0xFEE01000, 0x4400},
		{{.dest = 0x100}, 0xFEE00020, 0x00000100FEE00000, 0x4000},
		{{.dest = 0x7F12}, 0xFEE12FE0, 0x00007F00FEE12000, 0x4000},
		{{.dest = 0xFFFFFF34}, 0xFEE34FE0, 0xFFFFFF00FEE34000, 0x4000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ioapic_msi msi = ioapic_msi_of(&cases[i].message, false);

		assert_int_equal(msi.address, cases[i].near);
		assert_int_equal(msi.data, cases[i].data);
		msi = ioapic_msi_of(&cases[i].message, true);
		assert_int_equal(msi.address, cases[i].far);
		assert_int_equal(msi.data, cases[i].data);
	}
}

/* ---- reset ---- */

static void reset_keeps_the_lines_and_nothing_else(void **state)
{
	struct ioapic_rig rig;

	(void)state;
	ioapic_rig_set_up(&rig, IOAPIC_EXT_DEST);
	set(&rig, 0, 0x0A000000);
	program(&rig, 5, 1, LEVEL | 0x31);
	pull(&rig, 5, true);
	pull(&rig, 6, true);
	pull(&rig, 7, true);
	pull(&rig, 7, false);
	assert_recorded(&rig.log, "1:31l ");
	rig.changes = 0;
	ioapic_reset(&rig.dev);
	assert_int_equal(rig.changes, 1);
	assert_int_equal(bus_read(&rig.bus, IOREGSEL, 4), 0);
	assert_int_equal(get(&rig, 0), 0);
	for (unsigned pin = 0; pin < 24; pin++) {
		assert_int_equal(low_half(&rig, pin), MASKED);
		assert_int_equal(get(&rig, 0x11 + 2 * pin), 0);
		assert_int_equal(ioapic_entry_of(&rig.dev, pin).asserted, pin == 5 || pin == 6);
	}
	/* The flags are the machine's, not the guest's. */
	set(&rig, 0x11, 0xFFFFFFFF);
	assert_int_equal(get(&rig, 0x11), 0xFFFE0000);
	/* High since before: a level, no edge. */
	program(&rig, 5, 2, 0x32);
	program(&rig, 6, 2, LEVEL | 0x33);
	program(&rig, 7, 2, LEVEL | 0x34);
	assert_recorded(&rig.log, "2:33l ");
}

static bool take_nothing(void *opaque, const struct ioapic_message *message)
{
	(void)opaque;
	(void)message;
	return false;
}

static void nobody_need_listen_to_changes(void **state)
{
	static const struct ioapic_ops ops = {.send = take_nothing};
	struct ioapic dev;
	struct bus_region region;

	(void)state;
	ioapic_init(&dev, &ops, NULL, 0);
	region = ioapic_region(&dev);
	region.write(region.opaque, 0x00, 4, 0x10);
	region.write(region.opaque, 0x10, 4, 0x31);
	assert_int_equal(region.read(region.opaque, 0x10, 4), 0x31);
	ioapic_reset(&dev);
	assert_true(ioapic_entry_of(&dev, 0).masked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_first_all_pins_are_masked),
		cmocka_unit_test(the_version_says_24_pins_and_an_eoi_register),
		cmocka_unit_test(the_id_has_four_bits_and_loads_the_arbitration_id),
		cmocka_unit_test(indices_without_a_register_read_as_zero),
		cmocka_unit_test(the_index_has_eight_bits),
		cmocka_unit_test(the_index_is_taken_at_any_width_by_its_first_byte),
		cmocka_unit_test(the_window_takes_32_bits_alone),
		cmocka_unit_test(the_eoi_register_takes_32_bits_alone_and_reads_as_zero),
		cmocka_unit_test(the_rest_of_the_page_is_empty),
		cmocka_unit_test(an_entry_keeps_what_the_data_sheet_calls_writable),
		cmocka_unit_test(delivery_status_and_remote_irr_ignore_writes),
		cmocka_unit_test(extended_destinations_are_a_flag),
		cmocka_unit_test(changed_entries_are_told_before_they_act),
		cmocka_unit_test(messages_say_what_the_entry_says),
		cmocka_unit_test(entries_are_taken_to_pieces),
		cmocka_unit_test(messages_become_msis),
		cmocka_unit_test(reset_keeps_the_lines_and_nothing_else),
		cmocka_unit_test(nobody_need_listen_to_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
