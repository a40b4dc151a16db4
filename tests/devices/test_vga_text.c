// SPDX-License-Identifier: BSD-2-Clause
// The VGA's registers as drivers use them, its text memory, and the screen that comes out of it.
// Not a picture: there is none.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "devices/bus.h"
#include "devices/vga_text.h"

struct fixture {
	struct vga_text dev;
	struct bus_region port_table[1], memory_table[1];
	struct bus ports, memory;
	char screen[VGA_TEXT_ROWS * VGA_TEXT_LINE + 1];
	size_t used;
	unsigned lines;
};

static void set_up_with(struct fixture *f, uint8_t *memory)
{
	struct bus_region region;

	memset(f, 0xA5, sizeof(*f));
	vga_text_init(&f->dev, memory);
	bus_init(&f->ports, "ports", BUS_LAST_PORT, f->port_table, 1);
	bus_init(&f->memory, "memory", BUS_LAST_MEMORY, f->memory_table, 1);
	region = vga_text_ports_region(&f->dev);
	assert_int_equal(bus_add(&f->ports, &region, NULL, 0), BUS_OK);
	region = vga_text_memory_region(&f->dev);
	assert_int_equal(bus_add(&f->memory, &region, NULL, 0), BUS_OK);
}

static void set_up(struct fixture *f)
{
	set_up_with(f, NULL);
}

static unsigned in(struct fixture *f, unsigned port)
{
	return (unsigned)bus_read(&f->ports, port, 1);
}

static void out(struct fixture *f, unsigned port, unsigned value)
{
	bus_write(&f->ports, port, 1, value);
}

static void set_crtc(struct fixture *f, unsigned index, unsigned value)
{
	out(f, 0x3D4, index);
	out(f, 0x3D5, value);
}

static unsigned crtc(struct fixture *f, unsigned index)
{
	out(f, 0x3D4, index);
	return in(f, 0x3D5);
}

static void collect(void *opaque, const char *bytes, size_t n)
{
	struct fixture *f = opaque;

	assert_in_range(n, 1, VGA_TEXT_LINE);
	assert_int_equal(bytes[n - 1], '\n');
	assert_null(memchr(bytes, '\n', n - 1));
	memcpy(f->screen + f->used, bytes, n);
	f->used += n;
	f->lines++;
}

static const char *render(struct fixture *f)
{
	f->used = 0;
	f->lines = 0;
	vga_text_render(&f->dev, collect, f);
	f->screen[f->used] = '\0';
	assert_int_equal(f->lines, 25);
	return f->screen;
}

/* At a byte offset from B8000h, with an attribute between. */
static void type(struct fixture *f, unsigned at, const char *text)
{
	for (; *text; text++, at += 2)
		bus_write(&f->memory, 0xB8000 + at % 0x8000, 2, 0x1F00u | (uint8_t)*text);
}

/* text stands in line number line, which is all that there is on the screen. */
static void assert_only(struct fixture *f, unsigned line, const char *text)
{
	char expected[VGA_TEXT_LINE + 2 * VGA_TEXT_ROWS] = "";

	for (unsigned i = 0; i < VGA_TEXT_ROWS; i++) {
		if (i == line)
			strcat(expected, text);
		strcat(expected, "\n");
	}
	assert_string_equal(render(f), expected);
}

