// SPDX-License-Identifier: BSD-2-Clause
// Runs one program on both sides, step by step, and compares after each.
// Not a campaign: which programs, how many and what becomes of the results is decided elsewhere.
#ifndef VMM_DIFF_LOCKSTEP_H
#define VMM_DIFF_LOCKSTEP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/diff/finding.h"
#include "vmm/diff/ledger.h"
#include "vmm/diff/program.h"
#include "vmm/host.h"
#include "vmm/kvm_calls.h"
#include "vmm/result.h"

enum lockstep_outcome {
	LOCKSTEP_SAME,    /* to its end; what differed is in the ledger */
	LOCKSTEP_DIFFERS, /* `finding` is not in the ledger */
	LOCKSTEP_STALLED, /* the host stopped for so long that order in time is not known: given up,
			     no difference up to there */
	LOCKSTEP_FAILED,  /* the tool or the host failed: `text` */
	LOCKSTEP_STOPPED  /* asked to: no difference up to there */
};

struct lockstep_report {
	enum lockstep_outcome outcome;
	size_t done;            /* operations compared */
	size_t explained;       /* findings that the ledger explained */
	struct finding finding; /* LOCKSTEP_DIFFERS; its op points into the program */
	bool late_period; /* LOCKSTEP_DIFFERS: KVM's periodic timer is behind, which a host that
			     stops for a period makes of it (FINDINGS.md) */
	char text[512];   /* what differs or failed, in a sentence */
	char step[2000];  /* LOCKSTEP_DIFFERS: the step with all that differs, in lines */
};

struct lockstep;

/*
 * Finds out what the host's in-kernel LAPIC offers (split irqchip). NULL: *why says what this host
 * lacks. One thread uses it, and no other thread of the process makes KVM calls meanwhile. *stop:
 * once it is not 0 a program ends after its step.
 */
struct lockstep *lockstep_open(const struct kvm_calls *kvm, const struct host_traits *traits,
			       const volatile sig_atomic_t *stop, struct result *why);
void lockstep_close(struct lockstep *lockstep);

/* Our side shows its registers as memory from now on (apic_page.h): for programs of one CPU. */
void lockstep_show_page(struct lockstep *lockstep);

/* What both sides offer, for the generator. */
bool lockstep_x2apic(const struct lockstep *lockstep);
bool lockstep_tsc_deadline(const struct lockstep *lockstep);
/* Whether this host's KVM forgets which interrupts are in service, so that they are put back for
 * it: see struct side_setup. */
bool lockstep_isr_lost(const struct lockstep *lockstep);

/* Runs it in two fresh machines. `ledger` may be NULL: nothing is explained then. `trace`: each
 * step and what it gave is written there; or NULL. */
void lockstep_run(struct lockstep *lockstep, const struct program *program, struct ledger *ledger,
		  FILE *trace, struct lockstep_report *report);

#endif
