// SPDX-License-Identifier: BSD-2-Clause
// A campaign on two made-up sides that differ where a test says, with a clock of its own.
// Neither real programs nor real Local APICs: those have tests of their own.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/diff/campaign.h"

#define RUN_MS   100u
#define TOO_MANY 100000u

static char folder[] = "/tmp/lapicvm-campaign-XXXXXX", path[64];
static struct tally_entry entries[2];
static struct tally tally;
static struct journal journal;
static struct result result;
static struct campaign_config config;
static char *said;
static size_t said_length;
static int unmet;

/* The made-up world. */
static struct {
	uint64_t clock, matched[2];
	uint64_t differs_at, stalls_from, fails_at; /* numbers; 0: none */
	unsigned runs, trials, signal_after, comes_again, differed;
	int ops;
	enum finding_field masks;
	bool never_matches, stops;
	bool late;           /* what differs may be the host's fault */
	unsigned late_times; /* so often it does; 0: always */
} world;

/* `ops` readings, and in the middle of the program that differs a write to the ESR. */
static bool give(void *opaque, uint64_t number, struct program *program)
{
	struct program_op op = {.kind = PROGRAM_READ, .width = 4, .where = 0x30};

	(void)opaque;
	*program = (struct program){.cpus = 2, .seed = number};
	for (int i = 0; i < world.ops; i++) {
		bool here = number == world.differs_at && i == world.ops / 2;

		op.kind = here ? PROGRAM_WRITE : PROGRAM_READ;
		op.where = here ? 0x280 : 0x30;
		assert_true(program_add(program, &op));
	}
	return true;
}

static void give_name(void *opaque, uint64_t number, char text[256])
{
	(void)opaque;
	snprintf(text, 256, "seed %u", (unsigned)number);
}

static void differ(const struct program *program, size_t at, struct lockstep_report *report)
{
	world.differed++;
	report->outcome = LOCKSTEP_DIFFERS;
	report->late_period = world.late;
	report->done = at;
	report->finding = (struct finding){.field = FINDING_REGISTER, .reg = 0x28};
	report->finding.op = &program->ops[at];
	snprintf(report->text, sizeof(report->text), "ESR differs");
}

static void run_both(void *opaque, const struct program *program, bool first,
		     struct lockstep_report *report)
{
	(void)opaque;
	world.clock += RUN_MS;
	*report = (struct lockstep_report){.outcome = LOCKSTEP_SAME, .done = program->count};
	if (first && ++world.runs > TOO_MANY)
		fail_msg("the campaign does not end");
	world.trials += !first;
	if (!world.never_matches) {
		world.matched[0] += 3;
		report->explained = 3;
	}
	if (world.stalls_from && program->seed >= world.stalls_from) {
		report->outcome = LOCKSTEP_STALLED;
		report->done = 1;
	}
	if (world.fails_at && program->seed == world.fails_at) {
		report->outcome = LOCKSTEP_FAILED;
		snprintf(report->text, sizeof(report->text), "KVM_RUN: no memory");
	}
	if (world.stops && world.runs == world.signal_after)
		report->outcome = LOCKSTEP_STOPPED;
	for (size_t i = 0; i < program->count; i++)
		if (program->ops[i].where == 0x280 && (first || world.comes_again) &&
		    !(world.late_times && world.differed == world.late_times))
			differ(program, i, report);
	/* Where half of the operations are gone, another difference comes first. */
	if (world.masks && !first && report->outcome == LOCKSTEP_DIFFERS && program->count < 6) {
		report->finding.field = world.masks;
		report->finding.reg = 0x2F;
	}
}

static void give_matches(void *opaque, uint64_t *matches)
{
	(void)opaque;
	memcpy(matches, world.matched, sizeof(world.matched));
}

static bool without(struct program *program, size_t at, shrink_fails fails, void *opaque)
{
	bool keep[64], smaller;
	struct program less;

	for (size_t i = 0; i < program->count; i++)
		keep[i] = i != at;
	assert_true(program_filter(program, keep, &less));
	smaller = fails(opaque, &less);
	program_free(smaller ? program : &less);
	if (smaller)
		*program = less;
	return smaller;
}

static unsigned make_small(struct program *program, shrink_fails fails, void *opaque,
			   unsigned tries)
{
	unsigned used = 0;

	for (size_t i = 0; i < program->count && used < tries; used++)
		i += !without(program, i, fails, opaque);
	return used;
}

