// SPDX-License-Identifier: BSD-2-Clause
/*
 * Leaving and coming back: a post to an owner that is away kicks it, once, and no wake is lost.
 * Not the same with real threads: tests/stress.
 */
#include "tests/lapic/rig.h"

/* Rules: MP-5 */
static void test_a_post_to_an_owner_at_home_does_not_kick(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	lapic_post(l, LAPIC_FIXED, 0x41, true);
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_set_lint(l, 0, true);
	lapic_raise(l, LAPIC_LVT_ERROR);
	lapic_post_tick(l);
	assert_int_equal(rig_cpu_of(l)->kicks, 0);
}

/* Rules: MP-5 */
static void test_what_was_posted_before_leaving_is_named(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_int_equal(lapic_away(l), 0);
	lapic_back(l);
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	assert_int_equal(lapic_away(l), LAPIC_PENDING_INTR);
	lapic_back(l);
	lapic_post(l, LAPIC_NMI, 0, false);
	put(l, APIC_TPR, 0xF0);
	assert_int_equal(lapic_away(l), LAPIC_PENDING_NMI | LAPIC_PENDING_MASKED);
	assert_int_equal(rig_cpu_of(l)->kicks, 0);
}

/* One thing that another thread can do to an owner that is away. */
static void disturb(struct lapic *l, unsigned what)
{
	switch (what) {
	case 0: lapic_post(l, LAPIC_FIXED, 0x40, false); break;
	case 1: lapic_post(l, LAPIC_FIXED, 0x40, true); break;
	case 2: lapic_post(l, LAPIC_LOWEST, 0x40, false); break;
	case 3: lapic_post(l, LAPIC_NMI, 0, false); break;
	case 4: lapic_post(l, LAPIC_SMI, 0, false); break;
	case 5: lapic_post(l, LAPIC_INIT, 0, false); break;
	case 6: lapic_post(l, LAPIC_EXTINT, 0, false); break;
	case 7: lapic_set_lint(l, 0, true); break;
	case 8: lapic_raise(l, LAPIC_LVT_THERMAL); break;
	case 9: lapic_post_tick(l); break;
	default: lapic_post(l, LAPIC_FIXED, 3, false); break; /* an error may have a vector */
	}
}

/* Rules: MP-5, MP-4 */
static void test_everything_new_kicks_once(void **state)
{
	(void)state;
	for (unsigned first = 0; first <= 10; first++) {
		for (unsigned second = 0; second <= 10; second++) {
			struct lapic *l = rig_one();

			lapic_away(l);
			disturb(l, first);
			assert_int_equal(rig_cpu_of(l)->kicks, 1);
			disturb(l, second);
			assert_int_equal(rig_cpu_of(l)->kicks, 1);
			lapic_back(l);
			disturb(l, second);
			assert_int_equal(rig_cpu_of(l)->kicks, 1);
		}
		rig_teardown(NULL);
	}
}

/* Rules: MP-5 */
static void test_each_leave_may_be_kicked(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (unsigned i = 1; i <= 5; i++) {
		assert_int_equal(lapic_away(l), 0);
		assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x40, false), LAPIC_NEW);
		assert_int_equal(rig_cpu_of(l)->kicks, i);
		lapic_back(l);
		assert_serves(l, 0x40);
	}
}

/* Rules: MP-5 */
static void test_irr_bit_already_set(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	/* Held back by TPR, the bit is known when leaving; a second post brings nothing new. */
	put(l, APIC_TPR, 0x40);
	lapic_post(l, LAPIC_FIXED, 0x45, false);
	assert_int_equal(lapic_away(l), LAPIC_PENDING_MASKED);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x45, false), LAPIC_MERGED);
	assert_int_equal(rig_cpu_of(l)->kicks, 0);
	/* Another vector is news, though it waits as well. */
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x46, false), LAPIC_NEW);
	assert_int_equal(rig_cpu_of(l)->kicks, 1);
	lapic_back(l);
	put(l, APIC_TPR, 0);
	assert_int_equal(lapic_away(l), LAPIC_PENDING_INTR);
}

