// SPDX-License-Identifier: BSD-2-Clause
/*
 * What may be posted to a LAPIC and what a post is worth: new, merged or refused; TMR, NMIs,
 * errors. Not posting from several threads (tests/stress), nor who is chosen as a target
 * (test_dest.c).
 */
#include "tests/lapic/rig.h"

/* Rules: ACP-1, PRI-3 */
static void test_every_vector_edge_and_level(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned vector = 16; vector < 256; vector++) {
			bool level = ((vector + round) & 1) != 0;

			assert_int_equal(lapic_post(l, LAPIC_FIXED, (uint8_t)vector, level),
					 LAPIC_NEW);
			assert_true(in_irr(l, vector));
			assert_int_equal(in_tmr(l, vector), level);
		}
		for (unsigned vector = 255; vector >= 16; vector--) {
			unsigned before = rig_cpu_of(l)->eois;

			assert_serves(l, vector);
			assert_int_equal(rig_cpu_of(l)->eois - before, (vector + round) & 1);
		}
	}
}

/* Rules: ACP-1 */
static void test_a_second_post_merges(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x61, level), LAPIC_NEW);
		assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x61, level), LAPIC_MERGED);
		assert_int_equal(lapic_post(l, LAPIC_LOWEST, 0x61, level), LAPIC_MERGED);
		assert_serves(l, 0x61);
		assert_nothing(l);
	}
}

/* Rules: ACP-1 */
static void test_one_in_service_one_in_request(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x61, false);
	assert_takes(l, 0x61);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x61, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x61, false), LAPIC_MERGED);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_MASKED);
	eoi(l);
	assert_serves(l, 0x61);
	assert_nothing(l);
}

/* Rules: ACP-1, ACP-6 */
static void test_the_last_acceptance_decides_tmr(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x61, true);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x61, false), LAPIC_MERGED);
	assert_false(in_tmr(l, 0x61));
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x61, true), LAPIC_MERGED);
	assert_true(in_tmr(l, 0x61));
	assert_serves(l, 0x61);
	assert_int_equal(rig_cpu_of(l)->eois, 1);
	/* An edge that is accepted while the level one is in service ends without a broadcast. */
	lapic_post(l, LAPIC_FIXED, 0x61, true);
	assert_takes(l, 0x61);
	lapic_post(l, LAPIC_FIXED, 0x61, false);
	eoi(l);
	assert_int_equal(rig_cpu_of(l)->eois, 1);
	assert_serves(l, 0x61);
}

/* Rules: ACP-1, RST-3 */
static void test_a_refused_post_leaves_tmr(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x61, true);
	assert_serves(l, 0x61);
	put(l, APIC_SVR, 0xFF);
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x61, false), LAPIC_REFUSED);
	assert_true(in_tmr(l, 0x61));
	assert_int_equal(lapic_post(l, LAPIC_FIXED, 0x62, true), LAPIC_REFUSED);
	assert_false(in_tmr(l, 0x62));
}

/* Rules: ERR-2, PRI-3 */
static void test_illegal_vectors_are_refused_and_seen(void **state)
{
	(void)state;
	for (unsigned vector = 0; vector < 16; vector++) {
		for (unsigned kind = 0; kind < 4; kind++) {
			struct lapic *l = rig_one();
			enum lapic_delivery mode = (kind & 1) ? LAPIC_LOWEST : LAPIC_FIXED;

			assert_int_equal(lapic_post(l, mode, (uint8_t)vector, (kind & 2) != 0),
					 LAPIC_REFUSED);
			assert_nothing(l);
			assert_int_equal(get(l, APIC_IRR), 0);
			assert_int_equal(get(l, APIC_TMR), 0);
			assert_int_equal(latch_esr(l), ESR_RECEIVE_VECTOR);
			assert_int_equal(latch_esr(l), 0);
		}
		rig_teardown(NULL);
	}
}

