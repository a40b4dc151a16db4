// SPDX-License-Identifier: BSD-2-Clause
// What ours must keep whatever KVM does: else an entry of the ledger, or the second look, might
// hide it. Not a second model: each of these is one sentence of the SDM.

#include "vmm/diff/address.h"
#include "vmm/diff/pair.h"

#define REG_PPR       0x0Au
#define REG_SVR       0x0Fu
#define REG_ISR       0x10u
#define REG_TMR       0x18u
#define REG_IRR       0x20u
#define REG_LVT_TIMER 0x32u
#define REG_LVT_ERROR 0x37u
#define SVR_ENABLED   0x100u
#define FIRST_LEGAL   16u
#define VECTOR_NMI    2u
#define MODE_FIXED    0u
#define MODE_LOWEST   1u
#define MODE_NMI      4u
#define MODE_INIT     5u
#define MODE_SIPI     6u
#define MODE_EXTINT   7u

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

/* Whether CPU n of ours got the vector in this step; one that had it already does not say. */
static bool got(const struct pair *pair, unsigned n, unsigned vector)
{
	const struct side_log *log = &pair->ours.cpu[n].arrived;

	if (has(pair->cpu[n].before, vector))
		return false;
	for (unsigned i = 0; i < log->count; i++)
		if (log->items[i] == vector)
			return true;
	return has(pair->cpu[n].ours, vector);
}

/* Its timer or an error may have brought the same vector. */
static bool has_another_source(const struct pair *pair, unsigned n, unsigned vector)
{
	const uint8_t *image = pair->cpu[n].ours;

	return (side_register(image, REG_LVT_TIMER) & 0xFF) == vector ||
	       (side_register(image, REG_LVT_ERROR) & 0xFF) == vector;
}

static bool was_enabled(const struct pair *pair, unsigned n)
{
	return pair->before[n] != FINDING_DISABLED &&
	       (side_register(pair->cpu[n].before, REG_SVR) & SVR_ENABLED);
}

static bool is_vectored(const struct address *address)
{
	return address->mode <= MODE_LOWEST;
}

/* To one of several: not by a physical destination. */
static bool is_contest(const struct address *address)
{
	bool hinted = address->mode == MODE_FIXED && address->hint;

	if (address->shorthand != ADDRESS_NO_SHORTHAND)
		return address->shorthand == ADDRESS_OTHERS && address->mode == MODE_LOWEST;
	return address->logical && (address->mode == MODE_LOWEST || hinted);
}

/* SDM "Lowest Priority Delivery Mode": the winner is a matter of the model where several are of the
 * lowest priority, but it is one, and nobody's priority is lower. */
static void check_lowest(struct pair *pair, const struct address *address)
{
	unsigned vector = address->vector, ours = 0, winner = 0, lowest = 0x100;
	bool somebody = false;

	for (unsigned n = 0; n < pair->cpus; n++) {
		unsigned ppr = side_register(pair->cpu[n].before, REG_PPR);

		if (has_another_source(pair, n, vector))
			return;
		if (got(pair, n, vector)) {
			ours++;
			winner = n;
		}
		if (was_enabled(pair, n) && address_meets(pair, address, n) && ppr < lowest)
			lowest = ppr;
		somebody = somebody || has(pair->cpu[n].before, vector);
	}
	if (!ours && lowest < 0x100 && !somebody)
		compare_found(pair, FINDING_OURS, 0, FINDING_NOBODY, 0, 0);
	if (ours > 1)
		compare_found(pair, FINDING_OURS, 0, FINDING_SEVERAL, ours, 0);
	if (ours == 1 && side_register(pair->cpu[winner].before, REG_PPR) > lowest)
		compare_found(pair, FINDING_OURS, winner, FINDING_HIGHER, 0, 0);
}

static bool arrived(const struct pair *pair, unsigned n, unsigned first, unsigned last)
{
	const struct side_log *log = &pair->ours.cpu[n].arrived;

	for (unsigned i = 0; i < log->count; i++)
		if (log->items[i] >= first && log->items[i] <= last)
			return true;
	return false;
}

/* Whether CPU n of ours took something that this interrupt may have been. */
static bool took(const struct pair *pair, const struct address *address, unsigned n)
{
	const struct pair_cpu *c = &pair->cpu[n];

	switch (address->mode) {
	case MODE_FIXED:
	case MODE_LOWEST:
		return address->vector >= FIRST_LEGAL &&
		       !has_another_source(pair, n, address->vector) &&
		       got(pair, n, address->vector);
	case MODE_NMI: return arrived(pair, n, VECTOR_NMI, VECTOR_NMI);
	case MODE_INIT:
		return arrived(pair, n, FINDING_AT_RESET, FINDING_AT_RESET) ||
		       (pair->ours.cpu[n].state == FINDING_WAITS_FOR_SIPI && !c->waited);
	case MODE_SIPI: return arrived(pair, n, FINDING_STARTED, FINDING_STARTED | 0xFF);
	case MODE_EXTINT: return arrived(pair, n, FINDING_EXTINT, FINDING_EXTINT);
	default: return false;
	}
}

/* A CPU that the destination does not name, or whose LAPIC is software-disabled and is sent a
 * vector, takes nothing; and IPIs are edge, messages as they say. */
static void check_taken(struct pair *pair, const struct address *address)
{
	bool needs_enabled = is_vectored(address) || address->mode == MODE_EXTINT;

	for (unsigned n = 0; n < pair->cpus; n++) {
		unsigned reg = REG_TMR + address->vector / 32, bit = address->vector % 32;
		bool level = side_register(pair->cpu[n].ours, reg) >> bit & 1;

		if (!took(pair, address, n))
			continue;
		if (!address_meets(pair, address, n) || (needs_enabled && !was_enabled(pair, n)))
			compare_found(pair, FINDING_OURS, n, FINDING_UNMEANT, 0, 0);
		else if (is_vectored(address) && level != (address->message && address->level))
			compare_found(pair, FINDING_OURS, n, FINDING_TRIGGER, level, 0);
	}
}

static void check_sent(struct pair *pair)
{
	struct address address;

	if (!address_of(pair, &address))
		return;
	check_taken(pair, &address);
	if (is_contest(&address) && address.vector >= FIRST_LEGAL)
		check_lowest(pair, &address);
}

void invariant_check(struct pair *pair)
{
	for (unsigned n = 0; n < pair->cpus; n++)
		if (pair->ours.cpu[n].overdue)
			compare_found(pair, FINDING_OURS, n, FINDING_OVERDUE, 0, 0);
	check_refused(pair);
	check_sent(pair);
}