static void it_starts_blank_in_mode_3(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_only(&f, 0, "");
	for (unsigned at = 0; at < 0x8000; at += 2)
		assert_int_equal(bus_read(&f.memory, 0xB8000 + at, 2), 0x0720);
	assert_int_equal(in(&f, 0x3CC), 0x67);
	assert_int_equal(in(&f, 0x3C2), 0x00);
	assert_int_equal(in(&f, 0x3C3), 0x01);
	assert_int_equal(in(&f, 0x3C6), 0xFF);
	assert_int_equal(in(&f, 0x3CA), 0x00);
	assert_int_equal(in(&f, 0x3C0), 0x20);
	/* 80 columns, 400 lines of 16 to a character, shown from the start. */
	assert_int_equal(crtc(&f, 0x01), 79);
	assert_int_equal(crtc(&f, 0x12), 0x8F);
	assert_int_equal(crtc(&f, 0x07), 0x1F);
	assert_int_equal(crtc(&f, 0x09) & 0x1F, 15);
	assert_int_equal(crtc(&f, 0x13), 40);
	assert_int_equal(crtc(&f, 0x0C) << 8 | crtc(&f, 0x0D), 0);
	out(&f, 0x3CE, 6);
	assert_int_equal(in(&f, 0x3CF), 0x0E); /* the window at B8000h */
	out(&f, 0x3C4, 2);
	assert_int_equal(in(&f, 0x3C5), 0x03);
}

static void memory_is_memory(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	bus_write(&f.memory, 0xB8000, 8, 0x8877665544332211);
	assert_int_equal(bus_read(&f.memory, 0xB8000, 8), 0x8877665544332211);
	assert_int_equal(bus_read(&f.memory, 0xB8001, 4), 0x55443322);
	assert_int_equal(bus_read(&f.memory, 0xB8003, 2), 0x5544);
	bus_write(&f.memory, 0xB8002, 1, 0xAA);
	assert_int_equal(bus_read(&f.memory, 0xB8000, 4), 0x44AA2211);
	bus_write(&f.memory, 0xBFFFF, 1, 0xBB);
	assert_int_equal(bus_read(&f.memory, 0xBFFFF, 1), 0xBB);
	bus_write(&f.memory, 0xBFFFE, 4, 0x44332211);
	assert_int_equal(bus_read(&f.memory, 0xBFFFE, 4), 0xFFFF2211);
	assert_null(bus_find(&f.memory, 0xB7FFF));
	assert_null(bus_find(&f.memory, 0xC0000));
}

static void memory_can_be_the_callers(void **state)
{
	uint8_t *ram = calloc(1, VGA_TEXT_MEMORY_SIZE);
	struct fixture f;

	(void)state;
	assert_non_null(ram);
	set_up_with(&f, ram);
	assert_int_equal(ram[0x7FFE], ' ');
	assert_int_equal(ram[0x7FFF], 0x07);
	ram[160] = 'R';
	ram[162] = 'A';
	ram[164] = 'M';
	assert_only(&f, 1, "RAM");
	assert_int_equal(bus_read(&f.memory, 0xB80A2, 1), 'A');
	bus_write(&f.memory, 0xB80A2, 1, 'O');
	assert_int_equal(ram[162], 'O');
	assert_int_equal(f.dev.own_memory[162], 0);
	vga_text_reset(&f.dev);
	assert_int_equal(ram[162], ' ');
	assert_only(&f, 0, "");
	free(ram);
}

static void crtc_reads_back(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	set_crtc(&f, 0x11, 0x0E); /* unprotected */
	for (unsigned index = 0; index < 256; index++) {
		set_crtc(&f, index, index ^ 0x55);
		assert_int_equal(in(&f, 0x3D4), index);
	}
	for (unsigned index = 0; index < 256; index++)
		assert_int_equal(crtc(&f, index), index < 25 ? index ^ 0x55 : 0);
	/* Index and data in one go. */
	bus_write(&f.ports, 0x3D4, 2, 0x120E);
	assert_int_equal(crtc(&f, 0x0E), 0x12);
	assert_int_equal(bus_read(&f.ports, 0x3D4, 2), 0x120E);
}

