// SPDX-License-Identifier: BSD-2-Clause
// Opens terminals and pipes a second time, for a non-blocking description of our own.
// Regular files are left alone: a second opening would have a second position.

#include "vmm/console_fd.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int console_fd_own(int fd, int access, bool *own)
{
	char path[64];
	struct stat st;
	int again;

	*own = false;
	if (fstat(fd, &st) != 0 || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (again < 0)
		return fd;
	*own = true;
	return again;
}

bool console_fd_is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

bool console_fd_writable(int fd, unsigned *count)
{
	struct pollfd out = {.fd = fd, .events = POLLOUT};
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return true;
	/* pipe(7): a pipe that polls as writable takes PIPE_BUF bytes. */
	if (*count > PIPE_BUF)
		*count = PIPE_BUF;
	/* No descriptor, an error, a closed reader: let the write say so. */
	return fd < 0 || poll(&out, 1, 0) != 0;
}
