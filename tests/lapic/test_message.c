// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages of devices: lapic_map_send() as an I/O APIC calls it, and the address and data of MSIs.
 * Not IPIs (test_dest.c), nor redirection to one of several (test_lowest.c).
 */
#include "tests/lapic/rig.h"

#define V 0x40u

static void ff_is_an_id(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->msi_ff_broadcasts = false;
}

static void ff_is_an_id_and_somebodys(struct lapic_config *config, unsigned i)
{
	config->msi_ff_broadcasts = false;
	config->initial_id = i == 2 ? 0xFF : i;
}

static void ids_beyond_8_bits(struct lapic_config *config, unsigned i)
{
	static const uint32_t ids[] = {0, 0x102, 0x7FFF, 0x8002};

	config->initial_id = ids[i];
}

/* Rules: ICR-12, ICR-5 */
static void test_physical_and_logical(void **state)
{
	struct rig *r = rig_running(4);
	struct lapic_message message = {.dest = 2, .vector = V};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		put(r->l[i], APIC_LDR, 1u << (24 + i));
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_int_equal(who_got(r, V), 4);
	message.logical = true;
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 2);
	message.dest = 0xFF;
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 15);
	message.logical = false;
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 15);
	message.dest = 9;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
}

/* Rules: ICR-12 */
static void test_the_result_is_the_best_of_all(void **state)
{
	struct rig *r = rig_running(3);
	struct lapic_message message = {.dest = 0xFF, .vector = V};

	(void)state;
	put(r->l[0], APIC_SVR, 0xFF);
	lapic_post(r->l[1], LAPIC_FIXED, V, false);
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_MERGED);
	assert_serves(r->l[2], V);
	put(r->l[2], APIC_SVR, 0xFF);
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_MERGED);
	put(r->l[1], APIC_SVR, 0xFF);
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
}

/* Rules: ICR-12, ACP-1, ACP-4 */
static void test_level_messages(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic_message message = {.dest = 1, .vector = V, .level = true};

	(void)state;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_true(in_tmr(r->l[1], V));
	assert_serves(r->l[1], V);
	assert_int_equal(r->cpu[1].eois, 1);
	assert_int_equal(r->cpu[1].eoi[0], V);
	message.deassert = true;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
	message.mode = LAPIC_LOWEST;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
	assert_nothing(r->l[1]);
	/* Edge messages have no de-assert. */
	message = (struct lapic_message){.dest = 1, .vector = V, .deassert = true};
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_false(in_tmr(r->l[1], V));
	assert_serves(r->l[1], V);
	/* To all at once, each with its own EOI. */
	message = (struct lapic_message){.dest = 0xFF, .vector = V, .level = true};
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 3);
	assert_int_equal(r->cpu[0].eois, 1);
	assert_int_equal(r->cpu[1].eois, 2);
}

/* Rules: ICR-12, ICR-2, LVT-6 */
static void test_modes(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic_message message = {.dest = 1, .vector = 5, .level = true};

	(void)state;
	message.mode = LAPIC_SMI;
	lapic_map_send(r->map, &message);
	assert_int_equal(lapic_pending(r->l[1]), LAPIC_PENDING_SMI);
	assert_true(lapic_take_smi(r->l[1]));
	message.mode = LAPIC_NMI;
	lapic_map_send(r->map, &message);
	assert_true(lapic_take_nmi(r->l[1]));
	message.mode = LAPIC_EXTINT;
	lapic_map_send(r->map, &message);
	assert_int_equal(lapic_pending(r->l[1]), LAPIC_PENDING_EXTINT);
	assert_true(lapic_take_extint(r->l[1]));
	assert_nothing(r->l[1]);
	for (uint32_t bank = APIC_ISR; bank < APIC_ESR; bank += 0x10)
		assert_int_equal(get(r->l[1], bank), 0);
	message.mode = LAPIC_INIT;
	lapic_map_send(r->map, &message);
	assert_int_equal(lapic_take_init(r->l[1]), LAPIC_INIT_WAIT_FOR_SIPI);
	message.mode = 3;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
	assert_int_equal(latch_esr(r->l[1]), 0);
}

