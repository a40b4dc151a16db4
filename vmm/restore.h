// SPDX-License-Identifier: BSD-2-Clause
// Reads a saved machine's file and makes a new machine go on from it.
// Not the order in which a machine is put together: machine.c asks for each part in its turn.
#ifndef VMM_RESTORE_H
#define VMM_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

struct host_traits;
struct machine;
struct options;
struct ram;
struct ram_range;
struct restore;
struct result;
struct vcpu;

/*
 * All functions that give a bool: false, *why says which section of which file, and what of it:
 * RESULT_UNREADABLE, RESULT_BAD_IMAGE where it is damaged, RESULT_HOST_LACKS where this host lacks
 * what the state needs. [main thread, setup]
 */

/* Reads the file whole and looks through it. The options that shape a machine become the file's.
 */
bool restore_open(struct restore **restore, const char *path, struct options *options,
		  struct result *why);
/* NULL is fine. */
void restore_close(struct restore *restore);

/* Before vCPUs are made: compares clocks. */
bool restore_begin(const struct restore *restore, struct machine *machine, struct result *why);
/* In place of an image. */
bool restore_memory(const struct restore *restore, struct ram *ram, struct ram_range *rom,
		    struct result *why);
/* v->cpuid is what the host would offer, and becomes what the guest was told. */
bool restore_cpuid(const struct restore *restore, struct vcpu *v, struct result *why);
/* In place of the boot processor's first state: clocks, devices, processors. */
bool restore_machine(const struct restore *restore, struct machine *machine, struct result *why);

#endif
