// SPDX-License-Identifier: BSD-2-Clause
// The order of a campaign: next program, both sides, the log, the sums, and when it is over.
// Nothing here knows a register.
#include "vmm/diff/campaign.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/diff/culprit.h"
#include "vmm/ending.h"

#define LATE_AGAIN 2u /* runs more where the host may have been late */

struct run {
	const struct campaign_config *config;
	const struct campaign_calls *calls;
	struct journal *journal;
	struct tally *tally;
	uint64_t *before, *after; /* matches of the ledger's entries */
	uint64_t spent_ms;        /* by earlier runs, as the log says */
	uint64_t start_ms;
	struct result *result;
};

static uint64_t now(const struct run *r)
{
	return r->calls->now_ms(r->calls->opaque);
}

static bool over(const struct run *r)
{
	const struct campaign_config *config = r->config;

	if (config->programs && r->tally->count >= config->programs)
		return true;
	if (config->time_ms && r->spent_ms + (now(r) - r->start_ms) >= config->time_ms)
		return true;
	return r->tally->count > INT64_MAX - config->first;
}

/* The row into the log and the sums. A program that the tool failed on is not done: the next run
 * tries it again. */
static bool account(struct run *r, const struct tally_row *row)
{
	unsigned entries = r->tally->entry_count;

	for (unsigned i = 0; i < entries; i++)
		r->after[i] -= r->before[i];
	if (r->journal && row->outcome != LOCKSTEP_FAILED &&
	    !journal_add(r->journal, r->tally, row, r->after, r->result))
		return false;
	if (tally_add(r->tally, row, r->after))
		return true;
	ending_fill(r->result, RESULT_INTERNAL, "no memory for the results");
	return false;
}

/* False: the campaign ends here, as *r->result says. */
static bool judge(struct run *r, struct program *program, const char *name,
		  const struct lockstep_report *report)
{
	if (report->outcome == LOCKSTEP_FAILED)
		ending_fill(r->result, RESULT_INTERNAL, "%s: %s", name, report->text);
	else if (report->outcome == LOCKSTEP_DIFFERS &&
		 culprit_keep(r->config, r->calls, program, name, report, r->result))
		ending_fill(r->result, RESULT_DIVERGED, "%s: %s", name, report->text);
	return report->outcome == LOCKSTEP_SAME || report->outcome == LOCKSTEP_STALLED;
}

/* The host does not stop in the same place again and again; a fault is there each time. */
static void run_both(struct run *r, struct program *program, struct lockstep_report *report)
{
	const struct campaign_calls *calls = r->calls;
	unsigned again = 0;

	do {
		calls->matches(calls->opaque, r->before);
		calls->run(calls->opaque, program, again == 0, report);
		calls->matches(calls->opaque, r->after);
	} while (report->outcome == LOCKSTEP_DIFFERS && report->late_period &&
		 again++ < LATE_AGAIN);
}

static bool run_program(struct run *r, uint64_t number, struct program *program, uint64_t since)
{
	const struct campaign_calls *calls = r->calls;
	struct lockstep_report report = {.outcome = LOCKSTEP_FAILED};
	struct tally_row row = {.number = number, .cpus = program->cpus, .ops = program->count};
	char name[256];

	calls->name(calls->opaque, number, name);
	run_both(r, program, &report);
	if (report.outcome == LOCKSTEP_STOPPED) {
		fprintf(r->config->out,
			"%s is broken off after %zu of its %zu operations, and does not count\n",
			name, report.done, program->count);
		return true;
	}
	row.name = name;
	row.outcome = report.outcome;
	row.done = report.done;
	row.explained = report.explained;
	row.ms = now(r) - since;
	row.text = report.text;
	if (report.outcome == LOCKSTEP_SAME)
		row.text = "";
	if (!account(r, &row))
		return false;
	calls->progress(calls->opaque, r->tally);
	return judge(r, program, name, &report);
}

static bool run_next(struct run *r)
{
	uint64_t number = r->config->first + r->tally->count, since = now(r);
	struct program program = {.cpus = 0};
	bool more;

	if (!r->calls->program(r->calls->opaque, number, &program)) {
		ending_fill(r->result, RESULT_INTERNAL, "no memory for %s %" PRIu64,
			    r->config->word, number);
		return false;
	}
	more = run_program(r, number, &program, since);
	program_free(&program);
	return more;
}

/* Rows of an earlier run count like those of this one. */
static bool differed_before(struct run *r)
{
	for (size_t i = 0; i < r->tally->count; i++) {
		const struct tally_row *row = &r->tally->rows[i];

		if (row->outcome != LOCKSTEP_DIFFERS)
			continue;
		ending_fill(r->result, RESULT_DIVERGED, "%s, in an earlier run with this log: %s",
			    row->name, row->text);
		return true;
	}
	return false;
}

static bool check_met(struct run *r, int *unmet)
{
	char names[300] = "", more[32] = "";
	size_t used = 0;
	int left_out = 0;

	*unmet = 0;
	for (unsigned i = 0; i < r->tally->entry_count; i++) {
		const struct tally_entry *entry = &r->tally->entries[i];

		if (entry->matches)
			continue;
		++*unmet;
		if (used + strlen(entry->name) + 3 > sizeof(names))
			left_out++;
		else
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", entry->name);
	}
	if (left_out)
		snprintf(more, sizeof(more), " and %d more", left_out);
	if (*unmet)
		ending_fill(r->result, RESULT_DIVERGED,
			    "the ledger explains what was not met in %" PRIu64
			    " operations: %s%s; is it still so?",
			    r->tally->done, names, more);
	return *unmet == 0;
}

/* All that was to be run has been. */
static bool finish(struct run *r, int *unmet)
{
	if (differed_before(r))
		return false;
	if (r->tally->count && !r->tally->outcomes[LOCKSTEP_SAME]) {
		ending_fill(r->result, RESULT_HOST_LACKS,
			    "no program came to its end: this host stops too often for times to be "
			    "compared (%s: %s)",
			    r->tally->rows[0].name, r->tally->rows[0].text);
		return false;
	}
	return (r->tally->done < CAMPAIGN_LONG && !r->config->all_met) || check_met(r, unmet);
}

static bool go(struct run *r, int *unmet)
{
	while (!over(r)) {
		int signal;

		if (!run_next(r))
			return false;
		signal = r->calls->signal(r->calls->opaque);
		if (signal) {
			ending_fill(r->result, signal == SIGINT ? RESULT_SIGINT : RESULT_SIGTERM,
				    "ended by a signal after %zu programs", r->tally->count);
			return false;
		}
	}
	return finish(r, unmet);
}

bool campaign(const struct campaign_config *config, const struct campaign_calls *calls,
	      struct journal *journal, struct tally *tally, int *unmet, struct result *result)
{
	struct run r = {
		.config = config,
		.calls = calls,
		.journal = journal,
		.tally = tally,
		.before = calloc(tally->entry_count + 1, sizeof(*r.before)),
		.after = calloc(tally->entry_count + 1, sizeof(*r.after)),
		.spent_ms = tally->ms,
		.result = result,
	};
	bool good = false;

	*unmet = -1;
	r.start_ms = now(&r);
	if (r.before && r.after)
		good = go(&r, unmet);
	else
		ending_fill(result, RESULT_INTERNAL, "no memory for the results");
	free(r.before);
	free(r.after);
	return good;
}
