// SPDX-License-Identifier: BSD-2-Clause
// The report of a campaign, as people, TAP and JUnit readers see it.
// Not where its numbers come from.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/diff/report.h"

static struct tally_entry entries[] = {
	{"late-eoi", "EOI-3", LEDGER_OURS_SDM, 5},
	{"dfr", "LDR-12", LEDGER_UNDEFINED, 0},
};
static struct tally tally;
static struct report report;
static struct result result;
static char *text;

static int setup(void **state)
{
	(void)state;
	tally = (struct tally){.entries = entries, .entry_count = 2};
	entries[0].matches = 5;
	text = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tally_free(&tally);
	report_free(&report);
	free(text);
	return 0;
}

static void add_row(uint64_t number, enum lockstep_outcome outcome, const char *why)
{
	static const uint64_t none[2];
	char name[32];
	const struct tally_row row = {.number = number,
				      .name = name,
				      .outcome = outcome,
				      .cpus = 1,
				      .ops = 1000,
				      .done = 1000,
				      .explained = 2,
				      .ms = 1250,
				      .text = why};

	snprintf(name, sizeof(name), "seed %u", (unsigned)number);
	assert_true(tally_add(&tally, &row, none));
}

static void add_test(const char *name, enum report_verdict verdict, const char *why)
{
	const struct report_test test = {name, verdict, 1005, why};

	assert_true(report_add(&report, &test));
}

static const char *print(void (*write)(FILE *to))
{
	size_t length;
	FILE *to = open_memstream(&text, &length);

	assert_non_null(to);
	write(to);
	fclose(to);
	return text;
}

static void print_tally(FILE *to)
{
	report_print(&tally, to);
}

static void print_tap(FILE *to)
{
	report_tap(&report, to);
}

static void print_junit(FILE *to)
{
	report_junit(&report, "lapicvm diff", to);
}

static void people_read_sums_and_the_ledger(void **state)
{
	(void)state;
	for (unsigned i = 1; i < 20; i++)
		add_row(i, LOCKSTEP_SAME, "");
	add_row(20, LOCKSTEP_STALLED, "");
	assert_string_equal(print(print_tally),
			    "20 programs, 20000 operations in 25.0 s, 800 a second\n"
			    "19 same, 0 differ, 1 stalled, 0 failed; 40 findings explained\n"
			    "known differences (ledger), and how often each was met:\n"
			    "  late-eoi  EOI-3     KVM departs from the SDM  5\n"
			    "  and 1 that was not met\n");
}

static void many_that_stall_are_said(void **state)
{
	(void)state;
	for (unsigned i = 1; i < 9; i++)
		add_row(i, LOCKSTEP_SAME, "");
	add_row(9, LOCKSTEP_STALLED, "too slow");
	assert_non_null(strstr(print(print_tally), "more than a tenth"));
	assert_non_null(strstr(text, "before their end; seed 9: too slow\n"));
}

static void nothing_run_is_no_division_by_zero(void **state)
{
	(void)state;
	assert_non_null(strstr(print(print_tally), "0 programs, 0 operations in 0.0 s\n"));
}

static void each_program_is_a_test(void **state)
{
	(void)state;
	add_row(1, LOCKSTEP_SAME, "");
	add_row(2, LOCKSTEP_STALLED, "");
	add_row(3, LOCKSTEP_DIFFERS, "ESR differs");
	add_row(4, LOCKSTEP_FAILED, "no memory");
	assert_true(report_of_tally(&report, &tally, " --ops 7", -1));
	assert_string_equal(print(print_tap),
			    "TAP version 13\n1..4\n"
			    "ok 1 - seed 1\n"
			    "ok 2 - seed 2 # SKIP given up: its times could not be compared\n"
			    "not ok 3 - seed 3\n# ESR differs\n"
			    "# again: lapicvm diff --seed 3 --seeds 1 --ops 7\n"
			    "not ok 4 - seed 4\n# no memory\n");
}

static void the_ledger_is_a_test_where_it_is_to_be_met(void **state)
{
	(void)state;
	add_row(1, LOCKSTEP_SAME, "");
	assert_true(report_of_tally(&report, &tally, "", 1));
	assert_string_equal(
		print(print_tap),
		"TAP version 13\n1..2\nok 1 - seed 1\n"
		"not ok 2 - every entry of the ledger is met\n# not met: dfr (LDR-12)\n");
	report_free(&report);
	free(text);
	entries[1].matches = 1;
	assert_true(report_of_tally(&report, &tally, "", 0));
	entries[1].matches = 0;
	assert_non_null(strstr(print(print_tap), "\nok 2 - every entry"));
}

