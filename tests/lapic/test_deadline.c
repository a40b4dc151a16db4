// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TSC-deadline mode: IA32_TSC_DEADLINE, 64 bits of it, and a TSC that the guest moves.
 * Not the counting modes (test_timer.c) nor hiding the feature (test_msr.c).
 */
#include "tests/lapic/rig.h"

#define VECTOR 0x40u

static void slow_bus(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->bus_hz = 1000;
}

static struct lapic *armed_for(uint64_t deadline)
{
	struct lapic *l = rig_one();

	put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
	set_msr(l, MSR_DEADLINE, deadline);
	return l;
}

static void at_tsc(struct lapic *l, uint64_t tsc)
{
	rig_of(l)->tsc = tsc;
	lapic_tick(l);
}

static void assert_waits_for(struct lapic *l, uint64_t deadline)
{
	struct lapic_deadline next = lapic_next_deadline(l);

	assert_int_equal(next.clock, LAPIC_CLOCK_TSC);
	assert_true(next.at == deadline);
}

#define assert_not_armed(l) assert_int_equal(lapic_next_deadline(l).clock, LAPIC_CLOCK_NONE)

/* Rules: TMR-6, TMR-11 */
static void test_fires_at_its_tick_and_not_before(void **state)
{
	struct lapic *l = armed_for(8000000);

	(void)state;
	assert_waits_for(l, 8000000);
	assert_true(msr(l, MSR_DEADLINE) == 8000000);
	at_tsc(l, 7999999);
	assert_nothing(l);
	assert_true(msr(l, MSR_DEADLINE) == 8000000);
	at_tsc(l, 8000000);
	assert_serves(l, VECTOR);
	assert_true(msr(l, MSR_DEADLINE) == 0);
	assert_not_armed(l);
	at_tsc(l, 9000000);
	assert_nothing(l);
}

/* Rules: TMR-6, TMR-11 */
static void test_every_64_bit_deadline(void **state)
{
	static const uint64_t deadlines[] = {
		1,
		2,
		0x7FFFFFFF,
		0x80000000,
		0xFFFFFFFF,
		1ull << 32,
		(1ull << 53) + 1,
		(1ull << 63) - 1,
		1ull << 63,
		(1ull << 63) + 1,
		UINT64_MAX - 1,
		UINT64_MAX,
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		uint64_t deadline = deadlines[i];
		struct lapic *l = rig_one();

		rig_of(l)->tsc = 0;
		put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
		set_msr(l, MSR_DEADLINE, deadline);
		assert_nothing(l);
		assert_waits_for(l, deadline);
		assert_true(msr(l, MSR_DEADLINE) == deadline);
		at_tsc(l, deadline / 2);
		assert_int_equal(lapic_peek(l), deadline / 2 == deadline ? (int)VECTOR : -1);
		at_tsc(l, deadline - 1);
		assert_nothing(l);
		at_tsc(l, deadline);
		assert_serves(l, VECTOR);
		assert_true(msr(l, MSR_DEADLINE) == 0);
	}
}

/* Rules: TMR-6, TMR-11 */
static void test_a_past_deadline_fires_inside_the_write(void **state)
{
	static const uint64_t now[] = {1, 5000, 1ull << 31, 1ull << 32, 1ull << 63, UINT64_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(now) / sizeof(now[0]); i++) {
		struct lapic *l = rig_one();

		rig_of(l)->tsc = now[i];
		put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
		set_msr(l, MSR_DEADLINE, 1);
		assert_serves(l, VECTOR);
		assert_true(msr(l, MSR_DEADLINE) == 0);
		assert_not_armed(l);
		set_msr(l, MSR_DEADLINE, now[i]);
		assert_serves(l, VECTOR);
		if (now[i] != UINT64_MAX) {
			set_msr(l, MSR_DEADLINE, now[i] + 1);
			assert_nothing(l);
		}
	}
}

/* Rules: TMR-6 */
static void test_zero_disarms(void **state)
{
	struct lapic *l = armed_for(8000000);

	(void)state;
	rig_cpu_of(l)->deadline_changes = 0;
	set_msr(l, MSR_DEADLINE, 0);
	assert_int_equal(rig_cpu_of(l)->deadline_changes, 1);
	assert_true(msr(l, MSR_DEADLINE) == 0);
	assert_not_armed(l);
	at_tsc(l, 9000000);
	assert_nothing(l);
	set_msr(l, MSR_DEADLINE, 0);
	assert_nothing(l);
}

