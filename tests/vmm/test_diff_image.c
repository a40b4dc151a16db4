// SPDX-License-Identifier: BSD-2-Clause
// A whole guest both ways: the comparison on made-up runs, the runs with a script for lapicvm.
// No KVM and no guest: test_cli.sh has those.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/diff/image_diff.h"

static struct image_run user, kernel;
static char user_console[256], kernel_console[256];
static struct report report;
static struct result result;

static void same_runs(void)
{
	strcpy(user_console, "one\ntwo\nthree\n");
	strcpy(kernel_console, user_console);
	user = (struct image_run){.result = {.kind = RESULT_GUEST_EXIT, .cpu = -1, .counted = true},
				  .console = user_console,
				  .console_size = strlen(user_console)};
	kernel = user;
	kernel.console = kernel_console;
}

/* Verdicts of end, console and counts as letters. */
static const char *compare_as(struct options_diff how)
{
	static const char letters[] = {
		[REPORT_PASSED] = 'p', [REPORT_FAILED] = 'f', [REPORT_SKIPPED] = 's'};
	static char all[4];

	report_free(&report);
	assert_true(image_diff_compare(&user, &kernel, &how, &report));
	assert_int_equal(report.count, 3);
	for (unsigned i = 0; i < 3; i++)
		all[i] = letters[report.tests[i].verdict];
	return all;
}

static const char *compare(enum options_counts counts)
{
	return compare_as((struct options_diff){.counts = counts});
}

static const char *compare_consoles(enum options_consoles how, const char *here, const char *there)
{
	same_runs();
	strcpy(user_console, here);
	strcpy(kernel_console, there);
	user.console_size = strlen(here);
	kernel.console_size = strlen(there);
	return compare_as((struct options_diff){.console = how});
}

static void says(unsigned test, const char *text)
{
	if (!strstr(report.tests[test].text, text))
		fail_msg("'%s' without '%s'", report.tests[test].text, text);
}

static void equal_runs_are_the_same(void **state)
{
	(void)state;
	same_runs();
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "ppp");
	says(0, "guest-exit value=0");
	says(1, "14 bytes");
}

static void ends_differ_by_kind_and_value(void **state)
{
	(void)state;
	same_runs();
	kernel.result.value = 64;
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "fpp");
	says(0, "guest-exit value=0 here, guest-exit value=64 with KVM's");
	/* Both have the status 63. */
	user.result.value = 65;
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "fpp");
	user.result.kind = RESULT_HALTED_FOREVER;
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "fpp");
	says(0, "halted-forever here,");
	kernel.result.kind = RESULT_HALTED_FOREVER;
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "ppp");
	kernel.result.kind = RESULT_TIMEOUT;
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "fpp");
}

static void the_first_line_that_differs_is_shown(void **state)
{
	(void)state;
	same_runs();
	strcpy(kernel_console, "one\nt\x1b[2J\nthree\n");
	kernel.console_size = strlen(kernel_console);
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "pfp");
	assert_string_equal(report.tests[1].text,
			    "line 2 differs\nhere:       two\nwith KVM's: t?[2J");
	strcpy(kernel_console, "one\ntwo\n");
	kernel.console_size = strlen(kernel_console);
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "pfp");
	assert_string_equal(report.tests[1].text,
			    "line 3 differs\nhere:       three\nwith KVM's: ");
}

static void consoles_are_bytes(void **state)
{
	(void)state;
	same_runs();
	user_console[5] = kernel_console[5] = '\0';
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "ppp");
	kernel_console[10] = 'X';
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "pfp");
	says(1, "line 3");
}

