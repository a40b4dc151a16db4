// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who receives: physical and logical destinations, broadcasts, clusters, mixed modes, large IDs.
 * Not lowest priority (test_lowest.c), nor messages of devices (test_message.c).
 */
#include "tests/lapic/rig.h"

#define V 0x40u

/* Sends and says who got it, LAPIC i as bit i. */
static uint32_t reach(struct rig *r, unsigned from, uint32_t dest, uint32_t icr)
{
	send_ipi(r->l[from], dest, icr | V);
	return who_got(r, V);
}

/* Rules: ICR-5 */
static void test_physical_xapic(void **state)
{
	struct rig *r = rig_running(8);

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(reach(r, 3, i, 0), 1u << i); /* itself as well */
		put(r->l[i], APIC_ID, (0x80 + i) << 24);
	}
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(reach(r, 3, i, 0), 0);
		assert_int_equal(reach(r, 3, 0x80 + i, 0), 1u << i);
	}
	assert_int_equal(reach(r, 3, 0xFE, 0), 0);
}

/* Rules: ICR-5 */
static void test_physical_broadcasts(void **state)
{
	struct rig *r = rig_running(6);

	(void)state;
	assert_int_equal(reach(r, 2, 0xFF, 0), 0x3F); /* the sender included */
	rig_x2apic(r->l[1]);
	rig_x2apic(r->l[4]);
	assert_int_equal(reach(r, 2, 0xFF, 0), 0x3F); /* of an xAPIC, to receivers of every mode */
	assert_int_equal(reach(r, 1, 0xFFFFFFFF, 0), 0x3F);
	assert_int_equal(reach(r, 1, 0xFF, 0), 0); /* an ordinary ID, nobody's */
	assert_int_equal(reach(r, 1, 0xFFFF, 0), 0);
	assert_int_equal(reach(r, 1, 0xFFFFFF, 0), 0);
	rig_disable(r->l[5]);
	assert_int_equal(reach(r, 1, 0xFFFFFFFF, 0), 0x1F);
	put(r->l[0], APIC_SVR, 0xFF);
	assert_int_equal(reach(r, 1, 0xFFFFFFFF, 0), 0x1E);
}

static void ids_around_ff(struct lapic_config *config, unsigned i)
{
	config->initial_id = 0xFD + i;
}

/* Rules: ICR-5, ICR-13 */
static void test_id_ff_is_a_name_to_x2apic(void **state)
{
	struct rig *r = rig_tuned(4, ids_around_ff); /* FDh, FEh, FFh, 100h */

	(void)state;
	rig_x2apic_all(r);
	assert_int_equal(reach(r, 0, 0xFF, 0), 1 << 2);
	assert_int_equal(reach(r, 0, 0x100, 0), 1 << 3);
	assert_int_equal(reach(r, 0, 0xFE, 0), 1 << 1);
	assert_int_equal(reach(r, 0, 0, 0), 0);
}

/* Rules: ICR-5, ICR-13 */
static void test_id_ff_in_xapic_mode(void **state)
{
	struct rig *r = rig_tuned(4, ids_around_ff);

	(void)state;
	rig_x2apic(r->l[0]);
	/* 2: the xAPIC ID FFh; 3: the low 8 bits of 100h. */
	assert_int_equal(reach(r, 0, 0xFF, 0), 1 << 2);
	assert_int_equal(reach(r, 0, 0, 0), 1 << 3);
	assert_int_equal(reach(r, 0, 0x100, 0), 1 << 3);
}

static void large_ids(struct lapic_config *config, unsigned i)
{
	static const uint32_t ids[] = {1, 0x101, 0x201, 0x3FF, 0x12345, 0xFFFFF};

	config->initial_id = ids[i];
}

static struct rig *large(void)
{
	struct rig *r =
		rig_build(&(struct rig_plan){.count = 6, .max_id = 0xFFFFF, .tune = large_ids});

	for (unsigned i = 0; i < 6; i++)
		rig_start(r->l[i]);
	return r;
}

