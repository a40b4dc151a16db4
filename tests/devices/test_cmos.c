// SPDX-License-Identifier: BSD-2-Clause
// The CMOS and its clock through ports 70h and 71h, on a clock that moves only when told to.
// Not the calendar (tests/devices/test_cmos_time.c), nor interrupts (test_cmos_interrupts.c).
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "devices/bus.h"
#include "devices/cmos.h"

enum { A = 0x0A, B = 0x0B, C = 0x0C, D = 0x0D };
enum { SET = 0x80, UIE = 0x10, BINARY = 0x04, HOURS_24 = 0x02 };

struct fixture {
	struct timespec now;
	uint64_t elapsed;
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

/* Friday, 29 December 2023, 23:59:58.25 */
#define START   1703894398
#define QUARTER 250000000

static void set_up_machine(struct fixture *f, const struct cmos_machine *machine)
{
	struct bus_region region;

	memset(f, 0xA5, sizeof(*f));
	f->now = (struct timespec){.tv_sec = START, .tv_nsec = QUARTER};
	f->elapsed = 123456789;
	cmos_init(&f->cmos, &ops, f, (struct irq_line){0}, machine);
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 1);
	region = cmos_region(&f->cmos);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
}

static void set_up(struct fixture *f)
{
	set_up_machine(f, &(struct cmos_machine){.ram_below_4g = 64 << 20, .cpus = 2});
}

static void pass(struct fixture *f, unsigned seconds)
{
	f->now.tv_sec += seconds;
	f->elapsed += seconds * UINT64_C(1000000000);
}

/* Lets time pass until the time of day is ns into a second. */
static void pass_to(struct fixture *f, long ns)
{
	if (ns < f->now.tv_nsec) {
		f->elapsed += 1000000000;
		f->now.tv_sec++;
	}
	f->elapsed += (uint64_t)(ns - f->now.tv_nsec);
	f->now.tv_nsec = ns;
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

/* Century, year, month, day, hour, minute, second as hexadecimal digits. */
static uint64_t date_and_time(struct fixture *f)
{
	static const uint8_t order[] = {0x32, 9, 8, 7, 4, 2, 0};
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(order); i++)
		value = value << 8 | in(f, order[i]);
	return value;
}

static void write_date_and_time(struct fixture *f, uint64_t value)
{
	static const uint8_t order[] = {0, 2, 4, 7, 8, 9, 0x32};

	for (size_t i = 0; i < sizeof(order); i++, value >>= 8)
		out(f, order[i], value & 0xFF);
}

static void index_and_nmi_mask(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_false(f.cmos.nmi_masked);
	in(&f, 0x7F);
	assert_false(f.cmos.nmi_masked);
	out(&f, 0x40, 0x12);
	out(&f, 0xC1, 0x34);
	assert_true(f.cmos.nmi_masked);
	assert_int_equal(in(&f, 0xC0), 0x12);
	assert_true(f.cmos.nmi_masked);
	assert_int_equal(in(&f, 0x41), 0x34);
	assert_false(f.cmos.nmi_masked);
	/* The index cannot be read; index and data go in one write. */
	assert_int_equal(bus_read(&f.bus, 0x70, 1), 0xFF);
	bus_write(&f.bus, 0x70, 2, 0x5642);
	assert_int_equal(bus_read(&f.bus, 0x70, 2), 0x56FF);
	assert_int_equal(bus_read(&f.bus, 0x71, 4), 0xFFFFFF56);
}

static void memory_keeps_what_is_written(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned reg = 0x0E; reg < 0x80; reg++)
		if (reg != 0x32)
			out(&f, reg, reg ^ 0xA5);
	out(&f, 1, 0x11); /* the alarm's three */
	out(&f, 3, 0x33);
	out(&f, 5, 0x55);
	pass(&f, 1000);
	for (unsigned reg = 0x0E; reg < 0x80; reg++)
		if (reg != 0x32)
			assert_int_equal(in(&f, reg), reg ^ 0xA5);
	assert_int_equal(in(&f, 1), 0x11);
	assert_int_equal(in(&f, 3), 0x33);
	assert_int_equal(in(&f, 5), 0x55);
}

static unsigned word(struct fixture *f, unsigned reg)
{
	return in(f, reg) | in(f, reg + 1) << 8;
}

