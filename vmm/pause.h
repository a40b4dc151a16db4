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
 * meanwhile waits.
 */
struct pause {
	pthread_mutex_t lock;
	pthread_cond_t over;
	unsigned threads, standing;
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

/* Cheap. [owner] */
bool pause_wanted(const struct pause *pause);
/* Stands still as long as it is wanted. [owner] */
void pause_stand(struct pause *pause);

#endif
