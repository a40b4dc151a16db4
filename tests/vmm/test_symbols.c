// SPDX-License-Identifier: BSD-2-Clause
// Names of addresses: of the built-in tour and of this very program, and none where there is
// nothing to name. Where libdw is missing every name is empty, and that is all there is to see.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/symbols.h"

extern const uint8_t vmm_tour_image[], vmm_tour_image_end[];

static const struct image_file nothing = {.name = "/nowhere"};
static char texts[3][SYMBOLS_TEXT];

static struct image_file tour(void)
{
	return (struct image_file){.name = "tour",
				   .bytes = vmm_tour_image,
				   .size = (uintptr_t)vmm_tour_image_end -
					   (uintptr_t)vmm_tour_image};
}

static uint64_t tour_entry(void)
{
	Elf64_Ehdr header;

	memcpy(&header, vmm_tour_image, sizeof(header));
	return header.e_entry;
}

/* Without libdw: nothing to be seen. */
static void need_names(void)
{
	struct image_file image = tour();
	uint64_t at = tour_entry();

	memset(texts, 'x', sizeof(texts));
	symbols_find(&image, &at, 1, texts);
	if (!texts[0][0]) {
		print_message("# built without libdw\n");
		skip();
	}
}

static void test_symbol_offset_and_line(void **state)
{
	struct image_file image = tour();
	uint64_t at[3] = {tour_entry(), 0x10, tour_entry() + 1};
	char *end;

	(void)state;
	need_names();
	symbols_find(&image, at, 3, texts);
	end = strstr(texts[0], "+0x0");
	if (!end || end == texts[0])
		fail_msg("no symbol at the entry: '%s'", texts[0]);
	assert_string_equal(texts[1], "");
	assert_non_null(strstr(texts[2], "+0x1"));
}

/* A function of C has a line. */
static void test_a_file(void **state)
{
	char name[64], expected[64], *file;
	uint64_t at[64], from = 0x100000;
	struct image_file image = {.name = name};
	char(*found)[SYMBOLS_TEXT] = calloc(64, sizeof(*found));
	int fd = memfd_create("image", 0);
	size_t size = (size_t)((uintptr_t)vmm_tour_image_end - (uintptr_t)vmm_tour_image);
	unsigned lines = 0;

	(void)state;
	need_names();
	assert_int_equal(write(fd, vmm_tour_image, size), size);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	for (unsigned i = 0; i < 64; i++)
		at[i] = from + i * 64;
	symbols_find(&image, at, 64, found);
	snprintf(expected, sizeof(expected), ".c:");
	for (unsigned i = 0; i < 64; i++) {
		file = strstr(found[i], expected);
		lines += file && atoi(file + 3) > 0 && strstr(found[i], " (") != NULL;
	}
	assert_true(lines > 0);
	close(fd);
	free(found);
}

static void assert_no_name(const struct image_file *image)
{
	uint64_t at[3] = {0x100000, 0, UINT64_MAX};

	memset(texts, 'x', sizeof(texts));
	symbols_find(image, at, 3, texts);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(texts[i], "");
	/* No child is left behind. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_what_is_no_elf_file(void **state)
{
	uint8_t *bytes = malloc(65536);

	(void)state;
	assert_no_name(&nothing);
	memset(bytes, 0xF4, 65536);
	assert_no_name(&(struct image_file){.name = "flat", .bytes = bytes, .size = 65536});
	assert_no_name(&(struct image_file){.name = "empty", .bytes = bytes, .size = 0});
	/* Cut in its midst, and with every table somewhere else. */
	assert_no_name(&(struct image_file){.name = "cut", .bytes = vmm_tour_image, .size = 100});
	free(bytes);
}

/* Whatever the image says, this process comes out of it. */
static void test_a_damaged_image(void **state)
{
	size_t size = (size_t)((uintptr_t)vmm_tour_image_end - (uintptr_t)vmm_tour_image);
	uint8_t *bytes = malloc(size);
	uint64_t at[3] = {tour_entry(), 0x100040, 0x101000};
	uint32_t random = 1;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		memcpy(bytes, vmm_tour_image, size);
		for (unsigned i = 0; i < 2000; i++) {
			random = random * 1664525 + 1013904223;
			bytes[64 + (random >> 4) % (size - 64)] = (uint8_t)(random >> 24);
		}
		memset(texts, 'x', sizeof(texts));
		symbols_find(&(struct image_file){.name = "bad", .bytes = bytes, .size = size}, at,
			     3, texts);
		for (unsigned i = 0; i < 3; i++) {
			assert_true(strlen(texts[i]) < SYMBOLS_TEXT);
			for (const char *c = texts[i]; *c; c++)
				assert_true(*c >= ' ' && *c <= '~');
		}
	}
	free(bytes);
}

/* A terminal acts on what a name may hold. */
static void test_a_name_that_is_no_name(void **state)
{
	size_t size = (size_t)((uintptr_t)vmm_tour_image_end - (uintptr_t)vmm_tour_image), length;
	struct image_file image = tour();
	uint8_t *bytes = malloc(size), *found;
	uint64_t at = tour_entry();
	char name[SYMBOLS_TEXT];
	unsigned changed = 0;

	(void)state;
	need_names();
	symbols_find(&image, &at, 1, texts);
	length = (size_t)(strstr(texts[0], "+0x0") - texts[0]);
	memcpy(name, texts[0], length);
	name[length] = '\0';
	memcpy(bytes, vmm_tour_image, size);
	while ((found = memmem(bytes, size, name, length + 1))) {
		found[0] = 0x1B;
		changed++;
	}
	assert_true(changed > 0);
	symbols_find(&(struct image_file){.name = "bad", .bytes = bytes, .size = size}, &at, 1,
		     texts);
	name[0] = '?';
	assert_ptr_equal(strstr(texts[0], name), texts[0]);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbol_offset_and_line),
		cmocka_unit_test(test_a_file),
		cmocka_unit_test(test_what_is_no_elf_file),
		cmocka_unit_test(test_a_damaged_image),
		cmocka_unit_test(test_a_name_that_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
