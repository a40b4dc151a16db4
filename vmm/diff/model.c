// SPDX-License-Identifier: BSD-2-Clause
// Follows a program roughly: modes, destinations, who runs and who sleeps.
// Not priorities or times: those are what the two sides are asked about.
#include "vmm/diff/model.h"

#include "vmm/msr_index.h"

#define KEPT_MAX 16u

bool model_acts(const struct model *model, unsigned cpu)
{
	const struct model_cpu *c = &model->cpu[cpu];

	return !c->waiting && !c->halted && !c->lost;
}

uint32_t model_dcr(unsigned divide)
{
	unsigned code = 7; /* divide by 1 */

	while (divide > 1) {
		divide /= 2;
		code = (code + 1) % 8;
	}
	return (code & 4) << 1 | (code & 3);
}

static unsigned divide_of(uint64_t dcr)
{
	unsigned code = (dcr & 8) >> 1 | (dcr & 3);

	return 1u << ((code + 1) % 8);
}

/* As after INIT: the ID and IA32_APIC_BASE stay. */
static void reset_registers(struct model_cpu *c)
{
	c->enabled = false;
	c->counting = false;
	c->kept = 0;
	c->divide = 2;
	c->tpr = 0;
	c->ldr = 0;
	c->dfr = 0xFFFFFFFF;
	c->icr_high = 0;
	c->lvt_timer = MODEL_MASKED;
}

static void reset_processor(struct model_cpu *c, bool bsp)
{
	c->waiting = !bsp;
	c->halted = false;
	c->keep = false;
	c->interrupts = false;
}

void model_start(struct model *model, unsigned cpus, bool started, bool x2apic)
{
	*model = (struct model){.cpus = cpus, .x2apic = x2apic};
	for (unsigned i = 0; i < cpus; i++) {
		struct model_cpu *c = &model->cpu[i];

		c->mode = FINDING_XAPIC;
		c->base = 0xFEE00000u | MODEL_EN | (i == 0 ? MODEL_BSP : 0);
		c->id = i << 24;
		reset_registers(c);
		reset_processor(c, i == 0 || started);
	}
}

static enum finding_mode mode_of(uint64_t base)
{
	if (!(base & MODEL_EN))
		return FINDING_DISABLED;
	return base & MODEL_EXTD ? FINDING_X2APIC : FINDING_XAPIC;
}

static void write_base(struct model *model, unsigned cpu, uint64_t value)
{
	struct model_cpu *c = &model->cpu[cpu];
	enum finding_mode to = mode_of(value);
	bool illegal = (value & 0x2FF) != 0 || value >> 36 ||
		       (value & MODEL_EXTD && (!(value & MODEL_EN) || !model->x2apic)) ||
		       (c->mode == FINDING_X2APIC && to == FINDING_XAPIC) ||
		       (c->mode == FINDING_DISABLED && to == FINDING_X2APIC);

	if (illegal)
		return;
	if (to != c->mode) {
		c->id = cpu << 24;
		c->icr_high = 0;
	}
	if (to != c->mode && (to == FINDING_DISABLED || c->mode == FINDING_DISABLED))
		reset_registers(c);
	c->mode = to;
	c->base = value;
}

static bool matches_logical(const struct model_cpu *c, unsigned cpu,
			    const struct model_message *message)
{
	uint32_t dest = message->dest, ldr = c->ldr >> 24;

	if (dest == (message->dest32 ? 0xFFFFFFFF : 0xFF))
		return true;
	if (c->mode == FINDING_X2APIC)
		return dest >> 16 == 0 && (dest & 1u << cpu);
	if (dest > 0xFF)
		return false;
	if (c->dfr >> 28 == 0xF)
		return ldr & dest;
	return c->dfr >> 28 == 0 && ldr >> 4 == dest >> 4 && (ldr & dest & 0xF);
}

