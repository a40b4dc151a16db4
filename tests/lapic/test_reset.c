// SPDX-License-Identifier: BSD-2-Clause
/*
 * Power-up reset, INIT and software disable: what is left of the registers afterwards.
 * Not who waits for SIPI and in which order posts count: test_sipi.c.
 */
#include "tests/lapic/rig.h"

static void without_cmci(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->cmci = false;
}

static void suppression(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->eoi_suppression = true;
}

/* Writes every register and fills every queue. */
static void use_everything(struct lapic *l)
{
	put(l, APIC_TPR, 0x35);
	put(l, APIC_LVT_TIMER, PERIODIC | 0x40);
	put(l, APIC_LVT_THERMAL, 0x41);
	put(l, APIC_LVT_PERF, 0x42);
	put(l, APIC_LVT_LINT0, LEVEL | 0x43);
	put(l, APIC_LVT_LINT1, MODE(LAPIC_NMI));
	put(l, APIC_LVT_ERROR, 0x44);
	put(l, APIC_LVT_CMCI, 0x45);
	put(l, APIC_DCR, DIVIDE_16);
	put(l, APIC_TMICT, 1000);
	put(l, APIC_SVR, 0x3AA);
	lapic_post(l, LAPIC_FIXED, 0x90, true);
	assert_takes(l, 0x90);
	send_ipi(l, 0x55, TO_SELF | 0x05); /* an error, latched */
	latch_esr(l);
	send_ipi(l, 0x55, TO_SELF | 0x05); /* and one that is not */
	lapic_set_lint(l, 0, true);
	lapic_pending(l);
	lapic_post(l, LAPIC_FIXED, 0xB0, true);
	lapic_post(l, LAPIC_FIXED, 0x21, false);
}

static void assert_registers_of_reset(struct lapic *l, uint32_t id, uint32_t ldr)
{
	static const uint16_t zero[] = {APIC_TPR,   APIC_PPR,   APIC_ESR, APIC_ICR,
					APIC_TMICT, APIC_TMCCT, APIC_DCR};
	static const uint16_t lvts[] = {APIC_LVT_CMCI, APIC_LVT_TIMER, APIC_LVT_THERMAL,
					APIC_LVT_PERF, APIC_LVT_LINT0, APIC_LVT_LINT1,
					APIC_LVT_ERROR};

	for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		assert_int_equal(get(l, zero[i]), 0);
	for (unsigned i = 0; i < sizeof(lvts) / sizeof(lvts[0]); i++)
		assert_int_equal(get(l, lvts[i]), MASKED);
	for (uint32_t bank = APIC_ISR; bank < APIC_ESR; bank += 0x10)
		assert_int_equal(get(l, bank), 0);
	assert_int_equal(get(l, APIC_SVR), 0xFF);
	assert_int_equal(get(l, APIC_VERSION), 0x60014);
	assert_int_equal(get(l, APIC_ID), id);
	assert_int_equal(get(l, APIC_LDR), ldr);
	assert_int_equal(latch_esr(l), 0);
	if (!(lapic_apic_base(l) & BASE_EXTD)) {
		assert_int_equal(get(l, APIC_ICR_HIGH), 0);
		assert_int_equal(get(l, APIC_DFR), 0xFFFFFFFF);
	}
	assert_int_equal(lapic_next_deadline(l).clock, LAPIC_CLOCK_NONE);
}

/* Rules: RST-1, BASE-1 */
static void test_power_up(void **state)
{
	struct rig *r = rig_build(&(struct rig_plan){.count = 2});

	(void)state;
	assert_registers_of_reset(r->l[0], 0, 0);
	assert_registers_of_reset(r->l[1], 0x01000000, 0);
	assert_true(lapic_apic_base(r->l[0]) == (0xFEE00000 | BASE_EN | BASE_BSP));
	assert_true(lapic_apic_base(r->l[1]) == (0xFEE00000 | BASE_EN));
	assert_nothing(r->l[0]);
	assert_nothing(r->l[1]);
}

