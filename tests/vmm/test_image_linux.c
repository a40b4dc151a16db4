// SPDX-License-Identifier: BSD-2-Clause
// bzImages: both entry protocols, boot_params as the kernel reads it, where kernel and initrd go.
// Each offset is that of Linux's documentation, none of the loader's own.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vmm/image_fixture.h"
#include "vmm/linux_params.h"

#define BAD(f, phrase)                                                                             \
 fixture_refused((f), IMAGE_BAD, (phrase), "cannot boot 'img': no image format fits")
#define LATEST   0x20F
#define PARAMS   0x7100
#define INITRD_1 (f->ram.size - 0x1000)

enum { KERNEL_64 = 1, ABOVE_4G = 2 };

static uint8_t byte_at(struct fixture *f, uint64_t gpa)
{
	return (uint8_t)fixture_u32(f, gpa);
}

static uint64_t initrd(struct fixture *f)
{
	return fixture_u32(f, PARAMS + 0x218) | (uint64_t)fixture_u32(f, PARAMS + 0xC0) << 32;
}

static const char *command_line(struct fixture *f)
{
	return fixture_string(f, fixture_u32(f, PARAMS + 0x228));
}

static void test_64_bit_entry(void **state)
{
	struct fixture *f = *state;

	build_linux(&f->build, LATEST, KERNEL_64);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(f->state.rip, 0x400200);
	assert_int_equal(f->state.rsi, PARAMS);
	assert_int_equal(f->state.rbx | f->state.rdi, 0);
	assert_true(f->state.cs.l);
	assert_int_equal(f->state.cs.selector, 0x10);
	assert_int_equal(f->state.ss.selector, 0x18);
	assert_int_equal(f->state.gdtr.base, 0x7000);
	assert_int_equal(fixture_u64(f, 0x7010) >> 40, 0x00AF9B);
	assert_int_equal(fixture_u64(f, 0x7018) >> 40, 0x00CF93);
	assert_int_equal(fixture_u32(f, 0x9000) & 0xFFF, 3);
	fixture_ram_is(f, 0x400000, 0x66, 0x1000);
	/* Cleared as far as init_size says. */
	fixture_ram_is(f, 0x401000, 0, 0x2FF000);
	fixture_ram_is(f, 0x700000, FIXTURE_DIRT, 1);
}

static void test_32_bit_entry_where_64_is_not_offered(void **state)
{
	static const uint16_t versions[] = {0x205, 0x206, 0x20A, 0x20B, 0x20C, LATEST};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		uint64_t load = versions[i] >= 0x20A ? 0x400000 : 0x200000;

		build_linux(&f->build, versions[i], 0);
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(f->state.rip, load);
		assert_int_equal(f->state.rsi, PARAMS);
		assert_int_equal(f->state.cr0, 0x11);
		assert_int_equal(f->state.rbx | f->state.rdi | f->state.rax, 0);
		assert_int_equal(f->state.cs.selector, 0x10);
		assert_true(f->state.cs.db);
		assert_int_equal(fixture_u64(f, 0x7010) >> 40, 0x00CF9B);
		fixture_ram_is(f, load, 0x66, 0x1000);
		assert_int_equal(fixture_u32(f, PARAMS + 0x214), load);
	}
}

/* The 32-bit entry need not be the kernel's first byte. */
static void test_code32_start(void **state)
{
	struct fixture *f = *state;

	build_linux(&f->build, LATEST, 0);
	build_put(&f->build, 0x214, 0x100FFF, 4);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(f->state.rip, 0x400FFF);
	assert_int_equal(fixture_u32(f, PARAMS + 0x214), 0x400FFF);
	build_put(&f->build, 0x214, 0x101000, 4);
	BAD(f, "Linux: its entry point 401000h lies in nothing that is loaded");
	build_put(&f->build, 0x214, 0, 4);
	BAD(f, "lies in nothing that is loaded");
	build_put(&f->build, 0x214, 0xFFFFFFFF, 4);
	BAD(f, "lies in nothing that is loaded");
}

