// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lowest-priority arbitration: who wins, who may not take part, and whose turn it is among equals.
 * Not destinations in general: test_dest.c.
 */
#include "tests/lapic/rig.h"

#define V      0x40u
#define LOWEST MODE(LAPIC_LOWEST)

/* `count` LAPICs with the flat logical IDs 1, 2, 4, ...; the turn is at LAPIC 0. */
static struct rig *flat(unsigned count)
{
	struct rig *r = rig_running(count);

	for (unsigned i = 0; i < count; i++)
		put(r->l[i], APIC_LDR, 1u << (24 + i));
	lapic_map_set_last_winner(r->map, count - 1);
	return r;
}

static uint32_t reach(struct rig *r, unsigned from, uint32_t dest, uint32_t icr)
{
	send_ipi(r->l[from], dest, icr | V);
	return who_got(r, V);
}

/* Makes LAPIC i busy with a vector of its own. */
static void serve(struct rig *r, unsigned i, uint8_t vector)
{
	lapic_post(r->l[i], LAPIC_FIXED, vector, false);
	assert_takes(r->l[i], vector);
}

/* Rules: ICR-9 */
static void test_the_lowest_ppr_wins(void **state)
{
	struct rig *r = flat(4);

	(void)state;
	put(r->l[0], APIC_TPR, 0x33);
	put(r->l[1], APIC_TPR, 0x31);
	put(r->l[2], APIC_TPR, 0x32);
	put(r->l[3], APIC_TPR, 0x3F);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(reach(r, 0, 0x0F, LOGICAL | LOWEST), 2);
	assert_int_equal(reach(r, 0, 0x0D, LOGICAL | LOWEST), 4);
	assert_int_equal(reach(r, 0, 0x09, LOGICAL | LOWEST), 1);
	assert_int_equal(reach(r, 0, 0x08, LOGICAL | LOWEST), 8);
	/* What is in service counts as much as TPR. */
	put(r->l[1], APIC_TPR, 0);
	serve(r, 1, 0x39);
	assert_int_equal(reach(r, 0, 0x0F, LOGICAL | LOWEST), 2); /* PPR 30h */
	eoi(r->l[1]);
	serve(r, 1, 0x50);
	put(r->l[1], APIC_TPR, 0);
	put(r->l[2], APIC_TPR, 0x20);
	assert_int_equal(reach(r, 0, 0x0F, LOGICAL | LOWEST), 4);
	eoi(r->l[1]);
	assert_int_equal(reach(r, 0, 0x0F, LOGICAL | LOWEST), 2);
	lapic_set_cr8(r->l[1], 2);
	lapic_set_cr8(r->l[0], 1);
	assert_int_equal(reach(r, 0, 0x0F, LOGICAL | LOWEST), 1);
}

/* Rules: ICR-9 */
static void test_a_single_match_wins_whatever_its_ppr(void **state)
{
	struct rig *r = flat(2);

	(void)state;
	put(r->l[1], APIC_TPR, 0xFF);
	send_ipi(r->l[0], 2, LOGICAL | LOWEST | V);
	assert_true(in_irr(r->l[1], V));
	assert_int_equal(lapic_pending(r->l[1]), LAPIC_PENDING_MASKED);
}

/* Rules: ICR-9 */
static void test_equals_take_turns(void **state)
{
	struct rig *r = flat(5);

	(void)state;
	for (unsigned i = 0; i < 15; i++) {
		assert_int_equal(reach(r, i % 5, 0x1F, LOGICAL | LOWEST), 1u << (i % 5));
		assert_int_equal(lapic_map_last_winner(r->map), i % 5);
	}
	/* Of some: the next of those that match. */
	lapic_map_set_last_winner(r->map, 1);
	assert_int_equal(reach(r, 0, 0x13, LOGICAL | LOWEST), 0x10);
	assert_int_equal(reach(r, 0, 0x13, LOGICAL | LOWEST), 0x01);
	assert_int_equal(reach(r, 0, 0x13, LOGICAL | LOWEST), 0x02);
	assert_int_equal(reach(r, 0, 0x13, LOGICAL | LOWEST), 0x10);
	/* A lower one in between does not disturb the order of the equals after it. */
	put(r->l[0], APIC_TPR, 0x20);
	put(r->l[1], APIC_TPR, 0x20);
	put(r->l[3], APIC_TPR, 0x20);
	put(r->l[4], APIC_TPR, 0x20);
	assert_int_equal(reach(r, 0, 0x1F, LOGICAL | LOWEST), 0x04);
	put(r->l[2], APIC_TPR, 0x20);
	assert_int_equal(reach(r, 0, 0x1F, LOGICAL | LOWEST), 0x08);
}

