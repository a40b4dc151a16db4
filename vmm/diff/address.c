// SPDX-License-Identifier: BSD-2-Clause
// Destinations of the ICR and of messages; SDM "Determining IPI Destination", "ICR Operation in
// x2APIC Mode", "Message Address Register Format". Not lowest-priority arbitration: invariant.c.
#include "vmm/diff/address.h"

#include "vmm/diff/pair.h"

#define REG_ID          0x02u
#define REG_LDR         0x0Du
#define REG_DFR         0x0Eu
#define REG_ICR         0x30u
#define ICR_LOGICAL     0x800u
#define ICR_ASSERT      0x4000u
#define ICR_LEVEL       0x8000u
#define SHORTHAND_SHIFT 18
#define MODE_LOWEST     1u
#define MODE_INIT       5u
#define MSI_LOGICAL     4u
#define MSI_HINT        8u
#define BROADCAST8      0xFFu
#define BROADCAST32     0xFFFFFFFFu

/* A page that was moved onto RAM is RAM. */
static bool reaches_lapic(const struct pair *pair)
{
	const struct program_op *op = pair->op;
	uint64_t page = pair->cpu[op->cpu].base_before & ~UINT64_C(0xFFF);

	if (op->kind == PROGRAM_WRMSR)
		return true;
	return op->kind == PROGRAM_WRITE && op->where % 16 == 0 && op->width == 4 &&
	       !ram_at(&pair->ours.ram, page, RAM_PAGE_SIZE);
}

static void split(struct address *address, uint32_t icr)
{
	address->mode = icr >> 8 & 7;
	address->vector = icr & 0xFF;
	address->level = (icr & ICR_LEVEL) != 0;
}

bool address_of(const struct pair *pair, struct address *address)
{
	const struct program_op *op = pair->op;
	uint32_t icr = (uint32_t)op->value;
	bool deassert = (icr & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL;

	*address = (struct address){.message = op->kind == PROGRAM_MSI};
	split(address, icr);
	if (op->kind == PROGRAM_MSI) {
		address->dest = op->where >> 12 & 0xFF;
		address->logical = (op->where & MSI_LOGICAL) != 0;
		address->hint = (op->where & MSI_HINT) != 0;
		return !deassert || address->mode > MODE_LOWEST;
	}
	if (!pair->done || pair->ours_answer.fault != FINDING_NO_FAULT || !reaches_lapic(pair) ||
	    compare_register(op, pair->before[op->cpu]) != REG_ICR)
		return false;
	address->dest32 = op->kind == PROGRAM_WRMSR;
	address->dest = address->dest32 ? (uint32_t)(op->value >> 32) : pair->icr_high >> 24;
	address->logical = (icr & ICR_LOGICAL) != 0;
	address->shorthand = (enum address_shorthand)(icr >> SHORTHAND_SHIFT & 3);
	return !deassert || address->mode != MODE_INIT;
}

static bool is_broadcast(const struct address *address)
{
	return address->dest == (address->dest32 ? BROADCAST32 : BROADCAST8);
}

static bool meets_logical(const struct pair_cpu *c, const struct address *address)
{
	uint32_t ldr = side_register(c->before, REG_LDR) >> 24, dest = address->dest;
	uint32_t model = side_register(c->before, REG_DFR) >> 28;

	if (model != 0xF && model != 0)
		return false;
	if (is_broadcast(address) || dest == BROADCAST8)
		return true;
	if (dest > BROADCAST8)
		return false;
	if (model == 0xF)
		return (ldr & dest) != 0;
	return ldr >> 4 == dest >> 4 && (ldr & dest & 0xF) != 0;
}

static bool meets_x2apic_logical(const struct pair_cpu *c, const struct address *address)
{
	uint32_t ldr = side_register(c->before, REG_LDR), dest = address->dest;

	return is_broadcast(address) || (ldr >> 16 == dest >> 16 && (ldr & dest & 0xFFFF) != 0);
}

bool address_meets(const struct pair *pair, const struct address *address, unsigned n)
{
	const struct pair_cpu *c = &pair->cpu[n];
	bool x2apic = pair->before[n] == FINDING_X2APIC, self = n == pair->op->cpu;
	uint32_t id = side_register(c->before, REG_ID);

	if (pair->before[n] == FINDING_DISABLED)
		return false;
	switch (address->shorthand) {
	case ADDRESS_SELF: return self;
	case ADDRESS_ALL: return true;
	case ADDRESS_OTHERS: return !self;
	case ADDRESS_NO_SHORTHAND: break;
	}
	if (address->logical)
		return x2apic ? meets_x2apic_logical(c, address) : meets_logical(c, address);
	return is_broadcast(address) || address->dest == (x2apic ? id : id >> 24);
}
