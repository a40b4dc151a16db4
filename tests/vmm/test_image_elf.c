// SPDX-License-Identifier: BSD-2-Clause
// Plain ELF64 images: what is loaded and entered, and each way in which a file can be wrong.
// Also what is the same for all formats: RAM, reserved areas, the command line's and modules'
// place.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "tests/vmm/image_fixture.h"

#define BAD(f, phrase)                                                                             \
 fixture_refused((f), IMAGE_BAD, (phrase), "cannot boot 'img': no image format fits")

static void test_small_image_is_loaded_and_entered(void **state)
{
	struct fixture *f = *state;

	build_small_elf(&f->build, true, 0x100000);
	assert_int_equal(fixture_load(f), 0);
	fixture_ram_is(f, 0x100000, 0x90, 16);
	fixture_ram_is(f, 0x100010, FIXTURE_DIRT, 16);
	fixture_ram_is(f, 0xFFFF0, FIXTURE_DIRT, 16);
	assert_int_equal(f->state.rip, 0x100000);
	assert_int_equal(f->state.cs.selector, 0x18);
	assert_true(f->state.cs.l);
	assert_int_equal(f->state.cr0, 0x80000011);
	assert_int_equal(f->state.rdi, 0x7100);
	assert_int_equal(f->state.rbx, 0x7100);
	assert_int_equal(f->state.gdtr.base, 0x7000);
	assert_int_equal(fixture_u32(f, 0x9000) & 0xFFF, 3);
	assert_string_equal(fixture_string(f, fixture_u32(f, 0x7100 + 16)), "img");
}

static void test_segments_go_to_their_physical_address(void **state)
{
	struct fixture *f = *state;

	build_elf(&f->build, true, 0xFFFFFFFF80200008);
	build_load(&f->build, 0x1000, 0x300000, 0x10, 0x10);
	build_phdr(&f->build, (struct build_segment){4, 0, 0, 0, 0xFFFFFFFF, 1}); /* PT_NOTE */
	build_load(&f->build, 0x1000, 0x310000, 0, 0);
	build_phdr(&f->build, (struct build_segment){BUILD_PT_LOAD, 0x1010, 0xFFFFFFFF80200000,
						     0x200000, 0x20, 0x3010});
	build_fill(&f->build, 0x1000, 0x11, 0x10);
	build_fill(&f->build, 0x1010, 0x22, 0x20);
	assert_int_equal(fixture_load(f), 0);
	fixture_ram_is(f, 0x300000, 0x11, 0x10);
	fixture_ram_is(f, 0x200000, 0x22, 0x20);
	fixture_ram_is(f, 0x200020, 0, 0x2FF0);
	fixture_ram_is(f, 0x203010, FIXTURE_DIRT, 1);
	fixture_ram_is(f, 0x310000, FIXTURE_DIRT, 1);
	assert_int_equal(f->state.rip, 0x200008);
}

static void test_entry_that_is_physical_stays(void **state)
{
	struct fixture *f = *state;

	build_elf(&f->build, true, 0x200004);
	build_phdr(&f->build, (struct build_segment){BUILD_PT_LOAD, 0x1000, 0xFFFFFFFF80000000,
						     0x200000, 0x10, 0x10});
	build_fill(&f->build, 0x1000, 0x22, 0x10);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(f->state.rip, 0x200004);
}

static void test_first_of_two_segments_has_the_entry(void **state)
{
	struct fixture *f = *state;

	build_elf(&f->build, true, 0x8004);
	build_phdr(&f->build,
		   (struct build_segment){BUILD_PT_LOAD, 0x1000, 0x8000, 0x200000, 16, 16});
	build_phdr(&f->build,
		   (struct build_segment){BUILD_PT_LOAD, 0x1000, 0x8000, 0x300000, 16, 16});
	build_fill(&f->build, 0x1000, 0x90, 16);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(f->state.rip, 0x200004);
}

static void test_entry_in_nothing_loaded(void **state)
{
	static const uint64_t entries[] = {0, 0xFFFFF, 0x100010, 0x100020, 0xFFFFFFFFFFFFFFFF};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		build_elf(&f->build, true, entries[i]);
		build_load(&f->build, 0x1000, 0x100000, 0x10, 0x100);
		build_fill(&f->build, 0x1000, 0x90, 0x10);
		BAD(f, "lies in nothing that is loaded");
	}
	build_elf(&f->build, true, 0x10000F);
	build_load(&f->build, 0x1000, 0x100000, 0x10, 0x100);
	build_fill(&f->build, 0x1000, 0x90, 0x10);
	assert_int_equal(fixture_load(f), 0);
}

/* Every prefix of a good file that still begins as one. */
static void test_truncated_anywhere(void **state)
{
	struct fixture *f = *state;

	build_small_elf(&f->build, true, 0x100000);
	for (size_t size = 4; size < 0x1010; size++) {
		f->build.size = size;
		BAD(f, "ELF: truncated");
	}
	f->build.size = 0x1010;
	assert_int_equal(fixture_load(f), 0);
}

