// SPDX-License-Identifier: BSD-2-Clause
// The CMOS clock's three interrupts on one line: periodic, alarm, update ended; and when to tick.
// Not the search for an alarm's second, which is tests/devices/test_cmos_time.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "devices/bus.h"
#include "devices/cmos.h"
#include "tests/devices/recorder.h"

enum { A = 0x0A, B = 0x0B, C = 0x0C };
enum { SET = 0x80, PIE = 0x40, AIE = 0x20, UIE = 0x10, BINARY = 0x04, HOURS_24 = 0x02 };

#define NEVER  UINT64_MAX
#define SECOND UINT64_C(1000000000)
/* Friday, 29 December 2023, 23:59:58.25 */
#define START 1703894398
#define BOOT  (77 * SECOND + 123456789)
/* From BOOT to the first update. */
#define TO_UPDATE (3 * SECOND / 4)

struct fixture {
	uint64_t elapsed;
	struct timespec now;
	struct recorder log;
	struct cmos cmos;
	struct bus_region table[1];
	struct bus bus;
};

static uint64_t tell_now(void *opaque)
{
	return ((const struct fixture *)opaque)->elapsed;
}

static void tell_time_of_day(void *opaque, struct timespec *now)
{
	*now = ((const struct fixture *)opaque)->now;
}

static const struct cmos_ops ops = {.now = tell_now, .time_of_day = tell_time_of_day};

static void pass_to(struct fixture *f, uint64_t elapsed)
{
	uint64_t ns = (uint64_t)f->now.tv_nsec + (elapsed - f->elapsed);

	assert_true(elapsed >= f->elapsed);
	f->elapsed = elapsed;
	f->now.tv_sec += (time_t)(ns / SECOND);
	f->now.tv_nsec = (long)(ns % SECOND);
}

static void pass(struct fixture *f, uint64_t ns)
{
	pass_to(f, f->elapsed + ns);
}

static unsigned in(struct fixture *f, unsigned reg)
{
	bus_write(&f->bus, 0x70, 1, reg);
	return (unsigned)bus_read(&f->bus, 0x71, 1);
}

static void out(struct fixture *f, unsigned reg, unsigned value)
{
	bus_write(&f->bus, 0x70, 1, reg);
	bus_write(&f->bus, 0x71, 1, value);
}

/* No periods, no alarm, no flags. */
static void set_up(struct fixture *f)
{
	struct bus_region region;

	memset(f, 0xA5, sizeof(*f));
	f->log.used = 0;
	f->log.text[0] = '\0';
	f->elapsed = BOOT;
	f->now = (struct timespec){.tv_sec = START, .tv_nsec = SECOND / 4};
	cmos_init(&f->cmos, &ops, f, recorder_irq(&f->log, 8),
		  &(struct cmos_machine){.ram_below_4g = 64 << 20, .cpus = 2});
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 1);
	region = cmos_region(&f->cmos);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
	out(f, A, 0x20);
	for (unsigned reg = 1; reg <= 5; reg += 2)
		out(f, reg, 0xBF);
	assert_int_equal(in(f, C), 0);
	assert_recorded(&f->log, "");
}

/* Nothing happens up to the last nanosecond before, and then it does. */
static void tick_at(struct fixture *f, uint64_t when, const char *expected)
{
	assert_int_equal(cmos_next(&f->cmos), when);
	if (when > f->elapsed + 1) {
		pass_to(f, when - 1);
		cmos_tick(&f->cmos);
		assert_recorded(&f->log, "");
		assert_int_equal(cmos_next(&f->cmos), when);
	}
	pass_to(f, when);
	cmos_tick(&f->cmos);
	assert_recorded(&f->log, expected);
	cmos_tick(&f->cmos);
	assert_recorded(&f->log, "");
}

