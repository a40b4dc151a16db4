// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mistakes one by one: the rule that was broken, and the offset or MSR that it was broken at.
 * Not what becomes of the access: test_access.c, test_msr.c, test_icr.c.
 */
#include "tests/lapic/rig.h"

/* Exactly one mistake since the last call, of this rule and at this place. */
static void assert_only_mistake(struct lapic *l, const char *rule, uint64_t where)
{
	struct lapic_event last = {0};

	assert_int_equal(told(l, LAPIC_EVENT_MISTAKE, &last), 1);
	assert_string_equal(last.rule, rule);
	assert_int_equal(last.value, where);
	rig_trace(l);
}

static void assert_no_mistake(struct lapic *l)
{
	assert_int_equal(told(l, LAPIC_EVENT_MISTAKE, NULL), 0);
	rig_trace(l);
}

/* Rules: ACC-2, ACC-3 */
static void test_reads_of_the_page(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_trace(l);
	lapic_mmio_read(l, APIC_TPR, 4);
	assert_no_mistake(l);
	lapic_mmio_read(l, APIC_TPR, 1);
	assert_only_mistake(l, "ACC-2", APIC_TPR);
	lapic_mmio_read(l, APIC_TPR + 4, 4);
	assert_only_mistake(l, "ACC-2", APIC_TPR + 4);
	lapic_mmio_read(l, 0x400, 4);
	assert_only_mistake(l, "ACC-3", 0x400);
	/* Outside the low dword there is nothing, not even something reserved. */
	latch_esr(l);
	lapic_mmio_read(l, 0x404, 4);
	assert_only_mistake(l, "ACC-2", 0x404);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ACC-2, ACC-3, ACC-4 */
static void test_writes_to_the_page(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_trace(l);
	lapic_mmio_write(l, APIC_TPR, 4, 0);
	assert_no_mistake(l);
	lapic_mmio_write(l, APIC_TPR, 2, 0);
	assert_only_mistake(l, "ACC-2", APIC_TPR);
	lapic_mmio_write(l, APIC_TPR + 1, 4, 0);
	assert_only_mistake(l, "ACC-2", APIC_TPR + 1);
	lapic_mmio_write(l, APIC_PPR, 4, 0);
	assert_only_mistake(l, "ACC-4", APIC_PPR);
	lapic_mmio_write(l, 0x3F0, 4, 0);
	assert_only_mistake(l, "ACC-3", 0x3F0);
}

static void assert_gp_by_rule(struct lapic *l, uint32_t number, const char *rule)
{
	uint64_t value;

	assert_int_equal(lapic_msr_read(l, number, &value), LAPIC_GP);
	assert_only_mistake(l, rule, number);
	assert_int_equal(lapic_msr_write(l, number, 0), LAPIC_GP);
	assert_only_mistake(l, rule, number);
}

/* Rules: MSR-1, MSR-2 */
static void test_msrs_that_are_not_there(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_trace(l);
	assert_gp_by_rule(l, 0x800, "MSR-1");
	assert_gp_by_rule(l, 0x8FF, "MSR-1");
	assert_gp_by_rule(l, 0x7FF, "MSR-2");
	assert_gp_by_rule(l, 0x900, "MSR-2");
	rig_x2apic(l);
	rig_trace(l);
	assert_gp_by_rule(l, 0x800, "MSR-2");
	assert_gp_by_rule(l, 0x8FF, "MSR-2");
}

/* Rules: MSR-3, MSR-4 */
static void test_reserved_bits_of_msrs(void **state)
{
	static const struct {
		uint32_t number;
		uint64_t value;
		const char *rule;
	} cases[] = {
		{0x808, 0x100, "MSR-3"},
		{0x80B, 1, "MSR-4"},
		{0x828, 1, "MSR-4"},
		{0x83F, 1ull << 40, "MSR-3"},
	};
	struct lapic *l = rig_one();

	(void)state;
	rig_x2apic(l);
	rig_trace(l);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(lapic_msr_write(l, cases[i].number, cases[i].value), LAPIC_GP);
		assert_only_mistake(l, cases[i].rule, cases[i].number);
	}
}

static void checking(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->lvt_write_checks = true;
	config->xapic_id_writable = false;
}

/* Rules: ERR-2, ICR-2, ERR-5, ACC-6, ACP-3, TMR-6 */
static void test_registers_used_wrongly(void **state)
{
	struct lapic *l = rig_tuned(1, checking)->l[0];

	(void)state;
	rig_trace(l);
	put(l, APIC_ICR, MODE(3));
	assert_only_mistake(l, "ICR-2", APIC_ICR);
	put(l, APIC_LVT_THERMAL, 5);
	assert_only_mistake(l, "ERR-5", APIC_LVT_THERMAL);
	put(l, APIC_ID, 0x05000000);
	assert_only_mistake(l, "ACC-6", APIC_ID);
	put(l, APIC_EOI, 0);
	assert_only_mistake(l, "ACP-3", APIC_EOI);
	put(l, APIC_LVT_TIMER, DEADLINE | 0x40);
	put(l, APIC_TMICT, 1);
	assert_only_mistake(l, "TMR-6", APIC_TMICT);
	rig_x2apic(l);
	rig_trace(l);
	set_msr(l, 0x83F, 3);
	assert_only_mistake(l, "ERR-2", 0x83F);
}

/* Rules: ACP-3 */
static void test_an_eoi_too_many(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	assert_serves(l, 0x40);
	rig_trace(l);
	eoi(l);
	assert_only_mistake(l, "ACP-3", APIC_EOI);
	assert_int_equal(told(l, LAPIC_EVENT_EOI, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_reads_of_the_page),       rig_test(test_writes_to_the_page),
		rig_test(test_msrs_that_are_not_there), rig_test(test_reserved_bits_of_msrs),
		rig_test(test_registers_used_wrongly),  rig_test(test_an_eoi_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
