// SPDX-License-Identifier: BSD-2-Clause
// The register at CF9h: exactly which writes ask for a reset.
// Not the ports around it, which are the PCI host's, and not what the machine makes of a request.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "devices/reset_port.h"
#include "tests/devices/recorder.h"

struct fixture {
	struct recorder log;
	struct reset_port dev;
};

static void note_reset(void *opaque, enum reset_port_request request)
{
	recorder_note(opaque, "%s ", request == RESET_PORT_CF9_HARD ? "hard" : "soft");
}

static void set_up(struct fixture *f)
{
	*f = (struct fixture){.dev = {.reset = note_reset}};
	f->dev.opaque = &f->log;
}

static void it_resets_when_its_bit_rises(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(reset_port_read(&f.dev), 0x00);
	reset_port_write(&f.dev, 0x02);
	assert_int_equal(reset_port_read(&f.dev), 0x02);
	assert_recorded(&f.log, "");
	reset_port_write(&f.dev, 0x06);
	assert_recorded(&f.log, "hard ");
	assert_int_equal(reset_port_read(&f.dev), 0x00);
	reset_port_write(&f.dev, 0x0E);
	assert_recorded(&f.log, "hard ");

	reset_port_write(&f.dev, 0x04);
	assert_recorded(&f.log, "soft ");
	assert_int_equal(reset_port_read(&f.dev), 0x04);
	reset_port_write(&f.dev, 0x06); /* no edge */
	assert_recorded(&f.log, "");
	reset_port_write(&f.dev, 0x00);
	reset_port_write(&f.dev, 0x05);
	assert_recorded(&f.log, "soft ");
	reset_port_write(&f.dev, 0xF9);
	assert_int_equal(reset_port_read(&f.dev), 0x08);
	reset_port_write(&f.dev, 0x04);
	assert_recorded(&f.log, "soft ");
}

static void every_write_from_zero(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned value = 0; value < 256; value++) {
		bool hard = (value & 6) == 6;

		set_up(&f);
		reset_port_write(&f.dev, (uint8_t)value);
		assert_recorded(&f.log, hard ? "hard " : value & 4 ? "soft " : "");
		assert_int_equal(reset_port_read(&f.dev), hard ? 0 : value & 0x0E);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_resets_when_its_bit_rises),
		cmocka_unit_test(every_write_from_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