/* Rules: ICR-13 */
static void test_large_ids_reach_xapics_by_their_initial_id(void **state)
{
	struct rig *r = large();

	(void)state;
	rig_x2apic(r->l[0]);
	assert_int_equal(reach(r, 0, 0x101, 0), 1 << 1);
	assert_int_equal(reach(r, 0, 0x201, 0), 1 << 2);
	assert_int_equal(reach(r, 0, 0x3FF, 0), 1 << 3);
	assert_int_equal(reach(r, 0, 0x12345, 0), 1 << 4);
	assert_int_equal(reach(r, 0, 0xFFFFF, 0), 1 << 5);
	/* The low 8 bits are no name for those above. */
	assert_int_equal(reach(r, 0, 0x301, 0), 0);
	assert_int_equal(reach(r, 0, 0x345, 0), 0);
	/* Their xAPIC IDs are: 01h is 0's and the low part of 101h and 201h. */
	assert_int_equal(reach(r, 0, 1, 0), 7);
	assert_int_equal(reach(r, 1, 1, 0), 7);
	assert_int_equal(reach(r, 1, 0x45, 0), 1 << 4);
	/* A written xAPIC ID changes the short name alone. */
	put(r->l[1], APIC_ID, 0x77000000);
	assert_int_equal(reach(r, 0, 0x101, 0), 1 << 1);
	assert_int_equal(reach(r, 0, 0x77, 0), 1 << 1);
	assert_int_equal(reach(r, 0, 0x177, 0), 0);
	assert_int_equal(reach(r, 0, 1, 0), 5);
	rig_disable(r->l[1]);
	assert_int_equal(reach(r, 0, 0x101, 0), 0);
}

/* Rules: ICR-13, MSR-7 */
static void test_large_ids_in_x2apic_mode(void **state)
{
	struct rig *r = large();

	(void)state;
	rig_x2apic_all(r);
	assert_int_equal(reach(r, 0, 1, 0), 1 << 0);
	assert_int_equal(reach(r, 0, 0x101, 0), 1 << 1);
	assert_int_equal(reach(r, 0, 0xFFFFF, 0), 1 << 5);
	assert_int_equal(reach(r, 0, 0x45, 0), 0);
	assert_int_equal(reach(r, 0, 0x100001, 0), 0);
	assert_int_equal(reach(r, 0, 0xFFFFFFFE, 0), 0);
	assert_int_equal(reach(r, 0, 0x12340020, LOGICAL), 1 << 4);
	assert_int_equal(reach(r, 0, 0xFFFFFFFF, LOGICAL), 0x3F);
}

/* Rules: ICR-13, ICR-7 */
static void test_every_id_up_to_1023(void **state)
{
	struct rig *r = rig_running(1024);

	(void)state;
	rig_x2apic_all(r);
	for (unsigned i = 0; i < 1024; i++) {
		send_ipi(r->l[1023 - i], i, V);
		assert_int_equal(lapic_peek(r->l[i]), V);
		assert_serves(r->l[i], V);
		send_ipi(r->l[0], (i >> 4) << 16 | 1u << (i & 15), LOGICAL | V);
		assert_int_equal(lapic_peek(r->l[i]), V);
		assert_serves(r->l[i], V);
	}
	send_ipi(r->l[0], 0xFFFFFFFF, V);
	for (unsigned i = 0; i < 1024; i++)
		assert_serves(r->l[i], V);
	for (unsigned i = 0; i < 1024; i++)
		assert_nothing(r->l[i]);
}

/* Rules: ICR-6 */
static void test_flat(void **state)
{
	struct rig *r = rig_running(8);

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		put(r->l[i], APIC_LDR, 1u << (24 + i));
	for (unsigned dest = 0; dest < 256; dest++)
		assert_int_equal(reach(r, dest & 7, dest, LOGICAL), dest);
}

/* Rules: ICR-6, ICR-8 */
static void test_flat_with_several_bits_and_none(void **state)
{
	struct rig *r = rig_running(4);

	(void)state;
	put(r->l[0], APIC_LDR, 0xFF000000);
	put(r->l[1], APIC_LDR, 0x03000000);
	put(r->l[2], APIC_LDR, 0x02000000);
	/* LAPIC 3 keeps LDR 0. */
	assert_int_equal(reach(r, 0, 0x01, LOGICAL), 3);
	assert_int_equal(reach(r, 0, 0x02, LOGICAL), 7);
	assert_int_equal(reach(r, 0, 0x80, LOGICAL), 1);
	assert_int_equal(reach(r, 0, 0xFE, LOGICAL), 7);
	assert_int_equal(reach(r, 0, 0x00, LOGICAL), 0);
	assert_int_equal(reach(r, 0, 0xFF, LOGICAL), 15);
}