static void memory_sizes_and_cpus_are_noted(void **state)
{
	static const struct {
		struct cmos_machine machine;
		unsigned base, extended, above_16m, above_4g, cpus;
	} rows[] = {
		{{1 << 20, 0, 1}, 640, 0, 0, 0, 0},
		{{512 << 10, 0, 1}, 512, 0, 0, 0, 0},
		{{2 << 20, 0, 2}, 640, 1024, 0, 0, 1},
		{{16 << 20, 0, 64}, 640, 15360, 0, 0, 63},
		{{(16 << 20) + 0x1FFFF, 0, 256}, 640, 15487, 1, 0, 255},
		{{64 << 20, 0, 257}, 640, 64512, 768, 0, 255},
		{{128 << 20, 0, 100000}, 640, 65535, 1792, 0, 255},
		{{3ull << 30, 1ull << 30, 8}, 640, 65535, 0xBF00, 0x4000, 7},
		{{UINT64_MAX, 1ull << 40, 8}, 640, 65535, 0xFFFF, 0xFFFFFF, 7},
		{{3ull << 30, UINT64_MAX, 8}, 640, 65535, 0xBF00, 0xFFFFFF, 7},
		{{3ull << 30, (1ull << 40) - (1 << 16), 8}, 640, 65535, 0xBF00, 0xFFFFFF, 7},
		{{0, 0, 1}, 0, 0, 0, 0, 0},
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up_machine(&f, &rows[i].machine);
		assert_int_equal(word(&f, 0x15), rows[i].base);
		assert_int_equal(word(&f, 0x17), rows[i].extended);
		assert_int_equal(word(&f, 0x30), rows[i].extended);
		assert_int_equal(word(&f, 0x34), rows[i].above_16m);
		assert_int_equal(word(&f, 0x5B) | in(&f, 0x5D) << 16, rows[i].above_4g);
		assert_int_equal(in(&f, 0x5E), 0);
		assert_int_equal(in(&f, 0x5F), rows[i].cpus);
	}
}

static void the_clock_starts_set_and_runs(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(in(&f, A), 0x26);
	assert_int_equal(in(&f, B), 0x02);
	assert_int_equal(in(&f, C), 0x00);
	assert_int_equal(in(&f, D), 0x80);
	assert_int_equal(date_and_time(&f), 0x20231229235958);
	assert_int_equal(in(&f, 6), 6); /* Friday */
	pass(&f, 2);
	assert_int_equal(date_and_time(&f), 0x20231230000000);
	assert_int_equal(in(&f, 6), 7);
	pass(&f, 86400);
	assert_int_equal(date_and_time(&f), 0x20231231000000);
	assert_int_equal(in(&f, 6), 1);
	pass(&f, 86400);
	assert_int_equal(date_and_time(&f), 0x20240101000000);
}

static void the_guests_clock_follows_a_step_of_the_hosts(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	f.now.tv_sec = 946684799;
	assert_int_equal(date_and_time(&f), 0x19991231235959);
	f.now.tv_sec += 86400;
	assert_int_equal(date_and_time(&f), 0x20000101235959);
	/* One that the guest has set keeps its distance. */
	out(&f, 4, 0x13);
	f.now.tv_sec -= 3;
	assert_int_equal(date_and_time(&f), 0x20000101135956);
	/* A step is no update, but it has passed midnight, the alarm of a chip never told another.
	 */
	assert_int_equal(in(&f, C), 0x20);
	/* Less is let be, whichever clock's second begins first. */
	f.now.tv_sec++;
	assert_int_equal(date_and_time(&f), 0x20000101135956);
	f.now.tv_nsec = 999999999;
	for (unsigned second = 0x56; second < 0x59; second++) {
		assert_int_equal(date_and_time(&f), 0x20000101135900 + second);
		pass_to(&f, 499999999);
		assert_int_equal(date_and_time(&f), 0x20000101135900 + second);
		pass_to(&f, 999999999);
	}
	f.now.tv_sec -= 3;
	for (unsigned second = 0; second < 3; second++) {
		pass_to(&f, 499999999);
		pass_to(&f, 999999999);
		assert_int_equal(date_and_time(&f), 0x20000101140000 + second);
	}
	f.now.tv_sec--;
	assert_int_equal(date_and_time(&f), 0x20000101135959);
	f.now.tv_sec++;
	assert_int_equal(date_and_time(&f), 0x20000101135959);
	f.now.tv_sec++;
	assert_int_equal(date_and_time(&f), 0x20000101140001);
	f.now.tv_sec--;
	assert_int_equal(date_and_time(&f), 0x20000101140001);
	f.now.tv_sec += 3;
	assert_int_equal(date_and_time(&f), 0x20000101140003);
	f.now.tv_sec -= 3;
	assert_int_equal(date_and_time(&f), 0x20000101140000);
	/* One of a held clock is not seen in it. */
	out(&f, B, SET | HOURS_24);
	f.now.tv_sec += 3600;
	assert_int_equal(date_and_time(&f), 0x20000101140000);
	out(&f, B, HOURS_24);
	assert_int_equal(date_and_time(&f), 0x20000101140000);
	f.now.tv_sec += 3600;
	assert_int_equal(date_and_time(&f), 0x20000101150000);
}

