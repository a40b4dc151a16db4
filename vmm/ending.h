// SPDX-License-Identifier: BSD-2-Clause
// How the run ends, said once: any thread may report a cause, the first one counts.
// Not what is done about it: the owner of the threads is told and stops them.
#ifndef VMM_ENDING_H
#define VMM_ENDING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/result.h"

struct ending {
	pthread_mutex_t lock;
	atomic_bool ended;
	struct result result; /* valid once `ended` */
	/* Called once, after the first report, from the thread that made it. May be NULL. */
	void (*notify)(void *opaque);
	void *opaque;
};

void ending_init(struct ending *ending, void (*notify)(void *opaque), void *opaque);
void ending_destroy(struct ending *ending);

/* True if this was the first report. [any thread] */
bool ending_report(struct ending *ending, const struct result *result);
/* The same from parts; cpu is -1 where none is meant. rip is filled in later if it is 0. */
__attribute__((format(printf, 5, 6))) bool ending_say(struct ending *ending, enum result_kind kind,
						      int cpu, uint64_t rip, const char *format,
						      ...);

static inline bool ending_reached(const struct ending *ending)
{
	return atomic_load(&ending->ended);
}

/* Fills *result; for what fails before there is an ending to report to. */
__attribute__((format(printf, 3, 4))) void ending_fill(struct result *result, enum result_kind kind,
						       const char *format, ...);

#endif