/* Rules: RST-1 */
static void test_reset_clears_everything(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];

	(void)state;
	put(l, APIC_ID, 0x77000000);
	put(l, APIC_LDR, 0x02000000);
	put(l, APIC_DFR, 0);
	use_everything(l);
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_post(l, LAPIC_SMI, 0, false);
	lapic_post(l, LAPIC_EXTINT, 0, false);
	lapic_raise(l, LAPIC_LVT_LINT1);
	lapic_post(l, LAPIC_FIXED, 2, false);
	set_msr(l, MSR_BASE, 0x12345000 | BASE_EN);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_set_nmi_blocked(l, true);
	lapic_reset(l);
	assert_registers_of_reset(l, 0x01000000, 0);
	assert_true(lapic_apic_base(l) == (0xFEE00000 | BASE_EN));
	assert_true(rig_cpu_of(l)->base == (0xFEE00000 | BASE_EN));
	assert_true(lapic_waits_for_sipi(l));
	assert_nothing(l);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_NONE);
	rig_start(l);
	assert_nothing(l);
	/* NMIs are not blocked after a reset. */
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	/* The ID of before reaches nobody. */
	send_ipi(r->l[0], 0x77, 0x40);
	assert_int_equal(who_got(r, 0x40), 0);
}

/* Rules: RST-1, LVT-4 */
static void test_reset_leaves_the_pins_to_the_board(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_set_lint(l, 0, true);
	lapic_reset(l);
	put(l, APIC_SVR, 0x1FF);
	assert_nothing(l);
	put(l, APIC_LVT_LINT0, MODE(LAPIC_EXTINT));
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
}

/* Rules: RST-1 */
static void test_reset_from_x2apic_and_from_disabled(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_x2apic(l);
	use_everything(l);
	lapic_reset(l);
	assert_registers_of_reset(l, 0, 0);
	rig_disable(l);
	lapic_reset(l);
	assert_registers_of_reset(l, 0, 0);
	put(l, APIC_SVR, 0x1FF);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x40, false), LAPIC_NEW);
	assert_serves(l, 0x40);
}

/* Rules: RST-1, LVT-1, ACP-4 */
static void test_version(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_int_equal(get(l, APIC_VERSION), 0x60014);
	put(l, APIC_VERSION, 0);
	assert_int_equal(get(l, APIC_VERSION), 0x60014);
	rig_x2apic(l);
	assert_int_equal(msr(l, 0x803), 0x60014);
	assert_int_equal(get(rig_tuned(1, without_cmci)->l[0], APIC_VERSION), 0x50014);
	assert_int_equal(get(rig_tuned(1, suppression)->l[0], APIC_VERSION), 0x1060014);
}

/* Rules: RST-2, MP-6 */
static void test_init_in_xapic_mode(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];

	(void)state;
	set_msr(l, MSR_BASE, 0x12345000 | BASE_EN);
	put(l, APIC_ID, 0x77000000);
	put(l, APIC_LDR, 0x02000000);
	put(l, APIC_DFR, 0);
	use_everything(l);
	assert_int_equal(lapic_post(l, LAPIC_INIT, 0xFF, true), LAPIC_NEW);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_INIT);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_registers_of_reset(l, 0x77000000, 0);
	assert_true(lapic_apic_base(l) == (0x12345000 | BASE_EN));
	assert_true(lapic_claims(l, 0x12345000));
	assert_true(lapic_waits_for_sipi(l));
	send_ipi(r->l[0], 0x77, MODE(LAPIC_SIPI) | 0x9A);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_SIPI);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_NONE);
}

/* Rules: RST-2, MSR-7 */
static void test_init_in_x2apic_mode(void **state)
{
	struct lapic *l = rig_running(20)->l[19];

	(void)state;
	rig_x2apic(l);
	use_everything(l);
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_registers_of_reset(l, 19, 0x00010008);
	assert_true(lapic_apic_base(l) == (0xFEE00000 | BASE_EN | BASE_EXTD));
	assert_true(msr(l, 0x830) == 0);
}

