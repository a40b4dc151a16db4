// SPDX-License-Identifier: BSD-2-Clause
/*
 * The inside of struct lapic and what its files say to each other.
 * Not public: embedders see lapic.h alone.
 */
#ifndef LAPIC_CORE_H
#define LAPIC_CORE_H

#include <stdatomic.h>

#include "lapic/lapic.h"
#include "lapic/regs.h"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Kept out of line, so that the ways around it stay short. */
#define COLD __attribute__((cold, noinline))

/*
 * A pending vector v is bit v >> 2 of irr[v & 3]. Vectors 0-15 are illegal, so bits 0-3 of each
 * word are free for flags, and a post decides "may I, is it new" and acts in one atomic step.
 */
#define IRR_WORDS      4u
#define IRR_CLOSED     1ull /* no fixed message is accepted: disabled in software or hardware, INIT */
#define IRR_TMR_IN_USE 2ull /* some vector of this word may have its TMR bit set */
#define IRR_FLAGS      0xFull

static inline unsigned irr_word(uint8_t vector)
{
	return vector & 3u;
}

static inline uint64_t irr_bit(uint8_t vector)
{
	return 1ull << (vector >> 2);
}

/* Bits of lapic.work: what was posted beside vectors, and the states that decide whether a post is
 * taken. */
#define WORK_NMI_ONE           0x1ull
#define WORK_NMI_COUNT         0x3ull
#define WORK_SMI               0x4ull
#define WORK_INIT              0x8ull
#define WORK_SIPI              0x10ull
#define WORK_EXTINT            0x20ull
#define WORK_SIPI_VECTOR_SHIFT 8
#define WORK_SIPI_VECTOR       0xFF00ull
#define WORK_BSP               0x10000ull
#define WORK_WAIT_SIPI         0x20000ull
#define WORK_HW_DISABLED       0x40000ull
#define WORK_NMI_BLOCKED       0x80000ull
#define WORK_SW_DISABLED       0x100000ull /* SVR bit 8 is clear */
#define WORK_RAISE_SHIFT       24          /* + enum lapic_lvt */
#define WORK_RAISE             (0x7Full << WORK_RAISE_SHIFT)
#define WORK_RX_ILLEGAL        (1ull << 32)
#define WORK_TICK              (1ull << 33)
#define WORK_RISE(pin)         (1ull << (34 + 2 * (pin)))
#define WORK_FALL(pin)         (1ull << (35 + 2 * (pin)))
#define WORK_EDGES             (0xFull << 34)
#define WORK_LINT(pin)         (1ull << (40 + (pin)))
#define WORK_LINTS             (3ull << 40)
/* Sent to the processor as such; the rest of what is posted is for the LVT, ESR and timer. */
#define WORK_MESSAGES                                                                              \
 (WORK_NMI_COUNT | WORK_SMI | WORK_INIT | WORK_SIPI | WORK_EXTINT | WORK_SIPI_VECTOR)
#define WORK_TO_DRAIN (WORK_RAISE | WORK_RX_ILLEGAL | WORK_TICK | WORK_EDGES)

/* Bits of lapic.owner; zero is the common case: the owner is at home and nobody listens to events.
 */
#define OWNER_AWAY   1u
#define OWNER_KICKED 2u
#define OWNER_TRACED 4u

enum apic_mode { MODE_DISABLED, MODE_XAPIC, MODE_X2APIC };

/* How messages find a LAPIC; in match_kind of the published match word. */
enum match_kind { MATCH_NONE, MATCH_PHYSICAL_ONLY, MATCH_FLAT, MATCH_CLUSTER, MATCH_X2APIC };
#define MATCH_KIND_SHIFT    32
#define MATCH_SW_ENABLED    (1ull << 40)
#define MATCH_FF_BROADCASTS (1ull << 41)

/* Features of the configuration that registers depend on. */
#define FEATURE_CMCI 1u
/* Which of cut[] a register's bits are reduced by. */
enum reg_cut { CUT_NOTHING, CUT_SVR, CUT_TIMER, CUT_ICR, CUT_COUNT };

enum timer_state { TIMER_OFF, TIMER_COUNTING, TIMER_DEADLINE };

typedef void (*event_hook_t)(void *opaque, const struct lapic_event *event);

