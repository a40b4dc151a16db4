// SPDX-License-Identifier: BSD-2-Clause
// What ours must keep whatever KVM does: else an entry of the ledger, or the second look, might
// hide it. Not a second model: each of these is one sentence of the SDM.

#include "vmm/diff/pair.h"

#define REG_LDR       0x0Du
#define REG_DFR       0x0Eu
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

/* To one of several: by logical ICR, by logical message, or by a fixed message with the hint. */
static bool is_lowest(const struct pair *pair)
{
	const struct program_op *op = pair->op;
	unsigned mode = op->value >> 8 & 7;

	if (op->kind == PROGRAM_MSI)
		return (op->where & 4) && (op->value & 0xC000) != 0x8000 &&
		       (mode == 1 || (mode == 0 && (op->where & 8)));
	return (op->kind == PROGRAM_WRITE || op->kind == PROGRAM_WRMSR) && pair->done &&
	       compare_register(op, pair->before[op->cpu]) == REG_ICR &&
	       (op->value & 0xC0F00) == 0x900;
}

/* Whether a logical destination means the same CPU to both: KVM takes a DFR of neither model for
 * cluster, and an LDR of 0 for one that its map of physical IDs may find (FINDINGS.md). */
static bool is_plain(const struct pair_cpu *c)
{
	uint32_t model = side_register(c->ours, REG_DFR) >> 28;

	return pair_mode(c->ours_base) == FINDING_X2APIC ||
	       (side_register(c->ours, REG_LDR) && (model == 0 || model == 15));
}

/* Which of them gets it is the model's affair (SDM "Lowest Priority Delivery Mode"), but it is one,
 * and not nobody where somebody takes it. */
static void check_lowest(struct pair *pair)
{
	unsigned vector = pair->op->value & 0xFF, ours = 0, kvm = 0;
	bool somebody = false;

	if (!is_lowest(pair) || vector < FIRST_LEGAL)
		return;
	for (unsigned n = 0; n < pair->cpus; n++) {
		const struct pair_cpu *c = &pair->cpu[n];

		/* A timer of the same vector would be counted for it. */
		if ((side_register(c->ours, REG_LVT_TIMER) & 0xFF) == vector)
			return;
		ours += got(&pair->ours.cpu[n].arrived, c->before, c->ours, vector);
		kvm += is_plain(c) && got(&pair->kvm.cpu[n].arrived, c->kvm_before, c->kvm, vector);
		somebody = somebody || has(c->before, vector);
	}
	if (!ours && kvm && !somebody)
		compare_found(pair, FINDING_OURS, 0, FINDING_NOBODY, 0, kvm);
	if (ours > 1)
		compare_found(pair, FINDING_OURS, 0, FINDING_SEVERAL, ours, kvm);
}

void invariant_check(struct pair *pair)
{
	for (unsigned n = 0; n < pair->cpus; n++)
		if (pair->ours.cpu[n].overdue)
			compare_found(pair, FINDING_OURS, n, FINDING_OVERDUE, 0, 0);
	check_refused(pair);
	check_lowest(pair);
}
