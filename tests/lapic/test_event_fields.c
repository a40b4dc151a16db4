// SPDX-License-Identifier: BSD-2-Clause
/*
 * What each event says beside its kind; that what is not of it is 0; who is told nothing.
 * Not when events come: test_event.c. Nor what mistakes say: test_mistakes.c.
 */
#include "tests/lapic/rig.h"

#include "tests/lapic/moving.h"

static struct lapic_event only(const struct lapic *l, enum lapic_event_kind kind)
{
	struct lapic_event last;

	assert_int_equal(told(l, kind, &last), 1);
	return last;
}

static void assert_fields(struct lapic_event e, uint8_t vector, enum lapic_delivery mode,
			  bool level, uint64_t value)
{
	assert_int_equal(e.vector, vector);
	assert_int_equal(e.mode, mode);
	assert_int_equal(e.level, level);
	assert_int_equal(e.value, value);
}

/* Rules: LVT-3, LVT-7 */
static void test_local_events(void **state)
{
	static const struct {
		enum lapic_lvt entry;
		enum lapic_source source;
		uint32_t offset;
		enum lapic_delivery mode;
	} cases[] = {
		{LAPIC_LVT_THERMAL, LAPIC_FROM_THERMAL, APIC_LVT_THERMAL, LAPIC_FIXED},
		{LAPIC_LVT_PERF, LAPIC_FROM_PERF, APIC_LVT_PERF, LAPIC_NMI},
		{LAPIC_LVT_CMCI, LAPIC_FROM_CMCI, APIC_LVT_CMCI, LAPIC_SMI},
		{LAPIC_LVT_LINT0, LAPIC_FROM_LINT0, APIC_LVT_LINT0, LAPIC_EXTINT},
		{LAPIC_LVT_LINT1, LAPIC_FROM_LINT1, APIC_LVT_LINT1, LAPIC_INIT},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lapic *l = rig_one();
		struct lapic_event e;

		put(l, cases[i].offset, MODE(cases[i].mode) | 0x45);
		rig_trace(l);
		lapic_raise(l, cases[i].entry);
		lapic_pending(l);
		e = only(l, LAPIC_EVENT_ACCEPTED);
		assert_int_equal(e.source, cases[i].source);
		assert_int_equal(e.sender, 0);
		assert_fields(e, cases[i].mode == LAPIC_FIXED ? 0x45 : 0, cases[i].mode,
			      cases[i].mode == LAPIC_EXTINT, 0);
	}
}

/* Rules: ERR-3, ERR-2 */
static void test_errors(void **state)
{
	struct lapic *l = rig_one();
	struct lapic_event e;

	(void)state;
	put(l, APIC_LVT_ERROR, 0x70);
	rig_trace(l);
	lapic_mmio_read(l, 0x400, 4);
	assert_fields(only(l, LAPIC_EVENT_ERROR), 0x70, LAPIC_FIXED, false, ESR_REGISTER);
	assert_fields(only(l, LAPIC_EVENT_ACCEPTED), 0x70, LAPIC_FIXED, false, 0);
	/* LVT error's own vector is illegal: one more error, told too. */
	put(l, APIC_LVT_ERROR, 0x05);
	latch_esr(l);
	rig_trace(l);
	lapic_mmio_read(l, 0x400, 4);
	assert_int_equal(told(l, LAPIC_EVENT_ERROR, &e), 2);
	assert_fields(e, 0x05, LAPIC_FIXED, false, ESR_RECEIVE_VECTOR);
}

/* Rules: ACP-2, ACP-3, PRI-5 */
static void test_acknowledge_and_eoi(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_trace(l);
	lapic_post(l, LAPIC_FIXED, 0x41, false);
	assert_takes(l, 0x41);
	assert_fields(only(l, LAPIC_EVENT_ACK), 0x41, LAPIC_FIXED, false, 0);
	eoi(l);
	assert_fields(only(l, LAPIC_EVENT_EOI), 0x41, LAPIC_FIXED, false, 0);
	lapic_ack(l);
	assert_fields(only(l, LAPIC_EVENT_SPURIOUS), 0xFF, LAPIC_FIXED, false, 0);
}

/* Rules: MP-1, MP-2, BASE-5 */
static void test_init_sipi_and_mode(void **state)
{
	struct lapic *l = rig_running(2)->l[1];
	uint8_t page;

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x41, false);
	rig_trace(l);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_post(l, LAPIC_SIPI, 0x9A, false);
	lapic_take_init(l);
	assert_fields(only(l, LAPIC_EVENT_INIT), 0, LAPIC_FIXED, false, 0);
	assert_fields(only(l, LAPIC_EVENT_FLUSHED), 0x41, LAPIC_FIXED, false, 0);
	lapic_take_sipi(l, &page);
	assert_fields(only(l, LAPIC_EVENT_SIPI), 0x9A, LAPIC_FIXED, false, 0);
	rig_x2apic(l);
	assert_fields(only(l, LAPIC_EVENT_MODE), 0, LAPIC_FIXED, false, lapic_apic_base(l));
}

/* Rules: TMR-1, TMR-7, SAVE-1 */
static void test_an_armed_timer(void **state)
{
	struct lapic *l = rig_one(), *copy;
	struct lapic_event e;
	struct saved s;

	(void)state;
	put(l, APIC_LVT_TIMER, 0x41);
	rig_trace(l);
	put(l, APIC_TMICT, 1000);
	assert_fields(only(l, LAPIC_EVENT_TIMER_ARM), 0x41, LAPIC_FIXED, false,
		      rig_of(l)->ns + 2000);
	/* A restored one is armed anew, and that is told. */
	s = save_of(l, -1);
	copy = rig_one();
	rig_trace(copy);
	restore_to(copy, &s);
	assert_true(told(copy, LAPIC_EVENT_TIMER_ARM, &e) > 0);
	assert_fields(e, 0x41, LAPIC_FIXED, false, rig_of(copy)->ns + 2000);
}

/* Rules: MP-5 */
static void test_a_kick_does_not_end_the_trace(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_trace(l);
	lapic_away(l);
	lapic_post(l, LAPIC_FIXED, 0x41, false);
	lapic_back(l);
	assert_int_equal(rig_cpu_of(l)->kicks, 1);
	lapic_post(l, LAPIC_FIXED, 0x42, false);
	assert_int_equal(told(l, LAPIC_EVENT_ACCEPTED, NULL), 2);
}

/* Rules: ICR-5, ICR-6, ICR-8, BASE-3 */
static void test_one_that_is_disabled_hears_nothing(void **state)
{
	struct rig *r = rig_running(4);
	struct lapic *l = r->l[3];

	(void)state;
	rig_disable(l);
	rig_trace(l);
	send_ipi(r->l[0], lapic_id(l), 0x40);
	send_ipi(r->l[0], 0x77, 0x40);
	send_ipi(r->l[0], 0xFF, LOGICAL | 0x40);
	/* Two with one ID are looked for among all. */
	put(r->l[1], APIC_ID, 0x05000000);
	put(r->l[2], APIC_ID, 0x05000000);
	send_ipi(r->l[0], 5, 0x41);
	assert_int_equal(rig_cpu_of(l)->events, 0);
	assert_true(in_irr(r->l[1], 0x41));
	assert_true(in_irr(r->l[2], 0x41));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_local_events),
		rig_test(test_errors),
		rig_test(test_acknowledge_and_eoi),
		rig_test(test_init_sipi_and_mode),
		rig_test(test_an_armed_timer),
		rig_test(test_a_kick_does_not_end_the_trace),
		rig_test(test_one_that_is_disabled_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
