// SPDX-License-Identifier: BSD-2-Clause
// A Local APIC's registers as they are printed: each column, each mode, both of Linux's and JSON's.
// No Local APIC: the test writes the image.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/vmm/printed.h"
#include "vmm/info_lapic.h"

static struct info_lapic lapic;

static void put(unsigned offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		lapic.image[offset + i] = (uint8_t)(value >> 8 * i);
}

static void set(unsigned offset, unsigned vector)
{
	lapic.image[offset + vector / 32 * 16 + vector % 32 / 8] |= (uint8_t)(1 << vector % 8);
}

static int setup(void **state)
{
	(void)state;
	lapic = (struct info_lapic){.known = true, .id = 3, .apic_base = 0xFEE00800};
	put(0x020, 3u << 24);
	put(0x030, 0x00050014);
	put(0x0E0, 0xFFFFFFFF);
	for (unsigned i = 0x320; i <= 0x370; i += 16)
		put(i, 0x10000);
	return 0;
}

static void print(enum info_format format)
{
	FILE *to = printed_begin();

	info_lapic_print(&lapic, 7, format, to);
	printed_end(to);
}

static void test_qemu_after_reset(void **state)
{
	(void)state;
	put(0x0F0, 0xFF);
	print(INFO_QEMU);
	assert_string_equal(
		printed_text,
		"dumping local APIC state for CPU 7 (APIC ID 3, xAPIC)\n"
		"\n"
		"LVT0\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
		"LVT1\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
		"LVTPC\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
		"LVTERR\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
		"LVTTHMR\t 0x00010000 active-hi edge  masked                      Fixed  (vec 0)\n"
		"LVTT\t 0x00010000 active-hi edge  masked         one-shot     Fixed  (vec 0)\n"
		"Timer\t DCR=0x0 (divide by 2) initial_count = 0 current_count = 0 tsc_deadline = "
		"0\n"
		"SPIV\t 0x000000ff APIC disabled, focus=on, spurious vec 255\n"
		"ICR\t 0x00000000 physical edge de-assert no-shorthand\n"
		"ICR2\t 0x00000000 cpu 0 (APIC ID)\n"
		"ESR\t 0x00000000\n"
		"ISR\t (none)\n"
		"IRR\t (none)\n"
		"\n"
		"APR 0x00 TPR 0x00 DFR 0x0f LDR 0x00 PPR 0x00\n");
}

static void test_qemu_lvt_columns(void **state)
{
	(void)state;
	put(0x350, 0x0000B730);
	put(0x360, 0x00000400);
	put(0x370, 0x000000FE);
	put(0x330, 0x00000200);
	put(0x320, 0x000200EC);
	print(INFO_QEMU);
	assert_printed(
		"LVT0\t 0x0000b730 active-lo level        pending              ExtINT (vec 48)\n");
	assert_printed("LVT1\t 0x00000400 active-hi edge                              NMI   \n");
	assert_printed(
		"LVTERR\t 0x000000fe active-hi edge                              Fixed  (vec 254)\n");
	assert_printed(
		"LVTTHMR\t 0x00000200 active-hi edge                              SMI    (vec 0)\n");
	assert_printed(
		"LVTT\t 0x000200ec active-hi edge                 periodic     Fixed  (vec 236)\n");
	put(0x320, 0x000400EC);
	print(INFO_QEMU);
	assert_printed(" tsc-deadline Fixed  (vec 236)\n");
	assert_not_printed("LVTCMCI");
	put(0x030, 0x00060014);
	put(0x2F0, 0x000000F2);
	print(INFO_QEMU);
	assert_printed(
		"LVTCMCI\t 0x000000f2 active-hi edge                              Fixed  (vec 242)\n");
}

