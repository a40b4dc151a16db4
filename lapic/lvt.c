// SPDX-License-Identifier: BSD-2-Clause
/*
 * The local vector table, the LINT pins and the software enable bit that masks them all.
 * Not the timer's own arithmetic (timer.c) nor the error register (error.c).
 */
#include "lapic/core.h"

static enum lapic_delivery lvt_mode(uint32_t lvt)
{
	return (enum lapic_delivery)((lvt & LVT_MODE) >> LVT_MODE_SHIFT);
}

static bool is_lint(unsigned n)
{
	return n == REG_LVT_LINT0 || n == REG_LVT_LINT1;
}

static bool fixed_only(unsigned n)
{
	return n == REG_LVT_TIMER || n == REG_LVT_ERROR;
}

static enum lapic_source source_of(unsigned n)
{
	switch (n) {
	case REG_LVT_CMCI: return LAPIC_FROM_CMCI;
	case REG_LVT_TIMER: return LAPIC_FROM_TIMER;
	case REG_LVT_THERMAL: return LAPIC_FROM_THERMAL;
	case REG_LVT_PERF: return LAPIC_FROM_PERF;
	case REG_LVT_LINT0: return LAPIC_FROM_LINT0;
	case REG_LVT_LINT1: return LAPIC_FROM_LINT1;
	default: return LAPIC_FROM_ERROR;
	}
}

/* True where the vector is in IRR now. */
bool lvt_accept_fixed(struct lapic *l, uint8_t vector, bool level, enum lapic_source source)
{
	if (vector < 16) {
		error_set(l, ESR_RECEIVE_ILLEGAL);
		return false;
	}
	return mailbox_fixed(l, vector, level, origin_of(source, 0)) != LAPIC_REFUSED;
}

static bool level_lint0(unsigned n, uint32_t lvt)
{
	return n == REG_LVT_LINT0 && (lvt & LVT_LEVEL) && lvt_mode(lvt) == LAPIC_FIXED;
}

/* Level-triggered LINT0: one interrupt until its EOI, however often the level is looked at. */
static void fire_level(struct lapic *l, uint32_t lvt)
{
	uint8_t vector = (uint8_t)(lvt & LVT_VECTOR);

	if ((lvt & (LVT_MASKED | LVT_REMOTE_IRR)) ||
	    !lvt_accept_fixed(l, vector, true, LAPIC_FROM_LINT0))
		return;
	l->lint0_vector = vector;
	*reg(l, REG_LVT_LINT0) |= LVT_REMOTE_IRR;
}

/* SDM "Local APIC Status and Location": globally disabled, LINT1 is the processor's NMI pin and
 * LINT0 its INTR. */
static void bare_pin(struct lapic *l, unsigned n)
{
	uint64_t old = atomic_load(&l->work), wanted;

	do {
		if (n == REG_LVT_LINT0)
			wanted = old | WORK_EXTINT;
		else if (n == REG_LVT_LINT1 && (old & WORK_NMI_COUNT) < mailbox_nmi_limit(old))
			wanted = old + WORK_NMI_ONE;
		else
			return;
	} while (!atomic_compare_exchange_weak(&l->work, &old, wanted));
}

/* The event of entry n happens now: mask, mode and vector are looked at here and nowhere before. */
void lvt_fire(struct lapic *l, unsigned n)
{
	uint32_t lvt = reg_get(l, n);
	enum lapic_delivery mode = fixed_only(n) ? LAPIC_FIXED : lvt_mode(lvt);
	enum lapic_source source = source_of(n);

	if (l->mode == MODE_DISABLED) {
		bare_pin(l, n);
		return;
	}
	if ((lvt & LVT_MASKED) || !reg_exists(l, &reg_table[n]))
		return;
	if (level_lint0(n, lvt)) {
		fire_level(l, lvt);
		return;
	}
	switch (mode) {
	case LAPIC_FIXED: lvt_accept_fixed(l, (uint8_t)(lvt & LVT_VECTOR), false, source); break;
	case LAPIC_SMI:
	case LAPIC_NMI: mailbox_post(l, mode, 0, false, origin_of(source, 0)); break;
	case LAPIC_INIT:
	case LAPIC_EXTINT:
		if (!is_lint(n))
			return;
		mailbox_post(l, mode, 0, mode == LAPIC_EXTINT, origin_of(source, 0));
		break;
	default: return;
	}
	if (n == REG_LVT_PERF && l->config.perf_masks)
		*reg(l, n) |= LVT_MASKED;
}

static bool pin_active(uint32_t lvt, uint64_t work, unsigned pin)
{
	return !!(work & WORK_LINT(pin)) != !!(lvt & LVT_ACTIVE_LOW);
}

