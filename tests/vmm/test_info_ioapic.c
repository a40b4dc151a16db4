// SPDX-License-Identifier: BSD-2-Clause
// The I/O APIC's pins as they are printed, three ways.
// The device is real; nobody takes its messages unless a test says so.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/vmm/printed.h"
#include "vmm/info_ioapic.h"

static struct ioapic ioapic;
static bool taken;

static bool send(void *opaque, const struct ioapic_message *message)
{
	(void)opaque;
	(void)message;
	return taken;
}

static const struct ioapic_ops ops = {.send = send};

static void put(unsigned index, uint32_t value)
{
	struct bus_region region = ioapic_region(&ioapic);

	region.write(region.opaque, 0, 4, index);
	region.write(region.opaque, 0x10, 4, value);
}

static int setup(void **state)
{
	(void)state;
	taken = false;
	ioapic_init(&ioapic, &ops, NULL, 0);
	put(0, 0x05000000);
	put(0x10 + 2 * 4, 0x30); /* pin 4: edge, vector 30h */
	put(0x11 + 2 * 4, 0x01000000);
	put(0x10 + 2 * 9, 0xA000 | 0x100 | 0x800 | 0x41); /* pin 9: level, low, lowest, logical */
	put(0x11 + 2 * 9, 0x0F000000);
	return 0;
}

static void print(enum info_format format)
{
	FILE *to = printed_begin();

	info_ioapic_print(&ioapic, format, to);
	printed_end(to);
}

static void test_qemu(void **state)
{
	(void)state;
	print(INFO_QEMU);
	assert_printed("ioapic0: ver=0x20 id=0x05 sel=0x23 (redir[9])\n"
		       "  pin 0  0x0000000000010000 dest=0 vec=0   active-hi edge  masked fixed  "
		       "physical\n");
	assert_printed("  pin 4  0x0100000000000030 dest=1 vec=48  active-hi edge         fixed  "
		       "physical\n");
	assert_printed("  pin 9  0x0f0000000000a941 dest=15 vec=65  active-lo level        lowest "
		       "logical\n");
	assert_printed("  pin 23 ");
	assert_printed("  IRR        (none)\n  Remote IRR (none)\n");
	put(1, 0);
	print(INFO_QEMU);
	assert_printed("sel=0x01\n");
}

static void test_levels(void **state)
{
	struct irq_line line = ioapic_input(&ioapic, 9);

	(void)state;
	irq_line_set(&line, true);
	print(INFO_QEMU);
	assert_printed("  pin 9  0x0f0000000000b941 ");
	assert_printed("  IRR        9\n  Remote IRR (none)\n");
	print(INFO_LINUX);
	assert_printed(" pin09, enabled , level, low , V(41), IRR(0), S(1), logical , D(000F), "
		       "M(1)\n");
	taken = true;
	ioapic_retry(&ioapic);
	print(INFO_QEMU);
	assert_printed("  pin 9  0x0f0000000000e941 ");
	assert_printed("  Remote IRR 9\n");
	print(INFO_JSON);
	assert_printed("\"remote_irr\": true, \"pending\": false, \"asserted\": true}");
}

static void test_linux(void **state)
{
	(void)state;
	print(INFO_LINUX);
	assert_printed("number of IO-APIC #5 registers: 24.\n"
		       "IO APIC #5......\n"
		       ".... register #00: 05000000\n"
		       ".......    : physical APIC id: 05\n"
		       ".......    : Delivery Type: 0\n"
		       ".......    : LTS          : 0\n"
		       ".... register #01: 00170020\n"
		       ".......     : max redirection entries: 17\n"
		       ".......     : PRQ implemented: 0\n"
		       ".......     : IO APIC version: 20\n"
		       ".... register #02: 05000000\n"
		       ".......     : arbitration: 05\n"
		       ".... IRQ redirection table:\n"
		       "IOAPIC 0:\n"
		       " pin00, disabled, edge , high, V(00), IRR(0), S(0), physical, D(0000), "
		       "M(0)\n");
	assert_printed(" pin04, enabled , edge , high, V(30), IRR(0), S(0), physical, D(0001), "
		       "M(0)\n");
	assert_printed(" pin17, ");
	assert_not_printed(" pin18, ");
}

static void test_json(void **state)
{
	unsigned pins = 0;

	(void)state;
	print(INFO_JSON);
	assert_printed("{\"id\": 5, \"version\": 32, \"select\": 35, \"pins\": [{");
	assert_printed(
		"{\"entry\": \"0x0f0000000000a941\", \"dest\": 15, \"vector\": 65, \"mode\": 1, "
		"\"logical\": true, \"level\": true, \"active_low\": true, \"masked\": false, "
		"\"remote_irr\": false, \"pending\": false, \"asserted\": false}");
	for (const char *c = printed_text; (c = strstr(c, "\"entry\"")); c++)
		pins++;
	assert_int_equal(pins, 24);
	assert_string_equal(printed_text + strlen(printed_text) - 3, "}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_qemu, setup),
		cmocka_unit_test_setup(test_levels, setup),
		cmocka_unit_test_setup(test_linux, setup),
		cmocka_unit_test_setup(test_json, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
