// SPDX-License-Identifier: BSD-2-Clause
// The two sides of one running program, and what is known of both after each step.
// Private to lockstep.c, compare.c and resync.c.
#ifndef VMM_DIFF_PAIR_H
#define VMM_DIFF_PAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/diff/clocks.h"
#include "vmm/diff/finding.h"
#include "vmm/diff/ledger.h"
#include "vmm/diff/program.h"
#include "vmm/diff/side.h"
#include "vmm/tsc.h"

#define PAIR_FINDINGS_MAX 64u

/* One CPU of both, as of the last look. */
struct pair_cpu {
	uint8_t ours[LAPIC_IMAGE_SIZE], kvm[LAPIC_IMAGE_SIZE];
	uint64_t ours_base, kvm_base, ours_deadline, kvm_deadline;
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

	uint32_t sent; /* struct finding's */

	/* The step. */
	const struct program_op *op;
	bool done; /* by a CPU that could */
	struct pair_answer ours_answer, kvm_answer;
	struct clocks_timer answer_timer; /* of the operation's CPU, right after it */
	uint64_t t0, t1;                  /* CLOCK_MONOTONIC ns around it on KVM's side */
	struct finding findings[PAIR_FINDINGS_MAX];
	unsigned finding_count;
};

/* Now, CLOCK_MONOTONIC; our side's clocks are set to it. */
uint64_t pair_clock(struct pair *pair);
enum finding_mode pair_mode(uint64_t base);

/* Reads both sides' registers, and when our timers run out. */
void compare_look(struct pair *pair);
/* Fills findings[]. */
void compare_step(struct pair *pair);
/* The register that an operation names, or -1. */
int compare_register(const struct program_op *op, enum finding_mode mode);

/* Makes KVM's side like ours. False: the host refuses, and said so in pair->kvm.trouble. */
bool resync(struct pair *pair);

#endif
