// SPDX-License-Identifier: BSD-2-Clause
// --save: a guest that is ended from outside is saved first.
// Not what is written: save.h.
#ifndef VMM_SAVE_END_H
#define VMM_SAVE_END_H

#include <stdbool.h>

#include "vmm/result.h"

struct machine;

/* How long its processors may take to come to stand still. */
#define SAVE_END_PATIENCE_MS 10000u

struct save_end {
	const char *path;     /* NULL: nothing is to be saved */
	bool waiting;         /* until all processors stand still */
	bool done;            /* the file is there */
	bool told;            /* what became of it, by a line or by the result */
	struct result result; /* the end that waits, or with what is to be said instead */
};

/* All functions: [main thread]. */

/*
 * The guest of a machine that runs is to end like this. True: not yet, its processors come to stand
 * still first, and save_end_still() tells when they have. False: now, as there is nothing to save,
 * or somebody did not want to wait for it: *result says how.
 */
bool save_end_begin(struct save_end *end, struct machine *machine, struct result *result);
/* They may stand still by now. True: the guest ends now, as end->result says, saved or not. */
bool save_end_still(struct save_end *end, struct machine *machine);
/* Its machine has stopped. True: the guest ended by itself before it stood still, and the end that
 * waited for that, end->result, is still to come: a reset by the guest is no answer to it. */
bool save_end_overtaken(struct save_end *end);
/* The run is over: says on standard error where no end came that saves. */
void save_end_finish(struct save_end *end);

#endif
