// SPDX-License-Identifier: BSD-2-Clause
/*
 * Task and processor priority, IRR to ISR, EOI: SDM "Interrupt, Task and Processor Priority" and
 * after. Not acceptance: vectors come into IRR through mailbox.c.
 */
#include "lapic/core.h"

static uint64_t pending_in(const struct lapic *l, unsigned word)
{
	return atomic_load_explicit(&l->irr[word], memory_order_acquire) & ~IRR_FLAGS;
}

/* Vector v is bit v >> 2 of word v & 3: the highest bit of any word wins, among equals the highest
 * word. */
static inline int highest(const struct lapic *l)
{
	uint64_t w0 = pending_in(l, 0), w1 = pending_in(l, 1), w2 = pending_in(l, 2);
	uint64_t w3 = pending_in(l, 3), any = w0 | w1 | w2 | w3;
	unsigned bit, words;

	if (UNLIKELY(!any))
		return -1;
	bit = highest_bit(any);
	words = (unsigned)((w1 >> bit & 1u) << 1 | (w2 >> bit & 1u) << 2 | (w3 >> bit & 1u) << 3) |
		1u;
	return (int)(bit << 2 | highest_bit(words));
}

int priority_highest(const struct lapic *l)
{
	return highest(l);
}

uint64_t priority_read_irr(struct lapic *l, unsigned n)
{
	mailbox_drain(l);
	return mailbox_register(l->irr, n - REG_IRR);
}

uint64_t priority_read_tmr(struct lapic *l, unsigned n)
{
	mailbox_drain(l);
	return mailbox_register(l->tmr, n - REG_TMR);
}

/* SDM "Arbitration Priority Register" of the older editions; the classes compare, the low half
 * counts for TPR alone. */
uint64_t priority_apr(struct lapic *l, unsigned n)
{
	uint32_t tpr = reg_get(l, REG_TPR), isr = class_of(l->isr_top), irr;
	int top = priority_highest(l);

	(void)n;
	irr = top < 0 ? 0 : class_of((unsigned)top);
	if (class_of(tpr) >= irr && class_of(tpr) > isr)
		return tpr;
	return ((class_of(tpr) & isr) > irr ? (class_of(tpr) & isr) : irr) << 4;
}

enum lapic_result priority_write_tpr(struct lapic *l, unsigned n, uint64_t value)
{
	*reg(l, n) = (uint32_t)value;
	priority_update(l);
	return LAPIC_OK;
}

uint8_t lapic_cr8(const struct lapic *l)
{
	return (uint8_t)(reg_get(l, REG_TPR) >> 4);
}

enum lapic_result lapic_write_cr8(struct lapic *l, uint64_t cr8)
{
	if (cr8 > 15)
		return LAPIC_GP;
	priority_write_tpr(l, REG_TPR, (uint32_t)cr8 << 4);
	return LAPIC_OK;
}

enum lapic_result lapic_set_cr8(struct lapic *l, uint64_t cr8)
{
	return cr8 == lapic_cr8(l) ? LAPIC_OK : lapic_write_cr8(l, cr8);
}

uint32_t lapic_pending(struct lapic *l)
{
	uint64_t work = mailbox_drain(l);
	uint32_t pending = 0;
	int vector;

	if (UNLIKELY(work & (WORK_MESSAGES | WORK_WAIT_SIPI))) {
		if (work & WORK_INIT)
			return LAPIC_PENDING_INIT;
		/* SDM "MP Initialization Protocol": nothing but a SIPI (or INIT) ends the wait for
		 * it. */
		if (work & WORK_WAIT_SIPI)
			return (work & WORK_SIPI) ? LAPIC_PENDING_SIPI : 0;
		pending |= (work & WORK_NMI_COUNT) ? LAPIC_PENDING_NMI : 0;
		pending |= (work & WORK_SMI) ? LAPIC_PENDING_SMI : 0;
		pending |= (work & WORK_EXTINT) ? LAPIC_PENDING_EXTINT : 0;
	}
	if (UNLIKELY(work & WORK_LINTS) ||
	    UNLIKELY((reg_get(l, REG_LVT_LINT0) | reg_get(l, REG_LVT_LINT1)) & LVT_ACTIVE_LOW))
		pending |= lvt_extint_line(l, work) ? LAPIC_PENDING_EXTINT : 0;
	vector = priority_highest(l);
	if (vector >= 0)
		pending |= class_of((unsigned)vector) > class_of(reg_get(l, REG_PPR))
				   ? LAPIC_PENDING_INTR
				   : LAPIC_PENDING_MASKED;
	return pending;
}

