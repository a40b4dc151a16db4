// SPDX-License-Identifier: BSD-2-Clause
// Programs from files and folders, and the sums that tell lists and files apart.
// Not the format of a program: test_diff_program.c.
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

#include "vmm/diff/fingerprint.h"
#include "vmm/diff/replay.h"

static char folder[] = "/tmp/lapicvm-replay-XXXXXX", path[96];
static struct replay replay;
static struct result result;

static const char *at(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *to = fopen(at(name), "we");

	assert_non_null(to);
	fputs(text, to);
	assert_int_equal(fclose(to), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	put("b.prog", "lapicvm-diff 1\ncpus 1\n0 rdtsc\n");
	put("a.prog", "lapicvm-diff 1\ncpus 2\n1 sti\n0 hlt\n");
	put("c.txt", "not one\n");
	put(".d.prog", "not one\n");
	put(".prog", "not one\n");
	return 0;
}

static int teardown(void **state)
{
	static const char *const all[] = {"a.prog", "b.prog", "c.txt", ".d.prog", ".prog"};

	(void)state;
	replay_free(&replay);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		unlink(at(all[i]));
	return rmdir(folder);
}

static void files_keep_their_order(void **state)
{
	(void)state;
	assert_true(replay_add(&replay, at("b.prog"), &result));
	assert_true(replay_add(&replay, at("a.prog"), &result));
	assert_true(replay_add(&replay, at("b.prog"), &result));
	assert_int_equal(replay.count, 3);
	assert_string_equal(replay.files[0].path, path);
	assert_int_equal(replay.files[0].program.count, 1);
	assert_int_equal(replay.files[1].program.count, 2);
	assert_int_equal(replay.files[1].program.cpus, 2);
}

static void a_folder_gives_its_programs_by_name(void **state)
{
	(void)state;
	assert_true(replay_add(&replay, folder, &result));
	assert_int_equal(replay.count, 2);
	assert_string_equal(replay.files[0].path, at("a.prog"));
	assert_string_equal(replay.files[1].path, at("b.prog"));
	assert_true(replay_add(&replay, at(""), &result));
	assert_string_equal(replay.files[2].path, at("a.prog"));
}

static void refused(const char *name, enum result_kind kind, const char *text)
{
	assert_false(replay_add(&replay, at(name), &result));
	assert_int_equal(result.kind, kind);
	if (!strstr(result.text, path) || !strstr(result.text, text))
		fail_msg("'%s' without '%s' or '%s'", result.text, path, text);
}

static void what_cannot_be_read_is_named(void **state)
{
	(void)state;
	refused("none", RESULT_UNREADABLE, "No such file");
	refused("c.txt", RESULT_BAD_IMAGE, "line 1");
	put("b.prog", "lapicvm-diff 1\ncpus 1\n0 rdtsc\n0 bogus\n");
	assert_false(replay_add(&replay, folder, &result));
	assert_int_equal(result.kind, RESULT_BAD_IMAGE);
	assert_non_null(strstr(result.text, "b.prog"));
	unlink(at("a.prog"));
	unlink(at("b.prog"));
	refused("", RESULT_UNREADABLE, "no *.prog");
}

static void another_list_has_another_sum(void **state)
{
	uint64_t sum, again;

	(void)state;
	assert_true(replay_add(&replay, folder, &result));
	sum = replay_sum(&replay);
	replay_free(&replay);
	assert_true(replay_add(&replay, folder, &result));
	assert_int_equal(replay_sum(&replay), sum);
	replay.files[0].program.ops[1].value ^= UINT64_C(1) << 63;
	again = replay_sum(&replay);
	assert_int_not_equal(again, sum);
	replay.files[0].program.ops[1].value = 0;
	replay.files[0].program.started ^= true;
	assert_int_not_equal(replay_sum(&replay), sum);
	replay.files[0].program.started ^= true;
	assert_int_equal(replay_sum(&replay), sum);
	assert_true(replay_add(&replay, at("a.prog"), &result));
	assert_int_not_equal(replay_sum(&replay), sum);
}

static void a_file_has_the_sum_of_its_bytes(void **state)
{
	uint64_t sum = FINGERPRINT_EMPTY;

	(void)state;
	/* From the published test vectors of FNV-1a. */
	assert_int_equal(fingerprint_bytes(FINGERPRINT_EMPTY, "foobar", 6),
			 UINT64_C(0x85944171f73967e8));
	put("c.txt", "foobar");
	assert_true(fingerprint_file(&sum, path));
	assert_int_equal(sum, UINT64_C(0x85944171f73967e8));
	assert_false(fingerprint_file(&sum, at("none")));
	assert_false(fingerprint_file(&sum, folder));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_keep_their_order),          TEST(a_folder_gives_its_programs_by_name),
		TEST(what_cannot_be_read_is_named),    TEST(another_list_has_another_sum),
		TEST(a_file_has_the_sum_of_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
