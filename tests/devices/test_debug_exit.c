// SPDX-License-Identifier: BSD-2-Clause
// Port F4h: which writes are heard, as which value.
// Not the exit status that follows.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "devices/bus.h"
#include "devices/debug_exit.h"
#include "tests/devices/recorder.h"

static void note_exit(void *opaque, uint32_t value)
{
	recorder_note(opaque, "exit %x ", value);
}

static void writes_of_any_width_exit_with_their_value(void **state)
{
	struct recorder log = {0};
	struct debug_exit dev = {.exit = note_exit, .opaque = &log};
	struct bus_region region = debug_exit_region(&dev);
	struct bus_region table[1];
	struct bus bus;

	(void)state;
	bus_init(&bus, "ports", BUS_LAST_PORT, table, 1);
	assert_int_equal(bus_add(&bus, &region, NULL, 0), BUS_OK);
	bus_write(&bus, 0xF4, 4, 0);
	assert_recorded(&log, "exit 0 ");
	bus_write(&bus, 0xF4, 1, 0xFF2A);
	bus_write(&bus, 0xF4, 2, 0xFF1234);
	bus_write(&bus, 0xF4, 4, 0xFFFFFFFF89ABCDEF);
	assert_recorded(&log, "exit 2a exit 1234 exit 89abcdef ");
	bus_write(&bus, 0xF7, 1, 7);
	assert_recorded(&log, "exit 7 ");
	/* At the edges only the bytes that lie inside count. */
	bus_write(&bus, 0xF7, 2, 0x2211);
	bus_write(&bus, 0xF3, 2, 0x4433);
	assert_recorded(&log, "exit 11 exit 44 ");
	bus_write(&bus, 0xF3, 1, 1);
	bus_write(&bus, 0xF8, 4, 1);
	assert_recorded(&log, "");
}

static void reads_are_zero_and_harmless(void **state)
{
	struct recorder log = {0};
	struct debug_exit dev = {.exit = note_exit, .opaque = &log};
	struct bus_region region = debug_exit_region(&dev);
	struct bus_region table[1];
	struct bus bus;

	(void)state;
	bus_init(&bus, "ports", BUS_LAST_PORT, table, 1);
	assert_int_equal(bus_add(&bus, &region, NULL, 0), BUS_OK);
	assert_int_equal(bus_read(&bus, 0xF4, 1), 0);
	assert_int_equal(bus_read(&bus, 0xF4, 4), 0);
	assert_int_equal(bus_read(&bus, 0xF6, 4), 0xFFFF0000);
	assert_recorded(&log, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_of_any_width_exit_with_their_value),
		cmocka_unit_test(reads_are_zero_and_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
