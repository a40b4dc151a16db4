// SPDX-License-Identifier: BSD-2-Clause
// Holds all that differs after a step against the ledger, and what follows from what it explains.
// Not the ledger's words: ledger.c.

#include "vmm/diff/pair.h"

#define REG_TPR 0x08u
#define REG_PPR 0x0Au
#define REG_ISR 0x10u

/* What has been explained in this step. */
struct explained {
	bool fault;
	bool priority[PROGRAM_CPUS_MAX]; /* something that PPR follows from */
	bool init[PROGRAM_CPUS_MAX];     /* one side alone had an INIT */
};

/* A register that an operation wrote on one side and was refused on the other goes with that; PPR
 * goes with TPR, ISR and what was taken; and all goes with an INIT. */
static bool follows(const struct pair *pair, const struct finding *finding,
		    const struct explained *explained)
{
	if (finding->field == FINDING_OURS)
		return false;
	if (explained->init[finding->cpu] && finding->field != FINDING_STATE)
		return true;
	if (finding->field != FINDING_REGISTER)
		return false;
	if (finding->reg == REG_PPR)
		return explained->priority[finding->cpu];
	return explained->fault && finding->cpu == pair->op->cpu &&
	       compare_register(pair->op, pair->before[pair->op->cpu]) == (int)finding->reg;
}

static void note(const struct pair *pair, struct explained *explained,
		 const struct finding *finding)
{
	bool isr = finding->reg >= REG_ISR && finding->reg < REG_ISR + 8;

	if (finding->field == FINDING_FAULT) {
		explained->fault = true;
		explained->priority[finding->cpu] =
			compare_register(pair->op, pair->before[finding->cpu]) == REG_TPR;
	}
	if (finding->field == FINDING_STATE &&
	    (finding->ours == FINDING_WAITS_FOR_SIPI || finding->kvm == FINDING_WAITS_FOR_SIPI))
		explained->init[finding->cpu] = true;
	/* The boot processor waits for no SIPI. */
	if (finding->field == FINDING_ARRIVED &&
	    (finding->ours == FINDING_AT_RESET || finding->kvm == FINDING_AT_RESET))
		explained->init[finding->cpu] = true;
	if (finding->field == FINDING_ARRIVED ||
	    (finding->field == FINDING_REGISTER && (isr || finding->reg == REG_TPR)))
		explained->priority[finding->cpu] = true;
}

/* PPR last: it follows from others. */
static const struct finding *unexplained_of(struct pair *pair, const struct ledger *ledger,
					    struct explained *explained, bool ppr)
{
	for (unsigned i = 0; i < pair->finding_count; i++) {
		const struct finding *finding = &pair->findings[i];

		if ((finding->field == FINDING_REGISTER && finding->reg == REG_PPR) != ppr)
			continue;
		pair->explained[i] = PAIR_FOLLOWS;
		if (follows(pair, finding, explained))
			continue;
		pair->explained[i] = ledger ? ledger_find(ledger, finding) : PAIR_UNEXPLAINED;
		if (pair->explained[i] < 0)
			return finding;
		note(pair, explained, finding);
	}
	return NULL;
}

const struct finding *explain(struct pair *pair, const struct ledger *ledger)
{
	struct explained explained = {0};
	const struct finding *finding;

	for (unsigned i = 0; i < pair->finding_count; i++)
		pair->explained[i] = PAIR_UNEXPLAINED;
	finding = unexplained_of(pair, ledger, &explained, false);
	return finding ? finding : unexplained_of(pair, ledger, &explained, true);
}

size_t explain_count(const struct pair *pair, struct ledger *ledger)
{
	size_t count = 0;

	for (unsigned i = 0; i < pair->finding_count; i++)
		if (pair->explained[i] >= 0) {
			ledger_add_matches(ledger, (unsigned)pair->explained[i], 1);
			count++;
		}
	return count;
}
