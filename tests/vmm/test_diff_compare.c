// SPDX-License-Identifier: BSD-2-Clause
// Two sides that differ in one thing: it is found, once, and nothing else is.
// Not where the sides come from: here they are numbers in a struct.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "vmm/diff/pair.h"

#define XAPIC 0xFEE00900u

static const struct program_op read_tpr = {.kind = PROGRAM_READ, .width = 4, .where = 0x80};
static const struct program_op read_count = {.kind = PROGRAM_READ, .width = 4, .where = 0x390};

static struct pair *alike(const struct program_op *op)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	assert_non_null(pair);
	pair->cpus = 2;
	pair->op = op;
	pair->done = true;
	pair->ours_answer.fault = pair->kvm_answer.fault = FINDING_NO_FAULT;
	for (unsigned n = 0; n < 2; n++) {
		pair->cpu[n].ours_base = pair->cpu[n].kvm_base = XAPIC;
		pair->before[n] = FINDING_XAPIC;
	}
	return pair;
}

static struct finding only(struct pair *pair)
{
	struct finding finding;

	compare_step(pair);
	assert_int_equal(pair->finding_count, 1);
	finding = pair->findings[0];
	free(pair);
	return finding;
}

static void test_what_is_alike_is_no_finding(void **state)
{
	struct pair *pair = alike(&read_tpr);

	(void)state;
	compare_step(pair);
	assert_int_equal(pair->finding_count, 0);
	free(pair);
}

static void test_values_and_faults(void **state)
{
	struct pair *pair = alike(&read_tpr);
	struct finding finding;

	(void)state;
	pair->ours_answer.value = 0x20;
	finding = only(pair);
	assert_int_equal(finding.field, FINDING_VALUE);
	assert_int_equal(finding.ours, 0x20);
	/* Of two that differ in the fault the values say nothing. */
	pair = alike(&read_tpr);
	pair->ours_answer = (struct pair_answer){0x20, 13};
	finding = only(pair);
	assert_int_equal(finding.field, FINDING_FAULT);
	assert_int_equal(finding.kvm, FINDING_NO_FAULT);
	/* What nobody did has no answer. */
	pair = alike(&read_tpr);
	pair->ours_answer.value = 0x20;
	pair->done = false;
	compare_step(pair);
	assert_int_equal(pair->finding_count, 0);
	free(pair);
}

static void test_every_register_but_the_count_is_compared_to_the_bit(void **state)
{
	(void)state;
	for (unsigned reg = 0; reg < 64; reg++) {
		struct pair *pair = alike(&read_tpr);
		struct finding finding;

		side_set_register(pair->cpu[1].kvm, reg, 0x10000);
		finding = only(pair);
		assert_int_equal(finding.field, reg == 0x39 ? FINDING_COUNT : FINDING_REGISTER);
		assert_int_equal(finding.reg, reg);
		assert_int_equal(finding.cpu, 1);
		assert_int_equal(finding.kvm, 0x10000);
	}
}

static void test_unchanged_is_of_the_bits_that_differ(void **state)
{
	struct pair *pair = alike(&read_tpr);

	(void)state;
	side_set_register(pair->cpu[1].before, 0x1A, 3);
	side_set_register(pair->cpu[1].ours, 0x1A, 6);
	side_set_register(pair->cpu[1].kvm, 0x1A, 0);
	side_set_register(pair->cpu[1].before, 0x0D, 0x01000000);
	compare_step(pair);
	assert_int_equal(pair->finding_count, 2);
	assert_true(pair->findings[0].unchanged);  /* bit 1 */
	assert_false(pair->findings[1].unchanged); /* bit 2 */
	assert_int_equal(pair->findings[0].was_ldr, 0x01000000);
	free(pair);
}

/* Of what ours has to keep: the first, and how many there are. */
static struct finding kept(struct pair *pair, unsigned count)
{
	struct finding first = {.field = FINDING_FIELDS};
	unsigned found = 0;

