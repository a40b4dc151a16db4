// SPDX-License-Identifier: BSD-2-Clause
/*
 * Acknowledge and EOI: what they move and clear, who is told, TMR.
 * Not which vector is deliverable: test_priority.c.
 */
#include "tests/lapic/rig.h"

static void suppression(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->eoi_suppression = true;
}

/* Rules: ACP-2, PRI-1, ACP-3 */
static void test_nesting_to_the_top_and_back(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	/* One of each class, each in another place of its register. */
	for (unsigned rank = 1; rank < 16; rank++) {
		uint8_t vector = (uint8_t)(rank << 4 | (rank * 7 & 0xF));

		assert_int_equal(lapic_post(l, LAPIC_FIXED, vector, false), LAPIC_NEW);
		assert_takes(l, vector);
		assert_int_equal(get(l, APIC_PPR), rank << 4);
	}
	for (unsigned rank = 15; rank >= 1; rank--) {
		assert_int_equal(get(l, APIC_PPR), rank << 4);
		assert_true(in_isr(l, rank << 4 | (rank * 7 & 0xF)));
		eoi(l);
		assert_false(in_isr(l, rank << 4 | (rank * 7 & 0xF)));
	}
	assert_int_equal(get(l, APIC_PPR), 0);
}

/* Rules: ACP-2 */
static void test_highest_of_all_comes_first(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (unsigned vector = 16; vector < 256; vector++)
		assert_int_equal(lapic_post(l, LAPIC_FIXED, (uint8_t)vector, (vector & 1) != 0),
				 LAPIC_NEW);
	for (unsigned vector = 255; vector >= 16; vector--)
		assert_serves(l, vector);
	assert_nothing(l);
}

/* Rules: ACP-3 */
static void test_eoi_of_nothing(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_trace(l);
	lapic_post(l, LAPIC_FIXED, 0x45, true);
	eoi(l);
	assert_mistake(l, "ACP-3");
	assert_true(in_irr(l, 0x45));
	assert_int_equal(rig_cpu_of(l)->eois, 0);
	assert_int_equal(told(l, LAPIC_EVENT_EOI, NULL), 0);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ACP-3 */
static void test_eoi_clears_the_highest_alone(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	/* Two of one register, two of others. */
	lapic_post(l, LAPIC_FIXED, 0x21, false);
	assert_takes(l, 0x21);
	lapic_post(l, LAPIC_FIXED, 0x32, false);
	assert_takes(l, 0x32);
	lapic_post(l, LAPIC_FIXED, 0xF3, false);
	assert_takes(l, 0xF3);
	eoi(l);
	assert_false(in_isr(l, 0xF3));
	assert_true(in_isr(l, 0x32));
	assert_true(in_isr(l, 0x21));
	/* It re-evaluates at once: an interrupt of a class between comes first. */
	lapic_post(l, LAPIC_FIXED, 0x44, false);
	assert_serves(l, 0x44);
	assert_true(in_isr(l, 0x32));
	eoi(l);
	assert_false(in_isr(l, 0x32));
	eoi(l);
	assert_int_equal(get(l, APIC_PPR), 0);
}

/* Rules: ACP-3, ACP-4 */
static void test_real_interrupt_with_the_spurious_number(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_SVR, 0x1F5);
	lapic_post(l, LAPIC_FIXED, 0xF5, true);
	assert_takes(l, 0xF5);
	/* In between a spurious one: only the real one owes an EOI. */
	assert_int_equal(lapic_ack(l), 0xF5);
	eoi(l);
	assert_false(in_isr(l, 0xF5));
	assert_int_equal(rig_cpu_of(l)->eois, 1);
	assert_int_equal(rig_cpu_of(l)->eoi[0], 0xF5);
}

