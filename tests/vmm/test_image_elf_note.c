// SPDX-License-Identifier: BSD-2-Clause
// ELF images that their notes tell apart: PVH with its start info, and Linux's vmlinux without it.
// Not the program headers, which test_image_elf.c has.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/vmm/image_fixture.h"
#include "vmm/pvh_info.h"

#define BAD(f, phrase)                                                                             \
 fixture_refused((f), IMAGE_BAD, (phrase), "cannot boot 'img': no image format fits")

enum { INFO = 0x7100, NOTES = 0x800, PHYS32_ENTRY = 18, BUILD_SALT = 0x100 };

/* Entered at 200000h by e_entry, at 200004h by its PVH note. */
static void build_pvh(struct image_build *b, bool wide, size_t value_size)
{
	size_t end;

	build_small_elf(b, wide, 0x200000);
	end = build_note(b, NOTES, "GNU", 3, 0x1122334455667788, 7);
	end = build_note(b, end, "Xen", 5, 0xFFFFFFFF, 8);
	end = build_note(b, end, "Xen", PHYS32_ENTRY, 0x200004, value_size);
	build_notes(b, NOTES, end);
}

static bool is_pvh(const struct fixture *f)
{
	return f->state.rip == 0x200004 && f->state.cr0 == 0x11 && f->state.rax == 0;
}

static void test_pvh_entry(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 4; i++) {
		build_pvh(&f->build, i & 1, i & 2 ? 8 : 4);
		assert_int_equal(fixture_load(f), 0);
		assert_true(is_pvh(f));
		assert_int_equal(f->state.rbx, INFO);
		assert_true(f->state.cs.db && !f->state.cs.l);
		assert_int_equal(f->state.tr.limit, 0x67);
		assert_int_equal(f->state.cr4, 0);
		assert_int_equal(f->state.efer, 0);
		fixture_ram_is(f, 0x200000, 0x90, 16);
	}
	/* No page tables for an image that starts unpaged. */
	fixture_ram_is(f, 0x9000, FIXTURE_DIRT, 0x6000);
}

static void test_start_info(void **state)
{
	static const struct image_file modules[] = {{"rd", "initrd", 6}, {"more", "x", 1}};
	static const struct {
		uint64_t start, length;
		uint32_t type;
	} rows[] = {
		{0, 0x9FC00, 1},
		{0x9FC00, 0x400, 2},
		{0xF0000, 0x10000, 2},
		{0x100000, 0xF00000, 1},
	};
	struct fixture *f = *state;
	uint64_t list, map;

	f->request.append = "console=ttyS0 x";
	f->request.rsdp = 0xF1234;
	f->request.modules = modules;
	f->request.module_count = 2;
	build_pvh(&f->build, true, 4);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(fixture_u32(f, INFO), 0x336EC578);
	assert_int_equal(fixture_u32(f, INFO + 4), 1);
	assert_int_equal(fixture_u32(f, INFO + 8), 0);
	assert_int_equal(fixture_u32(f, INFO + 12), 2);
	assert_string_equal(fixture_string(f, fixture_u64(f, INFO + 24)), "console=ttyS0 x");
	assert_int_equal(fixture_u64(f, INFO + 32), 0xF1234);
	list = fixture_u64(f, INFO + 16);
	assert_int_equal(fixture_u64(f, list), 0x201000);
	assert_int_equal(fixture_u64(f, list + 8), 6);
	assert_string_equal(fixture_string(f, fixture_u64(f, list + 16)), "rd");
	assert_int_equal(fixture_u64(f, list + 24), 0);
	assert_int_equal(fixture_u64(f, list + 32), 0x202000);
	assert_int_equal(fixture_u64(f, list + 40), 1);
	assert_string_equal(fixture_string(f, fixture_u64(f, list + 48)), "more");
	assert_memory_equal(ram_at(&f->ram, 0x201000, 6), "initrd", 6);

	map = fixture_u64(f, INFO + 40);
	assert_int_equal(map % 8, 0);
	assert_int_equal(fixture_u64(f, INFO + 48), 4);
	for (size_t i = 0; i < 4; i++, map += 24) {
		assert_int_equal(fixture_u64(f, map), rows[i].start);
		assert_int_equal(fixture_u64(f, map + 8), rows[i].length);
		assert_int_equal(fixture_u64(f, map + 16), rows[i].type);
	}
	f->request.module_count = 0;
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(fixture_u32(f, INFO + 12), 0);
	assert_int_equal(fixture_u64(f, INFO + 16), 0);
}

