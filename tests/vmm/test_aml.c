// SPDX-License-Identifier: BSD-2-Clause
// AML byte for byte: lengths at each of their encodings' limits, integers, names, resources, room.
// Not the machine's namespace: test_acpi_tables.c and test_acpi.sh read that.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "vmm/aml.h"

enum { DIRT = 0xAB };

/* Fails unless what was written is exactly these bytes. */
#define wrote(aml, ...)                                                                            \
 do {                                                                                              \
  const uint8_t wanted[] = {__VA_ARGS__};                                                          \
  assert_int_equal((aml)->used, sizeof(wanted));                                                   \
  assert_memory_equal((aml)->bytes, wanted, sizeof(wanted));                                       \
 } while (0)

static void test_integers_are_shortest(void **state)
{
	uint8_t bytes[8];
	struct aml aml = {bytes, sizeof(bytes), 0};

	(void)state;
	aml_integer(&aml, 0);
	wrote(&aml, 0x00);
	aml.used = 0;
	aml_integer(&aml, 1);
	wrote(&aml, 0x01);
	aml.used = 0;
	aml_integer(&aml, 2);
	wrote(&aml, 0x0A, 0x02);
	aml.used = 0;
	aml_integer(&aml, 0xFF);
	wrote(&aml, 0x0A, 0xFF);
	aml.used = 0;
	aml_integer(&aml, 0x100);
	wrote(&aml, 0x0B, 0x00, 0x01);
	aml.used = 0;
	aml_integer(&aml, 0xFFFF);
	wrote(&aml, 0x0B, 0xFF, 0xFF);
	aml.used = 0;
	aml_integer(&aml, 0x10000);
	wrote(&aml, 0x0C, 0x00, 0x00, 0x01, 0x00);
}

static void test_names_strings_numbers(void **state)
{
	uint8_t bytes[32];
	struct aml aml = {bytes, sizeof(bytes), 0};

	(void)state;
	aml_name(&aml, "_HID");
	aml_string(&aml, "AB");
	wrote(&aml, 0x08, '_', 'H', 'I', 'D', 0x0D, 'A', 'B', 0);
	aml.used = 0;
	aml_string(&aml, "");
	wrote(&aml, 0x0D, 0);
	aml.used = 0;
	aml_pnp(&aml, 0x0A03);
	wrote(&aml, 0x0C, 0x41, 0xD0, 0x0A, 0x03);
	aml.used = 0;
	aml_put(&aml, 8, UINT64_C(0x0102030405060708));
	wrote(&aml, 8, 7, 6, 5, 4, 3, 2, 1);
	aml.used = 0;
	aml_close(&aml, aml_open(&aml, AML_DEVICE));
	wrote(&aml, 0x5B, 0x82, 0x01);
}

/* One object with `contents` bytes in it, and its length as a reader of AML finds it. */
static size_t read_length(size_t contents, unsigned *bytes)
{
	struct aml aml = {.bytes = malloc(contents + 8), .room = contents + 8};
	size_t start, length;

	assert_non_null(aml.bytes);
	start = aml_open(&aml, AML_SCOPE);
	for (size_t i = 0; i < contents; i++)
		aml_put(&aml, 1, i % 251);
	aml_close(&aml, start);
	assert_true(aml.used <= aml.room);
	*bytes = 1 + (aml.bytes[start] >> 6);
	length = aml.bytes[start] & (*bytes == 1 ? 0x3F : 0x0F);
	for (unsigned i = 1; i < *bytes; i++)
		length |= (size_t)aml.bytes[start + i] << (8 * i - 4);
	assert_int_equal(aml.used, start + *bytes + contents);
	for (size_t i = 0; i < contents; i++)
		assert_int_equal(aml.bytes[start + *bytes + i], i % 251);
	free(aml.bytes);
	return length;
}

