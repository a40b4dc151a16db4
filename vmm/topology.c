// SPDX-License-Identifier: BSD-2-Clause
// The one place where an APIC ID is computed: SDM "Hierarchical Mapping of Shared Resources".
// Not the LAPIC's own business: it is given its ID.

#include "vmm/topology.h"

#include "vmm/options.h"

/* Bits that tell so many apart. */
static unsigned bits_for(uint32_t count)
{
	unsigned bits = 0;

	while ((1u << bits) < count)
		bits++;
	return bits;
}

struct topology topology_of(const struct options *options)
{
	uint32_t threads = options->threads ? options->threads : 1;

	return (struct topology){
		.cpus = options->cpus,
		.cores = options->cores ? options->cores : options->cpus / threads,
		.threads = threads,
	};
}

uint32_t topology_socket_cpus(const struct topology *t)
{
	return t->cores * t->threads;
}

unsigned topology_core_shift(const struct topology *t)
{
	return bits_for(t->threads);
}

unsigned topology_socket_shift(const struct topology *t)
{
	return topology_core_shift(t) + bits_for(t->cores);
}

uint32_t topology_apic_id(const struct topology *t, uint32_t cpu)
{
	uint32_t thread = cpu % t->threads, core = cpu / t->threads % t->cores;
	uint32_t socket = cpu / topology_socket_cpus(t);

	return socket << topology_socket_shift(t) | core << topology_core_shift(t) | thread;
}

uint32_t topology_last_apic_id(const struct topology *t)
{
	return topology_apic_id(t, t->cpus - 1);
}
