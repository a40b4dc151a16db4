// SPDX-License-Identifier: BSD-2-Clause
// Multiboot 2 images: finding and reading the header, loading by its tags, relocation, refusals.
// And the information as an image walks it, tag by tag.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vmm/image_fixture.h"
#include "vmm/multiboot2_info.h"

#define BAD(f, phrase)                                                                             \
 fixture_refused((f), IMAGE_BAD, (phrase), "cannot boot 'img': no image format fits")

enum { INFO = 0x7100, AT = 0x800, OPTIONAL = 1 };
enum { REQUEST = 1, ADDRESS = 2, ENTRY = 3, CONSOLE = 4, RELOCATABLE = 10 };

/* Header, one tag and the end tag at `at`. */
static void add_header(struct image_build *b, size_t at, uint16_t type, uint16_t flags,
		       const uint32_t *words, size_t count)
{
	size_t end = at + 16;

	if (type)
		end = build_tag(b, end, type, flags, words, count);
	end = build_tag(b, end, 0, 0, NULL, 0);
	build_multiboot2(b, at, (uint32_t)(end - at));
}

static void build_elf_with_tag(struct image_build *b, uint16_t type, uint16_t flags,
			       const uint32_t *words, size_t count)
{
	build_small_elf(b, true, 0x100000);
	add_header(b, AT, type, flags, words, count);
}

/* 400h bytes of no ELF, to 200000h, the header at offset 40h of them, entered at 200008h. */
static void build_by_addresses(struct image_build *b, const uint32_t words[4], uint32_t entry)
{
	size_t end;

	memset(b, 0, sizeof(*b));
	build_fill(b, 0, 0x33, 0x400);
	end = build_tag(b, 0x50, ADDRESS, 0, words, 4);
	end = build_tag(b, end, ENTRY, 0, &entry, 1);
	end = build_tag(b, end, 0, 0, NULL, 0);
	build_multiboot2(b, 0x40, (uint32_t)(end - 0x40));
}

/* The tag of a type in the information; 0 if there is none. Every tag is aligned and inside. */
static uint64_t find_tag(struct fixture *f, uint32_t type)
{
	uint64_t end = INFO + fixture_u32(f, INFO), found = 0;
	uint64_t at = INFO + 8;

	assert_int_equal(f->state.rbx, INFO);
	assert_int_equal(fixture_u32(f, INFO + 4), 0);
	while (fixture_u32(f, at) != 0) {
		if (fixture_u32(f, at) == type && !found)
			found = at;
		assert_true(fixture_u32(f, at + 4) >= 8);
		at += ((uint64_t)fixture_u32(f, at + 4) + 7) / 8 * 8;
		assert_true(at < end);
	}
	assert_int_equal(fixture_u32(f, at + 4), 8);
	assert_int_equal(at + 8, end);
	return found;
}

static void test_elf_of_either_width(void **state)
{
	struct fixture *f = *state;

	for (unsigned wide = 0; wide < 2; wide++) {
		build_small_elf(&f->build, wide, 0x100000);
		add_header(&f->build, AT, 0, 0, NULL, 0);
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(f->state.rip, 0x100000);
		assert_int_equal(f->state.rax, 0x36D76289);
		assert_int_equal(f->state.rbx, INFO);
		assert_int_equal(f->state.cr0, 0x11);
		assert_true(f->state.cs.db);
		assert_int_equal(fixture_u64(f, f->state.gdtr.base + 8) >> 40, 0x00CF9B);
		fixture_ram_is(f, 0x100000, 0x90, 16);
	}
}

static void test_entry_tag_goes_before_the_elf_entry(void **state)
{
	static const uint32_t entry = 0x100008;
	struct fixture *f = *state;

	build_elf_with_tag(&f->build, ENTRY, 0, &entry, 1);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(f->state.rip, 0x100008);
}

