// SPDX-License-Identifier: BSD-2-Clause
// Raw mode and the handlers that undo it when the process dies.
// Not job control: whoever stops the process with a signal gets the terminal as it is.

#include "vmm/terminal.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static int saved_fd;
static atomic_bool is_raw;
static bool handlers_set;

/* All that kill by default, but for those the loop and the kicks have, and SIGKILL. */
static const int deadly[] = {SIGSEGV, SIGBUS,  SIGILL, SIGFPE,    SIGABRT,  SIGHUP,
			     SIGQUIT, SIGTRAP, SIGSYS, SIGUSR2,   SIGALRM,  SIGXCPU,
			     SIGPROF, SIGIO,   SIGPWR, SIGVTALRM, SIGSTKFLT};

void terminal_restore(void)
{
	if (atomic_exchange(&is_raw, false))
		tcsetattr(saved_fd, TCSANOW, &saved);
}

static void on_deadly(int signal)
{
	terminal_restore();
	/* SA_RESETHAND has put the default back: it kills as it would have. */
	raise(signal);
}

static void set_handlers(void)
{
	struct sigaction action = {.sa_handler = on_deadly, .sa_flags = SA_RESETHAND | SA_NODEFER};

	if (handlers_set)
		return;
	handlers_set = true;
	atexit(terminal_restore);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		struct sigaction now;

		/* Somebody else's handler (a sanitizer's), or a signal that is ignored, stays. */
		if (sigaction(deadly[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			sigaction(deadly[i], &action, NULL);
	}
}

bool terminal_raw(int fd)
{
	struct termios raw;

	if (!isatty(fd) || tcgetpgrp(fd) != getpgrp())
		return false;
	if (!atomic_load(&is_raw) && tcgetattr(fd, &saved) != 0)
		return false;
	saved_fd = fd;
	set_handlers();
	raw = saved;
	cfmakeraw(&raw);
	/* A guest's "\n" shall begin a line, as on a serial console. */
	raw.c_oflag = saved.c_oflag;
	atomic_store(&is_raw, true);
	if (tcsetattr(fd, TCSANOW, &raw) == 0)
		return true;
	terminal_restore();
	return false;
}
