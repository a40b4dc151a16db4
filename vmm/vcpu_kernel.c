// SPDX-License-Identifier: BSD-2-Clause
// Turn by turn as vcpu.c, with most of it done by KVM: what is left are exits, and the 8259s'
// interrupts. Not the question whether it sleeps for ever: vcpu_kernel_sleep.c.

#include "vmm/vcpu_kernel.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "vmm/fault.h"
#include "vmm/kernel_pass.h"
#include "vmm/machine.h"
#include "vmm/machine_devices.h"
#include "vmm/machine_warm.h"
#include "vmm/msr.h"
#include "vmm/msr_index.h"
#include "vmm/regs.h"
#include "vmm/run_report.h"
#include "vmm/vcpu.h"

/* More than any instruction has accesses of which each is an exit. */
#define FINISH_MAX 64

static void answer_msr(struct vcpu *v, const struct msr_access *access)
{
	uint64_t value;
	bool ok = access->index == MSR_KVM_PV_EOI ? pv_eoi_answer(v, access, &value)
						  : msr_answer(NULL, &v->tsc, access, &value);

	exit_answer_msr(v->run, ok, value);
}

static void answer(struct vcpu *v, const struct exit *exit)
{
	v->unfinished = exit->unfinished;
	switch (exit->kind) {
	case EXIT_NOTHING:
	case EXIT_STEP: return;
	case EXIT_PORT: machine_port(v->machine, &exit->u.access); return;
	case EXIT_MEMORY: machine_memory(v->machine, &exit->u.access); return;
	case EXIT_MSR: answer_msr(v, &exit->u.msr); return;
	case EXIT_EOI: machine_eoi(v->machine, exit->u.vector); return;
	case EXIT_HALT: /* these two are KVM's own here */
	case EXIT_TPR:
	case EXIT_SHUTDOWN:
	case EXIT_FAILED_ENTRY:
	case EXIT_EMULATION:
	case EXIT_INTERNAL:
	case EXIT_UNKNOWN: fault_report(v, exit); return;
	}
}

static void leave(struct vcpu *v, int returned)
{
	struct exit exit;

	/* KVM's word for: the processor has left wait-for-SIPI, run it again. */
	if (returned == -EAGAIN)
		returned = -EINTR;
	exit_decode(v->run, v->vm->run_bytes, returned, &exit);
	stats_exit(&v->stats, exit.reason);
	info_exits_add(&v->exits, &exit);
	if (returned < 0 && returned != -EINTR)
		fault_report_errno(v, returned);
	else
		answer(v, &exit);
}

bool vcpu_kernel_finish(struct vcpu *v)
{
	for (int i = 0; v->unfinished && i < FINISH_MAX; i++) {
		v->unfinished = false;
		v->run->immediate_exit = 1;
		leave(v, kvm_ioctl(v->vm->kvm, v->fd, KVM_RUN, NULL));
		if (ending_reached(v->machine->ending))
			return false;
	}
	return true;
}

bool vcpu_kernel_pass(struct vcpu *v, bool *exited)
{
	int returned = kernel_pass_awake(v->vm, v->fd, v->run);

	*exited = returned >= 0;
	leave(v, returned);
	v->given = false;
	return !ending_reached(v->machine->ending);
}

/*
 * The 8259s' INTR is the boot processor's LINT0. Whether LINT0 lets it through is part of KVM's
 * readiness; only KVM can say when, so it is asked for the window as long as the line is high.
 */
static void offer_extint(struct vcpu *v)
{
	bool wanted = v->id == 0 && atomic_load(&v->machine->intr);
	struct kvm_interrupt interrupt;
	int error;

	v->run->request_interrupt_window = wanted;
	if (!wanted)
		return;
	v->stats.windows++;
	if (v->given || !v->run->ready_for_interrupt_injection || !v->run->if_flag)
		return;
	interrupt.irq = machine_intack(v->machine);
	error = kvm_ioctl(v->vm->kvm, v->fd, KVM_INTERRUPT, &interrupt);
	if (error < 0)
		ending_say(v->machine->ending, RESULT_INTERNAL, (int)v->id, 0, "KVM_INTERRUPT: %s",
			   strerror(-error));
	v->given = true;
	v->run->request_interrupt_window = atomic_load(&v->machine->intr);
}

bool vcpu_kernel_start_warm(struct vcpu *v)
{
	struct boot_state state;
	struct kvm_mp_state mp;
	struct kvm_sregs sregs;
	int error;

	if (!vcpu_kernel_finish(v))
		return false;
	/* It acts on the INIT when it is asked for this. */
	error = kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_MP_STATE, &mp);
	if (error >= 0)
		error = kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_SREGS, &sregs);
	if (error >= 0) {
		boot_init(&state, v->signature, sregs.cr0);
		machine_warm_enter(v, &state);
		error = regs_set(v->vm, v->fd, &state);
	}
	if (error < 0)
		fault_report_errno(v, error);
	return error >= 0;
}

static void take_part_in_census(struct vcpu *v)
{
	struct machine *m = v->machine;
	unsigned round;

	if (census_stop(&m->census, &round) &&
	    census_say(&m->census, round, vcpu_kernel_sleeps(v)) &&
	    !m->watch.input(m->watch.opaque))
		run_report_halted(m->ending);
}

bool vcpu_kernel_turn(struct vcpu *v)
{
	int returned;

	kick_begin(&v->kick);
	if (ending_reached(v->machine->ending))
		return false;
	if (pause_wanted(&v->machine->pause)) {
		if (!vcpu_kernel_finish(v))
			return false;
		pause_stand(&v->machine->pause, v);
		return true;
	}
	if (machine_warm_wanted(v))
		return vcpu_kernel_start_warm(v);
	offer_extint(v);
	if (census_wanted(&v->machine->census))
		take_part_in_census(v);
	else if (!kick_came(&v->kick)) {
		atomic_fetch_add(&v->entries, 1);
		returned = kvm_ioctl(v->vm->kvm, v->fd, KVM_RUN, NULL);
		atomic_fetch_add(&v->entries, 1);
		/* A kick may have come before KVM took the vector. */
		v->given = v->given && v->run->immediate_exit;
		leave(v, returned);
	}
	return true;
}
