// SPDX-License-Identifier: BSD-2-Clause
/*
 * Globally disabled: nothing is accepted, the pins are bare, and all returns to reset.
 * Not which writes of IA32_APIC_BASE lead there: test_mode.c.
 */
#include "tests/lapic/rig.h"

#define XAPIC (0xFEE00000u | BASE_BSP | BASE_EN)
#define OFF   (0xFEE00000u | BASE_BSP)

static void large_id(struct lapic_config *config, unsigned i)
{
	config->initial_id = 0x345 + i;
}

/* Rules: BASE-3, RST-1 */
static void test_disable_returns_all_to_reset(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *fresh = rig_build(&(struct rig_plan){.count = 1})->l[0], *l = r->l[0];
	uint8_t before[1024], after[1024];

	(void)state;
	put(l, APIC_ID, 0x55000000);
	put(l, APIC_TPR, 0x30);
	put(l, APIC_LDR, 0x01000000);
	put(l, APIC_DFR, 0);
	put(l, APIC_SVR, 0x3AA);
	put(l, APIC_LVT_LINT0, LEVEL | 0x60);
	put(l, APIC_LVT_ERROR, 0x61);
	put(l, APIC_ICR_HIGH, 0x99000000);
	put(l, APIC_ICR, TO_SELF | 0x70);
	lapic_mmio_read(l, 0x400, 4);
	latch_esr(l);
	lapic_mmio_read(l, 0x400, 4);
	put(l, APIC_DCR, DIVIDE_16);
	put(l, APIC_TMICT, 12345);
	lapic_post(l, LAPIC_FIXED, 0x80, true);
	assert_takes(l, 0x80);
	lapic_post(l, LAPIC_FIXED, 0x90, true);
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_post(l, LAPIC_SMI, 0, false);
	lapic_post(l, LAPIC_EXTINT, 0, false);
	set_msr(l, MSR_BASE, OFF);
	assert_nothing(l);
	set_msr(l, MSR_BASE, XAPIC);
	assert_nothing(l);
	lapic_save(fresh, before, sizeof(before), -1);
	lapic_save(l, after, sizeof(after), -1);
	assert_memory_equal(before, after, lapic_state_size());
	assert_int_equal(lapic_next_deadline(l).clock, LAPIC_CLOCK_NONE);
}

/* Rules: BASE-3 */
static void test_id_after_reenabling_is_8_bits_of_the_initial_one(void **state)
{
	struct lapic *l = rig_tuned(1, large_id)->l[0];

	(void)state;
	put(l, APIC_ID, 0x99000000);
	rig_disable(l);
	set_msr(l, MSR_BASE, XAPIC);
	assert_int_equal(get(l, APIC_ID), 0x45000000);
	rig_x2apic(l);
	assert_int_equal(msr(l, 0x802), 0x345);
	rig_disable(l);
	set_msr(l, MSR_BASE, XAPIC);
	assert_int_equal(get(l, APIC_ID), 0x45000000);
}

/* Rules: BASE-3 */
static void test_disabled_accepts_no_message(void **state)
{
	static const enum lapic_delivery modes[] = {LAPIC_FIXED, LAPIC_LOWEST, LAPIC_SMI,
						    LAPIC_NMI,   LAPIC_INIT,   LAPIC_SIPI,
						    LAPIC_EXTINT};
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];

	(void)state;
	rig_disable(l);
	lapic_away(l);
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(lapic_post(l, modes[i], 0x40, false), LAPIC_REFUSED);
		send_ipi(r->l[0], 1, MODE(modes[i]) | 0x40);
		send_ipi(r->l[0], 0, MODE(modes[i]) | TO_OTHERS | 0x40);
	}
	lapic_post(l, LAPIC_FIXED, 3, false);
	assert_int_equal(rig_cpu_of(l)->kicks, 0);
	lapic_back(l);
	assert_nothing(l);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_NONE);
	assert_false(lapic_take_nmi(l));
	assert_false(lapic_take_smi(l));
	/* An INIT has not enabled it. */
	assert_true(lapic_apic_base(l) == 0xFEE00000);
	set_msr(l, MSR_BASE, 0xFEE00000 | BASE_EN);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: BASE-3 */
