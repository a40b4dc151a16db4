// SPDX-License-Identifier: BSD-2-Clause
/*
 * The counting timer: divide, count, one-shot, periodic, masks, to the nanosecond.
 * Not changes of a running timer (test_timer_mode.c), nor hosts that come late (test_timer_late.c).
 */
#include "tests/lapic/rig.h"

#define VECTOR 0x40u

static uint64_t bus_hz;

static void with_bus(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->bus_hz = bus_hz;
}

/* A LAPIC whose timer counts nanoseconds. */
static struct lapic *counting(uint32_t lvt)
{
	struct lapic *l = rig_one();

	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, lvt);
	return l;
}

static void pass(struct lapic *l, uint64_t ns)
{
	rig_sleep(rig_of(l), ns);
}

#define assert_due_in(l, ns_)                                                                      \
 do {                                                                                              \
  struct lapic_deadline next_ = lapic_next_deadline(l);                                            \
  assert_int_equal(next_.clock, LAPIC_CLOCK_NS);                                                   \
  assert_int_equal(next_.at - rig_of(l)->ns, (ns_));                                               \
 } while (0)
#define assert_not_armed(l) assert_int_equal(lapic_next_deadline(l).clock, LAPIC_CLOCK_NONE)

/* Rules: TMR-1, RST-4 */
static void test_divide_values(void **state)
{
	static const unsigned divide[16] = {2, 4, 8, 16, 0, 0, 0, 0, 32, 64, 128, 1, 0, 0, 0, 0};

	(void)state;
	for (unsigned dcr = 0; dcr < 16; dcr++) {
		struct lapic *l = counting(VECTOR);

		if (!divide[dcr])
			continue; /* bit 2 is reserved */
		put(l, APIC_DCR, dcr);
		put(l, APIC_TMICT, 1000);
		assert_int_equal(get(l, APIC_TMCCT), 1000);
		assert_due_in(l, 1000 * divide[dcr]);
		pass(l, 300 * divide[dcr]);
		assert_int_equal(get(l, APIC_TMCCT), 700);
		/* A count lasts `divide` ticks, the last of it as well. */
		if (divide[dcr] > 1)
			pass(l, 1);
		assert_int_equal(get(l, APIC_TMCCT), 700);
		pass(l, 700 * divide[dcr] - 2);
		assert_nothing(l);
		assert_int_equal(get(l, APIC_TMCCT), 1 + (divide[dcr] == 1));
		pass(l, 1 + (divide[dcr] == 1));
		assert_serves(l, VECTOR);
	}
}

/* Rules: TMR-1 */
static void test_bit_2_of_dcr_is_no_part_of_the_value(void **state)
{
	struct lapic *l = counting(VECTOR);

	(void)state;
	put(l, APIC_DCR, 0xF);
	assert_int_equal(get(l, APIC_DCR), 0xB);
	put(l, APIC_TMICT, 10);
	assert_due_in(l, 10);
}

/* Rules: TMR-1 */
static void test_bus_frequencies(void **state)
{
	static const struct {
		uint64_t hz, ns; /* of 3000 counts divided by 1, rounded up */
	} cases[] = {
		{1000, 3000000000}, {24000000, 125000}, {25000000, 120000}, {100000000, 30000},
		{133333333, 22501}, {200000000, 15000}, {1000000000, 3000}, {2500000000, 1200},
		{3333333333, 901},  {10000000000, 300}, {32768, 91552735},  {999999999, 3001},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lapic *l;

		bus_hz = cases[i].hz;
		l = rig_tuned(1, with_bus)->l[0];
		put(l, APIC_DCR, DIVIDE_1);
		put(l, APIC_LVT_TIMER, VECTOR);
		put(l, APIC_TMICT, 3000);
		assert_due_in(l, cases[i].ns);
		pass(l, cases[i].ns - 1);
		assert_nothing(l);
		assert_true(get(l, APIC_TMCCT) >= 1);
		pass(l, 1);
		assert_serves(l, VECTOR);
		assert_int_equal(get(l, APIC_TMCCT), 0);
	}
}

