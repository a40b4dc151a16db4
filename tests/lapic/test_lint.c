// SPDX-License-Identifier: BSD-2-Clause
/*
 * LINT0 and LINT1 as pins: levels, edges, polarity, remote IRR, EOI, and the 8259's virtual wire.
 * Not their entries' modes and masks in general: test_lvt.c.
 */
#include "tests/lapic/rig.h"

static void suppression(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->eoi_suppression = true;
}

static uint32_t remote_irr(struct lapic *l)
{
	return get(l, APIC_LVT_LINT0) & REMOTE_IRR;
}

/* Rules: LVT-4, ACP-5 */
static void test_level_lint0_until_the_line_falls(void **state)
{
	(void)state;
	for (unsigned low = 0; low < 2; low++) {
		struct lapic *l = rig_one();

		if (low)
			lapic_set_lint(l, 0, true); /* idle */
		put(l, APIC_LVT_LINT0, LEVEL | (low ? ACTIVE_LOW : 0) | 0x60);
		assert_nothing(l);
		lapic_set_lint(l, 0, !low);
		assert_int_equal(lapic_pending(l), LAPIC_PENDING_INTR);
		assert_int_equal(remote_irr(l), REMOTE_IRR);
		assert_true(in_tmr(l, 0x60));
		assert_takes(l, 0x60);
		assert_nothing(l); /* one, until its EOI */
		for (unsigned i = 0; i < 3; i++) {
			eoi(l);
			assert_int_equal(remote_irr(l), REMOTE_IRR);
			assert_takes(l, 0x60);
		}
		lapic_set_lint(l, 0, low);
		eoi(l);
		assert_int_equal(remote_irr(l), 0);
		assert_nothing(l);
		lapic_set_lint(l, 0, !low);
		assert_takes(l, 0x60);
	}
}

/* Rules: LVT-4 */
static void test_a_level_that_comes_and_goes_in_service(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	/* A second request before the EOI is the same to a level. */
	lapic_set_lint(l, 0, false);
	lapic_set_lint(l, 0, true);
	assert_nothing(l);
	lapic_set_lint(l, 0, false);
	eoi(l);
	assert_nothing(l);
	/* Accepted, a request stays though the line has fallen. */
	lapic_set_lint(l, 0, true);
	lapic_pending(l);
	lapic_set_lint(l, 0, false);
	assert_serves(l, 0x60);
	assert_nothing(l);
	/* Gone before anybody looked, there was none. */
	lapic_set_lint(l, 0, true);
	lapic_set_lint(l, 0, false);
	assert_nothing(l);
}

/* Rules: LVT-4, ACP-4 */
static void test_eoi_of_another_vector_leaves_remote_irr(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	lapic_set_lint(l, 0, false);
	lapic_post(l, LAPIC_FIXED, 0x70, true);
	assert_serves(l, 0x70);
	assert_int_equal(remote_irr(l), REMOTE_IRR);
	eoi(l);
	assert_int_equal(remote_irr(l), 0);
}

/* Rules: LVT-4, ACP-4 */
static void test_suppressed_eoi_still_ends_remote_irr(void **state)
{
	struct lapic *l = rig_tuned(1, suppression)->l[0];

	(void)state;
	put(l, APIC_SVR, 0x11FF);
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	eoi(l);
	assert_int_equal(rig_cpu_of(l)->eois, 0);
	assert_takes(l, 0x60);
	lapic_set_lint(l, 0, false);
	eoi(l);
	assert_int_equal(remote_irr(l), 0);
}

/* Rules: LVT-4, LVT-8 */
static void test_masking_in_service(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	put(l, APIC_LVT_LINT0, MASKED | LEVEL | 0x60);
	assert_int_equal(remote_irr(l), REMOTE_IRR);
	eoi(l);
	assert_int_equal(remote_irr(l), 0);
	assert_nothing(l);
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	assert_takes(l, 0x60);
}

/* Rules: LVT-4, LVT-7 */
static void test_another_vector_in_service(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	put(l, APIC_LVT_LINT0, LEVEL | 0x70);
	assert_nothing(l); /* remote IRR holds it */
	eoi(l);
	assert_takes(l, 0x70);
	lapic_set_lint(l, 0, false);
	eoi(l);
	assert_int_equal(remote_irr(l), 0);
	assert_nothing(l);
}

/* Rules: LVT-4 */
static void test_edge_mode_ends_remote_irr(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	put(l, APIC_LVT_LINT0, 0x60);
	assert_int_equal(remote_irr(l), 0);
	eoi(l);
	assert_nothing(l);
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	assert_takes(l, 0x60);
	put(l, APIC_LVT_LINT0, LEVEL | MODE(LAPIC_NMI) | 0x60);
	assert_int_equal(remote_irr(l), 0);
	assert_nothing(l);
}

