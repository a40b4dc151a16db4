// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sending by ICR and SELF IPI: what is legal, what is sent, what reads back, which error it is.
 * Not who receives: test_dest.c, test_lowest.c.
 */
#include "tests/lapic/rig.h"

static void no_lowest(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->lowest_priority = false;
}

static void no_init_to_self(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->init_to_self = false;
}

/* Takes away whatever is pending and says what it was. */
static uint32_t take_all(struct lapic *l)
{
	uint32_t pending = lapic_pending(l);
	uint8_t page;

	while (lapic_take_nmi(l) || lapic_take_smi(l) || lapic_take_extint(l))
		;
	if (lapic_take_init(l) == LAPIC_INIT_WAIT_FOR_SIPI) {
		lapic_post(l, LAPIC_SIPI, 8, false);
		lapic_take_sipi(l, &page);
	}
	lapic_take_sipi(l, &page);
	drain(l);
	put(l, APIC_SVR, 0x1FF);
	return pending;
}

/* Rules: ICR-1 */
static void test_low_dword_sends_high_is_kept(void **state)
{
	struct rig *r = rig_running(4);
	struct lapic *l = r->l[0];

	(void)state;
	put(l, APIC_ICR_HIGH, 0x02FFFFFF);
	assert_int_equal(get(l, APIC_ICR_HIGH), 0x02000000);
	assert_int_equal(who_got(r, 0x40), 0);
	put(l, APIC_ICR, 0x40);
	assert_int_equal(who_got(r, 0x40), 1 << 2);
	/* Each write of the low dword is one, to what the high one still holds. */
	put(l, APIC_ICR, 0x40);
	put(l, APIC_ICR, 0x41);
	assert_int_equal(lapic_peek(r->l[2]), 0x41);
	assert_serves(r->l[2], 0x41);
	assert_int_equal(who_got(r, 0x40), 1 << 2);
	put(l, APIC_ICR_HIGH, 0x03000000);
	assert_int_equal(who_got(r, 0x41), 0);
	assert_int_equal(get(l, APIC_ICR), 0x41);
	put(l, APIC_ICR, 0x41);
	assert_int_equal(who_got(r, 0x41), 1 << 3);
}

/* Rules: ICR-1, MSR-5 */
static void test_one_write_sends_in_x2apic(void **state)
{
	struct rig *r = rig_running(4);

	(void)state;
	rig_x2apic_all(r);
	set_msr(r->l[0], 0x830, 0x200000040);
	assert_int_equal(who_got(r, 0x40), 1 << 2);
	assert_true(msr(r->l[0], 0x830) == 0x200000040);
	set_msr(r->l[0], 0x830, 0x40);
	assert_int_equal(who_got(r, 0x40), 1 << 0);
	assert_true(msr(r->l[0], 0x830) == 0x40);
}

/* Rules: ICR-2, ICR-3 */
static void test_modes_to_one_other(void **state)
{
	static const uint32_t brings[8] = {
		LAPIC_PENDING_INTR,
		LAPIC_PENDING_INTR,
		LAPIC_PENDING_SMI,
		0,
		LAPIC_PENDING_NMI,
		LAPIC_PENDING_INIT,
		0,
		0,
	};

	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		struct rig *r = rig_running(3);

		if (x2apic)
			rig_x2apic_all(r);
		for (unsigned mode = 0; mode < 8; mode++) {
			for (unsigned level = 0; level < 4; level++) {
				uint32_t icr = MODE(mode) | 0x40 | (level & 1 ? LEVEL : 0) |
					       (level & 2 ? ASSERT : 0);
				bool deassert = mode == LAPIC_INIT && level == 1;

				/* LAPIC 1 runs: a SIPI is dropped there. */
				send_ipi(r->l[0], 1, icr);
				assert_int_equal(get(r->l[0], APIC_ICR), icr);
				assert_false(in_tmr(r->l[1], 0x40));
				assert_int_equal(take_all(r->l[1]), deassert ? 0 : brings[mode]);
				assert_nothing(r->l[0]);
				assert_nothing(r->l[2]);
			}
		}
		assert_int_equal(latch_esr(r->l[0]), 0);
		assert_int_equal(latch_esr(r->l[1]), 0);
		assert_int_equal(r->cpu[1].eois, 0);
	}
}