/* Rules: ICR-12, ICR-9, LVT-6 */
static void test_to_one_by_its_logical_id(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic_message message = {.dest = 2, .logical = true, .vector = V, .level = true};

	(void)state;
	put(r->l[0], APIC_LDR, 0x01000000);
	put(r->l[1], APIC_LDR, 0x02000000);
	/* Lowest priority, and the hint: level-triggered as sent. */
	message.mode = LAPIC_LOWEST;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_true(in_tmr(r->l[1], V));
	assert_serves(r->l[1], V);
	message =
		(struct lapic_message){.dest = 2, .logical = true, .vector = V + 1, .level = true};
	message.redirection_hint = true;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_true(in_tmr(r->l[1], V + 1));
	assert_serves(r->l[1], V + 1);
	assert_int_equal(r->cpu[1].eois, 2);
	message = (struct lapic_message){.dest = 2, .logical = true, .mode = LAPIC_EXTINT};
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_true(lapic_take_extint(r->l[1]));
	assert_nothing(r->l[0]);
	assert_nothing(r->l[1]);
}

/* SDM "Message Data Register Format": these are edge "regardless of the Trigger Mode Setting", and
 * edge messages always assert. Rules: ICR-12, LVT-6 */
static void test_what_is_edge_by_its_mode_has_no_de_assert(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic_message message = {.dest = 1, .level = true, .deassert = true};

	(void)state;
	message.mode = LAPIC_SMI;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_true(lapic_take_smi(r->l[1]));
	message.mode = LAPIC_NMI;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_true(lapic_take_nmi(r->l[1]));
	message.mode = LAPIC_EXTINT;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_true(lapic_take_extint(r->l[1]));
	assert_int_equal(lapic_map_msi(r->map, 0xFEE01000, 0x8500, false), LAPIC_NEW);
	assert_int_equal(lapic_take_init(r->l[1]), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_int_equal(lapic_map_msi(r->map, 0xFEE01000, 0x8612, false), LAPIC_NEW);
}

/* Rules: ICR-12, ERR-2 */
static void test_illegal_vectors_are_the_receivers_error(void **state)
{
	struct rig *r = rig_running(3);
	struct lapic_message message = {.dest = 1, .vector = 15};

	(void)state;
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
	assert_nothing(r->l[1]);
	assert_int_equal(latch_esr(r->l[1]), ESR_RECEIVE_VECTOR);
	assert_int_equal(latch_esr(r->l[0]), 0);
	message.dest = 0xFF;
	lapic_map_send(r->map, &message);
	for (unsigned i = 0; i < 3; i++) {
		assert_nothing(r->l[i]);
		assert_int_equal(latch_esr(r->l[i]), ESR_RECEIVE_VECTOR);
	}
	message = (struct lapic_message){.dest = 0xFFFFFFFF, .vector = 0, .dest32 = true};
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_REFUSED);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(latch_esr(r->l[i]), ESR_RECEIVE_VECTOR);
	rig_disable(r->l[2]);
	lapic_map_send(r->map, &message);
	set_msr(r->l[2], MSR_BASE, lapic_apic_base(r->l[2]) | BASE_EN);
	assert_int_equal(latch_esr(r->l[2]), 0);
}

/* Rules: ICR-12, ICR-5 */
static void test_8_bit_ff_and_x2apic_receivers(void **state)
{
	(void)state;
	for (unsigned logical = 0; logical < 2; logical++) {
		struct lapic_message message = {.dest = 0xFF, .vector = V, .logical = logical};
		struct rig *r = rig_running(20);

		rig_x2apic(r->l[1]);
		rig_x2apic(r->l[18]);
		lapic_map_send(r->map, &message);
		assert_int_equal(who_got(r, V), 0xFFFFF);

		r = rig_tuned(20, ff_is_an_id);
		rig_x2apic(r->l[1]);
		rig_x2apic(r->l[18]);
		lapic_map_send(r->map, &message);
		/* Logically FFh names eight members of cluster 0, LAPIC 1 among them. */
		assert_int_equal(who_got(r, V), logical ? 0xFFFFF & ~0x40000 : 0xFFFFF & ~0x40002);
	}
}

