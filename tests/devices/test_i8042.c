// SPDX-License-Identifier: BSD-2-Clause
// The 8042 and its keyboard, command by command, and as drivers and firmware look for them.
// Not what a driver makes of it.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "devices/bus.h"
#include "devices/i8042.h"
#include "tests/devices/recorder.h"

/* Status bits. */
enum { FULL = 0x01, SYS = 0x04, CMD = 0x08, UNLOCKED = 0x10, AUX = 0x20, TIMEOUT = 0x40 };

#define IDLE (SYS | UNLOCKED)

struct fixture {
	struct recorder log;
	struct i8042 dev;
	struct bus_region table[2];
	struct bus bus;
};

static void note_reset(void *opaque)
{
	recorder_note(opaque, "reset ");
}

static const struct i8042_ops ops = {.reset = note_reset};

static void set_up(struct fixture *f)
{
	struct bus_region region;

	memset(f, 0xA5, sizeof(*f));
	f->log = (struct recorder){.used = 0};
	i8042_init(&f->dev, &ops, &f->log, recorder_irq(&f->log, 1), recorder_irq(&f->log, 12));
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 2);
	region = i8042_data_region(&f->dev);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
	region = i8042_command_region(&f->dev);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
}

static unsigned status(struct fixture *f)
{
	return (unsigned)bus_read(&f->bus, 0x64, 1);
}

static unsigned data(struct fixture *f)
{
	return (unsigned)bus_read(&f->bus, 0x60, 1);
}

static void command(struct fixture *f, unsigned value)
{
	bus_write(&f->bus, 0x64, 1, value);
}

static void write_data(struct fixture *f, unsigned value)
{
	bus_write(&f->bus, 0x60, 1, value);
}

/* The answer to a command that has one. */
static unsigned ask(struct fixture *f, unsigned value)
{
	command(f, value);
	assert_int_equal(status(f), FULL | IDLE | CMD);
	return data(f);
}

static void set_command_byte(struct fixture *f, unsigned value)
{
	command(f, 0x60);
	write_data(f, value);
}

static void quiet(struct fixture *f)
{
	f->log.used = 0;
	f->log.text[0] = '\0';
}

/* A byte to the keyboard, and all that comes back, in hex. */
#define assert_keyboard(f, byte, expected)                                                         \
 do {                                                                                              \
  struct recorder answer = {.used = 0};                                                            \
  write_data(f, byte);                                                                             \
  assert_int_equal(status(f), FULL | IDLE);                                                        \
  while (status(f) & FULL)                                                                         \
   recorder_note(&answer, "%02x ", data(f));                                                       \
  assert_recorded(&answer, expected);                                                              \
 } while (0)

static void it_starts_as_a_bios_leaves_it(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(status(&f), IDLE);
	assert_int_equal(data(&f), 0x00);
	assert_int_equal(status(&f), IDLE);
	assert_recorded(&f.log, "");
	assert_int_equal(ask(&f, 0x20), 0x65);
	for (unsigned n = 1; n < 32; n++)
		assert_int_equal(ask(&f, 0x20 + n), 0);
}

static void controller_tests_pass(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(ask(&f, 0xAA), 0x55);
	assert_int_equal(ask(&f, 0xAB), 0x00);
	assert_int_equal(ask(&f, 0xA9), 0x00);
	assert_int_equal(ask(&f, 0xA4), 0xF1);
	assert_int_equal(ask(&f, 0xC0), 0xB0);
	assert_int_equal(status(&f), IDLE | CMD);
	/* The self-test sets the system flag, and the command byte clears it. */
	set_command_byte(&f, 0x61);
	assert_int_equal(status(&f), UNLOCKED);
	command(&f, 0xAA);
	assert_int_equal(status(&f), FULL | IDLE | CMD);
	assert_int_equal(data(&f), 0x55);
	assert_int_equal(ask(&f, 0x20), 0x65);
}