static void test_disabled_matches_no_destination(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic_message message = {.dest = 1, .vector = 0x40};

	(void)state;
	rig_disable(r->l[1]);
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
	message.dest = 0;
	message.logical = message.dest32 = true;
	message.dest = 0xFFFFFFFF;
	message.mode = LAPIC_NMI;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_true(lapic_take_nmi(r->l[0]));
	set_msr(r->l[1], MSR_BASE, 0xFEE00000 | BASE_EN);
	assert_false(lapic_take_nmi(r->l[1]));
	message = (struct lapic_message){.dest = 1, .mode = LAPIC_NMI};
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
}

/* Rules: BASE-3, TMR-6 */
static void test_disabled_deadline_msr(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0];

	(void)state;
	put(l, APIC_LVT_TIMER, DEADLINE | 0x40);
	set_msr(l, MSR_DEADLINE, r->tsc + 1000);
	assert_true(msr(l, MSR_DEADLINE) == r->tsc + 1000);
	rig_disable(l);
	assert_true(msr(l, MSR_DEADLINE) == 0);
	set_msr(l, MSR_DEADLINE, r->tsc + 10);
	assert_true(msr(l, MSR_DEADLINE) == 0);
	assert_int_equal(lapic_next_deadline(l).clock, LAPIC_CLOCK_NONE);
	r->tsc += 5000;
	lapic_tick(l);
	set_msr(l, MSR_BASE, XAPIC);
	put(l, APIC_SVR, 0x1FF);
	assert_nothing(l);
	assert_true(msr(l, MSR_DEADLINE) == 0);
}

/* Rules: BASE-3, RST-2 */
static void test_disabled_timer_never_fires(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0];

	(void)state;
	put(l, APIC_LVT_TIMER, PERIODIC | 0x40);
	put(l, APIC_TMICT, 1000000);
	r->cpu[0].deadline_changes = 0;
	rig_disable(l);
	assert_true(r->cpu[0].deadline_changes > 0);
	rig_sleep(r, 10000000);
	set_msr(l, MSR_BASE, XAPIC);
	put(l, APIC_SVR, 0x1FF);
	rig_sleep(r, 10000000);
	assert_nothing(l);
	assert_int_equal(get(l, APIC_TMCCT), 0);
}

static void assert_extint(struct lapic *l, enum lapic_post_result result)
{
	assert_int_equal(lapic_post(l, LAPIC_EXTINT, 0, false), result);
	assert_int_equal(lapic_take_extint(l), result == LAPIC_NEW);
}

