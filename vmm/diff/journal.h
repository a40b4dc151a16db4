// SPDX-License-Identifier: BSD-2-Clause
// The log of a campaign: a line for each program that is done, so that no kill loses results.
// Not a report: it is read again by the next run, which goes on from there.
#ifndef VMM_DIFF_JOURNAL_H
#define VMM_DIFF_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/diff/tally.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

struct journal {
	int fd; /* -1: closed */
	const char *path;
	const char *word; /* what its numbers count: "seed" or "file" */
	bool mended;      /* a last line that was broken off has been dropped */
};

/*
 * Opens the log at `path`, or begins it. `identity` is one line of words KEY=VALUE that says what
 * the results are of: a log with another is refused. Rows that are there are added to *tally, whose
 * entries are set and whose first row is to have the number `first`; name(number, text) gives a
 * row its name. False: *result says why. The strings stay the caller's. The file is locked until it
 * is closed. [one thread]
 */
bool journal_open(struct journal *journal, const char *path, const char *identity, const char *word,
		  uint64_t first, void (*name)(void *opaque, uint64_t number, char text[256]),
		  void *opaque, struct tally *tally, struct result *result);
/* Appends one row in one write(2). False: *result says why, and the file is as before. */
bool journal_add(struct journal *journal, const struct tally *tally, const struct tally_row *row,
		 const uint64_t *matches, struct result *result);
void journal_close(struct journal *journal);

#ifdef __cplusplus
}
#endif

#endif