static void any_number_is_as_good_where_asked(void **state)
{
	enum options_consoles numbers = OPTIONS_CONSOLE_NUMBERS;

	(void)state;
	assert_string_equal(compare_consoles(numbers, "[    1.25] up 3ms at 0xfee0000c\nend",
					     "[   12.5] up 17ms at 0xc9\nend"),
			    "ppp");
	assert_string_equal(compare_consoles(OPTIONS_CONSOLE_EXACT, "up 3", "up 4"), "pfp");
	/* Words of hexadecimal letters are words. */
	assert_string_equal(compare_consoles(numbers, "dead 1", "fed 1"), "pfp");
	assert_string_equal(compare_consoles(numbers, "one\nat 7 more\n", "one\nat 8 less\n"),
			    "pfp");
	says(1, "line 2 differs\nhere:       at 7 more\nwith KVM's: at 8 less");
	assert_string_equal(compare_consoles(numbers, "a 1", "a"), "pfp");
	assert_string_equal(compare_consoles(numbers, "a", "a 1"), "pfp");
	assert_string_equal(compare_consoles(OPTIONS_CONSOLE_IGNORE, "a", "b"), "psp");
}

static void half_a_number_at_the_cut_is_not_compared(void **state)
{
	struct options_diff how = {.console = OPTIONS_CONSOLE_NUMBERS};

	(void)state;
	compare_consoles(how.console, "at 1\nin ad", "at 2\nin ad5 ms\n");
	user.result.kind = kernel.result.kind = RESULT_TIMEOUT;
	assert_string_equal(compare_as(how), "sps");
	kernel_console[0] = 'X';
	assert_string_equal(compare_as(how), "sfs");
}

static void counts_agree_as_asked(void **state)
{
	static const struct {
		uint64_t here, there;
		const char *exact, *about;
	} rows[] = {
		{7, 7, "ppp", "ppp"},          {0, 5, "ppf", "ppp"},
		{6, 0, "ppf", "ppf"},          {100, 90, "ppf", "ppp"},
		{89, 100, "ppf", "ppf"},       {UINT64_MAX, UINT64_MAX - 1, "ppf", "ppp"},
		{UINT64_MAX, 0, "ppf", "ppf"},
	};

	(void)state;
	same_runs();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		user.result.interrupts = rows[i].here;
		kernel.result.interrupts = rows[i].there;
		assert_string_equal(compare(OPTIONS_COUNTS_EXACT), rows[i].exact);
		assert_string_equal(compare(OPTIONS_COUNTS_ABOUT), rows[i].about);
		assert_string_equal(compare(OPTIONS_COUNTS_IGNORE), "pps");
	}
	user.result.interrupts = kernel.result.interrupts = 0;
	kernel.result.nmis = 6;
	assert_string_equal(compare(OPTIONS_COUNTS_ABOUT), "ppf");
	says(2, "0 interrupts and 0 NMIs here, 0 and 6 with KVM's");
	kernel.result.counted = false;
	assert_string_equal(compare(OPTIONS_COUNTS_ABOUT), "pps");
}

static void runs_cut_off_compare_as_far_as_both_went(void **state)
{
	(void)state;
	same_runs();
	user.result.kind = kernel.result.kind = RESULT_TIMEOUT;
	kernel.console_size = 5;
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "sps");
	says(1, "5 bytes");
	kernel_console[2] = 'X';
	assert_string_equal(compare(OPTIONS_COUNTS_EXACT), "sfs");
}

/* ---------------------------------------------------------------- runs */

static char folder[] = "/tmp/lapicvm-image-XXXXXX", script[64], said[96], tap[96];
static struct options options;
static char arg_a[] = "a b", arg_b[] = "--lapic=user", *guest_args[] = {arg_a, arg_b};

/* $json is the path after --result-json, $place the last --lapic= before "--". */
#define PREAMBLE                                                                                   \
 "#!/bin/sh\n"                                                                                     \
 "say() { printf '{\\n  \"result\": \"%s\",\\n  \"code\": 0,\\n  \"value\": %s,\\n"                \
 "  \"interrupts\": 5,\\n  \"nmis\": 0,\\n  \"text\": \"%s\",\\n  \"detail\": \"%s\"\\n}\\n' "     \
 "\"$1\" \"$2\" \"$3\" \"$4\" >\"$json\"; }\n"                                                     \
 "for w; do case $w in --) break ;; --lapic=*) place=${w#--lapic=} ;; esac\n"                      \
 "[ \"$before\" = --result-json ] && json=$w; before=$w; done\n"

