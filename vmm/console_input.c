// SPDX-License-Identifier: BSD-2-Clause
// What comes in for the guest or the monitor: keys and piped bytes, the Ctrl-a escape, the wait for
// room in the UART. Not what leaves it: that is console.c.

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/console.h"
#include "vmm/terminal.h"

#define CTRL_A 0x01

static bool read_some(struct console *c);

static void end(struct console *c)
{
	if (c->readable)
		event_del(c->readable);
	if (atomic_exchange(&c->in_open, false))
		c->calls->ended(c->opaque);
}

static void keep(struct console *c, uint8_t byte)
{
	if (c->monitor) {
		c->calls->key(c->opaque, byte);
		return;
	}
	/* Only a terminal gets here with no room: it is read on, because Ctrl-a x must get through.
	 */
	if (c->in_count < CONSOLE_IN)
		c->in[(c->in_first + c->in_count++) % CONSOLE_IN] = byte;
}

static void take(struct console *c, uint8_t byte)
{
	if (!c->escaped && byte == CTRL_A) {
		c->escaped = true;
		return;
	}
	if (!c->escaped || byte == CTRL_A) {
		keep(c, byte);
	} else if (byte == 'x') {
		c->calls->quit(c->opaque);
	} else if (byte == 'c') {
		c->monitor = !c->monitor;
		c->calls->monitor(c->opaque, c->monitor);
	}
	/* Other keys after Ctrl-a mean nothing, to the guest neither. */
	c->escaped = false;
}

/* Hands over what the guest takes now. */
static void offer(struct console *c)
{
	while (c->in_count > 0) {
		unsigned piece = CONSOLE_IN - c->in_first;
		size_t taken;

		if (piece > c->in_count)
			piece = c->in_count;
		taken = c->calls->input(c->opaque, &c->in[c->in_first], piece);
		c->in_first = (c->in_first + (unsigned)taken) % CONSOLE_IN;
		c->in_count -= (unsigned)taken;
		if (taken < piece)
			return;
	}
}

static void hand_over(struct console *c)
{
	atomic_store(&c->in_stalled, false);
	offer(c);
	if (c->in_count == 0)
		return;
	/* The guest may have made room before it could see that somebody waits: once more. */
	atomic_store(&c->in_stalled, true);
	offer(c);
}

static bool may_read(const struct console *c)
{
	return c->in_tty || c->in_count < CONSOLE_IN;
}

/* Listens as long as there is room for what comes. */
static void attend(struct console *c)
{
	if (!c->in_polled)
		return;
	if (may_read(c))
		event_add(c->readable, NULL);
	else
		event_del(c->readable);
}

static void on_readable(evutil_socket_t fd, short what, void *opaque)
{
	(void)fd;
	(void)what;
	read_some(opaque);
}

/* False: there was nothing, or the end. */
static bool read_some(struct console *c)
{
	uint8_t bytes[CONSOLE_IN];
	size_t room = c->in_tty ? sizeof(bytes) : CONSOLE_IN - c->in_count;
	ssize_t n = read(c->in_fd, bytes, room);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		end(c);
		return false;
	}
	for (ssize_t i = 0; i < n; i++)
		take(c, bytes[i]);
	hand_over(c);
	attend(c);
	return true;
}

/* A file is always ready, and epoll does not take it: it is read whenever there is room. */
static void read_file(struct console *c)
{
	while (!c->in_polled && c->in_count < CONSOLE_IN && read_some(c))
		;
}

void console_listen(struct console *c)
{
	struct stat st;

	/* What came while there was no guest, or what the one before a reset did not take. */
	hand_over(c);
	if (!atomic_load(&c->in_open))
		return;
	if (fstat(c->in_fd, &st) != 0) {
		end(c);
		return;
	}
	c->in_tty = isatty(c->in_fd);
	/* In the background a read would stop the process; SIGCONT asks again. */
	if (c->in_tty && !terminal_raw(c->in_fd))
		return;
	if (!c->readable)
		c->readable = event_new(c->base, c->in_fd, EV_READ | EV_PERSIST, on_readable, c);
	c->in_polled = c->readable && event_add(c->readable, NULL) == 0;
	attend(c);
	read_file(c);
}

void console_room(struct console *c)
{
	hand_over(c);
	if (!atomic_load(&c->in_open))
		return;
	attend(c);
	read_file(c);
}

bool console_wants_room(const struct console *c)
{
	return atomic_load(&c->in_stalled);
}

bool console_in_open(const struct console *c)
{
	return atomic_load(&c->in_open);
}
