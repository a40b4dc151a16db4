// SPDX-License-Identifier: BSD-2-Clause
// The life of a virtual processor, turn by turn: look, hand over, run or sleep, answer.
// Not the answers themselves: devices, MSRs and the LAPIC have their own files.

#include "vmm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sched.h>
#include <string.h>

#include "vmm/apic_page.h"
#include "vmm/fault.h"
#include "vmm/inject.h"
#include "vmm/lapic_host.h"
#include "vmm/machine.h"
#include "vmm/machine_warm.h"
#include "vmm/msr.h"
#include "vmm/msr_index.h"
#include "vmm/regs.h"
#include "vmm/run_report.h"

/* More than any instruction has accesses of which each is an exit. */
#define FINISH_MAX 64
#define RFLAGS_IF  0x200u

void vcpu_kick(struct vcpu *v)
{
	if (kick_send(&v->kick))
		stats_kick(&v->stats);
}

bool vcpu_place(const struct vcpu *v, uint64_t *rip, bool *interrupts_on)
{
	struct kvm_regs regs = {0};
	int error = kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_REGS, &regs);

	*rip = regs.rip;
	*interrupts_on = (regs.rflags & RFLAGS_IF) != 0;
	return error >= 0;
}

enum vcpu_state vcpu_state(const struct vcpu *v)
{
	struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_RUNNABLE};

	if (v->lapic && lapic_waits_for_sipi(v->lapic))
		return VCPU_WAITS_FOR_SIPI;
	if (v->lapic)
		return v->halted ? VCPU_HALTED : VCPU_RUNNING;
	kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_MP_STATE, &state);
	return vcpu_state_of_mp(state.mp_state);
}

enum vcpu_state vcpu_state_of_mp(uint32_t mp_state)
{
	switch (mp_state) {
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED: return VCPU_WAITS_FOR_SIPI;
	case KVM_MP_STATE_HALTED: return VCPU_HALTED;
	default: return VCPU_RUNNING;
	}
}

bool vcpu_nmi(struct vcpu *v)
{
	if (v->lapic)
		return lapic_post(v->lapic, LAPIC_NMI, 0, false) != LAPIC_REFUSED;
	return kvm_ioctl(v->vm->kvm, v->fd, KVM_NMI, NULL) >= 0;
}

uint8_t vcpu_tpr_class(const struct vcpu *v)
{
	return v->lapic ? lapic_cr8(v->lapic) : (uint8_t)v->run->cr8;
}

/* ---- the exit ---- */

static void answer_memory(struct vcpu *v, const struct access *access)
{
	uint32_t offset = (uint32_t)(access->address % LAPIC_PAGE_SIZE);
	uint64_t value = 0;

	if (!lapic_claims(v->lapic, access->address)) {
		machine_memory(v->machine, access);
		return;
	}
	v->stats.page_accesses++;
	if (access->write) {
		memcpy(&value, access->data, access->width);
		lapic_mmio_write(v->lapic, offset, access->width, value);
	} else {
		value = lapic_mmio_read(v->lapic, offset, access->width);
		memcpy(access->data, &value, access->width);
	}
}

static void answer_msr(struct vcpu *v, const struct msr_access *access)
{
	uint64_t value;
	bool ok = access->index == MSR_KVM_PV_EOI ? pv_eoi_answer(v, access, &value)
						  : msr_answer(v->lapic, &v->tsc, access, &value);

	v->stats.msr_accesses += msr_is_lapic(access->index);
	exit_answer_msr(v->run, ok, value);
}

static void answer(struct vcpu *v, const struct exit *exit)
{
	v->unfinished = exit->unfinished;
	if (exit->kind == EXIT_PORT || exit->kind == EXIT_MEMORY || exit->kind == EXIT_MSR)
		step_own_exit(v, true);
	switch (exit->kind) {
	case EXIT_NOTHING:
	case EXIT_STEP: return;
	case EXIT_PORT: machine_port(v->machine, &exit->u.access); return;
	case EXIT_MEMORY: answer_memory(v, &exit->u.access); return;
	case EXIT_MSR: answer_msr(v, &exit->u.msr); return;
	case EXIT_HALT: v->halted = !inject_holds_nmi(v); return;
	case EXIT_TPR: lapic_write_cr8(v->lapic, v->run->cr8); return;
	case EXIT_EOI: /* of KVM's own Local APICs */
	case EXIT_SHUTDOWN:
	case EXIT_FAILED_ENTRY:
	case EXIT_EMULATION:
	case EXIT_INTERNAL:
	case EXIT_UNKNOWN: fault_report(v, exit); return;
	}
}