/* Rules: ACP-4 */
static void test_eoi_broadcast_of_level_vectors(void **state)
{
	struct lapic *l = rig_one();
	struct rig_cpu *cpu = rig_cpu_of(l);
	struct lapic_event last;

	(void)state;
	rig_trace(l);
	lapic_post(l, LAPIC_FIXED, 0x45, false);
	assert_serves(l, 0x45);
	assert_int_equal(cpu->eois, 0);
	assert_int_equal(told(l, LAPIC_EVENT_EOI, &last), 1);
	assert_int_equal(last.value, 0);
	lapic_post(l, LAPIC_FIXED, 0x55, true);
	assert_takes(l, 0x55);
	assert_int_equal(cpu->eois, 0);
	lapic_mmio_write(l, APIC_EOI, 4, 0xDEADBEEF); /* any value */
	assert_int_equal(cpu->eois, 1);
	assert_int_equal(cpu->eoi[0], 0x55);
	assert_int_equal(told(l, LAPIC_EVENT_EOI, &last), 2);
	assert_int_equal(last.value, 1);
	assert_int_equal(last.vector, 0x55);
	rig_x2apic(l);
	for (unsigned vector = 16; vector < 60; vector++) {
		lapic_post(l, LAPIC_FIXED, (uint8_t)vector, true);
		assert_serves(l, vector);
		assert_int_equal(cpu->eoi[cpu->eois - 1], vector);
	}
}

/* Rules: ACP-4 */
static void test_eoi_suppression(void **state)
{
	struct lapic *l = rig_tuned(1, suppression)->l[0];

	(void)state;
	assert_int_equal(get(l, APIC_VERSION) >> 24 & 1, 1);
	lapic_post(l, LAPIC_FIXED, 0x55, true);
	assert_serves(l, 0x55);
	assert_int_equal(rig_cpu_of(l)->eois, 1);
	put(l, APIC_SVR, 0x11FF);
	assert_int_equal(get(l, APIC_SVR), 0x11FF);
	lapic_post(l, LAPIC_FIXED, 0x55, true);
	assert_serves(l, 0x55);
	assert_int_equal(rig_cpu_of(l)->eois, 1);
	assert_false(in_isr(l, 0x55));
	put(l, APIC_SVR, 0x1FF);
	lapic_post(l, LAPIC_FIXED, 0x55, true);
	assert_serves(l, 0x55);
	assert_int_equal(rig_cpu_of(l)->eois, 2);
}

/* Rules: ACP-4 */
static void test_suppression_that_is_not_advertised(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_int_equal(get(l, APIC_VERSION) >> 24 & 1, 0);
	put(l, APIC_SVR, 0x11FF);
	assert_int_equal(get(l, APIC_SVR), 0x1FF);
	lapic_post(l, LAPIC_FIXED, 0x55, true);
	assert_serves(l, 0x55);
	assert_int_equal(rig_cpu_of(l)->eois, 1);
}

static unsigned lines_high;

static void still_high(struct lapic *l, uint8_t vector)
{
	/* The model is whole by now: the vector is out of service. */
	if (lines_high && lines_high-- > 0)
		assert_int_equal(lapic_post(l, LAPIC_FIXED, vector, true), LAPIC_NEW);
}

/* Rules: ACP-5, ACP-4 */
static void test_a_line_still_high_delivers_again(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_cpu_of(l)->on_eoi = still_high;
	lines_high = 3;
	lapic_post(l, LAPIC_FIXED, 0x55, true);
	for (unsigned i = 0; i < 4; i++)
		assert_serves(l, 0x55);
	assert_nothing(l);
	assert_int_equal(rig_cpu_of(l)->eois, 4);
}

/* Rules: ACP-6, ACP-1 */
static void test_tmr_stays_until_the_next_acceptance(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x55, true);
	assert_true(in_tmr(l, 0x55));
	assert_serves(l, 0x55);
	assert_true(in_tmr(l, 0x55));
	/* Others of the same word do not touch it. */
	lapic_post(l, LAPIC_FIXED, 0x59, false);
	assert_serves(l, 0x59);
	assert_true(in_tmr(l, 0x55));
	lapic_post(l, LAPIC_FIXED, 0x55, false);
	assert_false(in_tmr(l, 0x55));
	assert_serves(l, 0x55);
	assert_int_equal(rig_cpu_of(l)->eois, 1);
}

