// SPDX-License-Identifier: BSD-2-Clause
// The HPET through the bus on a virtual clock: counter, comparators, modes, lines, and when to
// tick. Not the I/O APIC or the 8259s behind its lines.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "devices/bus.h"
#include "devices/hpet.h"
#include "tests/devices/recorder.h"

#define NEVER UINT64_MAX
#define BOOT  UINT64_C(5000000003) /* between two ticks, counted from 0 */
#define BASE  UINT64_C(0xFED00000)
#define ONES  UINT64_MAX

enum { CAPABILITIES = 0x000, CONFIG = 0x010, STATUS = 0x020, COUNTER = 0x0F0 };
enum { ENABLE = 1, LEGACY = 2 };
enum { LEVEL = 0x2, INTERRUPTS = 0x4, PERIODIC = 0x8, SET_VALUE = 0x40, MODE_32 = 0x100 };
/* What each timer can: periodic, 64 bits. */
#define CAN             0x30u
#define ROUTES          (UINT64_C(0x00F00000) << 32)

#define ROUTE(line)     ((unsigned)(line) << 9)
#define T_CONFIG(n)     (0x100u + 0x20u * (n))
#define T_COMPARATOR(n) (0x108u + 0x20u * (n))

struct fixture {
	uint64_t now;
	struct recorder log;
	struct hpet hpet;
	struct bus_region table[1];
	struct bus bus;
};

static uint64_t tell_now(void *opaque)
{
	return ((const struct fixture *)opaque)->now;
}

static void note_legacy(void *opaque, bool on)
{
	recorder_note(&((struct fixture *)opaque)->log, "legacy=%d ", on);
}

static const struct hpet_ops ops = {.now = tell_now, .legacy = note_legacy};

static void set_up(struct fixture *f)
{
	static const unsigned numbers[HPET_LINES] = {0, 8, 20, 21, 22, 23};
	struct irq_line lines[HPET_LINES];
	struct bus_region region;

	memset(f, 0xA5, sizeof(*f));
	f->log.used = 0;
	f->log.text[0] = '\0';
	f->now = BOOT;
	for (unsigned i = 0; i < HPET_LINES; i++)
		lines[i] = recorder_irq(&f->log, numbers[i]);
	hpet_init(&f->hpet, &ops, f, lines);
	bus_init(&f->bus, "memory", BUS_LAST_MEMORY, f->table, 1);
	region = hpet_region(&f->hpet);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
}

static uint64_t in(const struct fixture *f, unsigned offset)
{
	return bus_read(&f->bus, BASE + offset, 8);
}

static void out(const struct fixture *f, unsigned offset, uint64_t value)
{
	bus_write(&f->bus, BASE + offset, 8, value);
}

static void out32(const struct fixture *f, unsigned offset, uint64_t value)
{
	bus_write(&f->bus, BASE + offset, 4, value);
}

/* Ticks of the main counter. */
static void pass(struct fixture *f, uint64_t ticks)
{
	f->now += 10 * ticks;
}

/* That many ticks from now, to the nanosecond, what is expected happens, once. */
static void tick_in(struct fixture *f, uint64_t ticks, const char *expected)
{
	uint64_t when = f->now + 10 * ticks;

	assert_int_equal(hpet_next(&f->hpet), when);
	f->now = when - 1;
	hpet_tick(&f->hpet);
	assert_recorded(&f->log, "");
	assert_int_equal(hpet_next(&f->hpet), when);
	f->now = when;
	hpet_tick(&f->hpet);
	assert_recorded(&f->log, expected);
	hpet_tick(&f->hpet);
	assert_recorded(&f->log, "");
}

static void power_on(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(in(&f, CAPABILITIES), UINT64_C(0x009896808086A201));
	assert_int_equal(in(&f, CONFIG), 0);
	assert_int_equal(in(&f, STATUS), 0);
	assert_int_equal(in(&f, COUNTER), 0);
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(in(&f, T_CONFIG(n)), ROUTES | CAN);
		assert_int_equal(in(&f, T_COMPARATOR(n)), ONES);
		assert_int_equal(in(&f, T_CONFIG(n) + 0x10), 0);
		assert_int_equal(in(&f, T_CONFIG(n) + 0x18), 0);
	}
	pass(&f, 1000);
	assert_int_equal(in(&f, COUNTER), 0);
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	assert_recorded(&f.log, "");
}

