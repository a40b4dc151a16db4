// SPDX-License-Identifier: BSD-2-Clause
// Results as text: for people, as TAP and as JUnit XML.
// Not where they come from, and not the exit status.
#ifndef VMM_DIFF_REPORT_H
#define VMM_DIFF_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/diff/tally.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

enum report_verdict { REPORT_PASSED, REPORT_FAILED, REPORT_SKIPPED };

struct report_test {
	const char *name;
	enum report_verdict verdict;
	uint64_t ms;
	const char *text; /* why not passed, or more about it; may have several lines; "" */
};

struct report {
	struct report_test *tests; /* report_add() copies the strings */
	size_t count, room;
};

/* False: no memory, and nothing was added. */
bool report_add(struct report *report, const struct report_test *test);
void report_free(struct report *report);

/* TAP version 13, a diagnostic of at most 200 lines after a test that failed. */
void report_tap(const struct report *report, FILE *to);
/* One <testsuite> of this name. Every text comes out as valid XML 1.0 in UTF-8. */
void report_junit(const struct report *report, const char *suite, FILE *to);

/* A test for each program, and one for the ledger where it is to be met (`unmet` entries are not):
 * unmet < 0 leaves it out. again: the options that a program which differs needs beside --seed or
 * --replay, "" or as " --ops 7". False: no memory. */
bool report_of_tally(struct report *report, const struct tally *tally, const char *again,
		     int unmet);
/* "1 program", "2 programs". */
void report_print_amount(uint64_t count, const char *of, FILE *to);
/* Programs, operations, time, entries of the ledger. */
void report_print(const struct tally *tally, FILE *to);

/* Where people read: stdout, or stderr where "-" has stdout taken for one of the files. */
FILE *report_stream(const char *tap, const char *junit);
/* Whether the files (each may be NULL) can be written: before the work. False: *result says why. */
bool report_files_possible(const char *tap, const char *junit, struct result *result);
/*
 * Writes the files that are not NULL, whole or not at all, "-" to stdout; and flushes `out`, which
 * people read. False: *result says what could not be written.
 */
bool report_finish(const struct report *report, const char *suite, FILE *out, const char *tap,
		   const char *junit, struct result *result);
/* `failed` takes the place of success (`good`), but not of a *result that says more: it is told on
 * stderr then. False, for the caller to return. */
bool report_output_failed(const struct result *failed, bool good, struct result *result);

#ifdef __cplusplus
}
#endif

#endif
