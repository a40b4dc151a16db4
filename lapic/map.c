// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who is in the destination map under which ID: the one place where guest-written IDs, LDRs and
 * modes are published. Not the sending side, which reads the map without a lock (dest.c).
 */
#include "lapic/core.h"

#define SEVERAL ((uintptr_t)1)

static bool config_ok(const struct lapic_map_config *c)
{
	return c && c->size == sizeof(*c) && c->max_lapics >= 1 && c->max_lapics <= 65536 &&
	       c->max_id < 1048576 && !c->lock == !c->unlock &&
	       !((uintptr_t)c->access_page & (LAPIC_PAGE_SIZE - 1));
}

/* Every 8-bit ID that a guest can write has a slot. */
static uint32_t slots_for(const struct lapic_map_config *c)
{
	return (c->max_id < 255 ? 255 : c->max_id) + 1;
}

size_t lapic_map_size(const struct lapic_map_config *config)
{
	if (!config_ok(config))
		return 0;
	return sizeof(struct lapic_map) + sizeof(_Atomic(struct lapic *)) * config->max_lapics +
	       sizeof(_Atomic uintptr_t) * slots_for(config);
}

struct lapic_map *lapic_map_init(void *memory, size_t bytes, const struct lapic_map_config *config)
{
	struct lapic_map *map = memory;
	size_t needed = lapic_map_size(config);

	if (!memory || !needed || bytes < needed ||
	    ((uintptr_t)memory % _Alignof(struct lapic_map)))
		return NULL;
	map->config = *config;
	map->slots = slots_for(config);
	map->members = (_Atomic(struct lapic *) *)(map + 1);
	map->by_id = (_Atomic uintptr_t *)(map->members + config->max_lapics);
	atomic_init(&map->count, 0);
	atomic_init(&map->last_winner, config->max_lapics - 1);
	atomic_init(&map->xapic_members, 0);
	for (uint32_t i = 0; i < config->max_lapics; i++)
		atomic_init(&map->members[i], NULL);
	for (uint32_t i = 0; i < map->slots; i++)
		atomic_init(&map->by_id[i], 0);
	return map;
}

void *lapic_map_access_page(const struct lapic_map *map)
{
	return map->config.access_page;
}

uint32_t lapic_map_count(const struct lapic_map *map)
{
	return atomic_load(&map->count);
}

uint32_t lapic_map_last_winner(const struct lapic_map *map)
{
	return atomic_load(&map->last_winner);
}

void lapic_map_set_last_winner(struct lapic_map *map, uint32_t winner)
{
	atomic_store(&map->last_winner, winner % map->config.max_lapics);
}

static void lock(struct lapic_map *map)
{
	if (map->config.lock)
		map->config.lock(map->config.opaque);
}

static void unlock(struct lapic_map *map)
{
	if (map->config.unlock)
		map->config.unlock(map->config.opaque);
}

static bool answers_to(const struct lapic *l, uint32_t id)
{
	enum match_kind kind = (enum match_kind)(atomic_load(&l->match) >> MATCH_KIND_SHIFT & 0xFF);

	if (kind == MATCH_NONE)
		return false;
	return atomic_load(&l->id) == id ||
	       (kind != MATCH_X2APIC && id > 0xFFu && l->initial_id == id);
}

/* With the lock held: slot `id` as the members now are. One store, so that a sender never sees it
 * empty in between. */
static void refresh_slot(struct lapic_map *map, uint32_t id)
{
	uint32_t count = atomic_load(&map->count);
	uintptr_t slot = 0;

	if (id >= map->slots)
		return;
	for (uint32_t i = 0; i < count && slot != SEVERAL; i++) {
		struct lapic *l = atomic_load(&map->members[i]);

		if (answers_to(l, id))
			slot = slot ? SEVERAL : (uintptr_t)l;
	}
	atomic_store(&map->by_id[id], slot);
}

static enum match_kind kind_of(const struct lapic *l)
{
	if (l->mode == MODE_DISABLED)
		return MATCH_NONE;
	if (l->mode == MODE_X2APIC)
		return MATCH_X2APIC;
	switch (reg_get(l, REG_DFR) >> 28) {
	case 0xF: return MATCH_FLAT;
	case 0x0: return MATCH_CLUSTER;
	default: return MATCH_PHYSICAL_ONLY;
	}
}

/* LDR, DFR, mode or software enable have changed: one store, no lock, since only logical matching
 * reads these. */
void dest_publish(struct lapic *l)
{
	uint64_t match = reg_get(l, REG_LDR);

	match |= (uint64_t)kind_of(l) << MATCH_KIND_SHIFT;
	if (l->mode != MODE_DISABLED && (reg_get(l, REG_SVR) & SVR_ENABLED))
		match |= MATCH_SW_ENABLED;
	if (l->config.msi_ff_broadcasts)
		match |= MATCH_FF_BROADCASTS;
	atomic_store(&l->match, match);
}

void dest_move(struct lapic *l, uint32_t id)
{
	struct lapic_map *map = l->map;
	uint32_t old = atomic_load(&l->id);
	bool was_xapic, is_xapic = l->mode != MODE_X2APIC;

	lock(map);
	was_xapic = (atomic_load(&l->match) >> MATCH_KIND_SHIFT & 0xFF) != MATCH_X2APIC;
	/* Raised before and lowered after the move: while it is 0, every member is in x2APIC mode.
	 */
	if (is_xapic && !was_xapic)
		atomic_fetch_add(&map->xapic_members, 1);
	atomic_store(&l->id, id);
	dest_publish(l);
	if (!is_xapic && was_xapic)
		atomic_fetch_sub(&map->xapic_members, 1);
	refresh_slot(map, id);
	refresh_slot(map, old);
	refresh_slot(map, l->initial_id);
	unlock(map);
}

bool dest_join(struct lapic_map *map, struct lapic *l)
{
	uint32_t count;
	bool room = true;

	lock(map);
	count = atomic_load(&map->count);
	room = count < map->config.max_lapics && l->initial_id <= map->config.max_id;
	for (uint32_t i = 0; room && i < count; i++)
		room = atomic_load(&map->members[i])->initial_id != l->initial_id;
	if (room) {
		atomic_store(&map->members[count], l);
		atomic_fetch_add(&map->xapic_members, 1);
		atomic_store(&map->count, count + 1);
	}
	unlock(map);
	return room;
}

enum lapic_result dest_write_id(struct lapic *l, unsigned n, uint64_t value)
{
	if (!l->config.xapic_id_writable) {
		event_mistake(l, "ACC-6", REG_ID << 4);
		return LAPIC_OK;
	}
	*reg(l, n) = (uint32_t)value;
	dest_move(l, (uint32_t)value >> 24);
	return LAPIC_OK;
}

enum lapic_result dest_write_ldr(struct lapic *l, unsigned n, uint64_t value)
{
	*reg(l, n) = (uint32_t)value;
	dest_publish(l);
	return LAPIC_OK;
}

enum lapic_result dest_write_dfr(struct lapic *l, unsigned n, uint64_t value)
{
	*reg(l, n) = (uint32_t)value | 0x0FFFFFFFu;
	dest_publish(l);
	return LAPIC_OK;
}

/* SDM "Deriving Logical x2APIC ID from the Local x2APIC ID". */
uint32_t dest_x2apic_ldr(uint32_t id)
{
	return (id >> 4 & 0xFFFFu) << 16 | 1u << (id & 0xFu);
}

uint32_t lapic_id(const struct lapic *l)
{
	return atomic_load_explicit(&l->id, memory_order_relaxed);
}