static void write_script(const char *body)
{
	FILE *to = fopen(script, "we");

	assert_non_null(to);
	fputs(PREAMBLE, to);
	fputs(body, to);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(script, 0700), 0);
}

static const char *contents(const char *path)
{
	static char text[8192];
	FILE *from = fopen(path, "re");

	text[0] = '\0';
	if (from) {
		text[fread(text, 1, sizeof(text) - 1, from)] = '\0';
		fclose(from);
	}
	return text;
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	setenv("TMPDIR", folder, 1);
	snprintf(script, sizeof(script), "%s/lapicvm", folder);
	snprintf(said, sizeof(said), "%s/said", folder);
	snprintf(tap, sizeof(tap), "%s/tap", folder);
	setenv("SAID", said, 1);
	options = (struct options){.verb = OPTIONS_DIFF,
				   .image = "guest.elf",
				   .cpus = 3,
				   .ram_bytes = 64 << 20,
				   .x2apic = true,
				   .tsc_deadline = true,
				   .diff = {.tap = tap}};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	report_free(&report);
	unlink(script);
	unlink(said);
	unlink(tap);
	/* Nothing else may have been left. */
	return rmdir(folder);
}

static bool run(void)
{
	memset(&result, 0, sizeof(result));
	return image_diff(&options, script, &result);
}

static void ends_with(enum result_kind kind, const char *text)
{
	assert_false(run());
	assert_int_equal(result.kind, kind);
	if (!strstr(result.text, text))
		fail_msg("'%s' without '%s'", result.text, text);
}

#define WORDS                                                                                          \
 "run|-kernel|guest.elf|-m|65536K|-smp|3,cores=3,threads=1|--timeout|12.345|--result-json|JSON|PLACE|" \
 "-append|x y|-initrd|i1|-initrd|i2|--acpi=off|--mptable=off|--hpet|-no-reboot|--no-x2apic|"           \
 "--no-tsc-deadline|--pv-eoi|--|a b|--lapic=user|"

static void both_get_the_same_words(void **state)
{
	(void)state;
	options.append = "x y";
	options.initrds[0] = "i1";
	options.initrds[1] = "i2";
	options.initrd_count = 2;
	options.no_acpi = options.no_mptable = options.hpet = true;
	options.no_reboot = options.pv_eoi = true;
	options.x2apic = options.tsc_deadline = false;
	options.timeout_ms = 12345;
	options.guest_args = guest_args;
	options.guest_arg_count = 2;
	write_script("say guest-exit 0\nfirst=yes\n"
		     "for w; do case $w in $json) w=JSON ;; --lapic=*) [ $first ] && w=PLACE; "
		     "first= ;; esac; printf '%s|' \"$w\" >>$SAID; done\n"
		     "echo $place $(cat) >>$SAID\n");
	if (!run())
		fail_msg("%s", result.text);
	assert_string_equal(contents(said), WORDS "user\n" WORDS "kernel\n");
	assert_string_equal(contents(tap), "TAP version 13\n1..3\nok 1 - end\nok 2 - console\n"
					   "ok 3 - interrupt counts\n");
}

static void a_difference_is_99(void **state)
{
	(void)state;
	write_script("say guest-exit 0\necho one; echo $place\n");
	ends_with(RESULT_DIVERGED, "console: line 2 differs");
	assert_non_null(strstr(contents(tap), "not ok 2 - console\n# line 2 differs\n# here:       "
					      "user\n# with KVM's: kernel\n"));
	write_script("[ $place = user ]; say guest-exit $?\n");
	ends_with(RESULT_DIVERGED, "end: guest-exit value=0 here, guest-exit value=1 with KVM's");
	write_script("[ $place = user ] && say guest-exit 0 || say triple-fault null\n");
	ends_with(RESULT_DIVERGED, "end: guest-exit value=0 here, triple-fault with KVM's");
}

