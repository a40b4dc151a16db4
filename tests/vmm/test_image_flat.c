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
	BAD(f, "\n  Linux: no Linux setup header (HdrS) at 202h"
	       "\n  multiboot: no Multiboot header in the first 8192 bytes"
	       "\n  multiboot2: no Multiboot 2 header in the first 32768 bytes"
	       "\n  ELF: does not begin as an ELF file"
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
		{0, "MZ", 2, "a DOS program"},
		{0, "#!", 2, "a script"},
		{0, "\x1F\x8B", 2, "gzip"},
		{0, "\3757zXZ", 5, "packed with xz"},
		{0, "\x28\xB5\x2F\xFD", 4, "zstd"},
		{0, "BZh", 3, "bzip2"},
		{0, "\x02\x21\x4C\x18", 4, "lz4"},
		{0, "\x04\x22\x4D\x18", 4, "lz4"},
		{0, "\x89LZO", 4, "lzop"},
		{0, "\x5D\0\0\x80\0", 5, "lzma"},
		{0, "PK\x03\x04", 4, "zip archive"},
		{0, "!<arch>\n", 8, "archive of object files"},
		{0, "QFI\xFB", 4, "qcow2"},
		{0, "hsqs", 4, "squashfs"},
		{0, "070701", 6, "an initrd, which goes beside a kernel"},
		{0, "070702", 6, "an initrd, which goes beside a kernel"},
		{0, "070707", 6, "an initrd, which goes beside a kernel"},
		{0, "\xC7\x71", 2, "an initrd, which goes beside a kernel"},
		{0, "\x27\x05\x19\x56", 4, "uImage"},
		{0, "\xD0\x0D\xFE\xED", 4, "a device tree"},
		{0x38, "ARM\x64", 4, "a Linux arm64 Image"},
		{0x38, "RSC\x05", 4, "a Linux RISC-V Image"},
		{0x24, "\x18\x28\x6F\x01", 4, "a Linux ARM zImage"},
		{0x101, "ustar", 5, "a tar archive"},
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

static void test_linux_image_with_mz_is_no_dos_program(void **state)
{
	struct fixture *f = *state;

	build_code(&f->build, 1024);
	memcpy(f->build.bytes, "MZ", 2);
	memcpy(f->build.bytes + 0x38, "ARM\x64", 4);
	build_put(&f->build, 0x3C, 0x80, 4);
	memcpy(f->build.bytes + 0x80, "PE\0\0", 4);
	BAD(f, "flat binary: a Linux arm64 Image");
}

static void test_what_begins_with_mz(void **state)
{
	static const struct {
		size_t size;
		uint32_t pe;
		uint16_t subsystem;
		const char *phrase;
	} rows[] = {
		{1024, 0x80, 9, "a Windows program"},
		{1024, 0x80, 10, "an EFI application without the Linux header"},
		{1024, 0x80, 13, "an EFI application"},
		{1024, 0x80, 14, "a Windows program"},
		{0x80 + 0x5E, 0x80, 10, "an EFI application"},
		{0x80 + 0x5D, 0x80, 10, "a DOS program"},
		{1024, 0x81, 10, "a DOS program"},
		{1024, 0xFFFFFFFF, 10, "a DOS program"},
		{0x40, 0x80, 10, "a DOS program"},
		{0x3F, 0x80, 10, "a DOS program"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_code(&f->build, 1024);
		memcpy(f->build.bytes, "MZ", 2);
		build_put(&f->build, 0x3C, rows[i].pe, 4);
		memcpy(f->build.bytes + 0x80, "PE\0\0", 4);
		build_put(&f->build, 0x80 + 0x5C, rows[i].subsystem, 2);
		f->build.size = rows[i].size;
		BAD(f, rows[i].phrase);
	}
}

static void test_cd_image_is_named(void **state)
{
	struct fixture *f = *state;
	static const char magic[5] = {'C', 'D', '0', '0', '1'};
	uint8_t *cd = calloc(1, 0x8006);
	struct boot_state boot;

	assert_non_null(cd);
	memcpy(cd + 0x8001, magic, sizeof(magic));
	f->request.image.bytes = cd;
	for (size_t size = 0x8005; size <= 0x8006; size++) {
		f->request.image.size = size;
		assert_int_equal(image_load(&f->request, &f->ram, &boot, &f->error),
				 size == 0x8006 ? -1 : 0);
	}
	assert_non_null(strstr(f->error.text, "flat binary: a CD image"));
	free(cd);
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
		LOADER_TEST(test_linux_image_with_mz_is_no_dos_program),
		LOADER_TEST(test_what_begins_with_mz),
		LOADER_TEST(test_cd_image_is_named),
		LOADER_TEST(test_text_is_no_code),
		LOADER_TEST(test_larger_than_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
