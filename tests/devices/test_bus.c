// SPDX-License-Identifier: BSD-2-Clause
// The bus alone: registration, routing, splitting, open bus, and addresses at the very ends.
// Not the devices behind it: each has a test of its own.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "devices/bus.h"
#include "tests/devices/recorder.h"

#define ONES(width) ((width) >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * (width))) - 1)

/* A device that logs each access and whose byte at offset n reads as first + n. */
struct probe {
	struct recorder *log;
	char id;
	uint8_t first;
};

static uint64_t probe_read(void *opaque, uint64_t offset, unsigned width)
{
	struct probe *probe = opaque;
	uint64_t value = 0;

	recorder_note(probe->log, "%c:r%u@%llx ", probe->id, width, (unsigned long long)offset);
	for (unsigned i = 0; i < 8; i++) /* more than width: the bus has to cut it off */
		value |= (uint64_t)(uint8_t)(probe->first + offset + i) << (8 * i);
	return value;
}

static void probe_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct probe *probe = opaque;

	recorder_note(probe->log, "%c:w%u@%llx=%llx ", probe->id, width, (unsigned long long)offset,
		      (unsigned long long)value);
}

struct fixture {
	struct recorder log;
	struct probe a, b;
	struct bus_region table[8];
	struct bus bus;
	char error[200];
};

static struct bus_region region_at(struct probe *probe, uint64_t base, uint64_t size,
				   unsigned widths)
{
	return (struct bus_region){
		.base = base,
		.size = size,
		.name = probe->id == 'a' ? "first" : "second",
		.widths = widths,
		.read = probe_read,
		.write = probe_write,
		.opaque = probe,
	};
}

static void set_up(struct fixture *f, uint64_t last)
{
	*f = (struct fixture){.a = {.id = 'a', .first = 0x10}, .b = {.id = 'b', .first = 0xA0}};
	f->a.log = &f->log;
	f->b.log = &f->log;
	bus_init(&f->bus, "test bus", last, f->table, 8);
}

static enum bus_result add(struct fixture *f, struct probe *probe, uint64_t base, uint64_t size,
			   unsigned widths)
{
	struct bus_region region = region_at(probe, base, size, widths);

	f->error[0] = '\0';
	return bus_add(&f->bus, &region, f->error, sizeof(f->error));
}

static void overlaps_are_refused_and_name_both(void **state)
{
	static const struct {
		uint64_t base, size;
	} clashes[] = {
		{0x100, 0x10}, {0x0FF, 2},  {0x10F, 1},    {0x10F, 0x100},
		{0x104, 2},    {0, 0x1000}, {0x100, 0x11}, {0x0F0, 0x11},
	};
	struct fixture f;

	(void)state;
	set_up(&f, BUS_LAST_PORT);
	assert_int_equal(add(&f, &f.a, 0x100, 0x10, 1), BUS_OK);
	for (size_t i = 0; i < sizeof(clashes) / sizeof(clashes[0]); i++) {
		assert_int_equal(add(&f, &f.b, clashes[i].base, clashes[i].size, 1), BUS_OVERLAP);
		assert_non_null(strstr(f.error, "first at 0x100-0x10f"));
		assert_non_null(strstr(f.error, "second at 0x"));
		assert_non_null(strstr(f.error, "test bus"));
		assert_int_equal(f.bus.count, 1);
	}
	/* Neighbours are no overlap. */
	assert_int_equal(add(&f, &f.b, 0x110, 1, 1), BUS_OK);
	assert_int_equal(add(&f, &f.b, 0x0FF, 1, 1), BUS_OK);
	assert_int_equal(bus_find(&f.bus, 0x0FF)->base, 0x0FF);
	assert_int_equal(bus_find(&f.bus, 0x100)->base, 0x100);
	assert_int_equal(bus_find(&f.bus, 0x10F)->base, 0x100);
	assert_int_equal(bus_find(&f.bus, 0x110)->base, 0x110);
	assert_null(bus_find(&f.bus, 0x111));
	assert_null(bus_find(&f.bus, 0x0FE));
}

static void the_exact_words_of_an_overlap(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, BUS_LAST_PORT);
	assert_int_equal(add(&f, &f.a, 0x3F8, 8, 1), BUS_OK);
	assert_int_equal(add(&f, &f.b, 0x3FC, 1, 1), BUS_OVERLAP);
	assert_string_equal(f.error,
			    "test bus: second at 0x3fc-0x3fc overlaps first at 0x3f8-0x3ff");
}