static void controller_ram_is_kept(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned n = 1; n < 32; n++) {
		command(&f, 0x60 + n);
		assert_int_equal(status(&f), IDLE | CMD);
		write_data(&f, 0x80 + n);
		assert_int_equal(status(&f), IDLE);
	}
	for (unsigned n = 1; n < 32; n++)
		assert_int_equal(ask(&f, 0x20 + n), 0x80 + n);
	assert_int_equal(ask(&f, 0x20), 0x65);
	set_command_byte(&f, 0xFF);
	assert_int_equal(ask(&f, 0x20), 0xFF);
	set_command_byte(&f, 0x14);
	assert_int_equal(ask(&f, 0x20), 0x14);
}

static void a_new_command_forgets_the_data_awaited(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	command(&f, 0x60);
	assert_int_equal(ask(&f, 0x20), 0x65);
	assert_keyboard(&f, 0xEE, "ee ");
	assert_int_equal(ask(&f, 0x20), 0x65);
	/* And the data of a command is that of one. */
	set_command_byte(&f, 0x45);
	assert_keyboard(&f, 0xEE, "ee ");
}

static void interfaces_switch_off_and_on(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	command(&f, 0xA8);
	assert_int_equal(ask(&f, 0x20), 0x45);
	command(&f, 0xA7);
	assert_int_equal(ask(&f, 0x20), 0x65);
	command(&f, 0xAD);
	assert_int_equal(ask(&f, 0x20), 0x75);
	command(&f, 0xAE);
	assert_int_equal(ask(&f, 0x20), 0x65);
	quiet(&f);
	/* A keyboard that is switched off keeps what it says; the controller does not. */
	write_data(&f, 0xF2);
	assert_int_equal(data(&f), 0xFA);
	assert_int_equal(data(&f), 0xAB);
	command(&f, 0xAD);
	assert_int_equal(data(&f), 0x41); /* was on its way */
	write_data(&f, 0xF2);
	assert_int_equal(ask(&f, 0x20), 0xFA); /* writing switched it on */
	command(&f, 0xAD);
	assert_int_equal(data(&f), 0x65);
	assert_int_equal(status(&f), IDLE | CMD);
	assert_int_equal(ask(&f, 0xAA), 0x55);
	assert_int_equal(status(&f), IDLE | CMD);
	quiet(&f);
	command(&f, 0xAE);
	assert_recorded(&f.log, "irq1=1 ");
	assert_int_equal(data(&f), 0xAB);
	assert_int_equal(data(&f), 0x41);
	assert_recorded(&f.log, "irq1=0 irq1=1 irq1=0 ");
}

static void the_keyboard_answers(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_keyboard(&f, 0xFF, "fa aa ");
	assert_keyboard(&f, 0xF2, "fa ab 41 ");
	assert_keyboard(&f, 0xEE, "ee ");
	assert_keyboard(&f, 0xF4, "fa ");
	assert_keyboard(&f, 0xF5, "fa ");
	assert_keyboard(&f, 0xF6, "fa ");
	assert_keyboard(&f, 0xED, "fa ");
	assert_keyboard(&f, 0x07, "fa ");
	assert_keyboard(&f, 0xF3, "fa ");
	assert_keyboard(&f, 0x7F, "fa ");
	/* What it does not know, it wants once more. */
	for (unsigned byte = 0; byte < 256; byte++)
		if (byte < 0xED || byte == 0xEF || byte == 0xF1 || (byte > 0xF6 && byte < 0xFE))
			assert_keyboard(&f, byte, "fe ");
}

static void the_keyboard_repeats_its_last_byte(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_keyboard(&f, 0xFE, "aa ");
	assert_keyboard(&f, 0xF2, "fa ab 41 ");
	assert_keyboard(&f, 0xFE, "41 ");
	assert_keyboard(&f, 0xFE, "41 ");
	assert_keyboard(&f, 0xEE, "ee ");
	assert_keyboard(&f, 0xFE, "ee ");
}