static void what_is_not_there_reads_as_zero_and_takes_nothing(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned offset = 0; offset < 0x400; offset += 8) {
		bool there = offset == CONFIG || offset == COUNTER ||
			     (offset >= 0x100 && offset < 0x160 && offset % 0x20 < 0x10);
		uint64_t before = in(&f, offset);

		if (there)
			continue;
		out(&f, offset, ONES);
		assert_int_equal(in(&f, offset), before);
		assert_true(before == 0 || offset == CAPABILITIES);
	}
	assert_int_equal(bus_read(&f.bus, BASE + 0x400, 8), ONES);
	out(&f, CONFIG, ~UINT64_C(3));
	assert_int_equal(in(&f, CONFIG), 0);
	for (unsigned n = 0; n < 3; n++) {
		out(&f, T_CONFIG(n), ONES);
		/* Route 31 is none of its; nothing to set while not periodic, but it is. */
		assert_int_equal(in(&f, T_CONFIG(n)), ROUTES | CAN | LEVEL | INTERRUPTS | PERIODIC |
							      SET_VALUE | MODE_32);
		out(&f, T_CONFIG(n), ONES & ~(uint64_t)PERIODIC);
		assert_int_equal(in(&f, T_CONFIG(n)), ROUTES | CAN | LEVEL | INTERRUPTS | MODE_32);
		out(&f, T_CONFIG(n), 0);
		assert_int_equal(in(&f, T_CONFIG(n)), ROUTES | CAN);
	}
	assert_recorded(&f.log, "");
}

static void the_counter_counts_100_mhz_while_enabled(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, CONFIG, ENABLE);
	f.now += 9;
	assert_int_equal(in(&f, COUNTER), 0);
	f.now += 1;
	assert_int_equal(in(&f, COUNTER), 1);
	f.now += 3600 * UINT64_C(1000000000);
	assert_int_equal(in(&f, COUNTER), UINT64_C(360000000001));
	assert_int_equal(bus_read(&f.bus, BASE + COUNTER, 4), UINT64_C(360000000001) & UINT32_MAX);
	assert_int_equal(bus_read(&f.bus, BASE + COUNTER + 4, 4), UINT64_C(360000000001) >> 32);
	out(&f, CONFIG, 0);
	pass(&f, 12345);
	assert_int_equal(in(&f, COUNTER), UINT64_C(360000000001));
	out(&f, CONFIG, ENABLE);
	assert_int_equal(in(&f, COUNTER), UINT64_C(360000000001));
	out(&f, CONFIG, ENABLE); /* nothing changes */
	pass(&f, 4);
	assert_int_equal(in(&f, COUNTER), UINT64_C(360000000005));
	/* Written, halves too, halted or not. */
	out(&f, COUNTER, UINT64_C(0xFFFFFFFFFFFFFFFF));
	pass(&f, 2);
	assert_int_equal(in(&f, COUNTER), 1);
	out32(&f, COUNTER + 4, 0x12345678);
	assert_int_equal(in(&f, COUNTER), UINT64_C(0x1234567800000001));
	out(&f, CONFIG, 0);
	out32(&f, COUNTER, 0x9ABCDEF0);
	pass(&f, 5);
	assert_int_equal(in(&f, COUNTER), UINT64_C(0x123456789ABCDEF0));
}

static void widths_and_alignment(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, COUNTER, UINT64_C(0x1122334455667788));
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(bus_read(&f.bus, BASE + COUNTER + i, 1), 0x88 - 0x11 * i);
	assert_int_equal(bus_read(&f.bus, BASE + COUNTER + 2, 4), 0x33445566);
	assert_int_equal(bus_read(&f.bus, BASE + COUNTER + 6, 2), 0x1122);
	assert_int_equal(bus_read(&f.bus, BASE + COUNTER + 5, 4), 0xFFFFFFFF);
	assert_int_equal(bus_read(&f.bus, BASE + COUNTER - 4, 8), ONES);
	bus_write(&f.bus, BASE + COUNTER, 1, 0);
	bus_write(&f.bus, BASE + COUNTER, 2, 0);
	bus_write(&f.bus, BASE + COUNTER + 2, 4, 0);
	bus_write(&f.bus, BASE + COUNTER + 4, 8, 0);
	bus_write(&f.bus, BASE + COUNTER - 4, 8, 0);
	assert_int_equal(in(&f, COUNTER), UINT64_C(0x1122334455667788));
	/* A write to the high half of a register is not one to its low half. */
	out(&f, T_CONFIG(0), INTERRUPTS);
	out32(&f, T_CONFIG(0) + 4, LEVEL);
	out32(&f, CONFIG + 4, ENABLE);
	assert_int_equal(in(&f, T_CONFIG(0)), ROUTES | CAN | INTERRUPTS);
	assert_int_equal(in(&f, CONFIG), 0);
	out(&f, T_COMPARATOR(2), 0);
	out32(&f, T_COMPARATOR(2) + 4, 0xABCD);
	assert_int_equal(in(&f, T_COMPARATOR(2)), UINT64_C(0xABCD00000000));
}