/* Rules: ICR-6 */
static void test_cluster(void **state)
{
	/* Cluster and members: 0.1 0.2 1.1 1.8 1.1 E.4 F.1 0.0 */
	static const uint8_t ldrs[] = {0x01, 0x02, 0x11, 0x18, 0x11, 0xE4, 0xF1, 0x00};
	struct rig *r = rig_running(8);

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		put(r->l[i], APIC_DFR, 0);
		put(r->l[i], APIC_LDR, (uint32_t)ldrs[i] << 24);
	}
	for (unsigned dest = 0; dest < 255; dest++) {
		uint32_t expected = 0;

		for (unsigned i = 0; i < 8; i++)
			if (ldrs[i] >> 4 == dest >> 4 && (ldrs[i] & dest & 0xF))
				expected |= 1u << i;
		assert_int_equal(reach(r, 0, dest, LOGICAL), expected);
	}
	assert_int_equal(reach(r, 0, 0xFF, LOGICAL), 0xFF); /* every cluster */
}

/* Rules: ICR-6, ICR-8 */
static void test_each_receiver_has_its_own_model(void **state)
{
	struct rig *r = rig_running(4);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		put(r->l[i], APIC_LDR, 0x12000000);
	put(r->l[1], APIC_DFR, 0);
	put(r->l[2], APIC_DFR, 0x70000000); /* neither: nothing matches */
	put(r->l[3], APIC_DFR, 0xE0000000);
	assert_int_equal(reach(r, 0, 0x02, LOGICAL), 1);
	assert_int_equal(reach(r, 0, 0x10, LOGICAL), 1);
	assert_int_equal(reach(r, 0, 0x12, LOGICAL), 3);
	assert_int_equal(reach(r, 0, 0xFF, LOGICAL), 3);
	assert_int_equal(reach(r, 2, 0x02, LOGICAL), 1); /* the sender's model does not count */
	/* Physically they are all there. */
	assert_int_equal(reach(r, 0, 2, 0), 4);
	assert_int_equal(reach(r, 0, 0xFF, 0), 15);
}

/* Rules: ICR-6 */
static void test_all_models_of_dfr(void **state)
{
	struct rig *r = rig_running(1);

	(void)state;
	put(r->l[0], APIC_LDR, 0x11000000);
	for (uint32_t model = 0; model < 16; model++) {
		put(r->l[0], APIC_DFR, model << 28);
		assert_int_equal(reach(r, 0, 0x11, LOGICAL), model == 0 || model == 15);
		assert_int_equal(reach(r, 0, 0x01, LOGICAL), model == 15);
		assert_int_equal(reach(r, 0, 0xFF, LOGICAL), model == 0 || model == 15);
	}
}

/* Rules: ICR-7 */
static void test_x2apic_clusters(void **state)
{
	struct rig *r = rig_running(32); /* clusters 0 and 1 */

	(void)state;
	rig_x2apic_all(r);
	assert_int_equal(reach(r, 0, 0x00000001, LOGICAL), 1);
	assert_int_equal(reach(r, 0, 0x0000FFFF, LOGICAL), 0x0000FFFF);
	assert_int_equal(reach(r, 9, 0x0001FFFF, LOGICAL), 0xFFFF0000);
	assert_int_equal(reach(r, 9, 0x00018421, LOGICAL), 0x84210000);
	assert_int_equal(reach(r, 9, 0x0002FFFF, LOGICAL), 0);
	assert_int_equal(reach(r, 9, 0x00010000, LOGICAL), 0);
	assert_int_equal(reach(r, 9, 0, LOGICAL), 0);
	assert_int_equal(reach(r, 9, 0xFFFFFFFF, LOGICAL), 0xFFFFFFFF);
	assert_int_equal(reach(r, 9, 0xFFFFFFFE, LOGICAL), 0);
	assert_int_equal(reach(r, 9, 0xFFFF0001, LOGICAL), 0);
	assert_int_equal(reach(r, 9, 0xFF, LOGICAL), 0xFF); /* eight members of cluster 0 */
}

