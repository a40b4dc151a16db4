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

#define CONSOLE_END    (-1)
#define CONSOLE_NUMBER 256

/* A console as it is compared. */
struct reader {
	const struct image_run *run;
	enum options_consoles how;
	size_t size, at, line_start;
};

/* `cut`: the console ends anywhere. Half a number is none: then only whole lines are compared. */
static struct reader reader(const struct image_run *run, enum options_consoles how, bool cut)
{
	struct reader r = {run, how, run->console_size, 0, 0};

	if (cut && how == OPTIONS_CONSOLE_NUMBERS)
		while (r.size && run->console[r.size - 1] != '\n')
			r.size--;
	return r;
}

/* The length of a number that comes next: hexadecimal digits of which one at least is decimal, with
 * what pads it on the left; 0: there is none. */
static size_t number_length(const struct reader *r)
{
	const char *text = r->run->console;
	bool decimal = false;
	size_t i = r->at;

	while (i < r->size && text[i] == ' ')
		i++;
	for (; i < r->size && isxdigit((unsigned char)text[i]); i++)
		decimal |= isdigit((unsigned char)text[i]) != 0;
	return decimal ? i - r->at : 0;
}

static int next(struct reader *r)
{
	size_t length = r->how == OPTIONS_CONSOLE_NUMBERS ? number_length(r) : 0;
	int c;

	if (length) {
		r->at += length;
		return CONSOLE_NUMBER;
	}
	if (r->at == r->size)
		return CONSOLE_END;
	c = (unsigned char)r->run->console[r->at++];
	if (c == '\n')
		r->line_start = r->at;
	return c;
}

/* The line at `start`, as much of it as is shown. */
static int shown(const struct reader *r)
{
	size_t length = strcspn(r->run->console + r->line_start, "\r\n");

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
			    enum options_consoles how, struct report_test *test,
			    char text[TEXT_MAX])
{
	/* Cut off at any moment, one may have come further. */
	bool cut = both_timed_out(user, kernel);
	struct reader here = reader(user, how, cut), there = reader(kernel, how, cut);
	size_t line = 0;
	int a, b;

	if (how == OPTIONS_CONSOLE_IGNORE) {
		test->verdict = REPORT_SKIPPED;
		snprintf(text, TEXT_MAX, "ignored");
		return;
	}
	do {
		/* A line is told by its beginning: of both, while they agree. */
		size_t before = here.line_start, other = there.line_start;

		line += here.at == before;
		a = next(&here);
		b = next(&there);
		if (a != b) {
			here.line_start = before;
			there.line_start = other;
		}
	} while (a == b && a != CONSOLE_END);
	if (a == b || (cut && (a == CONSOLE_END || b == CONSOLE_END))) {
		snprintf(text, TEXT_MAX, "%zu bytes", here.at < there.at ? here.at : there.at);
		return;
	}
	test->verdict = REPORT_FAILED;
	snprintf(text, TEXT_MAX, "line %zu differs\nhere:       %.*s\nwith KVM's: %.*s", line,
		 shown(&here), user->console + here.line_start, shown(&there),
		 kernel->console + there.line_start);
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
			const struct options_diff *how, struct report *report)
{
	char end[TEXT_MAX], console[TEXT_MAX], count[TEXT_MAX];
	struct report_test tests[] = {
		{"end", REPORT_PASSED, user->ms + kernel->ms, end},
		{"console", REPORT_PASSED, 0, console},
		{"interrupt counts", REPORT_PASSED, 0, count},
	};

	compare_end(user, kernel, &tests[0], end);
	compare_console(user, kernel, how->console, &tests[1], console);
	compare_counts(user, kernel, how->counts, &tests[2], count);
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
		memcpy(result->detail, run->result.detail, sizeof(result->detail));
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

	if (image_diff_compare(user, kernel, diff, &report)) {
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
