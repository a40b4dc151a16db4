// SPDX-License-Identifier: BSD-2-Clause
/*
 * The seven entries of the local vector table: modes, masks, vectors, events that the host raises.
 * Not the electrical side of LINT0 and LINT1 (test_lint.c), nor the timer (test_timer.c).
 */
#include "tests/lapic/rig.h"

static const uint16_t offset_of[] = {
	[LAPIC_LVT_CMCI] = APIC_LVT_CMCI,       [LAPIC_LVT_TIMER] = APIC_LVT_TIMER,
	[LAPIC_LVT_THERMAL] = APIC_LVT_THERMAL, [LAPIC_LVT_PERF] = APIC_LVT_PERF,
	[LAPIC_LVT_LINT0] = APIC_LVT_LINT0,     [LAPIC_LVT_LINT1] = APIC_LVT_LINT1,
	[LAPIC_LVT_ERROR] = APIC_LVT_ERROR,
};
#define ENTRIES 7u

static void perf_stays(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->perf_masks = false;
}

static void no_cmci(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->cmci = false;
}

static void write_checks(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->lvt_write_checks = true;
}

static bool is_lint(enum lapic_lvt entry)
{
	return entry == LAPIC_LVT_LINT0 || entry == LAPIC_LVT_LINT1;
}

/* What mode `mode` of an entry brings, as bits of lapic_pending(); INIT and ExtINT of LINTs alone.
 */
static uint32_t delivers(enum lapic_lvt entry, unsigned mode)
{
	switch (mode) {
	case LAPIC_FIXED: return LAPIC_PENDING_INTR;
	case LAPIC_SMI: return LAPIC_PENDING_SMI;
	case LAPIC_NMI: return LAPIC_PENDING_NMI;
	case LAPIC_INIT: return is_lint(entry) ? LAPIC_PENDING_INIT : 0;
	case LAPIC_EXTINT: return is_lint(entry) ? LAPIC_PENDING_EXTINT : 0;
	default: return 0;
	}
}

/* Rules: LVT-3 */
static void test_every_entry_in_every_mode(void **state)
{
	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++) {
			for (unsigned mode = 0; mode < 8; mode++) {
				struct lapic *l = rig_one();
				bool fixed_only =
					entry == LAPIC_LVT_TIMER || entry == LAPIC_LVT_ERROR;

				if (x2apic)
					rig_x2apic(l);
				if (fixed_only && x2apic && mode)
					continue; /* the bits are reserved */
				put(l, offset_of[entry], MODE(mode) | 0x77);
				lapic_raise(l, entry);
				assert_int_equal(lapic_pending(l),
						 delivers(entry, fixed_only ? 0 : mode));
				if (fixed_only || mode == LAPIC_FIXED)
					assert_serves(l, 0x77);
				assert_false(in_tmr(l, 0x77));
				assert_int_equal(latch_esr(l), 0);
			}
		}
		rig_teardown(NULL);
	}
}

/* Rules: LVT-3 */
static void test_nmi_smi_and_init_ignore_vector_and_trigger(void **state)
{
	static const unsigned modes[] = {LAPIC_NMI, LAPIC_SMI, LAPIC_INIT};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (enum lapic_lvt entry = LAPIC_LVT_LINT0; entry <= LAPIC_LVT_LINT1; entry++) {
			struct lapic *l = rig_one();

			put(l, offset_of[entry], MODE(modes[i]) | LEVEL | 0x05);
			lapic_raise(l, entry);
			assert_int_equal(lapic_pending(l), delivers(entry, modes[i]));
			assert_int_equal(get(l, offset_of[entry]) & REMOTE_IRR, 0);
			assert_int_equal(latch_esr(l), 0);
		}
	}
}

/* Rules: LVT-3, RST-3 */
static void test_masked_nothing_is_delivered(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++) {
		put(l, offset_of[entry], MASKED | 0x70);
		lapic_raise(l, entry);
		assert_nothing(l);
		/* Nor later: what happened while masked is lost. */
		put(l, offset_of[entry], 0x70);
		assert_nothing(l);
		lapic_raise(l, entry);
		assert_serves(l, 0x70);
		eoi(l);
		assert_nothing(l);
	}
}

