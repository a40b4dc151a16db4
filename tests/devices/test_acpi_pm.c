// SPDX-License-Identifier: BSD-2-Clause
// PM1 events and control, PM timer and SMI command port, through the bus and on a virtual clock.
// Not the tables that name these ports.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "devices/acpi_pm.h"
#include "devices/bus.h"
#include "tests/devices/recorder.h"

enum { STATUS = 0x600, ENABLE = 0x602, CONTROL = 0x604, TIMER = 0x608, SMI = 0xB2 };
enum { TMR = 0x001, GBL = 0x020, PWRBTN = 0x100, RTC = 0x400 };

#define NEVER  UINT64_MAX
#define SECOND UINT64_C(1000000000)
#define BOOT   UINT64_C(987654321987)

struct fixture {
	uint64_t now;
	struct recorder log;
	struct acpi_pm pm;
	struct bus_region table[2];
	struct bus bus;
};

static uint64_t tell_now(void *opaque)
{
	return ((const struct fixture *)opaque)->now;
}

static void note_sleep(void *opaque, unsigned type)
{
	recorder_note(&((struct fixture *)opaque)->log, "sleep%u ", type);
}

static const struct acpi_pm_ops ops = {.now = tell_now, .sleep = note_sleep};

static void set_up(struct fixture *f, bool wide)
{
	struct bus_region regions[2];

	memset(f, 0xA5, sizeof(*f));
	f->log.used = 0;
	f->log.text[0] = '\0';
	f->now = BOOT;
	acpi_pm_init(&f->pm, &ops, f, recorder_irq(&f->log, 9), wide);
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 2);
	regions[0] = acpi_pm_region(&f->pm);
	regions[1] = acpi_pm_smi_region(&f->pm);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(bus_add(&f->bus, &regions[i], NULL, 0), BUS_OK);
}

static uint64_t in(const struct fixture *f, uint64_t port, unsigned width)
{
	return bus_read(&f->bus, port, width);
}

static void out(const struct fixture *f, uint64_t port, unsigned width, uint64_t value)
{
	bus_write(&f->bus, port, width, value);
}

static void power_on(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, true);
	for (unsigned port = 0x600; port < 0x60C; port++)
		assert_int_equal(in(&f, port, 1), 0);
	assert_int_equal(in(&f, 0x60C, 1), 0xFF);
	assert_int_equal(in(&f, 0x5FF, 1), 0xFF);
	assert_int_equal(in(&f, 0xB2, 2), 0);
	assert_int_equal(acpi_pm_next(&f.pm), NEVER);
	assert_recorded(&f.log, "");
}

static void the_timer_counts_3579545_times_a_second(void **state)
{
	static const struct {
		uint64_t ns, ticks;
	} rows[] = {
		{0, 0},
		{279, 0},
		{280, 1},
		{558, 1},
		{559, 2},
		{SECOND - 1, 3579544},
		{SECOND, 3579545},
		{1000 * SECOND, 3579545000},
		{1000 * SECOND + SECOND / 2, 3581334772},
		{UINT64_C(100) * 365 * 86400 * SECOND, UINT64_C(3579545) * 100 * 365 * 86400},
	};
	struct fixture f;

	(void)state;
	for (unsigned wide = 0; wide < 2; wide++) {
		set_up(&f, wide);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint64_t mask = wide ? 0xFFFFFFFF : 0xFFFFFF;

			f.now = BOOT + rows[i].ns;
			assert_int_equal(in(&f, TIMER, 4), rows[i].ticks & mask);
			assert_int_equal(in(&f, TIMER, 4), rows[i].ticks & mask);
			assert_int_equal(in(&f, TIMER + 1, 2),
					 (rows[i].ticks & mask) >> 8 & 0xFFFF);
			assert_int_equal(in(&f, TIMER + 3, 1), (rows[i].ticks & mask) >> 24);
			assert_int_equal(in(&f, 0x606, 4), (rows[i].ticks & 0xFFFF) << 16);
			assert_int_equal(in(&f, 0x607, 4), (rows[i].ticks & 0xFFFFFF) << 8);
			out(&f, TIMER, 4, 0x12345678);
			out(&f, TIMER + 3, 1, 0xFF);
		}
	}
}

