// SPDX-License-Identifier: BSD-2-Clause
// The file of sections: what is written is read, and nothing that was changed, cut or made up is.
// Not what sections hold: test_save.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "vmm/state_file.h"

#define HEAD 28u /* of a section */
#define SIZE (12u + HEAD + 5u + HEAD + HEAD + 3u + 4u)

static uint8_t bytes[SIZE + 1];
static char why[256];

static int setup(void **state)
{
	struct state_file_writer writer;
	FILE *to = fmemopen(bytes, sizeof(bytes), "w");

	(void)state;
	why[0] = '\0';
	assert_non_null(to);
	state_file_begin(&writer, to);
	state_file_section(&writer, "first", 1, 5);
	state_file_bytes(&writer, "ab", 2);
	state_file_bytes(&writer, "cde", 3);
	state_file_section(&writer, "sixteen letters!", 7, 0);
	state_file_section(&writer, "last", 1, 3);
	state_file_bytes(&writer, "xyz", 3);
	state_file_end(&writer);
	assert_int_equal(writer.bytes, SIZE);
	assert_int_equal(fclose(to), 0);
	return 0;
}

/* As if whoever changed it had meant it. */
static void seal(uint8_t *of, size_t size)
{
	uint32_t crc = (uint32_t)crc32_z(0, of, size - 4);

	for (unsigned i = 0; i < 4; i++)
		of[size - 4 + i] = (uint8_t)(crc >> (8 * i));
}

static void assert_refused(const uint8_t *of, size_t size, const char *expected)
{
	/* Exactly as long, so that a sanitizer sees a read behind it. */
	uint8_t *copy = malloc(size ? size : 1);
	struct state_file file;

	assert_non_null(copy);
	memcpy(copy, of, size);
	if (state_file_open(&file, copy, size, why, sizeof(why)))
		fail_msg("taken instead of: %s", expected);
	if (!strstr(why, expected))
		fail_msg("'%s' instead of '%s'", why, expected);
	free(copy);
}

static void what_was_written_is_read(void **state)
{
	struct state_section section = {.bytes = NULL};
	struct state_file file;

	(void)state;
	assert_true(state_file_open(&file, bytes, SIZE, why, sizeof(why)));
	assert_true(state_file_next(&file, &section));
	assert_string_equal(section.name, "first");
	assert_int_equal(section.version, 1);
	assert_int_equal(section.length, 5);
	assert_memory_equal(section.bytes, "abcde", 5);
	assert_true(state_file_next(&file, &section));
	assert_string_equal(section.name, "sixteen letters!");
	assert_int_equal(section.version, 7);
	assert_int_equal(section.length, 0);
	assert_true(state_file_next(&file, &section));
	assert_string_equal(section.name, "last");
	assert_memory_equal(section.bytes, "xyz", 3);
	assert_false(state_file_next(&file, &section));
	assert_string_equal(section.name, "last");
}

/* The layout is a promise: golden files of each version are to be read for ever. */
static void the_layout_of_version_1(void **state)
{
	static const uint8_t start[] = "LAPICVM\0\1\0\0\0first\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0"
				       "\5\0\0\0\0\0\0\0abcde";

	(void)state;
	assert_memory_equal(bytes, start, sizeof(start) - 1);
	assert_int_equal(bytes[SIZE - 4] | bytes[SIZE - 3] << 8 | bytes[SIZE - 2] << 16 |
				 (uint32_t)bytes[SIZE - 1] << 24,
			 crc32_z(0, bytes, SIZE - 4));
}

static void every_cut_is_refused(void **state)
{
	(void)state;
	for (size_t size = 0; size < SIZE; size++)
		assert_refused(bytes, size, "it");
	assert_refused(bytes, 7, "does not begin as a machine saved by lapicvm");
	assert_refused(bytes, 13, "cut short after 13 bytes");
	assert_refused(bytes, 12 + HEAD + 4 + 4,
		       "section first ends after 4 of its 5 bytes: it is cut short, or damaged");
	assert_refused(bytes, SIZE - 10, "in a section's head");
	/* Nor is anything behind it. */
	assert_refused(bytes, SIZE + 1, "");
}

static void every_changed_bit_is_refused(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 8 * (size_t)SIZE; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_refused(bytes, SIZE, "it");
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	bytes[12 + HEAD] ^= 1;
	assert_refused(bytes, SIZE, "it is damaged: its checksum is ");
}

static void what_is_made_up_is_refused_by_name(void **state)
{
	(void)state;
	bytes[0] = 'M';
	seal(bytes, SIZE);
	assert_refused(bytes, SIZE, "does not begin as a machine saved by lapicvm");
	bytes[0] = 'L';
	bytes[8] = 2;
	seal(bytes, SIZE);
	assert_refused(bytes, SIZE, "it has version 2, and this lapicvm knows 1");
	bytes[8] = 1;
	/* A length that wraps round to the head of the same section. */
	memset(bytes + 12 + HEAD - 8, 0xFF, 8);
	bytes[12 + HEAD - 8] = (uint8_t)-HEAD;
	seal(bytes, SIZE);
	assert_refused(bytes, SIZE,
		       "section first ends after 64 of its 18446744073709551588 bytes");
	memset(bytes + 12 + HEAD - 8, 0, 8);
	bytes[12 + HEAD - 8] = 65;
	bytes[12] = '\n';
	seal(bytes, SIZE);
	assert_refused(bytes, SIZE, "section ?irst ends after 64 of its 65 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_was_written_is_read, setup),
		cmocka_unit_test_setup(the_layout_of_version_1, setup),
		cmocka_unit_test_setup(every_cut_is_refused, setup),
		cmocka_unit_test_setup(every_changed_bit_is_refused, setup),
		cmocka_unit_test_setup(what_is_made_up_is_refused_by_name, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
