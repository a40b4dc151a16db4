// SPDX-License-Identifier: BSD-2-Clause
// -smp: how many processors, in which sockets and cores, as QEMU spells and completes it.
// Not what follows for APIC IDs: topology.h.
#ifndef VMM_OPTIONS_SMP_H
#define VMM_OPTIONS_SMP_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct options;

/*
 * `[cpus=]N[,maxcpus=N][,sockets=S][,cores=C][,threads=T]`, in any order behind an N without a
 * name, into options->cpus (1 .. OPTIONS_MAX_CPUS), cores and threads. What is left out follows
 * from the rest: one socket of N cores of one thread as far as nothing else is said. False:
 * *options is as it was, and `why` (of why_size bytes) says in one sentence what is wrong.
 */
bool options_smp(const char *text, struct options *options, char *why, size_t why_size);

#ifdef __cplusplus
}
#endif

#endif
