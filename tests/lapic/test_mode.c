// SPDX-License-Identifier: BSD-2-Clause
/*
 * IA32_APIC_BASE and its modes: which writes fault, what each transition keeps and loses.
 * Not what being disabled means (test_disabled.c), nor power-up and INIT (test_reset.c).
 */
#include "tests/lapic/rig.h"

#define XAPIC  (0xFEE00000u | BASE_BSP | BASE_EN)
#define X2APIC (XAPIC | BASE_EXTD)
#define OFF    (0xFEE00000u | BASE_BSP)

static void no_x2apic(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->x2apic = false;
}

static void narrow(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->maxphyaddr = 36;
}

static void large_id(struct lapic_config *config, unsigned i)
{
	config->initial_id = 0x345 + i;
}

/* One running LAPIC whose events are recorded. */
static struct lapic *traced(void)
{
	struct lapic *l = rig_one();

	rig_trace(l);
	return l;
}

/* Rules: BASE-1, RST-1 */
static void test_reset_value(void **state)
{
	struct rig *r = rig_build(&(struct rig_plan){.count = 2});

	(void)state;
	assert_true(msr(r->l[0], MSR_BASE) == (0xFEE00000 | BASE_EN | BASE_BSP));
	assert_true(msr(r->l[1], MSR_BASE) == (0xFEE00000 | BASE_EN));
	assert_true(lapic_apic_base(r->l[1]) == (0xFEE00000 | BASE_EN));
}

/* Rules: BASE-1 */
static void test_reserved_bits_fault(void **state)
{
	static const unsigned reserved[] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 52, 53, 60, 63};
	struct lapic *l = traced();

	(void)state;
	for (unsigned i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		assert_gp_write(l, MSR_BASE, XAPIC | 1ull << reserved[i]);
	assert_mistake(l, "BASE-1");
	for (unsigned bit = 12; bit < 52; bit++) {
		set_msr(l, MSR_BASE, 1ull << bit | BASE_EN | BASE_BSP);
		assert_true(lapic_claims(l, 1ull << bit));
	}
	assert_int_equal(rig_cpu_of(l)->base_changes, 40);
}

/* Rules: BASE-1 */
static void test_maxphyaddr_bounds_the_base(void **state)
{
	struct lapic *l = rig_tuned(1, narrow)->l[0];

	(void)state;
	assert_gp_write(l, MSR_BASE, XAPIC | 1ull << 36);
	assert_gp_write(l, MSR_BASE, XAPIC | 1ull << 51);
	set_msr(l, MSR_BASE, XAPIC | 1ull << 35);
	assert_true(lapic_claims(l, 0x8FEE00000));
}

/* Rules: BASE-1 */
static void test_extd_is_reserved_without_x2apic(void **state)
{
	struct lapic *l = rig_tuned(1, no_x2apic)->l[0];

	(void)state;
	rig_trace(l);
	assert_gp_write(l, MSR_BASE, X2APIC);
	assert_mistake(l, "BASE-1");
	assert_gp_write(l, MSR_BASE, OFF | BASE_EXTD);
	for (unsigned bit = 0; bit < 8; bit++)
		assert_gp_write(l, MSR_BASE, XAPIC | 1u << bit);
	set_msr(l, MSR_BASE, OFF);
	assert_gp_write(l, MSR_BASE, X2APIC);
	set_msr(l, MSR_BASE, XAPIC);
}

/* Rules: BASE-1, MP-6 */
static void test_bsp_flag_is_the_guests_to_write(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	set_msr(l, MSR_BASE, 0xFEE00000 | BASE_EN);
	assert_true(msr(l, MSR_BASE) == (0xFEE00000 | BASE_EN));
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_WAIT_FOR_SIPI);

	l = rig_running(2)->l[1];
	set_msr(l, MSR_BASE, XAPIC);
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_RUN);
}

/* Brings a running LAPIC into the mode of `base`. */
static void go_to(struct lapic *l, uint64_t base)
{
	if (base != XAPIC)
		set_msr(l, MSR_BASE, base);
}

