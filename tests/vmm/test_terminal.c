// SPDX-License-Identifier: BSD-2-Clause
// A terminal is raw while a guest has it and as before on every way out: return, exit, deadly
// signal. Each way is gone by a child in the foreground of a terminal of its own.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/terminal.h"

static int master, slave;
static struct termios before;

static int setup(void **state)
{
	(void)state;
	slave = -1;
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0)
		return 0;
	if (grantpt(master) || unlockpt(master))
		return -1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	return slave < 0 || tcgetattr(slave, &before);
}

/* A chroot has no /dev/pts, and then nothing here can be shown. */
static void need_terminal(void)
{
	if (master >= 0)
		return;
	print_message("# no pseudo-terminal: mount devpts on /dev/pts\n");
	skip();
}

static int teardown(void **state)
{
	(void)state;
	close(slave);
	close(master);
	return 0;
}

static bool is_raw(void)
{
	struct termios now;

	return tcgetattr(slave, &now) == 0 && !(now.c_lflag & (ICANON | ECHO | ISIG)) &&
	       (now.c_oflag & OPOST) == (before.c_oflag & OPOST);
}

static bool is_as_before(void)
{
	struct termios now;

	return tcgetattr(slave, &now) == 0 && now.c_lflag == before.c_lflag &&
	       now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag &&
	       now.c_cflag == before.c_cflag && !memcmp(now.c_cc, before.c_cc, sizeof(now.c_cc));
}

enum way { RETURNS, EXITS, ABORTS, RAISES };

static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGHUP, SIGQUIT, SIGABRT};

/* 77: it did not get so far. */
static void child(enum way way, int signal_number)
{
	/* The test's own handlers would stay where they are. */
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], SIG_DFL);
	setsid();
	if (ioctl(slave, TIOCSCTTY, 0) != 0 || !terminal_raw(slave) || !is_raw())
		_exit(77);
	/* A second call, as after SIGCONT, does not take the raw state for the one before. */
	if (!terminal_raw(slave))
		_exit(77);
	switch (way) {
	case RETURNS: terminal_restore(); _exit(is_as_before() ? 0 : 77);
	case EXITS: exit(3);
	case ABORTS: abort();
	case RAISES: raise(signal_number); _exit(77);
	}
}

static int status_of(enum way way, int signal_number)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		child(way, signal_number);
		_exit(77);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_it_is_restored_by_hand(void **state)
{
	(void)state;
	need_terminal();
	assert_int_equal(status_of(RETURNS, 0), 0);
	assert_true(is_as_before());
}

static void test_it_is_restored_by_exit(void **state)
{
	int status;

	(void)state;
	need_terminal();
	status = status_of(EXITS, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_true(is_as_before());
}

static void test_it_is_restored_by_signals_that_still_kill(void **state)
{
	(void)state;
	need_terminal();
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		int status = status_of(RAISES, deadly[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), deadly[i]);
		assert_true(is_as_before());
	}
}

static void test_it_is_restored_by_abort(void **state)
{
	int status;

	(void)state;
	need_terminal();
	status = status_of(ABORTS, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_true(is_as_before());
}

static void test_what_is_no_terminal_is_left_alone(void **state)
{
	int pipes[2];

	(void)state;
	need_terminal();
	assert_int_equal(pipe(pipes), 0);
	assert_false(terminal_raw(pipes[0]));
	assert_false(terminal_raw(-1));
	/* Not in its foreground. */
	assert_false(terminal_raw(slave));
	assert_true(is_as_before());
	terminal_restore();
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_it_is_restored_by_hand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_is_restored_by_exit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_is_restored_by_signals_that_still_kill,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_is_restored_by_abort, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_terminal_is_left_alone, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
