// SPDX-License-Identifier: BSD-2-Clause
/*
 * The counting timer against a second, slower model of the SDM's text, over random programmes.
 * Not a test of single rules: what fails here deserves one in test_timer.c.
 */
#include "tests/lapic/rig.h"

#define VECTOR 0x40u

/* A down-counter, stepped. Times are multiples of 128 ns, so that every count is whole. */
struct model {
	bool running, periodic, masked;
	uint32_t initial;
	unsigned divide;
	uint64_t left; /* ns to zero */
	bool due;      /* an interrupt since the last look */
};

static uint64_t seed;

static uint32_t random_below(uint32_t bound)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((seed >> 33) % bound);
}

static void zero_reached(struct model *m)
{
	if (!m->masked)
		m->due = true;
	if (m->periodic)
		m->left = (uint64_t)m->initial * m->divide;
	else
		m->running = false;
}

static void model_pass(struct model *m, uint64_t ns)
{
	while (m->running && ns >= m->left) {
		ns -= m->left;
		m->left = 0;
		zero_reached(m);
	}
	if (m->running)
		m->left -= ns;
}

static uint32_t model_count(const struct model *m)
{
	return m->running ? (uint32_t)((m->left + m->divide - 1) / m->divide) : 0;
}

static void write_count(struct lapic *l, struct model *m)
{
	m->initial = random_below(8) ? random_below(1000) : 0;
	m->running = m->initial != 0;
	m->left = (uint64_t)m->initial * m->divide;
	put(l, APIC_TMICT, m->initial);
}

static void write_divide(struct lapic *l, struct model *m)
{
	static const uint8_t encoded[] = {0xB, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xA};
	unsigned power = random_below(8);

	m->left = m->left / m->divide << power;
	m->divide = 1u << power;
	put(l, APIC_DCR, encoded[power]);
}

static void write_lvt(struct lapic *l, struct model *m)
{
	m->periodic = random_below(2);
	m->masked = random_below(4) == 0;
	put(l, APIC_LVT_TIMER, (m->periodic ? PERIODIC : 0) | (m->masked ? MASKED : 0) | VECTOR);
}

static void no_floor(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->timer_floor_ns = 0;
}

static void compare(struct lapic *l, struct model *m)
{
	struct lapic_deadline next;

	lapic_tick(l);
	assert_int_equal(get(l, APIC_TMCCT), model_count(m));
	assert_int_equal(get(l, APIC_TMICT), m->initial);
	assert_int_equal(drain(l), m->due);
	m->due = false;
	next = lapic_next_deadline(l);
	if (!m->running || m->masked) {
		assert_int_equal(next.clock, LAPIC_CLOCK_NONE);
	} else {
		assert_int_equal(next.clock, LAPIC_CLOCK_NS);
		assert_true(next.at - rig_of(l)->ns == m->left);
	}
}

/* Rules: TMR-1, TMR-2, TMR-3, TMR-5, TMR-10 */
static void test_random_programmes(void **state)
{
	(void)state;
	for (unsigned programme = 0; programme < 200; programme++) {
		struct lapic *l = rig_tuned(1, no_floor)->l[0];
		struct model m = {.divide = 2};

		seed = programme;
		write_lvt(l, &m);
		for (unsigned step = 0; step < 500; step++) {
			uint64_t ns = 128ull * random_below(random_below(4) ? 20 : 5000);
			unsigned what = random_below(8);

			rig_of(l)->ns += ns;
			model_pass(&m, ns);
			/* The write itself must find what has fallen due. */
			if (what == 0)
				write_count(l, &m);
			else if (what == 1)
				write_divide(l, &m);
			else if (what == 2)
				write_lvt(l, &m);
			compare(l, &m);
		}
		rig_teardown(NULL);
	}
}

/* Rules: TMR-9, TMR-1 */
static void test_random_programmes_with_a_floor(void **state)
{
	(void)state;
	for (unsigned programme = 0; programme < 200; programme++) {
		struct lapic *l = rig_one();
		struct rig_cpu *cpu = rig_cpu_of(l);
		struct model m = {.divide = 2};

		seed = 1000 + programme;
		for (unsigned step = 0; step < 500; step++) {
			uint64_t ns = 128ull * random_below(3000);
			struct lapic_deadline before = lapic_next_deadline(l), after;
			unsigned changes = cpu->deadline_changes, what = random_below(8);

			rig_of(l)->ns += ns;
			model_pass(&m, ns);
			if (what == 0)
				write_count(l, &m);
			else if (what == 1)
				write_divide(l, &m);
			else if (what == 2)
				write_lvt(l, &m);
			/* The count and what is left of it know no floor. */
			assert_int_equal(get(l, APIC_TMCCT), model_count(&m));
			lapic_tick(l);
			/* At most what the model owes, and not before. */
			assert_true(drain(l) <= (m.due ? 1u : 0u));
			after = lapic_next_deadline(l);
			if (after.clock != before.clock || after.at != before.at) {
				assert_true(cpu->deadline_changes != changes);
				/* The last telling has told the last answer. */
				assert_int_equal(cpu->deadline.clock, after.clock);
				assert_true(cpu->deadline.at == after.at);
			}
			m.due = m.due && after.clock == LAPIC_CLOCK_NS;
		}
		rig_teardown(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_random_programmes),
		rig_test(test_random_programmes_with_a_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