static void modes_change_how_the_same_time_looks(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, B, HOURS_24 | BINARY);
	assert_int_equal(date_and_time(&f), 0x14170C1D173B3A);
	out(&f, B, BINARY);
	assert_int_equal(in(&f, 4), 0x8B);
	out(&f, B, 0);
	assert_int_equal(in(&f, 4), 0x91);
	pass(&f, 2);
	assert_int_equal(in(&f, 4), 0x12);
	pass(&f, 12 * 3600);
	assert_int_equal(in(&f, 4), 0x92);
	out(&f, B, HOURS_24);
	assert_int_equal(date_and_time(&f), 0x20231230120000);
}

static void update_in_progress_is_announced_for_244_us(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned second = 0; second < 3; second++) {
		pass_to(&f, 0);
		assert_int_equal(in(&f, A), 0x26);
		pass_to(&f, 999755863);
		assert_int_equal(in(&f, A), 0x26);
		pass_to(&f, 999755864);
		assert_int_equal(in(&f, A), 0xA6);
		pass_to(&f, 999999999);
		assert_int_equal(in(&f, A), 0xA6);
	}
	/* It is a bit to read only, and there are no updates while the clock is held. */
	out(&f, A, 0xFF & ~0x60);
	pass_to(&f, 0);
	assert_int_equal(in(&f, A), 0x1F);
	pass_to(&f, 999999999);
	assert_int_equal(in(&f, A), 0x9F);
	out(&f, B, SET | HOURS_24);
	assert_int_equal(in(&f, A), 0x1F);
	out(&f, B, HOURS_24);
	assert_int_equal(in(&f, A), 0x9F);
	out(&f, A, 0x66);
	assert_int_equal(in(&f, A), 0x66);
}

static void set_holds_the_clock_to_write_it(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	pass(&f, 1);
	out(&f, B, SET | HOURS_24);
	pass(&f, 5);
	assert_int_equal(date_and_time(&f), 0x20231229235959);
	write_date_and_time(&f, 0x19850228235957);
	out(&f, 6, 3); /* the weekday, wrong */
	pass(&f, 5);
	assert_int_equal(date_and_time(&f), 0x19850228235957);
	assert_int_equal(in(&f, 6), 3);
	out(&f, B, HOURS_24);
	assert_int_equal(date_and_time(&f), 0x19850228235957);
	/* Fractions of the second have run on: 250 ms then, the next at 750 ms. */
	pass_to(&f, 999999999);
	assert_int_equal(in(&f, 0), 0x57);
	pass_to(&f, 0);
	assert_int_equal(in(&f, 0), 0x58);
	pass(&f, 2);
	assert_int_equal(date_and_time(&f), 0x19850301000000);
	assert_int_equal(in(&f, 6), 6); /* a Friday */
}

static void released_divider_updates_after_half_a_second(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* As drivers set the time: hold both, write, let go of both. */
	out(&f, B, SET | HOURS_24);
	out(&f, A, 0x76);
	write_date_and_time(&f, 0x20300615120000);
	out(&f, B, HOURS_24);
	pass(&f, 10);
	assert_int_equal(date_and_time(&f), 0x20300615120000);
	pass_to(&f, 800000000);
	out(&f, A, 0x26);
	assert_int_equal(date_and_time(&f), 0x20300615120000);
	pass_to(&f, 299999999);
	assert_int_equal(date_and_time(&f), 0x20300615120000);
	assert_int_equal(in(&f, A), 0xA6);
	pass_to(&f, 300000000);
	assert_int_equal(date_and_time(&f), 0x20300615120001);
	pass(&f, 59);
	assert_int_equal(date_and_time(&f), 0x20300615120100);
}

static void a_running_clock_can_be_written_too(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, 2, 0x30);
	assert_int_equal(date_and_time(&f), 0x20231229233058);
	pass(&f, 3);
	assert_int_equal(date_and_time(&f), 0x20231229233101);
	out(&f, 4, 0x07);
	assert_int_equal(date_and_time(&f), 0x20231229073101);
	out(&f, 9, 0x00);
	assert_int_equal(date_and_time(&f), 0x20001229073101);
	out(&f, 9, 0x23);
	out(&f, 4, 0x23);
	out(&f, 6, 1); /* the weekday follows the date */
	assert_int_equal(in(&f, 6), 6);
	out(&f, 1, 0x15); /* an alarm's register: no part of the time */
	out(&f, 0x32, 0x21);
	assert_int_equal(date_and_time(&f), 0x21231229233101);
	/* 31 November is not, and becomes 1 December. */
	out(&f, 8, 0x11);
	out(&f, 7, 0x31);
	assert_int_equal(date_and_time(&f), 0x21231201233101);
}