struct lapic {
	/* First cache line: all that a sender touches. */
	_Alignas(64) _Atomic uint64_t irr[IRR_WORDS];
	_Atomic uint64_t work;
	_Atomic uint64_t match; /* LDR | match_kind << 32 | flags */
	_Atomic uint32_t owner;
	_Atomic uint32_t id;      /* current ID */
	_Atomic uint8_t ppr_hint; /* PPR, for lowest-priority arbitration; may be a moment old */

	/* Second cache line: the owner's hot state. */
	_Alignas(64) uint32_t *regs; /* the register page */
	struct lapic_map *map;
	uint8_t mode;      /* enum apic_mode */
	uint8_t isr_top;   /* highest vector in service, 0: none */
	uint8_t isr_words; /* bit i: ISR register i is not zero */
	uint8_t timer;     /* enum timer_state */
	uint8_t timer_shift;
	uint8_t features;
	uint8_t esr_internal;
	bool error_disarmed;
	uint8_t lint0_vector; /* vector whose EOI ends LINT0's remote IRR */
	bool timer_touched;   /* deadline_changed is owed */
	uint64_t timer_end;   /* bus clock ticks */
	uint64_t tsc_deadline;

	/* TMR bits, as irr[]; written before the IRR bit becomes visible. */
	_Atomic uint64_t tmr[IRR_WORDS];

	uint64_t apic_base;
	/* Bit n: register n may be accessed that way in the present mode and configuration. */
	uint64_t may_read_page, may_write_page, may_read_msr, may_write_msr;
	uint32_t initial_id;
	uint32_t cut[CUT_COUNT];
	/* Bus ticks = ns * bus_whole + (ns * bus_fraction >> 64), and back. */
	uint64_t bus_whole, bus_fraction, ns_whole, ns_fraction;
	uint64_t epoch_ns; /* bus ticks count from here, so that they do not overflow */
	uint64_t floor_ticks;
	struct lapic_config config;
	struct lapic_ops ops;
	void *opaque;
	_Atomic(event_hook_t) hook;
};

struct lapic_map {
	struct lapic_map_config config;
	uint32_t slots; /* length of by_id */
	_Atomic uint32_t count;
	_Atomic uint32_t last_winner;
	_Atomic uint32_t
		xapic_members; /* LAPICs not in x2APIC mode; 0 opens the short way for clusters */
	_Atomic(struct lapic *) *members;
	_Atomic uintptr_t *by_id; /* LAPIC of an ID; bit 0 set: several, scan; 0: none */
};

/* Who sent: enum lapic_source | sender << 32. */
typedef uint64_t origin_t;

static inline origin_t origin_of(enum lapic_source source, uint32_t sender)
{
	return (uint64_t)source | (uint64_t)sender << 32;
}

static inline uint32_t *reg(struct lapic *l, unsigned n)
{
	return &l->regs[n * 4];
}

static inline uint32_t reg_get(const struct lapic *l, unsigned n)
{
	return l->regs[n * 4];
}

static inline unsigned class_of(unsigned priority)
{
	return priority >> 4;
}

static inline uint64_t lapic_now_ns(const struct lapic *l)
{
	return l->ops.now_ns(l->opaque);
}

static inline unsigned highest_bit(uint64_t nonzero)
{
	return 63u - (unsigned)__builtin_clzll(nonzero);
}

static inline uint64_t multiply_high(uint64_t a, uint64_t b)
{
	return (uint64_t)(((unsigned __int128)a * b) >> 64);
}

/* reg_table.c: one row per register number. */
#define ACCESS_RX   1u /* readable through the page */
#define ACCESS_WX   2u
#define ACCESS_RM   4u /* readable through the MSR */
#define ACCESS_WM   8u
#define ACCESS_PAGE (ACCESS_RX | ACCESS_WX)

struct reg_row {
	const char *name;
	uint8_t access;
	uint8_t feature; /* needed for the register to exist */
	uint8_t cut;     /* enum reg_cut */
	uint32_t writable;
	uint32_t legal; /* bits that may be written as 1 through the MSR: writable, and read-only
			   ones that are ignored */
	/* NULL: as it lies in the page */
	uint64_t (*read)(struct lapic *l, unsigned n);
	/* Always LAPIC_OK: the answer of the MSR path, so that it can end here.
	 * value: writable bits only; through the MSR, the ICR's comes with its high dword */
	enum lapic_result (*write)(struct lapic *l, unsigned n, uint64_t value);
};
#define REG_COUNT 0x40u
extern const struct reg_row reg_table[REG_COUNT];