static void test_where_a_header_is_found(void **state)
{
	static const struct {
		size_t at;
		const char *phrase; /* NULL: found */
	} rows[] = {
		{0x800, NULL},
		{0x804, "no Multiboot 2 header"},
		{32768 - 24, NULL},
		{32768 - 16, "has 24 bytes, and does not end in the file's first 32768"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_small_elf(&f->build, false, 0x100000);
		add_header(&f->build, rows[i].at, 0, 0, NULL, 0);
		f->build.size = sizeof(f->build.bytes);
		if (rows[i].phrase)
			BAD(f, rows[i].phrase);
		else
			assert_int_equal(fixture_load(f), 0);
	}
	build_small_elf(&f->build, false, 0x100000);
	add_header(&f->build, AT, 0, 0, NULL, 0);
	build_put(&f->build, AT + 12, 0, 1);
	BAD(f,
	    "the Multiboot 2 header at offset 2048 has a wrong checksum: its four fields must add up to 0");
	add_header(&f->build, AT + 8, 0, 0, NULL, 0);
	assert_int_equal(fixture_load(f), 0);
}

static void test_multiboot_1_goes_first(void **state)
{
	struct fixture *f = *state;

	build_elf_with_tag(&f->build, 0, 0, NULL, 0);
	build_multiboot(&f->build, 0x900, 0);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(f->state.rax, 0x2BADB002);
}

static void put_header(struct image_build *b, uint32_t architecture, uint32_t length)
{
	build_put(b, AT + 4, architecture, 4);
	build_put(b, AT + 8, length, 4);
	build_put(b, AT + 12, 0 - (0xE85250D6 + architecture + length), 4);
}

static void test_headers_that_are_wrong(void **state)
{
	static const struct {
		uint32_t architecture, length;
		const char *phrase;
	} rows[] = {
		{4, 24, "for architecture 4 (MIPS); only 0 (i386)"},
		{1, 24, "for architecture 1; only 0 (i386)"},
		{0, 0, "has no end tag"},
		{0, 16, "has no end tag"},
		{0, 23, "has no end tag"},
		{0, 0x1010 - AT + 1, "does not end in the file's first 4112"},
		{0, 0xFFFFFFFF, "does not end in the file's first 4112"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_elf_with_tag(&f->build, 0, 0, NULL, 0);
		put_header(&f->build, rows[i].architecture, rows[i].length);
		BAD(f, rows[i].phrase);
		assert_non_null(strstr(f->error.text, "ELF: not tried"));
	}
	memset(&f->build, 0, sizeof(f->build));
	build_fill(&f->build, 0, 0x33, 0x400);
	add_header(&f->build, 0x40, 0, 0, NULL, 0);
	BAD(f, "its header has no address tag, and it is no ELF file");
}

static void test_tag_sizes(void **state)
{
	static const uint32_t words[4] = {0, 0xFFFFFFFF, 1, 0};
	static const struct {
		uint16_t type;
		uint32_t least;
	} rows[] = {{REQUEST, 8}, {ADDRESS, 24}, {ENTRY, 12}, {CONSOLE, 12}, {5, 8},
		    {6, 8},       {7, 8},        {8, 8},      {9, 8},        {RELOCATABLE, 24}};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_elf_with_tag(&f->build, rows[i].type, OPTIONAL, words, 4);
		build_put(&f->build, AT + 16 + 4, rows[i].least - 1, 4);
		BAD(f, "has a size of");
		build_put(&f->build, AT + 16 + 4, 33, 4);
		BAD(f, "has a size of 33 bytes");
		build_put(&f->build, AT + 16 + 4, 0xFFFFFFFF, 4);
		BAD(f, "has a size of 4294967295 bytes");
		/* The last tag hides the end tag. */
		build_put(&f->build, AT + 16 + 4, 32, 4);
		BAD(f, "has no end tag");
	}
}

static void test_tags_that_may_be_required(void **state)
{
	static const uint32_t words[4] = {1, 2, 0, 0};
	struct fixture *f = *state;
	char phrase[64];

	for (uint16_t type = 5; type < 40; type++) {
		if (type == RELOCATABLE)
			continue;
		build_elf_with_tag(&f->build, type, OPTIONAL, words, 3);
		assert_int_equal(fixture_load(f), 0);
		build_elf_with_tag(&f->build, type, 0, words, 3);
		if (type < RELOCATABLE) {
			assert_int_equal(fixture_load(f), 0);
			continue;
		}
		snprintf(phrase, sizeof(phrase), "requires tag %u, which is not known here", type);
		BAD(f, phrase);
	}
}

static void test_information_that_is_required(void **state)
{
	static const char *const refused[32] = {
		[0] = "what the specification does not name (information tag 0)",
		[5] = "the BIOS boot device",
		[7] = "VBE information",
		[9] = "ELF sections (information tag 9), which is not provided here",
		[10] = "the APM table",
		[11] = "the EFI 32-bit system table",
		[12] = "the EFI 64-bit system table",
		[13] = "SMBIOS tables",
		[16] = "networking information",
		[17] = "the EFI memory map",
		[18] = "EFI boot services",
		[19] = "the EFI 32-bit image handle",
		[20] = "the EFI 64-bit image handle",
		[22] = "what the specification does not name (information tag 22)",
	};
	struct fixture *f = *state;

	f->request.text_screen = true;
	f->request.rsdp = 0xF0000;
	for (uint32_t type = 0; type <= 22; type++) {
		uint32_t words[2] = {MULTIBOOT2_COMMAND_LINE, type};

		build_elf_with_tag(&f->build, REQUEST, OPTIONAL, words, 2);
		assert_int_equal(fixture_load(f), 0);
		build_elf_with_tag(&f->build, REQUEST, 0, words, 2);
		if (refused[type])
			BAD(f, refused[type]);
		else
			assert_int_equal(fixture_load(f), 0);
	}
}

static void test_what_the_machine_lacks(void **state)
{
	static const struct {
		uint16_t type;
		uint32_t word;
		const char *phrase;
	} rows[] = {
		{REQUEST, MULTIBOOT2_FRAMEBUFFER, "requires a console"},
		{CONSOLE, 1, "requires a console"},
		{CONSOLE, 3, "requires a console"},
		{CONSOLE, 2, NULL},
		{REQUEST, MULTIBOOT2_RSDP_OLD, "requires ACPI's RSDP"},
		{REQUEST, MULTIBOOT2_RSDP_NEW, "requires ACPI's RSDP"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f->request.text_screen = false;
		f->request.rsdp = 0;
		build_elf_with_tag(&f->build, rows[i].type, 0, &rows[i].word, 1);
		if (rows[i].phrase)
			fixture_refused(f, IMAGE_BAD, "cannot boot 'img': its Multiboot 2 header",
					rows[i].phrase);
		else
			assert_int_equal(fixture_load(f), 0);
		f->request.text_screen = true;
		f->request.rsdp = 0xF0000;
		assert_int_equal(fixture_load(f), 0);
		f->request.text_screen = false;
		f->request.rsdp = 0;
		build_elf_with_tag(&f->build, rows[i].type, OPTIONAL, &rows[i].word, 1);
		assert_int_equal(fixture_load(f), 0);
	}
}

static void test_address_tag(void **state)
{
	static const struct {
		uint32_t words[4], entry;
		const char *phrase; /* NULL: accepted */
	} rows[] = {
		{{0x200040, 0x200000, 0x200400, 0x200500}, 0x200008, NULL},
		{{0x200040, 0xFFFFFFFF, 0x200400, 0x200500}, 0x200008, NULL},
		{{0x200040, 0x200000, 0x200400, 0x2003FF}, 0x200008, "bss end 2003FFh lies before"},
		{{0x200040, 0x200000, 0x200401, 0}, 0x200008, "truncated: the header wants 1025"},
		{{0x200040, 0x200041, 0, 0}, 0x200008, "is not in the file"},
		{{0x30, 0xFFFFFFFF, 0, 0}, 0x200008, "is not in the file"},
		{{0x200040, 0x200000, 0, 0}, 0x200400, "lies in nothing that is loaded"},
		{{0x7040, 0x7000, 0, 0}, 0x7008, NULL},
		{{0xA0040, 0xA0000, 0, 0}, 0xA0008, "touches A0000h-FFFFFh"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_by_addresses(&f->build, rows[i].words, rows[i].entry);
		if (rows[i].phrase) {
			BAD(f, rows[i].phrase);
			continue;
		}
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(f->state.rip, rows[i].entry);
		fixture_ram_is(f, rows[i].entry, 0x33, 16);
		if (rows[i].words[3] == 0)
			continue;
		fixture_ram_is(f, 0x2003FF, 0x33, 1);
		fixture_ram_is(f, 0x200400, 0, 0x100);
		fixture_ram_is(f, 0x200500, FIXTURE_DIRT, 1);
	}
	memset(&f->build, 0, sizeof(f->build));
	build_fill(&f->build, 0, 0x33, 0x400);
	add_header(&f->build, 0x40, ADDRESS, 0, rows[0].words, 4);
	BAD(f, "has an address tag, but no entry address tag");
}

static void test_relocatable(void **state)
{
	static const struct {
		uint32_t words[4]; /* lowest, highest, alignment, preference */
		uint64_t to;       /* 0: refused */
	} rows[] = {
		{{0, 0xFFFFFFFF, 0x1000, 0}, 0x100000},
		{{0x100000, 0x10200F, 0x1000, 0}, 0x100000},
		{{0x100000, 0x10200E, 0x1000, 0}, 0},
		{{0x100001, 0xFFFFFFFF, 0x1000, 0}, 0x101000},
		{{0x100001, 0xFFFFFFFF, 0, 0}, 0x100001},
		{{0x100001, 0xFFFFFFFF, 1, 0}, 0x100001},
		{{0x300000, 0x400000, 0x200000, 0}, 0},
		{{0x300000, 0x500000, 0x200000, 0}, 0x400000},
		{{0, 0xFFFFFFFF, 0x200000, 0}, 0x200000},
		{{0, 0xFFFFFFFF, 0x300000, 0}, 0x300000},
		{{0, 0xFFFF, 0x1000, 0}, 0},
		{{0x400000, 0x200000, 0x1000, 0}, 0},
		{{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0}, 0},
		{{0, 0xFFFFFFFF, 0xFFFFFFFF, 0}, 0},
		{{0, 0, 0, 0}, 0},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t to = rows[i].to;

		memset(f->ram.ranges[0].host, FIXTURE_DIRT, f->ram.size);
		build_elf(&f->build, true, 0x102004);
		build_load(&f->build, 0x1010, 0x102000, 16, 16);
		build_load(&f->build, 0x1000, 0x100000, 16, 0x1000);
		build_fill(&f->build, 0x1000, 0x11, 16);
		build_fill(&f->build, 0x1010, 0x22, 16);
		add_header(&f->build, AT, RELOCATABLE, 0, rows[i].words, 4);
		if (!to) {
			BAD(f, "multiboot2: its ");
			continue;
		}
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(f->state.rip, to + 0x2004);
		fixture_ram_is(f, to, 0x11, 16);
		fixture_ram_is(f, to + 16, 0, 0xFF0);
		fixture_ram_is(f, to + 0x2000, 0x22, 16);
		assert_int_equal(fixture_u32(f, find_tag(f, 21) + 4), 12);
		assert_int_equal(fixture_u32(f, find_tag(f, 21) + 8), to);
	}
}

/* It moves only if it must: here its highest address decides. */
static void test_relocatable_but_linked_well(void **state)
{
	struct fixture *f = *state;

	for (uint32_t highest = 0x30000E; highest <= 0x30000F; highest++) {
		const uint32_t words[4] = {0x200000, highest, 0x1000, 1};

		build_small_elf(&f->build, true, 0x300000);
		add_header(&f->build, AT, RELOCATABLE, 0, words, 4);
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(f->state.rip, highest == 0x30000F ? 0x300000 : 0x200000);
	}
}

/* A header that ends behind the first 32768 bytes of a file that goes on. */
static void test_header_that_begins_in_time(void **state)
{
	enum { SIZE = 0x9000 };
	struct fixture *f = *state;
	uint8_t *file = calloc(1, SIZE);
	struct boot_state boot;

	assert_non_null(file);
	f->request.image.bytes = file;
	f->request.image.size = SIZE;
	for (size_t at = 0x7FE0; at <= 0x7FF0; at += 8) {
		struct image_build header = {0};

		build_small_elf(&f->build, true, 0x100000);
		add_header(&header, 0, 0, 0, NULL, 0);
		memset(file, 0, SIZE);
		memcpy(file, f->build.bytes, f->build.size);
		memcpy(file + at, header.bytes, header.size);
		assert_int_equal(image_load(&f->request, &f->ram, &boot, &f->error),
				 at + 24 <= 0x8000 ? 0 : -1);
	}
	assert_non_null(strstr(f->error.text, "does not end in the file's first 32768"));
	free(file);
}

static void test_information(void **state)
{
	static const struct image_file modules[] = {{"one", "1", 1}, {"second", "22", 2}};
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
	uint64_t at;

	f->request.append = "a=b";
	f->request.modules = modules;
	f->request.module_count = 2;
	build_elf_with_tag(&f->build, 0, 0, NULL, 0);
	assert_int_equal(fixture_load(f), 0);
	at = find_tag(f, 1);
	assert_int_equal(fixture_u32(f, at + 4), 8 + 8);
	assert_string_equal(fixture_string(f, at + 8), "img a=b");
	assert_string_equal(fixture_string(f, find_tag(f, 2) + 8), "lapicvm");
	at = find_tag(f, 3);
	assert_int_equal(fixture_u32(f, at + 4), 16 + 4);
	assert_int_equal(fixture_u32(f, at + 8), 0x101000);
	assert_int_equal(fixture_u32(f, at + 12), 0x101001);
	assert_string_equal(fixture_string(f, at + 16), "one");
	at += 24;
	assert_int_equal(fixture_u32(f, at), 3);
	assert_int_equal(fixture_u32(f, at + 8), 0x102000);
	assert_int_equal(fixture_u32(f, at + 12), 0x102002);
	assert_string_equal(fixture_string(f, at + 16), "second");
	at = find_tag(f, 4);
	assert_int_equal(fixture_u32(f, at + 4), 16);
	assert_int_equal(fixture_u32(f, at + 8), 639);
	assert_int_equal(fixture_u32(f, at + 12), 15 * 1024);
	at = find_tag(f, 6);
	assert_int_equal(fixture_u32(f, at + 4), 16 + 4 * 24);
	assert_int_equal(fixture_u64(f, at + 8), 24);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(fixture_u64(f, at + 16 + 24 * i), rows[i].start);
		assert_int_equal(fixture_u64(f, at + 24 + 24 * i), rows[i].length);
		assert_int_equal(fixture_u64(f, at + 32 + 24 * i), rows[i].type);
	}
	for (uint32_t type = 8; type < 22; type++)
		assert_int_equal(find_tag(f, type), 0);
	assert_int_equal(find_tag(f, 5), 0);
}

static void test_text_screen(void **state)
{
	struct fixture *f = *state;
	uint64_t at;

	f->request.text_screen = true;
	build_elf_with_tag(&f->build, 0, 0, NULL, 0);
	assert_int_equal(fixture_load(f), 0);
	at = find_tag(f, 8);
	assert_int_equal(fixture_u32(f, at + 4), 32);
	assert_int_equal(fixture_u64(f, at + 8), 0xB8000);
	assert_int_equal(fixture_u32(f, at + 16), 160);
	assert_int_equal(fixture_u32(f, at + 20), 80);
	assert_int_equal(fixture_u32(f, at + 24), 25);
	assert_int_equal(fixture_u32(f, at + 28), 0x0210);
}

static void test_rsdp_copies(void **state)
{
	struct fixture *f = *state;
	static const char signature[8] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
	uint8_t *rsdp = ram_at(&f->ram, 0xF1230, 36);

	build_elf_with_tag(&f->build, 0, 0, NULL, 0);
	f->request.rsdp = 0xF1230;
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(find_tag(f, 14), 0);
	memcpy(rsdp, signature, sizeof(signature));
	for (uint8_t i = 8; i < 36; i++)
		rsdp[i] = i;
	for (uint8_t revision = 0; revision < 4; revision++) {
		uint64_t at;

		rsdp[15] = revision;
		assert_int_equal(fixture_load(f), 0);
		at = find_tag(f, 14);
		assert_int_equal(fixture_u32(f, at + 4), 28);
		assert_memory_equal(ram_at(&f->ram, at + 8, 20), rsdp, 20);
		at = find_tag(f, 15);
		assert_int_equal(at != 0, revision >= 2);
		if (!at)
			continue;
		assert_int_equal(fixture_u32(f, at + 4), 44);
		assert_memory_equal(ram_at(&f->ram, at + 8, 36), rsdp, 36);
	}
	/* Where no RSDP can be. */
	f->request.rsdp = f->ram.size - 8;
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(find_tag(f, 14), 0);
	f->request.rsdp = UINT64_MAX;
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(find_tag(f, 14), 0);
}

static void test_information_needs_its_room(void **state)
{
	static const struct boot_content content = {.command_line = "abc"};
	struct fixture *f = *state;
	uint64_t size = multiboot2_info_size(&f->ram, &content);

	assert_int_equal(size, 8 + 16 + 16 + 16 + (16 + 96) + 8);
	for (size_t length = 0; length < 20; length++) {
		char line[21] = "xxxxxxxxxxxxxxxxxxxx";
		const struct boot_content other = {.command_line = line};

		line[length] = '\0';
		assert_int_equal(multiboot2_info_size(&f->ram, &other), size + length / 8 * 8);
	}
	assert_false(multiboot2_info_write(&f->ram, f->ram.size - size + 8, &content));
	fixture_ram_is(f, f->ram.size - size, FIXTURE_DIRT, size);
	assert_true(multiboot2_info_write(&f->ram, f->ram.size - size, &content));
	fixture_ram_is(f, f->ram.size - size - 1, FIXTURE_DIRT, 1);
}

int main(void)
{
#define LOADER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		LOADER_TEST(test_elf_of_either_width),
		LOADER_TEST(test_entry_tag_goes_before_the_elf_entry),
		LOADER_TEST(test_where_a_header_is_found),
		LOADER_TEST(test_multiboot_1_goes_first),
		LOADER_TEST(test_headers_that_are_wrong),
		LOADER_TEST(test_tag_sizes),
		LOADER_TEST(test_tags_that_may_be_required),
		LOADER_TEST(test_information_that_is_required),
		LOADER_TEST(test_what_the_machine_lacks),
		LOADER_TEST(test_address_tag),
		LOADER_TEST(test_relocatable),
		LOADER_TEST(test_relocatable_but_linked_well),
		LOADER_TEST(test_header_that_begins_in_time),
		LOADER_TEST(test_information),
		LOADER_TEST(test_text_screen),
		LOADER_TEST(test_rsdp_copies),
		LOADER_TEST(test_information_needs_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
