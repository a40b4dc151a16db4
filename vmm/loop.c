// SPDX-License-Identifier: BSD-2-Clause
// libevent's base with an eventfd through which other threads reach it.
// No event is ever added from another thread.

#include "vmm/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const int heard[] = {SIGINT, SIGTERM, SIGCONT};
#define HEARD (sizeof(heard) / sizeof(heard[0]))

static void on_mail(evutil_socket_t fd, short what, void *opaque)
{
	struct loop *loop = opaque;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		loop->calls->mail(loop->opaque, atomic_exchange(&loop->mail, 0));
}

static void on_signal(evutil_socket_t number, short what, void *opaque)
{
	struct loop *loop = opaque;

	(void)what;
	loop->calls->signal(loop->opaque, (int)number);
}

static void on_limit(evutil_socket_t fd, short what, void *opaque)
{
	struct loop *loop = opaque;

	(void)fd;
	(void)what;
	loop->calls->timeout(loop->opaque);
}

/* libevent speaks up on stderr where an event is refused; every caller here looks at the result. */
static void say_nothing(int severity, const char *message)
{
	(void)severity;
	(void)message;
}

bool loop_open(struct loop *loop, const struct loop_calls *calls, void *opaque)
{
	*loop = (struct loop){.calls = calls, .opaque = opaque};
	event_set_log_callback(say_nothing);
	loop->mailbox_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->base = event_base_new();
	if (loop->mailbox_fd >= 0 && loop->base)
		loop->mailbox = event_new(loop->base, loop->mailbox_fd, EV_READ | EV_PERSIST,
					  on_mail, loop);
	if (loop->mailbox && event_add(loop->mailbox, NULL) == 0)
		return true;
	loop_close(loop);
	errno = errno ? errno : ENOMEM;
	return false;
}

void loop_close(struct loop *loop)
{
	for (unsigned i = 0; i < HEARD; i++)
		if (loop->signals[i])
			event_free(loop->signals[i]);
	if (loop->limit)
		event_free(loop->limit);
	if (loop->mailbox)
		event_free(loop->mailbox);
	if (loop->base)
		event_base_free(loop->base);
	if (loop->mailbox_fd >= 0)
		close(loop->mailbox_fd);
	*loop = (struct loop){.mailbox_fd = -1};
}

bool loop_listen(struct loop *loop)
{
	for (unsigned i = 0; i < HEARD; i++) {
		loop->signals[i] = evsignal_new(loop->base, heard[i], on_signal, loop);
		if (!loop->signals[i] || evsignal_add(loop->signals[i], NULL) != 0)
			return false;
	}
	return true;
}

bool loop_limit(struct loop *loop, uint32_t ms)
{
	struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	if (!loop->limit)
		loop->limit = evtimer_new(loop->base, on_limit, loop);
	return loop->limit && evtimer_add(loop->limit, &limit) == 0;
}

void loop_run(struct loop *loop)
{
	event_base_dispatch(loop->base);
}

void loop_once(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_ONCE);
}

void loop_break(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

void loop_post(struct loop *loop, unsigned bits)
{
	uint64_t one = 1;

	/* The first bit rings; the reader takes all bits that are there when it answers. */
	if (atomic_fetch_or(&loop->mail, bits))
		return;
	while (write(loop->mailbox_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
