// SPDX-License-Identifier: BSD-2-Clause
// Multiboot images: where the header is found, loading by its addresses and by ELF, its refusals.
// Not the information structure's fields: test_multiboot_info.c has those.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "tests/vmm/image_fixture.h"

#define BAD(f, phrase)                                                                             \
 fixture_refused((f), IMAGE_BAD, (phrase), "cannot boot 'img': no image format fits")

enum { ADDRESSES = 0x10000 };

static void assert_entered(struct fixture *f, uint64_t entry, uint64_t info)
{
	assert_int_equal(f->state.rip, entry);
	assert_int_equal(f->state.rax, 0x2BADB002);
	assert_int_equal(f->state.rbx, info);
	assert_int_equal(f->state.cr0, 0x11);
	assert_int_equal(f->state.cs.selector, 0x08);
	assert_int_equal(f->state.gdtr.base, info - 0x100);
	assert_int_equal(fixture_u64(f, info - 0x100 + 8) >> 40, 0x00CF9B);
}

/* 100h bytes of file loaded to 100000h, the header at offset 20h of them, entered at 100040h. */
static void build_aout(struct image_build *b)
{
	memset(b, 0, sizeof(*b));
	build_fill(b, 0, 0x33, 0x100);
	build_multiboot(b, 0x20, ADDRESSES);
	build_addresses(b, 0x20, 0x100020, 0x100000, 0x100100, 0x100200, 0x100040);
}

static void build_elf_with_header(struct image_build *b, bool wide, uint32_t flags)
{
	build_small_elf(b, wide, 0x100000);
	build_multiboot(b, 0x800, flags);
}

static void test_elf_of_either_width(void **state)
{
	struct fixture *f = *state;

	for (unsigned wide = 0; wide < 2; wide++) {
		build_elf_with_header(&f->build, wide, 0);
		build_load(&f->build, 0x1000, 0x200000, 8, 0x1234);
		assert_int_equal(fixture_load(f), 0);
		assert_entered(f, 0x100000, 0x7100);
		fixture_ram_is(f, 0x100000, 0x90, 16);
		fixture_ram_is(f, 0x200000, 0x90, 8);
		fixture_ram_is(f, 0x200008, 0, 0x122C);
		fixture_ram_is(f, 0x201234, FIXTURE_DIRT, 1);
	}
	/* No page tables for an image that starts unpaged. */
	fixture_ram_is(f, 0x9000, FIXTURE_DIRT, 0x6000);
}

static void test_elf32_entry_that_is_virtual(void **state)
{
	struct fixture *f = *state;

	build_elf(&f->build, false, 0xC0100004);
	build_phdr(&f->build,
		   (struct build_segment){BUILD_PT_LOAD, 0x1000, 0xC0100000, 0x100000, 16, 16});
	build_fill(&f->build, 0x1000, 0x90, 16);
	build_multiboot(&f->build, 0x800, 3);
	assert_int_equal(fixture_load(f), 0);
	assert_entered(f, 0x100004, 0x7100);
}

static void test_elf32_without_header(void **state)
{
	struct fixture *f = *state;

	build_small_elf(&f->build, false, 0x100000);
	BAD(f, "\n  multiboot: no Multiboot header in the first 8192 bytes"
	       "\n  multiboot2: no Multiboot 2 header in the first 32768 bytes"
	       "\n  ELF: an ELF file of 32 bits");
	assert_non_null(
		strstr(f->error.text, "\n  flat binary: not tried, the file is of format ELF"));
}

static void test_elf32_truncated_anywhere(void **state)
{
	struct fixture *f = *state;

	build_elf_with_header(&f->build, false, 0);
	for (size_t size = 0x80C; size < 0x1010; size++) {
		f->build.size = size;
		BAD(f, "multiboot: truncated: program header 0");
	}
	f->build.size = 0x1010;
	assert_int_equal(fixture_load(f), 0);
}

static void test_elf_for_another_machine(void **state)
{
	struct fixture *f = *state;

	build_elf_with_header(&f->build, false, 0);
	build_put(&f->build, 18, BUILD_EM_X86_64, 2);
	BAD(f, "an ELF32 file for machine 62; only 3 (80386)");
	assert_non_null(strstr(f->error.text, "ELF: not tried, the file is of format multiboot"));
	build_elf_with_header(&f->build, false, 0);
	build_put(&f->build, 4, 9, 1);
	BAD(f, "multiboot: an ELF file of unknown class 9");
}