static void malformed_regions_are_refused(void **state)
{
	struct fixture f;
	struct bus_region nameless;

	(void)state;
	set_up(&f, BUS_LAST_PORT);
	assert_int_equal(add(&f, &f.a, 0x10, 0, 1), BUS_BAD_REGION);
	assert_int_equal(add(&f, &f.a, 0x10000, 1, 1), BUS_BAD_REGION);
	assert_int_equal(add(&f, &f.a, 0xFFFF, 2, 1), BUS_BAD_REGION);
	assert_int_equal(add(&f, &f.a, 0, 0x10001, 1), BUS_BAD_REGION);
	assert_int_equal(add(&f, &f.a, 1, UINT64_MAX, 1), BUS_BAD_REGION);
	assert_int_equal(add(&f, &f.a, UINT64_MAX, UINT64_MAX, 1), BUS_BAD_REGION);
	assert_int_equal(add(&f, &f.a, 0x10, 1, 0), BUS_BAD_REGION);
	assert_int_equal(add(&f, &f.a, 0x10, 1, 2 | 4), BUS_BAD_REGION);
	assert_int_equal(add(&f, &f.a, 0x10, 1, 1 | 16), BUS_BAD_REGION);
	assert_non_null(strstr(f.error, "first"));
	nameless = region_at(&f.a, 0x10, 1, 1);
	nameless.name = NULL;
	assert_int_equal(bus_add(&f.bus, &nameless, f.error, sizeof(f.error)), BUS_BAD_REGION);
	assert_int_equal(f.bus.count, 0);
	/* The whole bus is one region too. */
	assert_int_equal(add(&f, &f.a, 0, 0x10000, 1), BUS_OK);
	assert_int_equal(add(&f, &f.b, 0xFFFF, 1, 1), BUS_OVERLAP);
}

static void a_full_table_refuses_and_keeps_what_it_has(void **state)
{
	struct fixture f;
	struct bus_region ninth;

	(void)state;
	set_up(&f, BUS_LAST_PORT);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(add(&f, &f.a, 0x10 * (i * 5 % 8), 1, 1), BUS_OK);
	for (unsigned i = 1; i < 8; i++)
		assert_true(f.table[i - 1].base < f.table[i].base);
	ninth = region_at(&f.b, 0x200, 1, 1);
	assert_int_equal(bus_add(&f.bus, &ninth, NULL, 0), BUS_FULL);
	assert_int_equal(bus_add(&f.bus, &ninth, f.error, sizeof(f.error)), BUS_FULL);
	assert_non_null(strstr(f.error, "second"));
	assert_non_null(strstr(f.error, "8"));
	assert_int_equal(f.bus.count, 8);
	/* An error line is cut to the caller's memory. */
	memset(f.error, '#', sizeof(f.error));
	assert_int_equal(bus_add(&f.bus, &ninth, f.error, 5), BUS_FULL);
	assert_string_equal(f.error, "test");
	assert_int_equal(f.error[5], '#');
}

static void a_region_moves_by_remove_and_add(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, BUS_LAST_MEMORY);
	assert_int_equal(add(&f, &f.a, 0x1000, 0x100, 1), BUS_OK);
	assert_int_equal(add(&f, &f.b, 0x3000, 0x100, 1), BUS_OK);
	assert_int_equal(bus_remove(&f.bus, 0x1001), BUS_NO_REGION);
	assert_int_equal(bus_remove(&f.bus, 0x0FFF), BUS_NO_REGION);
	assert_int_equal(bus_remove(&f.bus, 0x4000), BUS_NO_REGION);
	assert_int_equal(bus_remove(&f.bus, 0x1000), BUS_OK);
	assert_int_equal(bus_remove(&f.bus, 0x1000), BUS_NO_REGION);
	assert_int_equal(bus_read(&f.bus, 0x1000, 1), 0xFF);
	assert_int_equal(add(&f, &f.a, 0x5000, 0x100, 1), BUS_OK);
	assert_int_equal(bus_read(&f.bus, 0x5001, 1), 0x11);
	assert_int_equal(bus_read(&f.bus, 0x3001, 1), 0xA1);
	assert_recorded(&f.log, "a:r1@1 b:r1@1 ");
}