/* Rules: ICR-2, ERR-4 */
static void test_modes_that_ignore_the_vector(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	for (unsigned vector = 0; vector < 16; vector += 5) {
		send_ipi(r->l[0], 1, MODE(LAPIC_SMI) | vector);
		assert_int_equal(take_all(r->l[1]), LAPIC_PENDING_SMI);
		send_ipi(r->l[0], 1, MODE(LAPIC_NMI) | vector);
		assert_int_equal(take_all(r->l[1]), LAPIC_PENDING_NMI);
		send_ipi(r->l[0], 1, MODE(LAPIC_INIT) | vector);
		assert_int_equal(lapic_take_init(r->l[1]), LAPIC_INIT_WAIT_FOR_SIPI);
		send_ipi(r->l[0], 1, MODE(LAPIC_SIPI) | vector);
		assert_int_equal(take_all(r->l[1]), LAPIC_PENDING_SIPI);
		send_ipi(r->l[0], 1, MODE(3) | vector);
		send_ipi(r->l[0], 1, MODE(7) | vector);
		assert_nothing(r->l[1]);
	}
	assert_int_equal(latch_esr(r->l[0]), 0);
	assert_int_equal(latch_esr(r->l[1]), 0);
}

/* What each shorthand may carry to self; -> true where it arrives. */
static bool self_takes(unsigned mode, bool init_to_self)
{
	return mode == LAPIC_FIXED || (mode == LAPIC_INIT && init_to_self);
}

/* Rules: ICR-3, ICR-2 */
static void test_self_and_all_take_fixed_alone(void **state)
{
	(void)state;
	for (unsigned config = 0; config < 2; config++) {
		for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
			for (unsigned mode = 0; mode < 8; mode++) {
				for (unsigned all = 0; all < 2; all++) {
					struct rig *r =
						rig_tuned(2, config ? no_init_to_self : NULL);
					uint32_t icr = MODE(mode) | 0x40 | (all ? TO_ALL : TO_SELF);
					bool sent = self_takes(mode, !config);

					if (x2apic)
						rig_x2apic_all(r);
					rig_trace(r->l[0]);
					send_ipi(r->l[0], 1, icr);
					assert_int_equal(lapic_pending(r->l[0]) != 0, sent);
					assert_int_equal(lapic_pending(r->l[1]) != 0, sent && all);
					assert_int_equal(get(r->l[0], APIC_ICR), icr);
					if (!sent)
						assert_mistake(r->l[0], mode == 3 || mode == 7
										? "ICR-2"
										: "ICR-3");
					if (mode != LAPIC_INIT)
						assert_int_equal(latch_esr(r->l[0]), 0);
				}
			}
			rig_teardown(NULL);
		}
	}
}

/* Rules: ICR-3, MP-6 */
static void test_init_to_self_resets(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	send_ipi(r->l[1], 0, MODE(LAPIC_INIT) | ASSERT | TO_SELF);
	assert_int_equal(lapic_take_init(r->l[1]), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_nothing(r->l[0]);
	send_ipi(r->l[0], 0, MODE(LAPIC_INIT) | ASSERT | TO_ALL);
	assert_int_equal(lapic_take_init(r->l[0]), LAPIC_INIT_RUN);
	assert_int_equal(lapic_take_init(r->l[1]), LAPIC_INIT_WAIT_FOR_SIPI);
	send_ipi(r->l[0], 0, MODE(LAPIC_INIT) | LEVEL | TO_SELF);
	assert_nothing(r->l[0]);
}

/* Rules: ICR-2, ICR-3, ICR-9 */
static void test_all_but_self_takes_every_mode(void **state)
{
	static const uint32_t brings[8] = {
		LAPIC_PENDING_INTR,
		0,
		LAPIC_PENDING_SMI,
		0,
		LAPIC_PENDING_NMI,
		LAPIC_PENDING_INIT,
		0,
		0,
	};

	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		struct rig *r = rig_running(4);

		if (x2apic)
			rig_x2apic_all(r);
		for (unsigned mode = 0; mode < 8; mode++) {
			if (mode == LAPIC_LOWEST)
				continue; /* to one of them: test_lowest.c */
			send_ipi(r->l[1], 0, MODE(mode) | ASSERT | TO_OTHERS | 0x40);
			assert_nothing(r->l[1]);
			assert_int_equal(take_all(r->l[0]), brings[mode]);
			assert_int_equal(take_all(r->l[2]), brings[mode]);
			assert_int_equal(take_all(r->l[3]), brings[mode]);
		}
	}
}