static void update_ended_interrupts_each_second(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(cmos_next(&f.cmos), NEVER);
	out(&f, B, UIE | HOURS_24);
	for (unsigned second = 0; second < 3; second++) {
		tick_at(&f, BOOT + TO_UPDATE + second * SECOND, "irq8=1 ");
		/* It stays until it is seen; nothing else is to come before. */
		assert_int_equal(cmos_next(&f.cmos), NEVER);
		pass(&f, SECOND / 10);
		assert_int_equal(in(&f, 0), (0x59 + second) % 0x5A);
		assert_int_equal(in(&f, B), UIE | HOURS_24);
		assert_recorded(&f.log, "");
		assert_int_equal(in(&f, C), 0x90);
		assert_recorded(&f.log, "irq8=0 ");
		assert_int_equal(in(&f, C), 0x00);
		assert_recorded(&f.log, "");
	}
}

static void a_flag_that_waits_interrupts_once_it_is_enabled(void **state)
{
	static const struct {
		unsigned flag, rate, alarm;
	} rows[] = {{UIE, 0, 0xBF}, {PIE, 6, 0xBF}, {AIE, 0, 0xFF}};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(&f);
		out(&f, A, 0x20 | rows[i].rate);
		for (unsigned reg = 1; reg <= 5; reg += 2)
			out(&f, reg, rows[i].alarm);
		assert_int_equal(cmos_next(&f.cmos), NEVER);
		pass(&f, SECOND);
		cmos_tick(&f.cmos);
		assert_recorded(&f.log, "");
		out(&f, B, (0x70 & ~rows[i].flag) | HOURS_24);
		if (rows[i].flag == UIE) {
			assert_recorded(&f.log, "");
		} else {
			/* An update has ended, whatever else has. */
			assert_recorded(&f.log, "irq8=1 ");
		}
		out(&f, B, HOURS_24);
		if (rows[i].flag != UIE)
			assert_recorded(&f.log, "irq8=0 ");
		out(&f, B, rows[i].flag | HOURS_24);
		assert_recorded(&f.log, "irq8=1 ");
		assert_int_equal(in(&f, C), 0x80 | rows[i].flag | UIE);
		assert_recorded(&f.log, "irq8=0 ");
	}
}

static void every_rate_has_its_period(void **state)
{
	/* Microseconds of the data sheet's table for 32768 Hz. */
	static const uint64_t periods_ps[16] = {
		0,           3906250000,   7812500000,   122070312,   244140625,   488281250,
		976562500,   1953125000,   3906250000,   7812500000,  15625000000, 31250000000,
		62500000000, 125000000000, 250000000000, 500000000000};
	struct fixture f;

	(void)state;
	for (unsigned rate = 1; rate < 16; rate++) {
		uint64_t first;

		set_up(&f);
		/* From a released divider the chain starts at nothing. */
		out(&f, A, 0x60);
		pass(&f, 12345);
		out(&f, A, 0x20 | rate);
		first = f.elapsed;
		out(&f, B, PIE | HOURS_24);
		for (unsigned n = 1; n < 10; n++) {
			uint64_t ps = n * periods_ps[rate];
			uint64_t ns = ps / 1000 + (ps % 1000 != 0);

			tick_at(&f, first + ns, "irq8=1 ");
			/* The update 500 ms after is flagged on its way, but not enabled. */
			assert_int_equal(in(&f, C) & ~UIE, 0x80 | PIE);
			assert_recorded(&f.log, "irq8=0 ");
		}
	}
}

static void without_a_rate_or_with_the_divider_held_there_are_no_periods(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, B, PIE | UIE | HOURS_24);
	in(&f, C);
	out(&f, A, 0x66);
	assert_int_equal(cmos_next(&f.cmos), NEVER);
	pass(&f, 10 * SECOND);
	cmos_tick(&f.cmos);
	assert_int_equal(in(&f, C), 0x00);
	assert_recorded(&f.log, "");
	out(&f, A, 0x7F);
	assert_int_equal(cmos_next(&f.cmos), NEVER);
	out(&f, A, 0x20);
	/* The update's 500 ms are left. */
	tick_at(&f, f.elapsed + SECOND / 2, "irq8=1 ");
}

