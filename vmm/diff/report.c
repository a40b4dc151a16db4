// SPDX-License-Identifier: BSD-2-Clause
// A campaign's report for people, and the files for machines.
// Not their formats: report_tap.c and report_junit.c.
#include "vmm/diff/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/ending.h"
#include "vmm/output_file.h"

bool report_add(struct report *report, const struct report_test *test)
{
	char *name = strdup(test->name), *text = strdup(test->text);

	if (name && text && report->count == report->room) {
		size_t room = report->room ? 2 * report->room : 64;
		struct report_test *tests = reallocarray(report->tests, room, sizeof(*tests));

		if (tests) {
			report->tests = tests;
			report->room = room;
		}
	}
	if (!name || !text || report->count == report->room) {
		free(name);
		free(text);
		return false;
	}
	report->tests[report->count] = *test;
	report->tests[report->count].name = name;
	report->tests[report->count++].text = text;
	return true;
}

void report_free(struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free((char *)(uintptr_t)report->tests[i].name);
		free((char *)(uintptr_t)report->tests[i].text);
	}
	free(report->tests);
	*report = (struct report){NULL, 0, 0};
}

/* ---------------------------------------------------------------- a campaign */

static const enum report_verdict verdict_of[TALLY_OUTCOMES] = {
	[LOCKSTEP_SAME] = REPORT_PASSED,
	[LOCKSTEP_DIFFERS] = REPORT_FAILED,
	[LOCKSTEP_STALLED] = REPORT_SKIPPED,
	[LOCKSTEP_FAILED] = REPORT_FAILED,
};

static bool add_ledger(struct report *report, const struct tally *tally, int unmet)
{
	struct report_test test = {"every entry of the ledger is met",
				   unmet ? REPORT_FAILED : REPORT_PASSED, 0, ""};
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);
	bool good;

	if (!to)
		return false;
	for (unsigned i = 0; i < tally->entry_count; i++)
		if (!tally->entries[i].matches)
			fprintf(to, "not met: %s (%s)\n", tally->entries[i].name,
				tally->entries[i].rule);
	good = fclose(to) == 0;
	test.text = text;
	good = good && report_add(report, &test);
	free(text);
	return good;
}

/* With the command that shows it: a CI keeps this, but not always the file that was saved. */
static bool add_difference(struct report *report, const struct tally_row *row, const char *again)
{
	struct report_test test = {row->name, REPORT_FAILED, row->ms, ""};
	bool seed = strncmp(row->name, "seed ", 5) == 0, good;
	char *text;

	if (asprintf(&text, "%s\nagain: lapicvm diff %s %s%s%s", row->text,
		     seed ? "--seed" : "--replay", row->name + (seed ? 5 : 0),
		     seed ? " --seeds 1" : "", again) < 0)
		return false;
	test.text = text;
	good = report_add(report, &test);
	free(text);
	return good;
}

bool report_of_tally(struct report *report, const struct tally *tally, const char *again, int unmet)
{
	for (size_t i = 0; i < tally->count; i++) {
		const struct tally_row *row = &tally->rows[i];
		struct report_test test = {row->name, verdict_of[row->outcome], row->ms, row->text};

		if (row->outcome == LOCKSTEP_STALLED && !row->text[0])
			test.text = "given up: its times could not be compared";
		if (row->outcome == LOCKSTEP_DIFFERS ? !add_difference(report, row, again)
						     : !report_add(report, &test))
			return false;
	}
	return unmet < 0 || add_ledger(report, tally, unmet);
}

static const char *verdict_text(enum ledger_verdict verdict)
{
	switch (verdict) {
	case LEDGER_OURS_SDM: return "KVM departs from the SDM";
	case LEDGER_BOTH_ALLOWED: return "the SDM allows both";
	case LEDGER_UNDEFINED: return "the SDM is silent";
	}
	return "";
}

static int longest_name(const struct tally *tally)
{
	size_t longest = 0;

	for (unsigned i = 0; i < tally->entry_count; i++)
		if (strlen(tally->entries[i].name) > longest)
			longest = strlen(tally->entries[i].name);
	return (int)longest;
}