static void one_shot_by_edge(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		set_up(&f);
		out(&f, T_CONFIG(n), INTERRUPTS | ROUTE(21));
		out(&f, T_COMPARATOR(n), 1000);
		assert_int_equal(hpet_next(&f.hpet), NEVER);
		out(&f, CONFIG, ENABLE);
		tick_in(&f, 1000, "irq21=1 irq21=0 ");
		assert_int_equal(in(&f, STATUS), 0);
		assert_int_equal(in(&f, T_COMPARATOR(n)), 1000);
		assert_int_equal(hpet_next(&f.hpet), NEVER);
		pass(&f, UINT64_C(1) << 33);
		hpet_tick(&f.hpet);
		assert_recorded(&f.log, "");
		/* Again, as a kernel's event device does. */
		out(&f, T_COMPARATOR(n), in(&f, COUNTER) + 7);
		tick_in(&f, 7, "irq21=1 irq21=0 ");
		/* Late, behind: this match is gone. At once: it is now. */
		out(&f, T_COMPARATOR(n), in(&f, COUNTER) - 1);
		assert_int_equal(hpet_next(&f.hpet), NEVER);
		out(&f, T_COMPARATOR(n), in(&f, COUNTER));
		assert_recorded(&f.log, "irq21=1 irq21=0 ");
		assert_int_equal(hpet_next(&f.hpet), NEVER);
		/* Any access finds what is due, without a tick. */
		out(&f, T_COMPARATOR(n), in(&f, COUNTER) + 7);
		pass(&f, 9);
		in(&f, STATUS);
		assert_recorded(&f.log, "irq21=1 irq21=0 ");
	}
}

static void level_stays_until_its_status_is_cleared(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		set_up(&f);
		out(&f, CONFIG, ENABLE);
		out(&f, T_CONFIG(n), LEVEL | INTERRUPTS | ROUTE(23));
		out(&f, T_COMPARATOR(n), 50);
		tick_in(&f, 50, "irq23=1 ");
		assert_int_equal(in(&f, STATUS), 1u << n);
		out(&f, STATUS, ~(1u << n));
		out32(&f, STATUS + 4, ONES);
		assert_int_equal(in(&f, STATUS), 1u << n);
		out(&f, T_CONFIG(n), LEVEL | ROUTE(23));
		assert_recorded(&f.log, "irq23=0 ");
		out(&f, T_CONFIG(n), LEVEL | INTERRUPTS | ROUTE(20));
		assert_recorded(&f.log, "irq20=1 ");
		out(&f, CONFIG, 0);
		assert_recorded(&f.log, "irq20=0 ");
		assert_int_equal(in(&f, STATUS), 1u << n);
		out(&f, CONFIG, ENABLE);
		assert_recorded(&f.log, "irq20=1 ");
		out(&f, STATUS, ONES);
		assert_recorded(&f.log, "irq20=0 ");
		assert_int_equal(in(&f, STATUS), 0);
		/* Status without an interrupt. */
		out(&f, T_CONFIG(n), LEVEL | ROUTE(20));
		out(&f, T_COMPARATOR(n), in(&f, COUNTER) + 50);
		assert_int_equal(hpet_next(&f.hpet), NEVER);
		pass(&f, 50);
		assert_int_equal(in(&f, STATUS), 1u << n);
		assert_recorded(&f.log, "");
		/* An edge timer has none. */
		out(&f, T_CONFIG(n), INTERRUPTS | ROUTE(20));
		assert_int_equal(in(&f, STATUS), 0);
		out(&f, T_CONFIG(n), LEVEL | INTERRUPTS | ROUTE(20));
		assert_recorded(&f.log, "");
		/* A match that is found by the write that clears it leaves the line alone. */
		out(&f, T_COMPARATOR(n), in(&f, COUNTER) + 50);
		pass(&f, 50);
		out(&f, STATUS, 1u << n);
		assert_recorded(&f.log, "");
	}
}