static void a_region_leaves_its_neighbours_in_place(void **state)
{
	struct fixture f;
	struct bus_region behind;

	(void)state;
	for (unsigned gone = 0; gone < 6; gone++) {
		set_up(&f, BUS_LAST_PORT);
		memset(&behind, 0x5A, sizeof(behind));
		f.table[6] = behind;
		for (unsigned i = 0; i < 6; i++)
			assert_int_equal(add(&f, &f.a, 0x100 * i, 0x10 + i, 1), BUS_OK);
		assert_memory_equal(&f.table[6], &behind, sizeof(behind));
		assert_int_equal(bus_remove(&f.bus, 0x100 * gone), BUS_OK);
		assert_memory_equal(&f.table[6], &behind, sizeof(behind));
		assert_int_equal(f.bus.count, 5);
		for (unsigned i = 0; i < 6; i++) {
			const struct bus_region *found = bus_find(&f.bus, 0x100 * i + 1);

			if (i == gone)
				assert_null(found);
			else
				assert_int_equal(found->size, 0x10 + i);
		}
	}
}

static void a_fitting_access_goes_whole_and_is_cut_to_its_width(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, BUS_LAST_MEMORY);
	assert_int_equal(add(&f, &f.a, 0x1000, 0x100, 1 | 2 | 4 | 8), BUS_OK);
	assert_int_equal(bus_read(&f.bus, 0x1000, 1), 0x10);
	assert_int_equal(bus_read(&f.bus, 0x1001, 2), 0x1211);
	assert_int_equal(bus_read(&f.bus, 0x1002, 4), 0x15141312);
	assert_int_equal(bus_read(&f.bus, 0x10F8, 8), 0x0F0E0D0C0B0A0908);
	assert_recorded(&f.log, "a:r1@0 a:r2@1 a:r4@2 a:r8@f8 ");
	bus_write(&f.bus, 0x1000, 1, 0x1122334455667788);
	bus_write(&f.bus, 0x1001, 2, 0x1122334455667788);
	bus_write(&f.bus, 0x1002, 4, 0x1122334455667788);
	bus_write(&f.bus, 0x10F8, 8, 0x1122334455667788);
	assert_recorded(&f.log, "a:w1@0=88 a:w2@1=7788 a:w4@2=55667788 a:w8@f8=1122334455667788 ");
}

static void widths_not_taken_become_bytes_lowest_first(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, BUS_LAST_MEMORY);
	assert_int_equal(add(&f, &f.a, 0x1000, 0x100, 1 | 4), BUS_OK);
	assert_int_equal(bus_read(&f.bus, 0x1000, 2), 0x1110);
	assert_recorded(&f.log, "a:r1@0 a:r1@1 ");
	assert_int_equal(bus_read(&f.bus, 0x1000, 3), 0x121110);
	assert_recorded(&f.log, "a:r1@0 a:r1@1 a:r1@2 ");
	assert_int_equal(bus_read(&f.bus, 0x1000, 5), 0x1413121110);
	assert_int_equal(bus_read(&f.bus, 0x1000, 6), 0x151413121110);
	assert_int_equal(bus_read(&f.bus, 0x1000, 7), 0x16151413121110);
	assert_recorded(&f.log, "a:r1@0 a:r1@1 a:r1@2 a:r1@3 a:r1@4 "
				"a:r1@0 a:r1@1 a:r1@2 a:r1@3 a:r1@4 a:r1@5 "
				"a:r1@0 a:r1@1 a:r1@2 a:r1@3 a:r1@4 a:r1@5 a:r1@6 ");
	bus_write(&f.bus, 0x1000, 3, 0xFFFFFFFFFF332211);
	assert_recorded(&f.log, "a:w1@0=11 a:w1@1=22 a:w1@2=33 ");
	bus_write(&f.bus, 0x1000, 8, 0x8877665544332211);
	assert_recorded(&f.log, "a:w1@0=11 a:w1@1=22 a:w1@2=33 a:w1@3=44 "
				"a:w1@4=55 a:w1@5=66 a:w1@6=77 a:w1@7=88 ");
}