/* Rules: ACP-3 */
static void test_an_eoi_without_an_access(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_trace(l);
	/* Nothing in service: no mistake of the guest's either. */
	assert_false(lapic_eoi_is_silent(l));
	lapic_eoi(l);
	assert_int_equal(told(l, LAPIC_EVENT_MISTAKE, NULL), 0);
	assert_int_equal(told(l, LAPIC_EVENT_EOI, NULL), 0);
	lapic_post(l, LAPIC_FIXED, 0x45, false);
	assert_false(lapic_eoi_is_silent(l));
	assert_takes(l, 0x45);
	assert_true(lapic_eoi_is_silent(l));
	lapic_post(l, LAPIC_FIXED, 0x67, false);
	assert_takes(l, 0x67);
	lapic_eoi(l);
	assert_true(in_isr(l, 0x45));
	assert_false(in_isr(l, 0x67));
	assert_int_equal(get(l, APIC_PPR), 0x40);
	assert_true(lapic_eoi_is_silent(l));
	lapic_eoi(l);
	assert_int_equal(get(l, APIC_PPR), 0);
	assert_false(lapic_eoi_is_silent(l));
	assert_int_equal(told(l, LAPIC_EVENT_EOI, NULL), 2);
}

/* Rules: ACP-4, LVT-4 */
static void test_what_others_wait_for_is_not_silent(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x55, true);
	assert_takes(l, 0x55);
	assert_false(lapic_eoi_is_silent(l));
	/* Above it one that is edge-triggered, of the same word. */
	lapic_post(l, LAPIC_FIXED, 0x65, false);
	assert_takes(l, 0x65);
	assert_true(lapic_eoi_is_silent(l));
	lapic_eoi(l);
	assert_int_equal(rig_cpu_of(l)->eois, 0);
	assert_false(lapic_eoi_is_silent(l));
	lapic_eoi(l);
	assert_int_equal(rig_cpu_of(l)->eois, 1);
	assert_int_equal(rig_cpu_of(l)->eoi[0], 0x55);
	/* LINT0 is re-sampled at its EOI. */
	put(l, APIC_LVT_LINT0, LEVEL | 0x47);
	lapic_set_lint(l, 0, true);
	lapic_pending(l);
	assert_takes(l, 0x47);
	assert_false(lapic_eoi_is_silent(l));
	/* So it is when an edge of that vector has cleared its TMR bit since. */
	lapic_post(l, LAPIC_FIXED, 0x47, false);
	assert_false(in_tmr(l, 0x47));
	assert_false(lapic_eoi_is_silent(l));
}

/* Rules: ACP-3, MSR-4 */
static void test_an_eoi_without_an_access_in_any_mode(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_int_equal(
		lapic_msr_write(l, MSR_BASE, LAPIC_DEFAULT_BASE | BASE_BSP | BASE_EN | BASE_EXTD),
		LAPIC_OK);
	lapic_post(l, LAPIC_FIXED, 0x45, false);
	assert_takes(l, 0x45);
	assert_true(lapic_eoi_is_silent(l));
	lapic_eoi(l);
	assert_false(lapic_eoi_is_silent(l));
	assert_int_equal(get(l, APIC_PPR), 0);
	lapic_post(l, LAPIC_FIXED, 0x45, false);
	assert_takes(l, 0x45);
	assert_int_equal(lapic_msr_write(l, MSR_BASE, LAPIC_DEFAULT_BASE | BASE_BSP), LAPIC_OK);
	assert_false(lapic_eoi_is_silent(l));
	lapic_eoi(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_nesting_to_the_top_and_back),
		rig_test(test_highest_of_all_comes_first),
		rig_test(test_eoi_of_nothing),
		rig_test(test_eoi_clears_the_highest_alone),
		rig_test(test_real_interrupt_with_the_spurious_number),
		rig_test(test_eoi_broadcast_of_level_vectors),
		rig_test(test_eoi_suppression),
		rig_test(test_suppression_that_is_not_advertised),
		rig_test(test_a_line_still_high_delivers_again),
		rig_test(test_tmr_stays_until_the_next_acceptance),
		rig_test(test_an_eoi_without_an_access),
		rig_test(test_what_others_wait_for_is_not_silent),
		rig_test(test_an_eoi_without_an_access_in_any_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