/* Rules: ICR-2, MP-1 */
static void test_sipi_to_all_others(void **state)
{
	struct rig *r = rig_build(&(struct rig_plan){.count = 4});
	uint8_t page;

	(void)state;
	put(r->l[0], APIC_ICR, MODE(LAPIC_SIPI) | TO_OTHERS | 0x9A);
	assert_nothing(r->l[0]);
	for (unsigned i = 1; i < 4; i++) {
		assert_true(lapic_take_sipi(r->l[i], &page));
		assert_int_equal(page, 0x9A);
	}
}

/* Rules: ICR-4 */
static void test_init_level_deassert(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	for (unsigned shorthand = 0; shorthand < 4; shorthand++) {
		send_ipi(r->l[0], 1, MODE(LAPIC_INIT) | LEVEL | shorthand << 18);
		assert_nothing(r->l[0]);
		assert_nothing(r->l[1]);
	}
	/* Edge with level bit 0 is an INIT, and so are both with the bit set. */
	send_ipi(r->l[0], 1, MODE(LAPIC_INIT));
	assert_int_equal(lapic_take_init(r->l[1]), LAPIC_INIT_WAIT_FOR_SIPI);
	send_ipi(r->l[0], 1, MODE(LAPIC_INIT) | ASSERT);
	assert_int_equal(lapic_take_init(r->l[1]), LAPIC_INIT_WAIT_FOR_SIPI);
	send_ipi(r->l[0], 1, MODE(LAPIC_INIT) | ASSERT | LEVEL);
	assert_int_equal(lapic_take_init(r->l[1]), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_int_equal(latch_esr(r->l[0]), 0);
}

/* Rules: ERR-2, PRI-3 */
static void test_illegal_vectors_are_not_sent(void **state)
{
	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		for (unsigned vector = 0; vector < 18; vector++) {
			for (unsigned mode = 0; mode < 2; mode++) {
				for (unsigned shorthand = 0; shorthand < 4; shorthand++) {
					struct rig *r = rig_running(2);
					uint32_t icr = MODE(mode) | shorthand << 18 | vector;
					uint32_t expected = ESR_SEND_VECTOR;

					if (shorthand == 1)
						expected |= ESR_RECEIVE_VECTOR;
					if (mode && (shorthand == 1 || shorthand == 2))
						expected = 0; /* ICR-3: not even looked at */
					if (x2apic)
						rig_x2apic_all(r);
					send_ipi(r->l[0], 1, icr);
					assert_int_equal(get(r->l[0], APIC_ICR), icr);
					if (vector < 16) {
						assert_nothing(r->l[0]);
						assert_nothing(r->l[1]);
						assert_int_equal(latch_esr(r->l[0]), expected);
					} else {
						assert_int_equal(latch_esr(r->l[0]), 0);
					}
					assert_int_equal(latch_esr(r->l[1]), 0);
				}
			}
			rig_teardown(NULL);
		}
	}
}