static void straddling_accesses_are_shared_out_byte_by_byte(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, BUS_LAST_MEMORY);
	assert_int_equal(add(&f, &f.a, 0x1000, 0x10, 1 | 2 | 4 | 8), BUS_OK);
	assert_int_equal(add(&f, &f.b, 0x1010, 0x10, 1 | 2 | 4 | 8), BUS_OK);
	/* From one region into the next. */
	assert_int_equal(bus_read(&f.bus, 0x100E, 4), 0xA1A01F1E);
	assert_recorded(&f.log, "a:r1@e a:r1@f b:r1@0 b:r1@1 ");
	bus_write(&f.bus, 0x100F, 2, 0x2211);
	assert_recorded(&f.log, "a:w1@f=11 b:w1@0=22 ");
	/* From a region into nothing, from nothing into a region. */
	assert_int_equal(bus_read(&f.bus, 0x101F, 4), 0xFFFFFFAF);
	assert_int_equal(bus_read(&f.bus, 0x0FFD, 4), 0x10FFFFFF);
	assert_recorded(&f.log, "b:r1@f a:r1@0 ");
	bus_write(&f.bus, 0x101F, 4, 0x44332211);
	bus_write(&f.bus, 0x0FFD, 4, 0x44332211);
	assert_recorded(&f.log, "b:w1@f=11 a:w1@0=44 ");
}

static void open_bus_reads_ones_and_drops_writes(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, BUS_LAST_PORT);
	for (unsigned width = 1; width <= 8; width++)
		assert_int_equal(bus_read(&f.bus, 0x80, width), ONES(width));
	bus_write(&f.bus, 0x80, 4, 0);

	/* A region may leave out a direction. */
	f.table[0] = region_at(&f.a, 0x40, 4, 1 | 4);
	f.table[0].read = NULL;
	f.table[1] = region_at(&f.b, 0x44, 4, 1 | 4);
	f.table[1].write = NULL;
	f.bus.count = 2;
	assert_int_equal(bus_read(&f.bus, 0x40, 4), 0xFFFFFFFF);
	assert_int_equal(bus_read(&f.bus, 0x42, 4), 0xA1A0FFFF);
	bus_write(&f.bus, 0x44, 4, 1);
	bus_write(&f.bus, 0x42, 4, 0x44332211);
	assert_recorded(&f.log, "b:r1@0 b:r1@1 a:w1@2=11 a:w1@3=22 ");
}

static void widths_that_are_none_touch_nothing(void **state)
{
	static const unsigned widths[] = {9, 15, 16, 64, 1u << 31, UINT32_MAX};
	struct fixture f;

	(void)state;
	set_up(&f, BUS_LAST_MEMORY);
	assert_int_equal(add(&f, &f.a, 0, 0x1000, 1 | 2 | 4 | 8), BUS_OK);
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		assert_int_equal(bus_read(&f.bus, 0, widths[i]), UINT64_MAX);
		bus_write(&f.bus, 0, widths[i], 0);
	}
	assert_int_equal(bus_read(&f.bus, 0, 0), 0);
	bus_write(&f.bus, 0, 0, 0);
	assert_recorded(&f.log, "");
}

static void nothing_wraps_around_the_end_of_a_bus(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, BUS_LAST_PORT);
	assert_int_equal(add(&f, &f.a, 0, 4, 1 | 2 | 4), BUS_OK);
	assert_int_equal(add(&f, &f.b, 0xFFFE, 2, 1 | 2 | 4), BUS_OK);
	assert_int_equal(bus_read(&f.bus, 0xFFFF, 4), 0xFFFFFFA1);
	assert_int_equal(bus_read(&f.bus, 0x10000, 4), 0xFFFFFFFF);
	bus_write(&f.bus, 0xFFFE, 4, 0x44332211);
	bus_write(&f.bus, 0x10000, 4, 0);
	assert_recorded(&f.log, "b:r1@1 b:w1@0=11 b:w1@1=22 ");

	set_up(&f, BUS_LAST_MEMORY);
	assert_int_equal(add(&f, &f.a, 0, 0x10, 1 | 2 | 4 | 8), BUS_OK);
	assert_int_equal(add(&f, &f.b, UINT64_MAX - 7, 8, 1 | 2 | 4 | 8), BUS_OK);
	assert_int_equal(bus_find(&f.bus, UINT64_MAX)->base, UINT64_MAX - 7);
	assert_int_equal(bus_read(&f.bus, UINT64_MAX - 7, 8), 0xA7A6A5A4A3A2A1A0);
	assert_int_equal(bus_read(&f.bus, UINT64_MAX, 1), 0xA7);
	assert_recorded(&f.log, "b:r8@0 b:r1@7 ");
	assert_int_equal(bus_read(&f.bus, UINT64_MAX, 8), 0xFFFFFFFFFFFFFFA7);
	assert_int_equal(bus_read(&f.bus, UINT64_MAX - 2, 4), 0xFFA7A6A5);
	bus_write(&f.bus, UINT64_MAX - 1, 8, 0x8877665544332211);
	assert_recorded(&f.log, "b:r1@7 b:r1@5 b:r1@6 b:r1@7 b:w1@6=11 b:w1@7=22 ");
}

