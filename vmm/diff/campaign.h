// SPDX-License-Identifier: BSD-2-Clause
// Runs programs one after another until their number, the time or a difference ends it.
// Not a comparison and not a generator: both are calls, and so is the clock.
#ifndef VMM_DIFF_CAMPAIGN_H
#define VMM_DIFF_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/diff/journal.h"
#include "vmm/diff/lockstep.h"
#include "vmm/diff/program.h"
#include "vmm/diff/shrink.h"
#include "vmm/diff/tally.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

/* From so many operations on, an entry of the ledger that was never met is an error. */
#define CAMPAIGN_LONG UINT64_C(1000000)

/* All are called from the campaign's thread. */
struct campaign_calls {
	/* The program of this number, to be freed by the campaign. False: no memory. */
	bool (*program)(void *opaque, uint64_t number, struct program *program);
	/* What people call it: "seed 17", or a file. */
	void (*name)(void *opaque, uint64_t number, char text[256]);
	/* Runs it on both sides; first: not one of shrink()'s trials. */
	void (*run)(void *opaque, const struct program *program, bool first,
		    struct lockstep_report *report);
	/* How often each entry of the ledger has matched since the start. */
	void (*matches)(void *opaque, uint64_t *matches);
	unsigned (*shrink)(struct program *program, shrink_fails fails, void *opaque,
			   unsigned tries);
	uint64_t (*now_ms)(void *opaque); /* monotonic */
	/* 0, or the signal that asks for the end: SIGINT or SIGTERM. */
	int (*signal)(void *opaque);
	/* After each program; for people who wait. */
	void (*progress)(void *opaque, const struct tally *tally);
	void *opaque;
};

struct campaign_config {
	const char *word;      /* what numbers count: "seed" or "file" */
	uint64_t first;        /* number of the first program */
	uint64_t programs;     /* how many; 0: no limit */
	uint64_t time_ms;      /* budget, with what the log says was used before; 0: no limit */
	bool all_met;          /* of however few operations: entries never met are an error */
	const char *save;      /* folder for a program that differs */
	const char *again;     /* options that show it again: "" or as " --ledger FILE" */
	uint64_t shrink_ms;    /* how long one may be made smaller */
	unsigned shrink_tries; /* and how often it may be run for that */
	FILE *out;             /* for people: what differs, and where it was saved */
};

/*
 * Runs on from the rows that *tally has already. `journal` may be NULL. True: all that is in *tally
 * is well; else *result says what is not: a difference (also one of an earlier run, in the log), an
 * entry of the ledger never met in a long campaign or one of all_met, a failure, a signal, or that
 * the host let no program come to its end. *tally has all that was run in any case. *unmet: entries
 * never met, or -1 where the campaign was too short or broken off.
 */
bool campaign(const struct campaign_config *config, const struct campaign_calls *calls,
	      struct journal *journal, struct tally *tally, int *unmet, struct result *result);

#ifdef __cplusplus
}
#endif

#endif