/* Rules: ICR-12, ICR-5 */
static void test_8_bit_ff_as_an_ordinary_id(void **state)
{
	struct rig *r = rig_tuned(3, ff_is_an_id_and_somebodys);
	struct lapic_message message = {.dest = 0xFF, .vector = V};

	(void)state;
	rig_x2apic_all(r);
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_int_equal(who_got(r, V), 4);
}

/* Rules: ICR-12, ICR-13 */
static void test_32_bit_destinations(void **state)
{
	struct rig *r = rig_build(
		&(struct rig_plan){.count = 4, .max_id = 0xFFFF, .tune = ids_beyond_8_bits});
	struct lapic_message message = {.dest = 0x102, .vector = V, .dest32 = true};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		rig_start(r->l[i]);
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 2);
	message.dest = 0xFF; /* the xAPIC ID of 7FFFh */
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 4);
	message.dest = 0xFFFFFFFF;
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 15);
	rig_x2apic_all(r);
	message.dest = 0x7FFF;
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 4);
	message.dest = 0x00100004;
	message.logical = true;
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 2);
	message.dest = 0xFFFFFFFF;
	lapic_map_send(r->map, &message);
	assert_int_equal(who_got(r, V), 15);
}

#define MSI(dest)   (0xFEE00000u | (uint32_t)(dest) << 12)
#define MSI_LOGICAL 4u
#define MSI_HINT    8u
#define DATA(mode)  ((uint32_t)(mode) << 8 | V)
#define DATA_ASSERT 0x4000u
#define DATA_LEVEL  0x8000u

/* Rules: ICR-12 */
static void test_msi_addresses(void **state)
{
	struct rig *r = rig_running(4);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		put(r->l[i], APIC_LDR, 1u << (24 + i));
	assert_int_equal(lapic_map_msi(r->map, MSI(2), DATA(0), false), LAPIC_NEW);
	assert_int_equal(who_got(r, V), 4);
	lapic_map_msi(r->map, MSI(5) | MSI_LOGICAL, DATA(0), false);
	assert_int_equal(who_got(r, V), 5);
	lapic_map_msi(r->map, MSI(0xFF), DATA(0), false);
	assert_int_equal(who_got(r, V), 15);
	lapic_map_set_last_winner(r->map, 3);
	lapic_map_msi(r->map, MSI(0x0E) | MSI_LOGICAL | MSI_HINT, DATA(0), false);
	assert_int_equal(who_got(r, V), 2);
	lapic_map_msi(r->map, MSI(0x0E) | MSI_LOGICAL, DATA(LAPIC_LOWEST), false);
	assert_int_equal(who_got(r, V), 4);
	lapic_map_msi(r->map, MSI(3) | MSI_HINT, DATA(0), false);
	assert_int_equal(who_got(r, V), 8);
	lapic_map_msi(r->map, MSI(1) | 3, DATA(0), false); /* reserved bits do not count */
	assert_int_equal(who_got(r, V), 2);
	assert_int_equal(lapic_map_msi(r->map, MSI(9), DATA(0), false), LAPIC_REFUSED);
}

/* Rules: ICR-12 */
static void test_other_addresses_are_no_msi(void **state)
{
	static const uint64_t others[] = {0,          0xFED01000,  0xFEF01000,
					  0xFFE01000, 0x1FEE01000, 0xFFFFFFFFFEE01000};
	struct rig *r = rig_running(2);

	(void)state;
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(lapic_map_msi(r->map, others[i], DATA(0), false), LAPIC_REFUSED);
	assert_nothing(r->l[1]);
	assert_int_equal(lapic_map_msi(r->map, 0xFEE01FF3, DATA(0), false), LAPIC_NEW);
	assert_int_equal(who_got(r, V), 2);
}