int lapic_peek(struct lapic *l)
{
	int vector = highest(l);

	return vector >= 0 && class_of((unsigned)vector) > class_of(reg_get(l, REG_PPR)) ? vector
											 : -1;
}

/* SDM "Spurious Interrupt": dispensed with no ISR bit, so that its handler owes no EOI. */
COLD static uint8_t spurious(struct lapic *l)
{
	uint8_t vector = (uint8_t)(reg_get(l, REG_SVR) & SVR_VECTOR);

	event_simple(l, LAPIC_EVENT_SPURIOUS, vector, 0);
	return vector;
}

static void set_ppr(struct lapic *l, uint32_t ppr)
{
	*reg(l, REG_PPR) = ppr;
	atomic_store_explicit(&l->ppr_hint, (uint8_t)ppr, memory_order_relaxed);
}

uint8_t lapic_ack(struct lapic *l)
{
	int found = lapic_peek(l);
	uint8_t vector = (uint8_t)found;

	if (UNLIKELY(found < 0))
		return spurious(l);
	atomic_fetch_and(&l->irr[irr_word(vector)], ~irr_bit(vector));
	*reg(l, REG_ISR + vector / 32u) |= 1u << (vector & 31u);
	l->isr_words |= (uint8_t)(1u << (vector / 32u));
	l->isr_top = vector;
	/* Its class is above that of TPR and of all in service, or it would not have been
	 * deliverable. */
	set_ppr(l, vector & 0xF0u);
	if (traced(l))
		event_simple(l, LAPIC_EVENT_ACK, vector, 0);
	return vector;
}

/* isr_words and isr_top from the ISR registers. */
void priority_count_isr(struct lapic *l)
{
	unsigned i = 8;

	l->isr_words = 0;
	l->isr_top = 0;
	while (i-- > 0) {
		uint32_t word = reg_get(l, REG_ISR + i);

		if (!word)
			continue;
		if (!l->isr_words)
			l->isr_top = (uint8_t)(32 * i + highest_bit(word));
		l->isr_words |= (uint8_t)(1u << i);
	}
	priority_update(l);
}

/* The common case, nothing else in service, needs neither a search nor a comparison. */
static void retire(struct lapic *l, uint8_t vector)
{
	unsigned i = vector / 32u;
	uint32_t left = *reg(l, REG_ISR + i) &= ~(1u << (vector & 31u));

	if (!left)
		l->isr_words &= (uint8_t) ~(1u << i);
	if (LIKELY(!l->isr_words)) {
		l->isr_top = 0;
		set_ppr(l, reg_get(l, REG_TPR));
		return;
	}
	i = highest_bit(l->isr_words);
	l->isr_top = (uint8_t)(32 * i + highest_bit(reg_get(l, REG_ISR + i)));
	priority_update(l);
}

/* A level-triggered vector, or the one that LINT0 waits for; delivered again, that may set the TMR
 * bit anew. */
COLD static void end_level(struct lapic *l, uint8_t vector, bool level)
{
	bool broadcast = level && !(reg_get(l, REG_SVR) & SVR_SUPPRESS_EOI);

	event_simple(l, LAPIC_EVENT_EOI, vector, broadcast);
	lvt_eoi(l, vector);
	if (broadcast && l->ops.eoi)
		l->ops.eoi(l->opaque, vector);
}

static inline bool is_level(const struct lapic *l, uint8_t vector)
{
	return (atomic_load_explicit(&l->tmr[irr_word(vector)], memory_order_relaxed) &
		irr_bit(vector)) != 0;
}

enum lapic_result priority_write_eoi(struct lapic *l, unsigned n, uint64_t value)
{
	uint8_t vector = l->isr_top;
	bool level;

	(void)n;
	(void)value;
	if (UNLIKELY(!vector)) {
		event_mistake(l, "ACP-3", REG_EOI << 4);
		return LAPIC_OK;
	}
	retire(l, vector);
	level = is_level(l, vector);
	if (UNLIKELY(level || (reg_get(l, REG_LVT_LINT0) & LVT_REMOTE_IRR)))
		end_level(l, vector, level);
	else if (traced(l))
		event_simple(l, LAPIC_EVENT_EOI, vector, 0);
	return LAPIC_OK;
}

bool lapic_eoi_is_silent(const struct lapic *l)
{
	return l->isr_top && !is_level(l, l->isr_top) &&
	       !(reg_get(l, REG_LVT_LINT0) & LVT_REMOTE_IRR);
}

void lapic_eoi(struct lapic *l)
{
	if (l->isr_top)
		priority_write_eoi(l, REG_EOI, 0);
}