static void test_boot_params(void **state)
{
	static const struct {
		uint64_t start, length;
		uint32_t type;
	} e820[] = {
		{0, 0x9FC00, 1},
		{0x9FC00, 0x400, 2},
		{0xF0000, 0x10000, 2},
		{0x100000, 0xF00000, 1},
	};
	struct fixture *f = *state;

	f->request.append = "console=ttyS0";
	f->request.rsdp = 0xF1234;
	build_linux(&f->build, LATEST, KERNEL_64);
	assert_int_equal(fixture_load(f), 0);
	/* The header as it was in the file, up to where its jump leads, 268h. */
	assert_int_equal(fixture_u32(f, PARAMS + 0x202), 0x53726448);
	assert_int_equal(fixture_u32(f, PARAMS + 0x1FA), 0xEFEFEFEF);
	assert_int_equal(fixture_u32(f, PARAMS + 0x264), 0xEFEFEFEF);
	fixture_ram_is(f, PARAMS + 0x268, 0, 0x68);
	assert_int_equal(byte_at(f, PARAMS + 0x210), 0xFF);
	assert_int_equal(byte_at(f, PARAMS + 0x211), 0x01);
	assert_int_equal(fixture_u32(f, PARAMS + 0x226) & 0xFFFF, 0);
	assert_int_equal(fixture_u64(f, PARAMS + 0x218), 0);
	assert_int_equal(fixture_u64(f, PARAMS + 0x250), 0);
	assert_int_equal(fixture_u64(f, PARAMS + 0x70), 0xF1234);
	assert_string_equal(command_line(f), "console=ttyS0");
	assert_int_equal(byte_at(f, PARAMS + 0x1E8), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(fixture_u64(f, PARAMS + 0x2D0 + 20 * i), e820[i].start);
		assert_int_equal(fixture_u64(f, PARAMS + 0x2D8 + 20 * i), e820[i].length);
		assert_int_equal(fixture_u32(f, PARAMS + 0x2E0 + 20 * i), e820[i].type);
	}
	fixture_ram_is(f, PARAMS + 0x2D0 + 80, 0, 0x1000 - 0x2D0 - 80);
	/* No screen, and the sentinel at 1EFh is 0. */
	fixture_ram_is(f, PARAMS, 0, 0x70);
	fixture_ram_is(f, PARAMS + 0x78, 0, 0x1E8 - 0x78);
	fixture_ram_is(f, PARAMS + 0x1E9, 0, 8);
}

static void test_header_never_leaves_its_room(void **state)
{
	struct fixture *f = *state;

	build_linux(&f->build, LATEST, KERNEL_64);
	build_fill(&f->build, 0x268, 0xDD, 0x100);
	build_put(&f->build, 0x201, 0xFF, 1);
	assert_int_equal(fixture_load(f), 0);
	fixture_ram_is(f, PARAMS + 0x268, 0xDD, 0x28);
	fixture_ram_is(f, PARAMS + 0x290, 0, 0x40);
	build_put(&f->build, 0x201, 0x2A, 1);
	assert_int_equal(fixture_load(f), 0);
	fixture_ram_is(f, PARAMS + 0x22C, 0, 0x24);
	assert_int_equal(byte_at(f, PARAMS + 0x210), 0xFF);
}

static void test_text_screen(void **state)
{
	struct fixture *f = *state;

	f->request.text_screen = true;
	build_linux(&f->build, LATEST, KERNEL_64);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(byte_at(f, PARAMS + 0x06), 3);
	assert_int_equal(byte_at(f, PARAMS + 0x07), 80);
	assert_int_equal(byte_at(f, PARAMS + 0x0A), 3);
	assert_int_equal(byte_at(f, PARAMS + 0x0E), 25);
	assert_int_equal(byte_at(f, PARAMS + 0x0F), 1);
	assert_int_equal(byte_at(f, PARAMS + 0x10), 16);
}