static void timers_share_a_line(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, CONFIG, ENABLE);
	out(&f, T_CONFIG(0), LEVEL | INTERRUPTS | ROUTE(22));
	out(&f, T_CONFIG(1), LEVEL | INTERRUPTS | ROUTE(22));
	out(&f, T_CONFIG(2), INTERRUPTS | ROUTE(22));
	out(&f, T_COMPARATOR(0), 100);
	out(&f, T_COMPARATOR(1), 200);
	out(&f, T_COMPARATOR(2), 250);
	tick_in(&f, 100, "irq22=1 ");
	tick_in(&f, 100, "");
	tick_in(&f, 50, ""); /* an edge on a line that is high */
	out(&f, STATUS, 1);
	assert_recorded(&f.log, "");
	out(&f, STATUS, 2);
	assert_recorded(&f.log, "irq22=0 ");
	out(&f, T_COMPARATOR(2), 300);
	tick_in(&f, 50, "irq22=1 irq22=0 ");
	/* Two edges at once, on two lines and on one. */
	out(&f, T_CONFIG(0), INTERRUPTS | ROUTE(23));
	out(&f, T_COMPARATOR(0), 400);
	out(&f, T_COMPARATOR(2), 400);
	tick_in(&f, 100, "irq22=1 irq22=0 irq23=1 irq23=0 ");
	out(&f, T_CONFIG(0), INTERRUPTS | ROUTE(22));
	out(&f, T_COMPARATOR(0), 500);
	out(&f, T_COMPARATOR(2), 500);
	tick_in(&f, 100, "irq22=1 irq22=0 ");
}

static void only_its_lines_can_be_routed_to(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, CONFIG, ENABLE);
	/* Not routed anywhere yet. */
	out(&f, T_CONFIG(0), INTERRUPTS);
	out(&f, T_COMPARATOR(0), 10);
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	pass(&f, 10);
	hpet_tick(&f.hpet);
	assert_recorded(&f.log, "");
	for (unsigned line = 0; line < 32; line++) {
		bool there = line >= 20 && line <= 23;

		out(&f, T_CONFIG(0), INTERRUPTS | ROUTE(21));
		out(&f, T_CONFIG(0), INTERRUPTS | ROUTE(line));
		assert_int_equal(in(&f, T_CONFIG(0)),
				 ROUTES | CAN | INTERRUPTS | ROUTE(there ? line : 21));
	}
	for (unsigned line = 20; line < 24; line++) {
		char expected[40];

		snprintf(expected, sizeof(expected), "irq%u=1 irq%u=0 ", line, line);
		out(&f, T_CONFIG(2), INTERRUPTS | ROUTE(line));
		out(&f, T_COMPARATOR(2), in(&f, COUNTER) + 10);
		tick_in(&f, 10, expected);
	}
}

static void periodic_as_the_specification_sets_it_up(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* Halted, counter 0, one write with the value's bit set: period and first match alike. */
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
	assert_int_equal(in(&f, T_CONFIG(0)) & SET_VALUE, SET_VALUE);
	out(&f, T_COMPARATOR(0), 123456);
	assert_int_equal(in(&f, T_CONFIG(0)) & SET_VALUE, 0);
	out(&f, CONFIG, ENABLE);
	for (unsigned n = 1; n < 6; n++) {
		assert_int_equal(in(&f, T_COMPARATOR(0)), n * 123456);
		tick_in(&f, 123456, "irq20=1 irq20=0 ");
		assert_int_equal(in(&f, COUNTER), n * 123456);
	}
}