/* Rules: RST-2 */
static void test_init_stops_the_timer(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0];

	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		put(l, APIC_SVR, 0x1FF);
		put(l, APIC_LVT_TIMER, (kind << 17) | 0x40);
		if (kind == 2)
			set_msr(l, MSR_DEADLINE, r->tsc + 1000);
		else
			put(l, APIC_TMICT, 1000);
		r->cpu[0].deadline_changes = 0;
		lapic_post(l, LAPIC_INIT, 0, false);
		/* Due before the INIT is acted upon, and long after. */
		r->ns += 5000;
		r->tsc += 5000;
		lapic_take_init(l);
		assert_true(r->cpu[0].deadline_changes > 0);
		assert_int_equal(lapic_next_deadline(l).clock, LAPIC_CLOCK_NONE);
		put(l, APIC_SVR, 0x1FF);
		put(l, APIC_LVT_TIMER, 0x40);
		rig_sleep(r, 100000000);
		assert_nothing(l);
		assert_true(msr(l, MSR_DEADLINE) == 0);
	}
}

/* Rules: RST-3, LVT-1 */
static void test_software_disable_masks_every_lvt(void **state)
{
	static const uint16_t lvts[] = {APIC_LVT_CMCI, APIC_LVT_TIMER, APIC_LVT_THERMAL,
					APIC_LVT_PERF, APIC_LVT_LINT0, APIC_LVT_LINT1,
					APIC_LVT_ERROR};

	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		struct lapic *l = rig_one();

		if (x2apic)
			rig_x2apic(l);
		for (unsigned i = 0; i < 7; i++) {
			put(l, lvts[i], 0x40 + i);
			assert_int_equal(get(l, lvts[i]), 0x40 + i);
		}
		put(l, APIC_SVR, 0xFF);
		for (unsigned i = 0; i < 7; i++) {
			assert_int_equal(get(l, lvts[i]), MASKED | (0x40 + i));
			put(l, lvts[i], 0x50 + i); /* cannot clear the mask */
			assert_int_equal(get(l, lvts[i]), MASKED | (0x50 + i));
		}
		put(l, APIC_SVR, 0x1FF);
		for (unsigned i = 0; i < 7; i++)
			assert_int_equal(get(l, lvts[i]), MASKED | (0x50 + i));
		put(l, APIC_LVT_TIMER, 0x40);
		assert_int_equal(get(l, APIC_LVT_TIMER), 0x40);
	}
}

/* Rules: RST-3 */
static void test_software_disable_and_messages(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x70, false);
	put(l, APIC_SVR, 0xFF);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x80, false), LAPIC_REFUSED);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x80, true), LAPIC_REFUSED);
	assert_int_equal(lapic_post(l, LAPIC_LOWEST, 0x80, false), LAPIC_REFUSED);
	/* Even one that is pending already. */
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x70, false), LAPIC_REFUSED);
	send_ipi(r->l[0], 1, 0x80);
	send_ipi(l, 0, TO_SELF | 0x80);
	assert_false(in_irr(l, 0x80));
	assert_false(in_tmr(l, 0x80));
	/* Accepted before, delivered now. */
	assert_serves(l, 0x70);
	assert_nothing(l);
	/* ExtINT is none of those that a software-disabled LAPIC takes, but one accepted before is
	 * held. */
	assert_int_equal(lapic_post(l, LAPIC_EXTINT, 0, false), LAPIC_REFUSED);
	assert_nothing(l);
	put(l, APIC_SVR, 0x1FF);
	assert_int_equal(lapic_post(l, LAPIC_EXTINT, 0, false), LAPIC_NEW);
	put(l, APIC_SVR, 0xFF);
	assert_true(lapic_take_extint(l));
	/* All else acts. */
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	assert_true(lapic_take_nmi(l));
	send_ipi(r->l[0], 1, MODE(LAPIC_SMI));
	assert_true(lapic_take_smi(l));
	send_ipi(r->l[0], 1, MODE(LAPIC_INIT) | ASSERT);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_WAIT_FOR_SIPI);
	send_ipi(r->l[0], 1, MODE(LAPIC_SIPI) | 8);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_SIPI);
}

