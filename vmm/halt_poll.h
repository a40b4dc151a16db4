// SPDX-License-Identifier: BSD-2-Clause
// How long a halted CPU looks out for its interrupt before its thread goes to sleep.
// Not the looking itself: kick.h; nor who may: vcpu.c.
#ifndef VMM_HALT_POLL_H
#define VMM_HALT_POLL_H

#include <stdint.h>

/*
 * Waking a thread on an idle core takes longer than what most interrupts between CPUs need. The
 * time grows from none while halts are short and would have ended by it, and is gone with the first
 * halt that is longer than it may ever be: a guest that idles never polls.
 */
struct halt_poll {
	uint64_t most_ns; /* 0: never */
	uint64_t ns;      /* of the next halt */
};

/* A halt lasted so long, polled or slept. */
void halt_poll_learn(struct halt_poll *poll, uint64_t halted_ns);

/* How long a CPU may poll at most in a machine of so many: 0 where they do not all have a core of
 * the host's for themselves, and one would take another's time by it. */
uint64_t halt_poll_most_ns(uint32_t option_us, unsigned cpus);

#endif
