// SPDX-License-Identifier: BSD-2-Clause
// fw_cfg as a guest reads it: the model's keys, the caller's, and everything that is not there.
// Not the machine's real numbers.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "devices/bus.h"
#include "devices/fw_cfg.h"

struct fixture {
	struct fw_cfg cfg;
	struct bus_region table[1];
	struct bus bus;
};

static void set_up(struct fixture *f, const struct fw_cfg_item *items, size_t count)
{
	static const struct fw_cfg_machine machine = {
		.ram_size = 0x0123456789ABCDEF,
		.cpus = 0x0102,
		.max_cpus = 0x0304,
	};
	struct bus_region region;

	memset(f, 0xA5, sizeof(*f));
	fw_cfg_init(&f->cfg, &machine, items, count);
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 1);
	region = fw_cfg_region(&f->cfg);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
}

static uint64_t key(struct fixture *f, unsigned selector, unsigned bytes)
{
	uint64_t value = 0;

	bus_write(&f->bus, 0x510, 2, selector);
	for (unsigned i = 0; i < bytes; i++)
		value |= bus_read(&f->bus, 0x511, 1) << (8 * i);
	return value;
}

static void the_models_own_keys(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, NULL, 0);
	/* Key 0 is selected at power-on. */
	assert_int_equal(bus_read(&f.bus, 0x511, 1), 'Q');
	assert_int_equal(key(&f, 0x00, 4), 0x554D4551); /* "QEMU" */
	assert_int_equal(key(&f, 0x01, 4), 1);
	assert_int_equal(key(&f, 0x03, 8), 0x0123456789ABCDEF);
	assert_int_equal(key(&f, 0x05, 2), 0x0102);
	assert_int_equal(key(&f, 0x0F, 2), 0x0304);
}

static void past_the_end_and_unknown_keys_are_zeros(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, NULL, 0);
	assert_int_equal(key(&f, 0x05, 8), 0x0102);
	for (unsigned i = 0; i < 70000; i++)
		assert_int_equal(bus_read(&f.bus, 0x511, 1), 0);
	assert_int_equal(f.cfg.offset, 2);
	for (unsigned selector = 0; selector < 0x10000; selector++) {
		unsigned known = selector & ~0x4000u;

		if (known == 0 || known == 1 || known == 3 || known == 5 || known == 0x0F)
			assert_int_not_equal(key(&f, selector, 2), 0);
		else
			assert_int_equal(key(&f, selector, 2), 0);
	}
}

static void selecting_starts_over(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, NULL, 0);
	assert_int_equal(key(&f, 0x03, 3), 0xABCDEF);
	assert_int_equal(bus_read(&f.bus, 0x511, 1), 0x89);
	assert_int_equal(key(&f, 0x03, 2), 0xCDEF);
	/* The write channel's bit is no part of the key, the architecture's is. */
	assert_int_equal(key(&f, 0x4003, 2), 0xCDEF);
	assert_int_equal(key(&f, 0x8003, 2), 0);
	key(&f, 0x03, 3);
	fw_cfg_reset(&f.cfg);
	assert_int_equal(bus_read(&f.bus, 0x511, 1), 'Q');
}

static void what_is_not_a_16_bit_selector_write_is_dropped(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, NULL, 0);
	assert_int_equal(key(&f, 0x03, 1), 0xEF);
	bus_write(&f.bus, 0x510, 1, 0x05);
	bus_write(&f.bus, 0x511, 1, 0x05);
	bus_write(&f.bus, 0x511, 2, 0x0505);
	bus_write(&f.bus, 0x510, 4, 0x05);
	bus_write(&f.bus, 0x50F, 2, 0x0505);
	assert_int_equal(bus_read(&f.bus, 0x511, 1), 0xCD);
	/* Reads: a byte from either port, two from both; behind them is nobody. */
	assert_int_equal(bus_read(&f.bus, 0x510, 1), 0xAB);
	assert_int_equal(bus_read(&f.bus, 0x510, 2), 0x6789);
	assert_int_equal(bus_read(&f.bus, 0x511, 4), 0xFFFFFF45);
}

static void the_callers_keys(void **state)
{
	static const uint8_t blob[] = {9, 8, 7};
	static const uint8_t two_cpus[] = {2, 0};
	const struct fw_cfg_item items[] = {
		{0x0008, blob, sizeof(blob)},
		{0x8002, blob + 1, 2},
		{FW_CFG_NB_CPUS, two_cpus, sizeof(two_cpus)},
		{0x0008, blob, 1},
		{0x000B, NULL, 0},
	};
	struct fixture f;

	(void)state;
	set_up(&f, items, sizeof(items) / sizeof(items[0]));
	assert_int_equal(key(&f, 0x0008, 8), 0x070809);
	assert_int_equal(key(&f, 0x8002, 8), 0x0708);
	assert_int_equal(key(&f, 0x0002, 8), 0);
	assert_int_equal(key(&f, 0x0005, 8), 2); /* before the model's own */
	assert_int_equal(key(&f, 0x000B, 8), 0);
	assert_int_equal(key(&f, 0x000F, 8), 0x0304);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_models_own_keys),
		cmocka_unit_test(past_the_end_and_unknown_keys_are_zeros),
		cmocka_unit_test(selecting_starts_over),
		cmocka_unit_test(what_is_not_a_16_bit_selector_write_is_dropped),
		cmocka_unit_test(the_callers_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
