// SPDX-License-Identifier: BSD-2-Clause
// Generated programs: the same from the same seed, legal as files, and busy in every corner.
// What they find is another matter: here nothing runs but the rough model.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/diff/generate.h"
#include "vmm/diff/model.h"

#define SEEDS 200u
#define OPS   1000u

static struct program make(uint64_t seed, size_t ops, unsigned cpus)
{
	struct generate_config config = {
		.seed = seed, .ops = ops, .cpus = cpus, .x2apic = true, .tsc_deadline = true};
	struct program program;

	assert_true(generate(&config, &program));
	assert_int_equal(program.count, ops);
	assert_true(program.seed == seed);
	assert_true(program.cpus >= 1 && program.cpus <= PROGRAM_CPUS_MAX);
	return program;
}

/* FNV-1a over what a file would hold. */
static uint64_t sum(const struct program *program)
{
	uint64_t hash = UINT64_C(0xCBF29CE484222325);
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_true(program_write(program, NULL, to));
	fclose(to);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001B3);
	free(text);
	return hash;
}

static void test_a_seed_is_one_program(void **state)
{
	struct program a = make(77, 5000, 0), b = make(77, 5000, 0), c = make(78, 5000, 0);

	(void)state;
	assert_true(sum(&a) == sum(&b));
	assert_true(sum(&a) != sum(&c));
	program_free(&a);
	program_free(&b);
	program_free(&c);
}

/* No order of evaluation that a compiler may choose decides what comes out. Who changes the
 * generator changes this number, and seeds of before mean other programs. */
static void test_the_same_everywhere(void **state)
{
	struct program program = make(1, 20000, 4);

	(void)state;
	if (sum(&program) != UINT64_C(0x8FF79F66580AA0A2))
		fail_msg("the sum is 0x%llx", (unsigned long long)sum(&program));
	program_free(&program);
}

static void test_a_longer_one_begins_the_same(void **state)
{
	struct program shorter = make(5, 100, 2), longer = make(5, 3000, 2);

	(void)state;
	for (size_t i = 0; i < shorter.count; i++) {
		char a[80], b[80];

		program_op_text(&shorter.ops[i], a);
		program_op_text(&longer.ops[i], b);
		assert_string_equal(a, b);
	}
	program_free(&shorter);
	program_free(&longer);
}

static void test_what_is_asked_for(void **state)
{
	bool seen[PROGRAM_CPUS_MAX + 1] = {false};

	(void)state;
	for (unsigned cpus = 1; cpus <= PROGRAM_CPUS_MAX; cpus++) {
		struct program program = make(3, 500, cpus);

		assert_int_equal(program.cpus, cpus);
		program_free(&program);
	}
	for (unsigned seed = 1; seed < 60; seed++) {
		struct program program = make(seed, 1, 0);

		seen[program.cpus] = true;
		program_free(&program);
	}
	assert_true(seen[1] && seen[2] && seen[3] && seen[4]);
}

static void check_base(const struct program_op *op, bool x2apic)
{
	uint64_t base = op->value & UINT64_C(0xFFFFFFFFF000);

	/* Nothing legal that puts the page onto memory, or where the puppet cannot reach it. */
	if (op->where != 0x1B || op->value >> 48 || (op->value & 0x2FF))
		return;
	assert_true(base >= UINT64_C(0xD0000000) && base < UINT64_C(0x100000000));
	assert_true(x2apic || !(op->value & 0x800) || !(op->value & 0x400));
}

static void check_message(const struct model_message *message)
{
	unsigned mode = message->low >> 8 & 7, page = message->low & 0xFF;

	assert_int_not_equal(mode, MODEL_SMI);
	if (mode == MODEL_SIPI)
		assert_true(page >= PROGRAM_SIPI_FIRST && page <= PROGRAM_SIPI_LAST);
}

/* Also as a file: the reader refuses what is out of range. */
static void check_file(const struct program *program)
{
	char *text = NULL, why[200];
	size_t size = 0;
	struct program again;
	FILE *to = open_memstream(&text, &size), *from;

	assert_true(program_write(program, NULL, to));
	fclose(to);
	from = fmemopen(text, size, "r");
	if (!program_read(&again, from, "generated", why, sizeof(why)))
		fail_msg("%s", why);
	fclose(from);
	assert_int_equal(again.count, program->count);
	assert_true(sum(&again) == sum(program));
	program_free(&again);
	free(text);
}