static void periodic_as_kernels_set_it_up(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, CONFIG, ENABLE);
	pass(&f, 777);
	out32(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | MODE_32 | ROUTE(20));
	out32(&f, T_COMPARATOR(0), 777 + 50000); /* the first match */
	out32(&f, T_COMPARATOR(0), 20000);       /* the period from there on */
	assert_int_equal(in(&f, T_COMPARATOR(0)), 50777);
	tick_in(&f, 50000, "irq20=1 irq20=0 ");
	tick_in(&f, 20000, "irq20=1 irq20=0 ");
	/* A new period is good from the next match on. */
	pass(&f, 5000);
	out32(&f, T_COMPARATOR(0), 30000);
	assert_int_equal(in(&f, T_COMPARATOR(0)), 90777);
	tick_in(&f, 15000, "irq20=1 irq20=0 ");
	tick_in(&f, 30000, "irq20=1 irq20=0 ");
}

static void periodic_in_64_bits_by_halves(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* The bit is good for one write: "Set ... again" before the other half. */
	out32(&f, T_CONFIG(1), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
	out32(&f, T_COMPARATOR(1), 5);
	assert_int_equal(in(&f, T_COMPARATOR(1)), UINT64_C(0xFFFFFFFF00000005));
	out32(&f, T_CONFIG(1), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
	out32(&f, T_COMPARATOR(1) + 4, 1);
	assert_int_equal(in(&f, T_COMPARATOR(1)), UINT64_C(0x100000005));
	out(&f, CONFIG, ENABLE);
	tick_in(&f, UINT64_C(0x100000005), "irq20=1 irq20=0 ");
	tick_in(&f, UINT64_C(0x100000005), "irq20=1 irq20=0 ");
	/* Only the period's half without it. */
	out32(&f, T_COMPARATOR(1) + 4, 0);
	out32(&f, T_COMPARATOR(1), 40000);
	tick_in(&f, UINT64_C(0x100000005), "irq20=1 irq20=0 ");
	tick_in(&f, 40000, "irq20=1 irq20=0 ");
}

static void periodic_by_level_waits_for_its_status(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		set_up(&f);
		out(&f, T_CONFIG(n), PERIODIC | LEVEL | INTERRUPTS | SET_VALUE | ROUTE(20));
		out(&f, T_COMPARATOR(n), 20000);
		out(&f, CONFIG, ENABLE);
		tick_in(&f, 20000, "irq20=1 ");
		assert_int_equal(hpet_next(&f.hpet), NEVER);
		pass(&f, 50000);
		out(&f, STATUS, 1u << n);
		assert_recorded(&f.log, "irq20=0 ");
		/* In step: at 80000. */
		assert_int_equal(in(&f, T_COMPARATOR(n)), 80000);
		tick_in(&f, 10000, "irq20=1 ");
	}
}

static void one_shot_and_periodic_are_changed_into_each_other(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, CONFIG, ENABLE);
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
	out(&f, T_COMPARATOR(0), 20000);
	tick_in(&f, 20000, "irq20=1 irq20=0 ");
	/* The next match is as it was, and the last. */
	out(&f, T_CONFIG(0), INTERRUPTS | ROUTE(20));
	tick_in(&f, 20000, "irq20=1 irq20=0 ");
	assert_int_equal(in(&f, T_COMPARATOR(0)), 40000);
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	/* A deadline is no period: the old one is. */
	out(&f, T_COMPARATOR(0), 70000);
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | ROUTE(20));
	tick_in(&f, 30000, "irq20=1 irq20=0 ");
	tick_in(&f, 20000, "irq20=1 irq20=0 ");
	/* A bit that was set and not used is gone with the mode. */
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | ROUTE(20));
	out(&f, T_COMPARATOR(0), 30000);
	tick_in(&f, 20000, "irq20=1 irq20=0 ");
	tick_in(&f, 30000, "irq20=1 irq20=0 ");
}

static void without_its_enable_bit_a_timer_counts_in_silence(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, CONFIG, ENABLE);
	out(&f, T_CONFIG(0), PERIODIC | SET_VALUE | ROUTE(20));
	out(&f, T_COMPARATOR(0), 20000);
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	pass(&f, 50000);
	hpet_tick(&f.hpet);
	assert_recorded(&f.log, "");
	assert_int_equal(in(&f, T_COMPARATOR(0)), 60000);
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | ROUTE(20));
	tick_in(&f, 10000, "irq20=1 irq20=0 ");
}