static void test_start_info_needs_its_room(void **state)
{
	static const struct boot_module module = {0x200000, 0x200001, "m"};
	static const struct boot_content content = {
		.command_line = "abc", .modules = &module, .module_count = 1};
	struct fixture *f = *state;
	uint64_t size = pvh_info_size(&f->ram, &content);

	assert_int_equal(size, 56 + 4 * 24 + 32 + 2 + 4);
	assert_false(pvh_info_write(&f->ram, f->ram.size - size + 8, &content));
	fixture_ram_is(f, f->ram.size - size, FIXTURE_DIRT, size);
	assert_true(pvh_info_write(&f->ram, f->ram.size - size, &content));
	fixture_ram_is(f, f->ram.size - size - 1, FIXTURE_DIRT, 1);
}

static void test_pvh_entry_that_is_wrong(void **state)
{
	static const uint64_t entries[] = {0, 0x1FFFFF, 0x200010, 0xFFFFFFFF, 0x100200000};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		size_t end;

		build_small_elf(&f->build, true, 0x200000);
		end = build_note(&f->build, NOTES, "Xen", PHYS32_ENTRY, entries[i], 8);
		build_notes(&f->build, NOTES, end);
		BAD(f, "lies in nothing that is loaded");
	}
	build_pvh(&f->build, true, 4);
	build_load(&f->build, 0x1000, 0x100000000, 16, 16);
	BAD(f, "lies above 4 GiB, out of reach for what starts without paging");
}

/* What says nothing of PVH leaves a plain ELF64 image. */
static void test_notes_that_are_no_pvh_notes(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
		size_t width;
	} rows[] = {
		{NOTES, 5, 4},
		{NOTES, 3, 4},
		{NOTES, 0, 4},
		{NOTES, 0xFFFFFFFF, 4},
		{NOTES, 0xFFFFFFF0, 4},
		{NOTES + 4, 0, 4},
		{NOTES + 4, 3, 4},
		{NOTES + 4, 5, 4},
		{NOTES + 4, 0xFFFFFFFF, 4},
		{NOTES + 8, 17, 4},
		{NOTES + 8, 18 + 256, 4},
		{NOTES + 12, 'x', 1},
		{NOTES + 15, ' ', 1},
		{120 + 8, NOTES + 4, 8},
		{120 + 8, UINT64_MAX, 8},
		{120 + 8, 0x10000, 8},
		{120 + 32, 19, 8},
		{120 + 32, 0, 8},
		{120 + 32, 11, 8},
		{120 + 32, 15, 8},
		{120 + 32, 16, 8},
		{120 + 32, UINT64_MAX, 8},
		{120, 5, 4},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t end;

		build_small_elf(&f->build, true, 0x200000);
		end = build_note(&f->build, NOTES, "Xen", PHYS32_ENTRY, 0x200004, 4);
		build_notes(&f->build, NOTES, end);
		assert_int_equal(fixture_load(f), 0);
		assert_true(is_pvh(f));
		build_put(&f->build, rows[i].at, rows[i].value, rows[i].width);
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(f->state.rip, 0x200000);
		assert_true(f->state.cs.l);
		assert_int_equal(f->state.rax, 0x2BADB002);
	}
}

