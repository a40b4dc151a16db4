// SPDX-License-Identifier: BSD-2-Clause
// Results as JUnit XML, the form that CI servers read.
// Not an XML library: elements are fixed, only texts come from outside.
#include "vmm/diff/report.h"

#include <inttypes.h>
#include <string.h>

/* The code point at *text and its length, or 0 where the bytes are not UTF-8 (RFC 3629). */
static size_t decode(const char *text, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)text;
	size_t length = u[0] < 0x80   ? 1
			: u[0] < 0xC0 ? 0
			: u[0] < 0xE0 ? 2
			: u[0] < 0xF0 ? 3
			: u[0] < 0xF8 ? 4
				      : 0;

	if (length == 0)
		return 0;
	*point = length == 1 ? u[0] : u[0] & (0x7Fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((u[i] & 0xC0) != 0x80)
			return 0;
		*point = *point << 6 | (u[i] & 0x3F);
	}
	return *point < least[length] ? 0 : length;
}

/* XML 1.0, production 2, Char. */
static bool is_char(uint32_t point)
{
	return point == '\t' || point == '\n' || point == '\r' ||
	       (point >= 0x20 && point <= 0xD7FF) || (point >= 0xE000 && point <= 0xFFFD) ||
	       (point >= 0x10000 && point <= 0x10FFFF);
}

/* What may not stand in XML at all becomes U+FFFD. */
static void put(const char *text, FILE *to)
{
	while (*text) {
		uint32_t point;
		size_t length = decode(text, &point);

		if (length == 0 || !is_char(point))
			fputs("\xEF\xBF\xBD", to);
		else if (strchr("<>&\"'\t\n\r", (int)point) && point < 0x80)
			fprintf(to, "&#%" PRIu32 ";", point);
		else
			fwrite(text, 1, length, to);
		text += length ? length : 1;
	}
}

static size_t count(const struct report *report, enum report_verdict verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < report->count; i++)
		n += report->tests[i].verdict == verdict;
	return n;
}

static void put_seconds(uint64_t ms, FILE *to)
{
	fprintf(to, "time=\"%" PRIu64 ".%03" PRIu64 "\"", ms / 1000, ms % 1000);
}

/* The first line as attribute, all as text. */
static void put_why(const char *element, const char *text, FILE *to)
{
	char first[256];

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(text, "\n"), text);
	fprintf(to, "    <%s message=\"", element);
	put(first, to);
	fputs("\">", to);
	put(text, to);
	fprintf(to, "</%s>\n", element);
}

static void put_test(const struct report_test *test, const char *suite, FILE *to)
{
	fputs("  <testcase classname=\"", to);
	put(suite, to);
	fputs("\" name=\"", to);
	put(test->name, to);
	fputs("\" ", to);
	put_seconds(test->ms, to);
	if (test->verdict == REPORT_PASSED) {
		fputs("/>\n", to);
		return;
	}
	fputs(">\n", to);
	put_why(test->verdict == REPORT_FAILED ? "failure" : "skipped", test->text, to);
	fputs("  </testcase>\n", to);
}

void report_junit(const struct report *report, const char *suite, FILE *to)
{
	uint64_t ms = 0;

	for (size_t i = 0; i < report->count; i++)
		ms += report->tests[i].ms;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"", to);
	put(suite, to);
	fprintf(to, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" ",
		report->count, count(report, REPORT_FAILED), count(report, REPORT_SKIPPED));
	put_seconds(ms, to);
	fputs(">\n", to);
	for (size_t i = 0; i < report->count; i++)
		put_test(&report->tests[i], suite, to);
	fputs("</testsuite>\n", to);
}
