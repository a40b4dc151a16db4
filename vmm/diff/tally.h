// SPDX-License-Identifier: BSD-2-Clause
// What a campaign has run so far: a row for each program, and the sums.
// Not a file and not a report: journal.h keeps it, report.h tells it.
#ifndef VMM_DIFF_TALLY_H
#define VMM_DIFF_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/diff/ledger.h"
#include "vmm/diff/lockstep.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TALLY_OUTCOMES 4u /* of enum lockstep_outcome */

struct tally_row {
	uint64_t number; /* the seed, or the place among the files from 1 */
	const char *name;
	enum lockstep_outcome outcome;
	unsigned cpus;
	uint64_t ops, done; /* operations: of the program; compared */
	uint64_t explained; /* findings that the ledger explained */
	uint64_t ms;
	const char *text; /* what differs or failed; "" */
};

/* An entry of the ledger. The strings are the ledger's. */
struct tally_entry {
	const char *name, *rule;
	enum ledger_verdict verdict;
	uint64_t matches;
};

struct tally {
	struct tally_row *rows; /* tally_add() copies their strings */
	size_t count, room;
	struct tally_entry *entries; /* the caller's, of entry_count */
	unsigned entry_count;
	uint64_t done, explained, ms;
	uint64_t outcomes[TALLY_OUTCOMES]; /* programs */
};

/* Word of a report and the journal: "same", "differs", "stalled", "failed". */
const char *tally_outcome_name(enum lockstep_outcome outcome);

/* Adds a row, and matches[entry] to each entry. False: no memory, and nothing was added. */
bool tally_add(struct tally *tally, const struct tally_row *row, const uint64_t *matches);
/* Frees the rows; the entries stay the caller's. */
void tally_free(struct tally *tally);

#ifdef __cplusplus
}
#endif

#endif