static void scan_code_sets(void **state)
{
	static const char *const raw[] = {"", "fa 01 ", "fa 02 ", "fa 03 "};
	static const char *const translated[] = {"", "fa 43 ", "fa 41 ", "fa 3f "};
	static const unsigned back[] = {0xF5, 0xF6, 0xFF};
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned set = 1; set <= 3; set++) {
		set_command_byte(&f, 0x45);
		assert_keyboard(&f, 0xF0, "fa ");
		assert_keyboard(&f, set, "fa ");
		assert_keyboard(&f, 0xF0, "fa ");
		assert_keyboard(&f, 0x00, translated[set]);
		set_command_byte(&f, 0x05);
		assert_keyboard(&f, 0xF0, "fa ");
		assert_keyboard(&f, 0x00, raw[set]);
	}
	assert_keyboard(&f, 0xF2, "fa ab 83 ");
	assert_keyboard(&f, 0xF0, "fa ");
	assert_keyboard(&f, 0x04, "fe ");
	assert_keyboard(&f, 0xF0, "fa ");
	assert_keyboard(&f, 0x00, "fa 03 ");
	for (unsigned i = 0; i < 3; i++) {
		assert_keyboard(&f, 0xF0, "fa ");
		assert_keyboard(&f, 0x03, "fa ");
		assert_keyboard(&f, back[i], back[i] == 0xFF ? "fa aa " : "fa ");
		assert_keyboard(&f, 0xF0, "fa ");
		assert_keyboard(&f, 0x00, "fa 02 ");
	}
	/* The other options do not change it. */
	assert_keyboard(&f, 0xED, "fa ");
	assert_keyboard(&f, 0x01, "fa ");
	assert_keyboard(&f, 0xF4, "fa ");
	assert_keyboard(&f, 0xF0, "fa ");
	assert_keyboard(&f, 0x00, "fa 02 ");
}

static void a_command_in_an_options_place_is_a_command(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_keyboard(&f, 0xED, "fa ");
	assert_keyboard(&f, 0xF2, "fa ab 41 ");
	assert_keyboard(&f, 0x00, "fe "); /* no option is awaited any more */
	assert_keyboard(&f, 0xF3, "fa ");
	assert_keyboard(&f, 0xED, "fa ");
	assert_keyboard(&f, 0x00, "fa ");
}

static void a_keyboard_that_is_not_read_forgets(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* Both acknowledgements of a command that did not wait for the first. */
	write_data(&f, 0xED);
	write_data(&f, 0x07);
	assert_int_equal(data(&f), 0xFA);
	assert_int_equal(data(&f), 0xFA);
	assert_int_equal(status(&f), IDLE);
	for (unsigned i = 0; i < 1000; i++)
		write_data(&f, 0xF2);
	assert_int_equal(data(&f), 0xFA);
	assert_int_equal(data(&f), 0xFA);
	assert_int_equal(data(&f), 0xAB);
	assert_int_equal(data(&f), 0x41);
	assert_int_equal(status(&f), IDLE);
	assert_int_equal(data(&f), 0x41); /* the latch keeps what it had */
}

static void the_controllers_reply_comes_before_the_keyboards(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	write_data(&f, 0xF2);
	command(&f, 0xAB);
	command(&f, 0xAA); /* the latest */
	assert_int_equal(data(&f), 0xFA);
	assert_int_equal(data(&f), 0x55);
	assert_int_equal(data(&f), 0xAB);
	assert_int_equal(data(&f), 0x41);
	assert_int_equal(status(&f), IDLE | CMD);
}