static void test_nothing_that_a_puppet_does_not_survive(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct program program = make(seed, OPS, 0);
		struct model model;

		model_start(&model, program.cpus, program.started, true);
		for (size_t i = 0; i < program.count; i++) {
			const struct program_op *op = &program.ops[i];
			struct model_message message;

			if (op->kind == PROGRAM_WRMSR)
				check_base(op, true);
			if (model_sends(&model, op, &message))
				check_message(&message);
			if (op->kind == PROGRAM_WAIT)
				assert_true(op->value <= 60000);
			model_op(&model, op);
		}
		for (unsigned cpu = 0; cpu < program.cpus; cpu++)
			assert_false(model.cpu[cpu].lost);
		check_file(&program);
		program_free(&program);
	}
}

static void test_without_what_the_host_lacks(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct generate_config config = {.seed = seed, .ops = OPS};
		struct program program;

		assert_true(generate(&config, &program));
		for (size_t i = 0; i < program.count; i++)
			assert_int_not_equal(program.ops[i].kind, PROGRAM_DEADLINE);
		program_free(&program);
	}
}

/* How often each thing happens in SEEDS programs, to a CPU that runs. */
struct tally {
	unsigned kinds[PROGRAM_KINDS];
	unsigned reads[64], writes[64]; /* registers, by the door that the mode has */
	unsigned modes[3], delivery[8]; /* operations by a CPU in the mode; messages */
	unsigned ways[4][8];            /* messages: logical + 2 * the host's; delivery modes */
	unsigned shorthand[4], logical; /* messages of processors */
	unsigned level, hint;           /* messages of the host */
	unsigned idle, all;             /* operations for a CPU that sleeps; for any */
	unsigned alive, cpus;           /* at a program's end */
	unsigned switches[3][3], moved; /* modes from, to; another page */
	unsigned pending_switch;        /* with IF off, so that something may be pending */
};

static void count_message(struct tally *t, const struct program_op *op,
			  const struct model_message *message)
{
	bool by_logical = (message->low & MODEL_LOGICAL) != 0, host = op->kind == PROGRAM_MSI;

	t->delivery[message->low >> 8 & 7]++;
	t->ways[by_logical + 2 * host][message->low >> 8 & 7]++;
	if (op->kind == PROGRAM_MSI) {
		t->level += (message->low & MODEL_LEVEL) != 0;
		t->hint += (op->where & 8) != 0;
		return;
	}
	t->shorthand[message->low >> 18 & 3]++;
	t->logical += (message->low & MODEL_LOGICAL) != 0;
}

static void count_access(struct tally *t, const struct model_cpu *c, const struct program_op *op)
{
	bool page = op->kind == PROGRAM_READ || op->kind == PROGRAM_WRITE;
	bool msr = op->kind == PROGRAM_RDMSR || op->kind == PROGRAM_WRMSR;
	bool write = op->kind == PROGRAM_WRITE || op->kind == PROGRAM_WRMSR;
	unsigned reg = 64;

	if (page && c->mode == FINDING_XAPIC && op->where % 16 == 0)
		reg = op->where >> 4;
	else if (msr && c->mode == FINDING_X2APIC && op->where >= 0x800)
		reg = op->where - 0x800;
	if (reg < 64)
		(write ? t->writes : t->reads)[reg]++;
}

static void count_op(struct tally *t, struct model *model, const struct program_op *op)
{
	struct model_cpu *c = &model->cpu[op->cpu];
	enum finding_mode before = c->mode;
	uint64_t base = c->base;
	struct model_message message;

	t->kinds[op->kind]++;
	if (op->kind != PROGRAM_MSI && op->kind != PROGRAM_WAIT) {
		t->all++;
		t->idle += !model_acts(model, op->cpu);
		t->modes[before]++;
		count_access(t, c, op);
	}
	if (model_sends(model, op, &message))
		count_message(t, op, &message);
	model_op(model, op);
	t->switches[before][c->mode] += op->kind == PROGRAM_WRMSR && before != c->mode;
	t->pending_switch += before != c->mode && !c->interrupts;
	t->moved += (base ^ c->base) >> 12 != 0;
}