static void carry_is_told_of_every_change_of_the_highest_bit(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned wide = 0; wide < 2; wide++) {
		uint64_t half = UINT64_C(1) << (wide ? 31 : 23);

		set_up(&f, wide);
		out(&f, SMI, 1, 0xF1);
		out(&f, ENABLE, 2, TMR);
		assert_int_equal(in(&f, STATUS, 2), 0);
		for (unsigned n = 1; n < 5; n++) {
			uint64_t next = acpi_pm_next(&f.pm);

			assert_int_equal(next, BOOT + (n * half * SECOND + 3579544) / 3579545);
			f.now = next - 1;
			acpi_pm_tick(&f.pm);
			assert_recorded(&f.log, "");
			assert_int_equal(in(&f, TIMER, 4), (n * half - 1) & (2 * half - 1));
			assert_int_equal(acpi_pm_next(&f.pm), next);
			f.now = next;
			acpi_pm_tick(&f.pm);
			assert_recorded(&f.log, "irq9=1 ");
			acpi_pm_tick(&f.pm);
			assert_int_equal(acpi_pm_next(&f.pm), NEVER);
			assert_int_equal(in(&f, TIMER, 4), n * half & (2 * half - 1));
			assert_int_equal(in(&f, STATUS, 2), TMR);
			out(&f, STATUS, 2, TMR);
			assert_recorded(&f.log, "irq9=0 ");
			assert_int_equal(in(&f, STATUS, 2), 0);
		}
		/* However many were missed. */
		f.now += 1001 * half * 280;
		acpi_pm_tick(&f.pm);
		assert_recorded(&f.log, "irq9=1 ");
		out(&f, STATUS, 2, TMR);
		assert_recorded(&f.log, "irq9=0 ");
		assert_true(acpi_pm_next(&f.pm) > f.now);
	}
}

static void carry_is_flagged_unasked_and_ticked_for_only_when_enabled(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, false);
	f.now += 3 * SECOND;
	assert_int_equal(in(&f, STATUS, 2), TMR);
	out(&f, STATUS, 2, TMR);
	out(&f, ENABLE, 2, TMR);
	assert_int_equal(acpi_pm_next(&f.pm), NEVER);
	out(&f, SMI, 1, 0xF1);
	assert_int_not_equal(acpi_pm_next(&f.pm), NEVER);
	out(&f, ENABLE, 2, PWRBTN | GBL);
	assert_int_equal(acpi_pm_next(&f.pm), NEVER);
	/* What waits interrupts when it is enabled. */
	f.now += 3 * SECOND;
	acpi_pm_tick(&f.pm);
	assert_recorded(&f.log, "");
	out(&f, ENABLE, 1, TMR);
	assert_recorded(&f.log, "irq9=1 ");
	/* A carry that is found by the write that clears it leaves the line alone. */
	out(&f, STATUS, 2, TMR);
	f.now += 3 * SECOND;
	out(&f, STATUS, 2, TMR);
	assert_recorded(&f.log, "irq9=0 ");
	assert_int_equal(in(&f, STATUS, 2), 0);
}