/* Rules: ICR-9, SAVE-1 */
static void test_the_turn_is_state(void **state)
{
	struct rig *r = flat(4), *copy = flat(4);

	(void)state;
	reach(r, 0, 0x0F, LOGICAL | LOWEST);
	reach(r, 0, 0x0F, LOGICAL | LOWEST);
	lapic_map_set_last_winner(copy->map, lapic_map_last_winner(r->map));
	assert_int_equal(reach(r, 0, 0x0F, LOGICAL | LOWEST), 4);
	assert_int_equal(reach(copy, 0, 0x0F, LOGICAL | LOWEST), 4);
	/* Whatever a restored state says. */
	lapic_map_set_last_winner(copy->map, 0xFFFFFFFF);
	assert_true(reach(copy, 0, 0x0F, LOGICAL | LOWEST) != 0);
}

/* Rules: ICR-9, RST-3, MP-3 */
static void test_only_software_enabled_lapics_take_part(void **state)
{
	struct rig *r = flat(4);

	(void)state;
	put(r->l[0], APIC_SVR, 0xFF);
	put(r->l[1], APIC_TPR, 0xE0);
	put(r->l[2], APIC_TPR, 0xF0);
	rig_disable(r->l[3]);
	assert_int_equal(reach(r, 1, 0x0F, LOGICAL | LOWEST), 0);
	assert_int_equal(lapic_map_last_winner(r->map), 1);
	put(r->l[1], APIC_TPR, 0);
	assert_serves(r->l[1], V);
	put(r->l[1], APIC_SVR, 0xFF);
	put(r->l[2], APIC_SVR, 0xFF);
	/* None: dropped, and no error. */
	assert_int_equal(reach(r, 1, 0x0F, LOGICAL | LOWEST), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_nothing(r->l[i]);
		assert_int_equal(latch_esr(r->l[i]), 0);
	}
	assert_int_equal(reach(r, 1, 0x80, LOGICAL | LOWEST), 0);
	/* A waiting AP is disabled by software. */
	put(r->l[2], APIC_SVR, 0x1FF);
	lapic_post(r->l[2], LAPIC_INIT, 0, false);
	lapic_take_init(r->l[2]);
	assert_int_equal(reach(r, 1, 0xFF, LOGICAL | LOWEST), 0);
}

/* Rules: ICR-9 */
static void test_physical_is_as_fixed(void **state)
{
	struct rig *r = flat(4);

	(void)state;
	put(r->l[2], APIC_TPR, 0x30);
	assert_int_equal(reach(r, 0, 2, LOWEST), 4);
	assert_int_equal(reach(r, 0, 0xFF, LOWEST), 15);
	put(r->l[3], APIC_ID, 0x02000000);
	assert_int_equal(reach(r, 0, 2, LOWEST), 12);
	rig_x2apic_all(r);
	assert_int_equal(reach(r, 0, 2, LOWEST), 4);
	assert_int_equal(reach(r, 0, 0xFFFFFFFF, LOWEST), 15);
}

/* Rules: ICR-9, ICR-6, ICR-7 */
static void test_logical_broadcast_has_one_winner(void **state)
{
	struct rig *r = flat(4);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(reach(r, 0, 0xFF, LOGICAL | LOWEST), 1u << i);
	rig_x2apic_all(r);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(reach(r, 0, 0xFFFFFFFF, LOGICAL | LOWEST), 1u << i);
}

/* Rules: ICR-9, ICR-7 */
static void test_x2apic_cluster(void **state)
{
	struct rig *r = rig_running(20);

	(void)state;
	rig_x2apic_all(r);
	lapic_map_set_last_winner(r->map, 19);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(reach(r, 0, 0x0001000F, LOGICAL | LOWEST), 0x10000u << i % 4);
	put(r->l[17], APIC_TPR, 0x10);
	for (unsigned i = 0; i < 6; i++)
		assert_true(reach(r, 0, 0x0001000F, LOGICAL | LOWEST) != 0x20000);
}