/* Edges were seen on the pins, or something that their levels depend on has changed (edges then has
 * none). */
void lvt_pins(struct lapic *l, uint64_t edges)
{
	uint64_t work = atomic_load(&l->work);

	if (l->mode == MODE_DISABLED) {
		if (edges & WORK_RISE(1))
			bare_pin(l, REG_LVT_LINT1);
		return;
	}
	for (unsigned pin = 0; pin < 2; pin++) {
		unsigned n = REG_LVT_LINT0 + pin;
		uint32_t lvt = reg_get(l, n);
		uint64_t edge = (lvt & LVT_ACTIVE_LOW) ? WORK_FALL(pin) : WORK_RISE(pin);

		if (level_lint0(n, lvt)) {
			if (pin_active(lvt, work, pin))
				fire_level(l, lvt);
		} else if ((edges & edge) && lvt_mode(lvt) != LAPIC_EXTINT) {
			lvt_fire(l, n);
		}
	}
}

/* The 8259's INTR as it comes through: not latched, it goes with its line. */
bool lvt_extint_line(const struct lapic *l, uint64_t work)
{
	for (unsigned pin = 0; pin < 2; pin++) {
		uint32_t lvt = reg_get(l, REG_LVT_LINT0 + pin);

		if (l->mode == MODE_DISABLED)
			return (work & WORK_LINT(0)) != 0;
		if (!(lvt & LVT_MASKED) && lvt_mode(lvt) == LAPIC_EXTINT &&
		    pin_active(lvt, work, pin))
			return true;
	}
	return false;
}

void lvt_eoi(struct lapic *l, uint8_t vector)
{
	uint32_t *lint0 = reg(l, REG_LVT_LINT0);

	if (!(*lint0 & LVT_REMOTE_IRR) || vector != l->lint0_vector)
		return;
	*lint0 &= ~LVT_REMOTE_IRR;
	lvt_pins(l, 0);
}

static uint32_t masked_if_disabled(const struct lapic *l, uint32_t lvt)
{
	return (reg_get(l, REG_SVR) & SVR_ENABLED) ? lvt : lvt | LVT_MASKED;
}

COLD static void check_vector(struct lapic *l, unsigned n)
{
	uint32_t lvt = reg_get(l, n);

	if ((!fixed_only(n) && lvt_mode(lvt) != LAPIC_FIXED) || (lvt & LVT_VECTOR) >= 16)
		return;
	event_mistake(l, "ERR-5", (uint64_t)n << 4);
	error_set(l, ESR_RECEIVE_ILLEGAL);
}

static void set_entry(struct lapic *l, unsigned n, uint32_t value)
{
	*reg(l, n) = masked_if_disabled(l, value);
	if (UNLIKELY(l->config.lvt_write_checks))
		check_vector(l, n);
}

enum lapic_result lvt_write(struct lapic *l, unsigned n, uint64_t value)
{
	/* What happened before the write met the old entry. */
	mailbox_settle(l);
	set_entry(l, n, (uint32_t)value);
	return LAPIC_OK;
}

enum lapic_result lvt_write_lint(struct lapic *l, unsigned n, uint64_t value)
{
	uint32_t remote_irr;

	/* Once: a pin that moves from here on meets the new entry. */
	mailbox_settle(l);
	remote_irr = level_lint0(n, (uint32_t)value) ? reg_get(l, n) & LVT_REMOTE_IRR : 0;
	set_entry(l, n, (uint32_t)value | remote_irr);
	if (n == REG_LVT_LINT0)
		lvt_pins(l, 0);
	return LAPIC_OK;
}

enum lapic_result lvt_write_svr(struct lapic *l, unsigned n, uint64_t value)
{
	uint32_t old = reg_get(l, n);

	mailbox_settle(l);
	timer_settle(l);
	*reg(l, n) = (uint32_t)value;
	dest_publish(l);
	if ((old & SVR_ENABLED) && !(value & SVR_ENABLED)) {
		mailbox_close(l);
		mode_set_work(l, 0, WORK_SW_DISABLED);
		for (unsigned i = REG_LVT_TIMER; i <= REG_LVT_ERROR; i++)
			*reg(l, i) |= LVT_MASKED;
		if (l->features & FEATURE_CMCI)
			*reg(l, REG_LVT_CMCI) |= LVT_MASKED;
		l->timer_touched |= l->timer != TIMER_OFF;
	} else if (!(old & SVR_ENABLED) && (value & SVR_ENABLED)) {
		mode_set_work(l, WORK_SW_DISABLED, 0);
		mailbox_open(l);
	}
	timer_tell(l);
	return LAPIC_OK;
}
