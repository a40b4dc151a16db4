// SPDX-License-Identifier: BSD-2-Clause
// What leaves the guest: a ring that vCPU threads fill and the loop writes to stdout.
// Not what comes in: that is console_input.c.

#include "vmm/console.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/console_fd.h"
#include "vmm/terminal.h"

/* Output waits this long for more of it: one write for a line instead of one for a byte. */
#define GATHER_US 2000
/* More of our own text than this waits for nobody: stdout is stuck. */
#define WORDS_MAX (8u << 20)

static void on_writable(evutil_socket_t fd, short what, void *opaque)
{
	(void)fd;
	(void)what;
	console_flush(opaque);
}

bool console_open(struct console *c, int in_fd, int out_fd, struct event_base *base,
		  const struct console_calls *calls, void *opaque)
{
	*c = (struct console){.calls = calls, .opaque = opaque, .base = base};
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->room, NULL);
	c->out_fd = console_fd_own(out_fd, O_WRONLY, &c->out_own);
	c->out_socket = console_fd_is_socket(c->out_fd);
	c->in_fd = console_fd_own(in_fd, O_RDONLY, &c->in_own);
	atomic_store(&c->in_open, true);
	c->later = evtimer_new(base, on_writable, c);
	c->writable = event_new(base, c->out_fd < 0 ? -1 : c->out_fd, EV_WRITE, on_writable, c);
	return c->later && c->writable;
}

void console_close(struct console *c)
{
	struct event **events[] = {&c->readable, &c->writable, &c->later};

	for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (*events[i])
			event_free(*events[i]);
	terminal_restore();
	if (c->out_own)
		close(c->out_fd);
	if (c->in_own)
		close(c->in_fd);
	free(c->words);
	pthread_cond_destroy(&c->room);
	pthread_mutex_destroy(&c->lock);
}

void console_put(struct console *c, uint8_t byte)
{
	bool first = false;

	pthread_mutex_lock(&c->lock);
	if (c->out_count < CONSOLE_OUT && !c->out_error) {
		first = c->out_count == 0;
		c->out[(c->out_first + c->out_count) % CONSOLE_OUT] = byte;
		c->out_count++;
		c->out_mid_line = byte != '\n';
	}
	pthread_mutex_unlock(&c->lock);
	if (first)
		c->calls->output(c->opaque);
}

bool console_mid_line(struct console *c)
{
	bool mid_line;

	pthread_mutex_lock(&c->lock);
	mid_line = c->out_mid_line && !c->out_error;
	pthread_mutex_unlock(&c->lock);
	return mid_line && isatty(c->out_fd);
}

static bool fits(const struct console *c, unsigned bytes)
{
	return CONSOLE_OUT - c->out_count >= bytes || c->released || c->out_error;
}

bool console_fits(struct console *c, unsigned bytes)
{
	bool yes;

	pthread_mutex_lock(&c->lock);
	yes = fits(c, bytes);
	pthread_mutex_unlock(&c->lock);
	return yes;
}

void console_wait(struct console *c, unsigned bytes)
{
	pthread_mutex_lock(&c->lock);
	while (!fits(c, bytes))
		pthread_cond_wait(&c->room, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

void console_release(struct console *c, bool released)
{
	pthread_mutex_lock(&c->lock);
	c->released = released;
	pthread_cond_broadcast(&c->room);
	pthread_mutex_unlock(&c->lock);
}

unsigned console_pending(struct console *c)
{
	unsigned count;

	pthread_mutex_lock(&c->lock);
	count = c->out_error ? 0 : c->out_count + (unsigned)(c->words_end - c->words_first);
	pthread_mutex_unlock(&c->lock);
	return count;
}

/* Our own text goes where there is room; with the lock held. */
static void move_words(struct console *c)
{
	while (c->words_first < c->words_end && c->out_count < CONSOLE_OUT) {
		uint8_t byte = (uint8_t)c->words[c->words_first++];

		c->out[(c->out_first + c->out_count++) % CONSOLE_OUT] = byte;
		c->out_mid_line = byte != '\n';
	}
}

void console_say(struct console *c, const char *text, size_t bytes)
{
	size_t waiting = c->words_end - c->words_first;
	char *words = NULL;

	if (waiting + bytes <= WORDS_MAX)
		words = malloc(waiting + bytes);
	if (!words)
		return;
	pthread_mutex_lock(&c->lock);
	if (waiting)
		memcpy(words, c->words + c->words_first, waiting);
	memcpy(words + waiting, text, bytes);
	free(c->words);
	c->words = words;
	c->words_first = 0;
	c->words_end = waiting + bytes;
	move_words(c);
	pthread_mutex_unlock(&c->lock);
	console_gather(c);
}

/* The longest stretch that lies in one piece; only the loop takes, so it stays where it is. */
static unsigned stretch(struct console *c, const uint8_t **bytes)
{
	unsigned count;

	pthread_mutex_lock(&c->lock);
	move_words(c);
	*bytes = &c->out[c->out_first];
	count = c->out_count;
	if (count > CONSOLE_OUT - c->out_first)
		count = CONSOLE_OUT - c->out_first;
	pthread_mutex_unlock(&c->lock);
	return count;
}

static void taken(struct console *c, unsigned count)
{
	pthread_mutex_lock(&c->lock);
	c->out_first = (c->out_first + count) % CONSOLE_OUT;
	c->out_count -= count;
	pthread_cond_broadcast(&c->room);
	pthread_mutex_unlock(&c->lock);
}

static void fail(struct console *c, int error)
{
	pthread_mutex_lock(&c->lock);
	c->out_error = error;
	pthread_cond_broadcast(&c->room);
	pthread_mutex_unlock(&c->lock);
	c->calls->failed(c->opaque, error);
}

static ssize_t write_out(const struct console *c, const uint8_t *bytes, unsigned count)
{
	if (c->out_socket)
		return send(c->out_fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* A descriptor that could not be had as non-blocking: what poll allows cannot block long.
	 */
	if (!c->out_own && !console_fd_writable(c->out_fd, &count)) {
		errno = EAGAIN;
		return -1;
	}
	return write(c->out_fd, bytes, count);
}

/* epoll refuses what is always ready, or is ready in ways of its own: that is asked again later. */
static void wait_writable(struct console *c)
{
	static const struct timeval later = {.tv_usec = 10000};

	if (event_add(c->writable, NULL) != 0)
		evtimer_add(c->later, &later);
}

static void again_at_once(struct console *c)
{
	static const struct timeval now;

	evtimer_add(c->later, &now);
}

void console_flush(struct console *c)
{
	unsigned done = 0, count;
	const uint8_t *bytes;

	while (!c->out_error && (count = stretch(c, &bytes)) > 0) {
		ssize_t written;

		/* A guest that never stops talking must not keep the loop from everything else. */
		if (done >= CONSOLE_OUT) {
			again_at_once(c);
			return;
		}
		written = write_out(c, bytes, count);
		if (written > 0) {
			taken(c, (unsigned)written);
			done += (unsigned)written;
		} else if (written < 0 && errno == EAGAIN) {
			wait_writable(c);
			return;
		} else if (written == 0 || errno != EINTR) {
			fail(c, written < 0 ? errno : EIO);
		}
	}
}

void console_gather(struct console *c)
{
	static const struct timeval soon = {.tv_usec = GATHER_US};

	if (!evtimer_pending(c->later, NULL))
		evtimer_add(c->later, &soon);
}
