// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hosts that come late, guests that want too much, and writes that find an expiry unreported.
 * Not what a timer does when everybody is on time: test_timer.c.
 */
#include "tests/lapic/rig.h"

#define VECTOR 0x40u

static uint64_t floor_ns, bus_hz;

static void with_floor(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->timer_floor_ns = floor_ns;
	config->bus_hz = bus_hz;
}

static struct lapic *counting_with(uint64_t floor, uint64_t hz, uint32_t lvt)
{
	struct lapic *l;

	floor_ns = floor;
	bus_hz = hz;
	l = rig_tuned(1, with_floor)->l[0];
	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, lvt);
	return l;
}

/* The profile's floor, a count a nanosecond. */
static struct lapic *counting(uint32_t lvt)
{
	struct lapic *l = rig_one();

	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, lvt);
	return l;
}

static uint64_t next_ns(struct lapic *l)
{
	struct lapic_deadline next = lapic_next_deadline(l);

	assert_int_equal(next.clock, LAPIC_CLOCK_NS);
	return next.at;
}

/* Rules: TMR-8, TMR-2 */
static void test_ten_seconds_late_is_one_interrupt(void **state)
{
	static const uint64_t late[] = {10000000000, 9999999999, 10000000001, 10000400000};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct lapic *l = counting(PERIODIC | VECTOR);
		uint64_t start = rig_of(l)->ns;

		put(l, APIC_TMICT, 1000000);
		rig_sleep(rig_of(l), late[i]);
		assert_serves(l, VECTOR);
		lapic_tick(l);
		assert_nothing(l);
		/* The original phase, and the next of it. */
		assert_int_equal((next_ns(l) - start) % 1000000, 0);
		assert_true(next_ns(l) > rig_of(l)->ns);
		assert_true(next_ns(l) - rig_of(l)->ns <= 1000000);
		assert_int_equal(get(l, APIC_TMCCT), next_ns(l) - rig_of(l)->ns);
	}
}

/* Rules: TMR-8 */
static void test_late_and_masked_owes_nothing(void **state)
{
	struct lapic *l = counting(PERIODIC | MASKED | VECTOR);
	uint64_t start = rig_of(l)->ns;

	(void)state;
	put(l, APIC_TMICT, 1000000);
	rig_of(l)->ns += 10000300000;
	put(l, APIC_LVT_TIMER, PERIODIC | VECTOR);
	assert_nothing(l);
	assert_true(next_ns(l) == start + 10001000000);
}

/* Rules: TMR-9 */
static void test_short_periods_are_stretched(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);
	struct rig *r = rig_of(l);
	uint64_t last;
	unsigned fired = 0;

	(void)state;
	put(l, APIC_TMICT, 1000);
	rig_sleep(r, 1000);
	assert_serves(l, VECTOR);
	last = r->ns;
	for (unsigned i = 0; i < 1000; i++) {
		r->ns = next_ns(l);
		lapic_tick(l);
		assert_serves(l, VECTOR);
		assert_true(r->ns - last >= 200000);
		assert_true(r->ns - last < 201000);
		last = r->ns;
		fired++;
	}
	assert_int_equal(fired, 1000);
}

/* Rules: TMR-9 */
static void test_the_shortest_period_of_the_fastest_bus(void **state)
{
	struct lapic *l = counting_with(200000, 10000000000, PERIODIC | VECTOR);
	struct rig *r = rig_of(l);
	uint64_t end = r->ns + 1000000000;
	unsigned looks = 0, fired = 0;

	(void)state;
	put(l, APIC_TMICT, 1);
	while (r->ns < end) {
		r->ns = next_ns(l);
		lapic_tick(l);
		fired += drain(l);
		assert_true(get(l, APIC_TMCCT) <= 1);
		assert_true(++looks < 6000);
	}
	assert_true(fired >= 4999 && fired <= 5002);
}

/* Rules: TMR-9 */
static void test_the_floor_is_configured(void **state)
{
	static const struct {
		uint64_t floor;
		uint32_t period;
		uint64_t expected; /* from one interrupt to the next */
	} cases[] = {
		{0, 1000, 1000},
		{0, 1, 1},
		{500, 1000, 1000},
		{1000, 1000, 1000},
		{1001, 1000, 2000},
		{200000, 199999, 399998},
		{200000, 200000, 200000},
		{200000, 200001, 200001},
		{1000000, 300000, 1200000},
		{1000000000, 7, 1000000001},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lapic *l = counting_with(cases[i].floor, 1000000000, PERIODIC | VECTOR);
		struct rig *r = rig_of(l);

		put(l, APIC_TMICT, cases[i].period);
		rig_sleep(r, cases[i].period);
		assert_serves(l, VECTOR);
		for (unsigned round = 0; round < 3; round++) {
			assert_true(next_ns(l) == r->ns + cases[i].expected);
			r->ns = next_ns(l);
			lapic_tick(l);
			assert_serves(l, VECTOR);
		}
	}
}

