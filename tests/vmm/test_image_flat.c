// SPDX-License-Identifier: BSD-2-Clause
// Flat binaries: where they go, how they are entered, and which known files are not taken for one.
// Not the reading of files from disk: test_image_file.c has that.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/vmm/image_fixture.h"

#define BAD(f, phrase)                                                                             \
 fixture_refused((f), IMAGE_BAD, (phrase), "cannot boot 'img': no image format fits")

static void build_code(struct image_build *b, size_t size)
{
	memset(b, 0, sizeof(*b));
	build_fill(b, 0, 0xF4, size);
}

static void test_loaded_at_1_mib_in_long_mode(void **state)
{
	struct fixture *f = *state;

	build_code(&f->build, 5000);
	assert_int_equal(fixture_load(f), 0);
	fixture_ram_is(f, 0x100000, 0xF4, 5000);
	fixture_ram_is(f, 0x100000 + 5000, FIXTURE_DIRT, 1);
	assert_int_equal(f->state.rip, 0x100000);
	assert_true(f->state.cs.l);
	assert_int_equal(f->state.cr0, 0x80000011);
	assert_int_equal(f->state.rdi, 0x7100);
}

static void test_one_byte_is_enough_and_none_is_not(void **state)
{
	struct fixture *f = *state;

	build_code(&f->build, 1);
	assert_int_equal(fixture_load(f), 0);
	fixture_ram_is(f, 0x100000, 0xF4, 1);
	build_code(&f->build, 0);
	BAD(f, "\n  multiboot: no Multiboot header in the first 8192 bytes"
	       "\n  ELF64: does not begin as an ELF file"
	       "\n  flat binary: the file is empty");
}

static void test_known_files_are_named(void **state)
{
	static const struct {
		size_t at;
		const char *bytes;
		size_t size;
		const char *phrase;
	} rows[] = {
		{0, "MZ", 2, "UEFI program"},
		{0, "#!", 2, "a script"},
		{0, "\x1F\x8B", 2, "gzip"},
		{0, "\3757zXZ", 5, "xz"},
		{0, "\x28\xB5\x2F\xFD", 4, "zstd"},
		{0, "BZh", 3, "bzip2"},
		{0, "PK\x03\x04", 4, "zip archive"},
		{0, "!<arch>\n", 8, "archive of object files"},
		{0, "QFI\xFB", 4, "qcow2"},
		{0x202, "HdrS", 4, "a Linux kernel (bzImage)"},
		{0x1FE, "\x55\xAA", 2, "a boot sector"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_code(&f->build, 1024);
		memcpy(f->build.bytes + rows[i].at, rows[i].bytes, rows[i].size);
		BAD(f, rows[i].phrase);
		/* Cut off inside the magic, or off its place, it is code again. */
		f->build.size = rows[i].at + rows[i].size - 1;
		if (rows[i].at > 0)
			assert_int_equal(fixture_load(f), 0);
		build_code(&f->build, 1024);
		memcpy(f->build.bytes + rows[i].at + 1, rows[i].bytes, rows[i].size);
		assert_int_equal(fixture_load(f), 0);
	}
}

static void test_linux_kernel_with_mz_is_a_linux_kernel(void **state)
{
	struct fixture *f = *state;

	build_code(&f->build, 1024);
	memcpy(f->build.bytes, "MZ", 2);
	memcpy(f->build.bytes + 0x1FE, "\x55\xAA", 2);
	memcpy(f->build.bytes + 0x202, "HdrS", 4);
	BAD(f, "flat binary: a Linux kernel (bzImage)");
}

static void test_text_is_no_code(void **state)
{
	static const char text[] = "# A file\n\tof words, \r\n~ and nothing else\n";
	struct fixture *f = *state;

	memset(&f->build, 0, sizeof(f->build));
	memcpy(f->build.bytes, text, sizeof(text));
	for (size_t size = 1; size < sizeof(text); size++) {
		f->build.size = size;
		BAD(f, "flat binary: text, no code");
	}
	f->build.size = sizeof(text);
	assert_int_equal(fixture_load(f), 0);
}

static void test_multiboot_2_is_named(void **state)
{
	struct fixture *f = *state;

	build_code(&f->build, 0x6000);
	for (size_t at = 0x3F8; at <= 0x400; at += 4) {
		build_code(&f->build, 0x6000);
		build_put(&f->build, at, 0xE85250D6, 4);
		build_put(&f->build, at + 4, 0, 4);
		build_put(&f->build, at + 8, 16, 4);
		build_put(&f->build, at + 12, 0 - (0xE85250D6 + 16), 4);
		if (at % 8 == 0)
			BAD(f, "has a Multiboot 2 header; only Multiboot 1");
		else
			assert_int_equal(fixture_load(f), 0);
	}
	build_put(&f->build, 0x400 + 12, 0, 4);
	assert_int_equal(fixture_load(f), 0);
}

static void test_larger_than_ram(void **state)
{
	struct fixture *f = *state;
	size_t most = 15 * RAM_MIB;
	uint8_t *code = malloc(most + 1);
	struct boot_state boot;

	assert_non_null(code);
	memset(code, 0xF4, most + 1);
	f->request.image.bytes = code;
	f->request.image.size = most;
	assert_int_equal(image_load(&f->request, &f->ram, &boot, &f->error), 0);
	fixture_ram_is(f, 0x100000, 0xF4, most);
	f->request.image.size = most + 1;
	assert_int_equal(image_load(&f->request, &f->ram, &boot, &f->error), -1);
	assert_int_equal(f->error.kind, IMAGE_BAD);
	assert_non_null(strstr(f->error.text,
			       "flat binary: its segment 100000h-1000000h lies "
			       "outside the guest's RAM (16 MiB: 0-FFFFFFh); -m 17M"));
	free(code);
}

int main(void)
{
#define LOADER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		LOADER_TEST(test_loaded_at_1_mib_in_long_mode),
		LOADER_TEST(test_one_byte_is_enough_and_none_is_not),
		LOADER_TEST(test_known_files_are_named),
		LOADER_TEST(test_linux_kernel_with_mz_is_a_linux_kernel),
		LOADER_TEST(test_text_is_no_code),
		LOADER_TEST(test_multiboot_2_is_named),
		LOADER_TEST(test_larger_than_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