/* A last note whose padding is outside, with a note behind that is no note of this segment. */
static void test_padding_that_leaves_the_segment(void **state)
{
	struct fixture *f = *state;
	size_t end;

	build_small_elf(&f->build, true, 0x200000);
	end = build_note(&f->build, NOTES, "GNU", 3, 0, 5);
	build_note(&f->build, end, "Xen", PHYS32_ENTRY, 0x200004, 4);
	build_notes(&f->build, NOTES, end - 3);
	assert_int_equal(fixture_load(f), 0);
	assert_false(is_pvh(f));
	/* The same at the very end of the file. */
	build_small_elf(&f->build, true, 0x200000);
	end = build_note(&f->build, 0x1010, "GNU", 3, 0, 5);
	build_notes(&f->build, 0x1010, end - 3);
	f->build.size = end - 3;
	assert_int_equal(fixture_load(f), 0);
}

static void test_alignment_that_is_none(void **state)
{
	static const uint64_t aligns[] = {0, 1, 2, 4, 16, 0x1000, UINT64_MAX};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(aligns) / sizeof(aligns[0]); i++) {
		build_pvh(&f->build, true, 4);
		build_put(&f->build, 120 + 48, aligns[i], 8);
		assert_int_equal(fixture_load(f), 0);
		assert_true(is_pvh(f));
	}
}

/* As the linker writes .note.gnu.property: name and descriptor padded to 8. */
static void test_notes_padded_to_8(void **state)
{
	struct fixture *f = *state;
	size_t at = NOTES;

	build_small_elf(&f->build, true, 0x200000);
	build_note(&f->build, at, "Xen", 1, 0, 4);
	build_put(&f->build, at + 20, 0, 4);
	at = build_note(&f->build, at + 24, "Xen", PHYS32_ENTRY, 0x200004, 4);
	build_notes(&f->build, NOTES, at);
	build_put(&f->build, 120 + 48, 8, 8);
	assert_int_equal(fixture_load(f), 0);
	assert_true(is_pvh(f));
	build_put(&f->build, 120 + 48, 4, 8);
	assert_int_equal(fixture_load(f), 0);
	assert_false(is_pvh(f));
}

/* Only 65536 bytes of notes are looked at, however many segments there are of them. */
static void test_notes_without_end(void **state)
{
	enum { FIRST = 0x1000, SIZE = 0x20000, LOOKED_AT = 65536, NOTE = 20 };
	struct fixture *f = *state;
	uint8_t *big = calloc(1, SIZE);

	assert_non_null(big);
	for (size_t at = LOOKED_AT - NOTE; at <= LOOKED_AT - NOTE + 4; at += 4) {
		struct image_build note = {0};
		uint32_t padding = (uint32_t)at - 12;
		struct boot_state boot;

		build_small_elf(&f->build, true, 0x200000);
		build_put(&f->build, 64 + 8, 0, 8);
		build_notes(&f->build, FIRST, SIZE);
		build_note(&note, 0, "Xen", PHYS32_ENTRY, 0x200004, 4);
		memset(big, 0, SIZE);
		memcpy(big, f->build.bytes, FIRST);
		/* One nameless note, as long as all that is before the one that matters. */
		memcpy(big + FIRST + 4, &padding, sizeof(padding));
		memcpy(big + FIRST + at, note.bytes, NOTE);
		f->request.image.bytes = big;
		f->request.image.size = SIZE;
		assert_int_equal(image_load(&f->request, &f->ram, &boot, &f->error), 0);
		assert_int_equal(boot.rip, at == LOOKED_AT - NOTE ? 0x200004 : 0x200000);
	}
	free(big);
}