static void a_written_counter_moves_all_matches(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		set_up(&f);
		out(&f, CONFIG, ENABLE);
		out(&f, T_CONFIG(n), INTERRUPTS | ROUTE(20));
		out(&f, T_COMPARATOR(n), 50000);
		out(&f, COUNTER, 45000);
		tick_in(&f, 5000, "irq20=1 irq20=0 ");
		out(&f, COUNTER, 30000);
		tick_in(&f, 20000, "irq20=1 irq20=0 ");
		/* However long it has counted. */
		pass(&f, 1);
		out(&f, T_CONFIG(n), INTERRUPTS | MODE_32 | ROUTE(20));
		out(&f, T_COMPARATOR(n), 60000);
		pass(&f, UINT64_C(10) << 32);
		hpet_tick(&f.hpet);
		assert_recorded(&f.log, "irq20=1 irq20=0 ");
		out(&f, COUNTER, 59000);
		tick_in(&f, 1000, "irq20=1 irq20=0 ");
		/* The same configuration once more, on the tick of a match, is no match. */
		out(&f, T_CONFIG(n), INTERRUPTS | MODE_32 | ROUTE(20));
		assert_recorded(&f.log, "");
	}
}

static void many_periods_missed_are_one(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
	out(&f, T_COMPARATOR(0), 10007);
	out(&f, T_CONFIG(1), PERIODIC | INTERRUPTS | SET_VALUE | MODE_32 | ROUTE(21));
	out(&f, T_COMPARATOR(1), 10007);
	out(&f, T_CONFIG(2), INTERRUPTS | MODE_32 | ROUTE(22));
	out(&f, T_COMPARATOR(2), 10);
	out(&f, CONFIG, ENABLE);
	pass(&f, UINT64_C(10007) * 1000000000 + 1);
	hpet_tick(&f.hpet);
	assert_recorded(&f.log, "irq20=1 irq20=0 irq21=1 irq21=0 irq22=1 irq22=0 ");
	assert_int_equal(in(&f, T_COMPARATOR(0)), UINT64_C(10007) * 1000000001);
	assert_int_equal(in(&f, T_COMPARATOR(1)), UINT64_C(10007) * 1000000001 & UINT32_MAX);
	tick_in(&f, 10006, "irq20=1 irq20=0 irq21=1 irq21=0 ");
}

static void short_periods_are_followed_at_a_multiple(void **state)
{
	static const struct {
		uint64_t period, stride;
	} rows[] = {{1, 10000},     {2, 10000},     {3, 10002},    {9999, 19998},
		    {10000, 10000}, {10001, 10001}, {5000, 10000}, {4999, 14997}};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(&f);
		out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
		out(&f, T_COMPARATOR(0), rows[i].period);
		out(&f, CONFIG, ENABLE);
		tick_in(&f, rows[i].period, "irq20=1 irq20=0 ");
		for (unsigned n = 0; n < 3; n++)
			tick_in(&f, rows[i].stride, "irq20=1 irq20=0 ");
		assert_int_equal(in(&f, T_COMPARATOR(0)), rows[i].period + 4 * rows[i].stride);
	}
}

static void periods_at_the_ends_of_the_numbers(void **state)
{
	struct fixture f;

	(void)state;
	/* Period 0 and a comparator's match: as one-shot. */
	set_up(&f);
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
	out(&f, T_COMPARATOR(0), 500);
	out(&f, T_COMPARATOR(0), 0);
	out(&f, CONFIG, ENABLE);
	tick_in(&f, 500, "irq20=1 irq20=0 ");
	assert_int_equal(in(&f, T_COMPARATOR(0)), 500);
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	/* The longest: the next match is one tick before, when the counter has gone around. */
	set_up(&f);
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
	out(&f, T_COMPARATOR(0), 500);
	out(&f, T_COMPARATOR(0), ONES);
	out(&f, CONFIG, ENABLE);
	tick_in(&f, 500, "irq20=1 irq20=0 ");
	assert_int_equal(in(&f, T_COMPARATOR(0)), 499);
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	/* What the clock will never reach is no time to be ticked at. */
	set_up(&f);
	out(&f, T_CONFIG(0), INTERRUPTS | ROUTE(20));
	out(&f, T_COMPARATOR(0), NEVER / 10);
	out(&f, CONFIG, ENABLE);
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	out(&f, T_COMPARATOR(0), NEVER / 10 - BOOT / 10 - 1);
	assert_true(hpet_next(&f.hpet) > NEVER - 20 && hpet_next(&f.hpet) != NEVER);
	/* Around the end of the counter's 64 bits. */
	out(&f, COUNTER, ONES - 9);
	out(&f, T_COMPARATOR(0), 5);
	tick_in(&f, 15, "irq20=1 irq20=0 ");
}

