// SPDX-License-Identifier: BSD-2-Clause
// Exit statuses, the last line and the JSON file; and files that appear whole or not at all.
// How a run comes to its result is not tested here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/output_file.h"
#include "vmm/result.h"

static char folder[] = "/tmp/lapicvm-test-XXXXXX";

static const char *at(const char *name)
{
	static char path[4][512];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", folder, name);
	return path[next];
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/lapicvm-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	(void)state;
	while (dir && (entry = readdir(dir)))
		unlink(at(entry->d_name));
	if (dir)
		closedir(dir);
	return rmdir(folder);
}

static unsigned files_in_folder(void)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static const char *contents(const char *path)
{
	static char text[8192];
	FILE *file = fopen(path, "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static const char *printed(const struct result *result)
{
	static char text[8192];
	FILE *to = fmemopen(text, sizeof(text), "w");

	assert_non_null(to);
	result_print(result, to);
	fclose(to);
	return text;
}

static struct result plain(enum result_kind kind)
{
	struct result result = {.kind = kind, .cpu = -1};

	return result;
}

static void each_kind_has_its_status(void **state)
{
	static const struct {
		enum result_kind kind;
		int code;
		const char *line;
	} rows[] = {
		{RESULT_USER_QUIT, 0, "result: user-quit code=0\n"},
		{RESULT_USAGE, 64, "result: usage code=64\n"},
		{RESULT_BAD_IMAGE, 65, "result: bad-image code=65\n"},
		{RESULT_UNREADABLE, 66, "result: unreadable code=66\n"},
		{RESULT_NO_KVM, 69, "result: no-kvm code=69\n"},
		{RESULT_INTERNAL, 70, "result: internal-error code=70\n"},
		{RESULT_OUTPUT_FAILED, 74, "result: output-failed code=74\n"},
		{RESULT_HOST_LACKS, 77, "result: host-lacks code=77\n"},
		{RESULT_TRIPLE_FAULT, 96, "result: triple-fault code=96\n"},
		{RESULT_EMULATION, 96, "result: emulation-failed code=96\n"},
		{RESULT_HALTED_FOREVER, 97, "result: halted-forever code=97\n"},
		{RESULT_DIVERGED, 99, "result: diverged code=99\n"},
		{RESULT_RESET, 0, "result: guest-reset code=0\n"},
		{RESULT_POWER_OFF, 0, "result: power-off code=0\n"},
		{RESULT_TIMEOUT, 124, "result: timeout code=124\n"},
		{RESULT_SIGINT, 130, "result: sigint code=130\n"},
		{RESULT_SIGTERM, 143, "result: sigterm code=143\n"},
	};

	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), RESULT_SIGTERM);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result result = plain(rows[i].kind);

		result.value = 7; /* counts for a guest's exit alone */
		assert_int_equal(result_code(&result), rows[i].code);
		assert_string_equal(printed(&result), rows[i].line);
	}
}

static void a_guest_status_ends_at_63(void **state)
{
	struct result result = plain(RESULT_GUEST_EXIT);

	(void)state;
	assert_string_equal(printed(&result), "result: guest-exit value=0 code=0\n");
	result.value = 63;
	assert_string_equal(printed(&result), "result: guest-exit value=63 code=63\n");
	result.value = 64;
	assert_string_equal(printed(&result), "result: guest-exit value=64 code=63\n");
	result.value = UINT32_MAX;
	assert_string_equal(printed(&result), "result: guest-exit value=4294967295 code=63\n");
	/* An int of this value would be 1. */
	result.value = UINT64_C(0x100000001);
	assert_int_equal(result_code(&result), 63);
}

static void detail_and_reason_stand_before_the_last_line(void **state)
{
	struct result result = plain(RESULT_HALTED_FOREVER);

	(void)state;
	result.cpu = 3;
	result.rip = 0xFFFFFFFF80001234;
	strcpy(result.text, "all processors halted\nwith \033[31mnothing\x7F pending");
	strcpy(result.detail, "rax 1\n\tbytes f4\a");
	assert_string_equal(printed(&result),
			    "rax 1\n\tbytes f4?\n"
			    "lapicvm: all processors halted?with ?[31mnothing? pending\n"
			    "result: halted-forever cpu=3 rip=0xffffffff80001234 code=97\n");
	strcpy(result.detail, "rax 1\n");
	assert_memory_equal(printed(&result), "rax 1\nlapicvm:", 14);
}

static void json_has_every_key(void **state)
{
	struct result result = plain(RESULT_GUEST_EXIT);

	(void)state;
	result.value = 100;
	assert_true(result_write_json(&result, at("r.json")));
	assert_string_equal(contents(at("r.json")),
			    "{\n  \"result\": \"guest-exit\",\n  \"code\": 63,\n  \"value\": 100,\n"
			    "  \"cpu\": null,\n  \"rip\": null,\n  \"interrupts\": null,\n"
			    "  \"nmis\": null,\n  \"text\": \"\",\n"
			    "  \"detail\": \"\"\n}\n");
	result = plain(RESULT_TRIPLE_FAULT);
	result.cpu = 0;
	result.rip = 0x7C00;
	result.counted = true;
	result.interrupts = 12345678901;
	result.nmis = 2;
	strcpy(result.text, "quote \" backslash \\ bell \a tab \t");
	strcpy(result.detail, "two\nlines \x7F");
	assert_true(result_write_json(&result, at("r.json")));
	assert_string_equal(
		contents(at("r.json")),
		"{\n  \"result\": \"triple-fault\",\n  \"code\": 96,\n  \"value\": null,\n"
		"  \"cpu\": 0,\n  \"rip\": \"0x7c00\",\n"
		"  \"interrupts\": 12345678901,\n  \"nmis\": 2,\n"
		"  \"text\": \"quote \\\" backslash \\\\ bell \\u0007 tab \\u0009\",\n"
		"  \"detail\": \"two\\nlines \\u007f\"\n}\n");
	assert_int_equal(files_in_folder(), 1);
}

