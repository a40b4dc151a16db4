// SPDX-License-Identifier: BSD-2-Clause
// One run of a guest in a process of its own: how it ended, what it said, what was counted.
// Not a run of its own making: it is `lapicvm run`, as anybody would start it.
#ifndef VMM_DIFF_IMAGE_RUN_H
#define VMM_DIFF_IMAGE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/options.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

/* More console output than this ends a run. */
#define IMAGE_RUN_CONSOLE_MAX (64u << 20)

struct image_run {
	struct result result; /* kind, value, text, counts */
	char *console;        /* malloc; bytes, also NULs; a NUL follows */
	size_t console_size;
	uint64_t ms;
};

/*
 * Runs options->image by `program` (lapicvm itself) with its Local APIC where `kernel` says, with
 * no standard input and with its files in `folder`, which is left empty. False: *why says what
 * failed, or that a signal came; an end of the guest, of any kind, is none. image_run_free() is due
 * either way. [main thread; SIGINT, SIGTERM and SIGCHLD are its own meanwhile]
 */
bool image_run(struct image_run *run, const char *program, const struct options *options,
	       bool kernel, const char *folder, struct result *why);
void image_run_free(struct image_run *run);

#ifdef __cplusplus
}
#endif

#endif