	compare_step(pair);
	for (unsigned i = 0; i < pair->finding_count; i++)
		if (pair->findings[i].field == FINDING_OURS && found++ == 0)
			first = pair->findings[i];
	assert_int_equal(found, count);
	free(pair);
	return first;
}

static void test_what_is_refused_changes_nothing(void **state)
{
	static const struct program_op write = {
		.kind = PROGRAM_WRMSR, .where = 0x832, .value = UINT64_C(1) << 40};
	struct finding finding;
	struct pair *pair = alike(&write);

	(void)state;
	pair->before[0] = FINDING_X2APIC;
	side_set_register(pair->cpu[0].ours, 0x32, 0x10031);
	side_set_register(pair->cpu[0].kvm, 0x32, 0x10031);
	compare_begin(pair);
	pair->ours_answer.fault = pair->kvm_answer.fault = 13;
	side_set_register(pair->cpu[0].ours, 0x32, 0x31);
	side_set_register(pair->cpu[0].kvm, 0x32, 0x31);
	finding = kept(pair, 1);
	assert_int_equal(finding.n, FINDING_REFUSED);
	assert_int_equal(finding.reg, 0x32);
	pair = alike(&write);
	pair->ours_answer.fault = pair->kvm_answer.fault = 13;
	kept(pair, 0);
}

/* What comes of `op`: vector 41h in a log or IRR for who got it. Two CPUs, enabled, with flat LDRs
 * 01h and 02h. */
static struct pair *sent(const struct program_op *op, unsigned ours, unsigned kvm)
{
	struct pair *pair = alike(op);

	pair->icr_high = 0x02000000;
	for (unsigned n = 0; n < 2; n++)
		for (unsigned side = 0; side < 2; side++) {
			uint8_t *image = side ? pair->cpu[n].kvm : pair->cpu[n].ours;

			side_set_register(image, 0x02, n << 24);
			side_set_register(image, 0x0D, 0x1000000 << n);
			side_set_register(image, 0x0E, 0xFFFFFFFF);
			side_set_register(image, 0x0F, 0x1FF);
		}
	compare_begin(pair);
	for (unsigned n = 0; n < 2; n++) {
		if (ours >> n & 1)
			side_log(&pair->ours.cpu[n].arrived, 0x41);
		if (kvm >> n & 1)
			side_set_register(pair->cpu[n].kvm, 0x22, 2);
	}
	return pair;
}

/* By the ICR, to logical FFh. */
static struct pair *lowest(unsigned ours, unsigned kvm)
{
	static const struct program_op send = {
		.kind = PROGRAM_WRITE, .width = 4, .where = 0x300, .value = 0x4941};
	struct pair *pair = sent(&send, ours, kvm);

	pair->icr_high = 0xFF000000;
	return pair;
}

static void test_lowest_priority_goes_to_one(void **state)
{
	struct pair *pair;

	(void)state;
	kept(lowest(1, 2), 0);
	kept(lowest(1, 3), 0);
	kept(lowest(1, 0), 0);
	assert_int_equal(kept(lowest(0, 0), 1).n, FINDING_NOBODY);
	assert_int_equal(kept(lowest(0, 1), 1).n, FINDING_NOBODY);
	assert_int_equal(kept(lowest(3, 1), 1).n, FINDING_SEVERAL);
	/* A DFR of no model has no logical ID. */
	pair = lowest(0, 1);
	for (unsigned n = 0; n < 2; n++)
		side_set_register(pair->cpu[n].before, 0x0E, 0x10000000);
	kept(pair, 0);
	/* One that has it already may have got it once more. */
	pair = lowest(0, 1);
	side_set_register(pair->cpu[1].before, 0x22, 2);
	kept(pair, 0);
	/* And a timer may have the same vector. */
	pair = lowest(3, 1);
	side_set_register(pair->cpu[1].ours, 0x32, 0x41);
	side_set_register(pair->cpu[0].ours, 0x32, 0x41);
	kept(pair, 0);
}