/* All that sets and clears SVR bit 8.  Rules: RST-3, RST-1, MP-6, BASE-3, SAVE-1 */
static void test_extint_follows_the_software_enable_bit(void **state)
{
	struct lapic *l = rig_one();
	uint8_t enabled[1024], disabled[1024], image[LAPIC_IMAGE_SIZE];
	int none;

	(void)state;
	lapic_save(l, enabled, sizeof(enabled), -1);
	put(l, APIC_SVR, 0xFF);
	lapic_save(l, disabled, sizeof(disabled), -1);
	put(l, APIC_SVR, 0x1FF);
	assert_extint(l, LAPIC_NEW);
	lapic_reset(l);
	assert_extint(l, LAPIC_REFUSED);
	put(l, APIC_SVR, 0x1FF);
	assert_extint(l, LAPIC_NEW);
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_extint(l, LAPIC_REFUSED);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_RUN);
	assert_extint(l, LAPIC_REFUSED);
	put(l, APIC_SVR, 0x1FF);
	assert_extint(l, LAPIC_NEW);
	rig_disable(l);
	set_msr(l, MSR_BASE, XAPIC);
	assert_extint(l, LAPIC_REFUSED);
	assert_int_equal(lapic_restore(l, enabled, lapic_state_size(), &none), LAPIC_STATE_OK);
	assert_extint(l, LAPIC_NEW);
	assert_int_equal(lapic_restore(l, disabled, lapic_state_size(), &none), LAPIC_STATE_OK);
	assert_extint(l, LAPIC_REFUSED);
	put(l, APIC_SVR, 0x1FF);
	lapic_export_image(l, LAPIC_IMAGE_KVM_X2APIC, image);
	put(l, APIC_SVR, 0xFF);
	assert_int_equal(
		lapic_import_image(l, LAPIC_IMAGE_KVM_X2APIC, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
	assert_extint(l, LAPIC_NEW);
	rig_x2apic(l);
	assert_extint(l, LAPIC_NEW);
	set_msr(l, 0x80F, 0xFF);
	assert_extint(l, LAPIC_REFUSED);
}

/* Rules: BASE-4 */
static void test_disabled_lint0_is_intr(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_set_lint(l, 0, true);
	assert_nothing(l);
	rig_disable(l);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
	assert_true(lapic_take_extint(l));
	lapic_set_lint(l, 0, false);
	assert_nothing(l);
	assert_false(lapic_take_extint(l));
	lapic_set_lint(l, 0, true);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
	/* Enabled again, LVT LINT0 is masked. */
	set_msr(l, MSR_BASE, XAPIC);
	assert_nothing(l);
}

/* Rules: BASE-4, MP-4 */
static void test_disabled_lint1_is_nmi(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_disable(l);
	lapic_set_lint(l, 1, true);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_NMI);
	assert_true(lapic_take_nmi(l));
	assert_nothing(l); /* an edge, not a level */
	lapic_set_lint(l, 1, false);
	assert_nothing(l);
	for (unsigned i = 0; i < 5; i++) {
		lapic_set_lint(l, 1, true);
		lapic_pending(l);
		lapic_set_lint(l, 1, false);
	}
	assert_true(lapic_take_nmi(l));
	assert_true(lapic_take_nmi(l));
	assert_false(lapic_take_nmi(l));
	/* With one in service one more waits. */
	lapic_set_nmi_blocked(l, true);
	for (unsigned i = 0; i < 3; i++) {
		lapic_set_lint(l, 1, true);
		lapic_pending(l);
		lapic_set_lint(l, 1, false);
	}
	assert_true(lapic_take_nmi(l));
	assert_false(lapic_take_nmi(l));
}

/* Rules: BASE-4, LVT-3 */
static void test_disabled_pins_can_be_pulsed(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_disable(l);
	lapic_raise(l, LAPIC_LVT_LINT1);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_NMI);
	assert_true(lapic_take_nmi(l));
	lapic_raise(l, LAPIC_LVT_LINT0);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
	assert_true(lapic_take_extint(l));
	for (enum lapic_lvt entry = LAPIC_LVT_CMCI; entry <= LAPIC_LVT_ERROR; entry++)
		if (entry != LAPIC_LVT_LINT0 && entry != LAPIC_LVT_LINT1)
			lapic_raise(l, entry);
	assert_nothing(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_disable_returns_all_to_reset),
		rig_test(test_id_after_reenabling_is_8_bits_of_the_initial_one),
		rig_test(test_disabled_accepts_no_message),
		rig_test(test_disabled_matches_no_destination),
		rig_test(test_disabled_deadline_msr),
		rig_test(test_disabled_timer_never_fires),
		rig_test(test_extint_follows_the_software_enable_bit),
		rig_test(test_disabled_lint0_is_intr),
		rig_test(test_disabled_lint1_is_nmi),
		rig_test(test_disabled_pins_can_be_pulsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
