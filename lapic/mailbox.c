// SPDX-License-Identifier: BSD-2-Clause
/*
 * What any thread may post into a LAPIC, lock-free: pending vectors, NMI, SMI, INIT, SIPI, ExtINT,
 * pins, LVT events. Not delivery: the owner looks at all this in its own time (priority.c, lvt.c).
 */
#include "lapic/core.h"

static const enum lapic_event_kind told_kind[] = {
	[LAPIC_REFUSED] = LAPIC_EVENT_REFUSED,
	[LAPIC_MERGED] = LAPIC_EVENT_MERGED,
	[LAPIC_NEW] = LAPIC_EVENT_ACCEPTED,
};

/*
 * One kick between lapic_away() and lapic_back() is enough: the owner looks at everything when it
 * comes home. The flag is set only together with the state it belongs to: left behind in an owner
 * at home, it would swallow the next kick.
 */
static void kick(struct lapic *l)
{
	uint32_t owner = atomic_load(&l->owner);

	while ((owner & (OWNER_AWAY | OWNER_KICKED)) == OWNER_AWAY) {
		if (!atomic_compare_exchange_weak(&l->owner, &owner, owner | OWNER_KICKED))
			continue;
		if (l->ops.kick)
			l->ops.kick(l->opaque);
		return;
	}
}

/* After the post is visible: the event, then the kick if the owner is away. */
enum lapic_post_result mailbox_told(struct lapic *l, enum lapic_post_result result,
				    enum lapic_delivery mode, uint8_t vector, bool level,
				    origin_t origin)
{
	event_post(l, told_kind[result], mode, vector, level, origin);
	if (result == LAPIC_NEW)
		kick(l);
	return result;
}

/*
 * What a post does to the TMR bit, before its IRR bit is visible: once that is, the owner may
 * acknowledge and EOI at once (SDM "Interrupt Acceptance for Fixed Interrupts"). True where a bit
 * was cleared, which a post that is refused after all has to set again.
 */
static bool set_trigger(struct lapic *l, uint8_t vector, uint64_t seen, bool level)
{
	_Atomic uint64_t *word = &l->irr[irr_word(vector)], *tmr = &l->tmr[irr_word(vector)];
	uint64_t bit = irr_bit(vector);

	if (level) {
		/* First the flag that makes edge posts look, in case this post is refused after
		 * all. */
		if (!(seen & IRR_TMR_IN_USE))
			atomic_fetch_or(word, IRR_TMR_IN_USE);
		atomic_fetch_or(tmr, bit);
		return false;
	}
	if (!(seen & IRR_TMR_IN_USE) || !(atomic_load(tmr) & bit))
		return false;
	return (atomic_fetch_and(tmr, ~bit) & bit) != 0;
}

/* The way for level-triggered posts, words with TMR bits, and all that is not new. */
enum lapic_post_result mailbox_fixed_slow(struct lapic *l, uint8_t vector, bool level,
					  origin_t origin)
{
	_Atomic uint64_t *word = &l->irr[irr_word(vector)];
	uint64_t bit = irr_bit(vector), old = atomic_load(word);
	enum lapic_post_result result = LAPIC_REFUSED;
	bool cleared = false;

	while (!(old & IRR_CLOSED)) {
		cleared |= set_trigger(l, vector, old, level);
		old = level ? old | IRR_TMR_IN_USE : old;
		if (atomic_compare_exchange_weak(word, &old, old | bit)) {
			result = (old & bit) ? LAPIC_MERGED : LAPIC_NEW;
			break;
		}
	}
	/* The one that is pending or in service is level-triggered still. */
	if (result == LAPIC_REFUSED && cleared)
		atomic_fetch_or(&l->tmr[irr_word(vector)], bit);
	return mailbox_told(l, result, LAPIC_FIXED, vector, level, origin);
}

/* The word after this post, and in *result what the post is worth. */
static uint64_t work_after(uint64_t old, enum lapic_delivery mode, uint8_t vector,
			   enum lapic_post_result *result)
{
	bool waits = (old & WORK_INIT) ? !(old & WORK_BSP) : (old & WORK_WAIT_SIPI) != 0;
	uint64_t flag = mode == LAPIC_SMI ? WORK_SMI : WORK_EXTINT;

