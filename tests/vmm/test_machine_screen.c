// SPDX-License-Identifier: BSD-2-Clause
// The text screen at a run's end: what is taken, where it is written, and what is said when not.
// How characters are rendered is tests/devices/test_vga_text.c's.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"
#include "vmm/machine_screen.h"

static struct machine_screen screen;
static struct result result;
static char folder[] = "/tmp/screen-XXXXXX", path[64];

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/screen", folder);
	screen = (struct machine_screen){.text = "one\ntwo\n", .size = 8};
	result = (struct result){.kind = RESULT_GUEST_EXIT, .cpu = -1};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void assert_file(const char *expected)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	assert_string_equal(text, expected);
}

static int spin(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EINTR;
}

static void test_what_the_guest_wrote_is_taken(void **state)
{
	struct rig *rig = rig_start(spin, rig_host_vmx);
	unsigned lines = 0;
	uint8_t *cells;

	(void)state;
	cells = ram_at(&rig->machine.ram, 0xB8000, 4000);
	cells[0] = 'H';
	cells[2] = 'i';
	cells[4000 - 2] = 0xFB;
	machine_screen_take(&rig->machine, &screen);
	assert_memory_equal(screen.text, "Hi\n\n", 4);
	for (size_t i = 0; i < screen.size; i++)
		lines += screen.text[i] == '\n';
	assert_int_equal(lines, 25);
	assert_memory_equal(screen.text + screen.size - 4, "\xE2\x88\x9A\n", 4);
	/* Once more, after a reset: in its place, not behind it. */
	cells[0] = 'O';
	machine_screen_take(&rig->machine, &screen);
	assert_memory_equal(screen.text, "Oi\n\n", 4);
	rig_free(rig);
}

static void test_the_widest_screen_fits(void **state)
{
	struct rig *rig = rig_start(spin, rig_host_vmx);

	(void)state;
	memset(ram_at(&rig->machine.ram, 0xB8000, 0x8000), 0xDB, 0x8000);
	machine_screen_take(&rig->machine, &screen);
	assert_int_equal(screen.size, sizeof(screen.text));
	rig_free(rig);
}

static void test_a_file_holds_it(void **state)
{
	(void)state;
	machine_screen_write(&screen, path, &result);
	assert_file("one\ntwo\n");
	assert_int_equal(result.kind, RESULT_GUEST_EXIT);
	screen.size = 4;
	machine_screen_write(&screen, path, &result);
	assert_file("one\n");
}

static void test_a_machine_that_never_ran_leaves_the_file(void **state)
{
	(void)state;
	machine_screen_write(&screen, path, &result);
	screen.size = 0;
	machine_screen_write(&screen, path, &result);
	assert_file("one\ntwo\n");
}

static void test_a_dash_is_standard_output(void **state)
{
	int out = dup(1), to = open(path, O_RDWR | O_CREAT, 0600);

	(void)state;
	fflush(stdout);
	assert_true(out >= 0 && to >= 0);
	dup2(to, 1);
	machine_screen_write(&screen, "-", &result);
	dup2(out, 1);
	close(out);
	close(to);
	assert_file("one\ntwo\n");
	assert_int_equal(result.kind, RESULT_GUEST_EXIT);
}

static void test_a_failure_is_the_result_of_a_good_run(void **state)
{
	(void)state;
	machine_screen_write(&screen, "/nowhere/screen", &result);
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_non_null(strstr(result.text, "/nowhere/screen: No such file"));
	assert_non_null(strstr(result.text, "guest-exit"));
}

static void test_a_full_disk_is_noticed(void **state)
{
	(void)state;
	machine_screen_write(&screen, "/dev/full", &result);
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_non_null(strstr(result.text, "No space left"));
}

static void test_a_failure_does_not_hide_a_worse_end(void **state)
{
	(void)state;
	result.kind = RESULT_TIMEOUT;
	machine_screen_write(&screen, "/nowhere/screen", &result);
	assert_int_equal(result.kind, RESULT_TIMEOUT);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_what_the_guest_wrote_is_taken),
		WITH(test_the_widest_screen_fits),
		WITH(test_a_file_holds_it),
		WITH(test_a_machine_that_never_ran_leaves_the_file),
		WITH(test_a_dash_is_standard_output),
		WITH(test_a_failure_is_the_result_of_a_good_run),
		WITH(test_a_full_disk_is_noticed),
		WITH(test_a_failure_does_not_hide_a_worse_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