/* Rules: LVT-3, PRI-3, ERR-2 */
static void test_illegal_vectors_of_every_entry(void **state)
{
	(void)state;
	for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++) {
		for (unsigned vector = 0; vector < 17; vector++) {
			struct lapic *l = rig_one();

			put(l, offset_of[entry], vector);
			assert_int_equal(latch_esr(l), 0); /* writing it is no error */
			lapic_raise(l, entry);
			if (vector == 16) {
				assert_serves(l, 16);
			} else {
				assert_nothing(l);
				assert_int_equal(get(l, APIC_IRR), 0);
			}
			assert_int_equal(latch_esr(l), vector < 16 ? ESR_RECEIVE_VECTOR : 0);
		}
		rig_teardown(NULL);
	}
}

/* Rules: ERR-5 */
static void test_checked_writes_of_illegal_vectors(void **state)
{
	(void)state;
	for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++) {
		for (unsigned checks = 0; checks < 2; checks++) {
			for (unsigned mask = 0; mask < 2; mask++) {
				struct lapic *l = rig_tuned(1, checks ? write_checks : NULL)->l[0];
				uint32_t masked = mask ? MASKED : 0, seen = ESR_RECEIVE_VECTOR;

				rig_trace(l);
				put(l, offset_of[entry], masked | 0x0F);
				assert_int_equal(latch_esr(l), checks ? seen : 0);
				if (checks)
					assert_mistake(l, "ERR-5");
				put(l, offset_of[entry], masked | 0x10);
				assert_int_equal(latch_esr(l), 0);
				/* What has no vector has no illegal one. */
				if (entry != LAPIC_LVT_TIMER && entry != LAPIC_LVT_ERROR) {
					put(l, offset_of[entry], masked | MODE(LAPIC_NMI));
					assert_int_equal(latch_esr(l), 0);
				}
				assert_nothing(l);
			}
		}
	}
}

/* Rules: LVT-1 */
static void test_absent_cmci_is_never_raised(void **state)
{
	struct lapic *l = rig_tuned(1, no_cmci)->l[0];

	(void)state;
	put(l, APIC_LVT_CMCI, 0x70);
	lapic_raise(l, LAPIC_LVT_CMCI);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), ESR_REGISTER); /* the write, not the event */
	assert_int_equal(get(l, APIC_VERSION) >> 16 & 0xFF, 5);
}

/* Rules: LVT-2 */
static void test_status_bits_are_read_only(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++) {
		put(l, offset_of[entry], MASKED | 0x5000 | 0x70);
		assert_int_equal(get(l, offset_of[entry]), MASKED | 0x70);
	}
	/* Remote IRR, once set, is not cleared by a write either. */
	put(l, APIC_LVT_LINT0, LEVEL | 0x70);
	lapic_set_lint(l, 0, true);
	lapic_pending(l);
	assert_int_equal(get(l, APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 0x70);
	put(l, APIC_LVT_LINT0, LEVEL | 0x70);
	assert_int_equal(get(l, APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 0x70);
}

/* Rules: LVT-5 */
static void test_performance_delivery_masks_its_entry(void **state)
{
	static const unsigned modes[] = {LAPIC_FIXED, LAPIC_NMI, LAPIC_SMI};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct lapic *l = rig_one();

		put(l, APIC_LVT_PERF, MODE(modes[i]) | 0x70);
		lapic_raise(l, LAPIC_LVT_PERF);
		assert_int_equal(lapic_pending(l), delivers(LAPIC_LVT_PERF, modes[i]));
		assert_int_equal(get(l, APIC_LVT_PERF), MASKED | MODE(modes[i]) | 0x70);

		l = rig_tuned(1, perf_stays)->l[0];
		put(l, APIC_LVT_PERF, MODE(modes[i]) | 0x70);
		lapic_raise(l, LAPIC_LVT_PERF);
		assert_int_equal(lapic_pending(l), delivers(LAPIC_LVT_PERF, modes[i]));
		assert_int_equal(get(l, APIC_LVT_PERF), MODE(modes[i]) | 0x70);
	}
}

/* Rules: LVT-5 */
static void test_only_performance_masks_itself(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++) {
		if (entry == LAPIC_LVT_PERF)
			continue;
		put(l, offset_of[entry], 0x70);
		for (unsigned i = 0; i < 3; i++) {
			lapic_raise(l, entry);
			assert_serves(l, 0x70);
		}
		assert_int_equal(get(l, offset_of[entry]), 0x70);
	}
}

/* Rules: LVT-5 */
static void test_a_mode_that_delivers_nothing_masks_nothing(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_PERF, MODE(LAPIC_EXTINT) | 0x70);
	lapic_raise(l, LAPIC_LVT_PERF);
	assert_nothing(l);
	assert_int_equal(get(l, APIC_LVT_PERF), MODE(LAPIC_EXTINT) | 0x70);
}

