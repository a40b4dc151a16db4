// SPDX-License-Identifier: BSD-2-Clause
// Ports 2000h-2017h: which byte pulls which line, and when the line's owner hears of it.
// Not the controllers behind the lines.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "devices/bus.h"
#include "devices/test_lines.h"
#include "tests/devices/recorder.h"

struct fixture {
	struct recorder log;
	struct test_lines dev;
	struct bus_region table[1];
	struct bus bus;
};

static void set_up(struct fixture *f)
{
	struct bus_region region;

	*f = (struct fixture){.dev = {.levels = 0}};
	for (unsigned n = 0; n < TEST_LINES_COUNT; n++)
		f->dev.lines[n] = recorder_irq(&f->log, n);
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 1);
	region = test_lines_region(&f->dev);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
}

static void each_port_is_a_line(void **state)
{
	struct fixture f;
	char expected[32];

	(void)state;
	set_up(&f);
	for (unsigned n = 0; n < 24; n++) {
		bus_write(&f.bus, 0x2000 + n, 1, 1);
		snprintf(expected, sizeof(expected), "irq%u=1 ", n);
		assert_recorded(&f.log, expected);
		assert_int_equal(f.dev.levels, (2u << n) - 1);
	}
	for (unsigned n = 0; n < 24; n++) {
		bus_write(&f.bus, 0x2000 + n, 1, 0);
		snprintf(expected, sizeof(expected), "irq%u=0 ", n);
		assert_recorded(&f.log, expected);
	}
	assert_int_equal(f.dev.levels, 0);
	assert_null(bus_find(&f.bus, 0x1FFF));
	assert_null(bus_find(&f.bus, 0x2018));
}

static void any_byte_but_zero_raises(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned value = 1; value < 256; value++) {
		bus_write(&f.bus, 0x2005, 1, value);
		assert_recorded(&f.log, "irq5=1 ");
		bus_write(&f.bus, 0x2005, 1, 0);
		assert_recorded(&f.log, "irq5=0 ");
	}
}

static void only_changes_are_heard(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	bus_write(&f.bus, 0x2003, 1, 0);
	assert_recorded(&f.log, "");
	bus_write(&f.bus, 0x2003, 1, 1);
	bus_write(&f.bus, 0x2003, 1, 0x80);
	assert_recorded(&f.log, "irq3=1 ");
	bus_write(&f.bus, 0x2003, 1, 0);
	bus_write(&f.bus, 0x2003, 1, 0);
	assert_recorded(&f.log, "irq3=0 ");
}

static void wide_writes_are_bytes_and_reads_open_bus(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	bus_write(&f.bus, 0x200C, 1, 1);
	assert_recorded(&f.log, "irq12=1 ");
	bus_write(&f.bus, 0x200B, 4, 1);
	assert_recorded(&f.log, "irq11=1 irq12=0 ");
	bus_write(&f.bus, 0x2016, 4, 0x01010100);
	assert_recorded(&f.log, "irq23=1 ");
	assert_int_equal(bus_read(&f.bus, 0x200B, 1), 0xFF);
	assert_int_equal(bus_read(&f.bus, 0x2000, 4), 0xFFFFFFFF);
	assert_recorded(&f.log, "");
}

static void a_line_that_is_not_connected_is_pulled_for_nothing(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	f.dev.lines[2] = (struct irq_line){0};
	bus_write(&f.bus, 0x2002, 1, 1);
	assert_recorded(&f.log, "");
	assert_int_equal(f.dev.levels, 0x04);
	bus_write(&f.bus, 0x2002, 1, 0);
	assert_recorded(&f.log, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_port_is_a_line),
		cmocka_unit_test(any_byte_but_zero_raises),
		cmocka_unit_test(only_changes_are_heard),
		cmocka_unit_test(wide_writes_are_bytes_and_reads_open_bus),
		cmocka_unit_test(a_line_that_is_not_connected_is_pulled_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