static uint64_t give_time(void *opaque)
{
	(void)opaque;
	return world.clock;
}

static int give_signal(void *opaque)
{
	(void)opaque;
	return world.signal_after && world.runs >= world.signal_after ? SIGTERM : 0;
}

static void see_progress(void *opaque, const struct tally *so_far)
{
	(void)opaque;
	assert_ptr_equal(so_far, &tally);
}

static const struct campaign_calls calls = {
	.program = give,
	.name = give_name,
	.run = run_both,
	.matches = give_matches,
	.shrink = make_small,
	.now_ms = give_time,
	.signal = give_signal,
	.progress = see_progress,
};

static void forget(void)
{
	tally_free(&tally);
	memset(entries, 0, sizeof(entries));
	entries[0].name = "late-eoi";
	entries[1].name = "dfr";
	tally = (struct tally){.entries = entries, .entry_count = 1};
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	memset(&world, 0, sizeof(world));
	world.ops = 10;
	world.comes_again = 1;
	forget();
	config = (struct campaign_config){
		.word = "seed",
		.first = 5,
		.save = folder,
		.shrink_ms = 60000,
		.shrink_tries = 1000,
		.out = open_memstream(&said, &said_length),
	};
	return config.out == NULL;
}

static int teardown(void **state)
{
	char file[96];

	(void)state;
	forget();
	journal_close(&journal);
	fclose(config.out);
	free(said);
	snprintf(file, sizeof(file), "%s/diff-9.prog", folder);
	unlink(file);
	unlink(path);
	return rmdir(folder);
}

static bool run(struct journal *log)
{
	memset(&result, 0, sizeof(result));
	return campaign(&config, &calls, log, &tally, &unmet, &result);
}

static void open_log(void)
{
	journal_close(&journal);
	forget();
	if (!journal_open(&journal, path, "ops=10", "seed", 5, give_name, NULL, &tally, &result))
		fail_msg("%s", result.text);
}

static void so_many_programs(void **state)
{
	(void)state;
	config.programs = 7;
	assert_true(run(NULL));
	assert_int_equal(world.runs, 7);
	assert_int_equal(tally.count, 7);
	assert_int_equal(tally.rows[0].number, 5);
	assert_int_equal(tally.rows[6].number, 11);
	assert_string_equal(tally.rows[6].name, "seed 11");
	assert_int_equal(tally.rows[6].ms, RUN_MS);
	assert_int_equal(tally.rows[6].cpus, 2);
	assert_int_equal(tally.done, 70);
	assert_int_equal(tally.explained, 21);
	assert_int_equal(entries[0].matches, 21);
	assert_int_equal(unmet, -1);
}

static void so_long(void **state)
{
	(void)state;
	config.time_ms = 10 * RUN_MS;
	assert_true(run(NULL));
	assert_int_equal(world.runs, 10);
	config.programs = 12;
	config.time_ms = 100 * RUN_MS;
	assert_true(run(NULL));
	assert_int_equal(tally.count, 12);
}

static void seeds_end_at_the_largest(void **state)
{
	(void)state;
	config.time_ms = 100 * RUN_MS;
	config.first = INT64_MAX - 1;
	assert_true(run(NULL));
	assert_int_equal(tally.count, 2);
	assert_int_equal(tally.rows[1].number, INT64_MAX);
}

static void a_late_host_is_no_difference_if_another_run_has_none(void **state)
{
	(void)state;
	config.programs = 20;
	world.differs_at = 9;
	world.late = true;
	world.late_times = 2;
	assert_true(run(NULL));
	assert_int_equal(world.differed, 2);
	assert_int_equal(tally.count, 20);
	assert_int_equal(tally.outcomes[LOCKSTEP_SAME], 20);
	/* Of the runs of one program one counts. */
	assert_int_equal(entries[0].matches, 60);
}

static void a_difference_that_is_always_there_is_no_late_host(void **state)
{
	(void)state;
	config.programs = 20;
	world.differs_at = 9;
	world.late = true;
	world.late_times = 4;
	config.shrink_tries = 0;
	assert_false(run(NULL));
	assert_int_equal(result.kind, RESULT_DIVERGED);
	assert_int_equal(tally.rows[4].outcome, LOCKSTEP_DIFFERS);
}

static void what_no_late_host_makes_is_not_run_again(void **state)
{
	(void)state;
	config.programs = 20;
	world.differs_at = 9;
	world.late_times = 1;
	config.shrink_tries = 0;
	assert_false(run(NULL));
	assert_int_equal(tally.rows[4].outcome, LOCKSTEP_DIFFERS);
}