/* With the shorthand "all others", from CPU 0. */
static struct pair *lowest_of_others(unsigned ours)
{
	static const struct program_op send = {
		.kind = PROGRAM_WRITE, .width = 4, .where = 0x300, .value = 0xC4141};

	return sent(&send, ours, 2);
}

static void test_lowest_priority_goes_to_who_takes_part(void **state)
{
	static const struct program_op part = {
		.kind = PROGRAM_WRITE, .width = 1, .where = 0x300, .value = 0xC4141};
	struct pair *pair;
	struct finding finding;
	char text[160];

	(void)state;
	kept(lowest_of_others(2), 0);
	assert_int_equal(kept(lowest_of_others(0), 1).n, FINDING_NOBODY);
	finding = kept(lowest_of_others(1), 1);
	assert_int_equal(finding.n, FINDING_UNMEANT);
	assert_int_equal(finding.cpu, 0);
	finding_text(&finding, text);
	assert_string_equal(text, "CPU 0 of ours took an interrupt that is not for it, or while "
				  "disabled");
	/* Who is disabled takes no part; where nobody else does, nobody gets it. */
	pair = lowest_of_others(2);
	side_set_register(pair->cpu[1].before, 0x0F, 0xFF);
	assert_int_equal(kept(pair, 1).n, FINDING_UNMEANT);
	pair = lowest_of_others(0);
	side_set_register(pair->cpu[1].before, 0x0F, 0xFF);
	kept(pair, 0);
	pair = lowest_of_others(0);
	pair->before[1] = FINDING_DISABLED;
	kept(pair, 0);
	/* What was refused, or is no write of the register, sends nothing. */
	pair = lowest_of_others(0);
	pair->ours_answer.fault = pair->kvm_answer.fault = 13;
	kept(pair, 0);
	pair = lowest_of_others(0);
	pair->op = &part;
	kept(pair, 0);
}

static void test_lowest_priority_is_the_lowest(void **state)
{
	struct pair *pair = lowest(1, 2);
	struct finding finding;

	(void)state;
	side_set_register(pair->cpu[1].before, 0x0A, 0x30);
	kept(pair, 0);
	pair = lowest(1, 2);
	side_set_register(pair->cpu[0].before, 0x0A, 0x30);
	finding = kept(pair, 1);
	assert_int_equal(finding.n, FINDING_HIGHER);
	assert_int_equal(finding.cpu, 0);
	/* Not held against one that is disabled. */
	pair = lowest(1, 2);
	side_set_register(pair->cpu[0].before, 0x0A, 0x30);
	side_set_register(pair->cpu[1].before, 0x0F, 0xFF);
	kept(pair, 0);
}

static struct finding judged(uint32_t icr, unsigned ours, unsigned count)
{
	const struct program_op op = {
		.kind = PROGRAM_WRITE, .width = 4, .where = 0x300, .value = icr};

	return kept(sent(&op, ours, 0), count);
}

