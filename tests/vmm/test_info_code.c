// SPDX-License-Identifier: BSD-2-Clause
// The listing around rip: boundaries before it, what cannot be read, bytes that end.
// Not the decoder: test_disasm.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/vmm/printed.h"
#include "vmm/info_code.h"

static struct info_code code;

static void give(const void *before, unsigned before_count, const void *after, unsigned count)
{
	code = (struct info_code){
		.before = before_count, .count = before_count + count, .mode = 64, .rip = 0x100020};
	memcpy(code.bytes, before, before_count);
	memcpy(code.bytes + before_count, after, count);
}

static void print(enum info_format format)
{
	FILE *to = printed_begin();

	info_code_print(&code, format, to);
	printed_end(to);
}

static void test_around(void **state)
{
	/* xor eax, eax; mov rbx, rax; nop; sti | hlt; jmp -3 */
	(void)state;
	give("\x31\xC0\x48\x89\xC3\x90\xFB", 7, "\xF4\xEB\xFD", 3);
	print(INFO_QEMU);
	assert_string_equal(printed_text,
			    "    000000000010001b: 48 89 c3                mov rbx, rax\n"
			    "    000000000010001e: 90                      nop\n"
			    "    000000000010001f: fb                      sti\n"
			    " => 0000000000100020: f4                      hlt\n"
			    "    0000000000100021: eb fd                   jmp "
			    "0x0000000000100020\n");
	print(INFO_JSON);
	assert_string_equal(printed_text, "\"f4ebfd\"");
}

static void test_the_longest_way_that_ends_at_rip(void **state)
{
	/* 0Fh 0Bh is UD2 where it begins, but its B8h takes four bytes of what follows: not a way.
	 */
	(void)state;
	give("\xB8\x0F\x0B", 3, "\x90", 1);
	print(INFO_QEMU);
	assert_printed("000000000010001e: 0f 0b                   ud2\n => ");
	assert_not_printed("b8");
	/* But where it is known what was last. */
	give("\x00\x00\x00\xF4", 4, "\x90", 1);
	code.last = 1;
	print(INFO_QEMU);
	assert_string_equal(printed_text,
			    "    000000000010001d: 00 00                   add [rax], al\n"
			    "    000000000010001f: f4                      hlt\n"
			    " => 0000000000100020: 90                      nop\n");
	give("\x0F\xF4", 2, "\x90", 1);
	code.last = 1;
	print(INFO_QEMU);
	assert_string_equal(printed_text, "    000000000010001f: f4                      hlt\n"
					  " => 0000000000100020: 90                      nop\n");
	/* Of no way nothing is shown. */
	give("\x0F", 1, "\x90", 1);
	print(INFO_QEMU);
	assert_string_equal(printed_text, " => 0000000000100020: 90                      nop\n");
}

static void test_no_instruction_at_rip(void **state)
{
	(void)state;
	give("", 0, "\x06\x90", 2);
	print(INFO_QEMU);
	assert_string_equal(printed_text,
			    " => 0000000000100020: 06                      (no instruction)\n");
	give("\x90", 1, "", 0);
	print(INFO_QEMU);
	assert_string_equal(printed_text, "    no memory at rip\n");
	print(INFO_JSON);
	assert_string_equal(printed_text, "null");
}

static void test_long_ones_and_the_end(void **state)
{
	unsigned lines = 0;

	/* movabs rax, imm64 is ten bytes, of which eight are shown; one cut at the end is not. */
	(void)state;
	give("", 0, "\x48\xB8\x01\x02\x03\x04\x05\x06\x07\x08\x48\xB8", 12);
	print(INFO_QEMU);
	assert_string_equal(printed_text,
			    " => 0000000000100020: 48 b8 01 02 03 04 05 06 .. mov rax, "
			    "0x807060504030201\n");
	give("", 0, "\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90", 10);
	print(INFO_QEMU);
	for (const char *c = printed_text; (c = strchr(c, '\n')); c++)
		lines++;
	assert_int_equal(lines, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_around),
		cmocka_unit_test(test_the_longest_way_that_ends_at_rip),
		cmocka_unit_test(test_no_instruction_at_rip),
		cmocka_unit_test(test_long_ones_and_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