static void a_difference_is_made_small_and_saved(void **state)
{
	char file[96], why[256];
	struct program program;
	FILE *from;

	(void)state;
	config.programs = 20;
	world.differs_at = 9;
	assert_false(run(NULL));
	assert_int_equal(result.kind, RESULT_DIVERGED);
	assert_string_equal(result.text, "seed 9: ESR differs");
	assert_int_equal(tally.count, 5);
	assert_int_equal(tally.rows[4].outcome, LOCKSTEP_DIFFERS);
	assert_string_equal(tally.rows[4].text, "ESR differs");
	/* The trials of shrink() are no results. */
	assert_true(world.trials >= 10);
	assert_int_equal(entries[0].matches, 15);
	snprintf(file, sizeof(file), "%s/diff-9.prog", folder);
	from = fopen(file, "re");
	assert_non_null(from);
	assert_true(program_read(&program, from, file, why, sizeof(why)));
	fclose(from);
	assert_int_equal(program.count, 1);
	assert_int_equal(program.ops[0].where, 0x280);
	program_free(&program);
	fflush(config.out);
	assert_non_null(strstr(said, "seed 9 differs at operation 6: ESR differs\n"));
	assert_non_null(strstr(said, "\n  cpus 2\n  0 write 0x280 4 0x0"));
	assert_non_null(strstr(said, "saved with 1 operation; again: lapicvm diff --replay /tmp/"));
}

static void stays_the_same(enum finding_field other)
{
	config.programs = 20;
	world.differs_at = 9;
	world.masks = other;
	assert_false(run(NULL));
	assert_non_null(strstr(said, "saved with 6 operations"));
}

static void it_stays_the_same_register(void **state)
{
	(void)state;
	stays_the_same(FINDING_REGISTER);
}

static void it_stays_the_same_field(void **state)
{
	(void)state;
	stays_the_same(FINDING_STATE);
}

static void making_small_has_an_end(void **state)
{
	(void)state;
	config.programs = 20;
	config.shrink_ms = 4 * RUN_MS;
	world.differs_at = 9;
	assert_false(run(NULL));
	assert_int_equal(result.kind, RESULT_DIVERGED);
	assert_int_equal(world.trials, 4);
	assert_non_null(strstr(said, "saved with 7 operations"));
}

static void a_difference_that_does_not_come_again_is_saved_whole(void **state)
{
	(void)state;
	config.programs = 20;
	world.differs_at = 9;
	world.comes_again = 0;
	assert_false(run(NULL));
	assert_int_equal(result.kind, RESULT_DIVERGED);
	assert_int_equal(world.trials, 3);
	assert_non_null(strstr(said, "saved with 10 operations"));
}

static void a_difference_that_cannot_be_saved_is_one_all_the_same(void **state)
{
	(void)state;
	config.programs = 20;
	config.save = "/nowhere";
	world.differs_at = 9;
	assert_false(run(NULL));
	assert_int_equal(result.kind, RESULT_DIVERGED);
	assert_non_null(strstr(result.text, "seed 9: ESR differs; and the program cannot be saved "
					    "as /nowhere/diff-9.prog: No such file or directory"));
}

static void stalled_programs_are_not_failures(void **state)
{
	(void)state;
	config.programs = 10;
	world.stalls_from = 13;
	assert_true(run(NULL));
	assert_int_equal(tally.outcomes[LOCKSTEP_STALLED], 2);
	assert_int_equal(tally.outcomes[LOCKSTEP_SAME], 8);
	assert_int_equal(tally.done, 82);
}

static void a_failure_ends_the_campaign_and_is_tried_again(void **state)
{
	(void)state;
	config.programs = 10;
	world.fails_at = 7;
	open_log();
	assert_false(run(&journal));
	assert_int_equal(result.kind, RESULT_INTERNAL);
	assert_string_equal(result.text, "seed 7: KVM_RUN: no memory");
	assert_int_equal(tally.count, 3);
	world.fails_at = 0;
	open_log();
	assert_int_equal(tally.count, 2);
	assert_true(run(&journal));
	assert_int_equal(tally.count, 10);
	assert_int_equal(tally.rows[2].outcome, LOCKSTEP_SAME);
}