static bool matches(const struct model *model, unsigned cpu, const struct model_message *message)
{
	const struct model_cpu *c = &model->cpu[cpu];
	bool self = message->sender == (int)cpu;

	if (message->sender >= 0)
		switch (message->low & MODEL_OTHERS) {
		case MODEL_SELF: return self;
		case MODEL_ALL: return true;
		case MODEL_OTHERS: return !self;
		default: break;
		}
	if (message->low & MODEL_LOGICAL)
		return matches_logical(c, cpu, message);
	if (message->dest == (message->dest32 ? 0xFFFFFFFF : 0xFF))
		return true;
	return message->dest == (c->mode == FINDING_X2APIC ? cpu : c->id >> 24);
}

unsigned model_reaches(const struct model *model, const struct model_message *message)
{
	unsigned set = 0;

	for (unsigned cpu = 0; cpu < model->cpus; cpu++)
		if (model->cpu[cpu].mode != FINDING_DISABLED && matches(model, cpu, message))
			set |= 1u << cpu;
	return set;
}

static void take_fixed(struct model_cpu *c, unsigned vector)
{
	if (c->waiting || !c->enabled || vector < 16 || !c->interrupts)
		return;
	if (vector >> 4 <= c->tpr >> 4 || c->kept)
		return;
	c->halted = false;
	if (c->keep && c->kept < KEPT_MAX)
		c->kept++;
}

static void take_sipi(struct model_cpu *c, unsigned page)
{
	if (!c->waiting)
		return;
	c->waiting = false;
	c->lost = page < PROGRAM_SIPI_FIRST || page > PROGRAM_SIPI_LAST;
}

static void take(struct model_cpu *c, bool bsp, uint32_t low)
{
	switch (low >> 8 & 7) {
	case MODEL_FIXED: take_fixed(c, low & 0xFF); return;
	case MODEL_NMI: c->halted = false; return;
	case MODEL_SIPI: take_sipi(c, low & 0xFF); return;
	case MODEL_INIT:
		if (low & MODEL_LEVEL && !(low & MODEL_ASSERT))
			return;
		reset_registers(c);
		reset_processor(c, bsp);
		return;
	default: return;
	}
}

static void deliver(struct model *model, const struct model_message *message)
{
	unsigned set = model_reaches(model, message);
	uint32_t low = message->low;

	/* Lowest priority: who it is among several is not known here. */
	if ((low >> 8 & 7) == MODEL_LOWEST) {
		if (!set || (set & (set - 1)))
			return;
		low &= ~0x700u;
	}
	for (unsigned cpu = 0; cpu < model->cpus; cpu++)
		if (set & 1u << cpu)
			take(&model->cpu[cpu], cpu == 0, low);
}

static void write_svr(struct model_cpu *c, uint64_t value)
{
	c->enabled = value & 0x100;
	if (!c->enabled)
		c->lvt_timer |= MODEL_MASKED;
}

static void write_lvt_timer(struct model_cpu *c, uint64_t value)
{
	bool was = (c->lvt_timer & MODEL_TIMER_DEADLINE) != 0, is = value & MODEL_TIMER_DEADLINE;

	c->lvt_timer = (uint32_t)value | (c->enabled ? 0 : MODEL_MASKED);
	if (was != is)
		c->counting = false;
}

static void write_reg(struct model *model, unsigned cpu, unsigned reg, uint64_t value)
{
	struct model_cpu *c = &model->cpu[cpu];
	bool page = c->mode == FINDING_XAPIC;

	switch (reg) {
	case MODEL_TPR: c->tpr = (uint8_t)value; return;
	case MODEL_SVR: write_svr(c, value); return;
	case MODEL_EOI: c->kept -= c->kept > 0; return;
	case MODEL_ID: c->id = page ? (uint32_t)value & 0xFF000000u : c->id; return;
	case MODEL_LDR: c->ldr = page ? (uint32_t)value & 0xFF000000u : c->ldr; return;
	case MODEL_DFR: c->dfr = page ? (uint32_t)value | 0x0FFFFFFFu : c->dfr; return;
	case MODEL_ICR_HIGH: c->icr_high = (uint32_t)value; return;
	case MODEL_LVT_TIMER: write_lvt_timer(c, value); return;
	case MODEL_DCR:
		/* WRMSR of a reserved bit is a #GP. */
		if (page || !(value & ~UINT64_C(0xB)))
			c->divide = divide_of(value);
		return;
	case MODEL_TMICT:
		if (!(c->lvt_timer & MODEL_TIMER_DEADLINE))
			c->counting = value != 0;
		return;
	default: return;
	}
}

