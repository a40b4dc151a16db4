// SPDX-License-Identifier: BSD-2-Clause
// Meets windows that the host does not report in time: bounded entries, and bursts of single steps.
// Not injection: it only makes KVM_RUN return where an interrupt can be handed over.
#ifndef VMM_STEP_H
#define VMM_STEP_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/*
 * On a host that tells of windows and of a lowered TPR at once nothing here ever acts. On others
 * kicks end entries as long as an interrupt waits, 50 us, 100 us ... 4 ms apart. A window of one
 * instruction between two such moments is met by stepping: as long as the interrupt waits, kernel
 * code runs in bursts of single steps, at most a tenth of the time. What an access of the guest
 * itself made wait has its burst at once, with a tenth of its own: such code counts on the moment.
 * After an EOI that is the instruction which IRET returns to, after an IPI to itself the one behind
 * STI.
 */
struct step {
	bool on;                /* KVM_GUESTDBG_SINGLESTEP is set */
	unsigned left;          /* steps until the burst ends */
	uint64_t bound_ns;      /* from one kick to the next while waiting; 0: none was waiting */
	uint64_t kick_at_ns;    /* when the kick comes that is armed */
	uint64_t waits_from_ns; /* since when something has been waiting; 0: nothing is */
	uint64_t started_ns;    /* of this burst */
	uint64_t rest_until_ns; /* no burst before */
	/* Of bursts for what the guest brought about itself: until when their share is used up. */
	uint64_t own_spent_until_ns;
	bool own_exit;   /* the last exit was an access */
	bool own;        /* what waits has been waiting since an access, and had no burst yet */
	bool by_own;     /* this burst is for that */
	uint64_t target; /* the next instruction is an IRET that leads there; 0: it is none */
	bool aimed;      /* there is a breakpoint */
	/* Where the burst last fetched from: what a page of linear addresses leads to. */
	uint64_t page_linear, page_cr3;
	const uint8_t *page;
};

/* Before an entry; waits: INJECT_* bits that the host gives no notice of. [owner] */
void step_prepare(struct vcpu *v, unsigned waits);
/* A burst is due or goes on: it needs the instruction finished whose exit was answered. [owner] */
bool step_wants_boundary(const struct vcpu *v);
/* A burst for what the guest has just made wait itself would begin. [owner] */
bool step_begins(const struct vcpu *v);
/* What each exit is to leave in kvm_run for this: KVM_SYNC_X86_* bits. [owner] */
uint64_t step_wants_registers(const struct vcpu *v);
/* Whether the guest has made an access since it was last entered for more than finishing that.
 * [owner] */
void step_own_exit(struct vcpu *v, bool own);
/* Steps no more, as before a change of registers. [owner] */
void step_stop(struct vcpu *v);

#endif
