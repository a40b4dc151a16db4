// SPDX-License-Identifier: BSD-2-Clause
// Looks at both sides after a step and lists what differs.
// Not a judgement: what is known to differ stands in the ledger.

#include "vmm/diff/address.h"
#include "vmm/diff/pair.h"

#include <string.h>

#include "vmm/kick.h"
#include "vmm/msr_index.h"

#define REGISTERS     64u
#define REG_ID        0x02u
#define REG_LDR       0x0Du
#define REG_DFR       0x0Eu
#define REG_ISR       0x10u
#define REG_ESR       0x28u
#define REG_SVR       0x0Fu
#define REG_LVT_TIMER 0x32u
#define REG_LVT_ERROR 0x37u
#define REG_TMICT     0x38u
#define REG_TMCCT     0x39u
#define SVR_ENABLED   0x100u
#define LVT_MASKED    0x10000u
#define REG_ICR       0x30u
#define MODE          0x700u
#define MODE_INIT     0x500u
#define MSR_X2APIC    0x800u
#define APIC_EN       0x800u
#define APIC_EXTD     0x400u

enum finding_mode pair_mode(uint64_t base)
{
	if (!(base & APIC_EN))
		return FINDING_DISABLED;
	return base & APIC_EXTD ? FINDING_X2APIC : FINDING_XAPIC;
}

int compare_register(const struct program_op *op, enum finding_mode mode)
{
	bool page = op->kind == PROGRAM_READ || op->kind == PROGRAM_WRITE;

	if (page && mode == FINDING_XAPIC && op->where >> 4 < REGISTERS)
		return (int)(op->where >> 4);
	if ((op->kind == PROGRAM_RDMSR || op->kind == PROGRAM_WRMSR) && op->where >= MSR_X2APIC &&
	    op->where < MSR_X2APIC + REGISTERS)
		return (int)(op->where - MSR_X2APIC);
	return -1;
}

/* Whether the step may have given CPU n another TMICT. */
static bool may_set_tmict(const struct pair *pair, unsigned n)
{
	const struct program_op *op = pair->op;
	bool writes = op && (op->kind == PROGRAM_WRITE || op->kind == PROGRAM_WRMSR);
	int reg = writes ? compare_register(op, pair->before[op->cpu]) : -1;

	if (!op || (op->kind == PROGRAM_MSI && (op->value & MODE) == MODE_INIT))
		return true;
	if (reg == REG_ICR && (op->value & MODE) == MODE_INIT)
		return true;
	return writes && op->cpu == n &&
	       (reg == REG_TMICT || reg == REG_LVT_TIMER || op->where == MSR_IA32_APIC_BASE);
}

/* side_kernel_set() */
static void show_tmict(struct pair *pair, unsigned n)
{
	uint32_t *hidden = &pair->kvm.cpu[n].hidden_tmict;

	if (side_register(pair->cpu[n].ours, REG_TMICT) != *hidden && may_set_tmict(pair, n))
		*hidden = 0;
	if (*hidden && !side_register(pair->cpu[n].kvm, REG_TMICT))
		side_set_register(pair->cpu[n].kvm, REG_TMICT, *hidden);
}

void compare_look(struct pair *pair)
{
	for (unsigned n = 0; n < pair->cpus; n++) {
		struct pair_cpu *c = &pair->cpu[n];

		c->kvm_base = pair->kvm.kind->base(&pair->kvm, n);
		c->kvm_deadline = pair->kvm.kind->deadline(&pair->kvm, n);
		/* Our clock stands still meanwhile: nothing runs out between one look and the next.
		 */
		c->kvm_from = kick_clock_ns();
		c->ours_base = pair->ours.kind->base(&pair->ours, n);
		c->ours_deadline = pair->ours.kind->deadline(&pair->ours, n);
		pair->ours.kind->image(&pair->ours, n, c->ours);
		clocks_look(&c->timer, pair->ours.cpu[n].lapic, c->ours, pair->ours.now_ns,
			    pair->ours.now_tsc, pair->tsc.khz);
		pair->kvm.kind->image(&pair->kvm, n, c->kvm);
		c->kvm_to = kick_clock_ns();
		c->ours_nmi = c->kvm_nmi = false;
		if (pair->ours.cpu[n].state == FINDING_WAITS_FOR_SIPI &&
		    pair->kvm.cpu[n].state == FINDING_WAITS_FOR_SIPI) {
			c->ours_nmi = pair->ours.kind->nmi(&pair->ours, n);
			c->kvm_nmi = pair->kvm.kind->nmi(&pair->kvm, n);
		}
		show_tmict(pair, n);
		c->timer.late += pair->kvm.cpu[n].delayed_ns;
		pair->kvm.cpu[n].delayed_ns = 0;
	}
}

