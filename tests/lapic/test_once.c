// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each receiver gets a message once, as an edge where it is one, and others get nothing of it.
 * Not who receives: test_dest.c, test_lowest.c.
 */
#include "tests/lapic/rig.h"

#define V 0x40u

static void trace_all(struct rig *r)
{
	for (unsigned i = 0; i < r->count; i++)
		rig_trace(r->l[i]);
}

/* Since trace_all(): one message accepted by those of `who`, and nothing else there or elsewhere.
 */
static void assert_once(struct rig *r, uint32_t who)
{
	for (unsigned i = 0; i < r->count; i++) {
		assert_int_equal(told(r->l[i], LAPIC_EVENT_ACCEPTED, NULL), who >> i & 1u);
		assert_int_equal(told(r->l[i], LAPIC_EVENT_MERGED, NULL), 0);
		assert_int_equal(told(r->l[i], LAPIC_EVENT_REFUSED, NULL), 0);
		if (who >> i & 1u)
			assert_false(in_tmr(r->l[i], V));
		drain(r->l[i]);
	}
	trace_all(r);
}

/* Rules: ICR-3, ICR-5, ICR-6, ACP-1 */
static void test_fixed_ipis(void **state)
{
	struct rig *r = rig_running(3);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		put(r->l[i], APIC_LDR, 1u << (24 + i));
	trace_all(r);
	send_ipi(r->l[0], 1, V);
	assert_once(r, 2);
	send_ipi(r->l[0], 1, LEVEL | ASSERT | V);
	assert_once(r, 2);
	send_ipi(r->l[0], 6, LOGICAL | V);
	assert_once(r, 6);
	send_ipi(r->l[0], 0xFF, V);
	assert_once(r, 7);
	send_ipi(r->l[0], 0, TO_SELF | V);
	assert_once(r, 1);
	send_ipi(r->l[0], 0, TO_ALL | V);
	assert_once(r, 7);
	send_ipi(r->l[0], 0, TO_OTHERS | V);
	assert_once(r, 6);
}

/* Rules: ICR-3, ICR-9, ACP-1 */
static void test_lowest_priority_to_the_others(void **state)
{
	struct rig *r = rig_running(3);

	(void)state;
	lapic_map_set_last_winner(r->map, 0);
	trace_all(r);
	send_ipi(r->l[0], 0, TO_OTHERS | MODE(LAPIC_LOWEST) | V);
	assert_once(r, 2);
}

/* Rules: ICR-3, MP-4 */
static void test_nmi_to_the_others(void **state)
{
	struct rig *r = rig_running(3);

	(void)state;
	/* Nobody is left at ID 0. */
	put(r->l[0], APIC_ID, 0x09000000);
	for (unsigned from = 0; from < 3; from++) {
		send_ipi(r->l[from], 0, TO_OTHERS | MODE(LAPIC_NMI));
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(lapic_take_nmi(r->l[i]), i != from);
			assert_false(lapic_take_nmi(r->l[i]));
		}
	}
}

/* Rules: ICR-9, ERR-2 */
static void test_an_illegal_vector_has_one_winner(void **state)
{
	struct rig *r = rig_running(3);
	struct lapic_message message = {
		.dest = 0xFF, .logical = true, .mode = LAPIC_LOWEST, .vector = 5};
	unsigned told_of = 0;

	(void)state;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
	for (unsigned i = 0; i < 3; i++)
		told_of += latch_esr(r->l[i]) == ESR_RECEIVE_VECTOR;
	assert_int_equal(told_of, 1);
}

/* Rules: PRI-3, ICR-9 */
static void test_16_is_a_vector_in_every_way(void **state)
{
	struct rig *r = rig_running(2);
	static const uint32_t ways[] = {0, LOGICAL, MODE(LAPIC_LOWEST),
					LOGICAL | MODE(LAPIC_LOWEST)};

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		put(r->l[i], APIC_LDR, 1u << (24 + i));
	for (unsigned i = 0; i < 4; i++) {
		send_ipi(r->l[0], 1, ways[i] | 0x10);
		assert_serves(r->l[ways[i] & LOGICAL ? 0 : 1], 0x10);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(latch_esr(r->l[i]), 0);
}

/* Rules: ICR-9 */
static void test_lowest_priority_among_one(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	send_ipi(l, 0xFF, LOGICAL | MODE(LAPIC_LOWEST) | V);
	assert_serves(l, V);
}

/* Rules: ICR-5, ICR-7 */
static void test_member_15_of_cluster_15_is_no_broadcast(void **state)
{
	struct rig *r = rig_running(3);

	(void)state;
	rig_x2apic_all(r);
	trace_all(r);
	send_ipi(r->l[0], 0x000F8000, LOGICAL | V);
	assert_once(r, 0);
}

static void id_255(struct lapic_config *config, unsigned i)
{
	if (i == 3)
		config->initial_id = 0xFF;
}

/* Rules: ICR-13, ICR-8, ICR-5 */
static void test_an_initial_id_of_255_is_no_address(void **state)
{
	struct rig *r = rig_tuned(4, id_255);

	(void)state;
	rig_x2apic(r->l[0]);
	put(r->l[1], APIC_ID, 0xFF000000);
	put(r->l[2], APIC_ID, 0xFF000000);
	put(r->l[3], APIC_ID, 0x05000000);
	trace_all(r);
	send_ipi(r->l[0], 0xFF, V);
	assert_once(r, 6);
	send_ipi(r->l[0], 5, V);
	assert_once(r, 8);
}

/* Rules: ICR-12 */
static void test_the_low_address_bits_of_an_msi(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		put(r->l[i], APIC_LDR, 1u << (24 + i));
	/* Logical, without redirection hint: both, whatever bits 0 and 1 say. */
	for (unsigned low = 0; low < 4; low++) {
		trace_all(r);
		assert_int_equal(lapic_map_msi(r->map, 0xFEE03004 | low, V, false), LAPIC_NEW);
		assert_once(r, 3);
	}
}

/* Rules: ACP-1 */
static void test_level_counts_for_lowest_priority_as_for_fixed(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_LOWEST, V, true);
	assert_true(in_tmr(l, V));
	lapic_post(l, LAPIC_LOWEST, V, false);
	assert_false(in_tmr(l, V));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_fixed_ipis),
		rig_test(test_lowest_priority_to_the_others),
		rig_test(test_nmi_to_the_others),
		rig_test(test_an_illegal_vector_has_one_winner),
		rig_test(test_16_is_a_vector_in_every_way),
		rig_test(test_lowest_priority_among_one),
		rig_test(test_member_15_of_cluster_15_is_no_broadcast),
		rig_test(test_an_initial_id_of_255_is_no_address),
		rig_test(test_the_low_address_bits_of_an_msi),
		rig_test(test_level_counts_for_lowest_priority_as_for_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
