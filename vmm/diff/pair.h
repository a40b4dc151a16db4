// SPDX-License-Identifier: BSD-2-Clause
// The two sides of one running program, and what is known of both after each step.
// Private to lockstep.c and what it consists of.
#ifndef VMM_DIFF_PAIR_H
#define VMM_DIFF_PAIR_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "vmm/diff/clocks.h"
#include "vmm/diff/finding.h"
#include "vmm/diff/ledger.h"
#include "vmm/diff/lockstep.h"
#include "vmm/diff/program.h"
#include "vmm/diff/side.h"
#include "vmm/tsc.h"

/* More than the registers and logs of all CPUs can make. */
#define PAIR_FINDINGS_MAX 8192u
/* Of a finding: that nothing explains it (as far as was looked), or that it follows from another.
 */
#define PAIR_UNEXPLAINED (-1)
#define PAIR_FOLLOWS     (-2)

/* One CPU of both, as of the last look. */
struct pair_cpu {
	uint8_t ours[LAPIC_IMAGE_SIZE], kvm[LAPIC_IMAGE_SIZE];
	uint8_t before[LAPIC_IMAGE_SIZE]; /* ours, before the step */
	bool twin;                        /* another CPU of ours had its ID then */
	bool sent_011;                    /* struct finding's */
	bool waited;                      /* ours waited for a SIPI then */
	uint64_t base_before;             /* IA32_APIC_BASE of ours then */
	uint64_t ours_base, kvm_base, ours_deadline, kvm_deadline;
	bool ours_nmi, kvm_nmi;    /* of one that waits for a SIPI on both sides */
	uint64_t kvm_from, kvm_to; /* CLOCK_MONOTONIC ns around KVM's image */
	struct clocks_timer timer;
};

/* What one operation gave. */
struct pair_answer {
	uint64_t value, fault;
};

struct pair {
	struct side ours, kvm;
	unsigned cpus;
	struct tsc tsc; /* KVM's side's */
	struct pair_cpu cpu[PROGRAM_CPUS_MAX];
	enum finding_mode before[PROGRAM_CPUS_MAX];

	/* The step. */
	const struct program_op *op;
	uint32_t icr_high;       /* of its CPU, before: an INIT to itself resets it */
	bool done;               /* by a CPU that could */
	enum finding_state idle; /* else: what it was doing */
	struct pair_answer ours_answer, kvm_answer;
	struct clocks_timer answer_timer; /* of the operation's CPU, right after it */
	uint64_t t0, t1;                  /* CLOCK_MONOTONIC ns around it on KVM's side */
	struct finding findings[PAIR_FINDINGS_MAX];
	int explained[PAIR_FINDINGS_MAX]; /* the ledger's entry, or PAIR_* */
	unsigned finding_count;
};

/* What programs on one host have in common. */
struct lockstep {
	struct side_setup setup;
	struct kvm_cpuid2 *cpuid[PROGRAM_CPUS_MAX];
	timer_t tick;
	bool ticks;
	const volatile sig_atomic_t *stop;
};

/* Starts and stops the signal that ends each wait in the kernel. */
void lockstep_tick(struct lockstep *lockstep, bool on);

/* Now, CLOCK_MONOTONIC; our side's clocks are set to it. */
uint64_t pair_clock(struct pair *pair);
enum finding_mode pair_mode(uint64_t base);

/* Both sides do pair->op. False: the host stopped for so long that a timer may have run out before
 * or after it. */
bool bid_op(struct pair *pair);

/* So long after a timer is due KVM's has been seen to, as a rule. */
#define SETTLE_LATER_NS UINT64_C(300000)

/* Both sides take what there is to take, timers that run out soon included. False: it does not come
 * to rest. */
bool settle(struct pair *pair);
/* Whether a periodic timer, of either side, may be too fast for it. */
bool settle_is_periodic(const struct pair *pair);
/* Lets time pass, and a little more where a timer runs out just then: on which side of the end it
 * was for KVM would not be known. */
void settle_rest(const struct pair *pair, uint64_t ns);
/* The earliest that a timer may run out on either side, CLOCK_MONOTONIC; UINT64_MAX: none will. */
uint64_t settle_first_expiry(const struct pair *pair);

/* The first of findings[] that the ledger, which may be NULL, does not explain; or NULL. */
const struct finding *explain(struct pair *pair, const struct ledger *ledger);
/* Counts in the ledger what explain() found there last: how many. */
size_t explain_count(const struct pair *pair, struct ledger *ledger);

/* Reads both sides' registers, and when our timers run out. */
void compare_look(struct pair *pair);
/* Before a step: keeps what was. */
void compare_begin(struct pair *pair);
/* Fills findings[]. */
void compare_step(struct pair *pair);
/* Adds one. */
void compare_found(struct pair *pair, enum finding_field field, unsigned cpu, unsigned position,
		   uint64_t ours, uint64_t kvm);
/* Adds what ours has not kept, whatever KVM did. */
void invariant_check(struct pair *pair);
/* The register that an operation names, or -1. */
int compare_register(const struct program_op *op, enum finding_mode mode);

/* The step and its findings, in lines. */
void trace_step(const struct pair *pair, const struct ledger *ledger, FILE *to);

/* Makes KVM's side like ours. False: the host refuses, and said so in pair->kvm.trouble. */
bool resync(struct pair *pair);

#endif
