// SPDX-License-Identifier: BSD-2-Clause
/*
 * Changes while the timer counts: mode, divide, and what the host hears of them.
 * Not the count itself: test_timer.c.
 */
#include "tests/lapic/rig.h"

#define VECTOR 0x40u

#define assert_due_in(l, ns_)                                                                      \
 do {                                                                                              \
  struct lapic_deadline next_ = lapic_next_deadline(l);                                            \
  assert_int_equal(next_.clock, LAPIC_CLOCK_NS);                                                   \
  assert_int_equal(next_.at - rig_of(l)->ns, (ns_));                                               \
 } while (0)
#define assert_not_armed(l) assert_int_equal(lapic_next_deadline(l).clock, LAPIC_CLOCK_NONE)

static void no_deadline(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->tsc_deadline = false;
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

/* Rules: TMR-3 */
static void test_one_shot_to_periodic_while_counting(void **state)
{
	struct lapic *l = counting(VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000000);
	pass(l, 400000);
	put(l, APIC_LVT_TIMER, PERIODIC | VECTOR);
	assert_int_equal(get(l, APIC_TMCCT), 600000);
	assert_int_equal(get(l, APIC_TMICT), 1000000);
	assert_due_in(l, 600000);
	pass(l, 600000);
	assert_serves(l, VECTOR);
	assert_due_in(l, 1000000);
	pass(l, 1000000);
	assert_serves(l, VECTOR);
}

/* Rules: TMR-3 */
static void test_periodic_to_one_shot_while_counting(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000000);
	pass(l, 1400000);
	assert_serves(l, VECTOR);
	put(l, APIC_LVT_TIMER, VECTOR);
	assert_int_equal(get(l, APIC_TMCCT), 600000);
	assert_due_in(l, 600000);
	pass(l, 600000);
	assert_serves(l, VECTOR);
	assert_not_armed(l);
	assert_int_equal(get(l, APIC_TMCCT), 0);
}

/* Rules: TMR-3 */
static void test_the_mode_counts_when_zero_is_reached(void **state)
{
	struct lapic *l = counting(PERIODIC | VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000000);
	pass(l, 100000);
	for (unsigned i = 0; i < 5; i++) {
		put(l, APIC_LVT_TIMER, VECTOR);
		put(l, APIC_LVT_TIMER, PERIODIC | VECTOR);
	}
	put(l, APIC_LVT_TIMER, VECTOR);
	assert_int_equal(get(l, APIC_TMCCT), 900000);
	pass(l, 900000);
	assert_serves(l, VECTOR);
	/* Expired as one-shot: periodic does not restart it. */
	put(l, APIC_LVT_TIMER, PERIODIC | VECTOR);
	assert_int_equal(get(l, APIC_TMCCT), 0);
	assert_not_armed(l);
	pass(l, 10000000);
	assert_nothing(l);
	assert_int_equal(get(l, APIC_TMICT), 1000000);
	put(l, APIC_TMICT, 1000000);
	pass(l, 2000000);
	assert_serves(l, VECTOR);
	assert_due_in(l, 1000000);
}

/* Rules: TMR-4, TMR-7 */
static void test_changes_of_family_disarm(void **state)
{
	static const uint32_t modes[] = {0, PERIODIC, DEADLINE, DEADLINE | PERIODIC};

	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		for (unsigned from = 0; from < 4; from++) {
			for (unsigned to = 0; to < 4; to++) {
				struct lapic *l = counting(modes[from] | VECTOR);
				struct rig *r = rig_of(l);
				bool kept = from == to || (from < 2 && to < 2);

				if (x2apic)
					rig_x2apic(l);
				put(l, APIC_TMICT, 1000);
				set_msr(l, MSR_DEADLINE, r->tsc + 1000);
				r->cpu[0].deadline_changes = 0;
				put(l, APIC_LVT_TIMER, modes[to] | VECTOR);
				assert_int_equal(get(l, APIC_LVT_TIMER), modes[to] | VECTOR);
				if (kept) {
					assert_int_equal(get(l, APIC_TMICT), from < 2 ? 1000 : 0);
					assert_int_equal(get(l, APIC_TMCCT), from < 2 ? 1000 : 0);
					assert_true(msr(l, MSR_DEADLINE) ==
						    (from == 2 ? r->tsc + 1000 : 0));
					continue;
				}
				assert_int_equal(get(l, APIC_TMICT), 0);
				assert_int_equal(get(l, APIC_TMCCT), 0);
				assert_true(msr(l, MSR_DEADLINE) == 0);
				assert_not_armed(l);
				assert_true(r->cpu[0].deadline_changes > 0 || from == 3);
				r->tsc += 1000000;
				pass(l, 1000000);
				assert_nothing(l);
				put(l, APIC_LVT_TIMER, modes[from] | VECTOR);
				pass(l, 1000000);
				assert_nothing(l);
				assert_true(msr(l, MSR_DEADLINE) == 0);
			}
			rig_teardown(NULL);
		}
	}
}

/* Rules: TMR-4 */
static void test_an_expired_count_is_forgotten_too(void **state)
{
	struct lapic *l = counting(VECTOR);

	(void)state;
	put(l, APIC_TMICT, 1000);
	pass(l, 1000);
	assert_serves(l, VECTOR);
	put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
	assert_int_equal(get(l, APIC_TMICT), 0);
}

