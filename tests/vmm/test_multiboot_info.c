// SPDX-License-Identifier: BSD-2-Clause
// The Multiboot information as a guest reads it: fields, memory map, strings, modules, placing.
// Not the header's side of Multiboot: test_image_multiboot.c has that.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/vmm/image_fixture.h"
#include "vmm/memory_map.h"
#include "vmm/multiboot_info.h"

#define GIB UINT64_C(0x40000000)

static void test_fields(void **state)
{
	static const struct boot_module modules[] = {
		{0x200000, 0x200005, "first"},
		{0x201000, 0x201000, ""},
	};
	static const struct boot_content content = {
		.command_line = "img a=b c", .modules = modules, .module_count = 2};
	struct fixture *f = *state;
	uint64_t size = multiboot_info_size(&f->ram, &content);
	uint32_t list;

	assert_true(multiboot_info_write(&f->ram, 0x7100, &content));
	assert_int_equal(fixture_u32(f, 0x7100), 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
	assert_int_equal(fixture_u32(f, 0x7100 + 4), 639);
	assert_int_equal(fixture_u32(f, 0x7100 + 8), 15 * 1024);
	assert_int_equal(fixture_u32(f, 0x7100 + 12), 0);
	assert_string_equal(fixture_string(f, fixture_u32(f, 0x7100 + 16)), "img a=b c");
	assert_int_equal(fixture_u32(f, 0x7100 + 20), 2);
	for (uint64_t unused = 28; unused < 44; unused += 4)
		assert_int_equal(fixture_u32(f, 0x7100 + unused), 0);
	assert_string_equal(fixture_string(f, fixture_u32(f, 0x7100 + 64)), "lapicvm");
	for (uint64_t unused = 68; unused < 116; unused += 4)
		assert_int_equal(fixture_u32(f, 0x7100 + unused), 0);

	list = fixture_u32(f, 0x7100 + 24);
	assert_int_equal(fixture_u32(f, list), 0x200000);
	assert_int_equal(fixture_u32(f, list + 4), 0x200005);
	assert_string_equal(fixture_string(f, fixture_u32(f, list + 8)), "first");
	assert_int_equal(fixture_u32(f, list + 12), 0);
	assert_int_equal(fixture_u32(f, list + 16), 0x201000);
	assert_int_equal(fixture_u32(f, list + 20), 0x201000);
	assert_string_equal(fixture_string(f, fixture_u32(f, list + 24)), "");

	fixture_ram_is(f, 0x70FF, FIXTURE_DIRT, 1);
	fixture_ram_is(f, 0x7100 + size - 1, 0, 1);
	fixture_ram_is(f, 0x7100 + size, FIXTURE_DIRT, 1);
}

/* Multiboot Specification, 3.3, "framebuffer_addr"; also what a header's flag bit 2 asks for. */
static void test_text_screen(void **state)
{
	static const struct boot_content content = {.command_line = "", .text_screen = true};
	struct fixture *f = *state;

	assert_true(multiboot_info_write(&f->ram, 0x7100, &content));
	assert_int_equal(fixture_u32(f, 0x7100) & (1 << 11 | 1 << 12), 1 << 12);
	assert_int_equal(fixture_u64(f, 0x7100 + 88), 0xB8000);
	assert_int_equal(fixture_u32(f, 0x7100 + 96), 160);
	assert_int_equal(fixture_u32(f, 0x7100 + 100), 80);
	assert_int_equal(fixture_u32(f, 0x7100 + 104), 25);
	assert_int_equal(fixture_u32(f, 0x7100 + 108), 2 << 8 | 16); /* EGA text, bits a cell */
}

static void test_memory_map_in_guest_ram(void **state)
{
	static const struct boot_content content = {.command_line = ""};
	struct fixture *f = *state;
	const struct {
		uint64_t start, length;
		uint32_t type;
	} rows[] = {
		{0, 0x9FC00, 1},
		{0x9FC00, 0x400, 2},
		{0xF0000, 0x10000, 2},
		{0x100000, f->ram.size - 0x100000, 1},
	};
	uint64_t at, end;
	size_t count = 0;

	assert_true(multiboot_info_write(&f->ram, 0x20000, &content));
	at = fixture_u32(f, 0x20000 + 48);
	end = at + fixture_u32(f, 0x20000 + 44);
	/* As a guest walks it: by each entry's own size. */
	for (; at < end; at += fixture_u32(f, at) + 4, count++) {
		assert_true(count < 4);
		assert_int_equal(fixture_u32(f, at), 20);
		assert_int_equal(fixture_u64(f, at + 4), rows[count].start);
		assert_int_equal(fixture_u64(f, at + 12), rows[count].length);
		assert_int_equal(fixture_u32(f, at + 20), rows[count].type);
	}
	assert_int_equal(at, end);
	assert_int_equal(count, 4);
	assert_int_equal(fixture_u32(f, 0x20000 + 20), 0);
	assert_string_equal(fixture_string(f, fixture_u32(f, 0x20000 + 16)), "");
}

static void test_memory_map_around_the_hole(void **state)
{
	static const struct {
		uint64_t size, low_length, high_length;
	} rows[] = {
		{2 * RAM_MIB, RAM_MIB, 0},
		{3 * GIB, 3 * GIB - RAM_MIB, 0},
		{3 * GIB + 4096, 3 * GIB - RAM_MIB, 4096},
		{5 * GIB, 3 * GIB - RAM_MIB, 2 * GIB},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct memory_region map[MEMORY_REGIONS_MAX];
		struct ram ram;
		char why[200];

		assert_int_equal(ram_create(&ram, rows[i].size, why, sizeof(why)), RAM_OK);
		assert_int_equal(memory_map(&ram, map), rows[i].high_length ? 5 : 4);
		assert_int_equal(map[3].start, 0x100000);
		assert_int_equal(map[3].length, rows[i].low_length);
		assert_int_equal(map[3].type, MEMORY_USABLE);
		if (rows[i].high_length > 0) {
			assert_int_equal(map[4].start, 4 * GIB);
			assert_int_equal(map[4].length, rows[i].high_length);
			assert_int_equal(map[4].type, MEMORY_USABLE);
		}
		ram_destroy(&ram);
	}
}

static void test_no_room(void **state)
{
	static const struct boot_content content = {.command_line = "img"};
	struct fixture *f = *state;
	uint64_t size = multiboot_info_size(&f->ram, &content);
	char why[200];

	assert_false(multiboot_info_write(&f->ram, f->ram.size - size + 4, &content));
	fixture_ram_is(f, f->ram.size - size, FIXTURE_DIRT, size);
	assert_false(multiboot_info_write(&f->ram, UINT64_MAX, &content));
	assert_true(multiboot_info_write(&f->ram, f->ram.size - size, &content));

	/* A guest has 32 bits for each address in it. */
	ram_destroy(&f->ram);
	assert_int_equal(ram_create(&f->ram, 3 * GIB + RAM_MIB, why, sizeof(why)), RAM_OK);
	assert_false(multiboot_info_write(&f->ram, 4 * GIB, &content));
	assert_int_equal(fixture_u32(f, 4 * GIB), 0);
}

static const char *command_line(struct fixture *f)
{
	return fixture_string(f, fixture_u32(f, f->state.rdi + 16));
}

static void test_command_line_is_name_append_arguments(void **state)
{
	static char one[] = "-v", two[] = "two words", none[] = "";
	char *const args[] = {one, two, none};
	struct fixture *f = *state;

	build_small_elf(&f->build, true, 0x100000);
	assert_int_equal(fixture_load(f), 0);
	assert_string_equal(command_line(f), "img");
	f->request.append = "";
	assert_int_equal(fixture_load(f), 0);
	assert_string_equal(command_line(f), "img");
	f->request.append = "a=1 b";
	assert_int_equal(fixture_load(f), 0);
	assert_string_equal(command_line(f), "img a=1 b");
	f->request.args = args;
	f->request.arg_count = 2;
	assert_int_equal(fixture_load(f), 0);
	assert_string_equal(command_line(f), "img a=1 b -v two words");
	f->request.append = NULL;
	f->request.arg_count = 3;
	assert_int_equal(fixture_load(f), 0);
	assert_string_equal(command_line(f), "img -v two words ");
}

/* Up to 2000h bytes lie at 7000h, up to 8F000h below 9F000h, more behind the image, if there is
 * RAM. */
static void test_long_command_line_moves_the_tables(void **state)
{
	static const struct {
		size_t length;
		uint64_t info; /* 0: refused */
	} rows[] = {
		{0x1000, 0x7100},
		{0x2000 - 0x100 - 116 - 96 - 8 - 5, 0x7100},
		{0x2000 - 0x100 - 116 - 96 - 8 - 4, 0x9C100},
		{0x8E000, 0x10100},
		{0x8F000, 0x102100},
		{15 * RAM_MIB - 0x3000, 0x102100},
		{15 * RAM_MIB, 0},
	};
	struct fixture *f = *state;
	char *append = calloc(1, 15 * RAM_MIB + 1);

	assert_non_null(append);
	build_elf(&f->build, true, 0x100000);
	build_load(&f->build, 0x1000, 0x100000, 16, 0x1800);
	build_fill(&f->build, 0x1000, 0x90, 16);
	f->request.append = append;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(append, 'x', rows[i].length);
		append[rows[i].length] = '\0';
		if (rows[i].info == 0) {
			fixture_refused(f, IMAGE_BAD, "no room for 15729", "boot information");
			continue;
		}
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(f->state.rdi, rows[i].info);
		assert_int_equal(f->state.gdtr.base, rows[i].info - 0x100);
		assert_int_equal(fixture_u64(f, rows[i].info - 0x100 + 0x18) >> 40, 0x00AF9B);
		assert_int_equal(strlen(command_line(f)), 4 + rows[i].length);
		fixture_ram_is(f, 0x100000, 0x90, 16);
		fixture_ram_is(f, 0x101000, 0, 0x800);
	}
	free(append);
}

