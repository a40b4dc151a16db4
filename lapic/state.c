// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading, judging and applying the whole state of a LAPIC.
 * Not the bytes on disk or in a page: save.c, image.c.
 */
#include "lapic/state.h"

void state_read(struct lapic *l, struct state *state)
{
	uint64_t work, remaining;

	/* What is due or posted by now belongs to the past: into IRR with it. Time goes on, so that
	 * there is one such moment. */
	work = mailbox_drain(l);
	remaining = timer_remaining(l);
	*state = (struct state){
		.apic_base = l->apic_base,
		.tsc_deadline = l->timer == TIMER_DEADLINE ? l->tsc_deadline : 0,
		.remaining = remaining,
		.work = work & WORK_SAVED,
		.initial_id = l->initial_id,
		.timer = l->timer,
		.esr_internal = l->esr_internal,
		.error_disarmed = l->error_disarmed,
		.lint0_vector = l->lint0_vector,
	};
	for (unsigned n = 0; n < REG_COUNT; n++)
		state->regs[n] = reg_get(l, n);
	for (unsigned i = 0; i < 8; i++) {
		state->regs[REG_IRR + i] = mailbox_register(l->irr, i);
		state->regs[REG_TMR + i] = mailbox_register(l->tmr, i);
	}
	state->regs[REG_TMCCT] = timer_count_of(l, state->remaining);
	state->regs[REG_APR] = 0; /* follows from the others */
	timer_tell(l);
}

static bool is_lvt(unsigned n)
{
	return n == REG_LVT_CMCI || (n >= REG_LVT_TIMER && n <= REG_LVT_ERROR);
}

static bool lvt_ok(const struct lapic *l, const struct state *s, unsigned n)
{
	const uint32_t *regs = s->regs;
	const struct reg_row *row = &reg_table[n];
	uint32_t lvt = regs[n];

	if (!reg_exists(l, row))
		return lvt == 0;
	if (lvt & ~(row->writable | (n == REG_LVT_LINT0 ? LVT_REMOTE_IRR : 0)))
		return false;
	if (!(regs[REG_SVR] & SVR_ENABLED) && !(lvt & LVT_MASKED))
		return false;
	if (!(lvt & LVT_REMOTE_IRR))
		return true;
	/* It waits for the EOI of a vector that exists: the entry's, or the one it had then. */
	return (lvt & LVT_LEVEL) && !(lvt & LVT_MODE) &&
	       ((lvt & LVT_VECTOR) >= 16 || s->lint0_vector >= 16);
}

static enum lapic_state_error id_check(const struct lapic *l, const struct state *s)
{
	enum apic_mode mode = mode_of(s->apic_base);
	uint32_t id = s->regs[REG_ID], low8 = (l->initial_id & 0xFFu) << 24;

	if (s->initial_id != l->initial_id)
		return LAPIC_STATE_ID;
	if (mode == MODE_X2APIC)
		return id == l->initial_id ? LAPIC_STATE_OK : LAPIC_STATE_ID;
	if ((id & 0xFFFFFFu) || (!l->config.xapic_id_writable && id != low8))
		return LAPIC_STATE_ID;
	return LAPIC_STATE_OK;
}

static bool ldr_ok(const struct lapic *l, const struct state *s)
{
	if (mode_of(s->apic_base) == MODE_X2APIC)
		return s->regs[REG_LDR] == dest_x2apic_ldr(l->initial_id);
	return !(s->regs[REG_LDR] & 0xFFFFFFu);
}

static bool timer_ok(const struct state *s)
{
	uint32_t mode = s->regs[REG_LVT_TIMER] & LVT_TIMER_MODE, tmict = s->regs[REG_TMICT];
	uint64_t whole = (uint64_t)tmict << timer_shift_of(s->regs[REG_DCR]);

	if ((s->regs[REG_DCR] & ~reg_table[REG_DCR].writable) ||
	    ((mode & LVT_TIMER_DEADLINE) && tmict))
		return false;
	switch (s->timer) {
	case TIMER_OFF: return !s->remaining && !s->tsc_deadline;
	case TIMER_COUNTING:
		return s->remaining && s->remaining <= whole && !s->tsc_deadline &&
		       !(mode & LVT_TIMER_DEADLINE);
	case TIMER_DEADLINE: return !s->remaining && s->tsc_deadline && mode == LVT_TIMER_DEADLINE;
	default: return false;
	}
}

static bool events_ok(const struct state *s)
{
	bool disabled = mode_of(s->apic_base) == MODE_DISABLED;
	bool waits = (s->work & WORK_INIT) ? !(s->apic_base & APIC_BASE_BSP)
					   : (s->work & WORK_WAIT_SIPI) != 0;

	if ((s->work & ~WORK_SAVED) || (s->work & WORK_NMI_COUNT) == WORK_NMI_COUNT)
		return false;
	/* The bare pins bring NMI and INTR, nothing else comes in. */
	if (disabled && (s->work & WORK_MESSAGES & ~(WORK_NMI_COUNT | WORK_EXTINT)))
		return false;
	if (s->work & WORK_SIPI)
		return waits;
	return !(s->work & WORK_SIPI_VECTOR);
}

/* Vectors 0-15 do not exist; each half of the first registers must say so. */
static bool vectors_ok(const struct state *s)
{
	return !((s->regs[REG_IRR] | s->regs[REG_ISR] | s->regs[REG_TMR]) & 0xFFFFu);
}