/* Rules: LVT-7 */
static void test_an_event_meets_the_entry_of_its_time(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++) {
		put(l, offset_of[entry], 0x70);
		lapic_raise(l, entry);
		put(l, offset_of[entry], 0x80);
		assert_serves(l, 0x70);
		put(l, offset_of[entry], 0x70);
		lapic_raise(l, entry);
		put(l, offset_of[entry], MASKED | 0x70);
		assert_serves(l, 0x70);
		lapic_raise(l, entry);
		put(l, offset_of[entry], 0x70);
		assert_nothing(l);
		/* Software disable masks, but not what came before it. */
		lapic_raise(l, entry);
		put(l, APIC_SVR, 0xFF);
		assert_serves(l, 0x70);
		lapic_raise(l, entry);
		put(l, APIC_SVR, 0x1FF);
		assert_nothing(l);
	}
}

/* Rules: LVT-7, TMR-2 */
static void test_timer_looks_at_vector_and_mask_when_due(void **state)
{
	struct rig *r = rig_running(1);
	struct lapic *l = r->l[0];

	(void)state;
	put(l, APIC_DCR, DIVIDE_1);
	put(l, APIC_LVT_TIMER, 0x70);
	put(l, APIC_TMICT, 1000);
	put(l, APIC_LVT_TIMER, 0x80);
	rig_sleep(r, 1000);
	assert_serves(l, 0x80);
	assert_nothing(l);
	put(l, APIC_TMICT, 1000);
	put(l, APIC_LVT_TIMER, MASKED | 0x80);
	rig_sleep(r, 500);
	put(l, APIC_LVT_TIMER, 0x90);
	rig_sleep(r, 500);
	assert_serves(l, 0x90);
}

/* Rules: LVT-3 */
static void test_events_name_the_entry(void **state)
{
	static const enum lapic_source sources[] = {
		LAPIC_FROM_CMCI,  LAPIC_FROM_TIMER, LAPIC_FROM_THERMAL, LAPIC_FROM_PERF,
		LAPIC_FROM_LINT0, LAPIC_FROM_LINT1, LAPIC_FROM_ERROR};
	struct lapic_event last;

	(void)state;
	for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++) {
		struct lapic *l = rig_one();

		rig_trace(l);
		put(l, offset_of[entry], 0x70);
		lapic_raise(l, entry);
		lapic_pending(l);
		assert_int_equal(told(l, LAPIC_EVENT_ACCEPTED, &last), 1);
		assert_int_equal(last.source, sources[entry]);
		assert_int_equal(last.vector, 0x70);
		assert_false(last.level);
	}
}

/* Rules: LVT-3, LVT-4 */
static void test_a_guest_that_reads_irr_sees_what_was_raised(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_THERMAL, 0x70);
	put(l, APIC_LVT_LINT0, LEVEL | 0x80);
	lapic_raise(l, LAPIC_LVT_THERMAL);
	assert_int_equal(get(l, APIC_IRR + 0x30), 1u << 0x10);
	lapic_set_lint(l, 0, true);
	assert_int_equal(get(l, APIC_TMR + 0x40), 1);
	assert_int_equal(get(l, APIC_IRR + 0x40), 1);
}

/* Rules: LVT-3 */
static void test_all_entries_at_once(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++)
		put(l, offset_of[entry], 0x40 + 0x10 * entry);
	for (enum lapic_lvt entry = 0; entry < ENTRIES; entry++) {
		lapic_raise(l, entry);
		lapic_raise(l, entry);
	}
	for (unsigned entry = ENTRIES; entry-- > 0;)
		assert_serves(l, 0x40 + 0x10 * entry);
	assert_nothing(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_every_entry_in_every_mode),
		rig_test(test_nmi_smi_and_init_ignore_vector_and_trigger),
		rig_test(test_masked_nothing_is_delivered),
		rig_test(test_illegal_vectors_of_every_entry),
		rig_test(test_checked_writes_of_illegal_vectors),
		rig_test(test_absent_cmci_is_never_raised),
		rig_test(test_status_bits_are_read_only),
		rig_test(test_performance_delivery_masks_its_entry),
		rig_test(test_only_performance_masks_itself),
		rig_test(test_a_mode_that_delivers_nothing_masks_nothing),
		rig_test(test_an_event_meets_the_entry_of_its_time),
		rig_test(test_timer_looks_at_vector_and_mask_when_due),
		rig_test(test_events_name_the_entry),
		rig_test(test_a_guest_that_reads_irr_sees_what_was_raised),
		rig_test(test_all_entries_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
