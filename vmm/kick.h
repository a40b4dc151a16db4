// SPDX-License-Identifier: BSD-2-Clause
// How a vCPU's thread is made to look up, from the guest or from its sleep, with no wake ever lost.
// Not what it finds then: whoever kicks has left word somewhere before.
#ifndef VMM_KICK_H
#define VMM_KICK_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct kvm_run;

/* What it takes to make the owner look up: a signal, nothing, or the end of a futex wait. */
enum kick_rest { KICK_RUNS, KICK_LOOKS, KICK_SLEEPS };

/*
 * The protocol. The owner begins each turn with kick_begin(), then looks at everything that kickers
 * may have left, then either enters the guest, if kick_came() still says no, or calls kick_sleep().
 * A kick before kick_begin() has left its word where the owner then looks; one between that and
 * kick_came() is seen there; a later one sets kvm_run.immediate_exit by its signal handler, so that
 * KVM_RUN returns even if the signal came before the thread was in it.
 */
struct kick {
	pthread_t thread;
	_Atomic(struct kvm_run *) run; /* of the vCPU that this thread runs */
	atomic_uint count;             /* kicks so far: what a sleep waits on */
	unsigned seen;                 /* [owner] count at kick_begin() */
	atomic_uint rest;              /* enum kick_rest */
	timer_t timer;                 /* kicks this thread after a bounded time in the guest */
	timer_t alarm;                 /* and this one at the moment of its LAPIC's timer */
	bool timer_made, timer_armed, alarm_made;
	uint64_t alarm_ns;          /* [owner] what it is set to; 0: off */
	volatile sig_atomic_t rang; /* [owner] it has come since */
	sigset_t mask_before;
};

/* The signal: its own for the process while vCPUs run. */
#define KICK_SIGNAL SIGUSR1

/* Installs and takes back the signal's handler. [main thread] */
bool kick_install(void);
void kick_uninstall(void);

/*
 * Makes the calling thread the owner: only KICK_SIGNAL and faults reach it from now on. False with
 * errno set where the host refuses it a timer. kick_leave(), due either way, gives it its signal
 * mask back; no kick may come then.
 */
bool kick_join(struct kick *kick, struct kvm_run *run);
/* The owner runs another vCPU from now on, and is not in KVM_RUN. [any thread] */
void kick_move(struct kick *kick, struct kvm_run *run);
void kick_leave(struct kick *kick);

/* Makes the owner look up. True if that took a signal. [any thread, after kick_join] */
bool kick_send(struct kick *kick);

void kick_begin(struct kick *kick);
/* From now until kick_begin() the owner does not enter the guest, and kicks are no signals. */
void kick_rest(struct kick *kick);
bool kick_came(const struct kick *kick);
/*
 * Looks out for a kick, at rest, until CLOCK_MONOTONIC reaches until_ns or goes_on() says no, which
 * is asked every microsecond or so. Whether a kick came. [owner]
 */
bool kick_poll(struct kick *kick, uint64_t until_ns, bool (*goes_on)(const void *opaque),
	       const void *opaque);
/* Sleeps until a kick, or CLOCK_MONOTONIC reaches until_ns (UINT64_MAX: for ever). May return
 * early. */
void kick_sleep(struct kick *kick, uint64_t until_ns);
/* From now on KVM_RUN lasts at most about this long, once; 0: no bound. [owner] */
void kick_after(struct kick *kick, uint64_t ns);
/* KVM_RUN does not go on beyond this moment of CLOCK_MONOTONIC, or does not begin, once; 0: no such
 * moment. A sleep may end by it. [owner] */
void kick_at(struct kick *kick, uint64_t at_ns);
/* Whether there is such a moment, and not after this one. [owner] */
bool kick_rings_by(const struct kick *kick, uint64_t at_ns);
/* Whether that moment has come, and then which it was; true only once for each. [owner] */
bool kick_rang(struct kick *kick, uint64_t *at_ns);

/* CLOCK_MONOTONIC in ns. */
uint64_t kick_clock_ns(void);

#endif
