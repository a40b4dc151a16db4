// SPDX-License-Identifier: BSD-2-Clause
// A timerfd that any one thread sets and the loop waits for: the devices', the census's, the hops'.
// Not the LAPIC timer: it only says "look at your deadline", early and twice being harmless.
#ifndef VMM_TIMER_H
#define VMM_TIMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct event;

struct timer {
	int fd;
	struct event *event;
	uint64_t armed_ns;             /* [owner] what the timerfd is set to, 0: nothing */
	atomic_bool fired;             /* it has run out since it was set */
	void (*expired)(void *opaque); /* [loop thread] */
	void *opaque;
};

/*
 * Makes the timerfd and gives it to the loop. 0 or -errno. [loop's thread, before the vCPU's thread
 * starts]
 */
int timer_open(struct timer *timer, struct event_base *base, void (*expired)(void *opaque),
	       void *opaque);
/* [loop's thread, after the vCPU's thread has ended; fine on a zeroed struct] */
void timer_close(struct timer *timer);

/* Sets it to a moment of CLOCK_MONOTONIC, past ones included; 0: to nothing. [owner] */
void timer_set(struct timer *timer, uint64_t at_ns);
/* Whether it ran out since the last timer_set(), and so is armed no more. [owner] */
bool timer_spent(const struct timer *timer);

#endif
