// SPDX-License-Identifier: BSD-2-Clause
// Results as TAP, the Test Anything Protocol, version 13.
// Not a stream: all is known when it is written.
#include "vmm/diff/report.h"

#include <ctype.h>
#include <inttypes.h>

#define DIAGNOSTIC_LINES 200u

/* A # would begin a directive, a backslash escapes it. */
static void put_name(const char *text, FILE *to)
{
	for (const char *c = text; *c; c++) {
		if (*c == '#' || *c == '\\')
			fputc('\\', to);
		fputc(iscntrl((unsigned char)*c) ? '?' : *c, to);
	}
}

/* Up to the newline or the end. */
static const char *put_line(const char *text, FILE *to)
{
	while (*text && *text != '\n') {
		fputc(iscntrl((unsigned char)*text) && *text != '\t' ? '?' : *text, to);
		text++;
	}
	fputc('\n', to);
	return *text ? text + 1 : text;
}

static void put_diagnostic(const char *text, FILE *to)
{
	unsigned lines = 0;

	while (*text && lines++ < DIAGNOSTIC_LINES) {
		fputs("# ", to);
		text = put_line(text, to);
	}
	if (*text)
		fputs("# ...\n", to);
}

void report_tap(const struct report *report, FILE *to)
{
	fprintf(to, "TAP version 13\n1..%zu\n", report->count);
	for (size_t i = 0; i < report->count; i++) {
		const struct report_test *test = &report->tests[i];

		fprintf(to, "%s %zu - ", test->verdict == REPORT_FAILED ? "not ok" : "ok", i + 1);
		put_name(test->name, to);
		if (test->verdict == REPORT_SKIPPED) {
			fputs(" # SKIP ", to);
			put_line(test->text, to);
			continue;
		}
		fputc('\n', to);
		if (test->verdict == REPORT_FAILED)
			put_diagnostic(test->text, to);
	}
}
