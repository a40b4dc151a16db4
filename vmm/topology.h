// SPDX-License-Identifier: BSD-2-Clause
// Sockets, cores and threads: how many, and which APIC ID each processor has for it.
// Not CPUID, which tells a guest of it: that is cpuid.c.
#ifndef VMM_TOPOLOGY_H
#define VMM_TOPOLOGY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct options;

/* The largest ID of an xAPIC: FFh is the broadcast. Whoever has a larger one needs x2APIC. */
#define TOPOLOGY_XAPIC_LAST 254u

/* Each at least 1. */
struct topology {
	uint32_t cpus;    /* in all: a multiple of cores * threads */
	uint32_t cores;   /* of a socket */
	uint32_t threads; /* of a core */
};

struct topology topology_of(const struct options *options);

/* Logical processors of a socket. */
uint32_t topology_socket_cpus(const struct topology *t);

/* Bits of an APIC ID below its core's number, and below its socket's. */
unsigned topology_core_shift(const struct topology *t);
unsigned topology_socket_shift(const struct topology *t);

/*
 * The APIC ID of processor `cpu`, 0 .. cpus - 1; processors are counted thread by thread, core by
 * core, socket by socket. IDs ascend, the first is 0; with a number of cores or threads that is no
 * power of two some are left out, the last one is below 4 * cpus.
 */
uint32_t topology_apic_id(const struct topology *t, uint32_t cpu);
uint32_t topology_last_apic_id(const struct topology *t);

#ifdef __cplusplus
}
#endif

#endif
