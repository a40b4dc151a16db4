// SPDX-License-Identifier: BSD-2-Clause
/*
 * The destination map: which LAPICs a message reaches, read without a lock by every sender.
 * Not what is legal to send (icr.c), nor how a LAPIC takes a message in (mailbox.c).
 */
#include "lapic/core.h"

#define BROADCAST8  0xFFu
#define BROADCAST32 0xFFFFFFFFu
#define SEVERAL     ((uintptr_t)1)

static uint64_t match_word(const struct lapic *l)
{
	return atomic_load_explicit(&l->match, memory_order_relaxed);
}

static enum match_kind kind_in(uint64_t match)
{
	return (enum match_kind)(match >> MATCH_KIND_SHIFT & 0xFFu);
}

static struct lapic *member(const struct lapic_map *map, uint32_t i)
{
	return atomic_load_explicit(&map->members[i], memory_order_acquire);
}

static enum lapic_post_result better(enum lapic_post_result a, enum lapic_post_result b)
{
	return a > b ? a : b;
}

/* SDM "Physical Destination Mode"; IDs above 255 do not fit an xAPIC, which then answers to its
 * initial ID (ICR-13). */
static bool matches_physical(const struct lapic *l, uint32_t dest)
{
	uint32_t id = atomic_load_explicit(&l->id, memory_order_relaxed);
	enum match_kind kind = kind_in(match_word(l));

	if (kind == MATCH_NONE)
		return false;
	return id == dest || (kind != MATCH_X2APIC && dest > 0xFFu && l->initial_id == dest);
}

/* An 8-bit FFh is broadcast to receivers in x2APIC mode too: of an IPI always (ICR-5), of a message
 * where they are configured so (ICR-12). */
static bool ff_broadcasts(uint64_t match, origin_t origin)
{
	return (origin & 0xFFu) == LAPIC_FROM_IPI || (match & MATCH_FF_BROADCASTS);
}

/* SDM "Logical Destination Mode" and "Logical Destination Mode in x2APIC Mode": the receiver's own
 * mode decides. */
static bool matches_logical(uint64_t match, uint32_t dest, bool dest32, origin_t origin)
{
	uint32_t ldr = (uint32_t)match, ldr8 = ldr >> 24;
	enum match_kind kind = kind_in(match);

	if (kind == MATCH_NONE || kind == MATCH_PHYSICAL_ONLY)
		return false;
	if (dest32 && dest == BROADCAST32)
		return true;
	if (kind == MATCH_X2APIC && !dest32 && dest == BROADCAST8 && ff_broadcasts(match, origin))
		return true;
	if (kind == MATCH_X2APIC)
		return (ldr >> 16) == (dest >> 16) && (ldr & dest & 0xFFFFu) != 0;
	if (dest > 0xFFu)
		return false;
	if (dest == BROADCAST8)
		return true;
	if (kind == MATCH_FLAT)
		return (ldr8 & dest) != 0;
	return (ldr8 >> 4) == (dest >> 4) && (ldr8 & dest & 0xFu) != 0;
}

/* An atomic operation holds back the loads behind it, so each target is looked at before its
 * predecessor is posted to. */
static enum lapic_post_result fixed_to_all(struct lapic_map *map, const struct lapic *except,
					   uint8_t vector, bool level, origin_t origin)
{
	enum lapic_post_result best = LAPIC_REFUSED;
	uint32_t count = atomic_load_explicit(&map->count, memory_order_acquire);
	struct lapic *next = member(map, 0);
	uint64_t next_seen = mailbox_look(next, vector);

	for (uint32_t i = 1; i <= count; i++) {
		struct lapic *l = next;
		uint64_t seen = next_seen;

		if (i < count) {
			next = member(map, i);
			next_seen = mailbox_look(next, vector);
		}
		if (l != except)
			best = better(best, mailbox_fixed_seen(l, seen, vector, level, origin));
	}
	return best;
}

enum lapic_post_result dest_all(struct lapic_map *map, const struct lapic *except,
				enum lapic_delivery mode, uint8_t vector, bool level,
				origin_t origin)
{
	enum lapic_post_result best = LAPIC_REFUSED;
	uint32_t count = atomic_load_explicit(&map->count, memory_order_acquire);

	if (mode == LAPIC_FIXED && vector >= 16 && count)
		return fixed_to_all(map, except, vector, level, origin);
	for (uint32_t i = 0; i < count; i++) {
		struct lapic *l = member(map, i);

		if (l != except)
			best = better(best, mailbox_post(l, mode, vector, level, origin));
	}
	return best;
}