/* Rules: BASE-2 */
static void test_all_transitions(void **state)
{
	static const uint64_t modes[] = {OFF, XAPIC, X2APIC, OFF | BASE_EXTD};
	static const bool legal[3][4] = {
		{true, true, false, false}, /* from disabled */
		{true, true, true, false},  /* from xAPIC */
		{true, false, true, false}, /* from x2APIC */
	};

	(void)state;
	for (unsigned from = 0; from < 3; from++) {
		for (unsigned to = 0; to < 4; to++) {
			for (unsigned moved = 0; moved < 2; moved++) {
				struct lapic *l = traced();
				uint64_t value = modes[to] + (moved ? 0x3000 : 0);

				go_to(l, modes[from]);
				if (!legal[from][to]) {
					assert_gp_write(l, MSR_BASE, value);
					assert_mistake(l, "BASE-2");
					continue;
				}
				set_msr(l, MSR_BASE, value);
				assert_true(msr(l, MSR_BASE) == value);
				assert_int_equal(lapic_claims(l, value & ~0xFFFull), to == 1);
				assert_int_equal(told(l, LAPIC_EVENT_MISTAKE, NULL), 0);
			}
		}
	}
}

/* Rules: BASE-2 */
static void test_a_mode_to_itself_keeps_all(void **state)
{
	static const uint64_t modes[] = {XAPIC, X2APIC};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct lapic *l = rig_one();
		uint8_t before[1024], after[1024];

		go_to(l, modes[i]);
		put(l, APIC_TPR, 0x25);
		put(l, APIC_LVT_PERF, 0x66);
		put(l, APIC_TMICT, 1000);
		lapic_post(l, LAPIC_FIXED, 0x99, true);
		assert_takes(l, 0x99);
		lapic_post(l, LAPIC_FIXED, 0xA9, false);
		lapic_save(l, before, sizeof(before), -1);
		set_msr(l, MSR_BASE, modes[i]);
		lapic_save(l, after, sizeof(after), -1);
		assert_memory_equal(before, after, lapic_state_size());
		/* Moved, all but the base is as it was. */
		set_msr(l, MSR_BASE, modes[i] + 0x1000);
		assert_int_equal(get(l, APIC_TPR), 0x25);
		assert_int_equal(get(l, APIC_LVT_PERF), 0x66);
		assert_true(in_isr(l, 0x99));
		assert_serves(l, 0xA9);
	}
}

/* Rules: BASE-5 */
static void test_relocation_moves_the_page_at_once(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TPR, 0x40);
	set_msr(l, MSR_BASE, 0x80000000 | BASE_EN | BASE_BSP);
	assert_false(lapic_claims(l, 0xFEE00080));
	assert_true(lapic_claims(l, 0x80000080));
	assert_int_equal(get(l, APIC_TPR), 0x40);
	assert_int_equal(rig_cpu_of(l)->base_changes, 1);
	assert_true(rig_cpu_of(l)->base == (0x80000000 | BASE_EN | BASE_BSP));
	set_msr(l, MSR_BASE, XAPIC);
	assert_true(lapic_claims(l, 0xFEE00080));
	assert_false(lapic_claims(l, 0x80000080));
	/* The value that is there is no news. */
	set_msr(l, MSR_BASE, XAPIC);
	assert_int_equal(rig_cpu_of(l)->base_changes, 2);
}

/* Rules: BASE-3 */
static void test_host_is_told_of_en(void **state)
{
	struct lapic *l = traced();
	struct lapic_event last;

	(void)state;
	set_msr(l, MSR_BASE, OFF);
	assert_true(rig_cpu_of(l)->base == OFF);
	assert_int_equal(told(l, LAPIC_EVENT_MODE, &last), 1);
	assert_true(last.value == OFF);
	set_msr(l, MSR_BASE, XAPIC);
	assert_true(rig_cpu_of(l)->base == XAPIC);
	assert_int_equal(rig_cpu_of(l)->base_changes, 2);
}