/* The destination is CPU 1: ID 1, or LDR 02h. */
static void test_nobody_takes_what_is_not_for_him(void **state)
{
	static const struct program_op
		nmi = {.kind = PROGRAM_MSI, .where = 0xFEE0200C, .value = 0x400},
		init = {.kind = PROGRAM_MSI, .where = 0xFEE02004, .value = 0x500},
		extint = {.kind = PROGRAM_MSI, .where = 0xFEE02004, .value = 0x700},
		sipi = {.kind = PROGRAM_MSI, .where = 0xFEE02004, .value = 0x610};
	struct pair *pair;

	(void)state;
	judged(0x4841, 2, 0);
	assert_int_equal(judged(0x4841, 1, 1).cpu, 0);
	assert_int_equal(judged(0x4041, 2, 1).n, FINDING_UNMEANT); /* ID 2 is nobody's */
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		pair = sent(&nmi, 0, 0);
		side_log(&pair->ours.cpu[cpu].arrived, 2);
		kept(pair, cpu == 0);
		pair = sent(&extint, 0, 0);
		side_log(&pair->ours.cpu[cpu].arrived, FINDING_EXTINT);
		kept(pair, cpu == 0);
		pair = sent(&sipi, 0, 0);
		side_log(&pair->ours.cpu[cpu].arrived, FINDING_STARTED | 0x10);
		kept(pair, cpu == 0);
		pair = sent(&init, 0, 0);
		side_log(&pair->ours.cpu[cpu].arrived, FINDING_AT_RESET);
		kept(pair, cpu == 0);
		pair = sent(&init, 0, 0);
		pair->ours.cpu[cpu].state = FINDING_WAITS_FOR_SIPI;
		kept(pair, cpu == 0);
		/* It did before. */
		pair = sent(&init, 0, 0);
		pair->ours.cpu[cpu].state = FINDING_WAITS_FOR_SIPI;
		pair->cpu[cpu].waited = true;
		kept(pair, 0);
	}
	/* ExtINT needs one that is enabled. */
	pair = sent(&extint, 0, 0);
	side_log(&pair->ours.cpu[1].arrived, FINDING_EXTINT);
	side_set_register(pair->cpu[1].before, 0x0F, 0xFF);
	assert_int_equal(kept(pair, 1).n, FINDING_UNMEANT);
}

static void test_the_trigger_mode_is_as_sent(void **state)
{
	static const struct program_op level = {.kind = PROGRAM_MSI,
						.where = 0xFEE02004,
						.value = 0xC041},
				       edge = {.kind = PROGRAM_MSI,
					       .where = 0xFEE02004,
					       .value = 0x41};
	struct finding finding;
	struct pair *pair;
	char text[160];

	(void)state;
	finding = kept(sent(&level, 2, 0), 1);
	assert_int_equal(finding.n, FINDING_TRIGGER);
	finding_text(&finding, text);
	assert_string_equal(text, "CPU 1 of ours took an interrupt as edge-triggered");
	kept(sent(&edge, 2, 0), 0);
	pair = sent(&edge, 2, 0);
	side_set_register(pair->cpu[1].ours, 0x1A, 2);
	assert_int_equal(kept(pair, 1).n, FINDING_TRIGGER);
	pair = sent(&level, 2, 0);
	side_set_register(pair->cpu[1].ours, 0x1A, 2);
	kept(pair, 0);
	/* An IPI is edge whatever the ICR says. */
	judged(0xC841, 2, 0);
}

static void test_an_overdue_timer_is_told(void **state)
{
	struct pair *pair = alike(&read_tpr);
	struct finding finding;
	char text[160];

	(void)state;
	pair->ours.cpu[1].overdue = true;
	finding = kept(pair, 1);
	assert_int_equal(finding.n, FINDING_OVERDUE);
	assert_int_equal(finding.cpu, 1);
	finding_text(&finding, text);
	assert_string_equal(text, "the timer of CPU 1 of ours is due, and does not run out");
}

/* side_kernel_set(): TMICT that KVM is not told of is still what it was. */
static void test_a_hidden_count_is_compared(void **state)
{
	static const struct program_op read = {.kind = PROGRAM_READ, .width = 4, .where = 0x380};
	static const struct program_op byte = {.kind = PROGRAM_READ, .width = 1, .where = 0x381};
	struct pair *pair = alike(&byte);

	pair->kvm.cpu[0].hidden_tmict = 500;
	pair->ours_answer.value = 1;
	compare_step(pair);
	assert_int_equal(pair->finding_count, 0);
	free(pair);
	pair = alike(&read);

	(void)state;
	pair->kvm.cpu[0].hidden_tmict = 500;
	pair->ours_answer.value = 500;
	compare_step(pair);
	assert_int_equal(pair->finding_count, 0);
	pair->kvm_answer.value = 0;
	pair->ours_answer.value = 501;
	assert_int_equal(only(pair).field, FINDING_VALUE);
}

