// SPDX-License-Identifier: BSD-2-Clause
/*
 * The printed registers: that each line says what the registers say.
 * Not a promise of the layout to programs.
 */
#include "tests/lapic/rig.h"

#include <string.h>

static char text[8192];
static size_t used;

static void collect(void *opaque, const char *piece, size_t bytes)
{
	assert_ptr_equal(opaque, text);
	assert_true(used + bytes < sizeof(text));
	memcpy(text + used, piece, bytes);
	used += bytes;
	text[used] = '\0';
}

static const char *printed(struct lapic *l)
{
	used = 0;
	text[0] = '\0';
	lapic_print(l, collect, text);
	return text;
}

#define assert_says(l, words)                                                                      \
 do {                                                                                              \
  if (!strstr(printed(l), words))                                                                  \
   fail_msg("no \"%s\" in:\n%s", words, text);                                                     \
 } while (0)
#define assert_says_not(l, words) assert_null(strstr(printed(l), words))

static void no_cmci(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->cmci = false;
}

static void test_modes(void **state)
{
	struct lapic *l = rig_running(2)->l[1];

	(void)state;
	assert_says(l, "ID 00000001");
	assert_says(l, "xAPIC");
	assert_says(l, "base 00000000fee00800");
	assert_says_not(l, "software-disabled");
	assert_says_not(l, "waits for SIPI");
	put(l, APIC_SVR, 0xFF);
	assert_says(l, "software-disabled");
	rig_x2apic(l);
	assert_says(l, "x2APIC");
	rig_disable(l);
	assert_says(l, " disabled");
	assert_says(rig_build(&(struct rig_plan){.count = 2})->l[1], "waits for SIPI");
}

static void p6(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->p6_errors = true;
}

static void test_lines(void **state)
{
	struct lapic *l = rig_tuned(1, p6)->l[0];

	(void)state;
	assert_says(l, ") ICR 0000000000000000\nIRR ");
	assert_says(l, "deadline 0000000000000000\n");
	put(l, APIC_LVT_THERMAL, 0x42);
	put(l, APIC_LVT_ERROR, 0x46);
	assert_says(l, "LVT thermal 00000042 fixed vector 42\n");
	assert_says(l, "LVT error   00000046 fixed vector 46\n");
	/* ESR lies behind IRR in the page, and is no vector. */
	lapic_error_p6(l, 1);
	latch_esr(l);
	lapic_pending(l);
	drain(l);
	assert_says(l, "ESR 01");
	assert_says(l, "IRR none\n");
}

static void test_registers(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TPR, 0x2A);
	put(l, APIC_LDR, 0x12000000);
	put(l, APIC_ICR_HIGH, 0x99000000);
	put(l, APIC_ICR, MODE(3) | 0x55);
	assert_says(l, "VERSION 00060014");
	assert_says(l, "SVR 000001ff");
	assert_says(l, "LDR 12000000");
	assert_says(l, "DFR ffffffff");
	assert_says(l, "TPR 2a");
	assert_says(l, "PPR 2a");
	assert_says(l, "ICR 9900000000000355");
	lapic_mmio_read(l, 0x400, 4);
	assert_says(l, "ESR 00 (gathering 80)");
	latch_esr(l);
	assert_says(l, "ESR 80 (gathering 00)");
}

static void test_vectors(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_says(l, "IRR none\n");
	assert_says(l, "ISR none\n");
	assert_says(l, "TMR none\n");
	lapic_post(l, LAPIC_FIXED, 0xC1, true);
	assert_takes(l, 0xC1);
	lapic_post(l, LAPIC_FIXED, 0x31, false);
	lapic_post(l, LAPIC_FIXED, 0xF2, true);
	assert_says(l, "IRR 31 f2\n");
	assert_says(l, "ISR c1\n");
	assert_says(l, "TMR c1 f2\n");
}

static void test_lvts(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_TIMER, PERIODIC | 0x41);
	put(l, APIC_LVT_LINT0, MODE(LAPIC_EXTINT));
	put(l, APIC_LVT_LINT1, MODE(LAPIC_NMI));
	put(l, APIC_LVT_PERF, MASKED | 0x43);
	assert_says(l, "LVT timer   00020041 periodic vector 41\n");
	assert_says(l, "LVT LINT0   00000700 ExtINT vector 00\n");
	assert_says(l, "LVT LINT1   00000400 NMI vector 00\n");
	assert_says(l, "LVT perf    00010043 masked fixed vector 43\n");
	assert_says(l, "LVT CMCI    00010000 masked fixed vector 00\n");
	put(l, APIC_LVT_TIMER, 0x41);
	assert_says(l, "LVT timer   00000041 one-shot vector 41\n");
	put(l, APIC_LVT_TIMER, DEADLINE | 0x41);
	assert_says(l, "TSC-deadline vector 41\n");
	assert_says_not(rig_tuned(1, no_cmci)->l[0], "CMCI");
}

static void test_timer(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_TMICT, 1000);
	rig_sleep(rig_of(l), 488);
	assert_says(l, "TMICT 000003e8 TMCCT 00000200 DCR b deadline 0000000000000000\n");
	put(l, APIC_LVT_TIMER, DEADLINE | 0x41);
	set_msr(l, MSR_DEADLINE, 0x123456789ABCDEF0);
	assert_says(l, "TMICT 00000000 TMCCT 00000000 DCR b deadline 123456789abcdef0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_modes),   rig_test(test_lines), rig_test(test_registers),
		rig_test(test_vectors), rig_test(test_lvts),  rig_test(test_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