/* The register that an operation writes, or -1. */
static int written(const struct model_cpu *c, const struct program_op *op)
{
	if (op->kind == PROGRAM_EOI && c->mode != FINDING_DISABLED)
		return MODEL_EOI;
	if (op->kind == PROGRAM_WRITE && c->mode == FINDING_XAPIC && op->width == 4 &&
	    op->where % 16 == 0)
		return (int)(op->where >> 4);
	if (op->kind == PROGRAM_WRMSR && c->mode == FINDING_X2APIC &&
	    op->where >= MSR_X2APIC_FIRST && op->where <= MSR_X2APIC_LAST &&
	    (op->where == MSR_X2APIC_FIRST + MODEL_ICR || op->value >> 32 == 0))
		return (int)(op->where - MSR_X2APIC_FIRST);
	return -1;
}

static bool msi_message(const struct program_op *op, struct model_message *message)
{
	bool logical = op->where & 4, hint = op->where & 8;
	uint32_t low = (uint32_t)op->value & 0xC7FF;

	*message = (struct model_message){.sender = -1, .dest = op->where >> 12 & 0xFF, .low = low};
	/* Fixed and lowest priority alone can be level. */
	if ((low >> 8 & 7) > MODEL_LOWEST)
		message->low &= ~MODEL_LEVEL;
	if (logical)
		message->low |= MODEL_LOGICAL;
	if (logical && hint && (low >> 8 & 7) <= MODEL_LOWEST)
		message->low = (message->low & ~0x700u) | MODEL_LOWEST << 8;
	return !(message->low & MODEL_LEVEL) || (low & MODEL_ASSERT);
}

bool model_sends(const struct model *model, const struct program_op *op,
		 struct model_message *message)
{
	const struct model_cpu *c = &model->cpu[op->cpu];
	bool wide = c->mode == FINDING_X2APIC;
	int reg;

	if (op->kind == PROGRAM_MSI)
		return msi_message(op, message);
	reg = written(c, op);
	*message = (struct model_message){.sender = op->cpu, .dest32 = wide};
	if (reg == MODEL_SELF_IPI && wide) {
		message->low = MODEL_SELF | ((uint32_t)op->value & 0xFF);
		return op->value <= 0xFF;
	}
	if (reg != MODEL_ICR || (wide && op->value & 0xFFF32000u))
		return false;
	message->low = (uint32_t)op->value & 0xCCFFF;
	message->dest = wide ? (uint32_t)(op->value >> 32) : c->icr_high >> 24;
	return true;
}

void model_op(struct model *model, const struct program_op *op)
{
	struct model_cpu *c = &model->cpu[op->cpu];
	struct model_message message;
	int reg;

	if (op->kind == PROGRAM_WAIT || (op->kind != PROGRAM_MSI && !model_acts(model, op->cpu)))
		return;
	if (model_sends(model, op, &message)) {
		deliver(model, &message);
		return;
	}
	reg = written(c, op);
	if (reg >= 0) {
		write_reg(model, op->cpu, (unsigned)reg, op->value);
		return;
	}
	switch (op->kind) {
	case PROGRAM_WRMSR:
		if (op->where == MSR_IA32_APIC_BASE)
			write_base(model, op->cpu, op->value);
		return;
	case PROGRAM_WRITE_CR8:
		c->tpr = op->value < 16 ? (uint8_t)(op->value << 4) : c->tpr;
		return;
	case PROGRAM_STI: c->interrupts = true; return;
	case PROGRAM_CLI: c->interrupts = false; return;
	case PROGRAM_HLT: c->halted = true; return;
	case PROGRAM_KEEP: c->keep = op->value; return;
	default: return;
	}
}
