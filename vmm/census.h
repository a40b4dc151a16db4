// SPDX-License-Identifier: BSD-2-Clause
// Stops all vCPUs at once, so that each can say whether it sleeps for ever with nobody left who
// could wake another meanwhile. Not what sleep is, and not when to ask.
#ifndef VMM_CENSUS_H
#define VMM_CENSUS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Where Local APICs are in the kernel, vCPUs wake each other without our seeing it: that one slept
 * a moment ago says nothing once another has run. So first all stop, then all look. One that is
 * awake, or does not come in time, calls it off for all.
 */
struct census {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned cpus;
	uint64_t patience_ns; /* how long one waits for the others */
	atomic_bool wanted;   /* one is under way */
	unsigned round;       /* its number */
	unsigned stopped, asleep;
};

void census_init(struct census *census, unsigned cpus);
void census_destroy(struct census *census);

/* Wants one. False: one is under way. All vCPUs are to be kicked then. [any thread] */
bool census_call(struct census *census);
/* Calls it off, if one is under way: nobody waits for the others any longer. [any thread] */
void census_off(struct census *census);
/* Whether this vCPU is to take part. Cheap. [owner, not in KVM_RUN] */
bool census_wanted(const struct census *census);

/*
 * This vCPU has stopped: waits until all have. False: called off; else the next call is
 * census_say() with this round, with nothing run in between. [owner]
 */
bool census_stop(struct census *census, unsigned *round);
/* Whether it sleeps and nothing of its own will wake it. True: so do all; said to the last one
 * alone. The others wait for it. [owner] */
bool census_say(struct census *census, unsigned round, bool asleep);

#endif