static void crtc_is_protected_by_11h(void **state)
{
	static const uint8_t start[] = {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F};
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned index = 0; index < 8; index++) {
		set_crtc(&f, index, 0x00);
		assert_int_equal(crtc(&f, index), start[index] & (index == 7 ? 0x0F : 0xFF));
		set_crtc(&f, index, 0xFF);
		assert_int_equal(crtc(&f, index), start[index]);
	}
	for (unsigned index = 8; index < 25; index++) {
		set_crtc(&f, index, 0x80 | index);
		assert_int_equal(crtc(&f, index), 0x80 | index);
	}
	set_crtc(&f, 0x11, 0x7F);
	set_crtc(&f, 0x00, 0x12);
	set_crtc(&f, 0x07, 0x34);
	assert_int_equal(crtc(&f, 0x00), 0x12);
	assert_int_equal(crtc(&f, 0x07), 0x34);
}

static void the_attribute_controller_has_a_flip_flop(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned index = 0; index < 32; index++) {
		in(&f, 0x3DA);
		out(&f, 0x3C0, 0xC0 | index); /* two bits more than there are */
		out(&f, 0x3C0, 0x80 | index);
		assert_int_equal(in(&f, 0x3C0), index);
		assert_int_equal(in(&f, 0x3C1), index < 21 ? 0x80 | index : 0);
		out(&f, 0x3C1, 0x7F); /* read only */
	}
	for (unsigned index = 0; index < 21; index++) {
		out(&f, 0x3C0, 0x20 | index);
		assert_int_equal(in(&f, 0x3C0), 0x20 | index);
		assert_int_equal(in(&f, 0x3C1), 0x80 | index);
		in(&f, 0x3DA); /* index again: nothing was written to this register */
	}
}

static void sequencer_and_graphics_read_back(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned index = 0; index < 256; index++) {
		bus_write(&f.ports, 0x3C4, 2, (index ^ 0xA5) << 8 | index);
		bus_write(&f.ports, 0x3CE, 2, (index ^ 0x5A) << 8 | index);
		assert_int_equal(in(&f, 0x3C4), index);
		assert_int_equal(in(&f, 0x3CE), index);
	}
	for (unsigned index = 0; index < 256; index++) {
		out(&f, 0x3C4, index);
		assert_int_equal(in(&f, 0x3C5), index < 5 ? index ^ 0xA5 : 0);
		out(&f, 0x3CE, index);
		assert_int_equal(in(&f, 0x3CF), index < 9 ? index ^ 0x5A : 0);
	}
}

static void single_registers_read_back(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, 0x3C2, 0xE3);
	assert_int_equal(in(&f, 0x3CC), 0xE3);
	out(&f, 0x3DA, 0x03);
	assert_int_equal(in(&f, 0x3CA), 0x03);
	out(&f, 0x3C3, 0x00);
	assert_int_equal(in(&f, 0x3C3), 0x00);
	out(&f, 0x3C6, 0x0F);
	assert_int_equal(in(&f, 0x3C6), 0x0F);
	/* These are read elsewhere, or written elsewhere. */
	out(&f, 0x3CC, 0x00);
	out(&f, 0x3CA, 0x00);
	assert_int_equal(in(&f, 0x3CC), 0xE3);
	assert_int_equal(in(&f, 0x3CA), 0x03);
	assert_int_equal(in(&f, 0x3C2), 0x00);
}

static void the_dac_keeps_its_colours(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, 0x3C8, 0);
	assert_int_equal(in(&f, 0x3C7), 0x00);
	for (unsigned i = 0; i < 768; i++)
		out(&f, 0x3C9, i);
	assert_int_equal(in(&f, 0x3C8), 0); /* around */
	out(&f, 0x3C7, 0);
	assert_int_equal(in(&f, 0x3C7), 0x03);
	for (unsigned i = 0; i < 768; i++)
		assert_int_equal(in(&f, 0x3C9), i & 0x3F);
	out(&f, 0x3C8, 255);
	assert_int_equal(in(&f, 0x3C7), 0x00);
	out(&f, 0x3C9, 1);
	assert_int_equal(in(&f, 0x3C8), 255);
	out(&f, 0x3C9, 2);
	out(&f, 0x3C9, 3);
	out(&f, 0x3C9, 4);
	out(&f, 0x3C7, 255);
	assert_int_equal(in(&f, 0x3C9), 1);
	assert_int_equal(in(&f, 0x3C9), 2);
	assert_int_equal(in(&f, 0x3C9), 3);
	assert_int_equal(in(&f, 0x3C9), 4);
	assert_int_equal(in(&f, 0x3C9), 1);
}

