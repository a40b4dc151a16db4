// SPDX-License-Identifier: BSD-2-Clause
// Instruction bytes to text, in each mode, and what is said of bytes that are none.
// Zydis itself is not tested: only that it is asked the right question.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/disasm.h"

struct row {
	const char *bytes;
	size_t length;
	unsigned mode;
	uint64_t rip;
	const char *text;
};

static void bytes_become_text_by_mode(void **state)
{
	static const struct row rows[] = {
		{"\x8B\x03", 2, 64, 0x1000, "mov eax, [rbx]"},
		{"\x8B\x03", 2, 32, 0x1000, "mov eax, [ebx]"},
		{"\x8B\x07", 2, 16, 0x1000, "mov ax, [bx]"},
		{"\x0F\x01\xC1", 3, 64, 0, "vmcall"},
		{"\xF3\x0F\xB8\xC1", 4, 64, 0, "popcnt eax, ecx"},
		{"\xF4\x90\x90", 3, 16, 0, "hlt"},
		/* Targets are absolute. */
		{"\xEB\xFE", 2, 64, 0xFFFFFFFF80000000, "jmp 0xFFFFFFFF80000000"},
		{"\xE8\x00\x01\x00\x00", 5, 32, 0x2000, "call 0x00002105"},
		{"\xE9\x00\x01", 3, 16, 0x7C00, "jmp 0x7D03"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64] = "old";

		assert_true(disasm((const uint8_t *)rows[i].bytes, rows[i].length, rows[i].mode,
				   rows[i].rip, text, sizeof(text)));
		assert_string_equal(text, rows[i].text);
	}
}

static void no_instruction_is_said_to_be_none(void **state)
{
	static const struct row rows[] = {
		{"", 0, 64, 0, "(bytes end within the instruction)"},
		{"\x0F", 1, 64, 0, "(bytes end within the instruction)"},
		{"\x48\xB8\x01\x02", 4, 64, 0, "(bytes end within the instruction)"},
		{"\x06", 1, 64, 0, "(no instruction)"}, /* PUSH ES does not exist in 64-bit mode */
		{"\x0F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, 17, 0, "(no such mode)"},
		{"\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90", 16, 64, 0,
		 "(longer than 15 bytes)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64] = "old";

		assert_int_equal(
			disasm_length((const uint8_t *)rows[i].bytes, rows[i].length, rows[i].mode),
			0);
		assert_false(disasm((const uint8_t *)rows[i].bytes, rows[i].length, rows[i].mode,
				    rows[i].rip, text, sizeof(text)));
		assert_string_equal(text, rows[i].text);
	}
}

static void text_is_cut_and_ended(void **state)
{
	char text[8];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(disasm_length((const uint8_t *)"\x8B\x03\x90", 3, 64), 2);
	assert_int_equal(disasm_length((const uint8_t *)"\x66\x0F\xEF\xC0\x90", 5, 64), 4);
	assert_true(disasm((const uint8_t *)"\x8B\x03", 2, 64, 0, text, sizeof(text)));
	assert_string_equal(text, "mov eax");
	assert_true(disasm((const uint8_t *)"\x8B\x03", 2, 64, 0, text, 1));
	assert_string_equal(text, "");
}

/* Any bytes at all: the guest chooses them. */
static void noise_does_no_harm(void **state)
{
	static const unsigned modes[] = {16, 32, 64};
	uint64_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 50000; round++) {
		uint8_t bytes[15];
		char text[96];

		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			bytes[i] = (uint8_t)(seed >> 56);
		}
		memset(text, 'x', sizeof(text));
		disasm(bytes, round % 16, modes[round % 3], seed, text, sizeof(text));
		assert_non_null(memchr(text, '\0', sizeof(text)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_text_by_mode),
		cmocka_unit_test(no_instruction_is_said_to_be_none),
		cmocka_unit_test(text_is_cut_and_ended),
		cmocka_unit_test(noise_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