static void test_where_the_kernel_goes(void **state)
{
	static const struct {
		uint16_t version;
		uint8_t relocatable;
		uint32_t alignment;
		uint64_t preferred;
		uint32_t init_size;
		uint64_t load, end;
		const char *phrase; /* NULL: accepted */
	} rows[] = {
		{LATEST, 1, 0x200000, 0x400000, 0x300000, 0x400000, 0x700000, NULL},
		{LATEST, 1, 0x200000, 0x400001, 0x300000, 0x600000, 0x900000, NULL},
		{LATEST, 1, 0x1000, 0x401000, 0x300000, 0x401000, 0x701000, NULL},
		{LATEST, 1, 1, 0x400001, 0x1000, 0x400001, 0x401001, NULL},
		{LATEST, 1, 0x200000, 0, 0x1000, 0x200000, 0x201000, NULL},
		{LATEST, 1, 0x1000, 0, 0x1000, 0x100000, 0x101000, NULL},
		{LATEST, 1, 0x1000, 0x8000, 0x1000, 0x100000, 0x101000, NULL},
		{LATEST, 1, 0x1000, 0x400000, 0, 0x400000, 0x401000, NULL},
		{LATEST, 0, 0x200000, 0x400000, 0x300000, 0x100000, 0x700000, NULL},
		{LATEST, 0, 0, 0x400000, 0x300000, 0x100000, 0x700000, NULL},
		{LATEST, 0, 0x200000, 0x100000, 0x10, 0x100000, 0x101000, NULL},
		{0x209, 1, 0x200000, 0x600000, 0x300000, 0x200000, 0x201000, NULL},
		{0x204, 1, 0x200000, 0xEE, 0xEE, 0x100000, 0x101000, NULL},
		{0x202, 0xEE, 0xEEEEEEEE, 0xEE, 0xEE, 0x100000, 0x101000, NULL},
		{LATEST, 1, 0x200000, 0x400000, 0xC00000, 0x400000, 0x1000000, NULL},
		{LATEST, 1, 0x200000, 0x400000, 0xC00001, 0, 0, "-m 17M would hold it"},
		{LATEST, 0, 0x200000, 0x400000, 0xC00001, 0, 0, "-m 17M would hold it"},
		{LATEST, 1, 0x200000, 0x400000, 0xFFFFFFFF, 0, 0, "lies above 4 GiB"},
		{LATEST, 1, 0x200000, 0x1000000, 0x300000, 0, 0, "-m 19M would hold it"},
		{LATEST, 1, 0x80000000, 0x400000, 0x300000, 0, 0, "-m 2051M would hold it"},
		{LATEST, 1, 0x80000000, 0x80000001, 0x300000, 0, 0, "lies above 4 GiB"},
		{LATEST, 1, 0x200000, 0x100000000, 0x1000, 0, 0, "lies above 4 GiB"},
		{LATEST, 1, 0x200000, UINT64_MAX, 0x1000, 0, 0, "lies above 4 GiB"},
		{LATEST, 0, 0x200000, UINT64_MAX, 0x1000, 0, 0, "lies above 4 GiB"},
		{LATEST, 1, 0, 0x400000, 0x1000, 0, 0, "alignment 0h is no power of two"},
		{LATEST, 1, 0x300000, 0x400000, 0x1000, 0, 0, "alignment 300000h is no power"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(f->ram.ranges[0].host, FIXTURE_DIRT, f->ram.size);
		build_linux(&f->build, rows[i].version, 0);
		build_put(&f->build, 0x234, rows[i].relocatable, 1);
		build_put(&f->build, 0x230, rows[i].alignment, 4);
		build_put(&f->build, 0x258, rows[i].preferred, 8);
		build_put(&f->build, 0x260, rows[i].init_size, 4);
		if (rows[i].phrase) {
			BAD(f, rows[i].phrase);
			continue;
		}
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(f->state.rip, rows[i].load);
		fixture_ram_is(f, rows[i].load, 0x66, 0x1000);
		if (rows[i].end > rows[i].load + 0x1000)
			fixture_ram_is(f, rows[i].end - 1, 0, 1);
		if (rows[i].end < f->ram.size)
			fixture_ram_is(f, rows[i].end, FIXTURE_DIRT, 1);
	}
}

static void test_what_is_refused(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
		size_t width;
		const char *phrase;
	} rows[] = {
		{0x1FE, 0x55AB, 2, "without the boot flag AA55h"},
		{0x206, 0x201, 2, "boot protocol 2.01; 2.02"},
		{0x206, 0, 2, "boot protocol 0.00; 2.02"},
		{0x201, 0x29, 1, "its setup header ends at 22Bh, before"},
		{0x201, 0, 1, "its setup header ends at 202h, before"},
		{0x211, 0, 1, "a Linux zImage"},
		{0x211, 0xFE, 1, "a Linux zImage"},
		{0x1F1, 0, 1, "truncated: its setup has 2560 bytes and its kernel 4096"},
		{0x1F1, 9, 1, "truncated: its setup has 5120 bytes and its kernel 4096"},
		{0x1F1, 255, 1, "truncated: its setup has 131072 bytes"},
		{0x1F4, 0x101, 4, "truncated: its setup has 1024 bytes and its kernel 4112"},
		{0x1F4, 0xFFFFFFFF, 4, "truncated: its setup has 1024 bytes and its kernel"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_linux(&f->build, LATEST, KERNEL_64);
		build_put(&f->build, rows[i].at, rows[i].value, rows[i].width);
		BAD(f, rows[i].phrase);
		assert_non_null(strstr(f->error.text, "not tried, the file is of format Linux"));
	}
	build_linux(&f->build, LATEST, KERNEL_64);
	build_put(&f->build, 0x202, 0, 1);
	BAD(f, "\n  Linux: no Linux setup header (HdrS) at 202h");
}

static void test_truncated_anywhere(void **state)
{
	struct fixture *f = *state;

	build_linux(&f->build, LATEST, KERNEL_64);
	for (size_t size = 0x206; size <= 1024 + 0x1000 - 16; size++) {
		f->build.size = size;
		BAD(f, "Linux: truncated");
	}
	/* memtest86+ ends inside its last 16 bytes. */
	f->build.size++;
	assert_int_equal(fixture_load(f), 0);
	f->build.size = 0x205;
	BAD(f, "Linux: no Linux setup header");
}

/* Before 2.04 nobody can tell how long the kernel is. */
static void test_syssize_of_old_kernels_is_not_believed(void **state)
{
	struct fixture *f = *state;

	build_linux(&f->build, 0x203, 0);
	build_put(&f->build, 0x1F4, 0xFFFFFFFF, 4);
	assert_int_equal(fixture_load(f), 0);
	f->build.size = 1024;
	BAD(f, "truncated");
}

/* The 64-bit entry lies 200h into a kernel that is shorter. */
static void test_entry_behind_the_kernel(void **state)
{
	struct fixture *f = *state;

	build_linux(&f->build, LATEST, KERNEL_64);
	build_put(&f->build, 0x1F4, 0, 4);
	f->build.size = 1024 + 0x200;
	BAD(f, "entry point 400200h lies in nothing that is loaded");
	f->build.size++;
	assert_int_equal(fixture_load(f), 0);
}

static void test_command_line_and_its_limit(void **state)
{
	static char one[] = "one", two[] = "two";
	static const struct {
		uint16_t version;
		uint32_t limit, most;
	} rows[] = {{LATEST, 100, 100}, {LATEST, 2047, 2047}, {LATEST, 0, 0}, {0x205, 7, 255}};
	char *const args[] = {one, two};
	struct fixture *f = *state;
	char text[3000], phrase[64];

	f->request.append = text;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_linux(&f->build, rows[i].version, 0);
		build_put(&f->build, 0x238, rows[i].limit, 4);
		memset(text, 'x', sizeof(text));
		text[rows[i].most] = '\0';
		assert_int_equal(fixture_load(f), 0);
		assert_string_equal(command_line(f), text);
		text[rows[i].most] = 'x';
		text[rows[i].most + 1] = '\0';
		snprintf(phrase, sizeof(phrase), "this kernel takes %u at most", rows[i].most);
		fixture_refused(f, IMAGE_BAD, phrase, "cannot boot 'img': the command line has");
	}
	build_linux(&f->build, LATEST, 0);
	f->request.append = "a=b";
	f->request.args = args;
	f->request.arg_count = 2;
	assert_int_equal(fixture_load(f), 0);
	assert_string_equal(command_line(f), "a=b one two");
	f->request.append = NULL;
	assert_int_equal(fixture_load(f), 0);
	assert_string_equal(command_line(f), "one two");
	f->request.arg_count = 0;
	assert_int_equal(fixture_load(f), 0);
	assert_string_equal(command_line(f), "");
}