static void set_holds_updates_and_alarms_but_not_periods(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned reg = 1; reg <= 5; reg += 2)
		out(&f, reg, 0xFF);
	out(&f, B, SET | AIE | UIE | HOURS_24);
	assert_int_equal(in(&f, B), SET | AIE | HOURS_24);
	assert_int_equal(cmos_next(&f.cmos), NEVER);
	pass(&f, 5 * SECOND);
	cmos_tick(&f.cmos);
	assert_recorded(&f.log, "");
	assert_int_equal(in(&f, C), 0x00);
	out(&f, A, 0x2F);
	out(&f, B, SET | PIE | HOURS_24);
	tick_at(&f, BOOT + 5 * SECOND + SECOND / 4, "irq8=1 ");
	assert_int_equal(in(&f, C), 0x80 | PIE);
}

static void many_periods_missed_are_one(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, A, 0x23);
	out(&f, B, PIE | AIE | UIE | HOURS_24);
	out(&f, 1, 0xFF);
	out(&f, 3, 0xFF);
	out(&f, 5, 0xFF);
	assert_recorded(&f.log, "");
	pass(&f, 100 * 365 * UINT64_C(86400) * SECOND);
	cmos_tick(&f.cmos);
	assert_recorded(&f.log, "irq8=1 ");
	assert_int_equal(in(&f, C), 0xF0);
	assert_recorded(&f.log, "irq8=0 ");
	assert_int_equal(in(&f, C), 0x00);
	assert_in_range(cmos_next(&f.cmos) - f.elapsed, 1, 122071);
}

/* What a read of status C clears in the same breath in which it came is no edge. */
static void an_event_found_by_the_read_of_status_c_is_no_edge(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, B, UIE | HOURS_24);
	pass(&f, SECOND);
	assert_int_equal(in(&f, C), 0x90);
	assert_recorded(&f.log, "");
	pass(&f, SECOND);
	in(&f, A);
	assert_recorded(&f.log, "irq8=1 ");
	/* A new one while the old is not yet seen, too: one fall, and the next rise is a new edge.
	 */
	pass(&f, SECOND);
	assert_int_equal(in(&f, C), 0x90);
	assert_recorded(&f.log, "irq8=0 ");
}

static void the_alarm_comes_at_its_second(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, B, AIE | HOURS_24);
	assert_int_equal(cmos_next(&f.cmos), NEVER); /* no such time */
	out(&f, 5, 0x00);
	out(&f, 3, 0x00);
	out(&f, 1, 0x01);
	/* 23:59:58.25 now: 2.75 seconds to 00:00:01. */
	tick_at(&f, BOOT + 11 * SECOND / 4, "irq8=1 ");
	assert_int_equal(in(&f, C), 0x80 | AIE | UIE);
	assert_recorded(&f.log, "irq8=0 ");
	tick_at(&f, BOOT + 11 * SECOND / 4 + 86400 * SECOND, "irq8=1 ");
	in(&f, C);
	assert_recorded(&f.log, "irq8=0 ");
	/* Any hour. */
	out(&f, 5, 0xC0);
	tick_at(&f, f.elapsed + 3600 * SECOND, "irq8=1 ");
	in(&f, C);
	/* Any minute too; any second. */
	out(&f, 3, 0xFF);
	assert_recorded(&f.log, "irq8=0 ");
	tick_at(&f, f.elapsed + 60 * SECOND, "irq8=1 ");
	in(&f, C);
	out(&f, 1, 0xE5);
	assert_recorded(&f.log, "irq8=0 ");
	tick_at(&f, f.elapsed + SECOND, "irq8=1 ");
	/* Flagged where it is not enabled, too. */
	out(&f, B, HOURS_24);
	assert_recorded(&f.log, "irq8=0 ");
	in(&f, C);
	pass(&f, SECOND);
	assert_int_equal(in(&f, C), AIE | UIE);
}