/* Rules: ERR-2, LVT-3 */
static void test_modes_without_a_vector_take_any(void **state)
{
	static const enum lapic_delivery modes[] = {LAPIC_SMI, LAPIC_NMI, LAPIC_INIT};
	struct lapic *l = rig_one();

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(lapic_post(l, modes[i], 0, true), LAPIC_NEW);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_RUN);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ICR-2 */
static void test_reserved_modes_are_refused(void **state)
{
	struct lapic *l = rig_one();
	struct lapic_message message = {.dest = 0, .vector = 0x40, .mode = 3};

	(void)state;
	assert_int_equal(lapic_post(l, (enum lapic_delivery)3, 0x40, false), LAPIC_REFUSED);
	for (unsigned mode = 8; mode < 256; mode += 31) {
		message.mode = (uint8_t)mode;
		assert_int_equal(lapic_map_send(rig_of(l)->map, &message), LAPIC_REFUSED);
	}
	assert_nothing(l);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: MP-4 */
static void test_two_nmis_are_owed(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_MERGED);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_MERGED);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_NMI);
	assert_true(lapic_take_nmi(l));
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_NMI);
	assert_true(lapic_take_nmi(l));
	assert_nothing(l);
	assert_false(lapic_take_nmi(l));
}

/* Rules: MP-4 */
static void test_with_one_nmi_in_service_one_more_waits(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_NMI, 0, false);
	assert_true(lapic_take_nmi(l));
	lapic_set_nmi_blocked(l, true);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_MERGED);
	lapic_set_nmi_blocked(l, false); /* IRET */
	assert_true(lapic_take_nmi(l));
	assert_false(lapic_take_nmi(l));
	/* Two came, the first is being taken: the second stays owed. */
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_post(l, LAPIC_NMI, 0, false);
	assert_true(lapic_take_nmi(l));
	lapic_set_nmi_blocked(l, true);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_MERGED);
	assert_true(lapic_take_nmi(l));
	assert_false(lapic_take_nmi(l));
	lapic_set_nmi_blocked(l, true);
	lapic_set_nmi_blocked(l, false);
	lapic_post(l, LAPIC_NMI, 0, false);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_NEW);
}

/* Rules: MP-4, LVT-3 */
static void test_nmis_of_lvt_and_messages_share_the_limit(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_LINT1, MODE(LAPIC_NMI));
	put(l, APIC_LVT_THERMAL, MODE(LAPIC_NMI));
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_raise(l, LAPIC_LVT_LINT1);
	lapic_raise(l, LAPIC_LVT_THERMAL);
	lapic_pending(l);
	assert_true(lapic_take_nmi(l));
	assert_true(lapic_take_nmi(l));
	assert_false(lapic_take_nmi(l));
}

/* Rules: ICR-2, PRI-6 */
static void test_smi_and_extint_are_flags(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_int_equal(lapic_post(l, LAPIC_SMI, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_SMI, 0, false), LAPIC_MERGED);
	assert_int_equal(lapic_post(l, LAPIC_EXTINT, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_EXTINT, 0, false), LAPIC_MERGED);
	assert_true(lapic_take_smi(l));
	assert_false(lapic_take_smi(l));
	assert_true(lapic_take_extint(l));
	assert_false(lapic_take_extint(l));
	assert_nothing(l);
}

/* Rules: MP-2, MP-6 */
static void test_init_merges_and_takes_earlier_messages_with_it(void **state)
{
	struct lapic *l = rig_running(2)->l[1];

	(void)state;
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_post(l, LAPIC_EXTINT, 0, false);
	assert_int_equal(lapic_post(l, LAPIC_INIT, 0, false), LAPIC_NEW);
	assert_int_equal(lapic_post(l, LAPIC_INIT, 0, false), LAPIC_MERGED);
	assert_int_equal(lapic_pending(l), LAPIC_PENDING_INIT);
	assert_false(lapic_take_nmi(l));
	assert_false(lapic_take_extint(l));
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_NONE);
	assert_nothing(l);
}

