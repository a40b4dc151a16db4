// SPDX-License-Identifier: BSD-2-Clause
/*
 * INIT and SIPI as messages: who waits, who restarts, and the order of posts around them.
 * Not what INIT leaves in the registers: test_reset.c.
 */
#include "tests/lapic/rig.h"

/* Rules: MP-1 */
static void test_bsp_runs_and_aps_wait(void **state)
{
	struct rig *r = rig_build(&(struct rig_plan){.count = 2});
	uint8_t page = 0;

	(void)state;
	assert_false(lapic_waits_for_sipi(r->l[0]));
	assert_true(lapic_waits_for_sipi(r->l[1]));
	assert_false(lapic_take_sipi(r->l[1], &page));
	assert_int_equal(lapic_post(r->l[0], LAPIC_SIPI, 0x9A, false), LAPIC_REFUSED);
	assert_nothing(r->l[0]);
	assert_int_equal(lapic_post(r->l[1], LAPIC_SIPI, 0x9A, false), LAPIC_NEW);
	assert_int_equal(lapic_pending(r->l[1]), LAPIC_PENDING_SIPI);
	assert_true(lapic_take_sipi(r->l[1], &page));
	assert_int_equal(page, 0x9A);
	assert_false(lapic_waits_for_sipi(r->l[1]));
	assert_false(lapic_take_sipi(r->l[1], &page));
	/* Running, it is dropped. */
	assert_int_equal(lapic_post(r->l[1], LAPIC_SIPI, 0x10, false), LAPIC_REFUSED);
	assert_nothing(r->l[1]);
}

/* Rules: MP-1, ERR-4 */
static void test_every_page_is_a_legal_start(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	for (unsigned page = 0; page < 256; page++) {
		uint8_t taken = 0xEE;

		send_ipi(r->l[0], 1, MODE(LAPIC_INIT) | ASSERT);
		assert_int_equal(lapic_take_init(r->l[1]), LAPIC_INIT_WAIT_FOR_SIPI);
		send_ipi(r->l[0], 1, MODE(LAPIC_SIPI) | page);
		assert_true(lapic_take_sipi(r->l[1], &taken));
		assert_int_equal(taken, page);
	}
	assert_int_equal(latch_esr(r->l[0]), 0);
	assert_int_equal(latch_esr(r->l[1]), 0);
}

/* Rules: MP-1 */
static void test_a_second_sipi_changes_nothing(void **state)
{
	struct lapic *l = rig_build(&(struct rig_plan){.count = 2})->l[1];
	uint8_t page;

	(void)state;
	assert_int_equal(lapic_post(l, LAPIC_SIPI, 0x11, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_SIPI, 0x22, false), LAPIC_MERGED);
	assert_true(lapic_take_sipi(l, &page));
	assert_int_equal(page, 0x11);
	assert_int_equal(lapic_post(l, LAPIC_SIPI, 0x22, false), LAPIC_REFUSED);
	assert_false(lapic_take_sipi(l, &page));
}

/* Rules: MP-2 */
static void test_init_then_sipi_before_the_target_acts(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];
	uint8_t page;

	(void)state;
	send_ipi(r->l[0], 1, MODE(LAPIC_INIT) | ASSERT);
	assert_int_equal(lapic_post(l, LAPIC_SIPI, 0x33, false), LAPIC_NEW);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_INIT);
	assert_false(lapic_take_sipi(l, &page)); /* not before its INIT */
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_SIPI);
	assert_true(lapic_take_sipi(l, &page));
	assert_int_equal(page, 0x33);
	assert_nothing(l);
}

