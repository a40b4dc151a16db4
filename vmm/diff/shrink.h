// SPDX-License-Identifier: BSD-2-Clause
// Makes a program that fails smaller, as long as it still fails in the same way.
// Not what failing is: the caller says.
#ifndef VMM_DIFF_SHRINK_H
#define VMM_DIFF_SHRINK_H

#include <stdbool.h>

#include "vmm/diff/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether this program fails in the way that is looked for. */
typedef bool (*shrink_fails)(void *opaque, const struct program *program);

/*
 * Drops operations (first halves, then quarters, ... then single ones, until none can go), then
 * tries fewer CPUs and plainer operands (values 0, 1, single bits). At most `tries` calls of
 * `fails`. *program fails before and after. Returns the calls made.
 */
unsigned shrink(struct program *program, shrink_fails fails, void *opaque, unsigned tries);

#ifdef __cplusplus
}
#endif

#endif