/* Rules: ICR-8, ICR-7, ICR-6 */
static void test_mixed_modes_logical(void **state)
{
	struct rig *r = rig_running(4);

	(void)state;
	/* 0, 1: xAPIC flat; 2, 3: x2APIC of cluster 0. */
	put(r->l[0], APIC_LDR, 0x04000000);
	put(r->l[1], APIC_LDR, 0x80000000);
	rig_x2apic(r->l[2]);
	rig_x2apic(r->l[3]);
	for (unsigned from = 0; from < 4; from += 2) {
		/* Bit 2 is the flat LDR of 0 and the member number of 2. */
		assert_int_equal(reach(r, from, 0x04, LOGICAL), 5);
		assert_int_equal(reach(r, from, 0x08, LOGICAL), 8);
		assert_int_equal(reach(r, from, 0x80, LOGICAL), 2);
	}
	/* Wider than 8 bits, an xAPIC has no such logical ID. */
	assert_int_equal(reach(r, 2, 0x0108, LOGICAL), 8);
	assert_int_equal(reach(r, 2, 0x10004, LOGICAL), 0);
	/* Broadcasts of either sender reach all. */
	assert_int_equal(reach(r, 2, 0xFFFFFFFF, LOGICAL), 15);
	assert_int_equal(reach(r, 0, 0xFF, LOGICAL), 15);
	assert_int_equal(reach(r, 2, 0xFF, LOGICAL), 15);
	rig_disable(r->l[1]);
	assert_int_equal(reach(r, 2, 0xFFFFFFFF, LOGICAL), 13);
}

/* Rules: ICR-8, ICR-6 */
static void test_one_that_came_back_from_x2apic(void **state)
{
	struct rig *r = rig_running(3);

	(void)state;
	rig_x2apic_all(r);
	rig_disable(r->l[1]);
	assert_int_equal(reach(r, 0, 0x80, LOGICAL), 0);
	set_msr(r->l[1], MSR_BASE, 0xFEE00000 | BASE_EN);
	put(r->l[1], APIC_SVR, 0x1FF);
	put(r->l[1], APIC_LDR, 0x80000000);
	assert_int_equal(reach(r, 0, 0x80, LOGICAL), 2);
	assert_int_equal(reach(r, 0, 0x84, LOGICAL), 6);
	lapic_reset(r->l[2]);
	rig_start(r->l[2]);
	put(r->l[2], APIC_LDR, 0x80000000);
	assert_int_equal(reach(r, 0, 0x81, LOGICAL), 7);
	rig_x2apic_all(r);
	assert_int_equal(reach(r, 0, 0x81, LOGICAL), 1);
}

static void one_in_a_high_cluster(struct lapic_config *config, unsigned i)
{
	config->initial_id = i == 2 ? 0x35 : i;
}

/* Rules: ICR-5, ICR-6, ICR-7 */
static void test_8_bit_logical_broadcast_reaches_every_cluster(void **state)
{
	struct rig *r = rig_tuned(3, one_in_a_high_cluster);

	(void)state;
	rig_x2apic(r->l[1]);
	rig_x2apic(r->l[2]);
	assert_int_equal(reach(r, 0, 0xFF, LOGICAL), 7);
	/* Of an x2APIC sender it names members of cluster 0, and broadcasts to xAPICs alone. */
	assert_int_equal(reach(r, 1, 0xFF, LOGICAL), 3);
}

