// SPDX-License-Identifier: BSD-2-Clause
/*
 * Save and restore: every part of the state survives.
 * Not timers (test_save_timer.c), damaged or foreign states (test_refuse.c), register images
 * (test_image.c).
 */
#include "tests/lapic/moving.h"
#include "tests/lapic/rig.h"

#include <string.h>

/* Rules: SAVE-1 */
static void test_all_registers(void **state)
{
	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		struct rig *r = rig_running(3);
		struct lapic *l = r->l[2], *copy;

		put(l, APIC_ID, 0x51000000);
		put(l, APIC_LDR, 0x23000000);
		put(l, APIC_DFR, 0);
		put(l, APIC_TPR, 0x27);
		put(l, APIC_SVR, 0x3E3);
		put(l, APIC_LVT_CMCI, 0x81);
		put(l, APIC_LVT_THERMAL, MODE(LAPIC_NMI));
		put(l, APIC_LVT_PERF, MASKED | 0x83);
		put(l, APIC_LVT_LINT0, LEVEL | ACTIVE_LOW | MASKED | 0x84);
		put(l, APIC_LVT_LINT1, MODE(LAPIC_NMI) | ACTIVE_LOW);
		put(l, APIC_LVT_ERROR, MASKED | 0x86);
		put(l, APIC_DCR, DIVIDE_16);
		if (x2apic)
			rig_x2apic(l);
		send_ipi(l, x2apic ? 0x12345678 : 0x99, MODE(3) | LEVEL | 0x55);
		lapic_post(l, LAPIC_FIXED, 0x81, true);
		assert_takes(l, 0x81);
		lapic_post(l, LAPIC_FIXED, 0xF1, true);
		assert_takes(l, 0xF1);
		lapic_post(l, LAPIC_FIXED, 0x33, true);
		lapic_post(l, LAPIC_FIXED, 0xF2, false);
		copy = moved(l);
		for (uint32_t n = 0; n < 0x40; n++) {
			uint64_t a = 1, b = 2;

			if (!x2apic) {
				assert_int_equal(lapic_mmio_read(copy, n << 4, 4),
						 lapic_mmio_read(l, n << 4, 4));
				continue;
			}
			assert_int_equal(lapic_msr_read(l, 0x800 + n, &a),
					 lapic_msr_read(copy, 0x800 + n, &b));
			assert_true(a == b || (a == 1 && b == 2));
		}
		assert_int_equal(lapic_id(copy), lapic_id(l));
		assert_true(lapic_apic_base(copy) == lapic_apic_base(l));
		/* The order of EOIs and what waits. */
		eoi(copy);
		assert_int_equal(rig_cpu_of(copy)->eoi[0], 0xF1);
		assert_serves(copy, 0xF2);
		eoi(copy);
		assert_int_equal(rig_cpu_of(copy)->eoi[1], 0x81);
		assert_serves(copy, 0x33);
		assert_int_equal(rig_cpu_of(copy)->eois, 3);
		assert_nothing(copy);
	}
}

/* Rules: SAVE-1, ERR-1, ERR-3 */
static void test_errors(void **state)
{
	struct lapic *l = rig_one(), *copy;

	(void)state;
	put(l, APIC_LVT_ERROR, 0x70);
	send_ipi(l, 0, 3);
	latch_esr(l);
	lapic_mmio_read(l, 0x400, 4); /* gathered, and the interrupt disarmed */
	assert_serves(l, 0x70);
	copy = moved(l);
	assert_int_equal(get(copy, APIC_ESR), ESR_SEND_VECTOR);
	lapic_mmio_read(copy, 0x400, 4);
	assert_nothing(copy);
	assert_int_equal(latch_esr(copy), ESR_REGISTER);
	lapic_mmio_read(copy, 0x400, 4);
	assert_serves(copy, 0x70);
}

