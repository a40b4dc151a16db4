// SPDX-License-Identifier: BSD-2-Clause
/*
 * ESR: gathering, latching, the error interrupt that arms and disarms, errors of old buses.
 * Not every cause of each bit: test_access.c, test_icr.c, test_lvt.c, test_mailbox.c.
 */
#include "tests/lapic/rig.h"

#define V 0x70u

static void p6(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->p6_errors = true;
}

/* Causes of bits 7, 6, 5 and 5 with 6, in xAPIC mode. */
static void illegal_register(struct lapic *l)
{
	lapic_mmio_read(l, 0x400, 4);
}

static void illegal_received(struct lapic *l)
{
	lapic_post(l, LAPIC_FIXED, 3, false);
	lapic_pending(l);
}

static void illegal_sent(struct lapic *l)
{
	send_ipi(l, 0, 3);
}

/* Rules: ERR-1 */
static void test_gather_latch_clear(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	illegal_register(l);
	illegal_received(l);
	illegal_sent(l);
	assert_int_equal(get(l, APIC_ESR), 0);
	put(l, APIC_ESR, 0);
	assert_int_equal(get(l, APIC_ESR), 0xE0);
	assert_int_equal(get(l, APIC_ESR), 0xE0); /* reading changes nothing */
	illegal_sent(l);
	assert_int_equal(get(l, APIC_ESR), 0xE0); /* nor does what came later show */
	put(l, APIC_ESR, 0xFFFFFFFF);             /* any value */
	assert_int_equal(get(l, APIC_ESR), ESR_SEND_VECTOR);
	put(l, APIC_ESR, 0x55);
	assert_int_equal(get(l, APIC_ESR), 0);
}

/* Rules: ERR-1, MSR-4, ACC-3 */
static void test_x2apic(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	illegal_register(l);
	rig_x2apic(l); /* what was gathered is kept */
	illegal_sent(l);
	assert_gp_write(l, 0x828, 0xFF);
	assert_int_equal(msr(l, 0x828), 0);
	set_msr(l, 0x828, 0);
	assert_int_equal(msr(l, 0x828), ESR_REGISTER | ESR_SEND_VECTOR);
	/* An MSR that does not exist is a fault, no error bit. */
	assert_gp_read(l, 0x840);
	assert_gp_write(l, 0x83A, 0);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ERR-3 */
static void test_an_error_fires_once_until_esr_is_written(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_ERROR, V);
	illegal_sent(l);
	assert_serves(l, V);
	illegal_sent(l);
	illegal_register(l);
	illegal_received(l);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), 0xE0);
	assert_nothing(l); /* armed again; what was gathered meanwhile does not fire */
	illegal_register(l);
	assert_serves(l, V);
	illegal_register(l);
	assert_nothing(l);
	put(l, APIC_ESR, 0);
	illegal_register(l);
	assert_serves(l, V);
	/* An ESR write with no error in between arms as well, and fires nothing. */
	put(l, APIC_ESR, 0);
	put(l, APIC_ESR, 0);
	assert_nothing(l);
}

/* Rules: ERR-3 */
static void test_every_cause_fires(void **state)
{
	static void (*const causes[])(struct lapic *) = {illegal_register, illegal_received,
							 illegal_sent};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct lapic *l = rig_one();

		put(l, APIC_LVT_ERROR, V);
		causes[i](l);
		assert_serves(l, V);
	}
}

/* Rules: ERR-3 */
static void test_masked_nothing_fires(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_ERROR, MASKED | V);
	illegal_sent(l);
	assert_nothing(l);
	put(l, APIC_LVT_ERROR, V);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), ESR_SEND_VECTOR);
	assert_nothing(l);
	put(l, APIC_SVR, 0xFF);
	illegal_sent(l);
	put(l, APIC_SVR, 0x1FF);
	put(l, APIC_LVT_ERROR, V);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), ESR_SEND_VECTOR);
}

/* Rules: ERR-3, PRI-3 */
static void test_an_illegal_vector_in_lvt_error_does_not_recurse(void **state)
{
	(void)state;
	for (unsigned vector = 0; vector < 16; vector++) {
		struct lapic *l = rig_one();

		put(l, APIC_LVT_ERROR, vector);
		illegal_register(l);
		assert_nothing(l);
		assert_int_equal(latch_esr(l), ESR_REGISTER | ESR_RECEIVE_VECTOR);
		assert_int_equal(latch_esr(l), 0);
		lapic_raise(l, LAPIC_LVT_ERROR);
		assert_nothing(l);
		assert_int_equal(latch_esr(l), ESR_RECEIVE_VECTOR);
	}
}

/* Rules: ERR-1, ERR-3 */
static void test_an_esr_write_takes_in_what_was_posted(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_ERROR, V);
	lapic_post(l, LAPIC_FIXED, 3, false);
	assert_int_equal(latch_esr(l), ESR_RECEIVE_VECTOR);
	assert_serves(l, V);
	assert_int_equal(latch_esr(l), 0);
	/* And it is armed again. */
	lapic_post(l, LAPIC_FIXED, 3, false);
	assert_serves(l, V);
}

/* Rules: ERR-3, LVT-7 */
static void test_the_error_meets_the_entry_of_its_time(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_ERROR, MASKED | V);
	lapic_post(l, LAPIC_FIXED, 3, false);
	put(l, APIC_LVT_ERROR, V);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), ESR_RECEIVE_VECTOR);
}

/* Rules: ERR-2 */
static void test_bits_of_old_buses(void **state)
{
	struct lapic *l = rig_tuned(1, p6)->l[0];

	(void)state;
	put(l, APIC_LVT_ERROR, V);
	lapic_error_p6(l, 0);
	assert_nothing(l);
	for (unsigned bit = 0; bit < 8; bit++) {
		lapic_error_p6(l, 1u << bit);
		assert_int_equal(drain(l), bit < 4);
		assert_int_equal(latch_esr(l), bit < 4 ? 1u << bit : 0);
	}
	lapic_error_p6(l, 0xFFFFFFFF);
	assert_int_equal(latch_esr(l), 0x0F);
	rig_disable(l);
	lapic_error_p6(l, 1);
	set_msr(l, MSR_BASE, lapic_apic_base(l) | BASE_EN);
	assert_int_equal(latch_esr(l), 0);

	l = rig_one();
	put(l, APIC_LVT_ERROR, V);
	lapic_error_p6(l, 0x0F);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ERR-1 */
static void test_events_tell_the_bits(void **state)
{
	struct lapic *l = rig_one();
	struct lapic_event last;

	(void)state;
	rig_trace(l);
	illegal_register(l);
	assert_mistake(l, "ACC-3");
	assert_int_equal(told(l, LAPIC_EVENT_ERROR, &last), 1);
	assert_int_equal(last.value, ESR_REGISTER);
	illegal_sent(l);
	assert_mistake(l, "ERR-2");
	assert_int_equal(told(l, LAPIC_EVENT_ERROR, &last), 2);
	assert_int_equal(last.value, ESR_SEND_VECTOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_gather_latch_clear),
		rig_test(test_x2apic),
		rig_test(test_an_error_fires_once_until_esr_is_written),
		rig_test(test_every_cause_fires),
		rig_test(test_masked_nothing_fires),
		rig_test(test_an_illegal_vector_in_lvt_error_does_not_recurse),
		rig_test(test_an_esr_write_takes_in_what_was_posted),
		rig_test(test_the_error_meets_the_entry_of_its_time),
		rig_test(test_bits_of_old_buses),
		rig_test(test_events_tell_the_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