/* Rules: TMR-5 */
static void test_dcr_while_counting(void **state)
{
	(void)state;
	for (unsigned periodic = 0; periodic < 2; periodic++) {
		struct lapic *l = counting((periodic ? PERIODIC : 0) | VECTOR);

		put(l, APIC_TMICT, 1000000);
		pass(l, 400000);
		put(l, APIC_DCR, DIVIDE_4);
		assert_int_equal(get(l, APIC_TMCCT), 600000);
		assert_due_in(l, 2400000);
		pass(l, 400000);
		assert_int_equal(get(l, APIC_TMCCT), 500000);
		put(l, APIC_DCR, DIVIDE_2);
		assert_int_equal(get(l, APIC_TMCCT), 500000);
		assert_due_in(l, 1000000);
		put(l, APIC_DCR, DIVIDE_1);
		assert_due_in(l, 500000);
		put(l, APIC_DCR, DIVIDE_128);
		assert_due_in(l, 64000000);
		assert_int_equal(get(l, APIC_TMCCT), 500000);
		pass(l, 64000000);
		assert_serves(l, VECTOR);
		if (periodic)
			assert_due_in(l, 128000000);
		else
			assert_not_armed(l);
	}
}

/* Rules: TMR-5 */
static void test_dcr_within_a_count_goes_on_from_its_value(void **state)
{
	static const uint32_t values[] = {DIVIDE_1, DIVIDE_2, DIVIDE_4, DIVIDE_16, DIVIDE_128};
	struct lapic *l = counting(VECTOR);

	(void)state;
	put(l, APIC_TMICT, 0xFFFFFF);
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t before;

		pass(l, 37 * i % 1001);
		before = get(l, APIC_TMCCT);
		put(l, APIC_DCR, values[i % 5]);
		assert_int_equal(get(l, APIC_TMCCT), before);
	}
	assert_true(get(l, APIC_TMCCT) > 0xF00000);
}

/* Rules: TMR-5 */
static void test_dcr_of_the_same_rate_changes_nothing(void **state)
{
	struct lapic *l = counting(VECTOR);

	(void)state;
	put(l, APIC_DCR, DIVIDE_16);
	put(l, APIC_TMICT, 1000);
	pass(l, 123);
	put(l, APIC_DCR, DIVIDE_16);
	assert_due_in(l, 16000 - 123);
}

/* Rules: TMR-7 */
static void test_mode_11b_counts_nothing(void **state)
{
	struct lapic *l = counting(DEADLINE | PERIODIC | VECTOR);

	(void)state;
	assert_int_equal(get(l, APIC_LVT_TIMER), DEADLINE | PERIODIC | VECTOR);
	rig_trace(l);
	put(l, APIC_TMICT, 1000);
	assert_int_equal(get(l, APIC_TMICT), 0);
	assert_int_equal(get(l, APIC_TMCCT), 0);
	set_msr(l, MSR_DEADLINE, 1);
	assert_true(msr(l, MSR_DEADLINE) == 0);
	assert_not_armed(l);
	pass(l, 100000);
	assert_nothing(l);
}

/* Rules: TMR-7 */
static void test_bit_18_without_tsc_deadline(void **state)
{
	struct lapic *l = rig_tuned(1, no_deadline)->l[0];

	(void)state;
	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, DEADLINE | VECTOR);
	assert_int_equal(get(l, APIC_LVT_TIMER), VECTOR);
	put(l, APIC_TMICT, 1000000);
	assert_due_in(l, 1000000);
	put(l, APIC_LVT_TIMER, DEADLINE | PERIODIC | VECTOR);
	assert_int_equal(get(l, APIC_LVT_TIMER), PERIODIC | VECTOR);
	assert_due_in(l, 1000000);
}

/* Rules: TMR-1 */
static void test_host_hears_of_every_new_deadline(void **state)
{
	struct lapic *l = counting(VECTOR);
	struct rig_cpu *cpu = rig_cpu_of(l);

	(void)state;
	cpu->deadline_changes = 0;
	put(l, APIC_TMICT, 1000);
	assert_int_equal(cpu->deadline_changes, 1);
	get(l, APIC_TMCCT);
	lapic_tick(l);
	assert_int_equal(cpu->deadline_changes, 1);
	put(l, APIC_DCR, DIVIDE_2);
	assert_int_equal(cpu->deadline_changes, 2);
	put(l, APIC_LVT_TIMER, MASKED | VECTOR);
	assert_int_equal(cpu->deadline_changes, 3);
	put(l, APIC_LVT_TIMER, VECTOR);
	assert_int_equal(cpu->deadline_changes, 4);
	put(l, APIC_SVR, 0xFF);
	assert_int_equal(cpu->deadline_changes, 5);
	assert_not_armed(l);
	put(l, APIC_SVR, 0x1FF);
	put(l, APIC_LVT_TIMER, VECTOR);
	pass(l, 2000);
	assert_not_armed(l);
	assert_true(cpu->deadline_changes > 5);
	assert_serves(l, VECTOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_one_shot_to_periodic_while_counting),
		rig_test(test_periodic_to_one_shot_while_counting),
		rig_test(test_the_mode_counts_when_zero_is_reached),
		rig_test(test_changes_of_family_disarm),
		rig_test(test_an_expired_count_is_forgotten_too),
		rig_test(test_dcr_while_counting),
		rig_test(test_dcr_within_a_count_goes_on_from_its_value),
		rig_test(test_dcr_of_the_same_rate_changes_nothing),
		rig_test(test_mode_11b_counts_nothing),
		rig_test(test_bit_18_without_tsc_deadline),
		rig_test(test_host_hears_of_every_new_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