static void sci_needs_status_enable_and_sci_en(void **state)
{
	static const unsigned events[] = {GBL, PWRBTN, RTC, GBL};
	struct fixture f;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		unsigned event = events[i];

		set_up(&f, true);
		acpi_pm_event(&f.pm, event);
		assert_int_equal(in(&f, STATUS, 2), event);
		out(&f, ENABLE, 2, event);
		assert_recorded(&f.log, "");
		out(&f, CONTROL, 2, 1);
		assert_recorded(&f.log, "irq9=1 ");
		acpi_pm_event(&f.pm, event);
		out(&f, STATUS, 2, 0xFFFF & ~event);
		assert_recorded(&f.log, "");
		out(&f, ENABLE, 2, 0xFFFF & ~event);
		assert_recorded(&f.log, "irq9=0 ");
		out(&f, ENABLE, 2, 0xFFFF);
		assert_recorded(&f.log, "irq9=1 ");
		out(&f, CONTROL, 2, 0);
		assert_recorded(&f.log, "irq9=0 ");
		out(&f, CONTROL, 2, 1);
		out(&f, STATUS, 2, event);
		assert_recorded(&f.log, "irq9=1 irq9=0 ");
		assert_int_equal(in(&f, STATUS, 2), 0);
		/* Both at once are one level. */
		acpi_pm_event(&f.pm, event | events[i + 1]);
		assert_recorded(&f.log, "irq9=1 ");
		out(&f, STATUS, 2, event);
		assert_recorded(&f.log, "");
		out(&f, STATUS, 2, 0xFFFF);
		assert_recorded(&f.log, "irq9=0 ");
	}
	/* Others there are not, and the timer's is not the owner's to say. */
	acpi_pm_event(&f.pm, ~(unsigned)(GBL | PWRBTN | RTC));
	assert_int_equal(in(&f, STATUS, 2), 0);
}

static void only_what_is_there_can_be_enabled(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, true);
	out(&f, ENABLE, 2, 0xFFFF);
	assert_int_equal(in(&f, ENABLE, 2), TMR | GBL | PWRBTN | RTC);
	out(&f, CONTROL, 2, 0xFFFF & ~0x2000);
	assert_int_equal(in(&f, CONTROL, 2), 0x1C03);
	out(&f, CONTROL, 2, 0);
	assert_int_equal(in(&f, CONTROL, 2), 0);
	assert_recorded(&f.log, "");
}

static void any_width_and_alignment_reaches_its_bytes(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, true);
	acpi_pm_event(&f.pm, GBL | PWRBTN);
	/* The status's low byte, the enable's high one. */
	out(&f, 0x600, 1, 0xFF);
	assert_int_equal(in(&f, 0x600, 4), PWRBTN);
	out(&f, 0x603, 1, 0xFF);
	assert_int_equal(in(&f, 0x600, 4), (unsigned)(PWRBTN | RTC) << 16 | PWRBTN);
	out(&f, 0x601, 2, 0x2101); /* the high half of one, the low half of the other */
	assert_int_equal(in(&f, 0x600, 4), 0x05210000);
	assert_int_equal(in(&f, 0x602, 1), 0x21);
	assert_int_equal(in(&f, 0x603, 4), 0x00000005);
	out(&f, 0x602, 4, 0x14010001);
	assert_int_equal(in(&f, 0x602, 4), 0x14010001);
	out(&f, 0x605, 1, 0x08);
	assert_int_equal(in(&f, 0x604, 2), 0x0801);
	out(&f, 0x604, 1, 0x02);
	assert_int_equal(in(&f, 0x604, 2), 0x0802);
	out(&f, 0x604, 4, 0xFFFF0401); /* and the gap */
	assert_int_equal(in(&f, 0x604, 4), 0x0401);
	out(&f, 0x606, 4, 0xFFFFFFFF);
	out(&f, 0x607, 4, 0xFFFFFFFF);
	assert_int_equal(in(&f, 0x604, 4), 0x0401);
	assert_int_equal(in(&f, 0x600, 4), 0x00010000);
	assert_recorded(&f.log, "");
}