static struct bus *moving_bus;

static void move_away(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct probe *probe = opaque;
	struct bus_region there = region_at(probe, 0x2000, 4, 1);

	(void)offset;
	(void)width;
	(void)value;
	recorder_note(probe->log, "moved ");
	assert_int_equal(bus_remove(moving_bus, 0x1000), BUS_OK);
	assert_int_equal(bus_add(moving_bus, &there, NULL, 0), BUS_OK);
}

static void a_callback_may_move_its_own_region(void **state)
{
	struct fixture f;
	struct bus_region region;

	(void)state;
	set_up(&f, BUS_LAST_MEMORY);
	moving_bus = &f.bus;
	region = region_at(&f.a, 0x1000, 4, 1);
	region.write = move_away;
	assert_int_equal(bus_add(&f.bus, &region, NULL, 0), BUS_OK);
	/* The second byte finds nobody: the first has moved the region. */
	bus_write(&f.bus, 0x1000, 2, 0x2211);
	bus_write(&f.bus, 0x2000, 2, 0x2211);
	assert_recorded(&f.log, "moved a:w1@0=11 a:w1@1=22 ");
}

/* What the header promises, byte by byte, without a sorted table. */
static uint64_t reference_read(const struct fixture *f, uint64_t address, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++) {
		uint8_t byte = 0xFF;

		for (size_t r = 0; r < f->bus.count; r++) {
			const struct bus_region *region = &f->table[r];
			const struct probe *probe = region->opaque;

			if (address + i >= address && address + i <= f->bus.last &&
			    address + i >= region->base &&
			    address + i - region->base < region->size)
				byte = (uint8_t)(probe->first + (address + i - region->base));
		}
		value |= (uint64_t)byte << (8 * i);
	}
	return value;
}

static uint64_t random_state = 0x9E3779B97F4A7C15;

static uint64_t random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void any_table_reads_as_its_bytes_do(void **state)
{
	struct fixture f;
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		/* 64 addresses at one end of the address space, or in the middle of it. */
		uint64_t start = round % 3 == 0 ? 0 : round % 3 == 1 ? UINT64_MAX - 63 : 0xFEC00000;

		set_up(&f, BUS_LAST_MEMORY);
		for (unsigned i = 0; i < 8; i++)
			refused +=
				add(&f, i % 2 ? &f.a : &f.b, start + random_number() % 64,
				    1 + random_number() % 12, 1 | (random_number() & 14)) != BUS_OK;
		for (unsigned i = 0; i < 20; i++) {
			uint64_t address = start + random_number() % 80 - 8;
			unsigned width = 1 + random_number() % 8;

			f.log.used = 0;
			assert_int_equal(bus_read(&f.bus, address, width),
					 reference_read(&f, address, width));
		}
	}
	assert_in_range(refused, 1000, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlaps_are_refused_and_name_both),
		cmocka_unit_test(the_exact_words_of_an_overlap),
		cmocka_unit_test(malformed_regions_are_refused),
		cmocka_unit_test(a_full_table_refuses_and_keeps_what_it_has),
		cmocka_unit_test(a_region_moves_by_remove_and_add),
		cmocka_unit_test(a_region_leaves_its_neighbours_in_place),
		cmocka_unit_test(a_fitting_access_goes_whole_and_is_cut_to_its_width),
		cmocka_unit_test(widths_not_taken_become_bytes_lowest_first),
		cmocka_unit_test(straddling_accesses_are_shared_out_byte_by_byte),
		cmocka_unit_test(open_bus_reads_ones_and_drops_writes),
		cmocka_unit_test(widths_that_are_none_touch_nothing),
		cmocka_unit_test(nothing_wraps_around_the_end_of_a_bus),
		cmocka_unit_test(a_callback_may_move_its_own_region),
		cmocka_unit_test(any_table_reads_as_its_bytes_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
