// SPDX-License-Identifier: BSD-2-Clause
// Kicks by signal into the guest, by futex out of sleep.
// Not a scheduler: who is kicked, and why, is said by the callers.

#include "vmm/kick.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define LOOKS    32u /* at the count, for one at the clock */

#ifndef sigev_notify_thread_id
# define sigev_notify_thread_id _sigev_un._tid
#endif

/* Of this thread. */
static _Thread_local struct kick *own;
static struct sigaction before;

static void immediate_exit(struct kick *kick, uint8_t value)
{
	((volatile struct kvm_run *)atomic_load(&kick->run))->immediate_exit = value;
}

static void on_kick(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (!own)
		return;
	if (info->si_code == SI_TIMER && info->si_value.sival_ptr)
		own->rang = 1;
	immediate_exit(own, 1);
}

bool kick_install(void)
{
	struct sigaction action = {.sa_sigaction = on_kick, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	return sigaction(KICK_SIGNAL, &action, &before) == 0;
}

void kick_uninstall(void)
{
	sigaction(KICK_SIGNAL, &before, NULL);
}

static void mask_signals(sigset_t *old)
{
	static const int kept[] = {KICK_SIGNAL, SIGSEGV, SIGBUS,  SIGFPE,
				   SIGILL,      SIGABRT, SIGTRAP, SIGSYS};
	sigset_t mask;

	sigfillset(&mask);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		sigdelset(&mask, kept[i]);
	pthread_sigmask(SIG_SETMASK, &mask, old);
}

/* `tells`: what on_kick() knows its signal by, or NULL. */
static bool make_timer(timer_t *timer, void *tells)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = KICK_SIGNAL,
		.sigev_value.sival_ptr = tells,
	};

	event.sigev_notify_thread_id = gettid();
	return timer_create(CLOCK_MONOTONIC, &event, timer) == 0;
}

bool kick_join(struct kick *kick, struct kvm_run *run)
{
	*kick = (struct kick){.thread = pthread_self()};
	atomic_init(&kick->run, run);
	own = kick;
	mask_signals(&kick->mask_before);
	/* Without it a sleep until a deadline is up to 50 us longer than asked for. */
	prctl(PR_SET_TIMERSLACK, 1ul);
	kick->timer_made = make_timer(&kick->timer, NULL);
	kick->alarm_made = make_timer(&kick->alarm, kick);
	return kick->timer_made && kick->alarm_made;
}

void kick_move(struct kick *kick, struct kvm_run *run)
{
	atomic_store(&kick->run, run);
}

void kick_leave(struct kick *kick)
{
	if (kick->timer_made)
		timer_delete(kick->timer);
	if (kick->alarm_made)
		timer_delete(kick->alarm);
	kick->timer_made = kick->alarm_made = false;
	own = NULL;
	pthread_sigmask(SIG_SETMASK, &kick->mask_before, NULL);
}

static long futex(atomic_uint *word, int operation, unsigned value, const struct timespec *until)
{
	return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, until, NULL,
		       FUTEX_BITSET_MATCH_ANY);
}

bool kick_send(struct kick *kick)
{
	atomic_fetch_add(&kick->count, 1);
	switch (atomic_load(&kick->rest)) {
	case KICK_LOOKS: return false;
	case KICK_SLEEPS: futex(&kick->count, FUTEX_WAKE, INT_MAX, NULL); return false;
	default: return pthread_kill(kick->thread, KICK_SIGNAL) == 0;
	}
}

void kick_begin(struct kick *kick)
{
	/* This order: a kick between any two is then in `seen`, and only costs an empty entry. */
	if (atomic_load_explicit(&kick->rest, memory_order_relaxed) != KICK_RUNS)
		atomic_store(&kick->rest, KICK_RUNS);
	immediate_exit(kick, 0);
	atomic_signal_fence(memory_order_seq_cst);
	kick->seen = atomic_load(&kick->count);
}

bool kick_came(const struct kick *kick)
{
	return atomic_load(&kick->count) != kick->seen;
}

void kick_sleep(struct kick *kick, uint64_t until_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(until_ns / NS_PER_S),
		.tv_nsec = (long)(until_ns % NS_PER_S),
	};

	atomic_store(&kick->rest, KICK_SLEEPS);
	/* A kick that did not see this has changed the count before: no wait then. */
	futex(&kick->count, FUTEX_WAIT_BITSET, kick->seen, until_ns == UINT64_MAX ? NULL : &until);
	atomic_store(&kick->rest, KICK_LOOKS);
}

void kick_rest(struct kick *kick)
{
	atomic_store(&kick->rest, KICK_LOOKS);
}

bool kick_poll(struct kick *kick, uint64_t until_ns, bool (*goes_on)(const void *opaque),
	       const void *opaque)
{
	do {
		for (unsigned i = 0; i < LOOKS; i++) {
			if (kick_came(kick))
				return true;
			__builtin_ia32_pause();
		}
	} while (kick_clock_ns() < until_ns && goes_on(opaque));
	return kick_came(kick);
}

void kick_after(struct kick *kick, uint64_t ns)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)},
	};

	if (!ns && !kick->timer_armed)
		return;
	timer_settime(kick->timer, 0, &when, NULL);
	kick->timer_armed = ns != 0;
}

void kick_at(struct kick *kick, uint64_t at_ns)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(at_ns / NS_PER_S),
			     .tv_nsec = (long)(at_ns % NS_PER_S)},
	};

	if (at_ns == kick->alarm_ns && !kick->rang)
		return;
	/* In this order: a moment that is past already rings within the call. */
	kick->alarm_ns = at_ns;
	kick->rang = 0;
	if (kick->alarm_made)
		timer_settime(kick->alarm, TIMER_ABSTIME, &when, NULL);
}

bool kick_rings_by(const struct kick *kick, uint64_t at_ns)
{
	return kick->alarm_ns && kick->alarm_ns <= at_ns;
}

bool kick_rang(struct kick *kick, uint64_t *at_ns)
{
	if (!kick->rang)
		return false;
	kick->rang = 0;
	*at_ns = kick->alarm_ns;
	kick->alarm_ns = 0;
	return true;
}

uint64_t kick_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}