/* Rules: TMR-9 */
static void test_stretched_the_count_stays_on_its_true_period(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);
	struct rig *r = rig_of(l);
	uint64_t start = r->ns;

	(void)state;
	put(l, APIC_TMICT, 1000);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t phase;

		r->ns += 777;
		if (i % 3 == 0)
			lapic_tick(l);
		phase = (r->ns - start) % 1000;
		assert_int_equal(get(l, APIC_TMCCT), 1000 - phase);
		drain(l);
	}
}

/* Rules: TMR-9, TMR-8 */
static void test_stretched_and_late(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);
	struct rig *r = rig_of(l);
	uint64_t start = r->ns;

	(void)state;
	put(l, APIC_TMICT, 150000);
	rig_sleep(r, 10000000007);
	assert_serves(l, VECTOR);
	assert_nothing(l);
	assert_int_equal((next_ns(l) - start) % 150000, 0);
	assert_true(next_ns(l) - r->ns >= 200000);
	assert_true(next_ns(l) - r->ns < 350000);
}

/* Rules: TMR-9, TMR-3 */
static void test_stretched_then_one_shot(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);
	struct rig *r = rig_of(l);

	(void)state;
	put(l, APIC_TMICT, 1000);
	rig_sleep(r, 1000);
	assert_serves(l, VECTOR);
	r->ns += 50400;
	put(l, APIC_LVT_TIMER, VECTOR);
	assert_int_equal(get(l, APIC_TMCCT), 600);
	assert_true(next_ns(l) == r->ns + 600);
	rig_sleep(r, 600);
	assert_serves(l, VECTOR);
	assert_int_equal(get(l, APIC_TMCCT), 0);
	assert_int_equal(lapic_next_deadline(l).clock, LAPIC_CLOCK_NONE);
}

/* Rules: TMR-9, TMR-5 */
static void test_stretched_then_divided(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);
	struct rig *r = rig_of(l);

	(void)state;
	put(l, APIC_TMICT, 1000);
	rig_sleep(r, 1000);
	assert_serves(l, VECTOR);
	r->ns += 50400;
	put(l, APIC_DCR, DIVIDE_128);
	assert_int_equal(get(l, APIC_TMCCT), 600);
	rig_sleep(r, 600 * 128 - 1);
	assert_int_equal(get(l, APIC_TMCCT), 1);
	rig_sleep(r, 1);
	assert_int_equal(get(l, APIC_TMCCT), 1000);
	put(l, APIC_DCR, DIVIDE_1);
	assert_int_equal(get(l, APIC_TMCCT), 1000);
}

/* Rules: TMR-9 */
static void test_a_guest_that_starts_timers_all_the_time(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);
	struct rig *r = rig_of(l);

	(void)state;
	/* Each write costs it an exit, and brings one interrupt at most. */
	for (unsigned i = 0; i < 1000; i++) {
		put(l, APIC_TMICT, 1);
		r->ns += 5000;
		lapic_tick(l);
		assert_int_equal(drain(l), 1);
		lapic_tick(l);
		assert_nothing(l);
	}
}

/* Rules: TMR-9 */
static void test_no_state_divides_by_zero(void **state)
{
	static const uint32_t modes[] = {0, PERIODIC, DEADLINE, DEADLINE | PERIODIC};

	(void)state;
	for (unsigned a = 0; a < 4; a++) {
		for (unsigned b = 0; b < 4; b++) {
			for (uint32_t dcr = 0; dcr < 16; dcr++) {
				struct lapic *l = counting(modes[a] | VECTOR);

				put(l, APIC_TMICT, 1);
				rig_of(l)->ns += a * b;
				put(l, APIC_DCR, dcr);
				assert_true(get(l, APIC_TMCCT) <= get(l, APIC_TMICT));
				put(l, APIC_LVT_TIMER, modes[b] | VECTOR);
				assert_true(get(l, APIC_TMCCT) <= get(l, APIC_TMICT));
				put(l, APIC_TMICT, 0);
				assert_int_equal(get(l, APIC_TMCCT), 0);
				put(l, APIC_TMICT, 0xFFFFFFFF);
				rig_of(l)->ns += 1ull << 61;
				assert_true(get(l, APIC_TMCCT) <= get(l, APIC_TMICT));
				lapic_next_deadline(l);
			}
			rig_teardown(NULL);
		}
	}
}