static void the_alarm_is_read_in_the_clocks_mode(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* 1 PM, BCD, 12 hours: 13 hours and 1.75 seconds from now. */
	out(&f, 1, 0x00);
	out(&f, 3, 0x30);
	out(&f, 5, 0x81);
	out(&f, B, AIE);
	tick_at(&f, BOOT + (13 * 3600 + 1800 + 1) * SECOND + TO_UPDATE, "irq8=1 ");
	in(&f, C);
	assert_recorded(&f.log, "irq8=0 ");
	/* The same bytes mean nothing with 24 hours, and another minute in binary. */
	out(&f, B, AIE | HOURS_24);
	assert_int_equal(cmos_next(&f.cmos), NEVER);
	out(&f, B, AIE | BINARY);
	tick_at(&f, f.elapsed + 18 * 60 * SECOND, "irq8=1 ");
}

static void setting_the_clock_past_the_alarm_is_no_alarm(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, B, AIE | HOURS_24);
	out(&f, 1, 0x00);
	out(&f, 3, 0x00);
	out(&f, 5, 0x12);
	out(&f, 4, 0x11); /* 11:59:58 */
	assert_int_equal(cmos_next(&f.cmos), BOOT + TO_UPDATE + SECOND);
	out(&f, 4, 0x13);
	pass(&f, 3 * SECOND);
	cmos_tick(&f.cmos);
	assert_recorded(&f.log, "");
	/* Onto the alarm's second: it is not compared before the next update. */
	out(&f, B, SET | AIE | HOURS_24);
	out(&f, 4, 0x12);
	out(&f, 2, 0x00);
	out(&f, 0, 0x00);
	out(&f, B, AIE | HOURS_24);
	pass(&f, SECOND);
	cmos_tick(&f.cmos);
	assert_recorded(&f.log, "");
	assert_int_equal(in(&f, 0), 0x01);
}

/* A host that slept: its monotonic clock did not move, and the alarm's time is over. */
static void a_step_of_the_host_over_the_alarm_is_an_alarm(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, B, AIE | UIE | HOURS_24);
	out(&f, 1, 0x00);
	out(&f, 3, 0x30);
	out(&f, 5, 0x07);
	f.now.tv_sec -= 3 * 86400;
	cmos_tick(&f.cmos);
	assert_recorded(&f.log, "");
	f.now.tv_sec += 86400;
	cmos_tick(&f.cmos);
	assert_recorded(&f.log, "irq8=1 ");
	assert_int_equal(in(&f, C), 0x80 | AIE);
	assert_recorded(&f.log, "irq8=0 ");
	assert_int_equal(cmos_next(&f.cmos), BOOT + TO_UPDATE);
}

static void reset_takes_interrupts_away(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, B, PIE | AIE | UIE | HOURS_24);
	pass(&f, SECOND);
	cmos_tick(&f.cmos);
	assert_recorded(&f.log, "irq8=1 ");
	cmos_reset(&f.cmos);
	assert_recorded(&f.log, "irq8=0 ");
	assert_int_equal(cmos_next(&f.cmos), NEVER);
	/* What came before the reset does not show after it. */
	pass(&f, SECOND);
	cmos_reset(&f.cmos);
	assert_int_equal(in(&f, C), 0x00);
	assert_int_equal(in(&f, B), HOURS_24);
	assert_int_equal(in(&f, 0), 0x00);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(update_ended_interrupts_each_second),
		cmocka_unit_test(a_flag_that_waits_interrupts_once_it_is_enabled),
		cmocka_unit_test(every_rate_has_its_period),
		cmocka_unit_test(without_a_rate_or_with_the_divider_held_there_are_no_periods),
		cmocka_unit_test(set_holds_updates_and_alarms_but_not_periods),
		cmocka_unit_test(many_periods_missed_are_one),
		cmocka_unit_test(an_event_found_by_the_read_of_status_c_is_no_edge),
		cmocka_unit_test(the_alarm_comes_at_its_second),
		cmocka_unit_test(the_alarm_is_read_in_the_clocks_mode),
		cmocka_unit_test(setting_the_clock_past_the_alarm_is_no_alarm),
		cmocka_unit_test(a_step_of_the_host_over_the_alarm_is_an_alarm),
		cmocka_unit_test(reset_takes_interrupts_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
