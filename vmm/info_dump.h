// SPDX-License-Identifier: BSD-2-Clause
// The whole machine as it stands, in one block: every processor, the I/O APIC, the 8259s.
// Not how it came to stand.
#ifndef VMM_INFO_DUMP_H
#define VMM_INFO_DUMP_H

#include <stdbool.h>
#include <stdio.h>

#include "vmm/info_format.h"

#ifdef __cplusplus
extern "C" {
#endif

struct machine;

struct info_dump_request {
	enum info_format format;
	unsigned cpus;           /* at most so many, the rest is counted; 0: all */
	int first;               /* the CPU that comes before the others; -1: they come in order */
	int registers_elsewhere; /* the CPU whose registers are left out; -1: none */
	bool symbols; /* looks up in the image where each is: symbols_find()'s conditions hold */
};

/* False: no memory, and nothing was printed. [all vCPUs stand still] */
bool info_dump(struct machine *machine, const struct info_dump_request *request, FILE *to);

#ifdef __cplusplus
}
#endif
#endif
