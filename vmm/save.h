// SPDX-License-Identifier: BSD-2-Clause
// Writes a whole machine that stands still into a file, which appears whole or not at all.
// Not when: save_end.h, and the monitor.
#ifndef VMM_SAVE_H
#define VMM_SAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;

/*
 * The machine goes on afterwards as if nothing had been, but for the time that passed; one that
 * hops has its Local APICs here then. False: why says in one sentence what failed, with the file's
 * name, and what was there before is there still. [main thread, while all vCPUs stand still]
 */
bool save(struct machine *machine, const char *path, uint64_t *bytes, char *why, size_t why_size);

#endif