/* Rules: TMR-6, TMR-10 */
static void test_a_new_deadline_replaces_the_old(void **state)
{
	struct lapic *l = armed_for(8000000);

	(void)state;
	set_msr(l, MSR_DEADLINE, 9000000);
	assert_waits_for(l, 9000000);
	at_tsc(l, 8500000);
	assert_nothing(l);
	set_msr(l, MSR_DEADLINE, 8600000);
	at_tsc(l, 8600000);
	assert_serves(l, VECTOR);
	at_tsc(l, 9000000);
	assert_nothing(l);
}

/* Rules: TMR-6 */
static void test_counts_read_zero_and_ignore_writes(void **state)
{
	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		struct lapic *l = armed_for(8000000);

		if (x2apic)
			rig_x2apic(l);
		put(l, APIC_TMICT, 1000);
		assert_int_equal(get(l, APIC_TMICT), 0);
		assert_int_equal(get(l, APIC_TMCCT), 0);
		rig_sleep(rig_of(l), 1000000);
		assert_nothing(l);
		assert_waits_for(l, 8000000);
		put(l, APIC_DCR, DIVIDE_1);
		assert_waits_for(l, 8000000);
	}
}

/* Rules: TMR-6 */
static void test_the_msr_in_other_modes(void **state)
{
	static const uint32_t modes[] = {0, PERIODIC, DEADLINE | PERIODIC};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct lapic *l = rig_one();

		rig_trace(l);
		put(l, APIC_LVT_TIMER, modes[i] | VECTOR);
		put(l, APIC_TMICT, 1000);
		set_msr(l, MSR_DEADLINE, 1);
		assert_mistake(l, "TMR-6");
		assert_true(msr(l, MSR_DEADLINE) == 0);
		assert_nothing(l);
		assert_int_equal(get(l, APIC_TMCCT), i < 2 ? 1000 : 0);
		/* Nor is it remembered. */
		put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
		assert_true(msr(l, MSR_DEADLINE) == 0);
		assert_nothing(l);
	}
}

/* Rules: TMR-6, TMR-2 */
static void test_masked(void **state)
{
	struct lapic *l = armed_for(8000000);

	(void)state;
	put(l, APIC_LVT_TIMER, MASKED | DEADLINE | VECTOR);
	assert_true(msr(l, MSR_DEADLINE) == 8000000);
	assert_not_armed(l);
	put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
	assert_waits_for(l, 8000000);
	put(l, APIC_LVT_TIMER, MASKED | DEADLINE | VECTOR);
	/* It runs out unseen: read as 0, and no old interrupt at the unmasking. */
	rig_of(l)->tsc = 8000000;
	assert_true(msr(l, MSR_DEADLINE) == 0);
	put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
	assert_nothing(l);
	put(l, APIC_LVT_TIMER, MASKED | DEADLINE | VECTOR);
	set_msr(l, MSR_DEADLINE, 1);
	assert_true(msr(l, MSR_DEADLINE) == 0);
	put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
	assert_nothing(l);
}

/* Rules: TMR-11 */
static void test_a_guest_that_moves_its_tsc(void **state)
{
	struct lapic *l = armed_for(8000000);

	(void)state;
	rig_cpu_of(l)->deadline_changes = 0;
	rig_of(l)->tsc = 100; /* backwards: longer to wait */
	lapic_tsc_changed(l);
	assert_int_equal(rig_cpu_of(l)->deadline_changes, 1);
	assert_waits_for(l, 8000000);
	assert_nothing(l);
	at_tsc(l, 7999999);
	assert_nothing(l);
	rig_of(l)->tsc = 50000000; /* past it: at once */
	lapic_tsc_changed(l);
	assert_serves(l, VECTOR);
	assert_not_armed(l);
	/* Nothing armed, nothing to tell. */
	rig_cpu_of(l)->deadline_changes = 0;
	lapic_tsc_changed(l);
	assert_int_equal(rig_cpu_of(l)->deadline_changes, 0);
	put(l, APIC_LVT_TIMER, VECTOR);
	put(l, APIC_TMICT, 1000);
	rig_cpu_of(l)->deadline_changes = 0;
	lapic_tsc_changed(l);
	assert_int_equal(rig_cpu_of(l)->deadline_changes, 0);
}