/* Rules: ICR-8 */
static void test_two_with_one_id(void **state)
{
	struct rig *r = rig_running(4);

	(void)state;
	put(r->l[2], APIC_ID, 0x01000000);
	assert_int_equal(reach(r, 0, 1, 0), 6);
	assert_int_equal(reach(r, 0, 2, 0), 0);
	put(r->l[3], APIC_ID, 0x01000000);
	assert_int_equal(reach(r, 0, 1, 0), 14);
	send_ipi(r->l[0], 1, MODE(LAPIC_NMI));
	for (unsigned i = 1; i < 4; i++)
		assert_true(lapic_take_nmi(r->l[i]));
	/* One by one they go away again, in another order. */
	put(r->l[1], APIC_ID, 0x09000000);
	assert_int_equal(reach(r, 0, 1, 0), 12);
	rig_disable(r->l[3]);
	assert_int_equal(reach(r, 0, 1, 0), 4);
	set_msr(r->l[3], MSR_BASE, 0xFEE00000 | BASE_EN);
	put(r->l[3], APIC_SVR, 0x1FF);
	assert_int_equal(reach(r, 0, 3, 0), 8);
	rig_x2apic(r->l[2]);
	assert_int_equal(reach(r, 0, 1, 0), 0);
	assert_int_equal(reach(r, 0, 2, 0), 4);
	assert_int_equal(reach(r, 0, 9, 0), 2);
}

/* Rules: ICR-8, ICR-5 */
static void test_an_xapic_that_takes_an_x2apics_id(void **state)
{
	struct rig *r = rig_running(3);

	(void)state;
	rig_x2apic(r->l[1]);
	put(r->l[2], APIC_ID, 0x01000000);
	assert_int_equal(reach(r, 0, 1, 0), 6);
	assert_int_equal(reach(r, 1, 1, 0), 6);
	put(r->l[2], APIC_ID, 0xFF000000);
	assert_int_equal(reach(r, 1, 0xFF, 0), 4);
	assert_int_equal(reach(r, 1, 1, 0), 2);
}

/* Rules: RST-2, ICR-6 */
static void test_init_takes_the_logical_id_away(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	put(r->l[1], APIC_LDR, 0x02000000);
	put(r->l[1], APIC_DFR, 0);
	assert_int_equal(reach(r, 0, 0x02, LOGICAL), 2);
	lapic_post(r->l[1], LAPIC_INIT, 0, false);
	lapic_take_init(r->l[1]);
	rig_start(r->l[1]);
	assert_int_equal(reach(r, 0, 0x02, LOGICAL), 0);
	assert_int_equal(reach(r, 0, 1, 0), 2);
	put(r->l[1], APIC_LDR, 0x12000000); /* flat again */
	assert_int_equal(reach(r, 0, 0x10, LOGICAL), 2);
}

/* Rules: ICR-5, ICR-2 */
static void test_every_mode_finds_its_way(void **state)
{
	static const unsigned modes[] = {LAPIC_SMI, LAPIC_NMI, LAPIC_INIT};

	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		for (unsigned m = 0; m < 3; m++) {
			struct rig *r = rig_running(3);
			uint32_t all = x2apic ? 0xFFFFFFFF : 0xFF;

			for (unsigned i = 0; i < 3; i++)
				put(r->l[i], APIC_LDR, 1u << (24 + i));
			if (x2apic)
				rig_x2apic_all(r);
			send_ipi(r->l[0], 4, LOGICAL | MODE(modes[m]));
			assert_true(lapic_pending(r->l[2]) != 0);
			assert_nothing(r->l[0]);
			assert_nothing(r->l[1]);
			send_ipi(r->l[0], all, (m & 1 ? LOGICAL : 0) | MODE(modes[m]));
			for (unsigned i = 0; i < 3; i++)
				assert_true(lapic_pending(r->l[i]) != 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_physical_xapic),
		rig_test(test_physical_broadcasts),
		rig_test(test_id_ff_is_a_name_to_x2apic),
		rig_test(test_id_ff_in_xapic_mode),
		rig_test(test_large_ids_reach_xapics_by_their_initial_id),
		rig_test(test_large_ids_in_x2apic_mode),
		rig_test(test_every_id_up_to_1023),
		rig_test(test_flat),
		rig_test(test_flat_with_several_bits_and_none),
		rig_test(test_cluster),
		rig_test(test_each_receiver_has_its_own_model),
		rig_test(test_all_models_of_dfr),
		rig_test(test_x2apic_clusters),
		rig_test(test_mixed_modes_logical),
		rig_test(test_one_that_came_back_from_x2apic),
		rig_test(test_8_bit_logical_broadcast_reaches_every_cluster),
		rig_test(test_two_with_one_id),
		rig_test(test_an_xapic_that_takes_an_x2apics_id),
		rig_test(test_init_takes_the_logical_id_away),
		rig_test(test_every_mode_finds_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