/* Rules: ICR-12 */
static void test_msi_data(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	lapic_map_msi(r->map, MSI(1), DATA(LAPIC_NMI), false);
	assert_true(lapic_take_nmi(r->l[1]));
	lapic_map_msi(r->map, MSI(1), DATA(LAPIC_SMI), false);
	assert_true(lapic_take_smi(r->l[1]));
	lapic_map_msi(r->map, MSI(1), DATA(LAPIC_EXTINT), false);
	assert_true(lapic_take_extint(r->l[1]));
	assert_int_equal(lapic_map_msi(r->map, MSI(1), DATA(3), false), LAPIC_REFUSED);
	/* Edge: the level bit does not count. Level: de-assert is dropped, assert arrives as level.
	 */
	assert_int_equal(lapic_map_msi(r->map, MSI(1), DATA(0) | DATA_ASSERT, false), LAPIC_NEW);
	assert_false(in_tmr(r->l[1], V));
	assert_serves(r->l[1], V);
	assert_int_equal(lapic_map_msi(r->map, MSI(1), DATA(0) | DATA_LEVEL, false), LAPIC_REFUSED);
	assert_nothing(r->l[1]);
	lapic_map_msi(r->map, MSI(1), DATA(0) | DATA_LEVEL | DATA_ASSERT, false);
	assert_true(in_tmr(r->l[1], V));
	assert_serves(r->l[1], V);
	/* The high half of the data does not exist. */
	lapic_map_msi(r->map, MSI(1), 0xFFFF0000 | DATA(0), false);
	assert_serves(r->l[1], V);
	lapic_map_msi(r->map, MSI(1), 0x0F, false);
	assert_nothing(r->l[1]);
	assert_int_equal(latch_esr(r->l[1]), ESR_RECEIVE_VECTOR);
}

/* Rules: ICR-12, ICR-13 */
static void test_msi_with_extended_destination(void **state)
{
	struct rig *r = rig_build(
		&(struct rig_plan){.count = 4, .max_id = 0xFFFF, .tune = ids_beyond_8_bits});

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		rig_start(r->l[i]);
	rig_x2apic_all(r);
	/* Address bits 11:5 are ID bits 14:8. */
	lapic_map_msi(r->map, MSI(0x02) | 1 << 5, DATA(0), true);
	assert_int_equal(who_got(r, V), 2);
	lapic_map_msi(r->map, MSI(0xFF) | 0x7F << 5, DATA(0), true);
	assert_int_equal(who_got(r, V), 4);
	/* Not asked for, they do not count. */
	assert_int_equal(lapic_map_msi(r->map, MSI(0x02) | 1 << 5, DATA(0), false), LAPIC_REFUSED);
	lapic_map_msi(r->map, MSI(0x00) | 0x7F << 5, DATA(0), false);
	assert_int_equal(who_got(r, V), 1);
	lapic_map_msi(r->map, MSI(0xFF), DATA(0), true);
	assert_int_equal(who_got(r, V), 15);
}

/* Rules: ICR-12 */
static void test_messages_are_named(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic_event last;

	(void)state;
	rig_trace(r->l[1]);
	lapic_map_msi(r->map, MSI(1), DATA(0) | DATA_LEVEL | DATA_ASSERT, false);
	assert_int_equal(told(r->l[1], LAPIC_EVENT_ACCEPTED, &last), 1);
	assert_int_equal(last.source, LAPIC_FROM_MESSAGE);
	assert_true(last.level);
	assert_int_equal(last.vector, V);
}

/* Rules: ICR-8, ICR-12 */
static void test_a_32_bit_logical_destination_finds_xapic_receivers(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic_message message = {
		.dest = 0x02, .vector = 0x44, .logical = true, .dest32 = true};

	(void)state;
	put(r->l[0], APIC_LDR, 1u << 24);
	put(r->l[1], APIC_LDR, 2u << 24);
	assert_int_equal(lapic_map_send(r->map, &message), LAPIC_NEW);
	assert_int_equal(who_got(r, 0x44), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_physical_and_logical),
		rig_test(test_the_result_is_the_best_of_all),
		rig_test(test_level_messages),
		rig_test(test_modes),
		rig_test(test_to_one_by_its_logical_id),
		rig_test(test_what_is_edge_by_its_mode_has_no_de_assert),
		rig_test(test_illegal_vectors_are_the_receivers_error),
		rig_test(test_8_bit_ff_and_x2apic_receivers),
		rig_test(test_8_bit_ff_as_an_ordinary_id),
		rig_test(test_32_bit_destinations),
		rig_test(test_msi_addresses),
		rig_test(test_other_addresses_are_no_msi),
		rig_test(test_msi_data),
		rig_test(test_msi_with_extended_destination),
		rig_test(test_messages_are_named),
		rig_test(test_a_32_bit_logical_destination_finds_xapic_receivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