static bool is_unchanged(const struct pair_cpu *c, unsigned reg, uint64_t bits)
{
	return !((side_register(c->before, reg) ^ side_register(c->ours, reg)) & bits);
}

void compare_found(struct pair *pair, enum finding_field field, unsigned cpu, unsigned position,
		   uint64_t ours, uint64_t kvm)
{
	const struct pair_cpu *c = &pair->cpu[cpu];
	struct address address;

	if (pair->finding_count == PAIR_FINDINGS_MAX)
		return;
	pair->findings[pair->finding_count++] = (struct finding){
		.field = field,
		.cpu = cpu,
		.reg = position,
		.n = position,
		.ours = ours,
		.kvm = kvm,
		.op = pair->op,
		.before = pair->before[cpu],
		.mode = pair_mode(c->ours_base),
		.enabled = (side_register(c->ours, REG_SVR) & SVR_ENABLED) != 0,
		.lvt_error = side_register(c->ours, REG_LVT_ERROR),
		.lvt_timer = side_register(c->ours, REG_LVT_TIMER),
		.svr = side_register(c->ours, REG_SVR),
		.id = side_register(c->ours, REG_ID),
		.ldr = side_register(c->ours, REG_LDR),
		.dfr = side_register(c->ours, REG_DFR),
		.past = field == FINDING_DEADLINE && kvm <= pair->ours.now_tsc,
		.sent_011 = c->sent_011,
		.twin = c->twin,
		.counted = side_register(c->before, REG_TMCCT) != 0,
		.was_enabled = (side_register(c->before, REG_SVR) & SVR_ENABLED) != 0,
		.was_masked = (side_register(c->before, REG_LVT_TIMER) & LVT_MASKED) != 0,
		.was_ldr = side_register(c->before, REG_LDR),
		.unchanged = field == FINDING_REGISTER && is_unchanged(c, position, ours ^ kvm),
		.icr_high = pair->icr_high,
		.addressed = address_of(pair, &address) && address_meets(pair, &address, cpu),
	};
}

static void compare_log(struct pair *pair, enum finding_field field, unsigned cpu,
			const struct side_log *ours, const struct side_log *kvm)
{
	for (unsigned i = 0; i < ours->count || i < kvm->count; i++) {
		uint64_t a = i < ours->count ? ours->items[i] : FINDING_NOTHING;
		uint64_t b = i < kvm->count ? kvm->items[i] : FINDING_NOTHING;

		if (a != b)
			compare_found(pair, field, cpu, i, a, b);
	}
}

static void compare_count(struct pair *pair, unsigned cpu, const struct clocks_timer *timer,
			  uint64_t kvm, uint64_t from, uint64_t to)
{
	struct clocks_count may = clocks_counts(timer, from, to);

	if (kvm < may.least || kvm > may.most)
		compare_found(pair, FINDING_COUNT, cpu, REG_TMCCT,
			      kvm < may.least ? may.least : may.most, kvm);
}

/* What a read of any width and place gives of a 32-bit register. */
static uint64_t part_of(const struct program_op *op, uint32_t value)
{
	if (op->kind != PROGRAM_READ)
		return value;
	if (op->where % 16 >= 4)
		return 0;
	value >>= op->where % 16 * 8;
	return op->width >= 4 ? value : value & ((1u << 8 * op->width) - 1);
}

static bool whole(const struct program_op *op)
{
	return op->kind == PROGRAM_RDMSR ||
	       (op->kind == PROGRAM_READ && op->where % 16 == 0 && op->width == 4);
}

