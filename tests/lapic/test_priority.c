// SPDX-License-Identifier: BSD-2-Clause
/*
 * TPR, PPR, APR, CR8 and the spurious vector: which vector is deliverable when.
 * Not how vectors come into IRR (test_mailbox.c), nor acknowledge and EOI (test_eoi.c).
 */
#include "tests/lapic/rig.h"

/* Rules: PRI-1, PRI-2 */
static void test_ppr_of_every_tpr_and_isr(void **state)
{
	(void)state;
	for (unsigned vector = 0; vector < 256; vector += 1) {
		struct lapic *l = rig_one();

		if (vector >= 16) {
			lapic_post(l, LAPIC_FIXED, (uint8_t)vector, false);
			assert_takes(l, vector);
		}
		for (unsigned tpr = 0; tpr < 256; tpr++) {
			unsigned expected = (tpr >> 4) >= (vector >> 4) ? tpr : (vector & 0xF0);

			put(l, APIC_TPR, tpr);
			assert_int_equal(get(l, APIC_PPR), expected);
		}
		rig_teardown(NULL);
	}
}

/* Rules: PRI-2, PRI-3, ACP-2 */
static void test_every_vector_against_every_tpr_class(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (unsigned vector = 16; vector < 256; vector++) {
		for (unsigned tpr = 0; tpr < 16; tpr++) {
			put(l, APIC_TPR, tpr << 4 | 0xF);
			assert_int_equal(lapic_post(l, LAPIC_FIXED, (uint8_t)vector, false),
					 LAPIC_NEW);
			if (vector >> 4 <= tpr) {
				assert_int_equal(lapic_pending(l), LAPIC_PENDING_MASKED);
				assert_int_equal(lapic_peek(l), -1);
				put(l, APIC_TPR, 0);
			}
			assert_int_equal(lapic_pending(l), LAPIC_PENDING_INTR);
			assert_serves(l, vector);
			assert_nothing(l);
		}
	}
}

/* Rules: PRI-2 */
static void test_same_class_waits_for_eoi(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x41, false);
	assert_takes(l, 0x41);
	lapic_post(l, LAPIC_FIXED, 0x4F, false);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_MASKED);
	lapic_post(l, LAPIC_FIXED, 0x50, false);
	assert_takes(l, 0x50);
	assert_int_equal(get(l, APIC_PPR), 0x50);
	eoi(l);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_MASKED);
	assert_int_equal(get(l, APIC_PPR), 0x40);
	eoi(l);
	assert_serves(l, 0x4F);
	assert_int_equal(get(l, APIC_PPR), 0);
}

/* Rules: PRI-3 */
static void test_vectors_16_to_31_work(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (uint8_t vector = 16; vector < 32; vector++) {
		send_ipi(l, 0, vector);
		assert_serves(l, vector);
	}
	for (unsigned vector = 0; vector < 16; vector++) {
		assert_int_equal(lapic_post(l, LAPIC_FIXED, (uint8_t)vector, false), LAPIC_REFUSED);
		assert_nothing(l);
	}
	assert_int_equal(get(l, APIC_IRR), 0);
}

/* Rules: PRI-4 */
static void test_cr8_is_the_class_of_tpr(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (unsigned tpr = 0; tpr < 256; tpr++) {
		put(l, APIC_TPR, tpr);
		assert_int_equal(lapic_cr8(l), tpr >> 4);
	}
	for (unsigned cr8 = 0; cr8 < 16; cr8++) {
		put(l, APIC_TPR, 0xFF);
		assert_int_equal(lapic_write_cr8(l, cr8), LAPIC_OK);
		assert_int_equal(get(l, APIC_TPR), cr8 << 4);
		assert_int_equal(get(l, APIC_PPR), cr8 << 4);
	}
}

/* Rules: PRI-4 */
static void test_mirroring_cr8_keeps_the_low_bits(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TPR, 0x57);
	assert_int_equal(lapic_set_cr8(l, 5), LAPIC_OK);
	assert_int_equal(get(l, APIC_TPR), 0x57);
	assert_int_equal(lapic_set_cr8(l, 6), LAPIC_OK);
	assert_int_equal(get(l, APIC_TPR), 0x60);
	put(l, APIC_TPR, 0x57);
	assert_int_equal(lapic_write_cr8(l, 5), LAPIC_OK);
	assert_int_equal(get(l, APIC_TPR), 0x50);
}

/* Rules: PRI-4 */
static void test_cr8_above_15_faults(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TPR, 0x57);
	assert_int_equal(lapic_set_cr8(l, 16), LAPIC_GP);
	assert_int_equal(lapic_write_cr8(l, 16), LAPIC_GP);
	assert_int_equal(lapic_set_cr8(l, 0x105), LAPIC_GP);
	assert_int_equal(lapic_set_cr8(l, 1ull << 32 | 5), LAPIC_GP);
	assert_int_equal(lapic_write_cr8(l, UINT64_MAX), LAPIC_GP);
	assert_int_equal(get(l, APIC_TPR), 0x57);
}

