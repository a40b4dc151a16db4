// SPDX-License-Identifier: BSD-2-Clause
// Field by field, both ways by one list.
// No file and no KVM here.

#include "vmm/saved.h"

#include <string.h>

#include "vmm/options.h"
#include "vmm/ram.h"
#include "vmm/topology.h"

uint32_t saved_version(const char *name)
{
	static const struct {
		const char *name;
		uint32_t version;
	} rows[] = {
		{SAVED_MACHINE, 1}, {SAVED_CLOCKS, 2}, {SAVED_DEVICES, 1}, {SAVED_BOARD, 1},
		{SAVED_CPUID, 1},   {SAVED_CPU, 1},    {SAVED_ROM, 1},     {SAVED_RAM, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].version;
	return 0;
}

void saved_machine_walk(struct saved_machine *m, struct state *s)
{
	state_u32(s, &m->cpus);
	state_u32(s, &m->cores);
	state_u32(s, &m->threads);
	state_u64(s, &m->ram_bytes);
	state_bool(s, &m->x2apic);
	state_bool(s, &m->tsc_deadline);
	state_bool(s, &m->hpet);
	state_bool(s, &m->no_acpi);
	state_bool(s, &m->no_mptable);
	state_bool(s, &m->eoi_suppression);
	state_u32(s, &m->tsc_khz);
}

/* As -smp has it: cores of 0 are all in one socket, threads of 0 are one. */
static bool topology_ok(const struct saved_machine *m)
{
	uint64_t threads = m->threads ? m->threads : 1;
	uint64_t cores = m->cores ? m->cores : m->cpus / threads;

	return cores && cores <= m->cpus && threads <= m->cpus && m->cpus % (cores * threads) == 0;
}

const char *saved_machine_error(const struct saved_machine *m)
{
	struct options options = {0};
	struct topology topology;

	if (!m->cpus || m->cpus > OPTIONS_MAX_CPUS)
		return "no machine has so many processors";
	if (!topology_ok(m))
		return "sockets, cores and threads do not make up its processors";
	if (m->ram_bytes < RAM_SIZE_MIN || m->ram_bytes > RAM_SIZE_MAX ||
	    m->ram_bytes % RAM_PAGE_SIZE)
		return "no machine has so much RAM";
	if (!m->tsc_khz)
		return "its TSC stands still";
	saved_machine_options(m, &options);
	topology = topology_of(&options);
	if (!m->x2apic && topology_last_apic_id(&topology) > TOPOLOGY_XAPIC_LAST)
		return "its APIC IDs need x2APIC, which it does not have";
	return NULL;
}

void saved_machine_options(const struct saved_machine *m, struct options *options)
{
	options->cpus = m->cpus;
	options->cores = m->cores;
	options->threads = m->threads;
	options->ram_bytes = m->ram_bytes;
	options->x2apic = m->x2apic;
	options->tsc_deadline = m->tsc_deadline;
	options->hpet = m->hpet;
	options->no_acpi = m->no_acpi;
	options->no_mptable = m->no_mptable;
}

void saved_board_walk(struct saved_board *b, struct state *s)
{
	state_u32(s, &b->last_winner);
	state_bool(s, &b->warm);
}

void saved_clocks_walk(struct saved_clocks *c, struct state *s)
{
	state_u64(s, &c->device_ns);
	state_u64(s, &c->kvm_clock_ns);
	state_u64(s, &c->host_tsc);
	if (state_has(s, 2))
		state_bytes(s, c->boot_id, sizeof(c->boot_id));
}

const char *saved_clocks_error(const struct saved_clocks *c)
{
	if (c->device_ns >= SAVED_NS_MAX)
		return "the devices' clock reads more than it may";
	if (c->kvm_clock_ns >= SAVED_NS_MAX)
		return "KVM's clock reads more than it may";
	return NULL;
}