static void test_header_fields(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
		size_t width;
		const char *phrase;
	} rows[] = {
		{4, 3, 1, "ELF: an ELF file of unknown class 3"},
		{4, 1, 1, "ELF: an ELF32 file for machine 62; only 3"},
		{5, 2, 1, "not little-endian"},
		{5, 0, 1, "not little-endian"},
		{16, 0, 2, "of type 0, which is no executable"},
		{16, 1, 2, "of type 1, which is no executable"},
		{16, 3, 2, "position-independent"},
		{16, 4, 2, "of type 4"},
		{18, 3, 2, "for machine 3; only 62 (x86-64)"},
		{18, 183, 2, "for machine 183"},
		{32, 0x1010 - 55, 8, "truncated: 1 program headers"},
		{32, UINT64_MAX, 8, "truncated: 1 program headers"},
		{32, UINT64_MAX - 55, 8, "truncated: 1 program headers"},
		{54, 55, 2, "its program headers are 55 bytes each"},
		{54, 0, 2, "its program headers are 0 bytes each"},
		{54, 0xFFFF, 2, "its program headers are 65535 bytes each"},
		{56, 0, 2, "without program headers"},
		{56, 0xFFFF, 2, "truncated: 65535 program headers"},
		{64, 0, 4, "nothing to load"},
		{64, BUILD_PT_INTERP, 4, "dynamically linked"},
		{64 + 8, UINT64_MAX, 8, "truncated: program header 0"},
		{64 + 8, 0x1001, 8, "truncated: program header 0"},
		{64 + 24, UINT64_MAX - 8, 8, "wraps around"},
		{64 + 32, 17, 8, "truncated: program header 0 wants 17 bytes at offset 4096"},
		{64 + 32, UINT64_MAX, 8, "truncated: program header 0"},
		{64 + 40, 15, 8, "more bytes in the file (16) than in memory (15)"},
		{64 + 40, 0, 8, "nothing to load"},
		{64 + 40, UINT64_MAX, 8, "wraps around"},
		{64 + 40, UINT64_MAX - 0x100000, 8, "outside the guest's RAM"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_small_elf(&f->build, true, 0x100000);
		build_put(&f->build, rows[i].at, rows[i].value, rows[i].width);
		BAD(f, rows[i].phrase);
		assert_non_null(strstr(f->error.text, "\n  multiboot: no Multiboot header"));
		assert_non_null(strstr(f->error.text, "\n  flat binary: "));
	}
}

static void test_too_many_segments(void **state)
{
	struct fixture *f = *state;

	for (unsigned count = 64; count <= 65; count++) {
		build_elf(&f->build, true, 0x100000);
		for (unsigned i = 0; i < count; i++)
			build_load(&f->build, 0x2000, 0x100000 + i * UINT64_C(0x1000), 16, 16);
		build_fill(&f->build, 0x2000, 0x90, 16);
		if (count == 65)
			BAD(f, "more than 64 segments");
		else
			assert_int_equal(fixture_load(f), 0);
	}
}

static void test_segments_that_overlap(void **state)
{
	static const struct {
		uint64_t first, first_size, second, second_size;
		bool overlap;
	} rows[] = {
		{0x100000, 0x1000, 0x101000, 16, false}, {0x100000, 0x1001, 0x101000, 16, true},
		{0x101000, 16, 0x100000, 0x1000, false}, {0x101000, 16, 0x100000, 0x1001, true},
		{0x100000, 16, 0x100000, 16, true},      {0x100000, 0x10000, 0x108000, 16, true},
		{0x108000, 16, 0x100000, 0x10000, true},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_elf(&f->build, true, rows[i].first);
		build_load(&f->build, 0x1000, rows[i].first, 16, rows[i].first_size);
		build_load(&f->build, 0x1010, rows[i].second, 16, rows[i].second_size);
		build_fill(&f->build, 0x1000, 0x11, 16);
		build_fill(&f->build, 0x1010, 0x22, 16);
		if (rows[i].overlap) {
			BAD(f, "overlap");
			continue;
		}
		assert_int_equal(fixture_load(f), 0);
		fixture_ram_is(f, rows[i].first, 0x11, 16);
		fixture_ram_is(f, rows[i].second, 0x22, 16);
	}
}