/* Standard output leads to this place for one result. */
static bool written_to_standard_output(const struct result *result, const char *place)
{
	int kept, error;
	bool written;

	fflush(stdout);
	kept = dup(STDOUT_FILENO);
	assert_non_null(freopen(place, "w", stdout));
	written = result_write_json(result, "-");
	error = errno;
	fflush(stdout);
	clearerr(stdout);
	assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
	close(kept);
	errno = error;
	return written;
}

static void a_dash_is_standard_output(void **state)
{
	struct result result = plain(RESULT_TIMEOUT);

	(void)state;
	assert_true(written_to_standard_output(&result, at("out")));
	assert_non_null(strstr(contents(at("out")), "\"result\": \"timeout\""));
	assert_int_equal(access("-", F_OK), -1);
	assert_false(written_to_standard_output(&result, "/dev/full"));
	assert_int_equal(errno, ENOSPC);
}

static const char *as_json(const char *text)
{
	static char out[256];
	FILE *to = fmemopen(out, sizeof(out), "w");

	assert_non_null(to);
	result_json_string(text, to);
	fclose(to);
	return out;
}

static void json_strings_are_utf8(void **state)
{
	(void)state;
	assert_string_equal(as_json("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"),
			    "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"");
	assert_string_equal(as_json("\xFF"), "\"\\ufffd\"");
	assert_string_equal(as_json("\xC3"), "\"\\ufffd\"");
	assert_string_equal(as_json("\xC3x"), "\"\\ufffdx\"");
	assert_string_equal(as_json("\xE2\x82"), "\"\\ufffd\\ufffd\"");
	assert_string_equal(as_json("\xC0\x80"), "\"\\ufffd\\ufffd\"");
	assert_string_equal(as_json("\xE0\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(as_json("\xED\xA0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(as_json("\xF0\x80\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(as_json("\xF4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(as_json("\xF5\x80\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(as_json("\x80"), "\"\\ufffd\"");
}

static void a_file_that_fails_leaves_the_old_one(void **state)
{
	struct output_file file;
	struct rlimit before, small;

	(void)state;
	put(at("old"), "old");
	assert_true(output_file_open(&file, at("old")));
	fputs("new", file.stream);
	fflush(file.stream);
	assert_string_equal(contents(at("old")), "old");
	output_file_abandon(&file);
	assert_string_equal(contents(at("old")), "old");
	assert_int_equal(files_in_folder(), 1);

	/* A file size limit fails writes as a full disk does; SIGXFSZ is off in main(). */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(output_file_open(&file, at("old")));
	fputs("new", file.stream);
	assert_false(output_file_commit(&file));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_string_equal(contents(at("old")), "old");
	assert_int_equal(files_in_folder(), 1);
}

static void a_new_file_takes_mode_and_place_of_the_old(void **state)
{
	struct stat st;
	struct result result = plain(RESULT_TIMEOUT);
	mode_t mask = umask(027);

	(void)state;
	assert_true(result_write_json(&result, at("fresh")));
	umask(mask);
	assert_int_equal(stat(at("fresh"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);

	put(at("target"), "x");
	assert_int_equal(chmod(at("target"), 0604), 0);
	assert_int_equal(symlink("target", at("link")), 0);
	assert_true(result_write_json(&result, at("link")));
	assert_int_equal(lstat(at("link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(at("target"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0604);
	assert_non_null(strstr(contents(at("target")), "timeout"));
	assert_int_equal(files_in_folder(), 3);
}

static void devices_are_written_not_replaced(void **state)
{
	struct result result = plain(RESULT_TIMEOUT);
	struct stat st;

	(void)state;
	assert_int_equal(symlink("/dev/null", at("null")), 0);
	assert_true(output_file_possible(at("null")));
	assert_true(result_write_json(&result, at("null")));
	assert_int_equal(stat(at("null"), &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(symlink("/dev/full", at("full")), 0);
	assert_false(result_write_json(&result, at("full")));
	assert_int_equal(errno, ENOSPC);
}

static void impossible_places_are_named_before_the_work(void **state)
{
	struct result result = plain(RESULT_TIMEOUT);

	(void)state;
	assert_false(output_file_possible(at("none/r.json")));
	assert_int_equal(errno, ENOENT);
	assert_false(result_write_json(&result, at("none/r.json")));
	assert_int_equal(errno, ENOENT);
	assert_false(output_file_possible(folder));
	assert_int_equal(errno, EISDIR);
	put(at("plain"), "x");
	assert_false(output_file_possible(at("plain/r.json")));
	assert_int_equal(errno, ENOTDIR);
	assert_true(output_file_possible(at("new")));
	assert_true(output_file_possible(at("plain")));
	assert_string_equal(contents(at("plain")), "x");
	assert_int_equal(files_in_folder(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_status),
		cmocka_unit_test(a_guest_status_ends_at_63),
		cmocka_unit_test(detail_and_reason_stand_before_the_last_line),
		cmocka_unit_test_setup_teardown(json_has_every_key, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_dash_is_standard_output, make_folder,
						remove_folder),
		cmocka_unit_test(json_strings_are_utf8),
		cmocka_unit_test_setup_teardown(a_file_that_fails_leaves_the_old_one, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_new_file_takes_mode_and_place_of_the_old,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(devices_are_written_not_replaced, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(impossible_places_are_named_before_the_work,
						make_folder, remove_folder),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