/* Rules: TMR-1, TMR-2 */
static void test_no_drift_in_a_day_of_an_odd_frequency(void **state)
{
	struct lapic *l;
	struct rig *r;

	(void)state;
	bus_hz = 133333333;
	r = rig_tuned(1, with_bus);
	l = r->l[0];
	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, PERIODIC | VECTOR);
	put(l, APIC_TMICT, 133333333); /* a second */
	for (uint64_t second = 1; second <= 86400; second++) {
		uint64_t due = 1000000000 + second * 1000000000;

		assert_true(lapic_next_deadline(l).at == due);
		r->ns = due - 1;
		lapic_tick(l);
		assert_int_equal(lapic_peek(l), -1);
		r->ns = due;
		lapic_tick(l);
		assert_serves(l, VECTOR);
	}
}

/* Rules: TMR-1, TMR-9 */
static void test_the_longest_count(void **state)
{
	struct lapic *l = counting(VECTOR);
	uint64_t whole = 0xFFFFFFFFull * 128;

	(void)state;
	put(l, APIC_DCR, DIVIDE_128);
	put(l, APIC_TMICT, 0xFFFFFFFF);
	assert_int_equal(get(l, APIC_TMCCT), 0xFFFFFFFF);
	assert_due_in(l, whole);
	pass(l, whole / 2 - 64);
	assert_int_equal(get(l, APIC_TMCCT), 0x80000000);
	pass(l, whole / 2 + 63);
	assert_nothing(l);
	assert_int_equal(get(l, APIC_TMCCT), 1);
	pass(l, 1);
	assert_serves(l, VECTOR);
}

/* Rules: TMR-1 */
static void test_at_any_time_of_the_clock(void **state)
{
	static const uint64_t starts[] = {0,          1,          0x7FFFFFFF,         0xFFFFFFFF,
					  1ull << 53, 1ull << 62, (1ull << 63) - 500, 1ull << 63};

	(void)state;
	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct lapic *l = counting(PERIODIC | VECTOR);
		struct rig *r = rig_of(l);

		r->ns = starts[i];
		put(l, APIC_TMICT, 1000000);
		assert_true(lapic_next_deadline(l).at == starts[i] + 1000000);
		pass(l, 999999);
		assert_nothing(l);
		assert_int_equal(get(l, APIC_TMCCT), 1);
		pass(l, 1);
		assert_serves(l, VECTOR);
		assert_int_equal(get(l, APIC_TMCCT), 1000000);
	}
}

/* Rules: TMR-1 */
static void test_slow_and_odd_buses_at_any_time(void **state)
{
	static const uint64_t buses[] = {1000, 1001, 32768, 999999999};
	static const uint64_t starts[] = {0,         1, 123456789, 1ull << 40, (1ull << 56) + 1,
					  1ull << 58};

	(void)state;
	for (unsigned b = 0; b < 4; b++) {
		for (unsigned i = 0; i < 6; i++) {
			struct lapic *l;
			uint64_t due;

			bus_hz = buses[b];
			l = rig_tuned(1, with_bus)->l[0];
			rig_of(l)->ns = starts[i];
			put(l, APIC_DCR, DIVIDE_1);
			put(l, APIC_LVT_TIMER, VECTOR);
			put(l, APIC_TMICT, 50);
			/* The deadline is the first nanosecond at which the count is over. */
			due = lapic_next_deadline(l).at;
			assert_true(due > starts[i]);
			assert_true(due - starts[i] <= 50000000000 / buses[b] + 1);
			assert_true(due - starts[i] > 49000000000 / buses[b] - 1);
			rig_of(l)->ns = due - 1;
			lapic_tick(l);
			assert_nothing(l);
			pass(l, 1);
			assert_serves(l, VECTOR);
		}
	}
}

/* Rules: TMR-1 */
static void test_zero_stops(void **state)
{
	struct lapic *l = counting(VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000);
	pass(l, 300);
	put(l, APIC_TMICT, 0);
	assert_int_equal(get(l, APIC_TMCCT), 0);
	assert_int_equal(get(l, APIC_TMICT), 0);
	assert_not_armed(l);
	pass(l, 10000);
	assert_nothing(l);
}

