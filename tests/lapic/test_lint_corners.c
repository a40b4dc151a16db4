// SPDX-License-Identifier: BSD-2-Clause
/*
 * Local events in the corners: illegal vectors on a level line, pulses, reserved modes, what is
 * raised while the LAPIC is disabled. Not the plain ways: test_lint.c, test_lvt.c.
 */
#include "tests/lapic/rig.h"

static struct lapic *lint0(uint32_t lvt)
{
	struct lapic *l = rig_one();

	put(l, APIC_LVT_LINT0, lvt);
	lapic_pending(l);
	return l;
}

/* Rules: ERR-2, LVT-4, LVT-7 */
static void test_an_illegal_level_line_is_looked_at_only_when_it_must_be(void **state)
{
	struct lapic *l = lint0(LEVEL | 5);

	(void)state;
	lapic_set_lint(l, 0, true);
	lapic_pending(l);
	assert_int_equal(latch_esr(l), ESR_RECEIVE_VECTOR);
	/* Another event, even one that nobody takes, is no reason. */
	lapic_raise(l, LAPIC_LVT_THERMAL);
	lapic_pending(l);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: LVT-4, ACP-5, ERR-2 */
static void test_the_eoi_of_a_former_vector_is_no_reason_either(void **state)
{
	struct lapic *l = lint0(LEVEL | 0x60);

	(void)state;
	lapic_set_lint(l, 0, true);
	assert_takes(l, 0x60);
	put(l, APIC_LVT_LINT0, 0x60); /* as edge: remote IRR is gone */
	put(l, APIC_LVT_LINT0, LEVEL | 5);
	assert_int_equal(latch_esr(l), ESR_RECEIVE_VECTOR);
	eoi(l);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: LVT-4, ACP-1 */
static void test_a_pulse_on_a_level_entry_is_level(void **state)
{
	struct lapic *l = lint0(LEVEL | 0x60);

	(void)state;
	lapic_raise(l, LAPIC_LVT_LINT0);
	assert_takes(l, 0x60);
	assert_true(in_tmr(l, 0x60));
	assert_int_equal(get(l, APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 0x60);
	eoi(l);
	assert_nothing(l);
	assert_int_equal(rig_cpu_of(l)->eois, 1);
}

/* Rules: BASE-4 */
static void test_pulses_while_disabled(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_disable(l);
	for (unsigned i = 0; i < 2; i++) {
		lapic_raise(l, LAPIC_LVT_LINT0);
		assert_int_equal(lapic_pending(l), LAPIC_PENDING_EXTINT);
	}
	assert_true(lapic_take_extint(l));
	assert_nothing(l);
	lapic_raise(l, LAPIC_LVT_LINT1);
	lapic_pending(l);
	assert_true(lapic_take_nmi(l));
	assert_nothing(l);
}

/* Rules: LVT-3, LVT-5 */
static void test_what_is_not_delivered_masks_nothing(void **state)
{
	static const uint32_t reserved[] = {MODE(3), MODE(LAPIC_LOWEST), MODE(LAPIC_SIPI),
					    MODE(LAPIC_INIT), MODE(LAPIC_EXTINT)};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct lapic *l = rig_one();

		put(l, APIC_LVT_PERF, reserved[i] | 0x60);
		lapic_raise(l, LAPIC_LVT_PERF);
		assert_nothing(l);
		assert_int_equal(get(l, APIC_LVT_PERF), reserved[i] | 0x60);
	}
}

/* Rules: ERR-3, PRI-3 */
static void test_lvt_error_at_16(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_ERROR, 0x10);
	lapic_mmio_read(l, 0x400, 4);
	assert_serves(l, 0x10);
	assert_int_equal(latch_esr(l), ESR_REGISTER);
}

/* Rules: RST-3 */
static void test_disabled_twice_is_disabled(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];

	(void)state;
	put(l, APIC_SVR, 0xFF);
	put(l, APIC_SVR, 0xEF);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x40, false), LAPIC_REFUSED);
	put(l, APIC_SVR, 0x1EF);
	put(l, APIC_SVR, 0x1FF);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x40, false), LAPIC_NEW);
}

static void no_cmci(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->cmci = false;
}

/* Rules: LVT-1, RST-3 */
static void test_an_entry_that_is_not_there_is_not_masked(void **state)
{
	struct lapic *l = rig_tuned(1, no_cmci)->l[0];
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	put(l, APIC_SVR, 0xFF);
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(image[APIC_LVT_CMCI + i], 0);
	/* And such an image is taken back. */
	assert_int_equal(
		lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
}

/* Rules: MP-5, LVT-3 */
static void test_every_local_event_wakes_an_ap(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];

	(void)state;
	for (unsigned entry = LAPIC_LVT_CMCI; entry <= LAPIC_LVT_ERROR; entry++) {
		rig_cpu_of(l)->kicks = 0;
		lapic_away(l);
		lapic_raise(l, (enum lapic_lvt)entry);
		assert_int_equal(rig_cpu_of(l)->kicks, 1);
		lapic_back(l);
		lapic_pending(l);
	}
	rig_cpu_of(l)->kicks = 0;
	lapic_away(l);
	lapic_post_tick(l);
	assert_int_equal(rig_cpu_of(l)->kicks, 1);
	lapic_back(l);
}

/* Rules: LVT-7 */
static void test_looking_for_events_reads_no_clock(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_TIMER, 0x40);
	put(l, APIC_TMICT, 1000);
	rig_of(l)->ns += 5000;
	lapic_raise(l, LAPIC_LVT_THERMAL);
	assert_nothing(l);
	lapic_tick(l);
	assert_serves(l, 0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_an_illegal_level_line_is_looked_at_only_when_it_must_be),
		rig_test(test_the_eoi_of_a_former_vector_is_no_reason_either),
		rig_test(test_a_pulse_on_a_level_entry_is_level),
		rig_test(test_pulses_while_disabled),
		rig_test(test_what_is_not_delivered_masks_nothing),
		rig_test(test_lvt_error_at_16),
		rig_test(test_disabled_twice_is_disabled),
		rig_test(test_an_entry_that_is_not_there_is_not_masked),
		rig_test(test_every_local_event_wakes_an_ap),
		rig_test(test_looking_for_events_reads_no_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