/* Rules: MP-5, RST-3, BASE-3 */
static void test_what_is_refused_wakes_nobody(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_SVR, 0xFF);
	lapic_away(l);
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	lapic_post(l, LAPIC_SIPI, 0x40, false);
	assert_int_equal(rig_cpu_of(l)->kicks, 0);
	lapic_back(l);
	rig_disable(l);
	lapic_away(l);
	for (unsigned what = 0; what <= 6; what++)
		disturb(l, what);
	disturb(l, 10);
	assert_int_equal(rig_cpu_of(l)->kicks, 0);
}

/* Rules: MP-5, MP-1 */
static void test_a_waiting_ap_is_kicked_by_sipi_and_init(void **state)
{
	struct lapic *l = rig_build(&(struct rig_plan){.count = 2})->l[1];

	(void)state;
	assert_int_equal(lapic_away(l), 0);
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	assert_int_equal(rig_cpu_of(l)->kicks, 0);
	lapic_post(l, LAPIC_SIPI, 0x40, false);
	assert_int_equal(rig_cpu_of(l)->kicks, 1);
	lapic_back(l);
	assert_int_equal(lapic_away(l), LAPIC_PENDING_SIPI);
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(rig_cpu_of(l)->kicks, 2);
	lapic_back(l);
	assert_int_equal(lapic_away(l), LAPIC_PENDING_INIT);
}

/* Rules: MP-5, ICR-4 */
static void test_ipis_kick_their_targets(void **state)
{
	struct rig *r = rig_running(4);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		lapic_away(r->l[i]);
	send_ipi(r->l[0], 2, 0x40);
	assert_int_equal(r->cpu[0].kicks + r->cpu[1].kicks + r->cpu[3].kicks, 0);
	assert_int_equal(r->cpu[2].kicks, 1);
	send_ipi(r->l[0], 0, TO_OTHERS | 0x41);
	assert_int_equal(r->cpu[0].kicks, 0);
	assert_int_equal(r->cpu[1].kicks, 1);
	assert_int_equal(r->cpu[2].kicks, 1);
	assert_int_equal(r->cpu[3].kicks, 1);
}

/* Rules: MP-5 */
static void test_pins_kick_at_each_change_of_level(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_away(l);
	lapic_set_lint(l, 1, false); /* it is low */
	assert_int_equal(rig_cpu_of(l)->kicks, 0);
	lapic_set_lint(l, 1, true);
	assert_int_equal(rig_cpu_of(l)->kicks, 1);
	lapic_back(l);
	lapic_away(l);
	lapic_set_lint(l, 1, true);
	assert_int_equal(rig_cpu_of(l)->kicks, 1);
	lapic_set_lint(l, 1, false);
	assert_int_equal(rig_cpu_of(l)->kicks, 2);
}

/* Rules: TMR-10, MP-5 */
static void test_a_posted_tick_makes_the_owner_look(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0];

	(void)state;
	put(l, APIC_LVT_TIMER, 0x40);
	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_TMICT, 1000);
	lapic_post_tick(l); /* early: harmless */
	assert_nothing(l);
	r->ns += 1000;
	assert_nothing(l); /* lapic_pending() reads no clock */
	lapic_post_tick(l);
	lapic_post_tick(l);
	assert_serves(l, 0x40);
	assert_nothing(l);
	lapic_post_tick(l);
	assert_nothing(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_a_post_to_an_owner_at_home_does_not_kick),
		rig_test(test_what_was_posted_before_leaving_is_named),
		rig_test(test_everything_new_kicks_once),
		rig_test(test_each_leave_may_be_kicked),
		rig_test(test_irr_bit_already_set),
		rig_test(test_what_is_refused_wakes_nobody),
		rig_test(test_a_waiting_ap_is_kicked_by_sipi_and_init),
		rig_test(test_ipis_kick_their_targets),
		rig_test(test_pins_kick_at_each_change_of_level),
		rig_test(test_a_posted_tick_makes_the_owner_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