/* Rules: TMR-1, TMR-10 */
static void test_a_new_count_replaces_the_old(void **state)
{
	struct lapic *l = counting(VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000);
	pass(l, 300);
	put(l, APIC_TMICT, 5000);
	assert_int_equal(get(l, APIC_TMCCT), 5000);
	assert_due_in(l, 5000);
	/* The host's timer of the older programme still goes off: nothing. */
	pass(l, 700);
	assert_nothing(l);
	assert_int_equal(get(l, APIC_TMCCT), 4300);
	pass(l, 4300);
	assert_serves(l, VECTOR);
}

/* Rules: TMR-2 */
static void test_one_shot_stops_at_zero(void **state)
{
	struct lapic *l = counting(VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000);
	pass(l, 1000);
	assert_serves(l, VECTOR);
	assert_int_equal(get(l, APIC_TMCCT), 0);
	assert_int_equal(get(l, APIC_TMICT), 1000);
	assert_not_armed(l);
	pass(l, 100000000);
	assert_nothing(l);
	assert_int_equal(get(l, APIC_TMCCT), 0);
}

/* Rules: TMR-2 */
static void test_periodic_reloads_and_keeps_phase(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);
	struct rig *r = rig_of(l);
	uint64_t start = r->ns;

	(void)state;
	put(l, APIC_TMICT, 1000000);
	for (unsigned i = 1; i < 1000; i++) {
		assert_true(lapic_next_deadline(l).at == start + i * 1000000ull);
		r->ns = start + i * 1000000ull + i % 7 * 1000; /* each look a little late */
		lapic_tick(l);
		assert_serves(l, VECTOR);
		assert_nothing(l);
		assert_int_equal(get(l, APIC_TMCCT), 1000000 - i % 7 * 1000);
	}
}

/* Rules: TMR-2 */
static void test_masked_it_counts_and_owes_nothing(void **state)
{
	struct lapic *l = counting(MASKED | VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000);
	assert_not_armed(l); /* nobody need wake for it */
	pass(l, 400);
	assert_int_equal(get(l, APIC_TMCCT), 600);
	pass(l, 600);
	assert_int_equal(get(l, APIC_TMCCT), 0);
	put(l, APIC_LVT_TIMER, VECTOR);
	assert_nothing(l);
	/* Unmasked with no look in between, the same. */
	put(l, APIC_LVT_TIMER, MASKED | VECTOR);
	put(l, APIC_TMICT, 1000);
	rig_of(l)->ns += 5000;
	put(l, APIC_LVT_TIMER, VECTOR);
	assert_nothing(l);
	pass(l, 5000);
	assert_nothing(l);
}

/* Rules: TMR-2 */
static void test_unmasked_while_counting(void **state)
{
	struct lapic *l = counting(MASKED | VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000);
	pass(l, 999);
	rig_cpu_of(l)->deadline_changes = 0;
	put(l, APIC_LVT_TIMER, VECTOR);
	assert_true(rig_cpu_of(l)->deadline_changes > 0);
	assert_due_in(l, 1);
	pass(l, 1);
	assert_serves(l, VECTOR);
	/* Periodic: the phase goes on through the mask. */
	put(l, APIC_LVT_TIMER, PERIODIC | MASKED | VECTOR);
	put(l, APIC_TMICT, 1000000);
	rig_of(l)->ns += 5500000;
	assert_int_equal(get(l, APIC_TMCCT), 500000);
	put(l, APIC_LVT_TIMER, PERIODIC | VECTOR);
	assert_nothing(l);
	assert_due_in(l, 500000);
	pass(l, 500000);
	assert_serves(l, VECTOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_divide_values),
		rig_test(test_bit_2_of_dcr_is_no_part_of_the_value),
		rig_test(test_bus_frequencies),
		rig_test(test_no_drift_in_a_day_of_an_odd_frequency),
		rig_test(test_the_longest_count),
		rig_test(test_at_any_time_of_the_clock),
		rig_test(test_slow_and_odd_buses_at_any_time),
		rig_test(test_zero_stops),
		rig_test(test_a_new_count_replaces_the_old),
		rig_test(test_one_shot_stops_at_zero),
		rig_test(test_periodic_reloads_and_keeps_phase),
		rig_test(test_masked_it_counts_and_owes_nothing),
		rig_test(test_unmasked_while_counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