static void compare_answer(struct pair *pair)
{
	const struct program_op *op = pair->op;
	unsigned cpu = op->cpu;
	bool reads, count;

	if (pair->ours_answer.fault != pair->kvm_answer.fault) {
		compare_found(pair, FINDING_FAULT, cpu, 0, pair->ours_answer.fault,
			      pair->kvm_answer.fault);
		return;
	}
	/* Each side has looked at the TSC itself. */
	if (op->kind == PROGRAM_RDTSC || pair->ours_answer.fault != FINDING_NO_FAULT)
		return;
	reads = op->kind == PROGRAM_READ || op->kind == PROGRAM_RDMSR;
	count = reads && compare_register(op, pair->before[cpu]) == REG_TMCCT;
	/* A part of it says nothing of how far apart the two are; what lies beyond is no count. */
	if (count && !whole(op)) {
		count = false;
		if (op->where % 16 + op->width <= 4)
			return;
	}
	if (reads && compare_register(op, pair->before[cpu]) == REG_TMICT &&
	    !pair->kvm_answer.value)
		pair->kvm_answer.value = part_of(op, pair->kvm.cpu[cpu].hidden_tmict);
	if (count && pair->answer_timer.runs)
		compare_count(pair, cpu, &pair->answer_timer, pair->kvm_answer.value, pair->t0,
			      pair->t1);
	else if (pair->ours_answer.value != pair->kvm_answer.value)
		compare_found(pair, FINDING_VALUE, cpu, 0, pair->ours_answer.value,
			      pair->kvm_answer.value);
}

/* Each vector is a finding of its own: one step may lead to several, for different reasons. */
static void compare_vectors(struct pair *pair, unsigned cpu, unsigned reg, uint32_t ours,
			    uint32_t kvm)
{
	for (uint32_t rest = ours ^ kvm; rest; rest &= rest - 1) {
		uint32_t bit = rest & -rest;

		compare_found(pair, FINDING_REGISTER, cpu, reg, ours & bit, kvm & bit);
	}
}

static void compare_cpu(struct pair *pair, unsigned n)
{
	const struct pair_cpu *c = &pair->cpu[n];
	const struct side_cpu *ours = &pair->ours.cpu[n], *kvm = &pair->kvm.cpu[n];

	if (ours->state != kvm->state)
		compare_found(pair, FINDING_STATE, n, 0, ours->state, kvm->state);
	if (c->ours_nmi != c->kvm_nmi)
		compare_found(pair, FINDING_NMI, n, 0, c->ours_nmi, c->kvm_nmi);
	compare_log(pair, FINDING_ARRIVED, n, &ours->arrived, &kvm->arrived);
	compare_log(pair, FINDING_EOI, n, &ours->eois, &kvm->eois);
	if (c->ours_base != c->kvm_base)
		compare_found(pair, FINDING_BASE, n, 0, c->ours_base, c->kvm_base);
	if (c->ours_deadline != c->kvm_deadline)
		compare_found(pair, FINDING_DEADLINE, n, 0, c->ours_deadline, c->kvm_deadline);
	for (unsigned reg = 0; reg < REGISTERS; reg++) {
		uint32_t a = side_register(c->ours, reg), b = side_register(c->kvm, reg);

		if (reg == REG_TMCCT)
			compare_count(pair, n, &c->timer, b, c->kvm_from, c->kvm_to);
		else if (reg >= REG_ISR && reg < REG_ESR)
			compare_vectors(pair, n, reg, a, b);
		else if (a != b)
			compare_found(pair, FINDING_REGISTER, n, reg, a, b);
	}
}

static uint32_t own_id(const struct pair *pair, unsigned n)
{
	uint32_t id = side_register(pair->cpu[n].ours, REG_ID);

	return pair_mode(pair->cpu[n].ours_base) == FINDING_X2APIC ? id : id >> 24;
}

void compare_begin(struct pair *pair)
{
	for (unsigned n = 0; n < pair->cpus; n++) {
		struct pair_cpu *c = &pair->cpu[n];

		memcpy(c->before, c->ours, sizeof(c->before));
		c->twin = false;
		c->waited = pair->ours.cpu[n].state == FINDING_WAITS_FOR_SIPI;
		c->base_before = c->ours_base;
		for (unsigned other = 0; other < pair->cpus; other++)
			c->twin = c->twin || (other != n && own_id(pair, other) == own_id(pair, n));
	}
}

void compare_step(struct pair *pair)
{
	pair->finding_count = 0;
	invariant_check(pair);
	if (pair->done)
		compare_answer(pair);
	for (unsigned n = 0; n < pair->cpus; n++)
		compare_cpu(pair, n);
}
