// SPDX-License-Identifier: BSD-2-Clause
// Compares two runs of a guest and tells what differs.
// Not how they are run: image_run.c.
#include "vmm/diff/image_diff.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/ending.h"

/* Counts that are about the same: timers tick by real time, and levels merge as they fall. */
#define ABOUT_PART  10u
#define ABOUT_LEAST 5u
#define LINE_SHOWN  160
#define TEXT_MAX    1024

/* ---------------------------------------------------------------- comparing */

static bool both_timed_out(const struct image_run *user, const struct image_run *kernel)
{
	return user->result.kind == RESULT_TIMEOUT && kernel->result.kind == RESULT_TIMEOUT;
}

static void end_text(const struct result *result, char text[64])
{
	int used = snprintf(text, 64, "%s", result_name(result->kind));

	if (result->kind == RESULT_GUEST_EXIT)
		snprintf(text + used, 64 - (size_t)used, " value=%" PRIu64, result->value);
}

static void compare_end(const struct image_run *user, const struct image_run *kernel,
			struct report_test *test, char text[TEXT_MAX])
{
	char here[64], there[64];

	end_text(&user->result, here);
	end_text(&kernel->result, there);
	if (both_timed_out(user, kernel)) {
		test->verdict = REPORT_SKIPPED;
		snprintf(text, TEXT_MAX, "neither had ended when its time was over");
	} else if (strcmp(here, there) == 0) {
		snprintf(text, TEXT_MAX, "%s", here);
	} else {
		test->verdict = REPORT_FAILED;
		snprintf(text, TEXT_MAX, "%s here, %s with KVM's", here, there);
	}
}

/* Where two consoles part: the line's number from 1, and the offset at which it starts. */
static size_t parting(const struct image_run *a, const struct image_run *b, size_t until,
		      size_t *start)
{
	size_t line = 1;

	*start = 0;
	for (size_t i = 0; i < until && a->console[i] == b->console[i]; i++)
		if (a->console[i] == '\n') {
			line++;
			*start = i + 1;
		}
	return line;
}

/* The line at `start`, as much of it as is shown. */
static int shown(const struct image_run *run, size_t start)
{
	size_t length = strcspn(run->console + start, "\r\n");

	return length < LINE_SHOWN ? (int)length : LINE_SHOWN;
}

/* A guest's bytes may mean something to a terminal. */
static void clean(char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text) && *text != '\n')
			*text = '?';
}

static void compare_console(const struct image_run *user, const struct image_run *kernel,
			    struct report_test *test, char text[TEXT_MAX])
{
	size_t least = user->console_size < kernel->console_size ? user->console_size
								 : kernel->console_size;
	size_t start, line;

	/* Cut off at any moment, one may have come further. */
	if (memcmp(user->console, kernel->console, least) == 0 &&
	    (user->console_size == kernel->console_size || both_timed_out(user, kernel))) {
		snprintf(text, TEXT_MAX, "%zu bytes", least);
		return;
	}
	test->verdict = REPORT_FAILED;
	line = parting(user, kernel, least, &start);
	snprintf(text, TEXT_MAX, "line %zu differs\nhere:       %.*s\nwith KVM's: %.*s", line,
		 shown(user, start), user->console + start, shown(kernel, start),
		 kernel->console + start);
	clean(text);
}

static bool about(uint64_t a, uint64_t b)
{
	uint64_t more = a > b ? a : b, apart = more - (a < b ? a : b);

	return apart <= ABOUT_LEAST || apart <= more / ABOUT_PART;
}

static bool agree(uint64_t a, uint64_t b, enum options_counts counts)
{
	return counts == OPTIONS_COUNTS_EXACT ? a == b : about(a, b);
}

static void compare_counts(const struct image_run *user, const struct image_run *kernel,
			   enum options_counts counts, struct report_test *test,
			   char text[TEXT_MAX])
{
	const struct result *here = &user->result, *there = &kernel->result;

	test->verdict = REPORT_SKIPPED;
	if (counts == OPTIONS_COUNTS_IGNORE) {
		snprintf(text, TEXT_MAX, "ignored");
	} else if (both_timed_out(user, kernel)) {
		snprintf(text, TEXT_MAX, "neither had ended when its time was over");
	} else if (!here->counted || !there->counted) {
		snprintf(text, TEXT_MAX, "KVM does not count them on this host, or a run had none");
	} else {
		bool good = agree(here->interrupts, there->interrupts, counts) &&
			    agree(here->nmis, there->nmis, counts);

		test->verdict = good ? REPORT_PASSED : REPORT_FAILED;
		snprintf(text, TEXT_MAX,
			 "%" PRIu64 " interrupts and %" PRIu64 " NMIs here, %" PRIu64
			 " and %" PRIu64 " with KVM's",
			 here->interrupts, here->nmis, there->interrupts, there->nmis);
	}
}