static void test_qemu_timer(void **state)
{
	static const struct {
		unsigned dcr;
		const char *words;
	} rows[] = {
		{0x0, "DCR=0x0 (divide by 2)"},   {0x1, "DCR=0x1 (divide by 4)"},
		{0x3, "DCR=0x3 (divide by 16)"},  {0x8, "DCR=0x8 (divide by 32)"},
		{0xA, "DCR=0xa (divide by 128)"}, {0xB, "DCR=0xb (divide by 1)"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(0x3E0, rows[i].dcr);
		print(INFO_QEMU);
		assert_printed(rows[i].words);
	}
	put(0x380, 62500);
	put(0x390, 777);
	lapic.tsc_deadline = UINT64_C(0x123456789A);
	print(INFO_QEMU);
	assert_printed("initial_count = 62500 current_count = 777 tsc_deadline = 78187493530\n");
}

static void test_qemu_icr(void **state)
{
	(void)state;
	put(0x300, 0x000040FD);
	put(0x310, 0x02000000);
	print(INFO_QEMU);
	assert_printed("ICR\t 0x000040fd physical edge assert no-shorthand\n"
		       "ICR2\t 0x02000000 cpu 2 (APIC ID)\n");
	put(0x300, 0x0000C8FD);
	put(0x310, 0xA1000000);
	print(INFO_QEMU);
	assert_printed(
		"logical level assert no-shorthand\nICR2\t 0xa1000000 mask 10100001 (APIC ID)\n");
	put(0x0E0, 0x0FFFFFFF);
	print(INFO_QEMU);
	assert_printed("ICR2\t 0xa1000000 cluster 10 mask 0001 (APIC ID)\n");
	put(0x300, 0x00040000);
	print(INFO_QEMU);
	assert_printed("de-assert self\nICR2\t 0xa1000000\n");
	put(0x300, 0x00080000);
	print(INFO_QEMU);
	assert_printed("de-assert all-self\n");
	put(0x300, 0x000C0000);
	print(INFO_QEMU);
	assert_printed("de-assert all\n");
}

static void test_qemu_x2apic(void **state)
{
	(void)state;
	lapic.apic_base = 0xFEE00C00;
	lapic.id = 300;
	put(0x0D0, 0x00120001);
	put(0x0E0, 0);
	put(0x300, 0x000008FD);
	put(0x310, 0x00120003);
	print(INFO_QEMU);
	assert_printed("CPU 7 (APIC ID 300, x2APIC)\n");
	assert_printed("ICR2\t 0x00120003 cluster 18 mask 0000000000000011 (X2APIC ID)\n");
	assert_printed("DFR 0x00 LDR 0x120001 ");
	put(0x300, 0xFD);
	print(INFO_QEMU);
	assert_printed("ICR2\t 0x00120003 cpu 1179651 (X2APIC ID)\n");
	lapic.apic_base = 0xFEE00000;
	print(INFO_QEMU);
	assert_printed("(APIC ID 300, disabled)\n");
}

static void test_qemu_vectors_and_priorities(void **state)
{
	(void)state;
	set(0x100, 0x31);
	set(0x100, 0xEC);
	set(0x200, 0xFF);
	set(0x200, 0x20);
	set(0x180, 0x31);
	put(0x080, 0x10);
	put(0x090, 0xF0);
	put(0x0A0, 0xE0);
	put(0x0D0, 0x04000000);
	put(0x0F0, 0x3FE);
	put(0x280, 0x40);
	print(INFO_QEMU);
	assert_printed("ISR\t 49(level) 236\n");
	assert_printed("IRR\t 32 255\n");
	assert_printed("APR 0xf0 TPR 0x10 DFR 0x0f LDR 0x04 PPR 0xe0\n");
	assert_printed("SPIV\t 0x000003fe APIC enabled, focus=off, spurious vec 254\n");
	assert_printed("ESR\t 0x00000040\n");
}

static void test_linux(void **state)
{
	(void)state;
	put(0x080, 0x10);
	put(0x0A0, 0x30);
	put(0x0D0, 0x08000000);
	put(0x0F0, 0x1FF);
	set(0x100, 0x31);
	put(0x300, 0xFD);
	put(0x310, 0x01000000);
	put(0x320, 0xEC);
	put(0x350, 0x10700);
	put(0x360, 0x400);
	put(0x370, 0xFE);
	put(0x380, 0xF424);
	put(0x390, 0x11);
	put(0x3E0, 3);
	print(INFO_LINUX);
	assert_string_equal(printed_text,
			    "printing local APIC contents on CPU#7/3:\n"
			    "... APIC ID:      03000000 (3)\n"
			    "... APIC VERSION: 00050014\n"
			    "... APIC TASKPRI: 00000010 (10)\n"
			    "... APIC PROCPRI: 00000030\n"
			    "... APIC LDR: 08000000\n"
			    "... APIC DFR: ffffffff\n"
			    "... APIC SPIV: 000001ff\n"
			    "... APIC ISR field:\n"
			    "0000000000020000000000000000000000000000000000000000000000000000\n"
			    "... APIC TMR field:\n"
			    "0000000000000000000000000000000000000000000000000000000000000000\n"
			    "... APIC IRR field:\n"
			    "0000000000000000000000000000000000000000000000000000000000000000\n"
			    "... APIC ESR: 00000000\n"
			    "... APIC ICR: 000000fd\n"
			    "... APIC ICR2: 01000000\n"
			    "... APIC LVTT: 000000ec\n"
			    "... APIC LVTPC: 00010000\n"
			    "... APIC LVT0: 00010700\n"
			    "... APIC LVT1: 00000400\n"
			    "... APIC LVTERR: 000000fe\n"
			    "... APIC TMICT: 0000f424\n"
			    "... APIC TMCCT: 00000011\n"
			    "... APIC TDCR: 00000003\n");
}

static void test_linux_leaves_out_what_is_not_there(void **state)
{
	(void)state;
	lapic.apic_base = 0xFEE00C00;
	print(INFO_LINUX);
	assert_not_printed("DFR");
	assert_not_printed("ARBPRI");
	put(0x030, 0x00030010);
	put(0x090, 0x50);
	print(INFO_LINUX);
	assert_printed("... APIC ARBPRI: 00000050 (50)\n");
	assert_printed("... APIC RRR: ");
	assert_not_printed("LVTPC");
	assert_printed("LVTERR");
	put(0x030, 0x00020010);
	print(INFO_LINUX);
	assert_not_printed("LVTERR");
}

static void test_json(void **state)
{
	(void)state;
	set(0x100, 0x31);
	set(0x100, 0xEC);
	put(0x320, 0xEC);
	lapic.tsc_deadline = UINT64_MAX;
	print(INFO_JSON);
	assert_printed(
		"{\"id\": 3, \"mode\": \"xapic\", \"apic_base\": \"0xfee00800\", \"version\": "
		"327700, ");
	assert_printed("\"lvt_timer\": 236, ");
	assert_printed("\"isr\": [49, 236], \"irr\": [], \"tmr\": []");
	assert_printed("\"tsc_deadline\": \"18446744073709551615\"}");
	assert_not_printed("cmci");
	put(0x030, 0x00060014);
	print(INFO_JSON);
	assert_printed("\"lvt_cmci\": 0");
	lapic.apic_base = 0xFEE00C00;
	print(INFO_JSON);
	assert_printed("\"mode\": \"x2apic\"");
	lapic.apic_base = 0xFEE00000;
	print(INFO_JSON);
	assert_printed("\"mode\": \"disabled\"");
}

static void test_what_kvm_does_not_tell(void **state)
{
	(void)state;
	lapic.known = false;
	print(INFO_QEMU);
	assert_string_equal(printed_text, "the Local APIC of CPU 7: KVM does not tell its state\n");
	print(INFO_JSON);
	assert_string_equal(printed_text, "null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_qemu_after_reset, setup),
		cmocka_unit_test_setup(test_qemu_lvt_columns, setup),
		cmocka_unit_test_setup(test_qemu_timer, setup),
		cmocka_unit_test_setup(test_qemu_icr, setup),
		cmocka_unit_test_setup(test_qemu_x2apic, setup),
		cmocka_unit_test_setup(test_qemu_vectors_and_priorities, setup),
		cmocka_unit_test_setup(test_linux, setup),
		cmocka_unit_test_setup(test_linux_leaves_out_what_is_not_there, setup),
		cmocka_unit_test_setup(test_json, setup),
		cmocka_unit_test_setup(test_what_kvm_does_not_tell, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
