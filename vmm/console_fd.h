// SPDX-License-Identifier: BSD-2-Clause
// Descriptors that somebody else opened, used so that neither side is ever blocked by the other.
// Not a console: no bytes go through here.
#ifndef VMM_CONSOLE_FD_H
#define VMM_CONSOLE_FD_H

#include <stdbool.h>

/*
 * A descriptor for the same pipe or terminal, opened anew and non-blocking: O_NONBLOCK on the one
 * we were given would also hit the shell that shares it. *own tells whether that was possible and
 * made sense; otherwise the result is fd itself.
 */
int console_fd_own(int fd, int access, bool *own);
bool console_fd_is_socket(int fd);
/* Whether a write of up to *count bytes goes through without blocking; makes *count smaller to be
 * so. */
bool console_fd_writable(int fd, unsigned *count);

#endif