static enum lapic_post_result broadcast_message(struct lapic_map *map, enum lapic_delivery mode,
						uint8_t vector, bool level, origin_t origin)
{
	enum lapic_post_result best = LAPIC_REFUSED;
	uint32_t count = atomic_load_explicit(&map->count, memory_order_acquire);

	for (uint32_t i = 0; i < count; i++) {
		struct lapic *l = member(map, i);
		uint64_t match = match_word(l);

		/* Where it is no broadcast, FFh is an ordinary ID. */
		if (kind_in(match) == MATCH_X2APIC && !(match & MATCH_FF_BROADCASTS) &&
		    lapic_id(l) != BROADCAST8)
			continue;
		best = better(best, mailbox_post(l, mode, vector, level, origin));
	}
	return best;
}

/* Several LAPICs with one ID: every one that matches receives. */
static enum lapic_post_result scan_physical(struct lapic_map *map, uint32_t dest,
					    enum lapic_delivery mode, uint8_t vector, bool level,
					    origin_t origin)
{
	enum lapic_post_result best = LAPIC_REFUSED;
	uint32_t count = atomic_load_explicit(&map->count, memory_order_acquire);

	for (uint32_t i = 0; i < count; i++) {
		struct lapic *l = member(map, i);

		if (matches_physical(l, dest))
			best = better(best, mailbox_post(l, mode, vector, level, origin));
	}
	return best;
}

enum lapic_post_result dest_physical(struct lapic_map *map, uint32_t dest, bool dest32, bool ipi,
				     enum lapic_delivery mode, uint8_t vector, bool level,
				     origin_t origin)
{
	uintptr_t slot;

	if (UNLIKELY(dest == (dest32 ? BROADCAST32 : BROADCAST8)))
		return ipi || dest32
			       ? dest_all(map, NULL, mode == LAPIC_LOWEST ? LAPIC_FIXED : mode,
					  vector, level, origin)
			       : broadcast_message(map, mode, vector, level, origin);
	if (UNLIKELY(dest >= map->slots))
		return LAPIC_REFUSED;
	slot = atomic_load_explicit(&map->by_id[dest], memory_order_acquire);
	if (UNLIKELY(slot <= SEVERAL))
		return slot ? scan_physical(map, dest, mode, vector, level, origin) : LAPIC_REFUSED;
	if (LIKELY(mode == LAPIC_FIXED && vector >= 16))
		return mailbox_fixed((struct lapic *)slot, vector, level, origin);
	return mailbox_post((struct lapic *)slot, mode, vector, level, origin);
}

/*
 * One of those that match: lowest published PPR, ties round robin after the last winner. SDM
 * "Lowest Priority Delivery Mode". `logical` false: all match.
 */
static struct lapic *arbitrate(struct lapic_map *map, const struct lapic *except, bool logical,
			       uint32_t dest, bool dest32, origin_t origin)
{
	uint32_t count = atomic_load_explicit(&map->count, memory_order_acquire);
	uint32_t first = atomic_load_explicit(&map->last_winner, memory_order_relaxed) + 1;
	uint32_t winner = 0;
	unsigned lowest = 0x100;
	struct lapic *best = NULL;

	for (uint32_t k = 0; k < count; k++) {
		uint32_t i = (uint32_t)(((uint64_t)first + k) % count);
		struct lapic *l = member(map, i);
		uint64_t match = match_word(l);
		unsigned ppr = atomic_load_explicit(&l->ppr_hint, memory_order_relaxed);

		/* An INIT that its target has not acted on yet has closed it, but not its match
		 * word. */
		if (l == except || !(match & MATCH_SW_ENABLED) || kind_in(match) == MATCH_NONE ||
		    (mailbox_look(l, 0) & IRR_CLOSED) ||
		    (logical && !matches_logical(match, dest, dest32, origin)) || ppr >= lowest)
			continue;
		lowest = ppr;
		best = l;
		winner = i;
	}
	if (best)
		atomic_store_explicit(&map->last_winner, winner, memory_order_relaxed);
	return best;
}

struct contest {
	const struct lapic *except; /* who takes no part, or NULL */
	bool logical, dest32;
	uint32_t dest;
};

/* A winner that was disabled at this moment refuses: then there is one candidate less, and another
 * round. */