static void test_where_a_header_is_found(void **state)
{
	static const struct {
		size_t at;
		bool found;
	} rows[] = {
		{0x800, true},     {0x801, false},     {0x802, false}, {8192 - 12, true},
		{8192 - 8, false}, {8192 - 11, false}, {8192, false},  {8196, false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_elf(&f->build, false, 0x100000);
		build_load(&f->build, 0x400, 0x100000, 16, 16);
		build_fill(&f->build, 0x400, 0x90, 16);
		build_fill(&f->build, 0x2800, 0, 16);
		build_multiboot(&f->build, rows[i].at, 0);
		if (rows[i].found)
			assert_int_equal(fixture_load(f), 0);
		else
			BAD(f, "multiboot: no Multiboot header in the first 8192 bytes");
	}
}

static void test_wrong_checksums_are_passed_over(void **state)
{
	struct fixture *f = *state;

	build_elf_with_header(&f->build, false, 0);
	build_put(&f->build, 0x808, 0, 4);
	BAD(f,
	    "multiboot: the Multiboot header at offset 2048 has a wrong checksum: its three fields must add up to 0");
	build_multiboot(&f->build, 0x900, 0);
	assert_int_equal(fixture_load(f), 0);
}

static void test_header_flags(void **state)
{
	struct fixture *f = *state;

	for (unsigned bit = 0; bit < 32; bit++) {
		if (bit == 16)
			continue;
		build_elf_with_header(&f->build, false, UINT32_C(1) << bit);
		if (bit >= 3 && bit < 16)
			BAD(f, "requires what is not known here");
		else
			assert_int_equal(fixture_load(f), 0);
	}
}

static void test_image_loaded_by_the_headers_addresses(void **state)
{
	struct fixture *f = *state;

	build_aout(&f->build);
	assert_int_equal(fixture_load(f), 0);
	assert_entered(f, 0x100040, 0x7100);
	fixture_ram_is(f, 0x100000, 0x33, 0x20);
	assert_int_equal(fixture_u32(f, 0x100020), 0x1BADB002);
	fixture_ram_is(f, 0x100040, 0x33, 0xC0);
	fixture_ram_is(f, 0x100100, 0, 0x100);
	fixture_ram_is(f, 0x100200, FIXTURE_DIRT, 16);
}

/* Flag bit 16 goes before the ELF headers, whatever the file's width. */
static void test_addresses_win_over_elf(void **state)
{
	struct fixture *f = *state;

	for (unsigned wide = 0; wide < 2; wide++) {
		build_small_elf(&f->build, wide, 0x900000);
		build_multiboot(&f->build, 0x800, ADDRESSES);
		build_addresses(&f->build, 0x800, 0x400800, 0x400000, 0, 0, 0x401000);
		assert_int_equal(fixture_load(f), 0);
		assert_entered(f, 0x401000, 0x7100);
		assert_int_equal(fixture_u32(f, 0x400000), 0x464C457F);
		fixture_ram_is(f, 0x401000, 0x90, 16);
		fixture_ram_is(f, 0x401010, FIXTURE_DIRT, 16);
	}
}

/* The file's bytes before the load address stay outside. */
static void test_load_address_inside_the_file(void **state)
{
	struct fixture *f = *state;

	build_aout(&f->build);
	build_addresses(&f->build, 0x20, 0x100020, 0x100010, 0, 0, 0x100040);
	assert_int_equal(fixture_load(f), 0);
	fixture_ram_is(f, 0x100000, FIXTURE_DIRT, 0x10);
	fixture_ram_is(f, 0x100010, 0x33, 0x10);
	fixture_ram_is(f, 0x1000FF, 0x33, 1);
	fixture_ram_is(f, 0x100100, FIXTURE_DIRT, 1);
}

static void test_addresses_that_are_wrong(void **state)
{
	static const struct {
		uint32_t header, load, load_end, bss_end, entry;
		const char *phrase; /* NULL: accepted */
	} rows[] = {
		{0x100020, 0x100000, 0x100100, 0x100200, 0x1000FF, NULL},
		{0x100020, 0x100000, 0x100100, 0x100100, 0x1000FF, NULL},
		{0x100020, 0x100020, 0, 0, 0x100020, NULL},
		{0x100020, 0x100021, 0, 0, 0x100040, "is not in the file"},
		{0x100021, 0x100000, 0, 0, 0x100040, "is not in the file"},
		{0x10, 0xFFFFFFF8, 0, 0, 0x100040, "is not in the file"},
		{0xFFFFFFFF, 0, 0, 0, 0, "is not in the file"},
		{0x100020, 0x100000, 0x100000, 0, 0x100040, "is not above its load address"},
		{0x100020, 0x100000, 1, 0, 0x100040, "is not above its load address"},
		{0x100020, 0x100000, 0x100101, 0, 0x100040, "truncated: the header wants 257"},
		{0x100020, 0x100000, 0xFFFFFFFF, 0, 0x100040, "truncated: the header wants"},
		{0x100020, 0x100000, 0x100100, 0x1000FF, 0x100040, "bss end 1000FFh lies before"},
		{0x100020, 0x100000, 0x100100, 1, 0x100040, "bss end 1h lies before"},
		{0x100020, 0x100000, 0, 0x1000FF, 0x100040, "bss end 1000FFh lies before"},
		{0x100020, 0x100000, 0, 0xFFFFFFFF, 0x100040, "lies outside the guest's RAM"},
		{0xFFFFFF20, 0xFFFFFF00, 0, 0, 0xFFFFFF40, "no -m would hold it"},
		{0xFFFFFFA0, 0xFFFFFF80, 0, 0, 0xFFFFFFC0, "lies above 4 GiB"},
		{0x100020, 0x100000, 0, 0x100200, 0x100100, "lies in nothing that is loaded"},
		{0x100020, 0x100000, 0, 0x100200, 0xFFFFF, "lies in nothing that is loaded"},
		{0xA0020, 0xA0000, 0, 0, 0xA0020, "touches A0000h-FFFFFh"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_aout(&f->build);
		build_addresses(&f->build, 0x20, rows[i].header, rows[i].load, rows[i].load_end,
				rows[i].bss_end, rows[i].entry);
		if (rows[i].phrase)
			BAD(f, rows[i].phrase);
		else
			assert_int_equal(fixture_load(f), 0);
	}
}

static void test_address_fields_cut_off(void **state)
{
	struct fixture *f = *state;

	build_aout(&f->build);
	for (size_t size = 0x20 + 12; size < 0x20 + 32; size++) {
		f->build.size = size;
		BAD(f, "address fields of the header at offset 32 are cut off");
	}
	memset(&f->build, 0, sizeof(f->build));
	build_fill(&f->build, 0, 0x33, 16384);
	build_multiboot(&f->build, 8192 - 28, ADDRESSES);
	build_addresses(&f->build, 8192 - 28, 0x100000 + 8192 - 28, 0x100000, 0, 0, 0x100000);
	BAD(f, "address fields of the header at offset 8164 are cut off");
}

static void test_header_without_addresses_in_no_elf(void **state)
{
	struct fixture *f = *state;

	build_aout(&f->build);
	build_multiboot(&f->build, 0x20, 0);
	BAD(f, "gives no addresses (flag bit 16), and it is no ELF file");
	assert_non_null(
		strstr(f->error.text, "flat binary: not tried, the file is of format multiboot"));
}

static void test_elf64_segment_above_4_gib(void **state)
{
	struct fixture *f = *state;

	build_elf_with_header(&f->build, true, 0);
	build_load(&f->build, 0x1000, 0x100000000, 16, 16);
	BAD(f, "lies above 4 GiB, out of reach for what starts");
	build_elf_with_header(&f->build, true, 0);
	build_load(&f->build, 0x1000, 0xFFFFFFF8, 16, 16);
	BAD(f, "lies above 4 GiB, out of reach for what starts");
}

/* GDT and information make way for an image in low memory. */
static void test_tables_beside_a_low_image(void **state)
{
	static const struct {
		uint64_t gpa, size, info;
	} rows[] = {
		{0x8000, 0x3000, 0x7100},    {0x6000, 0x1000, 0x7100},   {0x7FFF, 16, 0x9E100},
		{0x7000, 16, 0x9E100},       {0x1000, 0x20000, 0x9E100}, {0x1000, 0x9D000, 0x9E100},
		{0x1000, 0x9D001, 0x100100}, {0, 0xA0000, 0x100100},
	};
	struct fixture *f = *state;
	const struct image_file module = {"m", "m", 1};

	f->request.modules = &module;
	f->request.module_count = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_elf(&f->build, false, rows[i].gpa);
		build_load(&f->build, 0x1000, rows[i].gpa, 16, rows[i].size);
		build_fill(&f->build, 0x1000, 0x90, 16);
		build_multiboot(&f->build, 0x800, 0);
		assert_int_equal(fixture_load(f), 0);
		assert_entered(f, rows[i].gpa, rows[i].info);
		fixture_ram_is(f, rows[i].gpa, 0x90, 16);
		if (rows[i].size > 16)
			fixture_ram_is(f, rows[i].gpa + 16, 0, rows[i].size - 16);
		/* The module stands behind the tables where those are above 1 MiB. */
		assert_int_equal(fixture_u32(f, fixture_u32(f, rows[i].info + 24)),
				 rows[i].info == 0x100100 ? 0x101000 : 0x100000);
	}
}

int main(void)
{
#define LOADER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		LOADER_TEST(test_elf_of_either_width),
		LOADER_TEST(test_elf32_entry_that_is_virtual),
		LOADER_TEST(test_elf32_without_header),
		LOADER_TEST(test_elf32_truncated_anywhere),
		LOADER_TEST(test_elf_for_another_machine),
		LOADER_TEST(test_where_a_header_is_found),
		LOADER_TEST(test_wrong_checksums_are_passed_over),
		LOADER_TEST(test_header_flags),
		LOADER_TEST(test_image_loaded_by_the_headers_addresses),
		LOADER_TEST(test_addresses_win_over_elf),
		LOADER_TEST(test_load_address_inside_the_file),
		LOADER_TEST(test_addresses_that_are_wrong),
		LOADER_TEST(test_address_fields_cut_off),
		LOADER_TEST(test_header_without_addresses_in_no_elf),
		LOADER_TEST(test_elf64_segment_above_4_gib),
		LOADER_TEST(test_tables_beside_a_low_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