static void each_byte_is_an_edge_of_its_own(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	write_data(&f, 0xFF);
	assert_recorded(&f.log, "irq1=1 ");
	assert_int_equal(data(&f), 0xFA);
	assert_recorded(&f.log, "irq1=0 irq1=1 ");
	assert_int_equal(data(&f), 0xAA);
	assert_recorded(&f.log, "irq1=0 ");
	data(&f);
	assert_recorded(&f.log, "");
	/* The controller's own bytes, too. */
	command(&f, 0xAA);
	assert_recorded(&f.log, "irq1=1 ");
	/* The command byte opens and shuts the line. */
	set_command_byte(&f, 0x64);
	assert_recorded(&f.log, "irq1=0 ");
	set_command_byte(&f, 0x65);
	assert_recorded(&f.log, "irq1=1 ");
	set_command_byte(&f, 0x66);
	assert_int_equal(data(&f), 0x55);
	assert_keyboard(&f, 0xF4, "fa ");
	assert_recorded(&f.log, "irq1=0 ");
}

static void without_lines_all_else_is_the_same(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	i8042_init(&f.dev, &ops, &f.log, (struct irq_line){0}, (struct irq_line){0});
	assert_keyboard(&f, 0xFF, "fa aa ");
	assert_recorded(&f.log, "");
}

static void what_is_sent_to_the_mouse_times_out(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	set_command_byte(&f, 0x67);
	command(&f, 0xD4);
	assert_int_equal(status(&f), IDLE | CMD);
	write_data(&f, 0xF2);
	assert_int_equal(status(&f), FULL | AUX | TIMEOUT | IDLE);
	assert_recorded(&f.log, "irq12=1 ");
	assert_int_equal(data(&f), 0xFE);
	assert_recorded(&f.log, "irq12=0 ");
	assert_int_equal(status(&f), IDLE);
	assert_int_equal(ask(&f, 0x20), 0x47); /* switched on by being written to */
	/* The next byte is the keyboard's again. */
	assert_keyboard(&f, 0xF4, "fa ");
	/* With IRQ 12 shut. */
	set_command_byte(&f, 0x65);
	quiet(&f);
	command(&f, 0xD4);
	write_data(&f, 0xFF);
	assert_int_equal(status(&f), FULL | AUX | TIMEOUT | IDLE);
	assert_recorded(&f.log, "");
	assert_int_equal(data(&f), 0xFE);
}

static void output_buffers_can_be_written(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	set_command_byte(&f, 0x67);
	command(&f, 0xD2);
	write_data(&f, 0x1C); /* as it is: no translation */
	assert_int_equal(status(&f), FULL | IDLE);
	assert_recorded(&f.log, "irq1=1 ");
	assert_int_equal(data(&f), 0x1C);
	command(&f, 0xD3);
	write_data(&f, 0xA5);
	assert_int_equal(status(&f), FULL | AUX | IDLE);
	assert_recorded(&f.log, "irq1=0 irq12=1 ");
	assert_int_equal(data(&f), 0xA5);
	assert_recorded(&f.log, "irq12=0 ");
}

static void the_output_port_tells_the_lines_and_keeps_a20(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	set_command_byte(&f, 0x47);
	assert_int_equal(ask(&f, 0xD0), 0xC3);
	write_data(&f, 0xF4);
	command(&f, 0xD0);
	assert_int_equal(data(&f), 0xFA);
	assert_int_equal(data(&f), 0xD3);
	command(&f, 0xD3);
	write_data(&f, 0);
	command(&f, 0xD0);
	assert_int_equal(data(&f), 0x00);
	assert_int_equal(data(&f), 0xE3);
	quiet(&f);
	command(&f, 0xD1);
	write_data(&f, 0xDD); /* A20 off, says who writes it */
	assert_int_equal(ask(&f, 0xD0), 0xC3);
	command(&f, 0xDD);
	command(&f, 0xDF);
	assert_int_equal(status(&f), IDLE | CMD);
	assert_recorded(&f.log, "irq1=1 irq1=0 ");
}

