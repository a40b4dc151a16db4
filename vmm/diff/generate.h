// SPDX-License-Identifier: BSD-2-Clause
// Random programs from a seed, weighted towards the corners of a Local APIC.
// Not an oracle: it knows registers and what is likely to go wrong, not what is right.
#ifndef VMM_DIFF_GENERATE_H
#define VMM_DIFF_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/diff/program.h"

#ifdef __cplusplus
extern "C" {
#endif

struct generate_config {
	uint64_t seed;             /* 1 .. 2^63-1 */
	size_t ops;                /* 1 .. PROGRAM_OPS_MAX */
	unsigned cpus;             /* 1 .. PROGRAM_CPUS_MAX; 0: the seed decides */
	bool x2apic, tsc_deadline; /* what the host lets both sides offer */
	bool page_is_memory;       /* apic_page.h: without what that bends */
};

/* The same seed gives the same program, on every machine. False: no memory. */
bool generate(const struct generate_config *config, struct program *program);

#ifdef __cplusplus
}
#endif

#endif