static void test_modules_that_have_no_room(void **state)
{
	struct fixture *f = *state;
	size_t most = f->ram.size - 0x101000;
	uint8_t *bytes = calloc(1, most + 1);
	struct image_file modules[] = {{"big", bytes, 0}, {"last", bytes, 0}};

	assert_non_null(bytes);
	f->request.modules = modules;
	f->request.module_count = 2;
	build_small_elf(&f->build, true, 0x100000);
	modules[0].size = most;
	assert_int_equal(fixture_load(f), 0);
	modules[0].size = most + 1;
	fixture_refused(f, IMAGE_BAD,
			"module 'big': it has 15724545 bytes, and behind the image and the modules "
			"before it 15724544 are free (101000h to 1000000h)",
			"it needs -m 17M at least");
	modules[0].size = most - 4096;
	modules[1].size = 4096;
	assert_int_equal(fixture_load(f), 0);
	modules[1].size = 4097;
	fixture_refused(f, IMAGE_BAD, "module 'last': it has 4097 bytes", "4096 are free");
	modules[0].size = most;
	modules[1].size = 1;
	fixture_refused(f, IMAGE_BAD, "module 'last'", "0 are free");
	modules[1].size = SIZE_MAX;
	fixture_refused(f, IMAGE_BAD, "module 'last'", "no -m would give it room");
	free(bytes);
}