/* Rules: LVT-4 */
static void test_edges_by_polarity(void **state)
{
	(void)state;
	for (unsigned pin = 0; pin < 2; pin++) {
		for (unsigned low = 0; low < 2; low++) {
			/* LINT1 is edge whatever it says. */
			for (unsigned level = 0; level <= pin; level++) {
				struct lapic *l = rig_one();
				uint32_t entry = pin ? APIC_LVT_LINT1 : APIC_LVT_LINT0;

				lapic_set_lint(l, pin, low);
				lapic_pending(l);
				put(l, entry, (level ? LEVEL : 0) | (low ? ACTIVE_LOW : 0) | 0x60);
				assert_nothing(l);
				for (unsigned i = 0; i < 3; i++) {
					lapic_set_lint(l, pin, !low);
					assert_takes(l, 0x60);
					assert_false(in_tmr(l, 0x60));
					assert_int_equal(get(l, entry) & REMOTE_IRR, 0);
					eoi(l);
					assert_nothing(l);
					lapic_set_lint(l, pin, low);
					assert_nothing(l);
				}
				assert_int_equal(rig_cpu_of(l)->eois, 0);
			}
		}
	}
}

/* Rules: LVT-4 */
static void test_an_edge_in_service_is_kept(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT1, 0x60);
	lapic_set_lint(l, 1, true);
	assert_takes(l, 0x60);
	lapic_set_lint(l, 1, false);
	lapic_set_lint(l, 1, true);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_MASKED);
	eoi(l);
	assert_serves(l, 0x60);
	/* Setting the level that is there is no edge. */
	lapic_set_lint(l, 1, true);
	assert_nothing(l);
	/* A pulse that nobody looked at is one. */
	lapic_set_lint(l, 1, false);
	lapic_pending(l);
	lapic_set_lint(l, 1, true);
	lapic_set_lint(l, 1, false);
	assert_serves(l, 0x60);
}

/* Rules: LVT-3, LVT-4, MP-4 */
static void test_nmi_pin(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT1, MODE(LAPIC_NMI) | LEVEL);
	for (unsigned i = 0; i < 3; i++) {
		lapic_set_lint(l, 1, true);
		assert_int_equal(lapic_pending(l), LAPIC_PENDING_NMI);
		assert_true(lapic_take_nmi(l));
		assert_nothing(l);
		lapic_set_lint(l, 1, false);
		assert_nothing(l);
	}
	lapic_raise(l, LAPIC_LVT_LINT1);
	assert_true(lapic_pending(l) == LAPIC_PENDING_NMI && lapic_take_nmi(l));
}

/* Rules: LVT-3, MP-6 */
static void test_init_pin(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, MODE(LAPIC_INIT) | LEVEL | 3);
	lapic_set_lint(l, 0, true);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_INIT);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_RUN);
	assert_nothing(l);
	assert_int_equal(get(l, APIC_LVT_LINT0), MASKED);
	put(l, APIC_SVR, 0x1FF);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: LVT-8 */
static void test_level_unmasked_while_active(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_set_lint(l, 0, true);
	put(l, APIC_LVT_LINT0, MASKED | LEVEL | 0x60);
	assert_nothing(l);
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	assert_int_equal(remote_irr(l), REMOTE_IRR);
	assert_takes(l, 0x60);
	lapic_set_lint(l, 0, false);
	eoi(l);
	/* Low and active low. */
	put(l, APIC_LVT_LINT0, LEVEL | ACTIVE_LOW | 0x61);
	assert_takes(l, 0x61);
	put(l, APIC_LVT_LINT0, LEVEL | 0x61);
	eoi(l);
	assert_nothing(l);
}

/* Rules: LVT-8 */
static void test_an_edge_while_masked_is_lost(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (unsigned pin = 0; pin < 2; pin++) {
		uint32_t entry = pin ? APIC_LVT_LINT1 : APIC_LVT_LINT0;

		put(l, entry, MASKED | 0x60);
		lapic_set_lint(l, pin, true);
		put(l, entry, 0x60);
		assert_nothing(l);
		lapic_set_lint(l, pin, false);
		lapic_pending(l);
		lapic_set_lint(l, pin, true);
		assert_serves(l, 0x60);
	}
}