/* access.c: what may be accessed follows mode and configuration. */
void access_follow_mode(struct lapic *l);

static inline bool reg_exists(const struct lapic *l, const struct reg_row *row)
{
	return !(row->feature & ~l->features);
}

static inline uint32_t reg_writable(const struct lapic *l, const struct reg_row *row)
{
	return row->writable & ~l->cut[row->cut];
}

/* event.c */
void event_emit(struct lapic *l, const struct lapic_event *event);
void event_simple(struct lapic *l, enum lapic_event_kind kind, uint8_t vector, uint64_t value);
void event_post(struct lapic *l, enum lapic_event_kind kind, enum lapic_delivery mode,
		uint8_t vector, bool level, origin_t origin);
void event_mistake(struct lapic *l, const char *rule, uint64_t where);

static inline bool traced(struct lapic *l)
{
	return UNLIKELY(atomic_load_explicit(&l->owner, memory_order_relaxed) & OWNER_TRACED);
}

/* mailbox.c */
enum lapic_post_result mailbox_post(struct lapic *l, enum lapic_delivery mode, uint8_t vector,
				    bool level, origin_t origin);
enum lapic_post_result mailbox_fixed_slow(struct lapic *l, uint8_t vector, bool level,
					  origin_t origin);
enum lapic_post_result mailbox_told(struct lapic *l, enum lapic_post_result result,
				    enum lapic_delivery mode, uint8_t vector, bool level,
				    origin_t origin);
void mailbox_open(struct lapic *l);
void mailbox_close(struct lapic *l);
void mailbox_flush(struct lapic *l, bool closed);
uint32_t mailbox_register(const _Atomic uint64_t words[IRR_WORDS], unsigned i);
void mailbox_load(struct lapic *l, unsigned i, uint32_t irr, uint32_t tmr);
uint64_t mailbox_drain(struct lapic *l);

/* How many NMIs may be owed: with one in service one more waits. */
static inline uint64_t mailbox_nmi_limit(uint64_t work)
{
	return (work & WORK_NMI_BLOCKED) ? 1 : 2;
}

/* Before a register changes that decides what posted events do. */
static inline void mailbox_settle(struct lapic *l)
{
	if (UNLIKELY(atomic_load(&l->work) & WORK_TO_DRAIN))
		mailbox_drain(l);
}

static inline uint64_t mailbox_look(struct lapic *l, uint8_t vector)
{
	return atomic_load_explicit(&l->irr[irr_word(vector)], memory_order_relaxed);
}

/* A fixed vector of 16 and above into a word last seen as `old`; edge-triggered posts to words
 * without TMR bits need one atomic operation. */
static inline enum lapic_post_result mailbox_fixed_seen(struct lapic *l, uint64_t old,
							uint8_t vector, bool level, origin_t origin)
{
	_Atomic uint64_t *word = &l->irr[irr_word(vector)];
	uint64_t bit = irr_bit(vector);

	do {
		if (UNLIKELY(level || (old & (IRR_CLOSED | IRR_TMR_IN_USE | bit))))
			return mailbox_fixed_slow(l, vector, level, origin);
	} while (UNLIKELY(!atomic_compare_exchange_weak(word, &old, old | bit)));
	if (UNLIKELY(atomic_load(&l->owner)))
		return mailbox_told(l, LAPIC_NEW, LAPIC_FIXED, vector, level, origin);
	return LAPIC_NEW;
}

static inline enum lapic_post_result mailbox_fixed(struct lapic *l, uint8_t vector, bool level,
						   origin_t origin)
{
	return mailbox_fixed_seen(l, mailbox_look(l, vector), vector, level, origin);
}

/* priority.c */
int priority_highest(const struct lapic *l);
uint64_t priority_apr(struct lapic *l, unsigned n);
enum lapic_result priority_write_tpr(struct lapic *l, unsigned n, uint64_t value);
enum lapic_result priority_write_eoi(struct lapic *l, unsigned n, uint64_t value);
void priority_count_isr(struct lapic *l);
uint64_t priority_read_irr(struct lapic *l, unsigned n);
uint64_t priority_read_tmr(struct lapic *l, unsigned n);