static void test_many_modules_move_the_tables(void **state)
{
	enum { COUNT = 500 };
	struct fixture *f = *state;
	struct image_file *modules = calloc(COUNT, sizeof(*modules));
	uint32_t list;

	assert_non_null(modules);
	for (size_t i = 0; i < COUNT; i++)
		modules[i] = (struct image_file){"some/module", "\1\2\3", 1 + i % 3};
	f->request.modules = modules;
	f->request.module_count = COUNT;
	build_small_elf(&f->build, true, 0x100000);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(f->state.rdi, 0x9B100);
	assert_int_equal(fixture_u32(f, f->state.rdi + 20), COUNT);
	list = fixture_u32(f, f->state.rdi + 24);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(fixture_u32(f, list + 16 * i), 0x101000 + i * 0x1000);
		assert_int_equal(fixture_u32(f, list + 16 * i + 4), 0x101001 + i * 0x1000 + i % 3);
		assert_string_equal(fixture_string(f, fixture_u32(f, list + 16 * i + 8)),
				    "some/module");
	}
	free(modules);
}

int main(void)
{
#define LOADER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		LOADER_TEST(test_fields),
		LOADER_TEST(test_text_screen),
		LOADER_TEST(test_memory_map_in_guest_ram),
		cmocka_unit_test(test_memory_map_around_the_hole),
		LOADER_TEST(test_no_room),
		LOADER_TEST(test_command_line_is_name_append_arguments),
		LOADER_TEST(test_long_command_line_moves_the_tables),
		LOADER_TEST(test_modules_that_have_no_room),
		LOADER_TEST(test_many_modules_move_the_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
