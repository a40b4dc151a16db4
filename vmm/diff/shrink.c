// SPDX-License-Identifier: BSD-2-Clause
// Takes away what a failure does not need: operations in halves, quarters, ..., CPUs, bits of
// values. Each step is one call of the caller's test; what no longer fails is put back.
#include "vmm/diff/shrink.h"

#include <stdlib.h>
#include <string.h>

struct shrinker {
	struct program *program; /* fails at any time */
	shrink_fails fails;
	void *opaque;
	unsigned calls, tries;
};

static bool may_try(const struct shrinker *s)
{
	return s->calls < s->tries;
}

/* Takes over `candidate` if it fails; frees the one that is not kept. */
static bool take_if_it_fails(struct shrinker *s, struct program *candidate)
{
	bool fails = may_try(s);

	if (fails) {
		s->calls++;
		fails = s->fails(s->opaque, candidate);
	}
	if (fails) {
		program_free(s->program);
		*s->program = *candidate;
	} else {
		program_free(candidate);
	}
	return fails;
}

/* All operations but those from `first` on, `count` of them. */
static bool drop(struct shrinker *s, size_t first, size_t count)
{
	bool *keep = malloc(s->program->count * sizeof(*keep) + 1);
	struct program candidate;
	bool good;

	if (!keep)
		return false;
	for (size_t i = 0; i < s->program->count; i++)
		keep[i] = i < first || i - first >= count;
	good = program_filter(s->program, keep, &candidate);
	free(keep);
	return good && take_if_it_fails(s, &candidate);
}

/* One pass with pieces of this size, from the end: what comes after a failure goes first. */
static bool drop_pieces(struct shrinker *s, size_t size)
{
	size_t end = s->program->count;
	bool any = false;

	while (end > 0 && may_try(s)) {
		size_t first = end > size ? end - size : 0;

		if (end - first < s->program->count && drop(s, first, end - first))
			any = true;
		end = first;
	}
	return any;
}

static void drop_operations(struct shrinker *s)
{
	size_t size = s->program->count / 2;

	for (; size > 1; size /= 2)
		drop_pieces(s, size);
	while (may_try(s) && drop_pieces(s, 1))
		;
}

static bool is_host(const struct program_op *op)
{
	return op->kind == PROGRAM_WAIT || op->kind == PROGRAM_MSI;
}

static unsigned cpus_used(const struct program *program)
{
	unsigned used = 1;

	for (size_t i = 0; i < program->count; i++)
		if (!is_host(&program->ops[i]) && program->ops[i].cpu >= used)
			used = program->ops[i].cpu + 1u;
	return used;
}

static bool copy(const struct shrinker *s, struct program *candidate)
{
	bool *keep = malloc(s->program->count * sizeof(*keep) + 1);
	bool good;

	if (!keep)
		return false;
	memset(keep, true, s->program->count * sizeof(*keep));
	good = program_filter(s->program, keep, candidate);
	free(keep);
	return good;
}

/* Without the last CPU: `to` takes over what it does. */
static bool drop_cpu(struct shrinker *s, unsigned to)
{
	struct program candidate;
	unsigned last = s->program->cpus - 1;

	if (!copy(s, &candidate))
		return false;
	candidate.cpus = last;
	for (size_t i = 0; i < candidate.count; i++)
		if (!is_host(&candidate.ops[i]) && candidate.ops[i].cpu == last)
			candidate.ops[i].cpu = (uint8_t)to;
	return take_if_it_fails(s, &candidate);
}

/* One that does nothing itself is tried once, whoever gets the nothing. */
static bool drop_last_cpu(struct shrinker *s)
{
	unsigned last = s->program->cpus - 1, heirs = cpus_used(s->program) > last ? last : 1;

	for (unsigned to = 0; to < heirs && may_try(s); to++)
		if (drop_cpu(s, to))
			return true;
	return false;
}

static void drop_cpus(struct shrinker *s)
{
	while (s->program->cpus > 1 && drop_last_cpu(s))
		;
}

static void start_them(struct shrinker *s)
{
	struct program candidate;

	if (!s->program->started && copy(s, &candidate)) {
		candidate.started = true;
		take_if_it_fails(s, &candidate);
	}
}

static bool try_value(struct shrinker *s, size_t i, uint64_t value)
{
	struct program candidate;

	if (s->program->ops[i].value == value || !copy(s, &candidate))
		return false;
	candidate.ops[i].value = value;
	if (!program_op_starts_well(&candidate.ops[i])) {
		program_free(&candidate);
		return false;
	}
	return take_if_it_fails(s, &candidate);
}

/* 0, 1, one bit alone, or as few of its bits as will do. */
static bool plainer(struct shrinker *s, size_t i)
{
	uint64_t value = s->program->ops[i].value;
	bool any = false;

	if (value <= 1)
		return value == 1 && try_value(s, i, 0);
	if (try_value(s, i, 0) || try_value(s, i, 1))
		return true;
	for (uint64_t rest = value & (value - 1) ? value : 0; rest; rest &= rest - 1)
		if (may_try(s) && try_value(s, i, rest & -rest))
			return true;
	for (unsigned bit = 64; bit-- > 0 && may_try(s);) {
		uint64_t now = s->program->ops[i].value, less = now & ~(UINT64_C(1) << bit);

		if (less != now && less != 0 && try_value(s, i, less))
			any = true;
	}
	return any;
}

static bool plainer_values(struct shrinker *s)
{
	bool any = false;

	for (size_t i = s->program->count; i-- > 0 && may_try(s);)
		any = plainer(s, i) || any;
	return any;
}

unsigned shrink(struct program *program, shrink_fails fails, void *opaque, unsigned tries)
{
	struct shrinker s = {program, fails, opaque, 0, tries};

	start_them(&s);
	drop_operations(&s);
	drop_cpus(&s);
	if (plainer_values(&s))
		while (may_try(&s) && drop_pieces(&s, 1))
			;
	return s.calls;
}