static void test_initrd_lies_high(void **state)
{
	static const struct image_file one = {"rd", "initrd", 6};
	struct fixture *f = *state;

	f->request.modules = &one;
	f->request.module_count = 1;
	build_linux(&f->build, LATEST, KERNEL_64);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(initrd(f), INITRD_1);
	assert_int_equal(fixture_u32(f, PARAMS + 0x21C), 6);
	assert_memory_equal(ram_at(&f->ram, INITRD_1, 6), "initrd", 6);
	/* Not above the kernel's limit, which is an address that may still be used. */
	build_put(&f->build, 0x22C, 0x900004, 4);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(initrd(f), 0x8FF000);
	build_put(&f->build, 0x22C, 0x900FFF, 4);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(initrd(f), 0x900000);
	build_put(&f->build, 0x22C, 0x700005, 4);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(initrd(f), 0x700000);
	build_put(&f->build, 0x22C, 0x700004, 4);
	fixture_refused(f, IMAGE_BAD, "cannot load the initrd 'rd': it has 6 bytes",
			"end at 700000h and 700004h, in 16 MiB of RAM; no -m would");
	build_put(&f->build, 0x22C, 0, 4);
	fixture_refused(f, IMAGE_BAD, "cannot load the initrd 'rd'", "no -m would");
}

