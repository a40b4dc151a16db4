// SPDX-License-Identifier: BSD-2-Clause
// Ports E0h-E7h: what is kept of which width, and which page is asked to be flushed.
// Not the flushing.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "devices/bus.h"
#include "devices/test_ports.h"

struct fixture {
	struct test_ports dev;
	struct bus_region table[2];
	struct bus bus;
	unsigned flushes;
	uint64_t page;
};

static void flush(void *opaque, uint64_t page)
{
	struct fixture *f = opaque;

	f->flushes++;
	f->page = page;
}

static const struct test_ports_ops ops = {.flush = flush};

static void set_up(struct fixture *f)
{
	struct bus_region region;

	*f = (struct fixture){.dev = {.ops = &ops, .opaque = f}};
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 2);
	region = test_ports_data_region(&f->dev);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
	region = test_ports_flush_region(&f->dev);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
}

static void bytes_words_and_a_doubleword_are_kept(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(bus_read(&f.bus, 0xE0, 4), 0);
	bus_write(&f.bus, 0xE0, 4, 0x89ABCDEF);
	assert_int_equal(bus_read(&f.bus, 0xE0, 4), 0x89ABCDEF);
	assert_int_equal(bus_read(&f.bus, 0xE0, 1), 0xEF);
	assert_int_equal(bus_read(&f.bus, 0xE3, 1), 0x89);
	assert_int_equal(bus_read(&f.bus, 0xE1, 2), 0xABCD);
	bus_write(&f.bus, 0xE2, 1, 0x12);
	assert_int_equal(bus_read(&f.bus, 0xE0, 4), 0x8912CDEF);
	bus_write(&f.bus, 0xE0, 2, 0x3456);
	assert_int_equal(bus_read(&f.bus, 0xE0, 4), 0x89123456);
	bus_write(&f.bus, 0xE2, 2, 0x789A);
	assert_int_equal(f.dev.data, 0x789A3456);
	assert_int_equal(f.flushes, 0);
}

static void a_doubleword_names_the_page(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	bus_write(&f.bus, 0xE4, 4, 0x12345678);
	assert_int_equal(f.flushes, 1);
	assert_int_equal(f.page, 0x12345000);
	bus_write(&f.bus, 0xE4, 4, 0xFFFFFFFF);
	assert_int_equal(f.page, 0xFFFFF000);
	assert_int_equal(f.flushes, 2);
	assert_int_equal(f.dev.data, 0);
}

static void nothing_else_there_means_anything(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	bus_write(&f.bus, 0xE4, 1, 0x12);
	bus_write(&f.bus, 0xE4, 2, 0x1234);
	bus_write(&f.bus, 0xE5, 4, 0x12345678);
	bus_write(&f.bus, 0xE3, 4, 0x12345678);
	assert_int_equal(f.flushes, 0);
	assert_int_equal(f.dev.data, 0x78000000);
	assert_int_equal(bus_read(&f.bus, 0xE4, 4), 0xFFFFFFFF);
	assert_null(bus_find(&f.bus, 0xDF));
	assert_null(bus_find(&f.bus, 0xE8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_words_and_a_doubleword_are_kept),
		cmocka_unit_test(a_doubleword_names_the_page),
		cmocka_unit_test(nothing_else_there_means_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