static void sleep_is_told_with_its_type(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, true);
	for (unsigned type = 0; type < 8; type++)
		out(&f, CONTROL, 2, 0x2001 | type << 10);
	assert_recorded(&f.log, "sleep0 sleep1 sleep2 sleep3 sleep4 sleep5 sleep6 sleep7 ");
	assert_int_equal(in(&f, CONTROL, 2), 0x1C01);
	/* As ACPI's software does it: the type first. */
	out(&f, CONTROL, 2, 0x1401);
	out(&f, CONTROL, 2, 0x3401);
	assert_recorded(&f.log, "sleep5 ");
	out(&f, CONTROL + 1, 1, 0x20 | 3 << 2);
	out(&f, CONTROL - 2, 4, 0x28000000);
	assert_recorded(&f.log, "sleep3 sleep2 ");
	/* A byte beside it, and other bits, are no sleep. */
	out(&f, CONTROL, 1, 0xFF);
	out(&f, CONTROL, 2, 0xDFFF);
	out(&f, STATUS, 4, 0x20002000);
	assert_recorded(&f.log, "");
	/* When it is told the model is whole: the SCI has been seen to. */
	acpi_pm_event(&f.pm, PWRBTN);
	out(&f, ENABLE, 4, 0x20010000 | PWRBTN);
	assert_recorded(&f.log, "irq9=1 sleep0 ");
}

static void smi_command_hands_over_to_acpi_and_back(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, true);
	out(&f, CONTROL, 2, 0x1402);
	out(&f, SMI, 1, 0xF1);
	assert_int_equal(in(&f, CONTROL, 2), 0x1403);
	assert_int_equal(in(&f, SMI, 1), 0xF1);
	out(&f, ENABLE, 2, PWRBTN);
	acpi_pm_event(&f.pm, PWRBTN);
	assert_recorded(&f.log, "irq9=1 ");
	for (unsigned value = 0; value < 0xF0; value++)
		out(&f, SMI, 1, value);
	assert_int_equal(in(&f, CONTROL, 2), 0x1403);
	out(&f, SMI, 1, 0xF0);
	assert_recorded(&f.log, "irq9=0 ");
	assert_int_equal(in(&f, CONTROL, 2), 0x1402);
	out(&f, SMI, 1, 0xF2);
	out(&f, SMI + 1, 1, 0xF1);
	assert_int_equal(in(&f, CONTROL, 2), 0x1402);
	assert_int_equal(in(&f, SMI, 2), 0xF1F2);
	assert_recorded(&f.log, "");
}

static void reset_is_power_on(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, false);
	f.now += 10 * SECOND;
	out(&f, SMI, 2, 0x33F1);
	out(&f, CONTROL, 2, 0x1C03);
	out(&f, ENABLE, 2, 0xFFFF);
	assert_recorded(&f.log, "irq9=1 ");
	acpi_pm_event(&f.pm, PWRBTN);
	acpi_pm_reset(&f.pm);
	assert_recorded(&f.log, "irq9=0 ");
	for (unsigned port = 0x600; port < 0x60C; port++)
		assert_int_equal(in(&f, port, 1), 0);
	assert_int_equal(in(&f, SMI, 2), 0);
	f.now += SECOND;
	assert_int_equal(in(&f, TIMER, 4), 3579545);
	assert_int_equal(in(&f, STATUS, 2), 0);
	f.now += 999 * SECOND;
	assert_int_equal(in(&f, TIMER, 4), 3579545000 & 0xFFFFFF);
	acpi_pm_reset(&f.pm);
	assert_recorded(&f.log, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_on),
		cmocka_unit_test(the_timer_counts_3579545_times_a_second),
		cmocka_unit_test(carry_is_told_of_every_change_of_the_highest_bit),
		cmocka_unit_test(carry_is_flagged_unasked_and_ticked_for_only_when_enabled),
		cmocka_unit_test(sci_needs_status_enable_and_sci_en),
		cmocka_unit_test(only_what_is_there_can_be_enabled),
		cmocka_unit_test(any_width_and_alignment_reaches_its_bytes),
		cmocka_unit_test(sleep_is_told_with_its_type),
		cmocka_unit_test(smi_command_hands_over_to_acpi_and_back),
		cmocka_unit_test(reset_is_power_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