static void waits_for_the_retrace_end(void **state)
{
	static const unsigned bits[] = {0x01, 0x08};
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned i = 0; i < 1000; i++) {
		unsigned bit = bits[i % 2], looks = 0;

		while ((in(&f, 0x3DA) & bit) && looks < 3)
			looks++;
		while (!(in(&f, 0x3DA) & bit) && looks < 6)
			looks++;
		assert_in_range(looks, 0, 5);
	}
	/* In the retrace there is no display. */
	for (unsigned i = 0; i < 10; i++) {
		unsigned status = in(&f, 0x3DA);

		assert_int_equal(status & ~0x09u, 0);
		assert_int_not_equal(status, 0x08);
	}
}

static void other_ports_are_open(void **state)
{
	static const unsigned ports[] = {0x3CB, 0x3CD, 0x3D0, 0x3D1, 0x3D2, 0x3D3, 0x3D6, 0x3D7,
					 0x3D8, 0x3D9, 0x3DB, 0x3DC, 0x3DD, 0x3DE, 0x3DF};
	struct fixture f;

	(void)state;
	set_up(&f);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		struct vga_text before;

		memcpy(&before, &f.dev, sizeof(before));
		assert_int_equal(in(&f, ports[i]), 0xFF);
		out(&f, ports[i], 0x55);
		assert_memory_equal(&before, &f.dev, sizeof(before));
	}
	assert_null(bus_find(&f.ports, 0x3BF));
	assert_null(bus_find(&f.ports, 0x3E0));
	/* The monochrome ports stay off, whatever the miscellaneous output says. */
	out(&f, 0x3C2, 0x66);
	assert_int_equal(in(&f, 0x3B5), 0xFF);
	assert_int_equal(crtc(&f, 0x01), 79);
}

static void lines_lose_their_trailing_blanks(void **state)
{
	char wide[VGA_TEXT_COLUMNS + 1];
	struct fixture f;

	(void)state;
	set_up(&f);
	type(&f, 0, "Hello,  world   ");
	assert_only(&f, 0, "Hello,  world");
	type(&f, 0, "               \xFF");
	bus_write(&f.memory, 0xB8000 + 40, 1, 0x00);
	assert_only(&f, 0, "");
	type(&f, 24 * 160, "  last");
	assert_only(&f, 24, "  last");
	memset(wide, 'w', 80);
	wide[80] = '\0';
	type(&f, 24 * 160, wide);
	assert_only(&f, 24, wide);
	/* Behind the last line there is memory that does not show. */
	type(&f, 25 * 160, "unseen");
	assert_only(&f, 24, wide);
}

static void blanks_of_all_kinds_within_a_line_are_one(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	type(&f, 160,
	     "a b\xFF"
	     "c");
	bus_write(&f.memory, 0xB80A0 + 2, 1, 0x00);
	assert_only(&f, 1, "a b c");
}

static void the_start_address_moves_the_screen(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	type(&f, 30 * 160, "thirty");
	assert_only(&f, 0, "");
	set_crtc(&f, 0x0D, (30 * 80) & 0xFF);
	set_crtc(&f, 0x0C, (30 * 80) >> 8);
	assert_only(&f, 0, "thirty");
	set_crtc(&f, 0x0D, (20 * 80) & 0xFF);
	set_crtc(&f, 0x0C, (20 * 80) >> 8);
	assert_only(&f, 10, "thirty");
	/* Beyond the end of the memory is its start, in the middle of a line too. */
	type(&f, 30 * 160, "      ");
	type(&f, 0x7FFC, "around");
	set_crtc(&f, 0x0C, 0x3F);
	set_crtc(&f, 0x0D, 0xFE - 80);
	assert_only(&f, 1, "around");
	/* And of 64 KiB, which the register could tell, there are 32. */
	set_crtc(&f, 0x0C, 0xFF);
	assert_only(&f, 1, "around");
}

