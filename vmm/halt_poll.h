// SPDX-License-Identifier: BSD-2-Clause
// How long a halted CPU looks out for its interrupt before its thread goes to sleep.
// Not the looking itself: kick.h; nor who may: vcpu.c.
#ifndef VMM_HALT_POLL_H
#define VMM_HALT_POLL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Waking a thread on an idle core takes longer than what most interrupts between CPUs need. The
 * time grows from none while halts are short and would have ended by it, and is gone with the first
 * halt that is longer than it may ever be: a guest that idles never polls. Where the thread has to
 * wait for a core, polling only loses it what the scheduler grants to those that sleep: nobody
 * polls for a while then, for longer each time.
 */
struct halt_poll {
	uint64_t most_ns;              /* 0: never */
	uint64_t ns;                   /* of the next halt */
	uint64_t looked_ns, waited_ns; /* at the last look, and how long it had waited by then */
	uint64_t off_until_ns, off_ns; /* not before, and for how long that was */
};

/* Whether to look at halt_poll_waited() before the next poll. */
bool halt_poll_wants_look(const struct halt_poll *poll, uint64_t now_ns);
/* So long has the thread waited for a core in its life. */
void halt_poll_looked(struct halt_poll *poll, uint64_t now_ns, uint64_t waited_ns);
/* Whether it may poll now. */
bool halt_poll_on(const struct halt_poll *poll, uint64_t now_ns);

/* How long the calling thread was ready to run and did not; UINT64_MAX: this kernel does not say,
 * and nobody polls. */
uint64_t halt_poll_waited(void);
/* The same by the text of a thread's schedstat. A kernel that does not count says 0 to all of it,
 * also to how long the thread has run. */
uint64_t halt_poll_waited_in(const char *schedstat);

/* A halt lasted so long, polled or slept. */
void halt_poll_learn(struct halt_poll *poll, uint64_t halted_ns);

/* How long a CPU may poll at most in a machine of so many: 0 where they do not all have a core of
 * the host's for themselves, and one would take another's time by it. */
uint64_t halt_poll_most_ns(uint32_t option_us, unsigned cpus);

#endif
