// SPDX-License-Identifier: BSD-2-Clause
// The puppet in a machine's memory: its code, tables, start pages and the block each CPU is bid by.
// Not the bidding: side.c.
#ifndef VMM_DIFF_PUPPET_H
#define VMM_DIFF_PUPPET_H

#include <stdint.h>

#include "vmm/diff/puppet_layout.h"

struct puppet_block {
	uint64_t what; /* PUPPET_DO_* */
	uint64_t address, value;
	uint64_t result, fault; /* fault: FINDING_NO_FAULT or a vector */
	uint64_t before, after; /* TSC around the operation */
	uint64_t eoi, eoi_page;
};

/* Fills PUPPET_RAM_BYTES of zeroed memory and the page of the reset vector. */
void puppet_load(uint8_t *ram, uint8_t *reset_page);
struct puppet_block *puppet_block(uint8_t *ram, unsigned cpu);

#endif
