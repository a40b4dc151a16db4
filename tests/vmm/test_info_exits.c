// SPDX-License-Identifier: BSD-2-Clause
// The ring of last exits: what each kind keeps, neighbours that are one, sixteen and no more.
// No vCPU: the test makes the exits.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <linux/kvm.h>

#include "tests/vmm/printed.h"
#include "vmm/info_exits.h"

static struct info_exits exits;
static uint8_t data[8] = {0x78, 0x56, 0x34, 0x12, 0xEF, 0xCD, 0xAB, 0x89};

static int setup(void **state)
{
	(void)state;
	exits = (struct info_exits){.next = 0};
	return 0;
}

static void add(const struct exit *exit)
{
	info_exits_add(&exits, exit);
}

static void add_port(uint16_t port, bool write, unsigned width, unsigned count)
{
	add(&(struct exit){.kind = EXIT_PORT,
			   .reason = KVM_EXIT_IO,
			   .u.access = {.address = port,
					.width = width,
					.count = count,
					.write = write,
					.data = data}});
}

static void print(enum info_format format)
{
	FILE *to = printed_begin();

	info_exits_print(&exits, format, to);
	printed_end(to);
}

static void test_kinds(void **state)
{
	(void)state;
	add_port(0x3F8, true, 1, 1);
	add_port(0x1F0, false, 2, 256);
	add(&(struct exit){.kind = EXIT_MEMORY,
			   .reason = KVM_EXIT_MMIO,
			   .u.access = {0xFEE000B0, 4, 1, true, data}});
	add(&(struct exit){
		.kind = EXIT_MSR, .reason = KVM_EXIT_X86_RDMSR, .u.msr = {.index = 0x802}});
	add(&(struct exit){.kind = EXIT_MSR,
			   .reason = KVM_EXIT_X86_WRMSR,
			   .u.msr = {.index = 0x830, .write = true, .value = 0x2000000FD}});
	add(&(struct exit){.kind = EXIT_EOI, .reason = KVM_EXIT_IOAPIC_EOI, .u.vector = 49});
	add(&(struct exit){.kind = EXIT_HALT, .reason = KVM_EXIT_HLT});
	print(INFO_QEMU);
	assert_string_equal(printed_text, "last exits, the oldest first:\n"
					  "  IO write port 0x3f8 width 1 value 0x78\n"
					  "  IO read port 0x1f0 width 2 count 256\n"
					  "  MMIO write 0xfee000b0 width 4 value 0x12345678\n"
					  "  X86_RDMSR read MSR 0x802\n"
					  "  X86_WRMSR write MSR 0x830 value 0x2000000fd\n"
					  "  IOAPIC_EOI vector 49\n"
					  "  HLT\n");
	print(INFO_JSON);
	assert_printed("[{\"reason\": \"IO\", \"address\": \"0x3f8\", \"width\": 1, \"count\": 1, "
		       "\"write\": true, \"value\": \"0x78\", \"times\": 1}, {\"reason\": \"IO\"");
	assert_printed("{\"reason\": \"HLT\", \"address\": \"0x0\", \"width\": 0, \"count\": 0, "
		       "\"write\": false, \"value\": \"0x0\", \"times\": 1}]");
}

static void test_neighbours_are_one(void **state)
{
	(void)state;
	add(&(struct exit){.kind = EXIT_HALT, .reason = KVM_EXIT_HLT});
	for (unsigned i = 0; i < 1000; i++) {
		data[0] = (uint8_t)i;
		add_port(0x3FD, true, 1, 1);
	}
	/* Each difference alone makes another. */
	add_port(0x3FD, false, 1, 1);
	add_port(0x3FD, false, 2, 1);
	add_port(0x3FD, false, 2, 2);
	add_port(0x3FE, false, 2, 2);
	data[0] = 0x78;
	print(INFO_LINUX);
	assert_string_equal(printed_text,
			    "last exits, the oldest first:\n"
			    "  HLT\n"
			    "  IO write port 0x3fd width 1 value 0xe7, 1000 times in a "
			    "row\n"
			    "  IO read port 0x3fd width 1\n"
			    "  IO read port 0x3fd width 2\n"
			    "  IO read port 0x3fd width 2 count 2\n"
			    "  IO read port 0x3fe width 2 count 2\n");
}

static void test_sixteen_stay(void **state)
{
	unsigned lines = 0;

	(void)state;
	for (unsigned port = 1; port <= 100; port++)
		add_port((uint16_t)port, false, 1, 1);
	print(INFO_QEMU);
	for (const char *c = printed_text; (c = strchr(c, '\n')); c++)
		lines++;
	assert_int_equal(lines, 17);
	assert_not_printed("port 0x54 ");
	assert_printed("first:\n  IO read port 0x55 width 1\n");
	assert_printed("  IO read port 0x64 width 1\n");
}

static void test_none(void **state)
{
	(void)state;
	print(INFO_QEMU);
	assert_printed("  none\n");
	print(INFO_JSON);
	assert_string_equal(printed_text, "[]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kinds, setup),
		cmocka_unit_test_setup(test_neighbours_are_one, setup),
		cmocka_unit_test_setup(test_sixteen_stay, setup),
		cmocka_unit_test_setup(test_none, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