static void a_signal_ends_it_after_the_program(void **state)
{
	(void)state;
	config.programs = 10;
	world.signal_after = 3;
	open_log();
	assert_false(run(&journal));
	assert_int_equal(result.kind, RESULT_SIGTERM);
	assert_int_equal(tally.count, 3);
	open_log();
	assert_int_equal(tally.count, 3);
}

static void a_program_broken_off_does_not_count(void **state)
{
	(void)state;
	config.programs = 4;
	world.signal_after = 3;
	world.stops = true;
	open_log();
	assert_false(run(&journal));
	assert_int_equal(result.kind, RESULT_SIGTERM);
	assert_int_equal(tally.count, 2);
	world.signal_after = 0;
	open_log();
	assert_int_equal(tally.count, 2);
	assert_true(run(&journal));
	assert_int_equal(tally.count, 4);
	assert_int_equal(tally.rows[2].outcome, LOCKSTEP_SAME);
}

static void the_log_carries_on(void **state)
{
	(void)state;
	config.programs = 4;
	open_log();
	assert_true(run(&journal));
	config.programs = 0;
	config.time_ms = 10 * RUN_MS;
	open_log();
	assert_int_equal(tally.count, 4);
	assert_true(run(&journal));
	assert_int_equal(tally.count, 10);
	assert_int_equal(world.runs, 10);
	assert_int_equal(tally.rows[9].number, 14);
	assert_int_equal(entries[0].matches, 30);
	/* All of it has been run: nothing is run again. */
	open_log();
	assert_true(run(&journal));
	assert_int_equal(world.runs, 10);
	assert_int_equal(tally.count, 10);
}

static void a_difference_in_the_log_is_not_forgotten(void **state)
{
	(void)state;
	config.programs = 10;
	world.differs_at = 9;
	open_log();
	assert_false(run(&journal));
	open_log();
	assert_int_equal(tally.count, 5);
	assert_false(run(&journal));
	assert_int_equal(tally.count, 10);
	assert_int_equal(result.kind, RESULT_DIVERGED);
	assert_string_equal(result.text, "seed 9, in an earlier run with this log: ESR differs");
}

static void a_long_campaign_meets_every_entry(void **state)
{
	(void)state;
	world.ops = 1000;
	tally.entry_count = 2;
	config.programs = 999;
	assert_true(run(NULL));
	assert_int_equal(unmet, -1);
	config.programs = 1000;
	assert_false(run(NULL));
	assert_int_equal(result.kind, RESULT_DIVERGED);
	assert_int_equal(unmet, 1);
	assert_non_null(strstr(result.text, "not met in 1000000 operations: dfr;"));
	entries[1].matches = 1;
	assert_true(run(NULL));
	assert_int_equal(unmet, 0);
}

static void so_does_a_short_one_that_is_asked_to(void **state)
{
	(void)state;
	tally.entry_count = 2;
	config.programs = 1;
	assert_true(run(NULL));
	config.all_met = true;
	assert_false(run(NULL));
	assert_int_equal(result.kind, RESULT_DIVERGED);
	assert_int_equal(unmet, 1);
}

static void a_log_that_takes_no_more_ends_it(void **state)
{
	(void)state;
	config.programs = 10;
	open_log();
	close(journal.fd);
	journal.fd = 1000;
	assert_false(run(&journal));
	journal.fd = -1;
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_int_equal(world.runs, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(so_many_programs),
		TEST(so_long),
		TEST(seeds_end_at_the_largest),
		TEST(a_late_host_is_no_difference_if_another_run_has_none),
		TEST(a_difference_that_is_always_there_is_no_late_host),
		TEST(what_no_late_host_makes_is_not_run_again),
		TEST(a_difference_is_made_small_and_saved),
		TEST(it_stays_the_same_register),
		TEST(it_stays_the_same_field),
		TEST(making_small_has_an_end),
		TEST(a_difference_that_does_not_come_again_is_saved_whole),
		TEST(a_difference_that_cannot_be_saved_is_one_all_the_same),
		TEST(stalled_programs_are_not_failures),
		TEST(a_failure_ends_the_campaign_and_is_tried_again),
		TEST(a_signal_ends_it_after_the_program),
		TEST(a_program_broken_off_does_not_count),
		TEST(the_log_carries_on),
		TEST(a_difference_in_the_log_is_not_forgotten),
		TEST(a_long_campaign_meets_every_entry),
		TEST(so_does_a_short_one_that_is_asked_to),
		TEST(a_log_that_takes_no_more_ends_it),
	};

	journal.fd = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