static void test_lengths(void **state)
{
	static const struct {
		size_t contents;
		unsigned bytes;
	} rows[] = {
		{0, 1},
		{62, 1},
		{63, 2},
		{64, 2},
		{4093, 2},
		{4094, 3},
		{4095, 3},
		{(1 << 20) - 4, 3},
		{(1 << 20) - 3, 4},
		{1 << 20, 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned bytes;

		assert_int_equal(read_length(rows[i].contents, &bytes),
				 rows[i].contents + rows[i].bytes);
		assert_int_equal(bytes, rows[i].bytes);
	}
}

static void put_something(struct aml *aml)
{
	size_t scope = aml_open(aml, AML_SCOPE);
	size_t device;
	struct aml_resources resources;

	aml_segment(aml, "_SB_");
	device = aml_pnp_device(aml, "COM1", 0x0501, 1);
	resources = aml_resources_open(aml);
	aml_ports(aml, 0x3F8, 8);
	aml_irq(aml, 4);
	aml_resources_close(aml, resources);
	aml_close(aml, device);
	aml_close(aml, scope);
}

static void test_a_device_with_resources(void **state)
{
	uint8_t bytes[64];
	struct aml aml = {bytes, sizeof(bytes), 0};

	(void)state;
	put_something(&aml);
	wrote(&aml, 0x10, 0x32, '_', 'S', 'B', '_',                   /* Scope */
	      0x5B, 0x82, 0x2B, 'C', 'O', 'M', '1',                   /* Device */
	      0x08, '_', 'H', 'I', 'D', 0x0C, 0x41, 0xD0, 0x05, 0x01, /* PNP0501 */
	      0x08, '_', 'U', 'I', 'D', 0x01,                         /* 1 */
	      0x08, '_', 'C', 'R', 'S', 0x11, 0x10, 0x0A, 0x0D,       /* Buffer (13) */
	      0x47, 0x01, 0xF8, 0x03, 0xF8, 0x03, 0x01, 0x08,         /* IO */
	      0x22, 0x10, 0x00, 0x79, 0x00);                          /* IRQNoFlags, end */
}

static void test_windows(void **state)
{
	uint8_t bytes[64];
	struct aml aml = {bytes, sizeof(bytes), 0};

	(void)state;
	aml_bus_window(&aml, 0, 0xFF);
	wrote(&aml, 0x88, 13, 0, 2, 0x0C, 0, 0, 0, 0, 0, 0xFF, 0, 0, 0, 0, 1);
	aml.used = 0;
	aml_port_window(&aml, 0xD00, 0xFFFF);
	wrote(&aml, 0x88, 13, 0, 1, 0x0C, 3, 0, 0, 0, 0x0D, 0xFF, 0xFF, 0, 0, 0, 0xF3);
	aml.used = 0;
	aml_memory_window(&aml, 0xC0000000, 0xFEBFFFFF);
	wrote(&aml, 0x87, 23, 0, 0, 0x0C, 1, 0, 0, 0, 0, 0, 0, 0, 0xC0, 0xFF, 0xFF, 0xBF, 0xFE, 0,
	      0, 0, 0, 0, 0, 0xC0, 0x3E);
	aml.used = 0;
	aml_fixed_memory(&aml, 0xFED00000, 0x400);
	wrote(&aml, 0x86, 9, 0, 0, 0x00, 0x00, 0xD0, 0xFE, 0x00, 0x04, 0, 0);
}

static void test_no_byte_behind_the_room(void **state)
{
	uint8_t whole[64], bytes[65];
	struct aml measured = {0}, full = {whole, sizeof(whole), 0};

	(void)state;
	put_something(&measured);
	put_something(&full);
	assert_int_equal(measured.used, full.used);
	for (size_t room = 0; room <= full.used; room++) {
		struct aml aml = {bytes, room, 0};

		memset(bytes, DIRT, sizeof(bytes));
		put_something(&aml);
		assert_int_equal(aml.used, full.used);
		for (size_t i = room; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], DIRT);
	}
	assert_memory_equal(bytes, whole, full.used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_are_shortest),
		cmocka_unit_test(test_names_strings_numbers),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_a_device_with_resources),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_no_byte_behind_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