static void test_places_where_no_segment_may_lie(void **state)
{
	static const char tables[] = "touches 7000h-EFFFh";
	static const char reserved[] = "touches A0000h-FFFFFh";
	static const struct {
		uint64_t gpa, size;
		const char *phrase; /* NULL: accepted */
	} rows[] = {
		{0x1000, 0x6000, NULL},
		{0x1000, 0x6001, tables},
		{0x7000, 16, tables},
		{0xEFF0, 16, tables},
		{0xEFF1, 16, tables},
		{0xF000, 16, NULL},
		{0, 0x10000, tables},
		{0x9FFF0, 16, NULL},
		{0x9FFF1, 16, reserved},
		{0xA0000, 16, reserved},
		{0xFFFF0, 16, reserved},
		{0xF0000, 0x20000, reserved},
		{0xFFFFF0, 16, NULL},
		{0xFFFFF1, 16, "lies outside the guest's RAM (16 MiB: 0-FFFFFFh); -m 17M would"},
		{0x1000000, 16, "-m 17M would hold it"},
		{0xBFFFFFF0, 16, "-m 3072M would hold it"},
		{0xC0000000, 16, "no -m would hold it"},
		{0x100000000, 16, "-m 3073M would hold it"},
		{0xFFFFFFFFFFFFFFEF, 16, "no -m would hold it"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_elf(&f->build, true, rows[i].gpa);
		build_load(&f->build, 0x1000, rows[i].gpa, 16, rows[i].size);
		build_fill(&f->build, 0x1000, 0x90, 16);
		if (rows[i].phrase)
			BAD(f, rows[i].phrase);
		else
			assert_int_equal(fixture_load(f), 0);
	}
}

/* The size named is for the whole image, not only for the first segment that does not fit. */
static void test_the_size_that_would_do(void **state)
{
	struct fixture *f = *state;

	build_elf(&f->build, true, 0x1000000);
	build_load(&f->build, 0x1000, 0x1000000, 16, 16);
	build_load(&f->build, 0x1000, 0x4000000, 16, 0x100001);
	build_fill(&f->build, 0x1000, 0x90, 16);
	BAD(f, "1000000h-100000Fh lies outside the guest's RAM (16 MiB: 0-FFFFFFh); -m 66M");
}

static void test_entry_above_4_gib(void **state)
{
	static const struct image_file module = {"m", "m", 1};
	struct fixture *f = *state;
	char why[200];

	ram_destroy(&f->ram);
	assert_int_equal(ram_create(&f->ram, UINT64_C(3080) << 20, why, sizeof(why)), RAM_OK);
	build_small_elf(&f->build, true, 0x100000010);
	BAD(f, "its entry point 100000010h lies above 4 GiB");

	f->request.modules = &module;
	f->request.module_count = 1;
	build_elf(&f->build, true, 0x200000);
	build_load(&f->build, 0x1000, 0x200000, 16, 16);
	build_load(&f->build, 0x1000, 0x100000000, 16, 0x2000);
	build_fill(&f->build, 0x1000, 0x90, 16);
	assert_int_equal(fixture_load(f), 0);
	fixture_ram_is(f, 0x100000000, 0x90, 16);
	/* Modules stay below 4 GiB. */
	assert_int_equal(fixture_u32(f, fixture_u32(f, f->state.rdi + 24)), 0x201000);
}

static void test_modules_follow_the_whole_image(void **state)
{
	static const char text[] = "module";
	const struct image_file modules[] = {
		{"one", text, 6}, {"empty", text, 0}, {"two", text, 4}};
	struct fixture *f = *state;
	uint32_t list;

	f->request.modules = modules;
	f->request.module_count = 3;
	build_elf(&f->build, true, 0x300000);
	build_load(&f->build, 0x1000, 0x300000, 16, 0x2001);
	build_load(&f->build, 0x1000, 0x200000, 16, 16);
	build_fill(&f->build, 0x1000, 0x90, 16);
	assert_int_equal(fixture_load(f), 0);
	list = fixture_u32(f, f->state.rdi + 24);
	assert_int_equal(fixture_u32(f, f->state.rdi + 20), 3);
	assert_int_equal(fixture_u32(f, list), 0x303000);
	assert_int_equal(fixture_u32(f, list + 4), 0x303006);
	assert_int_equal(fixture_u32(f, list + 16), 0x304000);
	assert_int_equal(fixture_u32(f, list + 20), 0x304000);
	assert_int_equal(fixture_u32(f, list + 32), 0x304000);
	assert_int_equal(fixture_u32(f, list + 36), 0x304004);
	assert_memory_equal(ram_at(&f->ram, 0x303000, 6), "module", 6);
	assert_memory_equal(ram_at(&f->ram, 0x304000, 4), "modu", 4);
	assert_string_equal(fixture_string(f, fixture_u32(f, list + 40)), "two");
}

int main(void)
{
#define LOADER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		LOADER_TEST(test_small_image_is_loaded_and_entered),
		LOADER_TEST(test_segments_go_to_their_physical_address),
		LOADER_TEST(test_entry_that_is_physical_stays),
		LOADER_TEST(test_first_of_two_segments_has_the_entry),
		LOADER_TEST(test_entry_in_nothing_loaded),
		LOADER_TEST(test_truncated_anywhere),
		LOADER_TEST(test_header_fields),
		LOADER_TEST(test_too_many_segments),
		LOADER_TEST(test_segments_that_overlap),
		LOADER_TEST(test_places_where_no_segment_may_lie),
		LOADER_TEST(test_the_size_that_would_do),
		LOADER_TEST(test_entry_above_4_gib),
		LOADER_TEST(test_modules_follow_the_whole_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
