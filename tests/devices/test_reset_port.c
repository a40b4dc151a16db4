// SPDX-License-Identifier: BSD-2-Clause
// Ports 64h and CF8h-CFBh: exactly which writes ask for a reset.
// Not what the machine makes of it.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "devices/bus.h"
#include "devices/reset_port.h"
#include "tests/devices/recorder.h"

struct fixture {
	struct recorder log;
	struct reset_port dev;
	struct bus_region table[2];
	struct bus bus;
};

static void note_reset(void *opaque, enum reset_port_request request)
{
	static const char *const names[] = {
		[RESET_PORT_BY_8042] = "8042",
		[RESET_PORT_CF9_SOFT] = "soft",
		[RESET_PORT_CF9_HARD] = "hard",
	};

	recorder_note(opaque, "%s ", names[request]);
}

static void set_up(struct fixture *f)
{
	struct bus_region region;

	*f = (struct fixture){.dev = {.reset = note_reset}};
	f->dev.opaque = &f->log;
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 2);
	region = reset_port_8042_region(&f->dev);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
	region = reset_port_cf9_region(&f->dev);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
}

static void the_8042_resets_by_a_pulse_on_bit_0(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	bus_write(&f.bus, 0x64, 1, 0xFE);
	assert_recorded(&f.log, "8042 ");
	for (unsigned command = 0; command < 256; command++) {
		bus_write(&f.bus, 0x64, 1, command);
		assert_recorded(&f.log, command >= 0xF0 && command % 2 == 0 ? "8042 " : "");
	}
	/* Both buffers empty: a driver that polls before it writes comes to an end. */
	assert_int_equal(bus_read(&f.bus, 0x64, 1), 0x00);
	bus_write(&f.bus, 0x63, 2, 0xFE00);
	assert_recorded(&f.log, "8042 ");
	assert_int_equal(bus_read(&f.bus, 0x60, 1), 0xFF);
	assert_null(bus_find(&f.bus, 0x65));
}

static void cf9_resets_when_its_bit_rises(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(bus_read(&f.bus, 0xCF9, 1), 0x00);
	bus_write(&f.bus, 0xCF9, 1, 0x02);
	assert_int_equal(bus_read(&f.bus, 0xCF9, 1), 0x02);
	assert_recorded(&f.log, "");
	bus_write(&f.bus, 0xCF9, 1, 0x06);
	assert_recorded(&f.log, "hard ");
	assert_int_equal(bus_read(&f.bus, 0xCF9, 1), 0x00);
	bus_write(&f.bus, 0xCF9, 1, 0x0E);
	assert_recorded(&f.log, "hard ");

	bus_write(&f.bus, 0xCF9, 1, 0x04);
	assert_recorded(&f.log, "soft ");
	assert_int_equal(bus_read(&f.bus, 0xCF9, 1), 0x04);
	bus_write(&f.bus, 0xCF9, 1, 0x06); /* no edge */
	assert_recorded(&f.log, "");
	bus_write(&f.bus, 0xCF9, 1, 0x00);
	bus_write(&f.bus, 0xCF9, 1, 0x05);
	assert_recorded(&f.log, "soft ");
	bus_write(&f.bus, 0xCF9, 1, 0xF9);
	assert_int_equal(bus_read(&f.bus, 0xCF9, 1), 0x08);
	bus_write(&f.bus, 0xCF9, 1, 0x04);
	assert_recorded(&f.log, "soft ");
}

static void pci_configuration_addresses_are_not_resets(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (uint32_t device = 0; device < 256; device++)
		bus_write(&f.bus, 0xCF8, 4, 0x80000000 | device << 8);
	bus_write(&f.bus, 0xCF8, 2, 0x0600);
	bus_write(&f.bus, 0xCF9, 2, 0x0006);
	bus_write(&f.bus, 0xCFB, 1, 0x06);
	bus_write(&f.bus, 0xCF8, 1, 0x06);
	assert_recorded(&f.log, "");
	assert_int_equal(bus_read(&f.bus, 0xCF8, 4), 0xFFFFFFFF);
	assert_null(bus_find(&f.bus, 0xCFC));
	assert_int_equal(bus_read(&f.bus, 0xCF8, 2), 0xFFFF);
	assert_int_equal(bus_read(&f.bus, 0xCFA, 1), 0xFF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_8042_resets_by_a_pulse_on_bit_0),
		cmocka_unit_test(cf9_resets_when_its_bit_rises),
		cmocka_unit_test(pci_configuration_addresses_are_not_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