/* Rules: TMR-10 */
static void test_a_write_settles_what_was_due_before_it(void **state)
{
	(void)state;
	for (unsigned periodic = 0; periodic < 2; periodic++) {
		for (unsigned write = 0; write < 10; write++) {
			struct lapic *l = counting((periodic ? PERIODIC : 0) | VECTOR);

			put(l, APIC_TMICT, 1000000);
			rig_of(l)->ns += 1000000;
			switch (write) {
			case 0: put(l, APIC_TMICT, 0); break;
			case 1: put(l, APIC_TMICT, 5000000); break;
			case 2: put(l, APIC_DCR, DIVIDE_16); break;
			case 3: put(l, APIC_DCR, DIVIDE_1); break;
			case 4: put(l, APIC_LVT_TIMER, MASKED | VECTOR); break;
			case 5: put(l, APIC_LVT_TIMER, 0x99); break;
			case 6: put(l, APIC_LVT_TIMER, PERIODIC | 0x99); break;
			case 7: put(l, APIC_LVT_TIMER, DEADLINE | 0x99); break;
			case 8: put(l, APIC_SVR, 0xFF); break;
			default: rig_x2apic(l); break;
			}
			assert_serves(l, VECTOR);
			assert_nothing(l);
			if (write == 1) {
				assert_int_equal(get(l, APIC_TMCCT), 5000000);
				assert_true(next_ns(l) == rig_of(l)->ns + 5000000);
			}
			if (write == 0 || write == 7)
				assert_int_equal(get(l, APIC_TMCCT), 0);
			if (write == 2 || write == 3 || write == 6)
				assert_int_equal(get(l, APIC_TMCCT), periodic ? 1000000 : 0);
		}
		rig_teardown(NULL);
	}
}

/* Rules: TMR-10 */
static void test_a_read_settles_too(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000000);
	rig_of(l)->ns += 1400000;
	rig_cpu_of(l)->deadline_changes = 0;
	assert_int_equal(get(l, APIC_TMCCT), 600000);
	assert_true(rig_cpu_of(l)->deadline_changes > 0);
	assert_serves(l, VECTOR);
	assert_nothing(l);
}

/* Rules: TMR-10 */
static void test_early_late_and_stale_ticks_are_harmless(void **state)
{
	struct lapic *l = counting(VECTOR);

	(void)state;
	lapic_tick(l);
	lapic_tick(l);
	assert_nothing(l);
	put(l, APIC_TMICT, 1000);
	lapic_tick(l);
	assert_nothing(l);
	rig_sleep(rig_of(l), 1000);
	lapic_tick(l);
	lapic_tick(l);
	assert_serves(l, VECTOR);
	lapic_tick(l);
	assert_nothing(l);
	rig_disable(l);
	lapic_tick(l);
	assert_nothing(l);
}

/* Rules: TMR-10 */
static void test_the_old_programme_is_over(void **state)
{
	struct lapic *l = counting(VECTOR);
	struct rig *r = rig_of(l);

	(void)state;
	put(l, APIC_TMICT, 1000);
	r->ns += 500;
	put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
	set_msr(l, MSR_DEADLINE, r->tsc + 100000);
	rig_sleep(r, 500);
	assert_nothing(l);
	put(l, APIC_LVT_TIMER, VECTOR);
	put(l, APIC_TMICT, 50000);
	r->tsc += 100000;
	lapic_tick(l);
	assert_nothing(l);
	rig_sleep(r, 50000);
	assert_serves(l, VECTOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_ten_seconds_late_is_one_interrupt),
		rig_test(test_late_and_masked_owes_nothing),
		rig_test(test_short_periods_are_stretched),
		rig_test(test_the_shortest_period_of_the_fastest_bus),
		rig_test(test_the_floor_is_configured),
		rig_test(test_stretched_the_count_stays_on_its_true_period),
		rig_test(test_stretched_and_late),
		rig_test(test_stretched_then_one_shot),
		rig_test(test_stretched_then_divided),
		rig_test(test_a_guest_that_starts_timers_all_the_time),
		rig_test(test_no_state_divides_by_zero),
		rig_test(test_a_write_settles_what_was_due_before_it),
		rig_test(test_a_read_settles_too),
		rig_test(test_early_late_and_stale_ticks_are_harmless),
		rig_test(test_the_old_programme_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
