// SPDX-License-Identifier: BSD-2-Clause
// Two rounds of waiting for each other, both with a limit.
// No vCPU is known here: they are counted.

#include "vmm/census.h"

#include <errno.h>
#include <time.h>

#define NS_PER_S    UINT64_C(1000000000)
#define PATIENCE_NS UINT64_C(200000000)

void census_init(struct census *c, unsigned cpus)
{
	pthread_condattr_t monotonic;

	*c = (struct census){.cpus = cpus, .patience_ns = PATIENCE_NS};
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void census_destroy(struct census *c)
{
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
}

bool census_call(struct census *c)
{
	bool free;

	pthread_mutex_lock(&c->lock);
	free = !atomic_load(&c->wanted);
	if (free) {
		c->round++;
		c->stopped = c->asleep = 0;
		atomic_store(&c->wanted, true);
	}
	pthread_mutex_unlock(&c->lock);
	return free;
}

bool census_wanted(const struct census *c)
{
	return atomic_load(&c->wanted);
}

static void end(struct census *c)
{
	atomic_store(&c->wanted, false);
	pthread_cond_broadcast(&c->cond);
}

void census_off(struct census *c)
{
	pthread_mutex_lock(&c->lock);
	if (atomic_load(&c->wanted))
		end(c);
	pthread_mutex_unlock(&c->lock);
}

static bool under_way(const struct census *c, unsigned round)
{
	return atomic_load(&c->wanted) && c->round == round;
}

/* Waits, with the lock held, until as many have come as there are. Whether they have. */
static bool wait_for_all(struct census *c, unsigned round, const unsigned *came)
{
	struct timespec until;
	uint64_t at;

	clock_gettime(CLOCK_MONOTONIC, &until);
	at = (uint64_t)until.tv_sec * NS_PER_S + (uint64_t)until.tv_nsec + c->patience_ns;
	until = (struct timespec){(time_t)(at / NS_PER_S), (long)(at % NS_PER_S)};
	while (under_way(c, round) && *came < c->cpus)
		if (pthread_cond_timedwait(&c->cond, &c->lock, &until) == ETIMEDOUT &&
		    under_way(c, round) && *came < c->cpus)
			end(c);
	return under_way(c, round);
}

bool census_stop(struct census *c, unsigned *round)
{
	bool all = false;

	pthread_mutex_lock(&c->lock);
	*round = c->round;
	if (atomic_load(&c->wanted)) {
		if (++c->stopped == c->cpus)
			pthread_cond_broadcast(&c->cond);
		all = wait_for_all(c, *round, &c->stopped);
	}
	pthread_mutex_unlock(&c->lock);
	return all;
}

bool census_say(struct census *c, unsigned round, bool asleep)
{
	bool all = false;

	pthread_mutex_lock(&c->lock);
	if (under_way(c, round)) {
		c->asleep += asleep;
		all = c->asleep == c->cpus;
		if (all || !asleep)
			end(c);
		else
			wait_for_all(c, round, &c->asleep);
	}
	pthread_mutex_unlock(&c->lock);
	return all;
}