/* Before 2.03 the limit is not in the header. */
static void test_initrd_of_an_old_kernel(void **state)
{
	static const struct image_file one = {"rd", "initrd", 6};
	struct fixture *f = *state;

	f->request.modules = &one;
	f->request.module_count = 1;
	for (uint16_t version = 0x202; version <= 0x203; version++) {
		build_linux(&f->build, version, 0);
		build_put(&f->build, 0x22C, 0x300000, 4);
		assert_int_equal(fixture_load(f), 0);
		assert_int_equal(initrd(f), version == 0x202 ? INITRD_1 : 0x2FF000);
	}
}

static void test_initrds_are_one(void **state)
{
	static const struct image_file parts[] = {
		{"a", "abcde", 5}, {"b", "", 0}, {"c", "xyz", 3}, {"d", "12345678", 8}};
	struct fixture *f = *state;

	f->request.modules = parts;
	f->request.module_count = 4;
	build_linux(&f->build, LATEST, KERNEL_64);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(initrd(f), INITRD_1);
	assert_int_equal(fixture_u32(f, PARAMS + 0x21C), 20);
	assert_memory_equal(ram_at(&f->ram, INITRD_1, 20), "abcde\0\0\0xyz\00012345678", 20);
	f->request.modules = &parts[1];
	f->request.module_count = 1;
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(initrd(f), 0);
	assert_int_equal(fixture_u32(f, PARAMS + 0x21C), 0);
}

static void test_initrd_that_has_no_room(void **state)
{
	struct fixture *f = *state;
	size_t most = f->ram.size - 0x700000;
	uint8_t *bytes = calloc(1, most);
	struct image_file parts[] = {{"big", bytes, most}, {"more", bytes, 0}};

	assert_non_null(bytes);
	f->request.modules = parts;
	f->request.module_count = 1;
	build_linux(&f->build, LATEST, KERNEL_64);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(initrd(f), 0x700000);
	f->request.module_count = 2;
	parts[1].size = 1;
	fixture_refused(f, IMAGE_BAD, "'big' and those behind it: it has 9437185 bytes",
			"it needs -m 17M at least");
	parts[1].size = SIZE_MAX;
	fixture_refused(f, IMAGE_BAD, "cannot load the initrd 'more'", "more than any -m gives");
	parts[0].size = SIZE_MAX;
	fixture_refused(f, IMAGE_BAD, "cannot load the initrd 'big'", "more than any -m gives");
	parts[0].name = "/nonexistent/rd";
	parts[0].bytes = NULL;
	fixture_refused(f, IMAGE_UNREADABLE, "/nonexistent/rd", "No such file");
	free(bytes);
}

