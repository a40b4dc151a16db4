// SPDX-License-Identifier: BSD-2-Clause
// Outputs that are killed, that cannot be written through, and what is left of them: rename(),
// fsync() and access() are the test's own. Not the rest of outputs: test_result.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/output_file.h"

#define NOBODY 65534

static char folder[] = "/tmp/lapicvm-test-XXXXXX";
static char place[64];
static bool no_proc, kill_at_rename;
static char calls[64]; /* what was called: file, rename, folder */
static const char *failing;
static char said[256];

/* ---- the system's ---- */

static int called(const char *what)
{
	strncat(calls, what, sizeof(calls) - strlen(calls) - 1);
	if (!failing || strcmp(failing, what) != 0)
		return 0;
	errno = EIO;
	return -1;
}

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's have underscores
int access(const char *path, int mode)
{
	if (no_proc && strncmp(path, "/proc", 5) == 0) {
		errno = ENOENT;
		return -1;
	}
	return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's have underscores
int rename(const char *from, const char *to)
{
	if (kill_at_rename)
		raise(SIGKILL);
	return called("rename ") < 0 ? -1
				     : (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int fsync(int fd)
{
	struct stat there;

	fstat(fd, &there);
	return called(S_ISDIR(there.st_mode) ? "folder " : "file ");
}

/* ---- files ---- */

static const char *at(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *to = fopen(at(name), "w");

	assert_non_null(to);
	fputs(text, to);
	assert_int_equal(fclose(to), 0);
}

static const char *get(const char *name)
{
	FILE *from = fopen(at(name), "r");
	size_t count;

	if (!from)
		return "none";
	count = fread(said, 1, sizeof(said) - 1, from);
	said[count] = '\0';
	fclose(from);
	return said;
}

static unsigned count_files(const char *prefix)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			 strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return count;
}

static bool write_place(bool durable)
{
	struct output_file file;

	if (!output_file_open(&file, place))
		return false;
	fputs("new", file.stream);
	return durable ? output_file_commit_durable(&file) : output_file_commit(&file);
}

/* Another program does it, and does not live to see the end. */
static void killed(bool before_commit)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct output_file file;

		kill_at_rename = true;
		if (output_file_open(&file, place)) {
			fputs("ne", file.stream);
			fflush(file.stream);
			if (before_commit)
				raise(SIGKILL);
			output_file_commit_durable(&file);
		}
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static int setup(void **state)
{
	(void)state;
	no_proc = kill_at_rename = false;
	failing = NULL;
	calls[0] = '\0';
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(place, sizeof(place), "%s/f", folder);
	put("f", "old");
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

/* ---- tests ---- */

static void killed_half_way_it_leaves_nothing(void **state)
{
	(void)state;
	killed(true);
	assert_string_equal(get("f"), "old");
	assert_int_equal(count_files(""), 1);
}

/* Where nothing is without a name: the next one removes it. */
static void what_is_left_goes_with_the_next(void **state)
{
	(void)state;
	no_proc = true;
	killed(true);
	killed(true);
	assert_string_equal(get("f"), "old");
	/* The second has removed what the first left. */
	assert_int_equal(count_files(".lapicvm-"), 1);
	assert_true(write_place(true));
	assert_string_equal(get("f"), "new");
	assert_int_equal(count_files(""), 1);
}

static void killed_at_the_last_moment_it_leaves_a_whole_one(void **state)
{
	(void)state;
	killed(false);
	assert_string_equal(get("f"), "old");
	assert_int_equal(count_files(".lapicvm-"), 1);
	assert_true(output_file_possible(place));
	assert_string_equal(get("f"), "old");
	assert_int_equal(count_files(""), 1);
}

static void what_is_being_written_stays(void **state)
{
	struct output_file file;
	int ends[2];
	pid_t child;
	char byte;

	(void)state;
	no_proc = true;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		bool good = output_file_open(&file, place);

		fputs("other", good ? file.stream : stderr);
		(void)!write(ends[1], "", 1);
		/* Until the other is done. */
		pause();
		_exit(1);
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(count_files(".lapicvm-"), 1);
	assert_true(write_place(false));
	assert_int_equal(count_files(".lapicvm-"), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	assert_true(output_file_possible(place));
	assert_int_equal(count_files(""), 1);
}

static void what_others_made_stays(void **state)
{
	(void)state;
	put(".lapicvm-notes.part", "x");
	put(".lapicvm-0123456g.part", "x");
	put(".lapicvm-012345678.part", "x");
	put("lapicvm-01234567.part", "x");
	put(".lapicvm-20240101", "x");
	put(".lapicvm-20240101.partner", "x");
	put(".lapicvm-01234567.part", "x");
	assert_int_equal(symlink("f", at(".lapicvm-11234567.part")), 0);
	assert_int_equal(mkdir(at(".lapicvm-21234567.part"), 0700), 0);
	assert_int_equal(mkfifo(at(".lapicvm-31234567.part"), 0600), 0);
	assert_true(write_place(false));
	assert_string_equal(get(".lapicvm-01234567.part"), "none");
	assert_int_equal(count_files(""), 10);
}

/* Whoever may write to the folder could replace it all the same. */
static void what_may_not_be_written_stays(void **state)
{
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(chmod(place, 0444), 0);
	child = fork();
	if (child == 0) {
		/* root may write everything. */
		if (geteuid() == 0 &&
		    (chown(folder, NOBODY, NOBODY) || chown(place, NOBODY, NOBODY) ||
		     setegid(NOBODY) || seteuid(NOBODY)))
			_exit(2);
		_exit(output_file_possible(place) || errno != EACCES || write_place(true) ||
		      errno != EACCES);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_string_equal(get("f"), "old");
	assert_int_equal(count_files(""), 1);
}

static void durable_means_file_then_name_then_folder(void **state)
{
	(void)state;
	assert_true(write_place(true));
	assert_string_equal(calls, "file rename folder ");
	calls[0] = '\0';
	no_proc = true;
	assert_true(write_place(true));
	assert_string_equal(calls, "file rename folder ");
	calls[0] = '\0';
	assert_true(write_place(false));
	assert_string_equal(calls, "rename ");
}

static void a_disk_that_fails_leaves_what_was_there(void **state)
{
	static const char *const steps[] = {"file ", "rename "};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		no_proc = i / 2;
		failing = steps[i % 2];
		assert_false(write_place(true));
		assert_int_equal(errno, EIO);
		assert_string_equal(get("f"), "old");
		assert_int_equal(count_files(""), 1);
	}
	failing = "folder ";
	assert_false(write_place(true));
	assert_int_equal(errno, EIO);
	assert_string_equal(get("f"), "new");
	assert_int_equal(count_files(""), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_half_way_it_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_left_goes_with_the_next, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_at_the_last_moment_it_leaves_a_whole_one,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_being_written_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(what_others_made_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(what_may_not_be_written_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(durable_means_file_then_name_then_folder, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_disk_that_fails_leaves_what_was_there, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