	*result = LAPIC_REFUSED;
	if (old & WORK_HW_DISABLED)
		return old;
	/* SDM "Local APIC State After It Has Been Software Disabled" names what is heard: ExtINT is
	 * not among it, and AMD's APM (Vol. 2, "Local APIC") excludes it. INIT disables. */
	if (mode == LAPIC_EXTINT && (old & (WORK_SW_DISABLED | WORK_INIT)))
		return old;
	*result = LAPIC_MERGED;
	switch (mode) {
	case LAPIC_NMI:
		if ((old & WORK_NMI_COUNT) >= mailbox_nmi_limit(old))
			return old;
		*result = LAPIC_NEW;
		return old + WORK_NMI_ONE;
	case LAPIC_INIT:
		/* What was sent before an INIT is gone with it; what comes after is kept for
		 * afterwards. */
		if (!(old & WORK_INIT))
			*result = LAPIC_NEW;
		return (old & ~WORK_MESSAGES) | WORK_INIT;
	case LAPIC_SIPI:
		if (!waits)
			*result = LAPIC_REFUSED;
		if (!waits || (old & WORK_SIPI))
			return old;
		*result = LAPIC_NEW;
		return old | WORK_SIPI | (uint64_t)vector << WORK_SIPI_VECTOR_SHIFT;
	default: /* SMI, ExtINT */
		if (!(old & flag))
			*result = LAPIC_NEW;
		return old | flag;
	}
}

static enum lapic_post_result post_work(struct lapic *l, enum lapic_delivery mode, uint8_t vector,
					bool level, origin_t origin)
{
	uint64_t old = atomic_load(&l->work), wanted;
	enum lapic_post_result result;

	/* Closed before the flag is up: a fixed message that is posted after the INIT must not slip
	 * in. */
	if (mode == LAPIC_INIT && !(old & WORK_HW_DISABLED))
		mailbox_close(l);
	do {
		wanted = work_after(old, mode, vector, &result);
	} while (!atomic_compare_exchange_weak(&l->work, &old, wanted));
	return mailbox_told(l, result, mode, vector, level, origin);
}

enum lapic_post_result mailbox_post(struct lapic *l, enum lapic_delivery mode, uint8_t vector,
				    bool level, origin_t origin)
{
	switch (mode) {
	case LAPIC_FIXED:
	case LAPIC_LOWEST:
		if (LIKELY(vector >= 16))
			return mailbox_fixed(l, vector, level, origin);
		/* ESR belongs to the owner, who sets its bit when it next looks. */
		if (!(atomic_load(&l->work) & WORK_HW_DISABLED) &&
		    !(atomic_fetch_or(&l->work, WORK_RX_ILLEGAL) & WORK_RX_ILLEGAL))
			kick(l);
		return mailbox_told(l, LAPIC_REFUSED, mode, vector, level, origin);
	case LAPIC_SMI:
	case LAPIC_NMI:
	case LAPIC_INIT:
	case LAPIC_SIPI:
	case LAPIC_EXTINT: return post_work(l, mode, vector, level, origin);
	}
	return LAPIC_REFUSED;
}

enum lapic_post_result lapic_post(struct lapic *l, enum lapic_delivery mode, uint8_t vector,
				  bool level)
{
	return mailbox_post(l, mode, vector, level && mode <= LAPIC_LOWEST, LAPIC_FROM_HOST);
}

static void post_flag(struct lapic *l, uint64_t flags)
{
	if ((atomic_fetch_or(&l->work, flags) & flags) != flags)
		kick(l);
}

void lapic_raise(struct lapic *l, enum lapic_lvt entry)
{
	if ((unsigned)entry <= LAPIC_LVT_ERROR)
		post_flag(l, 1ull << (WORK_RAISE_SHIFT + entry));
}

void lapic_post_tick(struct lapic *l)
{
	post_flag(l, WORK_TICK);
}

void lapic_set_lint(struct lapic *l, unsigned pin, bool high)
{
	uint64_t old = atomic_load(&l->work), wanted;

	if (pin > 1)
		return;
	do {
		if (!!(old & WORK_LINT(pin)) == high)
			return;
		wanted = (old ^ WORK_LINT(pin)) | (high ? WORK_RISE(pin) : WORK_FALL(pin));
	} while (!atomic_compare_exchange_weak(&l->work, &old, wanted));
	kick(l);
}