static void test_every_corner_is_visited(void **state)
{
	static const uint8_t readable[] = {0x02, 0x03, 0x08, 0x09, 0x0A, 0x0B, 0x0D, 0x0E, 0x0F,
					   0x10, 0x18, 0x20, 0x28, 0x2F, 0x30, 0x31, 0x32, 0x33,
					   0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3E};
	static const uint8_t writable[] = {0x02, 0x08, 0x0B, 0x0D, 0x0E, 0x0F, 0x28, 0x30, 0x31,
					   0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3E, 0x3F};
	static struct tally t;

	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct program program = make(seed, OPS, 0);
		struct model model;

		model_start(&model, program.cpus, program.started, true);
		for (size_t i = 0; i < program.count; i++)
			count_op(&t, &model, &program.ops[i]);
		for (unsigned cpu = 0; cpu < program.cpus; cpu++)
			t.alive += model_acts(&model, cpu);
		t.cpus += program.cpus;
		program_free(&program);
	}
	for (unsigned kind = 0; kind < PROGRAM_KINDS; kind++)
		if (t.kinds[kind] < SEEDS / 2)
			fail_msg("%s comes %u times", program_word(kind), t.kinds[kind]);
	for (size_t i = 0; i < sizeof(readable); i++)
		if (t.reads[readable[i]] < SEEDS / 2)
			fail_msg("register %02Xh is read %u times", readable[i],
				 t.reads[readable[i]]);
	for (size_t i = 0; i < sizeof(writable); i++)
		if (t.writes[writable[i]] < SEEDS / 2)
			fail_msg("register %02Xh is written %u times", writable[i],
				 t.writes[writable[i]]);
	for (unsigned mode = 0; mode < 8; mode++)
		if (mode != MODEL_SMI && t.delivery[mode] < SEEDS / 4)
			fail_msg("delivery mode %u comes %u times", mode, t.delivery[mode]);
	for (unsigned i = 0; i < 4 * 8; i++)
		if (i % 8 != MODEL_SMI && t.ways[i / 8][i % 8] < SEEDS / 10)
			fail_msg("delivery mode %u comes %u times by way %u", i % 8,
				 t.ways[i / 8][i % 8], i / 8);
	assert_int_equal(t.delivery[MODEL_SMI], 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(t.shorthand[i] > SEEDS * 2);
	assert_true(t.logical > SEEDS * 5 && t.level > SEEDS * 5 && t.hint > SEEDS);
	/* Much in both modes, some in none. */
	assert_true(t.modes[FINDING_XAPIC] > t.all / 4 && t.modes[FINDING_X2APIC] > t.all / 4);
	assert_true(t.modes[FINDING_DISABLED] > t.all / 100);
	assert_true(t.modes[FINDING_DISABLED] < t.all / 6);
	assert_true(t.switches[FINDING_XAPIC][FINDING_X2APIC] > SEEDS * 2);
	assert_true(t.switches[FINDING_X2APIC][FINDING_DISABLED] > SEEDS * 2);
	assert_true(t.switches[FINDING_XAPIC][FINDING_DISABLED] > SEEDS);
	assert_true(t.switches[FINDING_DISABLED][FINDING_XAPIC] > SEEDS * 3);
	assert_true(t.pending_switch > SEEDS * 2 && t.moved > SEEDS);
	/* About one in 60 to 120 sleeps, nearly all find somebody, and most are alive at the end.
	 */
	assert_true(t.kinds[PROGRAM_HLT] > t.all / 150 && t.kinds[PROGRAM_HLT] < t.all / 50);
	assert_true(t.idle < t.all / 100);
	assert_true(t.alive * 10 > t.cpus * 9);
}

/* A count that is started for longer than a program takes stays so, whatever becomes of its
 * divisor: else it would end at a moment of chance. */
static void test_far_counts_stay_far(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct program program = make(seed, OPS, 0);
		struct model model;
		uint32_t far_count[PROGRAM_CPUS_MAX] = {0};
		unsigned fast[PROGRAM_CPUS_MAX] = {0};

		model_start(&model, program.cpus, program.started, true);
		for (size_t i = 0; i < program.count; i++) {
			const struct program_op *op = &program.ops[i];
			struct model_cpu *c = &model.cpu[op->cpu];
			bool page = op->kind == PROGRAM_WRITE && op->where == 0x380 &&
				    op->width == 4 && c->mode == FINDING_XAPIC;
			bool msr = op->kind == PROGRAM_WRMSR && op->where == 0x838 &&
				   c->mode == FINDING_X2APIC && op->value >> 32 == 0;

			model_op(&model, op);
			if (page || msr)
				far_count[op->cpu] =
					op->value >= 0xE0000000u ? (uint32_t)op->value : 0;
			if (!c->counting)
				far_count[op->cpu] = 0;
			/* 3.7 s at a divisor of 1, 7.5 at 2: for a moment alone. */
			if (far_count[op->cpu] && c->divide < 4)
				fast[op->cpu]++;
			else
				fast[op->cpu] = 0;
			assert_true(fast[op->cpu] <= 3);
		}
		program_free(&program);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_seed_is_one_program),
		cmocka_unit_test(test_the_same_everywhere),
		cmocka_unit_test(test_a_longer_one_begins_the_same),
		cmocka_unit_test(test_what_is_asked_for),
		cmocka_unit_test(test_nothing_that_a_puppet_does_not_survive),
		cmocka_unit_test(test_without_what_the_host_lacks),
		cmocka_unit_test(test_every_corner_is_visited),
		cmocka_unit_test(test_far_counts_stay_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