/* Rules: MP-2 */
static void test_a_later_init_cancels_a_sipi(void **state)
{
	struct lapic *l = rig_running(2)->l[1];
	uint8_t page;

	(void)state;
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_post(l, LAPIC_SIPI, 0x33, false);
	assert_int_equal(lapic_post(l, LAPIC_INIT, 0, false), LAPIC_MERGED);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_nothing(l);
	assert_false(lapic_take_sipi(l, &page));
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_NONE);
	/* Waiting already, the same. */
	lapic_post(l, LAPIC_SIPI, 0x44, false);
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_false(lapic_take_sipi(l, &page));
	assert_true(lapic_waits_for_sipi(l));
	/* And the one after it counts, with its own vector. */
	lapic_post(l, LAPIC_SIPI, 0x10, false);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_post(l, LAPIC_SIPI, 0x20, false);
	lapic_take_init(l);
	assert_true(lapic_take_sipi(l, &page));
	assert_int_equal(page, 0x20);
}

/* Rules: MP-3 */
static void test_nothing_but_sipi_ends_the_wait(void **state)
{
	struct lapic *l = rig_build(&(struct rig_plan){.count = 2})->l[1];
	uint8_t page;

	(void)state;
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x40, false), LAPIC_REFUSED);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_SMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_EXTINT, 0, false), LAPIC_REFUSED);
	assert_nothing(l);
	assert_true(lapic_waits_for_sipi(l));
	lapic_post(l, LAPIC_SIPI, 1, false);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_SIPI);
	assert_true(lapic_take_sipi(l, &page));
	/* What a software-disabled LAPIC takes has waited with it. */
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_NMI | LAPIC_PENDING_SMI);
}

/* Rules: MP-6, RST-3 */
static void test_posts_around_an_init_keep_their_order(void **state)
{
	struct lapic *l = rig_running(2)->l[1];
	uint8_t page;

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	lapic_post(l, LAPIC_FIXED, 0x50, true);
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_post(l, LAPIC_SMI, 0, false);
	lapic_post(l, LAPIC_INIT, 0, false);
	/* After an INIT the LAPIC is disabled by software, taken or not. */
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x60, false), LAPIC_REFUSED);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x60, true), LAPIC_REFUSED);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	/* The guest of before may still enable: that changes nothing. */
	put(l, APIC_SVR, 0xFF);
	put(l, APIC_SVR, 0x1FF);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x60, false), LAPIC_REFUSED);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_INIT);
	lapic_take_init(l);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x60, false), LAPIC_REFUSED);
	lapic_post(l, LAPIC_SIPI, 1, false);
	assert_true(lapic_take_sipi(l, &page));
	/* One NMI: the one of afterwards. */
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_NMI);
	assert_true(lapic_take_nmi(l));
	assert_nothing(l);
	put(l, APIC_SVR, 0x1FF);
	assert_nothing(l);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x60, false), LAPIC_NEW);
	assert_serves(l, 0x60);
}

/* Rules: MP-7 */
static void test_init_leaves_the_clocks_alone(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0];
	uint64_t tsc = r->tsc, ns = r->ns;

	(void)state;
	/* The TSC goes on: a deadline that is programmed afterwards counts on the same clock. */
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_take_init(l);
	assert_true(r->tsc == tsc && r->ns == ns);
	put(l, APIC_SVR, 0x1FF);
	put(l, APIC_LVT_TIMER, DEADLINE | 0x40);
	set_msr(l, MSR_DEADLINE, tsc + 10);
	assert_nothing(l);
	assert_true(lapic_next_deadline(l).at == tsc + 10);
	r->tsc += 10;
	lapic_tick(l);
	assert_serves(l, 0x40);
	/* CR8 is TPR, which INIT clears. */
	assert_int_equal(lapic_set_cr8(l, 5), LAPIC_OK);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_take_init(l);
	assert_int_equal(lapic_cr8(l), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_bsp_runs_and_aps_wait),
		rig_test(test_every_page_is_a_legal_start),
		rig_test(test_a_second_sipi_changes_nothing),
		rig_test(test_init_then_sipi_before_the_target_acts),
		rig_test(test_a_later_init_cancels_a_sipi),
		rig_test(test_nothing_but_sipi_ends_the_wait),
		rig_test(test_posts_around_an_init_keep_their_order),
		rig_test(test_init_leaves_the_clocks_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