static void tap_escapes_what_means_something(void **state)
{
	(void)state;
	add_test("a # TODO b\\c\n1..7", REPORT_PASSED, "");
	add_test("x", REPORT_SKIPPED, "one\nnot ok 9");
	add_test("y", REPORT_FAILED, "\x1b[1m\nnot ok 9\tz");
	assert_string_equal(print(print_tap), "TAP version 13\n1..3\n"
					      "ok 1 - a \\# TODO b\\\\c?1..7\n"
					      "ok 2 - x # SKIP one\n"
					      "not ok 3 - y\n# ?[1m\n# not ok 9\tz\n");
}

static void tap_diagnostics_are_bounded(void **state)
{
	char lines[1000];

	(void)state;
	memset(lines, '\n', sizeof(lines) - 1);
	lines[sizeof(lines) - 1] = '\0';
	add_test("x", REPORT_FAILED, lines);
	assert_true(strlen(print(print_tap)) < 1000);
	assert_non_null(strstr(text, "# ...\n"));
}

static void junit_is_xml(void **state)
{
	(void)state;
	add_test("a<b>&\"'", REPORT_PASSED, "");
	add_test("x", REPORT_SKIPPED, "slow");
	add_test("y", REPORT_FAILED, "one & two\n]]>\x1b \xC3\xA9 \xFF \xED\xA0\x80 \xC1\x81");
	assert_string_equal(
		print(print_junit),
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"lapicvm diff\" tests=\"3\" failures=\"1\" errors=\"0\" "
		"skipped=\"1\" time=\"3.015\">\n"
		"  <testcase classname=\"lapicvm diff\" name=\"a&#60;b&#62;&#38;&#34;&#39;\" "
		"time=\"1.005\"/>\n"
		"  <testcase classname=\"lapicvm diff\" name=\"x\" time=\"1.005\">\n"
		"    <skipped message=\"slow\">slow</skipped>\n"
		"  </testcase>\n"
		"  <testcase classname=\"lapicvm diff\" name=\"y\" time=\"1.005\">\n"
		"    <failure message=\"one &#38; two\">one &#38; two&#10;]]&#62;\xEF\xBF\xBD "
		"\xC3\xA9 \xEF\xBF\xBD \xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD</failure>\n"
		"  </testcase>\n"
		"</testsuite>\n");
}

static void files_are_written_whole(void **state)
{
	char folder[] = "/tmp/lapicvm-report-XXXXXX", tap[64], junit[64], first[32];
	FILE *from;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(tap, sizeof(tap), "%s/tap", folder);
	snprintf(junit, sizeof(junit), "%s/xml", folder);
	add_test("a", REPORT_PASSED, "");
	assert_true(report_files_possible(tap, junit, &result));
	assert_int_not_equal(access(tap, F_OK), 0);
	assert_true(report_finish(&report, "s", stderr, tap, junit, &result));
	from = fopen(tap, "re");
	assert_non_null(fgets(first, sizeof(first), from));
	assert_string_equal(first, "TAP version 13\n");
	fclose(from);
	from = fopen(junit, "re");
	assert_non_null(fgets(first, sizeof(first), from));
	assert_non_null(strstr(first, "<?xml"));
	fclose(from);
	unlink(tap);
	unlink(junit);
	rmdir(folder);
	assert_false(report_files_possible(tap, NULL, &result));
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_false(report_finish(&report, "s", stderr, NULL, junit, &result));
	assert_non_null(strstr(result.text, "No such file"));
	assert_false(report_finish(&report, "s", stderr, "/dev/full", NULL, &result));
	assert_non_null(strstr(result.text, "No space left"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(people_read_sums_and_the_ledger),
		TEST(many_that_stall_are_said),
		TEST(nothing_run_is_no_division_by_zero),
		TEST(each_program_is_a_test),
		TEST(the_ledger_is_a_test_where_it_is_to_be_met),
		TEST(tap_escapes_what_means_something),
		TEST(tap_diagnostics_are_bounded),
		TEST(junit_is_xml),
		TEST(files_are_written_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