/* Rules: TMR-10 */
static void test_what_was_due_is_settled_by_the_next_write(void **state)
{
	struct lapic *l;

	(void)state;
	for (unsigned write = 0; write < 6; write++) {
		l = armed_for(8000000);
		rig_of(l)->tsc = 8000000;
		switch (write) {
		case 0: set_msr(l, MSR_DEADLINE, 0); break;
		case 1: set_msr(l, MSR_DEADLINE, 9000000); break;
		case 2: put(l, APIC_LVT_TIMER, MASKED | DEADLINE | VECTOR); break;
		case 3: put(l, APIC_LVT_TIMER, DEADLINE | 0x99); break;
		case 4: put(l, APIC_LVT_TIMER, PERIODIC | 0x99); break;
		default: put(l, APIC_SVR, 0xFF); break;
		}
		assert_serves(l, VECTOR);
		assert_nothing(l);
		if (write == 1)
			assert_waits_for(l, 9000000);
		else
			assert_true(msr(l, MSR_DEADLINE) == 0);
	}
}

/* Rules: TMR-6 */
static void test_reading_the_msr_settles(void **state)
{
	struct lapic *l = armed_for(8000000);

	(void)state;
	rig_of(l)->tsc = 8000001;
	rig_cpu_of(l)->deadline_changes = 0;
	assert_true(msr(l, MSR_DEADLINE) == 0);
	assert_int_equal(rig_cpu_of(l)->deadline_changes, 1);
	assert_serves(l, VECTOR);
}

/* Rules: TMR-11, TMR-9 */
static void test_events_name_the_deadline_whatever_the_bus(void **state)
{
	struct lapic *l = rig_tuned(1, slow_bus)->l[0];
	struct lapic_event last;

	(void)state;
	rig_trace(l);
	put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
	set_msr(l, MSR_DEADLINE, UINT64_MAX);
	assert_true(told(l, LAPIC_EVENT_TIMER_ARM, &last) > 0);
	assert_true(last.value == UINT64_MAX);
	at_tsc(l, UINT64_MAX);
	assert_int_equal(told(l, LAPIC_EVENT_TIMER_DUE, &last), 1);
	assert_true(last.value == UINT64_MAX);
	assert_int_equal(last.vector, VECTOR);
	assert_serves(l, VECTOR);
	/* And of a count, the nanosecond. */
	put(l, APIC_LVT_TIMER, VECTOR);
	put(l, APIC_TMICT, 2);
	assert_true(told(l, LAPIC_EVENT_TIMER_ARM, &last) > 0);
	assert_true(last.value == rig_of(l)->ns + 4000000);
	rig_sleep(rig_of(l), 5000000);
	assert_int_equal(told(l, LAPIC_EVENT_TIMER_DUE, &last), 2);
	assert_true(last.value == rig_of(l)->ns - 1000000);
	put(l, APIC_TMICT, 2);
	put(l, APIC_TMICT, 0);
	told(l, LAPIC_EVENT_TIMER_ARM, &last);
	assert_true(last.value == 0);
}

/* Rules: TMR-6, RST-3 */
static void test_software_disabled_it_keeps_the_deadline_but_masks(void **state)
{
	struct lapic *l = armed_for(8000000);

	(void)state;
	put(l, APIC_SVR, 0xFF);
	assert_not_armed(l);
	assert_true(msr(l, MSR_DEADLINE) == 8000000);
	put(l, APIC_SVR, 0x1FF);
	put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
	assert_waits_for(l, 8000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_fires_at_its_tick_and_not_before),
		rig_test(test_every_64_bit_deadline),
		rig_test(test_a_past_deadline_fires_inside_the_write),
		rig_test(test_zero_disarms),
		rig_test(test_a_new_deadline_replaces_the_old),
		rig_test(test_counts_read_zero_and_ignore_writes),
		rig_test(test_the_msr_in_other_modes),
		rig_test(test_masked),
		rig_test(test_a_guest_that_moves_its_tsc),
		rig_test(test_what_was_due_is_settled_by_the_next_write),
		rig_test(test_reading_the_msr_settles),
		rig_test(test_events_name_the_deadline_whatever_the_bus),
		rig_test(test_software_disabled_it_keeps_the_deadline_but_masks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