static void what_never_ran_is_not_compared(void **state)
{
	(void)state;
	write_script("say bad-image null 'no \\\"ELF\\\"'\n");
	ends_with(RESULT_BAD_IMAGE, "run --lapic=user: no \\\"ELF\\\"");
	assert_string_equal(result.detail, "");
	write_script("say bad-image null 'cannot be booted' 'Linux: no\\n  ELF: no\\n'\n");
	ends_with(RESULT_BAD_IMAGE, "run --lapic=user: cannot be booted");
	assert_string_equal(result.detail, "Linux: no\n  ELF: no\n");
	write_script("[ $place = user ] && say guest-exit 0 || say host-lacks null 'no split'\n");
	ends_with(RESULT_HOST_LACKS, "run --lapic=kernel: no split");
	assert_string_equal(contents(tap), "");
	write_script("say timeout null\n");
	ends_with(RESULT_TIMEOUT, "had not ended");
	write_script("echo went wrong >&2; exit 3\n");
	ends_with(RESULT_INTERNAL, "left no result and ended with status 3: went wrong");
	write_script("kill -SEGV $$\n");
	ends_with(RESULT_INTERNAL, "ended with signal 11");
	write_script("say bogus 0\n");
	ends_with(RESULT_INTERNAL, "left no result");
	write_script("say guest-exit null\n");
	ends_with(RESULT_INTERNAL, "left no result");
	unlink(script);
	ends_with(RESULT_INTERNAL, "left no result and ended with status 127");
}

static void a_console_has_a_bound(void **state)
{
	(void)state;
	write_script("trap '' XFSZ\nhead -c 70000000 /dev/zero 2>/dev/null || say output-failed "
		     "null 'File too large'\n");
	ends_with(RESULT_OUTPUT_FAILED, "File too large");
}

/* In a child, to which a third process sends the signal once the run is under way. */
static void a_signal_is_passed_on(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		write_script(
			"trap 'say sigterm null; echo passed >$SAID; exit' TERM\nkill -TERM $PPID\n"
			"i=0; while [ $i -lt 200 ]; do sleep 0.1; i=$((i + 1)); done\n");
		_exit(!run() && result.kind == RESULT_SIGTERM ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_string_equal(contents(said), "passed\n");
}

static void a_report_that_cannot_be_written_is_told_first(void **state)
{
	char gone[128];

	(void)state;
	snprintf(gone, sizeof(gone), "%s/none/tap", folder);
	options.diff.tap = gone;
	write_script("touch $SAID\n");
	ends_with(RESULT_OUTPUT_FAILED, "No such file");
	assert_int_not_equal(access(said, F_OK), 0);
	options.diff.tap = "/dev/full";
	write_script("say guest-exit 0\n");
	ends_with(RESULT_OUTPUT_FAILED, "No space left");
	setenv("TMPDIR", gone, 1);
	ends_with(RESULT_OUTPUT_FAILED, "cannot make the folder");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_runs_are_the_same),
		TEST(ends_differ_by_kind_and_value),
		TEST(the_first_line_that_differs_is_shown),
		TEST(consoles_are_bytes),
		TEST(any_number_is_as_good_where_asked),
		TEST(half_a_number_at_the_cut_is_not_compared),
		TEST(counts_agree_as_asked),
		TEST(runs_cut_off_compare_as_far_as_both_went),
		TEST(both_get_the_same_words),
		TEST(a_difference_is_99),
		TEST(what_never_ran_is_not_compared),
		TEST(a_console_has_a_bound),
		TEST(a_signal_is_passed_on),
		TEST(a_report_that_cannot_be_written_is_told_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