static void in_32_bits_the_match_comes_each_time_around(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, COUNTER, UINT64_C(0x12FFFFFF00));
	out(&f, T_COMPARATOR(0), UINT64_C(0xAAAAAAAA00000100));
	out(&f, T_CONFIG(0), INTERRUPTS | MODE_32 | ROUTE(20));
	assert_int_equal(in(&f, T_COMPARATOR(0)), 0x100);
	out(&f, CONFIG, ENABLE);
	tick_in(&f, 0x200, "irq20=1 irq20=0 ");
	assert_int_equal(in(&f, COUNTER), UINT64_C(0x1300000100));
	tick_in(&f, UINT64_C(1) << 32, "irq20=1 irq20=0 ");
	/* The high half is not there. */
	out32(&f, T_COMPARATOR(0) + 4, 1);
	out(&f, T_COMPARATOR(0), UINT64_C(0xAAAAAAAA00000200));
	assert_int_equal(in(&f, T_COMPARATOR(0)), 0x200);
	tick_in(&f, 0x100, "irq20=1 irq20=0 ");
	/* Back in 64 bits this is long over; the counter never was of 32. */
	out(&f, T_CONFIG(0), INTERRUPTS | ROUTE(20));
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	pass(&f, 1);
	/* A period crosses the border; a write to the half that is not there takes no bit. */
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | MODE_32 | ROUTE(20));
	out32(&f, T_COMPARATOR(0) + 4, 7);
	assert_int_equal(in(&f, T_CONFIG(0)) & SET_VALUE, SET_VALUE);
	out(&f, COUNTER, UINT64_C(0x12FFFF0000));
	out(&f, T_COMPARATOR(0), 0xFFFF8000);
	out(&f, T_COMPARATOR(0), 0x10000);
	tick_in(&f, 0x8000, "irq20=1 irq20=0 ");
	assert_int_equal(in(&f, T_COMPARATOR(0)), 0x8000);
	tick_in(&f, 0x10000, "irq20=1 irq20=0 ");
	/* A period of 64 bits loses its high half. */
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | ROUTE(20));
	out(&f, T_COMPARATOR(0), UINT64_C(0x300020000));
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | MODE_32 | ROUTE(20));
	tick_in(&f, 0x10000, "irq20=1 irq20=0 ");
	tick_in(&f, 0x20000, "irq20=1 irq20=0 ");
}

static void a_halted_counter_holds_all(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, T_CONFIG(0), PERIODIC | INTERRUPTS | SET_VALUE | ROUTE(20));
	out(&f, T_COMPARATOR(0), 20000);
	out(&f, CONFIG, ENABLE);
	pass(&f, 15000);
	out(&f, CONFIG, 0);
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	pass(&f, 1000000);
	hpet_tick(&f.hpet);
	assert_recorded(&f.log, "");
	out(&f, CONFIG, ENABLE);
	tick_in(&f, 5000, "irq20=1 irq20=0 ");
	out(&f, T_CONFIG(1), INTERRUPTS | ROUTE(21));
	out(&f, T_CONFIG(2), INTERRUPTS | ROUTE(22));
	out(&f, T_COMPARATOR(1), 22000);
	out(&f, T_COMPARATOR(2), 23000);
	pass(&f, 1000);
	out(&f, CONFIG, 0);
	pass(&f, 7);
	out(&f, CONFIG, ENABLE);
	tick_in(&f, 1000, "irq21=1 irq21=0 ");
	/* On the very tick of a match: it is not made twice. */
	out(&f, CONFIG, 0);
	out(&f, CONFIG, ENABLE);
	assert_recorded(&f.log, "");
	tick_in(&f, 1000, "irq22=1 irq22=0 ");
	/* What is due when it halts has come. */
	pass(&f, 20000);
	out(&f, CONFIG, 0);
	assert_recorded(&f.log, "irq20=1 irq20=0 ");
	assert_int_equal(in(&f, T_COMPARATOR(0)), 60000);
}