static void test_vmlinux_without_pvh_gets_boot_params(void **state)
{
	static const struct image_file initrd = {"rd", "initrd", 6};
	struct fixture *f = *state;

	f->request.append = "quiet";
	f->request.modules = &initrd;
	f->request.module_count = 1;
	for (unsigned wide = 0; wide < 2; wide++) {
		size_t end;

		build_small_elf(&f->build, wide, 0x200000);
		end = build_note(&f->build, NOTES, "Linux", BUILD_SALT, 0, 1);
		build_notes(&f->build, NOTES, end);
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(f->state.rip, 0x200000);
		assert_int_equal(f->state.rsi, INFO);
		assert_int_equal(f->state.cs.l, wide);
		assert_int_equal(f->state.cs.selector, 0x10);
		assert_int_equal(fixture_u32(f, INFO + 0x1FE) & 0xFFFF, 0xAA55);
		assert_int_equal(fixture_u32(f, INFO + 0x202), 0x53726448);
		assert_int_equal(fixture_u32(f, INFO + 0x206) & 0xFFFF, 0x20F);
		assert_int_equal(fixture_u32(f, INFO + 0x210) & 0xFFFF, 0x01FF);
		assert_int_equal(fixture_u32(f, INFO + 0x214), 0x200000);
		assert_int_equal(fixture_u32(f, INFO + 0x218), f->ram.size - 0x1000);
		assert_int_equal(fixture_u32(f, INFO + 0x21C), 6);
		assert_string_equal(fixture_string(f, fixture_u32(f, INFO + 0x228)), "quiet");
	}
}

static void test_pvh_goes_before_boot_params(void **state)
{
	struct fixture *f = *state;
	size_t end;

	build_small_elf(&f->build, true, 0x200000);
	end = build_note(&f->build, NOTES, "Linux", BUILD_SALT, 0, 1);
	end = build_note(&f->build, end, "Xen", PHYS32_ENTRY, 0x200004, 8);
	build_notes(&f->build, NOTES, end);
	assert_int_equal(fixture_load(f), 0);
	assert_true(is_pvh(f));
}

static void test_linux_takes_2047_bytes_of_command_line(void **state)
{
	struct fixture *f = *state;
	char text[2049];
	size_t end;

	memset(text, 'x', sizeof(text) - 1);
	text[2047] = '\0';
	f->request.append = text;
	build_pvh(&f->build, true, 4);
	end = build_note(&f->build, 0xA00, "Linux", BUILD_SALT, 0, 1);
	build_notes(&f->build, 0xA00, end);
	assert_int_equal(fixture_load(f), 0);
	text[2047] = 'x';
	text[2048] = '\0';
	fixture_refused(f, IMAGE_BAD, "has 2048 bytes", "takes 2047 at most");
	/* A PVH kernel that is not Linux has no such limit. */
	build_pvh(&f->build, true, 4);
	assert_int_equal(fixture_load(f), 0);
}

/* Other notes of Linux's, and others' of that number. */
static void test_not_every_note_makes_a_vmlinux(void **state)
{
	struct fixture *f = *state;
	size_t end;

	build_small_elf(&f->build, true, 0x200000);
	end = build_note(&f->build, NOTES, "Linux", BUILD_SALT + 1, 0, 1);
	end = build_note(&f->build, end, "linux", BUILD_SALT, 0, 1);
	build_notes(&f->build, NOTES, end);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(f->state.rdi, INFO);
	assert_int_equal(f->state.rsi, 0);
	build_small_elf(&f->build, false, 0x200000);
	BAD(f, "ELF: an ELF file of 32 bits; it needs a Multiboot header or a PVH note");
}

int main(void)
{
#define LOADER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		LOADER_TEST(test_pvh_entry),
		LOADER_TEST(test_start_info),
		LOADER_TEST(test_start_info_needs_its_room),
		LOADER_TEST(test_pvh_entry_that_is_wrong),
		LOADER_TEST(test_notes_that_are_no_pvh_notes),
		LOADER_TEST(test_padding_that_leaves_the_segment),
		LOADER_TEST(test_alignment_that_is_none),
		LOADER_TEST(test_notes_padded_to_8),
		LOADER_TEST(test_notes_without_end),
		LOADER_TEST(test_vmlinux_without_pvh_gets_boot_params),
		LOADER_TEST(test_pvh_goes_before_boot_params),
		LOADER_TEST(test_linux_takes_2047_bytes_of_command_line),
		LOADER_TEST(test_not_every_note_makes_a_vmlinux),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
