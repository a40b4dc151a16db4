// SPDX-License-Identifier: BSD-2-Clause
// Local APIC pages that guests have moved onto RAM: the RAM behind them leaves KVM's memory slots
// meanwhile. Not where an access is answered: it exits then, and vcpu.c asks the LAPIC first.
#ifndef VMM_LAYOUT_H
#define VMM_LAYOUT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;
struct vcpu;

/* More different pages than anybody has a use for; a LAPIC that goes further stays hidden by RAM.
 */
#define LAYOUT_HOLES 16u

/*
 * Slots are the machine's, LAPIC pages each vCPU's own. So a change stops every vCPU: KVM can only
 * take a slot away and put others back, and a guest that ran in between would find no RAM.
 */
struct layout {
	pthread_mutex_t lock;         /* held by whoever changes the slots */
	atomic_bool stopping;         /* no vCPU may enter its guest */
	uint64_t holes[LAYOUT_HOLES]; /* ascending */
	unsigned hole_count;
};

void layout_init(struct layout *layout);
void layout_destroy(struct layout *layout);

/* The LAPIC page of this vCPU is now at `base`, or, with `claimed` false, nowhere. 0 or -errno.
 * [owner] */
int layout_moved(struct machine *machine, struct vcpu *v, uint64_t base, bool claimed);

/*
 * Around KVM_RUN. False: the slots are being changed; this has waited until they were, and the turn
 * begins again. [owner]
 */
bool layout_enter(struct machine *machine, struct vcpu *v);
void layout_leave(struct vcpu *v);

#endif
