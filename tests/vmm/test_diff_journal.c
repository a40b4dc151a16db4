// SPDX-License-Identifier: BSD-2-Clause
// The log of a campaign: what survives a kill, and what is refused.
// Not the campaign that writes it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/diff/journal.h"

#define IDENTITY "first=7 ops=100 cpus=any"

static char folder[] = "/tmp/lapicvm-journal-XXXXXX", path[64];
static struct tally_entry entries[3];
static struct tally tally;
static struct journal journal;
static struct result result;

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	return 0;
}

static void forget(void)
{
	tally_free(&tally);
	memset(entries, 0, sizeof(entries));
	entries[0].name = "late-eoi";
	entries[1].name = "dfr";
	entries[2].name = "x2apic-esr";
	tally = (struct tally){.entries = entries, .entry_count = 3};
}

static int teardown(void **state)
{
	(void)state;
	journal_close(&journal);
	forget();
	unlink(path);
	return rmdir(folder);
}

static void name(void *opaque, uint64_t number, char text[256])
{
	(void)opaque;
	snprintf(text, 256, "seed %u", (unsigned)number);
}

static bool open_as(const char *identity)
{
	journal_close(&journal);
	forget();
	memset(&result, 0, sizeof(result));
	return journal_open(&journal, path, identity, "seed", 7, name, NULL, &tally, &result);
}

static void good(void)
{
	if (!open_as(IDENTITY))
		fail_msg("refused: %s", result.text);
}

static void bad(enum result_kind kind, const char *text)
{
	if (open_as(IDENTITY))
		fail_msg("taken, without '%s'", text);
	assert_int_equal(result.kind, kind);
	if (!strstr(result.text, text))
		fail_msg("'%s' without '%s'", result.text, text);
	assert_int_equal(journal.fd, -1);
}

static void add(uint64_t number, enum lockstep_outcome outcome, const char *text)
{
	const uint64_t matches[] = {number, 0, outcome};
	const struct tally_row row = {.number = number,
				      .name = "",
				      .outcome = outcome,
				      .cpus = 2,
				      .ops = 100,
				      .done = 90,
				      .explained = number,
				      .ms = 12,
				      .text = text};

	assert_true(journal_add(&journal, &tally, &row, matches, &result));
}

static void write_file(const char *text, size_t length)
{
	FILE *to = fopen(path, "we");

	assert_non_null(to);
	assert_int_equal(fwrite(text, 1, length, to), length);
	assert_int_equal(fclose(to), 0);
}

static size_t read_file(char text[4096])
{
	FILE *from = fopen(path, "re");
	size_t length;

	assert_non_null(from);
	length = fread(text, 1, 4095, from);
	text[length] = '\0';
	fclose(from);
	return length;
}

static void three_rows(void)
{
	good();
	add(7, LOCKSTEP_SAME, "");
	add(8, LOCKSTEP_DIFFERS, "ESR of CPU 1: \"ours\" 80,\nKVM sum 00000000");
	add(9, LOCKSTEP_STALLED, "");
	journal_close(&journal);
}

static void rows_come_back(void **state)
{
	(void)state;
	three_rows();
	good();
	assert_false(journal.mended);
	assert_int_equal(tally.count, 3);
	assert_int_equal(tally.rows[0].number, 7);
	assert_string_equal(tally.rows[0].name, "seed 7");
	assert_string_equal(tally.rows[0].text, "");
	assert_int_equal(tally.rows[1].outcome, LOCKSTEP_DIFFERS);
	assert_string_equal(tally.rows[1].text, "ESR of CPU 1: 'ours' 80,?KVM sum 00000000");
	assert_int_equal(tally.rows[2].outcome, LOCKSTEP_STALLED);
	assert_int_equal(tally.rows[2].cpus, 2);
	assert_int_equal(tally.rows[2].ops, 100);
	assert_int_equal(tally.done, 270);
	assert_int_equal(tally.explained, 24);
	assert_int_equal(tally.ms, 36);
	assert_int_equal(tally.outcomes[LOCKSTEP_SAME], 1);
	assert_int_equal(entries[0].matches, 24);
	assert_int_equal(entries[1].matches, 0);
	assert_int_equal(entries[2].matches, LOCKSTEP_SAME + LOCKSTEP_DIFFERS + LOCKSTEP_STALLED);
}

