// SPDX-License-Identifier: BSD-2-Clause
// Recognises a machine that can never wake again: every vCPU asleep and nothing left that could
// wake one. Not a timeout: the answer is exact, and given at the moment the last vCPU falls asleep.
#ifndef VMM_WATCH_H
#define VMM_WATCH_H

#include <pthread.h>
#include <stdbool.h>

#include "vmm/kick.h"

struct watch_cpu {
	const struct kick *kick;
	unsigned seen; /* kick->seen when it fell asleep */
	bool asleep;
	bool timed; /* its own timer can wake it */
};

struct watch {
	pthread_mutex_t lock;
	struct watch_cpu *cpus;
	unsigned count;
	unsigned asleep;
	/* Whether a byte may still come in whose interrupt could wake the guest. May be NULL:
	 * never. Called with the watch's lock held. */
	bool (*input)(void *opaque);
	void *opaque;
};

/* False: no memory. All `count` vCPUs start as awake. */
bool watch_init(struct watch *watch, unsigned count, bool (*input)(void *opaque), void *opaque);
void watch_destroy(struct watch *watch);

/*
 * The owner of `cpu` is about to kick_sleep(); it has let its LAPIC call it back (lapic_away)
 * before. timed: its timer is armed for an interrupt that would be delivered. True: nobody will
 * ever wake.
 */
bool watch_sleep(struct watch *watch, unsigned cpu, const struct kick *kick, bool timed);
/* It is back. [owner] */
void watch_wake(struct watch *watch, unsigned cpu);
/* The same question when something else has changed, such as the end of the input. [any thread] */
bool watch_dead(struct watch *watch);

#endif