static void nonsense_in_the_time_registers_is_survived(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned fill = 0; fill < 256; fill++) {
		for (unsigned mode = 0; mode < 8; mode += 2) {
			set_up(&f);
			out(&f, B, SET | mode);
			for (unsigned reg = 0; reg < 10; reg++)
				out(&f, reg, fill);
			out(&f, 0x32, fill);
			out(&f, B, mode);
			pass(&f, 1);
			out(&f, B, HOURS_24);
			assert_in_range(in(&f, 0), 0, 0x59);
			assert_in_range(in(&f, 2), 0, 0x59);
			assert_in_range(in(&f, 4), 0, 0x23);
			assert_in_range(in(&f, 7), 1, 0x31);
			assert_in_range(in(&f, 8), 1, 0x12);
			assert_in_range(in(&f, 9), 0, 0x99);
			assert_in_range(in(&f, 0x32), 0, 0x99);
		}
	}
}

static void update_ended_is_flagged_once_a_second(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, A, 0x20); /* the periods would be flagged too */
	out(&f, 5, 0x0A); /* and midnight; now there is no alarm */
	assert_int_equal(in(&f, C), 0x00);
	pass_to(&f, 999999999);
	assert_int_equal(in(&f, C), 0x00);
	pass_to(&f, 0);
	assert_int_equal(in(&f, C), 0x10);
	assert_int_equal(in(&f, C), 0x00);
	/* It waits to be read, and is told as an interrupt request if that is enabled. */
	pass(&f, 3);
	assert_int_equal(in(&f, 0), 0x02);
	out(&f, C, 0xFF);
	out(&f, B, UIE | HOURS_24);
	assert_int_equal(in(&f, C), 0x90);
	assert_int_equal(in(&f, C), 0x00);
	/* Setting the clock is no update; SET takes UIE away. */
	out(&f, 0, 0x30);
	assert_int_equal(in(&f, C), 0x00);
	out(&f, B, SET | UIE | HOURS_24);
	assert_int_equal(in(&f, B), SET | HOURS_24);
	pass(&f, 3);
	assert_int_equal(in(&f, C), 0x00);
	out(&f, B, HOURS_24);
	assert_int_equal(in(&f, C), 0x00);
	pass(&f, 1);
	assert_int_equal(in(&f, C), 0x10);
	/* Nor is the divider's restart, though the second's phase moves. */
	out(&f, A, 0x70);
	pass_to(&f, 700000000);
	out(&f, A, 0x20);
	assert_int_equal(in(&f, C), 0x00);
}

static void status_d_says_the_battery_is_good_whatever_is_written(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, D, 0x00);
	assert_int_equal(in(&f, D), 0x80);
	out(&f, D, 0x7F);
	assert_int_equal(in(&f, D), 0x80);
}

static void reset_keeps_time_and_memory(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, CMOS_SHUTDOWN, 0x0A);
	out(&f, B, 0x7F);
	pass(&f, 2);
	out(&f, 0, 42);
	in(&f, 0x80 | 0x40);
	cmos_reset(&f.cmos);
	assert_false(f.cmos.nmi_masked);
	assert_int_equal(bus_read(&f.bus, 0x71, 1), 42); /* index 0: seconds, still binary */
	assert_int_equal(in(&f, B), 0x07);
	assert_int_equal(in(&f, C), 0x00);
	assert_int_equal(in(&f, CMOS_SHUTDOWN), 0x0A);
	assert_int_equal(in(&f, 7), 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_and_nmi_mask),
		cmocka_unit_test(memory_keeps_what_is_written),
		cmocka_unit_test(memory_sizes_and_cpus_are_noted),
		cmocka_unit_test(the_clock_starts_set_and_runs),
		cmocka_unit_test(the_guests_clock_follows_a_step_of_the_hosts),
		cmocka_unit_test(modes_change_how_the_same_time_looks),
		cmocka_unit_test(update_in_progress_is_announced_for_244_us),
		cmocka_unit_test(set_holds_the_clock_to_write_it),
		cmocka_unit_test(released_divider_updates_after_half_a_second),
		cmocka_unit_test(a_running_clock_can_be_written_too),
		cmocka_unit_test(nonsense_in_the_time_registers_is_survived),
		cmocka_unit_test(update_ended_is_flagged_once_a_second),
		cmocka_unit_test(status_d_says_the_battery_is_good_whatever_is_written),
		cmocka_unit_test(reset_keeps_time_and_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