static int enter(struct vcpu *v)
{
	v->run->cr8 = lapic_cr8(v->lapic);
	v->run->kvm_valid_regs = inject_wants(v) | step_wants_registers(v);
	return kvm_ioctl(v->vm->kvm, v->fd, KVM_RUN, NULL);
}

static void leave(struct vcpu *v, int returned)
{
	struct exit exit;

	v->given = false;
	v->in_run = v->run->kvm_valid_regs;
	pv_eoi_collect(v);
	exit_decode(v->run, v->vm->run_bytes, returned, &exit);
	stats_exit(&v->stats, exit.reason);
	info_exits_add(&v->exits, &exit);
	if (returned < 0 && returned != -EINTR) {
		fault_report_errno(v, returned);
		return;
	}
	/* Before the access is answered: it was made with this priority. */
	lapic_set_cr8(v->lapic, v->run->cr8);
	answer(v, &exit);
}

bool vcpu_finish(struct vcpu *v)
{
	for (int i = 0; v->unfinished && i < FINISH_MAX; i++) {
		/* KVM completes what was answered, then returns before anything else is run. */
		v->run->immediate_exit = 1;
		leave(v, enter(v));
		if (ending_reached(v->machine->ending))
			return false;
	}
	return true;
}

/* ---- INIT and SIPI ---- */

static bool set_state(struct vcpu *v, const struct boot_state *state)
{
	int error = regs_set(v->vm, v->fd, state);

	/* What the last exit said of flags and registers is no longer so. */
	v->run->if_flag = 0;
	v->run->ready_for_interrupt_injection = 0;
	v->in_run = 0;
	v->halted = v->given = v->nmi_given = false;
	if (error < 0)
		ending_say(v->machine->ending, RESULT_INTERNAL, (int)v->id, 0,
			   "KVM refuses the state after INIT or SIPI: %s", strerror(-error));
	return error >= 0;
}

/* INIT and SIPI change registers under the guest's feet: only between two instructions. */
bool vcpu_start_anew(struct vcpu *v)
{
	struct boot_state state;
	struct kvm_sregs sregs;
	uint8_t vector;
	int error;

	if (!vcpu_finish(v))
		return false;
	step_stop(v);
	error = kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_SREGS, &sregs);
	if (error < 0) {
		fault_report_errno(v, error);
		return false;
	}
	if (lapic_take_init(v->lapic) != LAPIC_INIT_NONE) {
		pv_eoi_reset(v);
		boot_init(&state, v->signature, sregs.cr0);
		machine_warm_enter(v, &state);
		return set_state(v, &state);
	}
	if (lapic_take_sipi(v->lapic, &vector)) {
		boot_sipi(&state, v->signature, sregs.cr0, vector);
		return set_state(v, &state);
	}
	return true;
}

/* ---- sleep ---- */

/* Rule MP-4, MP-5: INIT always ends HLT, an interrupt or NMI only if the processor would take it.
 */
static bool wakes(const struct vcpu *v, uint32_t pending)
{
	uint32_t enders = LAPIC_PENDING_SMI | LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI;

	if (v->run->if_flag)
		enders |= LAPIC_PENDING_INTR | LAPIC_PENDING_EXTINT;
	if ((pending & LAPIC_PENDING_NMI) && !inject_blocks_nmi(v))
		return true;
	return (pending & enders) != 0;
}

static bool rests(struct vcpu *v, uint32_t pending)
{
	if (lapic_waits_for_sipi(v->lapic))
		return true;
	if (v->halted && wakes(v, pending))
		v->halted = false;
	return v->halted;
}

/* Whoever could end the halt may be waiting for this very core. */
static bool core_is_free(const void *opaque)
{
	const struct vcpu *v = opaque;
	const struct machine *m = v->machine;
	int core = sched_getcpu();

	for (unsigned i = 0; i < m->cpus; i++)
		if (&m->vcpus[i] != v &&
		    atomic_load_explicit(&m->vcpus[i].core, memory_order_relaxed) == core &&
		    atomic_load_explicit(&m->vcpus[i].kick.rest, memory_order_relaxed) == KICK_RUNS)
			return false;
	return true;
}