static void exactly_these_ask_for_a_reset(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	set_command_byte(&f, 0x64);
	for (unsigned value = 0; value < 256; value++) {
		command(&f, value);
		assert_recorded(&f.log, value >= 0xF0 && value % 2 == 0 ? "reset " : "");
		command(&f, 0xD1);
		write_data(&f, value);
		assert_recorded(&f.log, value % 2 == 0 ? "reset " : "");
		/* The data of others does not. */
		command(&f, 0xD2);
		write_data(&f, value & 0xFE);
		write_data(&f, value & 0xFE);
		assert_recorded(&f.log, "");
	}
}

static void commands_unknown_leave_no_trace(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned value = 0; value < 256; value++) {
		static const uint8_t known[] = {0xA4, 0xA7, 0xA8, 0xA9, 0xAA, 0xAB, 0xAD,
						0xAE, 0xC0, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4};
		struct i8042 before;

		if ((value >= 0x20 && value < 0x40) || (value >= 0x60 && value < 0x80) ||
		    memchr(known, (int)value, sizeof(known)))
			continue;
		memcpy(&before, &f.dev, sizeof(before));
		before.command_last = true;
		command(&f, value);
		assert_memory_equal(&before, &f.dev, sizeof(before));
	}
}

static void ports_are_bytes(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_null(bus_find(&f.bus, 0x61));
	assert_null(bus_find(&f.bus, 0x63));
	assert_null(bus_find(&f.bus, 0x65));
	bus_write(&f.bus, 0x60, 4, 0x555555EE);
	assert_int_equal(bus_read(&f.bus, 0x60, 4), 0xFFFFFFEE);
	bus_write(&f.bus, 0x63, 2, 0xFE00);
	assert_recorded(&f.log, "irq1=1 irq1=0 reset ");
}

static void a_reset_brings_back_the_start(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	set_command_byte(&f, 0x07);
	command(&f, 0x7F);
	write_data(&f, 0x12);
	write_data(&f, 0xF0);
	write_data(&f, 0x03);
	write_data(&f, 0xED);
	command(&f, 0xAA);
	command(&f, 0xD3);
	quiet(&f);
	i8042_reset(&f.dev);
	assert_recorded(&f.log, "irq1=0 ");
	assert_int_equal(status(&f), IDLE);
	assert_int_equal(data(&f), 0x00);
	assert_int_equal(ask(&f, 0x20), 0x65);
	assert_int_equal(ask(&f, 0x3F), 0x00);
	assert_keyboard(&f, 0x00, "fe ");
	set_command_byte(&f, 0x25);
	assert_keyboard(&f, 0xF0, "fa ");
	assert_keyboard(&f, 0x00, "fa 02 ");
}

/* ---- as it is looked for ---- */