static bool version_ok(const struct lapic *l, uint32_t theirs)
{
	uint32_t ours = reg_get(l, REG_VERSION);

	return (theirs & 0xFFu) == VERSION_NUMBER &&
	       (theirs >> 16 & 0xFFu) <= (ours >> 16 & 0xFFu) &&
	       !(theirs & 0xFEFFFF00u & ~0xFF0000u);
}

enum lapic_state_error state_check(const struct lapic *l, const struct state *s)
{
	const uint32_t *regs = s->regs;
	enum lapic_state_error error;
	bool icr_high_ok =
		mode_of(s->apic_base) == MODE_X2APIC || !(regs[REG_ICR_HIGH] & 0xFFFFFFu);

	if (((s->apic_base & APIC_BASE_EXTD) && !l->config.x2apic) ||
	    ((regs[REG_LVT_TIMER] & LVT_TIMER_DEADLINE) && !l->config.tsc_deadline) ||
	    (regs[REG_LVT_CMCI] && !l->config.cmci) ||
	    ((regs[REG_SVR] & SVR_SUPPRESS_EOI) && !l->config.eoi_suppression))
		return LAPIC_STATE_FEATURE;
	if (!mode_base_valid(l, s->apic_base))
		return LAPIC_STATE_BASE;
	error = id_check(l, s);
	if (error)
		return error;
	if (!version_ok(l, regs[REG_VERSION]))
		return LAPIC_STATE_VERSION_REGISTER;
	if (regs[REG_TPR] & ~0xFFu)
		return LAPIC_STATE_TPR;
	if (regs[REG_SVR] & ~reg_table[REG_SVR].writable)
		return LAPIC_STATE_SVR;
	if (!ldr_ok(l, s))
		return LAPIC_STATE_LDR;
	if ((regs[REG_DFR] & 0x0FFFFFFFu) != 0x0FFFFFFFu)
		return LAPIC_STATE_DFR;
	if (!vectors_ok(s))
		return LAPIC_STATE_VECTORS;
	if ((regs[REG_ESR] & ~0xFFu) || s->error_disarmed > 1)
		return LAPIC_STATE_ESR;
	for (unsigned n = 0; n < REG_COUNT; n++)
		if (is_lvt(n) && !lvt_ok(l, s, n))
			return LAPIC_STATE_LVT;
	if ((regs[REG_ICR] & ~reg_table[REG_ICR].writable) || !icr_high_ok)
		return LAPIC_STATE_ICR;
	if (!timer_ok(s))
		return LAPIC_STATE_TIMER;
	return events_ok(s) ? LAPIC_STATE_OK : LAPIC_STATE_EVENTS;
}

static void apply_registers(struct lapic *l, const struct state *s)
{
	static const uint8_t kept[] = {REG_ID,  REG_TPR, REG_LDR,      REG_DFR,   REG_SVR,
				       REG_ESR, REG_ICR, REG_ICR_HIGH, REG_TMICT, REG_DCR};

	for (unsigned i = 0; i < sizeof(kept); i++)
		*reg(l, kept[i]) = s->regs[kept[i]];
	for (unsigned n = 0; n < REG_COUNT; n++)
		if (is_lvt(n))
			*reg(l, n) = s->regs[n];
	for (unsigned i = 0; i < 8; i++) {
		*reg(l, REG_ISR + i) = s->regs[REG_ISR + i];
		mailbox_load(l, i, s->regs[REG_IRR + i], s->regs[REG_TMR + i]);
	}
}

void state_apply(struct lapic *l, const struct state *s, uint64_t which)
{
	enum apic_mode mode = mode_of(s->apic_base);
	bool moved = s->apic_base != l->apic_base;
	bool enabled = mode != MODE_DISABLED && (s->regs[REG_SVR] & SVR_ENABLED);
	uint64_t work = s->work | ((s->apic_base & APIC_BASE_BSP) ? WORK_BSP : 0) |
			(mode == MODE_DISABLED ? WORK_HW_DISABLED : 0) |
			(enabled ? 0 : WORK_SW_DISABLED);

	l->apic_base = s->apic_base;
	l->mode = (uint8_t)mode;
	mailbox_flush(l, true);
	mode_reset_registers(l, false);
	if (mode == MODE_DISABLED) {
		*reg(l, REG_TPR) = s->regs[REG_TPR]; /* CR8 is all that a disabled LAPIC has */
	} else {
		apply_registers(l, s);
		l->timer_shift = timer_shift_of(s->regs[REG_DCR]);
		l->esr_internal = s->esr_internal;
		l->error_disarmed = s->error_disarmed;
		l->lint0_vector = s->lint0_vector;
		l->tsc_deadline = s->tsc_deadline;
		l->timer = s->timer;
		timer_resume(l, s->remaining);
	}
	priority_count_isr(l);
	mode_set_work(l, which, work & which);
	if (enabled)
		mailbox_open(l);
	dest_move(l, mode == MODE_X2APIC ? l->initial_id : reg_get(l, REG_ID) >> 24);
	/* A level-triggered pin that is active asks now as it did there. */
	lvt_pins(l, 0);
	l->timer_touched = true;
	timer_tell(l);
	if (moved && l->ops.base_changed)
		l->ops.base_changed(l->opaque, l->apic_base);
}