/* Rules: ERR-2, ICR-9 */
static void test_lowest_priority_where_unsupported(void **state)
{
	struct rig *r = rig_tuned(2, no_lowest);

	(void)state;
	send_ipi(r->l[0], 1, MODE(LAPIC_LOWEST) | 0x40);
	assert_nothing(r->l[1]);
	assert_int_equal(latch_esr(r->l[0]), ESR_REDIRECTABLE);
	/* That bit alone, whatever the vector. */
	send_ipi(r->l[0], 1, MODE(LAPIC_LOWEST) | 0x04);
	assert_int_equal(latch_esr(r->l[0]), ESR_REDIRECTABLE);
	send_ipi(r->l[0], 1, MODE(LAPIC_LOWEST) | LOGICAL | 0x40);
	send_ipi(r->l[0], 1, MODE(LAPIC_LOWEST) | TO_OTHERS | 0x40);
	assert_nothing(r->l[1]);
	assert_int_equal(latch_esr(r->l[0]), ESR_REDIRECTABLE);

	r = rig_running(2);
	send_ipi(r->l[0], 1, MODE(LAPIC_LOWEST) | 0x40);
	assert_serves(r->l[1], 0x40);
	assert_int_equal(latch_esr(r->l[0]), 0);
}

/* Rules: ICR-10 */
static void test_delivery_status_is_idle(void **state)
{
	struct rig *r = rig_running(2);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		send_ipi(r->l[0], 1, 0x1000 | 0x40);
		assert_int_equal(get(r->l[0], APIC_ICR), 0x40);
	}
}

/* Rules: ICR-11, ERR-2, MSR-2 */
static void test_self_ipi_register(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];
	struct lapic_event last;

	(void)state;
	rig_x2apic(l);
	rig_trace(l);
	for (unsigned vector = 0; vector < 256; vector++) {
		set_msr(l, 0x83F, vector);
		assert_nothing(r->l[0]);
		if (vector < 16) {
			assert_nothing(l);
			assert_int_equal(latch_esr(l), ESR_SEND_VECTOR | ESR_RECEIVE_VECTOR);
			assert_mistake(l, "ERR-2");
		} else {
			assert_false(in_tmr(l, vector));
			assert_serves(l, vector);
		}
	}
	assert_int_equal(latch_esr(l), 0);
	assert_true(told(l, LAPIC_EVENT_SENT, &last) > 0);
	/* The ICR is another register. */
	assert_true(msr(l, 0x830) == 0);
	set_msr(l, APIC_SVR / 16 + 0x800, 0xFF);
	set_msr(l, 0x83F, 0x40);
	assert_nothing(l);
}

/* Rules: ICR-1, ICR-8 */
static void test_senders_are_named(void **state)
{
	struct rig *r = rig_running(3);
	struct lapic_event last;

	(void)state;
	put(r->l[2], APIC_ID, 0x77000000);
	rig_trace(r->l[1]);
	rig_trace(r->l[2]);
	send_ipi(r->l[2], 1, 0x40);
	assert_int_equal(told(r->l[2], LAPIC_EVENT_SENT, &last), 1);
	assert_true(last.value == 0x100000040);
	assert_int_equal(last.vector, 0x40);
	assert_int_equal(told(r->l[1], LAPIC_EVENT_ACCEPTED, &last), 1);
	assert_int_equal(last.source, LAPIC_FROM_IPI);
	assert_int_equal(last.sender, 0x77);
	send_ipi(r->l[2], 1, MODE(LAPIC_NMI));
	assert_int_equal(told(r->l[1], LAPIC_EVENT_ACCEPTED, &last), 2);
	assert_int_equal(last.mode, LAPIC_NMI);
	assert_int_equal(last.sender, 0x77);
	assert_int_equal(told(r->l[2], LAPIC_EVENT_SENT, &last), 2);
	assert_int_equal(last.mode, LAPIC_NMI);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_low_dword_sends_high_is_kept),
		rig_test(test_one_write_sends_in_x2apic),
		rig_test(test_modes_to_one_other),
		rig_test(test_modes_that_ignore_the_vector),
		rig_test(test_self_and_all_take_fixed_alone),
		rig_test(test_init_to_self_resets),
		rig_test(test_all_but_self_takes_every_mode),
		rig_test(test_sipi_to_all_others),
		rig_test(test_init_level_deassert),
		rig_test(test_illegal_vectors_are_not_sent),
		rig_test(test_lowest_priority_where_unsupported),
		rig_test(test_delivery_status_is_idle),
		rig_test(test_self_ipi_register),
		rig_test(test_senders_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
