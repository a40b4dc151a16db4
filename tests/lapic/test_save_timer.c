// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timers through save and restore: what is left of a count, deadlines, and the clocks of another
 * host. Not the rest of the state: test_save.c.
 */
#include "tests/lapic/moving.h"
#include "tests/lapic/rig.h"

/* Rules: SAVE-1, TMR-2 */
static void test_remaining_count(void **state)
{
	(void)state;
	for (unsigned periodic = 0; periodic < 2; periodic++) {
		struct rig *r = rig_running(1);
		struct lapic *l = r->l[0], *copy;
		struct lapic_deadline next;

		put(l, APIC_DCR, DIVIDE_4);
		put(l, APIC_LVT_TIMER, (periodic ? PERIODIC : 0) | 0x40);
		put(l, APIC_TMICT, 1000000);
		rig_sleep(r, 1234567); /* within a count */
		copy = moved(l);
		assert_int_equal(get(copy, APIC_TMICT), 1000000);
		assert_int_equal(get(copy, APIC_TMCCT), 1000000 - 1234567 / 4);
		next = lapic_next_deadline(copy);
		assert_int_equal(next.clock, LAPIC_CLOCK_NS);
		assert_true(next.at - rig_of(copy)->ns == 4000000 - 1234567);
		rig_sleep(rig_of(copy), 4000000 - 1234567 - 1);
		assert_nothing(copy);
		rig_sleep(rig_of(copy), 1);
		assert_serves(copy, 0x40);
		next = lapic_next_deadline(copy);
		if (periodic)
			assert_true(next.at - rig_of(copy)->ns == 4000000);
		else
			assert_int_equal(next.clock, LAPIC_CLOCK_NONE);
	}
}

/* Rules: SAVE-1, TMR-2, TMR-10 */
static void test_masked_and_expired_counts(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0], *copy;

	(void)state;
	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, MASKED | 0x40);
	put(l, APIC_TMICT, 1000);
	rig_sleep(r, 400);
	copy = moved(l);
	assert_int_equal(get(copy, APIC_TMCCT), 600);
	assert_int_equal(lapic_next_deadline(copy).clock, LAPIC_CLOCK_NONE);
	rig_sleep(r, 600);
	copy = moved(l);
	assert_int_equal(get(copy, APIC_TMCCT), 0);
	put(copy, APIC_LVT_TIMER, 0x40);
	rig_sleep(rig_of(copy), 100000);
	assert_nothing(copy);
	/* Due but unreported: it belongs to the state. */
	put(l, APIC_LVT_TIMER, 0x40);
	put(l, APIC_TMICT, 1000);
	r->ns += 1000;
	copy = moved(l);
	assert_serves(copy, 0x40);
	assert_int_equal(get(copy, APIC_TMCCT), 0);
}

/* Rules: SAVE-1, TMR-9 */
static void test_a_stretched_period(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0], *copy;

	(void)state;
	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, PERIODIC | 0x40);
	put(l, APIC_TMICT, 1000);
	rig_sleep(r, 1000);
	assert_serves(l, 0x40);
	r->ns += 50300;
	copy = moved(l);
	assert_int_equal(get(copy, APIC_TMCCT), 700);
	rig_of(copy)->ns += 5400;
	assert_int_equal(get(copy, APIC_TMCCT), 300);
}

/* Rules: SAVE-1, SAVE-2, TMR-11 */
static void test_deadline_in_any_order_with_the_tsc(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 3; order++) {
		struct rig *r = rig_running(1), *other = rig_running(1);
		struct lapic *l = r->l[0], *copy = other->l[0];
		struct saved s;

		put(l, APIC_LVT_TIMER, DEADLINE | 0x40);
		set_msr(l, MSR_DEADLINE, r->tsc + 5000);
		s = save_of(l, -1);
		/* The new host's TSC may be far past the deadline, or far before. */
		other->tsc = order == 1 ? 0 : r->tsc + 1000000000;
		if (order == 2) {
			other->tsc = r->tsc;
			lapic_tsc_changed(copy);
			restore_to(copy, &s);
		} else {
			restore_to(copy, &s);
			assert_nothing(copy);
			other->tsc = r->tsc;
			lapic_tsc_changed(copy);
		}
		assert_nothing(copy);
		assert_true(msr(copy, MSR_DEADLINE) == r->tsc + 5000);
		assert_true(rig_cpu_of(copy)->deadline.at == r->tsc + 5000);
		assert_int_equal(rig_cpu_of(copy)->deadline.clock, LAPIC_CLOCK_TSC);
		other->tsc = r->tsc + 4999;
		lapic_tick(copy);
		assert_nothing(copy);
		other->tsc++;
		lapic_tick(copy);
		assert_serves(copy, 0x40);
	}
}

/* Rules: SAVE-2 */
static void test_nothing_fires_inside_a_restore(void **state)
{
	struct rig *r = rig_running(1), *other = rig_running(1);
	struct saved s;

	(void)state;
	put(r->l[0], APIC_LVT_TIMER, DEADLINE | 0x40);
	set_msr(r->l[0], MSR_DEADLINE, r->tsc + 5000);
	s = save_of(r->l[0], -1);
	other->tsc = UINT64_MAX;
	restore_to(other->l[0], &s);
	assert_nothing(other->l[0]);
	assert_int_equal(lapic_next_deadline(other->l[0]).clock, LAPIC_CLOCK_TSC);
	lapic_tick(other->l[0]);
	assert_serves(other->l[0], 0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_remaining_count),
		rig_test(test_masked_and_expired_counts),
		rig_test(test_a_stretched_period),
		rig_test(test_deadline_in_any_order_with_the_tsc),
		rig_test(test_nothing_fires_inside_a_restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