static void legacy_replacement_takes_irq_0_and_8(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, T_CONFIG(0), INTERRUPTS | ROUTE(20));
	out(&f, T_CONFIG(1), LEVEL | INTERRUPTS);
	out(&f, T_CONFIG(2), INTERRUPTS | ROUTE(22));
	out(&f, CONFIG, LEGACY);
	assert_recorded(&f.log, ""); /* only with ENABLE */
	out(&f, CONFIG, LEGACY | ENABLE);
	assert_recorded(&f.log, "legacy=1 ");
	assert_int_equal(in(&f, CONFIG), 3);
	for (unsigned n = 0; n < 3; n++)
		out(&f, T_COMPARATOR(n), 100 * (n + 1));
	tick_in(&f, 100, "irq0=1 irq0=0 ");
	tick_in(&f, 100, "irq8=1 ");
	tick_in(&f, 100, "irq22=1 irq22=0 ");
	/* Off again: its line is low when the owner hears of it. */
	out(&f, CONFIG, ENABLE);
	assert_recorded(&f.log, "irq8=0 legacy=0 ");
	/* Status still asks, and gets IRQ 8 when the owner has made room. */
	out(&f, CONFIG, LEGACY | ENABLE);
	assert_recorded(&f.log, "legacy=1 irq8=1 ");
	out(&f, CONFIG, LEGACY);
	assert_recorded(&f.log, "irq8=0 legacy=0 ");
	out(&f, CONFIG, 0);
	out(&f, T_CONFIG(1), LEVEL | INTERRUPTS | ROUTE(23));
	out(&f, CONFIG, ENABLE);
	assert_recorded(&f.log, "irq23=1 ");
	out(&f, CONFIG, LEGACY | ENABLE);
	/* From one line to the other. */
	assert_recorded(&f.log, "legacy=1 irq8=1 irq23=0 ");
}

static void reset_is_power_on(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, T_CONFIG(0), LEVEL | INTERRUPTS | ROUTE(20));
	out(&f, T_CONFIG(1), LEVEL | INTERRUPTS | PERIODIC | MODE_32);
	out(&f, T_COMPARATOR(0), 0);
	out(&f, T_COMPARATOR(1), 7);
	out(&f, CONFIG, LEGACY | ENABLE);
	assert_recorded(&f.log, "legacy=1 irq0=1 ");
	pass(&f, 5);
	hpet_reset(&f.hpet);
	assert_recorded(&f.log, "irq0=0 legacy=0 ");
	pass(&f, 5);
	for (unsigned offset = 0; offset < 0x400; offset += 8) {
		struct fixture fresh;

		set_up(&fresh);
		assert_int_equal(in(&f, offset), in(&fresh, offset));
	}
	assert_int_equal(hpet_next(&f.hpet), NEVER);
	out(&f, T_CONFIG(0), LEVEL | INTERRUPTS | ROUTE(20));
	out(&f, T_COMPARATOR(0), 0);
	out(&f, CONFIG, ENABLE);
	assert_recorded(&f.log, "irq20=1 ");
	hpet_reset(&f.hpet);
	assert_recorded(&f.log, "irq20=0 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_on),
		cmocka_unit_test(what_is_not_there_reads_as_zero_and_takes_nothing),
		cmocka_unit_test(the_counter_counts_100_mhz_while_enabled),
		cmocka_unit_test(widths_and_alignment),
		cmocka_unit_test(one_shot_by_edge),
		cmocka_unit_test(level_stays_until_its_status_is_cleared),
		cmocka_unit_test(timers_share_a_line),
		cmocka_unit_test(only_its_lines_can_be_routed_to),
		cmocka_unit_test(periodic_as_the_specification_sets_it_up),
		cmocka_unit_test(periodic_as_kernels_set_it_up),
		cmocka_unit_test(periodic_in_64_bits_by_halves),
		cmocka_unit_test(periodic_by_level_waits_for_its_status),
		cmocka_unit_test(one_shot_and_periodic_are_changed_into_each_other),
		cmocka_unit_test(without_its_enable_bit_a_timer_counts_in_silence),
		cmocka_unit_test(a_written_counter_moves_all_matches),
		cmocka_unit_test(many_periods_missed_are_one),
		cmocka_unit_test(short_periods_are_followed_at_a_multiple),
		cmocka_unit_test(periods_at_the_ends_of_the_numbers),
		cmocka_unit_test(in_32_bits_the_match_comes_each_time_around),
		cmocka_unit_test(a_halted_counter_holds_all),
		cmocka_unit_test(legacy_replacement_takes_irq_0_and_8),
		cmocka_unit_test(reset_is_power_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