/* One step may lead to several vectors, for different reasons. */
static void test_each_vector_is_a_finding_of_its_own(void **state)
{
	struct pair *pair = alike(&read_tpr);

	(void)state;
	side_set_register(pair->cpu[0].ours, 0x22, 0x80000001);
	compare_step(pair);
	assert_int_equal(pair->finding_count, 2);
	assert_int_equal(pair->findings[0].ours, 1);
	assert_int_equal(pair->findings[1].ours, 0x80000000);
	free(pair);
}

static void test_the_order_of_what_arrived_counts(void **state)
{
	struct pair *pair = alike(&read_tpr);

	(void)state;
	side_log(&pair->ours.cpu[1].arrived, 0x41);
	side_log(&pair->ours.cpu[1].arrived, 0x51);
	side_log(&pair->kvm.cpu[1].arrived, 0x51);
	side_log(&pair->kvm.cpu[1].arrived, 0x41);
	compare_step(pair);
	assert_int_equal(pair->finding_count, 2);
	assert_int_equal(pair->findings[1].field, FINDING_ARRIVED);
	assert_int_equal(pair->findings[1].n, 1);
	free(pair);
	pair = alike(&read_tpr);
	side_log(&pair->kvm.cpu[1].eois, 0x41);
	assert_int_equal(only(pair).ours, FINDING_NOTHING);
}

static void test_states_bases_and_deadlines(void **state)
{
	struct pair *pair = alike(&read_tpr);

	(void)state;
	pair->ours.cpu[1].state = FINDING_HALTED;
	assert_int_equal(only(pair).field, FINDING_STATE);
	pair = alike(&read_tpr);
	pair->cpu[0].kvm_base ^= 0x100;
	assert_int_equal(only(pair).field, FINDING_BASE);
	pair = alike(&read_tpr);
	pair->cpu[0].kvm_deadline = 77;
	assert_int_equal(only(pair).field, FINDING_DEADLINE);
}

static uint64_t finding_of_count(uint64_t value)
{
	struct pair *pair = alike(&read_count);
	uint64_t count;

	pair->answer_timer = (struct clocks_timer){.runs = true, .expiry = 100000, .tmict = 90000};
	pair->t0 = 40000;
	pair->t1 = 41000;
	pair->ours_answer.value = 1; /* its own reading is of another moment */
	pair->kvm_answer.value = value;
	compare_step(pair);
	count = pair->finding_count;
	free(pair);
	return count;
}

static void test_a_count_that_was_read_must_lie_between_the_readings(void **state)
{
	(void)state;
	assert_int_equal(finding_of_count(60000), 0);
	assert_int_equal(finding_of_count(59000), 0);
	assert_int_equal(finding_of_count(60003), 1);
	assert_int_equal(finding_of_count(58997), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_alike_is_no_finding),
		cmocka_unit_test(test_values_and_faults),
		cmocka_unit_test(test_every_register_but_the_count_is_compared_to_the_bit),
		cmocka_unit_test(test_what_is_refused_changes_nothing),
		cmocka_unit_test(test_lowest_priority_goes_to_one),
		cmocka_unit_test(test_lowest_priority_goes_to_who_takes_part),
		cmocka_unit_test(test_lowest_priority_is_the_lowest),
		cmocka_unit_test(test_nobody_takes_what_is_not_for_him),
		cmocka_unit_test(test_the_trigger_mode_is_as_sent),
		cmocka_unit_test(test_unchanged_is_of_the_bits_that_differ),
		cmocka_unit_test(test_an_overdue_timer_is_told),
		cmocka_unit_test(test_a_hidden_count_is_compared),
		cmocka_unit_test(test_each_vector_is_a_finding_of_its_own),
		cmocka_unit_test(test_the_order_of_what_arrived_counts),
		cmocka_unit_test(test_states_bases_and_deadlines),
		cmocka_unit_test(test_a_count_that_was_read_must_lie_between_the_readings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