static inline void priority_update(struct lapic *l)
{
	uint32_t tpr = reg_get(l, REG_TPR), top = l->isr_top;
	uint32_t ppr = (tpr >> 4) >= (top >> 4) ? tpr : (top & 0xF0u);

	*reg(l, REG_PPR) = ppr;
	atomic_store_explicit(&l->ppr_hint, (uint8_t)ppr, memory_order_relaxed);
}

/* error.c */
void error_set(struct lapic *l, uint32_t bits);
enum lapic_result error_write_esr(struct lapic *l, unsigned n, uint64_t value);

/* lvt.c */
enum lapic_result lvt_write(struct lapic *l, unsigned n, uint64_t value);
enum lapic_result lvt_write_lint(struct lapic *l, unsigned n, uint64_t value);
enum lapic_result lvt_write_svr(struct lapic *l, unsigned n, uint64_t value);
void lvt_fire(struct lapic *l, unsigned n);
bool lvt_accept_fixed(struct lapic *l, uint8_t vector, bool level, enum lapic_source source);
void lvt_pins(struct lapic *l, uint64_t edges);
void lvt_eoi(struct lapic *l, uint8_t vector);
bool lvt_extint_line(const struct lapic *l, uint64_t work);

/* timer.c */
void timer_setup(struct lapic *l);
void timer_reset(struct lapic *l);
void timer_settle(struct lapic *l);
enum lapic_result timer_write_tmict(struct lapic *l, unsigned n, uint64_t value);
enum lapic_result timer_write_dcr(struct lapic *l, unsigned n, uint64_t value);
enum lapic_result timer_write_lvt(struct lapic *l, unsigned n, uint64_t value);
uint64_t timer_read_ccr(struct lapic *l, unsigned n);
uint64_t timer_read_deadline(struct lapic *l);
void timer_write_deadline(struct lapic *l, uint64_t deadline);
void timer_resume(struct lapic *l, uint64_t remaining_ticks);
uint64_t timer_remaining(struct lapic *l);
uint8_t timer_shift_of(uint32_t dcr);

/* What CCR reads when so much is left. */
static inline uint32_t timer_count_of(const struct lapic *l, uint64_t remaining_ticks)
{
	return (uint32_t)((remaining_ticks + (1ull << l->timer_shift) - 1) >> l->timer_shift);
}

/* Tells the host of a new deadline, as the last step of whatever changed it. */
static inline void timer_tell(struct lapic *l)
{
	if (l->timer_touched) {
		l->timer_touched = false;
		if (l->ops.deadline_changed)
			l->ops.deadline_changed(l->opaque);
	}
}

/* icr.c */
uint64_t icr_read(struct lapic *l, unsigned n);
enum lapic_result icr_write(struct lapic *l, unsigned n, uint64_t value);
enum lapic_result icr_write_self(struct lapic *l, unsigned n, uint64_t value);

/* dest.c */
enum lapic_post_result dest_physical(struct lapic_map *map, uint32_t dest, bool dest32, bool ipi,
				     enum lapic_delivery mode, uint8_t vector, bool level,
				     origin_t origin);
enum lapic_post_result dest_logical(struct lapic_map *map, uint32_t dest, bool dest32,
				    enum lapic_delivery mode, uint8_t vector, bool level, bool one,
				    origin_t origin);
enum lapic_post_result dest_all(struct lapic_map *map, const struct lapic *except,
				enum lapic_delivery mode, uint8_t vector, bool level,
				origin_t origin);
enum lapic_post_result dest_lowest_but(struct lapic_map *map, const struct lapic *except,
				       uint8_t vector, origin_t origin);
bool dest_join(struct lapic_map *map, struct lapic *l);
/* Takes a new mode and ID into the map and the match word. */
void dest_move(struct lapic *l, uint32_t id);
void dest_publish(struct lapic *l);
enum lapic_result dest_write_id(struct lapic *l, unsigned n, uint64_t value);
enum lapic_result dest_write_ldr(struct lapic *l, unsigned n, uint64_t value);
enum lapic_result dest_write_dfr(struct lapic *l, unsigned n, uint64_t value);
uint32_t dest_x2apic_ldr(uint32_t id);

/* mode.c */
enum apic_mode mode_of(uint64_t apic_base);
bool mode_base_valid(const struct lapic *l, uint64_t apic_base);
enum lapic_result mode_write_base(struct lapic *l, uint64_t value);
void mode_reset_registers(struct lapic *l, bool keep_id);
void mode_set_work(struct lapic *l, uint64_t clear, uint64_t set);

#endif
