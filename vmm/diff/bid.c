// SPDX-License-Identifier: BSD-2-Clause
// One operation of a program on both sides, first on KVM's, and what is known of its time.
// Not what comes of it: settle.c, compare.c.

#include "vmm/diff/address.h"
#include "vmm/diff/pair.h"
#include "vmm/kick.h"
#include "vmm/msr_index.h"

#define REG_LVT_LINT0  0x35u
#define REG_LVT_LINT1  0x36u
#define LVT_LEVEL      0x8000u
#define LVT_MODE       0x700u
#define LVT_EXTINT     0x700u
#define LVT_ACTIVE_LOW 0x2000u
#define EOI_OFFSET     0xB0u
#define MSR_EOI        0x80Bu
#define MODE_011       3u

/* By what the puppet does it. */
static uint64_t what_of(const struct program_op *op)
{
	static const uint8_t plain[PROGRAM_KINDS] = {
		[PROGRAM_RDMSR] = PUPPET_DO_RDMSR,
		[PROGRAM_WRMSR] = PUPPET_DO_WRMSR,
		[PROGRAM_DEADLINE] = PUPPET_DO_DEADLINE,
		[PROGRAM_READ_CR8] = PUPPET_DO_READ_CR8,
		[PROGRAM_WRITE_CR8] = PUPPET_DO_WRITE_CR8,
		[PROGRAM_RDTSC] = PUPPET_DO_RDTSC,
		[PROGRAM_STI] = PUPPET_DO_STI,
		[PROGRAM_CLI] = PUPPET_DO_CLI,
		[PROGRAM_HLT] = PUPPET_DO_HLT,
	};
	uint64_t by_width = op->width == 1 ? 0 : op->width == 2 ? 1 : op->width == 4 ? 2 : 3;

	if (op->kind == PROGRAM_READ)
		return PUPPET_DO_READ1 + by_width;
	if (op->kind == PROGRAM_WRITE)
		return PUPPET_DO_WRITE1 + by_width;
	return plain[op->kind];
}

/* KVM's LAPICs have no LINT pins, and those of ours are not connected, so they are low: a
 * level-triggered entry that takes low for active would deliver without end. */
static uint64_t value_of(const struct program_op *op, enum finding_mode mode)
{
	int reg = compare_register(op, mode);
	bool lint = reg == REG_LVT_LINT0 || reg == REG_LVT_LINT1;
	bool level = (op->value & LVT_LEVEL) || (op->value & LVT_MODE) == LVT_EXTINT;

	return lint && level ? op->value & ~(uint64_t)LVT_ACTIVE_LOW : op->value;
}

static struct pair_answer bid(struct side *side, const struct program_op *op, uint64_t deadline)
{
	uint64_t base = side->kind->base(side, op->cpu), page = base & ~UINT64_C(0xFFF);
	uint64_t what = what_of(op), address = op->where, value = value_of(op, pair_mode(base));
	const struct puppet_block *block = side->cpu[op->cpu].block;

	if (op->kind == PROGRAM_READ || op->kind == PROGRAM_WRITE)
		address += page;
	if (op->kind == PROGRAM_EOI) {
		static const uint64_t how[] = {PUPPET_DO_NOTHING, PUPPET_DO_WRITE4,
					       PUPPET_DO_WRMSR};
		enum finding_mode mode = pair_mode(base);

		what = how[mode];
		address = mode == FINDING_X2APIC ? MSR_EOI : page + EOI_OFFSET;
		value = 0;
	}
	/* The second side writes what the first has computed. */
	if (op->kind == PROGRAM_DEADLINE && deadline) {
		what = PUPPET_DO_WRMSR;
		address = MSR_IA32_TSC_DEADLINE;
		value = deadline;
	}
	side_do(side, op->cpu, what, address, value);
	/* A MOV to CR8 that changes nothing there is no exit, but clears TPR[3:0]. */
	if (op->kind == PROGRAM_WRITE_CR8 && block->fault == FINDING_NO_FAULT &&
	    side->cpu[op->cpu].lapic)
		lapic_write_cr8(side->cpu[op->cpu].lapic, value);
	return (struct pair_answer){block->result, block->fault};
}

static void note_timer(struct pair *pair, const struct clocks_timer *before)
{
	struct pair_cpu *c = &pair->cpu[pair->op->cpu];
	int reg = compare_register(pair->op, pair->before[pair->op->cpu]);
	bool whole = pair->op->kind == PROGRAM_WRITE && pair->op->where % 16 == 0 &&
		     pair->op->width == 4;

	if (reg >= 0 && (whole || pair->op->kind == PROGRAM_WRMSR) &&
	    pair->kvm_answer.fault == FINDING_NO_FAULT)
		clocks_written(&c->timer, (unsigned)reg, pair->t0, pair->t1, before);
}

static bool do_by_cpu(struct pair *pair)
{
	const struct program_op *op = pair->op;
	uint64_t first = settle_first_expiry(pair);
	struct clocks_timer before = pair->cpu[op->cpu].timer;

	pair->done = pair->kvm.cpu[op->cpu].state == FINDING_RUNNING &&
		     pair->ours.cpu[op->cpu].state == FINDING_RUNNING;
	pair->idle = pair->kvm.cpu[op->cpu].state;
	if (!pair->done)
		return true;
	pair->t0 = kick_clock_ns();
	pair->kvm_answer = bid(&pair->kvm, op, 0);
	pair->t1 = pair_clock(pair);
	if (pair->t1 >= first)
		return false;
	pair->ours_answer = bid(&pair->ours, op, pair->kvm_answer.value);
	if (op->kind == PROGRAM_DEADLINE)
		pair->kvm_answer.value = pair->ours_answer.value = 0;
	compare_look(pair);
	note_timer(pair, &before);
	pair->answer_timer = pair->cpu[op->cpu].timer;
	return true;
}

/* KVM remembers mode 011b of who does not sleep. It has its own reading of logical destinations:
 * they may be anybody's. */
static void note_sent(struct pair *pair)
{
	struct address address;

	if (!address_of(pair, &address) || address.mode != MODE_011)
		return;
	for (unsigned n = 0; n < pair->cpus; n++)
		if (pair->kvm.cpu[n].state != FINDING_HALTED &&
		    (address.logical || address_meets(pair, &address, n)))
			pair->cpu[n].sent_011 = true;
}

static bool do_op(struct pair *pair)
{
	const struct program_op *op = pair->op;

	switch (op->kind) {
	case PROGRAM_KEEP:
		pair->ours.cpu[op->cpu].keep = pair->kvm.cpu[op->cpu].keep = op->value != 0;
		return true;
	case PROGRAM_WAIT: settle_rest(pair, op->value * 1000); return true;
	case PROGRAM_MSI:
		pair->kvm.kind->message(&pair->kvm, op->where, (uint32_t)op->value);
		pair_clock(pair);
		pair->ours.kind->message(&pair->ours, op->where, (uint32_t)op->value);
		return true;
	default: return do_by_cpu(pair);
	}
}

bool bid_op(struct pair *pair)
{
	bool in_time;

	pair->done = false;
	in_time = do_op(pair);
	note_sent(pair);
	return in_time;
}