/* A kernel's driver: what it asks of the controller, in its order, and how often it would wait. */
static void a_driver_finds_a_keyboard_and_an_empty_socket(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(status(&f) & (FULL | UNLOCKED), UNLOCKED);
	assert_int_equal(ask(&f, 0xAA), 0x55);
	assert_int_equal(ask(&f, 0x20), 0x65);
	assert_int_equal(ask(&f, 0x20), 0x65);
	/* Both interfaces off, both interrupts off. */
	set_command_byte(&f, 0x74);
	quiet(&f);
	/* The mouse socket loops back and its switch shows in the command byte. */
	command(&f, 0xD3);
	write_data(&f, 0x5A);
	assert_int_equal(status(&f), FULL | AUX | IDLE);
	assert_int_equal(data(&f), 0x5A);
	command(&f, 0xA8);
	assert_int_equal(ask(&f, 0x20), 0x54);
	command(&f, 0xA7);
	assert_int_equal(ask(&f, 0x20), 0x74);
	/* No multiplexer: the third byte comes back unchanged. */
	for (unsigned i = 0; i < 3; i++) {
		static const uint8_t probe[] = {0xF0, 0x56, 0xA4};

		command(&f, 0xD3);
		write_data(&f, probe[i]);
		assert_int_equal(data(&f), probe[i]);
	}
	assert_recorded(&f.log, "");
	/* IRQ 12 arrives. */
	set_command_byte(&f, 0x56);
	command(&f, 0xD3);
	write_data(&f, 0xA5);
	assert_recorded(&f.log, "irq12=1 ");
	assert_int_equal(data(&f), 0xA5);
	assert_recorded(&f.log, "irq12=0 ");
	set_command_byte(&f, 0x47);
	/* Nobody is at the mouse's socket, and says so at once. */
	command(&f, 0xD4);
	write_data(&f, 0xF2);
	assert_int_equal(status(&f) & (FULL | AUX | TIMEOUT), FULL | AUX | TIMEOUT);
	assert_int_equal(data(&f), 0xFE);
	/* The keyboard: identify, leds, stop, repeat rate, go. */
	assert_keyboard(&f, 0xF2, "fa ab 41 ");
	assert_keyboard(&f, 0xF5, "fa ");
	assert_keyboard(&f, 0xED, "fa ");
	assert_keyboard(&f, 0x00, "fa ");
	assert_keyboard(&f, 0xF3, "fa ");
	assert_keyboard(&f, 0x00, "fa ");
	assert_keyboard(&f, 0xF4, "fa ");
}

/* Firmware: flush, tests, reset of the keyboard, scan code set 2, then its command byte. */
static void firmware_sets_the_keyboard_up(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(status(&f) & FULL, 0);
	assert_int_equal(ask(&f, 0xAA), 0x55);
	assert_int_equal(ask(&f, 0xAB), 0x00);
	set_command_byte(&f, 0x30);
	set_command_byte(&f, 0x20);
	write_data(&f, 0xFF);
	assert_int_equal(status(&f), FULL | UNLOCKED);
	assert_int_equal(data(&f), 0xFA);
	assert_int_equal(status(&f), FULL | UNLOCKED);
	assert_int_equal(data(&f), 0xAA);
	set_command_byte(&f, 0x24);
	assert_keyboard(&f, 0xF5, "fa ");
	assert_keyboard(&f, 0xF0, "fa ");
	assert_keyboard(&f, 0x02, "fa ");
	set_command_byte(&f, 0x65);
	assert_keyboard(&f, 0xF4, "fa ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_starts_as_a_bios_leaves_it),
		cmocka_unit_test(controller_tests_pass),
		cmocka_unit_test(controller_ram_is_kept),
		cmocka_unit_test(a_new_command_forgets_the_data_awaited),
		cmocka_unit_test(interfaces_switch_off_and_on),
		cmocka_unit_test(the_keyboard_answers),
		cmocka_unit_test(the_keyboard_repeats_its_last_byte),
		cmocka_unit_test(scan_code_sets),
		cmocka_unit_test(a_command_in_an_options_place_is_a_command),
		cmocka_unit_test(a_keyboard_that_is_not_read_forgets),
		cmocka_unit_test(the_controllers_reply_comes_before_the_keyboards),
		cmocka_unit_test(each_byte_is_an_edge_of_its_own),
		cmocka_unit_test(without_lines_all_else_is_the_same),
		cmocka_unit_test(what_is_sent_to_the_mouse_times_out),
		cmocka_unit_test(output_buffers_can_be_written),
		cmocka_unit_test(the_output_port_tells_the_lines_and_keeps_a20),
		cmocka_unit_test(exactly_these_ask_for_a_reset),
		cmocka_unit_test(commands_unknown_leave_no_trace),
		cmocka_unit_test(ports_are_bytes),
		cmocka_unit_test(a_reset_brings_back_the_start),
		cmocka_unit_test(a_driver_finds_a_keyboard_and_an_empty_socket),
		cmocka_unit_test(firmware_sets_the_keyboard_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