static void print_entries(const struct tally *tally, FILE *to)
{
	int width = longest_name(tally);
	unsigned unmet = 0;

	if (tally->entry_count == 0)
		return;
	fprintf(to, "known differences (ledger), and how often each was met:\n");
	for (unsigned i = 0; i < tally->entry_count; i++) {
		const struct tally_entry *entry = &tally->entries[i];

		unmet += !entry->matches;
		if (entry->matches)
			fprintf(to, "  %-*s  %-8s  %-24s  %" PRIu64 "\n", width, entry->name,
				entry->rule, verdict_text(entry->verdict), entry->matches);
	}
	if (unmet)
		fprintf(to, "  and %u that %s not met\n", unmet, unmet == 1 ? "was" : "were");
}

void report_print_amount(uint64_t count, const char *of, FILE *to)
{
	fprintf(to, "%" PRIu64 " %s%s", count, of, count == 1 ? "" : "s");
}

static const char *first_stalled(const struct tally *tally, char text[1024])
{
	size_t i = 0;

	while (i + 1 < tally->count && tally->rows[i].outcome != LOCKSTEP_STALLED)
		i++;
	snprintf(text, 1024, "%s: %s", tally->rows[i].name, tally->rows[i].text);
	return text;
}

void report_print(const struct tally *tally, FILE *to)
{
	uint64_t stalled = tally->outcomes[LOCKSTEP_STALLED];
	char text[1024];

	report_print_amount(tally->count, "program", to);
	fputs(", ", to);
	report_print_amount(tally->done, "operation", to);
	fprintf(to, " in %" PRIu64 ".%" PRIu64 " s", tally->ms / 1000, tally->ms % 1000 / 100);
	if (tally->ms)
		fprintf(to, ", %" PRIu64 " a second", tally->done * 1000 / tally->ms);
	fprintf(to,
		"\n%" PRIu64 " same, %" PRIu64 " differ, %" PRIu64 " stalled, %" PRIu64 " failed; ",
		tally->outcomes[LOCKSTEP_SAME], tally->outcomes[LOCKSTEP_DIFFERS], stalled,
		tally->outcomes[LOCKSTEP_FAILED]);
	report_print_amount(tally->explained, "finding", to);
	fputs(" explained\n", to);
	if (stalled * 10 > tally->count)
		fprintf(to,
			"note: more than a tenth of the programs were given up before their end; "
			"%s\n",
			first_stalled(tally, text));
	print_entries(tally, to);
}

/* ---------------------------------------------------------------- files */

static bool is_stdout(const char *path)
{
	return strcmp(path, "-") == 0;
}

static bool refuse(const char *path, struct result *result)
{
	ending_fill(result, RESULT_OUTPUT_FAILED, "cannot write %s: %s",
		    is_stdout(path) ? "to standard output" : path, strerror(errno));
	return false;
}

static bool possible(const char *path, struct result *result)
{
	if (!path || is_stdout(path) || output_file_possible(path))
		return true;
	return refuse(path, result);
}

bool report_files_possible(const char *tap, const char *junit, struct result *result)
{
	return possible(tap, result) && possible(junit, result);
}

static void write_one(const struct report *report, const char *suite, FILE *to)
{
	if (suite)
		report_junit(report, suite, to);
	else
		report_tap(report, to);
}

/* suite: as JUnit; NULL: as TAP. */
static bool write_to(const struct report *report, const char *suite, const char *path,
		     struct result *result)
{
	struct output_file file;

	if (!path)
		return true;
	errno = 0;
	if (is_stdout(path)) {
		write_one(report, suite, stdout);
		return fflush(stdout) == 0 && !ferror(stdout) ? true : refuse(path, result);
	}
	if (!output_file_open(&file, path))
		return refuse(path, result);
	errno = 0;
	write_one(report, suite, file.stream);
	return output_file_commit(&file) || refuse(path, result);
}

FILE *report_stream(const char *tap, const char *junit)
{
	return (tap && is_stdout(tap)) || (junit && is_stdout(junit)) ? stderr : stdout;
}

static bool flush(FILE *out, struct result *result)
{
	errno = 0;
	if (fflush(out) == 0 && !ferror(out))
		return true;
	/* Nobody could be told. */
	return out == stderr || refuse("-", result);
}

bool report_finish(const struct report *report, const char *suite, FILE *out, const char *tap,
		   const char *junit, struct result *result)
{
	return flush(out, result) && write_to(report, NULL, tap, result) &&
	       write_to(report, suite, junit, result);
}

bool report_output_failed(const struct result *failed, bool good, struct result *result)
{
	if (good)
		*result = *failed;
	else
		fprintf(stderr, "lapicvm: %s\n", failed->text);
	return false;
}
