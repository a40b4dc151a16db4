// SPDX-License-Identifier: BSD-2-Clause
// Where the vCPUs' threads stand still between two turns, until they may go on.
// Not who wants it, and not how a thread in the guest is made to come: that is a kick.
#ifndef VMM_PAUSE_H
#define VMM_PAUSE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * While all stand still their state may be looked at and changed from the thread that called
 * pause_begin(): it belongs to nobody else. Time goes on for the guest, and what is posted
 * meanwhile waits. Work that must be a vCPU's own thread's is done there, one job at a time on all
 * of them at once.
 */
struct pause {
	pthread_mutex_t lock;
	pthread_cond_t over;
	unsigned threads, standing;
	pthread_cond_t done;
	void (*job)(void *thread, void *opaque);
	void *job_opaque;
	unsigned jobs, working; /* begun so far; threads that are at the last one */
	atomic_bool wanted;
	void (*all)(void *opaque);
	void *opaque;
};

/* all() is called, by the last thread to come and with no lock held, when `threads` stand; may be
 * NULL. */
void pause_init(struct pause *pause, unsigned threads, void (*all)(void *opaque), void *opaque);
void pause_destroy(struct pause *pause);

/* From now on they are wanted; all are to be kicked then. [main thread] */
void pause_begin(struct pause *pause);
/* They may go on, or need not come. [main thread] */
void pause_end(struct pause *pause);
/* Whether all stand, and will until pause_end(). [main thread] */
bool pause_all(struct pause *pause);

/* Every thread does the job, with its own `thread` of pause_stand(): returns when all have. [main
 * thread, while all stand] */
void pause_work(struct pause *pause, void (*job)(void *thread, void *opaque), void *opaque);

/* Cheap. [owner] */
bool pause_wanted(const struct pause *pause);
/* Stands still as long as it is wanted, but for jobs. [owner] */
void pause_stand(struct pause *pause, void *thread);

#endif