/* Rules: RST-3 */
static void test_software_disabled_sends_ipis(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	put(r->l[0], APIC_SVR, 0xFF);
	send_ipi(r->l[0], 1, 0x40);
	assert_int_equal(who_got(r, 0x40), 2);
	send_ipi(r->l[0], 0, TO_ALL | 0x41);
	assert_int_equal(who_got(r, 0x41), 2);
}

/* Rules: RST-3 */
static void test_reenabling_accepts_again(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_SVR, 0xFF);
	put(l, APIC_SVR, 0x1FF);
	for (unsigned vector = 16; vector < 256; vector++) {
		assert_int_equal(lapic_post(l, LAPIC_FIXED, (uint8_t)vector, false), LAPIC_NEW);
		if (lapic_pending(l) & LAPIC_PENDING_INTR)
			assert_serves(l, vector);
	}
}

/* Rules: RST-4, TMR-1 */
static void test_dcr_of_reset_divides_by_2(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0];

	(void)state;
	assert_int_equal(get(l, APIC_DCR), 0);
	put(l, APIC_TMICT, 1000);
	r->ns += 600;
	assert_int_equal(get(l, APIC_TMCCT), 700);
	put(l, APIC_DCR, DIVIDE_16);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_take_init(l);
	put(l, APIC_TMICT, 1000);
	r->ns += 600;
	assert_int_equal(get(l, APIC_TMCCT), 700);
}

/* Rules: MP-6 */
static void test_init_restarts_the_bsp(void **state)
{
	struct lapic *l = rig_one();
	uint8_t page;

	(void)state;
	use_everything(l);
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(lapic_post(l, LAPIC_SIPI, 0x10, false), LAPIC_REFUSED);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_INIT);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_RUN);
	assert_registers_of_reset(l, 0, 0);
	assert_false(lapic_waits_for_sipi(l));
	assert_false(lapic_take_sipi(l, &page));
	assert_true(lapic_apic_base(l) == (0xFEE00000 | BASE_EN | BASE_BSP));
	assert_int_equal(lapic_post(l, LAPIC_SIPI, 0x10, false), LAPIC_REFUSED);
}

/* Rules: RST-2, PRI-1, ACP-3 */
static void test_nothing_is_in_service_after_init(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x31, false);
	assert_takes(l, 0x31);
	lapic_post(l, LAPIC_FIXED, 0xF1, false);
	assert_takes(l, 0xF1);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_take_init(l);
	put(l, APIC_SVR, 0x1FF);
	put(l, APIC_TPR, 0x10);
	assert_int_equal(get(l, APIC_PPR), 0x10);
	lapic_post(l, LAPIC_FIXED, 0x21, false);
	assert_takes(l, 0x21);
	eoi(l);
	assert_int_equal(get(l, APIC_PPR), 0x10);
	rig_trace(l);
	eoi(l);
	assert_mistake(l, "ACP-3");
	lapic_post(l, LAPIC_FIXED, 0x20, false);
	assert_serves(l, 0x20);
}

/* Rules: RST-2, MP-4 */
static void test_init_ends_the_block_of_nmis(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_set_nmi_blocked(l, true);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_take_init(l);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_MERGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_power_up),
		rig_test(test_reset_clears_everything),
		rig_test(test_reset_leaves_the_pins_to_the_board),
		rig_test(test_reset_from_x2apic_and_from_disabled),
		rig_test(test_version),
		rig_test(test_init_in_xapic_mode),
		rig_test(test_init_in_x2apic_mode),
		rig_test(test_init_stops_the_timer),
		rig_test(test_software_disable_masks_every_lvt),
		rig_test(test_software_disable_and_messages),
		rig_test(test_software_disabled_sends_ipis),
		rig_test(test_reenabling_accepts_again),
		rig_test(test_dcr_of_reset_divides_by_2),
		rig_test(test_init_restarts_the_bsp),
		rig_test(test_nothing_is_in_service_after_init),
		rig_test(test_init_ends_the_block_of_nmis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
