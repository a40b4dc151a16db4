// SPDX-License-Identifier: BSD-2-Clause
// What ours must keep whatever KVM does: else an entry of the ledger, or the second look, might
// hide it. Not a second model: each of these is one sentence of the SDM.

#include "vmm/diff/pair.h"

#define REG_PPR       0x0Au
#define REG_LDR       0x0Du
#define REG_DFR       0x0Eu
#define REG_SVR       0x0Fu
#define SVR_ENABLED   0x100u
#define REG_ICR       0x30u
#define REG_ISR       0x10u
#define REG_IRR       0x20u
#define REG_LVT_TIMER 0x32u
#define FIRST_LEGAL   16u

/* An operation that ends in #GP leaves all as it was (SDM "General-Protection Exception"). */
static void check_refused(struct pair *pair)
{
	static const uint8_t written[] = {0x02, 0x08, 0x0D, 0x0E, 0x0F, 0x28, 0x2F, 0x30, 0x31,
					  0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3E};
	unsigned n = pair->op->cpu;
	const struct pair_cpu *c = &pair->cpu[n];

	if (!pair->done || pair->ours_answer.fault == FINDING_NO_FAULT)
		return;
	for (unsigned i = 0; i < sizeof(written); i++) {
		unsigned reg = written[i];
		uint32_t now = side_register(c->ours, reg);

		if (now == side_register(c->before, reg))
			continue;
		compare_found(pair, FINDING_OURS, n, FINDING_REFUSED, now, 0);
		pair->findings[pair->finding_count - 1].reg = reg;
	}
}

static bool has(const uint8_t *image, unsigned vector)
{
	uint32_t either = side_register(image, REG_IRR + vector / 32) |
			  side_register(image, REG_ISR + vector / 32);

	return (either >> vector % 32 & 1) != 0;
}

/* Whether a CPU got the vector in this step; one that had it already does not say. */
static bool got(const struct side_log *log, const uint8_t *before, const uint8_t *now,
		unsigned vector)
{
	if (has(before, vector))
		return false;
	for (unsigned i = 0; i < log->count; i++)
		if (log->items[i] == vector)
			return true;
	return has(now, vector);
}

enum contest { NO_CONTEST, CONTEST_OF_OTHERS, CONTEST_BY_DESTINATION };

static bool write_took(const struct pair *pair)
{
	const struct program_op *op = pair->op;
	bool whole = op->kind == PROGRAM_WRITE && op->where % 16 == 0 && op->width == 4;

	return (whole || op->kind == PROGRAM_WRMSR) && pair->done &&
	       pair->ours_answer.fault == FINDING_NO_FAULT;
}

/* To one of several: by ICR, by logical message, or by a fixed message with the hint. */
static enum contest contest_of(const struct pair *pair)
{
	const struct program_op *op = pair->op;
	unsigned mode = op->value >> 8 & 7;

	if (op->kind == PROGRAM_MSI)
		return (op->where & 4) && (op->value & 0xC000) != 0x8000 &&
				       (mode == 1 || (mode == 0 && (op->where & 8)))
			       ? CONTEST_BY_DESTINATION
			       : NO_CONTEST;
	if (!write_took(pair) || compare_register(op, pair->before[op->cpu]) != REG_ICR)
		return NO_CONTEST;
	if ((op->value & 0xC0700) == 0xC0100)
		return CONTEST_OF_OTHERS;
	return (op->value & 0xC0F00) == 0x900 ? CONTEST_BY_DESTINATION : NO_CONTEST;
}

/* Whether a logical destination means the same CPU to both: KVM takes a DFR of neither model for
 * cluster, and an LDR of 0 for one that its map of physical IDs may find (FINDINGS.md). */
static bool is_plain(const struct pair_cpu *c)
{
	uint32_t model = side_register(c->ours, REG_DFR) >> 28;

	return pair_mode(c->ours_base) == FINDING_X2APIC ||
	       (side_register(c->ours, REG_LDR) && (model == 0 || model == 15));
}

static bool was_enabled(const struct pair *pair, unsigned n)
{
	return pair->before[n] != FINDING_DISABLED &&
	       (side_register(pair->cpu[n].before, REG_SVR) & SVR_ENABLED);
}

/* Who took part in ours, as far as that needs no second reading of destinations: all others, or
 * whom KVM found. */
static bool took_part(const struct pair *pair, enum contest contest, unsigned n, bool kvm_got)
{
	if (!was_enabled(pair, n))
		return false;
	if (contest == CONTEST_OF_OTHERS)
		return n != pair->op->cpu;
	return kvm_got && is_plain(&pair->cpu[n]);
}

/* SDM "Lowest Priority Delivery Mode": the winner is a matter of the model where several are of the
 * lowest priority, but it is one, it takes part, and nobody's priority is lower. */
static void check_lowest(struct pair *pair)
{
	unsigned vector = pair->op->value & 0xFF, ours = 0, winner = 0, lowest = 0x100;
	enum contest contest = contest_of(pair);
	bool somebody = false;

	if (contest == NO_CONTEST || vector < FIRST_LEGAL)
		return;
	for (unsigned n = 0; n < pair->cpus; n++) {
		const struct pair_cpu *c = &pair->cpu[n];
		unsigned ppr = side_register(c->before, REG_PPR);

		/* A timer of the same vector would be counted for it. */
		if ((side_register(c->ours, REG_LVT_TIMER) & 0xFF) == vector)
			return;
		if (got(&pair->ours.cpu[n].arrived, c->before, c->ours, vector)) {
			ours++;
			winner = n;
		}
		if (took_part(pair, contest, n,
			      got(&pair->kvm.cpu[n].arrived, c->kvm_before, c->kvm, vector)) &&
		    ppr < lowest)
			lowest = ppr;
		somebody = somebody || has(c->before, vector);
	}
	if (!ours && lowest < 0x100 && !somebody)
		compare_found(pair, FINDING_OURS, 0, FINDING_NOBODY, 0, 0);
	if (ours > 1)
		compare_found(pair, FINDING_OURS, 0, FINDING_SEVERAL, ours, 0);
	if (ours != 1)
		return;
	if (!was_enabled(pair, winner) || (contest == CONTEST_OF_OTHERS && winner == pair->op->cpu))
		compare_found(pair, FINDING_OURS, winner, FINDING_UNMEANT, 0, 0);
	if (side_register(pair->cpu[winner].before, REG_PPR) > lowest)
		compare_found(pair, FINDING_OURS, winner, FINDING_HIGHER, 0, 0);
}

void invariant_check(struct pair *pair)
{
	for (unsigned n = 0; n < pair->cpus; n++)
		if (pair->ours.cpu[n].overdue)
			compare_found(pair, FINDING_OURS, n, FINDING_OVERDUE, 0, 0);
	check_refused(pair);
	check_lowest(pair);
}
