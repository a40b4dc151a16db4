// SPDX-License-Identifier: BSD-2-Clause
// Counts sleepers, and asks when the last one joins them whether anything could still happen.
// Not where vCPUs sleep.

#include "vmm/watch.h"

#include <stdlib.h>

bool watch_init(struct watch *watch, unsigned count, bool (*input)(void *opaque), void *opaque)
{
	*watch = (struct watch){.count = count, .input = input, .opaque = opaque};
	watch->cpus = calloc(count, sizeof(*watch->cpus));
	pthread_mutex_init(&watch->lock, NULL);
	return watch->cpus != NULL;
}

void watch_destroy(struct watch *watch)
{
	pthread_mutex_destroy(&watch->lock);
	free(watch->cpus);
}

/*
 * A sleeper that has been kicked counts as awake although it has not said so yet: the kick may
 * bring an interrupt. Nobody but vCPUs, their timers and the input kicks, so with all of them quiet
 * no kick can come after the count was looked at.
 */
static bool all_dead(const struct watch *watch)
{
	if (watch->asleep != watch->count)
		return false;
	for (unsigned i = 0; i < watch->count; i++) {
		const struct watch_cpu *cpu = &watch->cpus[i];

		if (cpu->timed || atomic_load(&cpu->kick->count) != cpu->seen)
			return false;
	}
	return !watch->input || !watch->input(watch->opaque);
}

bool watch_sleep(struct watch *watch, unsigned cpu, const struct kick *kick, bool timed)
{
	bool dead;

	pthread_mutex_lock(&watch->lock);
	watch->cpus[cpu] = (struct watch_cpu){
		.kick = kick,
		.seen = kick->seen,
		.asleep = true,
		.timed = timed,
	};
	watch->asleep++;
	dead = all_dead(watch);
	pthread_mutex_unlock(&watch->lock);
	return dead;
}

void watch_wake(struct watch *watch, unsigned cpu)
{
	pthread_mutex_lock(&watch->lock);
	watch->cpus[cpu].asleep = false;
	watch->asleep--;
	pthread_mutex_unlock(&watch->lock);
}

bool watch_dead(struct watch *watch)
{
	bool dead;

	pthread_mutex_lock(&watch->lock);
	dead = all_dead(watch);
	pthread_mutex_unlock(&watch->lock);
	return dead;
}