/* Rules: ICR-9, ICR-3 */
static void test_all_but_self_has_one_winner(void **state)
{
	struct rig *r = flat(4);

	(void)state;
	assert_int_equal(reach(r, 0, 0, TO_OTHERS | LOWEST), 2);
	assert_int_equal(reach(r, 0, 0, TO_OTHERS | LOWEST), 4);
	assert_int_equal(reach(r, 0, 0, TO_OTHERS | LOWEST), 8);
	assert_int_equal(reach(r, 0, 0, TO_OTHERS | LOWEST), 2);
	put(r->l[1], APIC_TPR, 0x20);
	put(r->l[3], APIC_TPR, 0x20);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(reach(r, 0, 0, TO_OTHERS | LOWEST), 4);
	assert_int_equal(reach(rig_running(1), 0, 0, TO_OTHERS | LOWEST), 0);
}

/* Rules: ICR-9, ICR-8 */
static void test_mixed_modes_arbitrate_together(void **state)
{
	struct rig *r = flat(4);
	uint32_t seen = 0;

	(void)state;
	rig_x2apic(r->l[2]);
	rig_x2apic(r->l[3]);
	for (unsigned i = 0; i < 4; i++)
		seen |= reach(r, 2, 0x0F, LOGICAL | LOWEST);
	assert_int_equal(seen, 15);
	put(r->l[0], APIC_TPR, 0x10);
	put(r->l[1], APIC_TPR, 0x10);
	put(r->l[2], APIC_TPR, 0x10);
	assert_int_equal(reach(r, 0, 0x0F, LOGICAL | LOWEST), 8);
}

/* Rules: ICR-9, ICR-12 */
static void test_redirection_hint(void **state)
{
	struct rig *r = flat(4);
	struct lapic_message message = {
		.dest = 0x0F, .vector = V, .logical = true, .redirection_hint = true};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
		assert_int_equal(who_got(r, V), 1u << i % 4);
	}
	put(r->l[0], APIC_TPR, 0x10);
	put(r->l[1], APIC_TPR, 0x10);
	put(r->l[3], APIC_TPR, 0x10);
	message.mode = LAPIC_LOWEST;
	message.redirection_hint = false;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_int_equal(who_got(r, V), 4);
	/* With a physical destination: the match. */
	message = (struct lapic_message){.dest = 1, .vector = V, .redirection_hint = true};
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_int_equal(who_got(r, V), 2);
	message.dest = 0xFF;
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 15);
	/* None that could take it. */
	message = (struct lapic_message){
		.dest = 0x80, .vector = V, .logical = true, .redirection_hint = true};
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
}

/* Rules: ICR-12 */
static void test_the_hint_is_for_vectors(void **state)
{
	struct rig *r = flat(3);
	struct lapic_message message = {
		.dest = 0x07, .mode = LAPIC_NMI, .logical = true, .redirection_hint = true};

	(void)state;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	for (unsigned i = 0; i < 3; i++)
		assert_true(lapic_take_nmi(r->l[i]));
}

/* Rules: ICR-9, MP-6 */
static void test_one_with_an_init_pending_takes_no_part(void **state)
{
	struct rig *r = flat(3);

	(void)state;
	/* Its registers say that it is enabled until its owner acts on the INIT. */
	lapic_post(r->l[1], LAPIC_INIT, 0, false);
	put(r->l[0], APIC_TPR, 0x20);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(reach(r, 0, 0x03, LOGICAL | LOWEST), 1);
	assert_int_equal(reach(r, 0, 0, TO_OTHERS | LOWEST), 4);
	lapic_post(r->l[2], LAPIC_INIT, 0, false);
	assert_int_equal(reach(r, 0, 0x06, LOGICAL | LOWEST), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_the_lowest_ppr_wins),
		rig_test(test_a_single_match_wins_whatever_its_ppr),
		rig_test(test_equals_take_turns),
		rig_test(test_the_turn_is_state),
		rig_test(test_only_software_enabled_lapics_take_part),
		rig_test(test_physical_is_as_fixed),
		rig_test(test_logical_broadcast_has_one_winner),
		rig_test(test_x2apic_cluster),
		rig_test(test_all_but_self_has_one_winner),
		rig_test(test_mixed_modes_arbitrate_together),
		rig_test(test_redirection_hint),
		rig_test(test_the_hint_is_for_vectors),
		rig_test(test_one_with_an_init_pending_takes_no_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
