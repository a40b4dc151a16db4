// SPDX-License-Identifier: BSD-2-Clause
// A whole guest under both kinds of Local APIC: its end, its console and its interrupt counts.
// Not in lockstep: what each did on the way is not looked at.
#ifndef VMM_DIFF_IMAGE_DIFF_H
#define VMM_DIFF_IMAGE_DIFF_H

#include <stdbool.h>

#include "vmm/diff/image_run.h"
#include "vmm/diff/report.h"
#include "vmm/options.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Three tests into *report, of which *how says how exact they are. False: no memory. */
bool image_diff_compare(const struct image_run *user, const struct image_run *kernel,
			const struct options_diff *how, struct report *report);

/*
 * Runs options->image by `program` (lapicvm itself) with this Local APIC, then with KVM's, and
 * compares. True: the same. Else *result says what differs (99), that neither run ended in time
 * (124), or why there is nothing to compare. [main thread]
 */
bool image_diff(const struct options *options, const char *program, struct result *result);

#ifdef __cplusplus
}
#endif

#endif