/* Rules: BASE-6, MSR-7 */
static void test_entering_x2apic(void **state)
{
	struct rig *r = rig_tuned(1, large_id);
	struct lapic *l = r->l[0];

	(void)state;
	put(l, APIC_ID, 0x99000000);
	put(l, APIC_LDR, 0x55000000);
	put(l, APIC_DFR, 0x0FFFFFFF);
	put(l, APIC_TPR, 0x28);
	put(l, APIC_SVR, 0x1EE);
	put(l, APIC_ICR_HIGH, 0x77000000);
	put(l, APIC_ICR, MODE(3) | 0x66);
	put(l, APIC_LVT_TIMER, PERIODIC | 0x41);
	put(l, APIC_LVT_LINT0, LEVEL | 0x42);
	put(l, APIC_DCR, DIVIDE_16);
	put(l, APIC_TMICT, 1000000);
	lapic_mmio_read(l, 0x400, 4);
	latch_esr(l);
	lapic_post(l, LAPIC_FIXED, 0x90, true);
	assert_takes(l, 0x90);
	lapic_post(l, LAPIC_FIXED, 0xA0, true);
	lapic_post(l, LAPIC_NMI, 0, false);
	r->ns += 160000;
	rig_x2apic(l);
	assert_int_equal(msr(l, 0x802), 0x345);
	assert_int_equal(msr(l, 0x80D), 0x340020);
	assert_int_equal(msr(l, 0x808), 0x28);
	assert_int_equal(msr(l, 0x80F), 0x1EE);
	assert_true(msr(l, 0x830) == (MODE(3) | 0x66));
	assert_int_equal(msr(l, 0x832), PERIODIC | 0x41);
	assert_int_equal(msr(l, 0x835), LEVEL | 0x42);
	assert_int_equal(msr(l, 0x83E), DIVIDE_16);
	assert_int_equal(msr(l, 0x838), 1000000);
	assert_int_equal(msr(l, 0x839), 990000);
	assert_int_equal(msr(l, 0x828), ESR_REGISTER);
	assert_true(in_isr(l, 0x90));
	assert_true(in_tmr(l, 0x90));
	assert_true(lapic_take_nmi(l));
	assert_serves(l, 0xA0);
	eoi(l);
	assert_int_equal(r->cpu[0].eois, 2);
	rig_sleep(r, 16000000);
	assert_serves(l, 0x41);
}

/* Rules: BASE-6, ICR-7 */
static void test_x2apic_ignores_an_odd_dfr(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	/* A model that is neither flat nor cluster, then x2APIC: logical messages arrive again. */
	put(r->l[1], APIC_DFR, 0x5FFFFFFF);
	rig_x2apic_all(r);
	send_ipi(r->l[0], 2, LOGICAL | 0x40);
	assert_int_equal(who_got(r, 0x40), 2);
}

/* Rules: BASE-2, BASE-3 */
static void test_the_round_of_modes(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		rig_x2apic(l);
		assert_int_equal(msr(l, 0x802), 1);
		assert_gp_write(l, MSR_BASE, 0xFEE00000 | BASE_EN);
		rig_disable(l);
		set_msr(l, MSR_BASE, 0xFEE00000 | BASE_EN);
		assert_int_equal(get(l, APIC_DFR), 0xFFFFFFFF);
		assert_int_equal(get(l, APIC_LDR), 0);
		put(l, APIC_SVR, 0x1FF);
		send_ipi(r->l[0], 1, 0x40);
		assert_int_equal(who_got(r, 0x40), 2);
	}
}

/* Rules: BASE-2, LVT-7, TMR-10 */
static void test_what_came_before_the_write_meets_the_old_mode(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0];

	(void)state;
	put(l, APIC_LVT_LINT1, MODE(LAPIC_NMI));
	put(l, APIC_LVT_TIMER, 0x40);
	put(l, APIC_TMICT, 1000);
	r->ns += 2000;
	lapic_raise(l, LAPIC_LVT_LINT1);
	rig_x2apic(l);
	assert_true(lapic_take_nmi(l));
	assert_serves(l, 0x40);
	assert_nothing(l);
}

static void id_0x105(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->initial_id = 0x105;
}

/* Rules: BASE-3, BASE-6 */
static void test_the_id_while_disabled(void **state)
{
	struct lapic *l = rig_tuned(1, id_0x105)->l[0];

	(void)state;
	put(l, APIC_ID, 0x77000000);
	assert_int_equal(lapic_id(l), 0x77);
	rig_disable(l);
	assert_int_equal(lapic_id(l), 0x05);
	set_msr(l, MSR_BASE, lapic_apic_base(l) | BASE_EN);
	assert_int_equal(lapic_id(l), 0x05);
	rig_x2apic(l);
	assert_int_equal(lapic_id(l), 0x105);
	rig_disable(l);
	assert_int_equal(lapic_id(l), 0x05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_reset_value),
		rig_test(test_reserved_bits_fault),
		rig_test(test_maxphyaddr_bounds_the_base),
		rig_test(test_extd_is_reserved_without_x2apic),
		rig_test(test_bsp_flag_is_the_guests_to_write),
		rig_test(test_all_transitions),
		rig_test(test_a_mode_to_itself_keeps_all),
		rig_test(test_relocation_moves_the_page_at_once),
		rig_test(test_host_is_told_of_en),
		rig_test(test_entering_x2apic),
		rig_test(test_x2apic_ignores_an_odd_dfr),
		rig_test(test_the_round_of_modes),
		rig_test(test_the_id_while_disabled),
		rig_test(test_what_came_before_the_write_meets_the_old_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