static void code_page_437_becomes_utf_8(void **state)
{
	/* Each line sixteen codes, a mark at its end. */
	static const char expected[] = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼|\n"
				       "►◄↕‼¶§▬↨↑↓→←∟↔▲▼|\n"
				       " !\"#$%&'()*+,-./|\n"
				       "0123456789:;<=>?|\n"
				       "@ABCDEFGHIJKLMNO|\n"
				       "PQRSTUVWXYZ[\\]^_|\n"
				       "`abcdefghijklmno|\n"
				       "pqrstuvwxyz{|}~⌂|\n"
				       "ÇüéâäàåçêëèïîìÄÅ|\n"
				       "ÉæÆôöòûùÿÖÜ¢£¥₧ƒ|\n"
				       "áíóúñÑªº¿⌐¬½¼¡«»|\n"
				       "░▒▓│┤╡╢╖╕╣║╗╝╜╛┐|\n"
				       "└┴┬├─┼╞╟╚╔╩╦╠═╬╧|\n"
				       "╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀|\n"
				       "αßΓπΣσµτΦΘΩδ∞φε∩|\n"
				       "≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ |\n"
				       "\n\n\n\n\n\n\n\n\n";
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned code = 0; code < 256; code++) {
		unsigned at = 0xB8000 + code / 16 * 160 + code % 16 * 2;

		bus_write(&f.memory, at, 1, code);
		bus_write(&f.memory, at + 2, 1, '|');
	}
	assert_string_equal(render(&f), expected);
}

static void the_widest_screen_fits(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned at = 0; at < 0x8000; at += 2)
		bus_write(&f.memory, 0xB8000 + at, 1, 0xDB);
	assert_int_equal(strlen(render(&f)), 25 * (80 * 3 + 1));
}

static void a_reset_brings_back_the_start(void **state)
{
	struct fixture f;
	struct vga_text fresh;

	(void)state;
	set_up(&f);
	memcpy(&fresh, &f.dev, sizeof(fresh));
	for (unsigned port = 0x3C0; port < 0x3E0; port++)
		out(&f, port, 0x13);
	out(&f, 0x3C0, 0x55);
	type(&f, 0, "text");
	in(&f, 0x3DA);
	assert_memory_not_equal(&fresh, &f.dev, sizeof(fresh));
	vga_text_reset(&f.dev);
	assert_memory_equal(&fresh, &f.dev, sizeof(fresh));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_starts_blank_in_mode_3),
		cmocka_unit_test(memory_is_memory),
		cmocka_unit_test(memory_can_be_the_callers),
		cmocka_unit_test(crtc_reads_back),
		cmocka_unit_test(crtc_is_protected_by_11h),
		cmocka_unit_test(the_attribute_controller_has_a_flip_flop),
		cmocka_unit_test(sequencer_and_graphics_read_back),
		cmocka_unit_test(single_registers_read_back),
		cmocka_unit_test(the_dac_keeps_its_colours),
		cmocka_unit_test(waits_for_the_retrace_end),
		cmocka_unit_test(other_ports_are_open),
		cmocka_unit_test(lines_lose_their_trailing_blanks),
		cmocka_unit_test(blanks_of_all_kinds_within_a_line_are_one),
		cmocka_unit_test(the_start_address_moves_the_screen),
		cmocka_unit_test(code_page_437_becomes_utf_8),
		cmocka_unit_test(the_widest_screen_fits),
		cmocka_unit_test(a_reset_brings_back_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