/* Rules: SAVE-1, MP-4 */
static void test_pending_events(void **state)
{
	struct lapic *l = rig_one(), *copy;

	(void)state;
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_post(l, LAPIC_SMI, 0, false);
	lapic_post(l, LAPIC_EXTINT, 0, false);
	copy = moved(l);
	assert_true(lapic_take_nmi(copy));
	assert_true(lapic_take_nmi(copy));
	assert_false(lapic_take_nmi(copy));
	assert_true(lapic_take_smi(copy));
	assert_true(lapic_take_extint(copy));
	assert_nothing(copy);
	/* An NMI in service is known, too. */
	lapic_take_nmi(l);
	lapic_take_nmi(l);
	lapic_set_nmi_blocked(l, true);
	copy = moved(l);
	assert_int_equal(lapic_post(copy, LAPIC_NMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(copy, LAPIC_NMI, 0, false), LAPIC_MERGED);
}

/* Rules: SAVE-1, MP-1, MP-2, MP-6 */
static void test_pending_init_and_sipi(void **state)
{
	struct lapic *l = rig_running(2)->l[1], *copy;
	uint8_t page;

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_post(l, LAPIC_SIPI, 0x9A, false);
	copy = moved(l);
	assert_int_equal(lapic_pending(copy), LAPIC_PENDING_INIT);
	/* The order of posts around the INIT is kept. */
	assert_int_equal(lapic_post(copy, LAPIC_FIXED, 0x41, false), LAPIC_REFUSED);
	assert_int_equal(lapic_take_init(copy), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_true(lapic_take_sipi(copy, &page));
	assert_int_equal(page, 0x9A);
	put(copy, APIC_SVR, 0x1FF);
	assert_nothing(copy);
	/* Waiting, with a SIPI on its way, and without. */
	lapic_take_init(l);
	copy = moved(l);
	assert_true(lapic_waits_for_sipi(copy));
	assert_true(lapic_take_sipi(copy, &page));
	assert_int_equal(page, 0x9A);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_take_init(l);
	copy = moved(l);
	assert_true(lapic_waits_for_sipi(copy));
	assert_false(lapic_take_sipi(copy, &page));
	/* A BSP's INIT restarts it. */
	l = rig_one();
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(lapic_take_init(moved(l)), LAPIC_INIT_RUN);
}

/* Rules: SAVE-1, LVT-4 */
static void test_lint_levels_and_remote_irr(void **state)
{
	struct lapic *l = rig_one(), *copy;

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	put(l, APIC_LVT_LINT0, LEVEL | 0x61); /* remote IRR is owed to 60h */
	copy = moved(l);
	assert_int_equal(get(copy, APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 0x61);
	eoi(copy);
	assert_takes(copy, 0x61); /* the line is still high */
	lapic_set_lint(copy, 0, false);
	eoi(copy);
	assert_nothing(copy);
	/* ExtINT by its line. */
	put(l, APIC_LVT_LINT0, MODE(LAPIC_EXTINT));
	copy = moved(l);
	assert_int_equal(lapic_pending(copy), LAPIC_PENDING_EXTINT);
	lapic_set_lint(copy, 0, false);
	assert_nothing(copy);
}

/* Rules: SAVE-1, LVT-7 */
static void test_what_the_owner_had_not_looked_at(void **state)
{
	struct lapic *l = rig_one(), *copy;

	(void)state;
	put(l, APIC_LVT_THERMAL, 0x60);
	put(l, APIC_LVT_LINT1, 0x50);
	lapic_raise(l, LAPIC_LVT_THERMAL);
	lapic_set_lint(l, 1, true);
	lapic_post(l, LAPIC_FIXED, 4, false);
	copy = moved(l);
	assert_serves(copy, 0x60);
	assert_serves(copy, 0x50);
	assert_nothing(copy);
	assert_int_equal(latch_esr(copy), ESR_RECEIVE_VECTOR);
}

/* Rules: SAVE-1 */
static void test_inflight_vector(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (int inflight = -1; inflight < 256; inflight++) {
		struct saved s = save_of(l, inflight);
		int back = 4711;

		assert_int_equal(lapic_restore(l, s.bytes, s.size, &back), LAPIC_STATE_OK);
		assert_int_equal(back, inflight);
	}
}

/* Rules: SAVE-1 */
static void test_a_buffer_too_small_or_no_vector(void **state)
{
	struct lapic *l = rig_one();
	uint8_t bytes[ROOM];

	(void)state;
	memset(bytes, 0x5A, sizeof(bytes));
	assert_int_equal(lapic_save(l, bytes, lapic_state_size() - 1, -1), 0);
	assert_int_equal(lapic_save(l, bytes, 0, -1), 0);
	assert_int_equal(lapic_save(l, bytes, sizeof(bytes), -2), 0);
	assert_int_equal(lapic_save(l, bytes, sizeof(bytes), 256), 0);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0x5A);
	assert_int_equal(lapic_save(l, bytes, lapic_state_size(), 255), lapic_state_size());
	assert_int_equal(bytes[lapic_state_size()], 0x5A);
}

/* Rules: SAVE-1, BASE-3, PRI-7, BASE-4 */
static void test_disabled(void **state)
{
	struct lapic *l = rig_one(), *copy;

	(void)state;
	rig_disable(l);
	lapic_set_cr8(l, 9);
	lapic_set_lint(l, 0, true);
	lapic_raise(l, LAPIC_LVT_LINT1);
	lapic_raise(l, LAPIC_LVT_LINT0);
	copy = moved(l);
	assert_int_equal(lapic_cr8(copy), 9);
	assert_false(lapic_claims(copy, 0xFEE00000));
	assert_int_equal(lapic_pending(copy), LAPIC_PENDING_EXTINT | LAPIC_PENDING_NMI);
	assert_int_equal(lapic_post(copy, LAPIC_FIXED, 0x40, false), LAPIC_REFUSED);
	assert_int_equal(lapic_post(copy, LAPIC_NMI, 0, false), LAPIC_REFUSED);
	lapic_set_lint(copy, 0, false);
	assert_true(lapic_take_extint(copy)); /* the pulse */
	assert_true(lapic_take_nmi(copy));
	assert_nothing(copy);
	set_msr(copy, MSR_BASE, 0xFEE00000 | BASE_EN | BASE_BSP);
	assert_int_equal(get(copy, APIC_VERSION), 0x60014);
}

/* Rules: SAVE-1, BASE-5 */
static void test_the_host_is_told_what_moved(void **state)
{
	struct lapic *l = rig_one(), *copy;
	struct saved s;

	(void)state;
	copy = moved(l);
	assert_int_equal(rig_cpu_of(copy)->base_changes, 0);
	set_msr(l, MSR_BASE, 0x12345000 | BASE_EN | BASE_BSP);
	copy = moved(l);
	assert_int_equal(rig_cpu_of(copy)->base_changes, 1);
	assert_true(rig_cpu_of(copy)->base == (0x12345000 | BASE_EN | BASE_BSP));
	assert_true(lapic_claims(copy, 0x12345000));
	assert_false(lapic_claims(copy, 0xFEE00000));
	/* A timer that ran before the restore is over. */
	s = save_of(l, -1);
	put(copy, APIC_LVT_TIMER, 0x40);
	put(copy, APIC_TMICT, 1000);
	rig_cpu_of(copy)->deadline_changes = 0;
	restore_to(copy, &s);
	assert_true(rig_cpu_of(copy)->deadline_changes > 0);
	assert_int_equal(rig_cpu_of(copy)->deadline.clock, LAPIC_CLOCK_NONE);
	rig_sleep(rig_of(copy), 1000000);
	assert_nothing(copy);
}

/* Rules: SAVE-1, ICR-8 */
static void test_senders_find_the_restored_one(void **state)
{
	struct rig *r = rig_running(3);
	struct lapic *l = r->l[2], *copy;

	(void)state;
	put(l, APIC_ID, 0x51000000);
	put(l, APIC_LDR, 0x20000000);
	copy = moved(l);
	r = rig_of(copy);
	send_ipi(r->l[0], 0x51, 0x40);
	assert_int_equal(who_got(r, 0x40), 4);
	send_ipi(r->l[0], 0x66, 0x40); /* its ID before the restore */
	assert_int_equal(who_got(r, 0x40), 0);
	send_ipi(r->l[0], 0x20, LOGICAL | 0x40);
	assert_int_equal(who_got(r, 0x40), 4);
	rig_x2apic(l);
	copy = moved(l);
	r = rig_of(copy);
	send_ipi(r->l[0], 2, 0x40);
	assert_int_equal(who_got(r, 0x40), 4);
	send_ipi(r->l[0], 4, LOGICAL | 0x40);
	assert_int_equal(who_got(r, 0x40), 4);
	put(l, APIC_SVR, 0xFF);
	copy = moved(l);
	r = rig_of(copy);
	send_ipi(r->l[0], 2, 0x40);
	assert_int_equal(who_got(r, 0x40), 0);
	rig_disable(l);
	copy = moved(l);
	r = rig_of(copy);
	send_ipi(r->l[0], 2, MODE(LAPIC_NMI));
	assert_nothing(copy);
}

/* Rules: SAVE-1, LVT-1 */
static void test_without_the_features_of_intel(void **state)
{
	struct rig *r = rig_build(&(struct rig_plan){.profile = lapic_config_amd});
	struct rig *other = rig_build(&(struct rig_plan){.profile = lapic_config_amd});
	struct saved s;

	(void)state;
	rig_start(r->l[0]);
	put(r->l[0], APIC_LVT_TIMER, PERIODIC | 0x40);
	put(r->l[0], APIC_TMICT, 500000);
	s = save_of(r->l[0], -1);
	restore_to(other->l[0], &s);
	assert_int_equal(get(other->l[0], APIC_VERSION), 0x50014);
	rig_sleep(other, 1000000);
	assert_serves(other->l[0], 0x40);
}

/* Rules: SAVE-1 */
static void test_a_save_changes_nothing(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0];
	struct saved first, second;

	(void)state;
	put(l, APIC_LVT_TIMER, PERIODIC | 0x40);
	put(l, APIC_TMICT, 777777);
	lapic_post(l, LAPIC_FIXED, 0x77, true);
	lapic_post(l, LAPIC_NMI, 0, false);
	rig_sleep(r, 1000);
	first = save_of(l, 0x42);
	second = save_of(l, 0x42);
	assert_memory_equal(first.bytes, second.bytes, first.size);
	assert_serves(l, 0x77);
	assert_true(lapic_take_nmi(l));
	assert_int_equal(get(l, APIC_TMCCT), 777777 - 500);
}

/* Rules: SAVE-1 */
static void test_restored_to_itself(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];
	struct saved s;

	(void)state;
	put(l, APIC_TPR, 0x33);
	lapic_post(l, LAPIC_FIXED, 0x55, true);
	assert_takes(l, 0x55);
	s = save_of(l, -1);
	eoi(l);
	rig_x2apic(l);
	rig_disable(l);
	restore_to(l, &s);
	assert_int_equal(get(l, APIC_TPR), 0x33);
	assert_int_equal(get(l, APIC_PPR), 0x50);
	assert_true(in_isr(l, 0x55));
	eoi(l);
	assert_int_equal(get(l, APIC_PPR), 0x33);
	send_ipi(r->l[0], 1, 0x66);
	assert_serves(l, 0x66);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_all_registers),
		rig_test(test_errors),
		rig_test(test_pending_events),
		rig_test(test_pending_init_and_sipi),
		rig_test(test_lint_levels_and_remote_irr),
		rig_test(test_what_the_owner_had_not_looked_at),
		rig_test(test_inflight_vector),
		rig_test(test_a_buffer_too_small_or_no_vector),
		rig_test(test_disabled),
		rig_test(test_the_host_is_told_what_moved),
		rig_test(test_senders_find_the_restored_one),
		rig_test(test_without_the_features_of_intel),
		rig_test(test_a_save_changes_nothing),
		rig_test(test_restored_to_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