bool image_diff_compare(const struct image_run *user, const struct image_run *kernel,
			enum options_counts counts, struct report *report)
{
	char end[TEXT_MAX], console[TEXT_MAX], count[TEXT_MAX];
	struct report_test tests[] = {
		{"end", REPORT_PASSED, user->ms + kernel->ms, end},
		{"console", REPORT_PASSED, 0, console},
		{"interrupt counts", REPORT_PASSED, 0, count},
	};

	compare_end(user, kernel, &tests[0], end);
	compare_console(user, kernel, &tests[1], console);
	compare_counts(user, kernel, counts, &tests[2], count);
	for (unsigned i = 0; i < 3; i++)
		if (!report_add(report, &tests[i]))
			return false;
	return true;
}

/* ---------------------------------------------------------------- the verb */

static bool is_program(const char *image)
{
	const char *dot = strrchr(image, '.');

	return dot && strcmp(dot, ".prog") == 0;
}

/* An end that says nothing of the guest: of the options, the files, the host, lapicvm. */
static bool never_ran(const struct image_run *run, const char *image, const char *lapic,
		      struct result *result)
{
	switch (run->result.kind) {
	case RESULT_USAGE:
	case RESULT_BAD_IMAGE:
	case RESULT_UNREADABLE:
	case RESULT_NO_KVM:
	case RESULT_INTERNAL:
	case RESULT_OUTPUT_FAILED:
	case RESULT_HOST_LACKS:
	case RESULT_USER_QUIT:
	case RESULT_SIGINT:
	case RESULT_SIGTERM:
		ending_fill(
			result, run->result.kind, "run --lapic=%s: %s%s", lapic, run->result.text,
			is_program(image) ? "; a program of operations is given by --replay" : "");
		return true;
	default: return false;
	}
}

static void print(const struct report *report, FILE *to)
{
	static const char *const words[] = {
		[REPORT_PASSED] = "agrees",
		[REPORT_FAILED] = "DIFFERS",
		[REPORT_SKIPPED] = "not compared",
	};

	for (size_t i = 0; i < report->count; i++)
		fprintf(to, "%s: %s: %s\n", report->tests[i].name, words[report->tests[i].verdict],
			report->tests[i].text);
}

static bool judge(const struct report *report, bool timed_out, struct result *result)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct report_test *test = &report->tests[i];

		if (test->verdict != REPORT_FAILED)
			continue;
		ending_fill(result, RESULT_DIVERGED, "%s: %s", test->name, test->text);
		/* Further lines stand above already. */
		result->text[strcspn(result->text, "\n")] = '\0';
		return false;
	}
	if (timed_out)
		ending_fill(result, RESULT_TIMEOUT,
			    "the guest had not ended with either Local APIC");
	return !timed_out;
}

static bool compare(const struct options *options, const struct image_run *user,
		    const struct image_run *kernel, struct result *result)
{
	const struct options_diff *diff = &options->diff;
	struct report report = {NULL, 0, 0};
	struct result files;
	bool good = false;

	if (image_diff_compare(user, kernel, diff->counts, &report)) {
		FILE *out = report_stream(diff->tap, diff->junit);

		print(&report, out);
		good = judge(&report, both_timed_out(user, kernel), result);
		if (!report_finish(&report, options->image, out, diff->tap, diff->junit, &files))
			good = report_output_failed(&files, good, result);
	} else {
		ending_fill(result, RESULT_INTERNAL, "no memory for the report");
	}
	report_free(&report);
	return good;
}

static bool run_both(const struct options *options, const char *program, const char *folder,
		     struct result *result)
{
	struct image_run user = {.console = NULL}, kernel = {.console = NULL};
	bool good = image_run(&user, program, options, false, folder, result) &&
		    !never_ran(&user, options->image, "user", result) &&
		    image_run(&kernel, program, options, true, folder, result) &&
		    !never_ran(&kernel, options->image, "kernel", result) &&
		    compare(options, &user, &kernel, result);

	image_run_free(&user);
	image_run_free(&kernel);
	return good;
}

bool image_diff(const struct options *options, const char *program, struct result *result)
{
	const char *top = getenv("TMPDIR");
	char folder[256];
	bool good;

	if (!report_files_possible(options->diff.tap, options->diff.junit, result))
		return false;
	snprintf(folder, sizeof(folder), "%s/lapicvm-XXXXXX", top && top[0] ? top : "/tmp");
	if (!mkdtemp(folder)) {
		ending_fill(result, RESULT_OUTPUT_FAILED, "cannot make the folder %s: %s", folder,
			    strerror(errno));
		return false;
	}
	good = run_both(options, program, folder, result);
	rmdir(folder);
	return good;
}
