// SPDX-License-Identifier: BSD-2-Clause
// Port E9h: bytes out, E9h in.
// Not a console.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "devices/bus.h"
#include "devices/debugcon.h"
#include "tests/devices/recorder.h"

static void note_write(void *opaque, uint8_t byte)
{
	recorder_note(opaque, "%02x ", byte);
}

static void bytes_go_out_and_the_port_names_itself(void **state)
{
	struct recorder log = {0};
	struct debugcon dev = {.write = note_write, .opaque = &log};
	struct bus_region region = debugcon_region(&dev, DEBUGCON_PORT);
	struct bus_region table[1];
	struct bus bus;

	(void)state;
	bus_init(&bus, "ports", BUS_LAST_PORT, table, 1);
	assert_int_equal(bus_add(&bus, &region, NULL, 0), BUS_OK);
	assert_int_equal(bus_read(&bus, 0xE9, 1), 0xE9);
	assert_int_equal(bus_read(&bus, 0xE9, 4), 0xFFFFFFE9);
	assert_int_equal(bus_read(&bus, 0xE8, 2), 0xE9FF);
	assert_recorded(&log, "");
	for (unsigned byte = 0; byte < 256; byte += 51)
		bus_write(&bus, 0xE9, 1, byte);
	assert_recorded(&log, "00 33 66 99 cc ff ");
	/* Of a wide write one byte is for this port. */
	bus_write(&bus, 0xE9, 4, 0x44332211);
	bus_write(&bus, 0xE7, 4, 0x44332211);
	assert_recorded(&log, "11 33 ");
	bus_write(&bus, 0xE8, 1, 1);
	bus_write(&bus, 0xEA, 1, 1);
	assert_recorded(&log, "");
}

static void the_firmwares_port_says_the_same(void **state)
{
	struct recorder log = {0};
	struct debugcon dev = {.write = note_write, .opaque = &log};
	struct bus_region region = debugcon_region(&dev, DEBUGCON_FIRMWARE);
	struct bus_region table[1];
	struct bus bus;

	(void)state;
	bus_init(&bus, "ports", BUS_LAST_PORT, table, 1);
	assert_int_equal(bus_add(&bus, &region, NULL, 0), BUS_OK);
	assert_int_equal(bus_read(&bus, 0x402, 1), 0xE9);
	assert_int_equal(bus_read(&bus, 0xE9, 1), 0xFF);
	bus_write(&bus, 0x402, 1, 0x53);
	bus_write(&bus, 0x401, 2, 0x4100);
	bus_write(&bus, 0x403, 1, 0x42);
	assert_recorded(&log, "53 41 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_out_and_the_port_names_itself),
		cmocka_unit_test(the_firmwares_port_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