/* Rules: MP-6, ERR-2 */
static void test_init_drops_what_the_owner_had_not_looked_at(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_THERMAL, 0x40);
	lapic_raise(l, LAPIC_LVT_THERMAL);
	lapic_post(l, LAPIC_FIXED, 3, false);
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_RUN);
	put(l, APIC_SVR, 0x1FF);
	put(l, APIC_LVT_THERMAL, 0x40);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: LVT-3 */
static void test_raising_what_is_no_entry_does_nothing(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (unsigned entry = 7; entry < 300; entry++)
		lapic_raise(l, (enum lapic_lvt)entry);
	lapic_raise(l, (enum lapic_lvt) - 1);
	lapic_set_lint(l, 2, true);
	lapic_set_lint(l, 0xFFFFFFFF, true);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ACP-2 */
static void test_irr_and_tmr_in_the_registers(void **state)
{
	static const uint8_t vectors[] = {16, 31, 32, 63, 64, 95, 96, 127, 128, 200, 224, 255};
	struct lapic *l = rig_one();
	uint32_t irr[8] = {0}, tmr[8] = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof(vectors); i++) {
		uint8_t v = vectors[i];

		lapic_post(l, LAPIC_FIXED, v, (i & 1) != 0);
		irr[v / 32] |= 1u << (v % 32);
		if (i & 1)
			tmr[v / 32] |= 1u << (v % 32);
	}
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(get(l, APIC_IRR + 0x10 * i), irr[i]);
		assert_int_equal(get(l, APIC_TMR + 0x10 * i), tmr[i]);
	}
	rig_x2apic(l);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(msr(l, 0x820 + i), irr[i]);
		assert_int_equal(msr(l, 0x818 + i), tmr[i]);
	}
}

/* Rules: RST-3, MP-6 */
static void test_the_sum_of_new_is_what_is_acknowledged(void **state)
{
	struct lapic *l = rig_one();
	unsigned fresh = 0, acked = 0;
	uint32_t seed = 12345;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 1103515245u + 12345u;
		if (seed >> 28 < 9) {
			uint8_t vector = (uint8_t)(16 + (seed >> 8) % 240);

			fresh += lapic_post(l, LAPIC_FIXED, vector, (seed >> 20 & 1) != 0) ==
				 LAPIC_NEW;
		} else if (seed >> 28 == 9) {
			put(l, APIC_TPR, seed >> 12 & 0xFF);
		} else if (lapic_pending(l) & LAPIC_PENDING_INTR) {
			lapic_ack(l);
			acked++;
		} else {
			eoi(l);
		}
	}
	put(l, APIC_TPR, 0);
	for (unsigned i = 0; i < 16; i++)
		eoi(l);
	acked += drain(l);
	assert_int_equal(acked, fresh);
	assert_true(fresh > 10000);
	assert_nothing(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_every_vector_edge_and_level),
		rig_test(test_a_second_post_merges),
		rig_test(test_one_in_service_one_in_request),
		rig_test(test_the_last_acceptance_decides_tmr),
		rig_test(test_a_refused_post_leaves_tmr),
		rig_test(test_illegal_vectors_are_refused_and_seen),
		rig_test(test_modes_without_a_vector_take_any),
		rig_test(test_reserved_modes_are_refused),
		rig_test(test_two_nmis_are_owed),
		rig_test(test_with_one_nmi_in_service_one_more_waits),
		rig_test(test_nmis_of_lvt_and_messages_share_the_limit),
		rig_test(test_smi_and_extint_are_flags),
		rig_test(test_init_merges_and_takes_earlier_messages_with_it),
		rig_test(test_init_drops_what_the_owner_had_not_looked_at),
		rig_test(test_raising_what_is_no_entry_does_nothing),
		rig_test(test_irr_and_tmr_in_the_registers),
		rig_test(test_the_sum_of_new_is_what_is_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