/* With an INIT pending the words stay closed: it is about to disable the LAPIC. */
void mailbox_open(struct lapic *l)
{
	if (atomic_load(&l->work) & WORK_INIT)
		return;
	for (unsigned i = 0; i < IRR_WORDS; i++)
		atomic_fetch_and(&l->irr[i], ~IRR_CLOSED);
	/* One that came between the look and the opening had closed it for good. */
	if (atomic_load(&l->work) & WORK_INIT)
		mailbox_close(l);
}

void mailbox_close(struct lapic *l)
{
	for (unsigned i = 0; i < IRR_WORDS; i++)
		atomic_fetch_or(&l->irr[i], IRR_CLOSED);
}

void mailbox_flush(struct lapic *l, bool closed)
{
	for (unsigned i = 0; i < IRR_WORDS; i++) {
		uint64_t gone = atomic_exchange(&l->irr[i], closed ? IRR_CLOSED : 0) & ~IRR_FLAGS;

		atomic_store(&l->tmr[i], 0);
		while (traced(l) && gone) {
			unsigned bit = highest_bit(gone);

			gone &= ~(1ull << bit);
			event_simple(l, LAPIC_EVENT_FLUSHED, (uint8_t)(bit << 2 | i), 0);
		}
	}
}

/* Bit n of a byte becomes bit 4 n. */
static uint32_t spread(uint32_t byte)
{
	byte = (byte | byte << 12) & 0x000F000Fu;
	byte = (byte | byte << 6) & 0x03030303u;
	return (byte | byte << 3) & 0x11111111u;
}

/* Register i of IRR or TMR from the words: byte i of word w holds the vectors 32 i + w, + 4, + 8,
 * ... */
uint32_t mailbox_register(const _Atomic uint64_t words[IRR_WORDS], unsigned i)
{
	uint32_t value = 0;

	for (unsigned w = 0; w < IRR_WORDS; w++) {
		uint64_t word = atomic_load_explicit(&words[w], memory_order_relaxed);

		value |= spread((uint32_t)((word & ~IRR_FLAGS) >> (8 * i)) & 0xFFu) << w;
	}
	return value;
}

/* The other way: for a restored state, with no poster about. */
void mailbox_load(struct lapic *l, unsigned i, uint32_t irr, uint32_t tmr)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		uint8_t vector = (uint8_t)(32 * i + bit);

		if (tmr >> bit & 1u) {
			atomic_fetch_or(&l->tmr[irr_word(vector)], irr_bit(vector));
			atomic_fetch_or(&l->irr[irr_word(vector)], IRR_TMR_IN_USE);
		}
		if (irr >> bit & 1u)
			atomic_fetch_or(&l->irr[irr_word(vector)], irr_bit(vector));
	}
}

/* The owner takes in what is not for the processor directly: pin edges, raised LVT entries, errors,
 * ticks. */
uint64_t mailbox_drain(struct lapic *l)
{
	static const uint8_t entries[] = {
		[LAPIC_LVT_CMCI] = REG_LVT_CMCI,       [LAPIC_LVT_TIMER] = REG_LVT_TIMER,
		[LAPIC_LVT_THERMAL] = REG_LVT_THERMAL, [LAPIC_LVT_PERF] = REG_LVT_PERF,
		[LAPIC_LVT_LINT0] = REG_LVT_LINT0,     [LAPIC_LVT_LINT1] = REG_LVT_LINT1,
		[LAPIC_LVT_ERROR] = REG_LVT_ERROR,
	};
	uint64_t work = atomic_load(&l->work);

	if (LIKELY(!(work & WORK_TO_DRAIN)))
		return work;
	work = atomic_fetch_and(&l->work, ~WORK_TO_DRAIN);
	if (work & WORK_TICK)
		lapic_tick(l);
	if ((work & WORK_RX_ILLEGAL) && l->mode != MODE_DISABLED)
		error_set(l, ESR_RECEIVE_ILLEGAL);
	if (work & WORK_EDGES)
		lvt_pins(l, work);
	for (unsigned entry = 0; entry < sizeof(entries); entry++)
		if (work >> (WORK_RAISE_SHIFT + entry) & 1u)
			lvt_fire(l, entries[entry]);
	return atomic_load(&l->work);
}