/* RAM like a 4 GiB machine's, with little of it below 4 GiB. */
static void test_above_4_gib(void **state)
{
	enum { BIG = 12 << 20 };
	struct fixture *f = *state;
	uint8_t *bytes = calloc(1, BIG);
	uint8_t *high = calloc(1, 2 * BIG);
	const struct image_file big = {"big", bytes, BIG};

	assert_non_null(bytes);
	assert_non_null(high);
	memset(bytes, 0x77, BIG);
	f->ram.ranges[1] = (struct ram_range){RAM_HIGH_START, high, 2 * BIG};
	f->ram.range_count = 2;
	f->request.modules = &big;
	f->request.module_count = 1;
	build_linux(&f->build, LATEST, KERNEL_64 | ABOVE_4G);
	assert_int_equal(fixture_load(f), 0);
	assert_int_equal(initrd(f), RAM_HIGH_START + BIG);
	assert_int_equal(fixture_u32(f, PARAMS + 0x21C), BIG);
	assert_int_equal(fixture_u32(f, PARAMS + 0xC4), 0);
	fixture_ram_is(f, RAM_HIGH_START + BIG, 0x77, BIG);
	assert_int_equal(byte_at(f, PARAMS + 0x1E8), 5);
	assert_int_equal(fixture_u64(f, PARAMS + 0x2D0 + 80), RAM_HIGH_START);
	assert_int_equal(fixture_u64(f, PARAMS + 0x2D8 + 80), 2 * BIG);
	assert_int_equal(fixture_u32(f, PARAMS + 0x2E0 + 80), 1);
	/* Not for a kernel that does not say that it can, nor one entered in 32 bits. */
	build_linux(&f->build, LATEST, KERNEL_64);
	fixture_refused(f, IMAGE_BAD, "cannot load the initrd 'big'", "must lie between");
	build_linux(&f->build, LATEST, ABOVE_4G);
	fixture_refused(f, IMAGE_BAD, "cannot load the initrd 'big'", "must lie between");
	f->ram.range_count = 1;
	free(bytes);
	free(high);
}

static void test_boot_params_need_their_room(void **state)
{
	static const struct boot_content content = {.command_line = "abc"};
	struct fixture *f = *state;
	uint64_t size = linux_params_size(&f->ram, &content);

	assert_int_equal(size, 0x1000 + 4);
	assert_false(linux_params_write(&f->ram, f->ram.size - size + 4, &content));
	fixture_ram_is(f, f->ram.size - size, FIXTURE_DIRT, size);
	assert_true(linux_params_write(&f->ram, f->ram.size - size, &content));
	fixture_ram_is(f, f->ram.size - size - 1, FIXTURE_DIRT, 1);
}

int main(void)
{
#define LOADER_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		LOADER_TEST(test_64_bit_entry),
		LOADER_TEST(test_32_bit_entry_where_64_is_not_offered),
		LOADER_TEST(test_code32_start),
		LOADER_TEST(test_boot_params),
		LOADER_TEST(test_header_never_leaves_its_room),
		LOADER_TEST(test_boot_params_need_their_room),
		LOADER_TEST(test_text_screen),
		LOADER_TEST(test_where_the_kernel_goes),
		LOADER_TEST(test_what_is_refused),
		LOADER_TEST(test_truncated_anywhere),
		LOADER_TEST(test_syssize_of_old_kernels_is_not_believed),
		LOADER_TEST(test_entry_behind_the_kernel),
		LOADER_TEST(test_command_line_and_its_limit),
		LOADER_TEST(test_initrd_lies_high),
		LOADER_TEST(test_initrd_of_an_old_kernel),
		LOADER_TEST(test_initrds_are_one),
		LOADER_TEST(test_initrd_that_has_no_room),
		LOADER_TEST(test_above_4_gib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
