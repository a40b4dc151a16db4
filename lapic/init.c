// SPDX-License-Identifier: BSD-2-Clause
/*
 * Configuration profiles and the making of a LAPIC in memory of the caller.
 * Not resets: mode.c.
 */
#include "lapic/core.h"

#define MIN_BUS_HZ   1000u
#define MAX_BUS_HZ   10000000000ull
#define MAX_FLOOR_NS 1000000000000ull

bool lapic_config_profile(struct lapic_config *config, size_t bytes, enum lapic_profile profile)
{
	bool intel = profile == LAPIC_INTEL;

	/* There is one version of the struct; the smaller one of an older caller will be filled as
	 * far as it goes. */
	if (bytes != sizeof(*config) || (!intel && profile != LAPIC_AMD))
		return false;
	*config = (struct lapic_config){
		.size = sizeof(*config),
		.bus_hz = 1000000000u,
		.timer_floor_ns = 200000u,
		.maxphyaddr = 52,
		.bsp = true,
		.x2apic = true,
		.tsc_deadline = intel,
		.cmci = intel,
		.xapic_id_writable = true,
		.lowest_priority = true,
		.perf_masks = intel,
		.init_to_self = true,
		.icr_busy_bit_faults = !intel,
		.msi_ff_broadcasts = true,
	};
	return true;
}

static bool config_ok(const struct lapic_config *c)
{
	return c && c->size == sizeof(*c) && c->bus_hz >= MIN_BUS_HZ && c->bus_hz <= MAX_BUS_HZ &&
	       c->timer_floor_ns <= MAX_FLOOR_NS && c->maxphyaddr >= 36 && c->maxphyaddr <= 52;
}

static bool ops_ok(const struct lapic_ops *ops)
{
	return ops && ops->size == sizeof(*ops) && ops->now_ns && ops->now_tsc;
}

size_t lapic_size(void)
{
	return sizeof(struct lapic);
}

size_t lapic_align(void)
{
	return _Alignof(struct lapic);
}

static void set_cuts(struct lapic *l)
{
	l->features = l->config.cmci ? FEATURE_CMCI : 0;
	l->cut[CUT_SVR] = l->config.eoi_suppression ? 0 : SVR_SUPPRESS_EOI;
	l->cut[CUT_TIMER] = l->config.tsc_deadline ? 0 : LVT_TIMER_DEADLINE;
	l->cut[CUT_ICR] = l->config.icr_busy_bit_faults ? ICR_BUSY : 0;
}

enum lapic_init_error lapic_init(void *memory, size_t bytes, void *page,
				 const struct lapic_config *config, const struct lapic_ops *ops,
				 void *opaque, struct lapic_map *map, struct lapic **out)
{
	struct lapic *l = memory;

	if (!memory || bytes < sizeof(*l) || ((uintptr_t)memory % _Alignof(struct lapic)))
		return LAPIC_INIT_MEMORY;
	if (!page || ((uintptr_t)page % LAPIC_PAGE_SIZE))
		return LAPIC_INIT_PAGE;
	if (!config_ok(config))
		return LAPIC_INIT_CONFIG;
	if (!ops_ok(ops))
		return LAPIC_INIT_OPS;
	if (!map)
		return LAPIC_INIT_MAP;
	__builtin_memset(l, 0, sizeof(*l));
	__builtin_memset(page, 0, LAPIC_PAGE_SIZE);
	l->config = *config;
	l->ops = *ops;
	l->opaque = opaque;
	l->regs = page;
	l->map = map;
	l->initial_id = config->initial_id;
	atomic_init(&l->hook, ops->event);
	atomic_init(&l->owner, ops->event ? OWNER_TRACED : 0);
	atomic_init(&l->id, config->initial_id & 0xFFu);
	set_cuts(l);
	timer_setup(l);
	/* A sender must find it closed until the reset below has filled it. */
	mailbox_close(l);
	atomic_init(&l->work, WORK_HW_DISABLED);
	if (!dest_join(map, l))
		return LAPIC_INIT_MAP;
	/* First, since the reset calls back. */
	*out = l;
	lapic_reset(l);
	return LAPIC_INIT_OK;
}

const char *lapic_init_error_name(enum lapic_init_error error)
{
	switch (error) {
	case LAPIC_INIT_OK: return "no error";
	case LAPIC_INIT_MEMORY: return "memory missing, too small or unaligned";
	case LAPIC_INIT_PAGE: return "register page missing or not 4 KiB aligned";
	case LAPIC_INIT_CONFIG: return "configuration out of range or of unknown size";
	case LAPIC_INIT_OPS: return "callbacks incomplete or of unknown size";
	case LAPIC_INIT_MAP: return "map missing or full, or initial ID taken or too large";
	}
	return "unknown error";
}