/* Rules: LVT-6, LVT-8, PRI-6, ICR-12 */
static void test_extint_goes_with_its_line(void **state)
{
	(void)state;
	for (unsigned pin = 0; pin < 2; pin++) {
		for (unsigned low = 0; low < 2; low++) {
			struct lapic *l = rig_one();
			uint32_t entry = pin ? APIC_LVT_LINT1 : APIC_LVT_LINT0;
			uint32_t lvt = MODE(LAPIC_EXTINT) | (low ? ACTIVE_LOW : 0);

			lapic_set_lint(l, pin, low);
			put(l, entry, lvt);
			put(l, APIC_TPR, 0xFF);
			assert_nothing(l);
			lapic_set_lint(l, pin, !low);
			assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
			assert_true(lapic_take_extint(l));
			/* The 8259 lowers it at its own acknowledge, not the LAPIC. */
			assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
			put(l, entry, MASKED | lvt);
			assert_nothing(l);
			assert_false(lapic_take_extint(l));
			put(l, entry, lvt);
			assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
			lapic_set_lint(l, pin, low);
			assert_nothing(l);
			for (uint32_t bank = APIC_ISR; bank < APIC_ESR; bank += 0x10)
				assert_int_equal(get(l, bank), 0);
			assert_int_equal(get(l, entry), lvt);
			eoi(l);
			assert_int_equal(rig_cpu_of(l)->eois, 0);
		}
	}
}

/* Rules: LVT-6, RST-3 */
static void test_software_disable_cuts_the_virtual_wire(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, MODE(LAPIC_EXTINT));
	lapic_set_lint(l, 0, true);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
	put(l, APIC_SVR, 0xFF);
	assert_nothing(l);
	put(l, APIC_SVR, 0x1FF);
	assert_nothing(l);
	put(l, APIC_LVT_LINT0, MODE(LAPIC_EXTINT));
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
}

/* Rules: LVT-3, LVT-6 */
static void test_a_pulse_of_extint_is_one(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, MODE(LAPIC_EXTINT) | 5);
	lapic_raise(l, LAPIC_LVT_LINT0);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
	assert_true(lapic_take_extint(l));
	assert_nothing(l);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: LVT-4, LVT-3 */
static void test_a_pulse_of_level_lint0_is_one(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_raise(l, LAPIC_LVT_LINT0);
	assert_takes(l, 0x60);
	assert_int_equal(remote_irr(l), REMOTE_IRR);
	eoi(l);
	assert_int_equal(remote_irr(l), 0);
	assert_nothing(l);
}

/* Rules: LVT-4, PRI-3 */
static void test_level_lint0_of_an_illegal_vector(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x0F);
	lapic_set_lint(l, 0, true);
	assert_nothing(l);
	assert_int_equal(remote_irr(l), 0);
	assert_int_equal(latch_esr(l), ESR_RECEIVE_VECTOR);
	/* Given a legal one, the line that is still active delivers. */
	put(l, APIC_LVT_LINT0, LEVEL | 0x1F);
	assert_takes(l, 0x1F);
}

/* Rules: LVT-4 */
static void test_pins_are_two(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	put(l, APIC_LVT_LINT1, 0x70);
	lapic_set_lint(l, 1, true);
	assert_serves(l, 0x70);
	assert_nothing(l);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	assert_nothing(l);
	/* The x2APIC way sees the same entry. */
	rig_x2apic(l);
	assert_int_equal(msr(l, 0x835), LEVEL | REMOTE_IRR | 0x60);
	lapic_set_lint(l, 0, false);
	eoi(l);
	assert_int_equal(msr(l, 0x835), LEVEL | 0x60);
}

/* Rules: LVT-4 */
static void test_an_edge_of_its_vector_does_not_keep_remote_irr(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	lapic_post(l, LAPIC_FIXED, 0x60, false);
	eoi(l);
	/* The line is still high: it asks again, with the edge or after it. */
	assert_serves(l, 0x60);
	lapic_set_lint(l, 0, false);
	drain(l);
	assert_int_equal(remote_irr(l), 0);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_level_lint0_until_the_line_falls),
		rig_test(test_a_level_that_comes_and_goes_in_service),
		rig_test(test_eoi_of_another_vector_leaves_remote_irr),
		rig_test(test_suppressed_eoi_still_ends_remote_irr),
		rig_test(test_masking_in_service),
		rig_test(test_another_vector_in_service),
		rig_test(test_edge_mode_ends_remote_irr),
		rig_test(test_edges_by_polarity),
		rig_test(test_an_edge_in_service_is_kept),
		rig_test(test_nmi_pin),
		rig_test(test_init_pin),
		rig_test(test_level_unmasked_while_active),
		rig_test(test_an_edge_while_masked_is_lost),
		rig_test(test_extint_goes_with_its_line),
		rig_test(test_software_disable_cuts_the_virtual_wire),
		rig_test(test_a_pulse_of_extint_is_one),
		rig_test(test_a_pulse_of_level_lint0_is_one),
		rig_test(test_level_lint0_of_an_illegal_vector),
		rig_test(test_pins_are_two),
		rig_test(test_an_edge_of_its_vector_does_not_keep_remote_irr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