/* Whether there is something to look at before any sleep. */
static bool looks_out(struct vcpu *v, bool timed, uint64_t start)
{
	uint64_t until = start + v->poll.ns, deadline;
	bool came;

	if (!v->halted)
		return false;
	if (halt_poll_wants_look(&v->poll, start))
		halt_poll_looked(&v->poll, start, halt_poll_waited());
	if (!halt_poll_on(&v->poll, start))
		return false;
	deadline = timed ? lapic_host_deadline_ns(v) : UINT64_MAX;
	came = kick_poll(&v->kick, deadline < until ? deadline : until, core_is_free, v);
	lapic_host_polled(v);
	v->stats.polls++;
	v->stats.polled_ns += kick_clock_ns() - start;
	return came || kick_clock_ns() >= deadline;
}

static void go_to_sleep(struct vcpu *v, bool timed)
{
	/* The sleep ends by itself at the deadline. */
	lapic_host_guard(v, timed);
	v->stats.halts++;
	if (watch_sleep(&v->machine->watch, v->id, &v->kick, timed))
		run_report_halted(v->machine->ending);
	else
		lapic_host_sleep(v, timed);
	watch_wake(&v->machine->watch, v->id);
}

static void doze(struct vcpu *v)
{
	bool timed = v->halted && v->run->if_flag && lapic_host_timer_wakes(v);
	uint64_t start = kick_clock_ns(), halted;

	if (!looks_out(v, timed, start))
		go_to_sleep(v, timed);
	halted = kick_clock_ns() - start;
	halt_poll_learn(&v->poll, halted);
	v->stats.halted_ns += halted;
}

static void sleep_until_woken(struct vcpu *v)
{
	uint32_t pending;

	step_stop(v);
	kick_rest(&v->kick);
	pending = inject_without_smm(v, lapic_away(v->lapic));
	if (!wakes(v, pending) && !kick_came(&v->kick))
		doze(v);
	lapic_back(v->lapic);
}

/* ---- standing still ---- */

/* Between two instructions, and not in a burst: that has its share of a time that ends soon. */
static bool stand_still(struct vcpu *v)
{
	if (!vcpu_finish(v))
		return false;
	step_stop(v);
	pause_stand(&v->machine->pause, v);
	return true;
}

/* ---- the turn ---- */

bool vcpu_turn(struct vcpu *v)
{
	uint32_t pending, left;
	int returned;

	/* A step begins and ends between two instructions. */
	if (step_wants_boundary(v))
		vcpu_finish(v);
	kick_begin(&v->kick);
	if (ending_reached(v->machine->ending))
		return false;
	if (pause_wanted(&v->machine->pause))
		return stand_still(v);
	lapic_host_tick(v);
	pending = lapic_pending(v->lapic);
	if (pending & (LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI))
		return vcpu_start_anew(v);
	pending = inject_without_smm(v, pending);
	if (rests(v, pending)) {
		sleep_until_woken(v);
		return true;
	}
	/* An exit may stand in the midst of an instruction that still raises an exception: what KVM
	 * said of flags and readiness holds for the boundary behind it. */
	if (v->unfinished &&
	    (inject_could(v, pending) || (pending & ~LAPIC_PENDING_MASKED && step_begins(v)))) {
		vcpu_finish(v);
		return true;
	}
	step_prepare(v, inject(v, pending, &left));
	lapic_host_arm(v);
	/* From here on a post kicks. One that came in before shows in what lapic_away() returns. */
	pending = lapic_away(v->lapic);
	if (apic_page_shown(v->vm))
		lapic_page_sync(v->lapic);
	if ((pending & ~left) || v->deadline_changed || kick_came(&v->kick)) {
		lapic_back(v->lapic);
		return true;
	}
	if (!layout_enter(v->machine, v)) {
		lapic_back(v->lapic);
		return true;
	}
	step_own_exit(v, false);
	atomic_store_explicit(&v->core, sched_getcpu(), memory_order_relaxed);
	pv_eoi_allow(v, pending);
	returned = enter(v);
	layout_leave(v);
	lapic_back(v->lapic);
	leave(v, returned);
	return true;
}