/* Rules: PRI-4, PRI-5 */
static void test_raised_tpr_withdraws_lowered_one_delivers(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x45, false);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_INTR);
	put(l, APIC_TPR, 0x40);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_MASKED);
	lapic_set_cr8(l, 3);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_INTR);
	lapic_set_cr8(l, 15);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_MASKED);
	assert_true(in_irr(l, 0x45));
	put(l, APIC_TPR, 0x3F);
	assert_serves(l, 0x45);
}

/* Rules: PRI-5 */
static void test_acknowledge_of_nothing_is_spurious(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_trace(l);
	put(l, APIC_SVR, 0x1E7);
	assert_int_equal(lapic_ack(l), 0xE7);
	lapic_post(l, LAPIC_FIXED, 0x45, true);
	put(l, APIC_TPR, 0x40);
	assert_int_equal(lapic_ack(l), 0xE7);
	assert_int_equal(told(l, LAPIC_EVENT_SPURIOUS, NULL), 2);
	assert_true(in_irr(l, 0x45));
	for (uint32_t bank = APIC_ISR; bank < APIC_TMR; bank += 0x10)
		assert_int_equal(get(l, bank), 0);
	/* No EOI is due: one for it does nothing. */
	eoi(l);
	assert_int_equal(rig_cpu_of(l)->eois, 0);
	put(l, APIC_TPR, 0);
	assert_serves(l, 0x45);
	/* A spurious vector below 16 is given as it stands. */
	put(l, APIC_SVR, 0x10F);
	assert_int_equal(lapic_ack(l), 0x0F);
}

/* Rules: PRI-5 */
static void test_masking_an_lvt_takes_nothing_back(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_THERMAL, 0x66);
	lapic_raise(l, LAPIC_LVT_THERMAL);
	lapic_pending(l);
	put(l, APIC_LVT_THERMAL, MASKED | 0x66);
	assert_serves(l, 0x66);
}

/* Rules: PRI-6 */
static void test_events_pass_priority_by(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TPR, 0xFF);
	lapic_post(l, LAPIC_FIXED, 0xFE, false);
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_post(l, LAPIC_SMI, 0, false);
	lapic_post(l, LAPIC_EXTINT, 0, false);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_NMI | LAPIC_PENDING_SMI |
						   LAPIC_PENDING_EXTINT | LAPIC_PENDING_MASKED);
	assert_true(lapic_take_nmi(l));
	assert_true(lapic_take_smi(l));
	assert_true(lapic_take_extint(l));
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_INIT);
}

/* Rules: PRI-6 */
static void test_apr(void **state)
{
	static const struct {
		uint8_t tpr, irr, isr, apr;
	} cases[] = {
		{0x00, 0, 0, 0x00},       {0x25, 0, 0, 0x25},       {0x25, 0x2F, 0, 0x25},
		{0x25, 0x30, 0, 0x30},    {0x35, 0x30, 0x20, 0x35}, {0x35, 0x4F, 0x20, 0x40},
		{0x25, 0, 0x2A, 0x20},    {0x35, 0x10, 0x5A, 0x10}, {0x3F, 0x10, 0x7A, 0x30},
		{0x35, 0x20, 0xC1, 0x20}, {0xF5, 0, 0xC1, 0xF5},    {0x85, 0, 0x71, 0x85},
		{0x71, 0, 0x81, 0x00},    {0x71, 0x95, 0x81, 0x90}, {0x6F, 0x10, 0xA0, 0x20},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lapic *l = rig_one();

		if (cases[i].isr) {
			lapic_post(l, LAPIC_FIXED, cases[i].isr, false);
			assert_takes(l, cases[i].isr);
		}
		if (cases[i].irr)
			lapic_post(l, LAPIC_FIXED, cases[i].irr, false);
		put(l, APIC_TPR, cases[i].tpr);
		assert_int_equal(get(l, APIC_APR), cases[i].apr);
	}
}

/* Rules: PRI-7 */
static void test_cr8_lives_while_disabled(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_set_cr8(l, 9);
	rig_disable(l);
	assert_int_equal(lapic_cr8(l), 0);
	assert_int_equal(lapic_set_cr8(l, 7), LAPIC_OK);
	assert_int_equal(lapic_cr8(l), 7);
	assert_int_equal(lapic_write_cr8(l, 3), LAPIC_OK);
	assert_int_equal(lapic_cr8(l), 3);
	assert_int_equal(lapic_write_cr8(l, 16), LAPIC_GP);
	set_msr(l, MSR_BASE, lapic_apic_base(l) | BASE_EN);
	assert_int_equal(lapic_cr8(l), 0);
	assert_int_equal(get(l, APIC_TPR), 0);
	assert_int_equal(get(l, APIC_PPR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_ppr_of_every_tpr_and_isr),
		rig_test(test_every_vector_against_every_tpr_class),
		rig_test(test_same_class_waits_for_eoi),
		rig_test(test_vectors_16_to_31_work),
		rig_test(test_cr8_is_the_class_of_tpr),
		rig_test(test_mirroring_cr8_keeps_the_low_bits),
		rig_test(test_cr8_above_15_faults),
		rig_test(test_raised_tpr_withdraws_lowered_one_delivers),
		rig_test(test_acknowledge_of_nothing_is_spurious),
		rig_test(test_masking_an_lvt_takes_nothing_back),
		rig_test(test_events_pass_priority_by),
		rig_test(test_apr),
		rig_test(test_cr8_lives_while_disabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