/* Whatever is there of the last write when a kill comes, the next run takes it from the row before.
 */
static void a_last_line_broken_anywhere_is_dropped(void **state)
{
	char whole[4096];
	size_t length, start[5] = {0}, lines = 0;

	(void)state;
	three_rows();
	length = read_file(whole);
	for (size_t i = 0; i < length; i++)
		if (whole[i] == '\n')
			start[++lines] = i + 1;
	assert_int_equal(lines, 4);
	for (size_t cut = 0; cut < length; cut++) {
		size_t rows = 0;

		while (rows < 4 && start[rows + 1] <= cut)
			rows++;
		write_file(whole, cut);
		good();
		assert_int_equal(tally.count, rows ? rows - 1 : 0);
		assert_int_equal(journal.mended, cut != start[rows]);
		add(7 + tally.count, LOCKSTEP_SAME, "");
		good();
		assert_int_equal(tally.count, rows ? rows : 1);
		assert_false(journal.mended);
	}
}

static void any_other_damage_is_refused_with_its_line(void **state)
{
	char whole[4096];
	size_t length, line = 1;

	(void)state;
	three_rows();
	length = read_file(whole);
	for (size_t i = 0; i < length - 1; i++) {
		char text[32], was = whole[i];

		snprintf(text, sizeof(text), "line %zu", line);
		line += was == '\n';
		whole[i] = (char)(was ^ 1);
		write_file(whole, length);
		whole[i] = was;
		if (open_as(IDENTITY))
			fail_msg("taken with byte %zu changed", i);
		if (line == 1 || (line == 2 && was == '\n'))
			continue;
		assert_int_equal(result.kind, RESULT_BAD_IMAGE);
		if (!strstr(result.text, text))
			fail_msg("byte %zu: '%s' without %s", i, result.text, text);
	}
}

static void numbers_follow_each_other(void **state)
{
	(void)state;
	good();
	add(7, LOCKSTEP_SAME, "");
	add(9, LOCKSTEP_SAME, "");
	bad(RESULT_BAD_IMAGE, "line 3: seed 9 where 8 is due");
}

static void another_campaign_is_refused(void **state)
{
	(void)state;
	three_rows();
	assert_false(open_as("first=7 ops=1000 cpus=any"));
	assert_int_equal(result.kind, RESULT_USAGE);
	assert_non_null(strstr(result.text, "of ops=100, and this is ops=1000;"));
	assert_false(open_as("first=7 ops=100 cpus=2"));
	assert_non_null(strstr(result.text, "of cpus=any, and this is cpus=2;"));
	good();
	assert_int_equal(tally.count, 3);
}

static void another_file_is_left_alone(void **state)
{
	char text[4096];

	(void)state;
	write_file("precious\nlines\n", 15);
	bad(RESULT_BAD_IMAGE, "not a log");
	write_file("precious", 8);
	bad(RESULT_BAD_IMAGE, "not a log");
	assert_int_equal(read_file(text), 8);
	write_file("\0\0\n", 3);
	bad(RESULT_BAD_IMAGE, "NUL");
}

static void one_run_at_a_time(void **state)
{
	struct journal other;
	struct tally nothing = {.entries = NULL};

	(void)state;
	good();
	assert_false(
		journal_open(&other, path, IDENTITY, "seed", 7, name, NULL, &nothing, &result));
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_non_null(strstr(result.text, "another run"));
}

static void places_that_cannot_hold_a_log(void **state)
{
	char kept[sizeof(path)];

	(void)state;
	memcpy(kept, path, sizeof(path));
	strcpy(path, "/dev/null");
	bad(RESULT_OUTPUT_FAILED, "not a regular file");
	snprintf(path, sizeof(path), "%s/none/log", folder);
	bad(RESULT_OUTPUT_FAILED, "No such file");
	snprintf(path, sizeof(path), "%s", folder);
	bad(RESULT_OUTPUT_FAILED, "Is a directory");
	memcpy(path, kept, sizeof(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_last_line_broken_anywhere_is_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(any_other_damage_is_refused_with_its_line, setup,
						teardown),
		cmocka_unit_test_setup_teardown(numbers_follow_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(another_campaign_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(another_file_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(one_run_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(places_that_cannot_hold_a_log, setup, teardown),
	};

	journal.fd = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
