// SPDX-License-Identifier: BSD-2-Clause
// One virtual processor: its KVM side, its Local APIC, and the thread that runs both.
// Not a LAPIC: that is lapic/, reached through lapic.h alone.
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lapic/lapic.h"
#include "vmm/advance.h"
#include "vmm/boot.h"
#include "vmm/exit.h"
#include "vmm/halt_poll.h"
#include "vmm/info_exits.h"
#include "vmm/kick.h"
#include "vmm/pv_eoi.h"
#include "vmm/stats.h"
#include "vmm/step.h"
#include "vmm/tsc.h"

struct kvm_cpuid2;
struct kvm_run;
struct machine;

struct vcpu {
	struct machine *machine;
	const struct vm *vm;
	uint32_t id;      /* its place in machine->vcpus, 0 for the boot processor */
	uint32_t apic_id; /* the initial one; also its name for KVM */
	int fd;
	struct kvm_run *run;
	/* Its double in machine->there, where there is one. */
	int there_fd;
	struct kvm_run *there_run;
	struct kvm_cpuid2 *cpuid; /* as given to KVM */
	uint32_t signature;       /* CPUID.1:EAX */
	uint32_t features;        /* CPUID.1:EDX */

	struct lapic *lapic;     /* NULL: KVM's own, and so with all that is about it below */
	struct lapic *own_lapic; /* the same, or what KVM's stands in for (vcpu_hop.h); or NULL */
	void *lapic_memory, *lapic_page;
	struct lapic_deadline deadline; /* lapic_next_deadline() as of the last change */
	bool deadline_changed;          /* the alarm does not know of it yet */
	/* The alarm is for no deadline: lapic_host_guard(). */
	bool guards;
	uint64_t guard_ns;     /* [owner] so long after the deadline that is slept for */
	uint64_t slept_for_ns; /* that deadline, in CLOCK_MONOTONIC; 0: none yet */
	uint64_t early; /* so much before the deadline, in its clock, the wait is a look at it */
	struct advance run_advance, sleep_advance;
	uint32_t spent_count; /* TMICT that KVM's does not hold (vcpu_hop.c) */
	uint64_t clock_at_ns; /* not 0: what its clock reads, in place of the time */

	struct tsc tsc;
	pthread_t thread; /* [main thread] */
	struct kick kick;
	struct halt_poll poll;
	atomic_int core; /* of the host's, on which it was last seen to run the guest */
	struct step step;
	struct pv_eoi pv_eoi; /* [owner] */
	struct stats_vcpu stats;
	struct info_exits exits; /* [owner] */

	/* layout.h */
	atomic_bool in_guest;
	bool claims_page; /* under the layout's lock */
	uint64_t claimed_page;

	/* KVM_RUNs begun and ended where the LAPIC is KVM's: odd while it is in one */
	atomic_uint entries;

	/* [owner] */
	bool halted; /* executed HLT, and nothing has woken it since */
	/* struct exit's, of the last exit; or kvm_run holds an interrupt that KVM has not seen. */
	bool unfinished;
	bool given;      /* an event was handed to KVM since the last exit: no second one now */
	bool nmi_given;  /* KVM may hold an NMI that the guest has not taken yet */
	uint64_t in_run; /* KVM_SYNC_X86_* that the last exit left in kvm_run and that still hold */
};

/*
 * Makes a vCPU in power-up state, with its LAPIC in the machine's map. False: *why says what
 * failed; vcpu_close() is due either way. [setup]
 */
bool vcpu_open(struct vcpu *v, struct machine *machine, uint32_t id, struct result *why);
void vcpu_close(struct vcpu *v);

/* Goes from xAPIC to x2APIC mode, as firmware would do it. 0 or -errno. [setup] */
int vcpu_enter_x2apic(struct vcpu *v);

/* Gives the boot processor the image's first state. 0 or -errno. [setup] */
int vcpu_boot(struct vcpu *v, const struct boot_state *state);

/*
 * One turn: look at what has come in, hand it over, run the guest or sleep, answer the exit. False
 * when the run has ended. [owner]
 */
bool vcpu_turn(struct vcpu *v);

/*
 * KVM finishes the instruction whose access was answered last; then registers may be looked at and
 * changed. False where the run has ended over it. [owner]
 */
bool vcpu_finish(struct vcpu *v);

/* Does what the INIT or SIPI that is pending asks for. False where the run has ended over it.
 * [owner]
 */
bool vcpu_start_anew(struct vcpu *v);

enum vcpu_state { VCPU_RUNNING, VCPU_HALTED, VCPU_WAITS_FOR_SIPI };

/* What it was doing. [its thread stands still or has ended] */
enum vcpu_state vcpu_state(const struct vcpu *v);
/* A KVM_MP_STATE_* in these words. */
enum vcpu_state vcpu_state_of_mp(uint32_t mp_state);
/* Its task priority class, 0 .. 15. [its thread stands still or has ended] */
uint8_t vcpu_tpr_class(const struct vcpu *v);
/* Where it stands, and its RFLAGS.IF. False: KVM does not say. [its thread stands still or has
 * ended] */
bool vcpu_place(const struct vcpu *v, uint64_t *rip, bool *interrupts_on);

/* An NMI from outside. False: it is not taken. [it stands still] */
bool vcpu_nmi(struct vcpu *v);

/* Makes the owner look up. [any] */
void vcpu_kick(struct vcpu *v);

#endif
