// SPDX-License-Identifier: BSD-2-Clause
// A timerfd between two threads: timerfd_settime on one side, a persistent libevent event on the
// other. Never event_add from a vCPU's thread: libevent's bases are not shared.

#include "vmm/timer.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

static void on_expiry(evutil_socket_t fd, short what, void *opaque)
{
	struct timer *timer = opaque;
	uint64_t expiries;

	(void)what;
	/* Nothing to read: set anew between the wake of the loop and now. */
	if (read(fd, &expiries, sizeof(expiries)) != (ssize_t)sizeof(expiries))
		return;
	atomic_store(&timer->fired, true);
	timer->expired(timer->opaque);
}

int timer_open(struct timer *timer, struct event_base *base, void (*expired)(void *opaque),
	       void *opaque)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	*timer = (struct timer){0};
	if (fd < 0)
		return -errno;
	*timer = (struct timer){.fd = fd, .expired = expired, .opaque = opaque};
	timer->event = event_new(base, timer->fd, EV_READ | EV_PERSIST, on_expiry, timer);
	if (timer->event && event_add(timer->event, NULL) == 0)
		return 0;
	timer_close(timer);
	return -ENOMEM;
}

void timer_close(struct timer *timer)
{
	if (timer->event)
		event_free(timer->event);
	if (timer->expired)
		close(timer->fd);
	*timer = (struct timer){0};
}

void timer_set(struct timer *timer, uint64_t at_ns)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(at_ns / NS_PER_S),
			     .tv_nsec = (long)(at_ns % NS_PER_S)},
	};

	if (at_ns == timer->armed_ns && !timer_spent(timer))
		return;
	atomic_store(&timer->fired, false);
	timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &when, NULL);
	timer->armed_ns = at_ns;
}

bool timer_spent(const struct timer *timer)
{
	return atomic_load(&timer->fired);
}