static enum lapic_post_result post_to_one(struct lapic_map *map, const struct contest *c,
					  enum lapic_delivery mode, uint8_t vector, bool level,
					  origin_t origin)
{
	uint32_t rounds = atomic_load_explicit(&map->count, memory_order_acquire);
	enum lapic_post_result result = LAPIC_REFUSED;

	while (rounds-- > 0 && result == LAPIC_REFUSED) {
		struct lapic *l = arbitrate(map, c->except, c->logical, c->dest, c->dest32, origin);

		if (!l)
			break;
		result = mailbox_post(l, mode, vector, level, origin);
		/* Refused for another reason than a closed mailbox: so would it be by all. */
		if (vector < 16)
			break;
	}
	return result;
}

enum lapic_post_result dest_lowest_but(struct lapic_map *map, const struct lapic *except,
				       uint8_t vector, origin_t origin)
{
	struct contest contest = {.except = except};

	return post_to_one(map, &contest, LAPIC_LOWEST, vector, false, origin);
}

/* With no LAPIC in xAPIC mode the members of an x2APIC cluster are found by their IDs: LDR is
 * derived from them. */
static enum lapic_post_result cluster_members(struct lapic_map *map, uint32_t dest,
					      enum lapic_delivery mode, uint8_t vector, bool level,
					      origin_t origin)
{
	enum lapic_post_result best = LAPIC_REFUSED;

	for (uint32_t members = dest & 0xFFFFu; members; members &= members - 1) {
		uint32_t id = (dest >> 16 << 4) + (uint32_t)__builtin_ctz(members);

		best = better(best,
			      dest_physical(map, id, true, true, mode, vector, level, origin));
	}
	return best;
}

enum lapic_post_result dest_logical(struct lapic_map *map, uint32_t dest, bool dest32,
				    enum lapic_delivery mode, uint8_t vector, bool level, bool one,
				    origin_t origin)
{
	enum lapic_post_result best = LAPIC_REFUSED;
	uint32_t count = atomic_load_explicit(&map->count, memory_order_acquire);

	if (one) {
		struct contest contest = {.logical = true, .dest32 = dest32, .dest = dest};

		return post_to_one(map, &contest, mode, vector, level, origin);
	}
	if (dest32 && dest != BROADCAST32 &&
	    !atomic_load_explicit(&map->xapic_members, memory_order_relaxed))
		return cluster_members(map, dest, mode, vector, level, origin);
	for (uint32_t i = 0; i < count; i++) {
		struct lapic *l = member(map, i);

		if (matches_logical(match_word(l), dest, dest32, origin))
			best = better(best, mailbox_post(l, mode, vector, level, origin));
	}
	return best;
}

enum lapic_post_result lapic_map_send(struct lapic_map *map, const struct lapic_message *m)
{
	enum lapic_delivery mode = (enum lapic_delivery)m->mode;
	bool vectored = mode == LAPIC_FIXED || mode == LAPIC_LOWEST;
	/* SDM "Message Data Register Format": the others are edge whatever the trigger mode says,
	 * and an edge always asserts. */
	bool level = m->level && vectored;

	if (level && m->deassert)
		return LAPIC_REFUSED;
	if (m->logical)
		return dest_logical(map, m->dest, m->dest32, mode, m->vector, level,
				    mode == LAPIC_LOWEST || (vectored && m->redirection_hint),
				    LAPIC_FROM_MESSAGE);
	return dest_physical(map, m->dest, m->dest32, false, mode, m->vector, level,
			     LAPIC_FROM_MESSAGE);
}

/* SDM "Message Signalled Interrupts". */
enum lapic_post_result lapic_map_msi(struct lapic_map *map, uint64_t address, uint32_t data,
				     bool ext_dest)
{
	uint32_t high = ext_dest ? (uint32_t)(address >> 5 & 0x7Fu) << 8 : 0;
	struct lapic_message message = {
		.dest = (uint32_t)(address >> 12 & 0xFFu) | high,
		.vector = (uint8_t)data,
		.mode = (uint8_t)(data >> 8 & 7u),
		.logical = (address & 4u) != 0,
		.redirection_hint = (address & 8u) != 0,
		.level = (data & 0x8000u) != 0,
		.deassert = !(data & 0x4000u),
	};

	if (address >> 20 != 0xFEEu)
		return LAPIC_REFUSED;
	return lapic_map_send(map, &message);
}
