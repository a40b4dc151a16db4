// SPDX-License-Identifier: BSD-2-Clause
/*
 * Builds the machine that the LAPIC fuzzers drive.
 * Not a fuzzer: it has no entry point of its own.
 */
#include "tests/fuzz/lapic_machine.h"

#include <stdlib.h>

static uint64_t now_ns(void *opaque)
{
	return ((struct machine *)opaque)->ns;
}

static uint64_t now_tsc(void *opaque)
{
	return ((struct machine *)opaque)->tsc;
}

static void event(void *opaque, const struct lapic_event *e)
{
	(void)opaque;
	if (e->kind > LAPIC_EVENT_MISTAKE || (e->kind == LAPIC_EVENT_MISTAKE) != (e->rule != NULL))
		abort();
}

static void configure(struct lapic_config *config, uint32_t flavour)
{
	static const uint64_t bus[] = {1000000000, 1000, 24000000, 10000000000};
	static const uint64_t floors[] = {200000, 0, 1, 1000000000000};
	static const uint32_t ids[] = {0, 254, 0x1FE, 0x3FC};

	if (flavour & 1)
		lapic_config_amd(config);
	else
		lapic_config_intel(config);
	config->bus_hz = bus[flavour >> 1 & 3];
	config->timer_floor_ns = floors[flavour >> 3 & 3];
	config->initial_id = ids[flavour >> 5 & 3];
	config->x2apic = !(flavour >> 7 & 1);
	config->tsc_deadline = flavour >> 8 & 1;
	config->cmci = flavour >> 9 & 1;
	config->eoi_suppression = flavour >> 10 & 1;
	config->xapic_id_writable = flavour >> 11 & 1;
	config->lowest_priority = flavour >> 12 & 1;
	config->p6_errors = flavour >> 13 & 1;
	config->lvt_write_checks = flavour >> 14 & 1;
	config->perf_masks = flavour >> 15 & 1;
	config->init_to_self = flavour >> 16 & 1;
	config->icr_busy_bit_faults = flavour >> 17 & 1;
	config->msi_ff_broadcasts = flavour >> 18 & 1;
	config->maxphyaddr = (flavour >> 19 & 1) ? 52 : 36;
}

void machine_make(struct machine *m, uint32_t flavour)
{
	struct lapic_map_config map_config = {
		.size = sizeof(map_config), .max_lapics = MACHINE_LAPICS, .max_id = 1023};
	struct lapic_ops ops = {.size = sizeof(ops),
				.now_ns = now_ns,
				.now_tsc = now_tsc,
				.event = (flavour >> 20 & 1) ? event : NULL};
	size_t bytes = lapic_map_size(&map_config);
	struct lapic_config config;

	m->ns = 1000000;
	m->tsc = 1000000;
	m->map = lapic_map_init(malloc(bytes), bytes, &map_config);
	configure(&config, flavour);
	for (uint32_t i = 0; i < MACHINE_LAPICS; i++) {
		config.bsp = i == 0;
		if (lapic_init(aligned_alloc(lapic_align(), lapic_size()), lapic_size(),
			       aligned_alloc(LAPIC_PAGE_SIZE, LAPIC_PAGE_SIZE), &config, &ops, m,
			       m->map, &m->lapics[i]))
			abort();
		config.initial_id++;
	}
}

void machine_free(struct machine *m)
{
	for (uint32_t i = 0; i < MACHINE_LAPICS; i++) {
		const void *page = lapic_page(m->lapics[i]);

		free((void *)(uintptr_t)page);
		free(m->lapics[i]);
	}
	free(m->map);
}
