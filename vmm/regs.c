// SPDX-License-Identifier: BSD-2-Clause
// struct boot_state into the structures of KVM_SET_REGS, KVM_SET_SREGS and their kind.
// Speaks to KVM; decides nothing.

#include "vmm/regs.h"

#include <errno.h>
#include <linux/kvm.h>

static struct kvm_segment segment(const struct boot_segment *from)
{
	return (struct kvm_segment){
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.type = from->type,
		.dpl = from->dpl,
		.s = from->s,
		.present = from->present,
		.db = from->db,
		.l = from->l,
		.g = from->g,
		.unusable = from->unusable,
	};
}

static void fill_sregs(struct kvm_sregs *sregs, const struct boot_state *state)
{
	sregs->cs = segment(&state->cs);
	sregs->ds = segment(&state->ds);
	sregs->es = segment(&state->es);
	sregs->fs = segment(&state->fs);
	sregs->gs = segment(&state->gs);
	sregs->ss = segment(&state->ss);
	sregs->tr = segment(&state->tr);
	sregs->ldt = segment(&state->ldtr);
	sregs->gdt = (struct kvm_dtable){.base = state->gdtr.base, .limit = state->gdtr.limit};
	sregs->idt = (struct kvm_dtable){.base = state->idtr.base, .limit = state->idtr.limit};
	sregs->cr0 = state->cr0;
	sregs->cr2 = 0;
	sregs->cr3 = state->cr3;
	sregs->cr4 = state->cr4;
	sregs->efer = state->efer;
}

/* For what old kernels lack and a fresh processor does not miss. */
static int unless_absent(int error)
{
	return error == -ENOTTY || error == -EINVAL ? 0 : error;
}

static int set_rest(const struct vm *vm, int fd, const struct boot_state *state)
{
	struct kvm_regs regs = {
		.rax = state->rax,
		.rbx = state->rbx,
		.rdx = state->rdx,
		.rsi = state->rsi,
		.rdi = state->rdi,
		.rip = state->rip,
		.rflags = state->rflags,
	};
	struct kvm_debugregs debug = {.dr6 = state->dr6, .dr7 = state->dr7};
	/* Whatever was given to KVM and not yet taken goes with the state it was for. */
	struct kvm_vcpu_events events = {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
			 (vm->traits && vm->traits->smm ? KVM_VCPUEVENT_VALID_SMM : 0),
	};
	int error = kvm_ioctl(vm->kvm, fd, KVM_SET_REGS, &regs);

	if (error >= 0)
		error = unless_absent(kvm_ioctl(vm->kvm, fd, KVM_SET_DEBUGREGS, &debug));
	if (error >= 0)
		error = kvm_ioctl(vm->kvm, fd, KVM_SET_VCPU_EVENTS, &events);
	return error < 0 ? error : 0;
}

int regs_set(const struct vm *vm, int vcpu_fd, const struct boot_state *state)
{
	struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct kvm_sregs sregs;
	int error = kvm_ioctl(vm->kvm, vcpu_fd, KVM_GET_SREGS, &sregs);

	if (error < 0)
		return error;
	fill_sregs(&sregs, state);
	error = kvm_ioctl(vm->kvm, vcpu_fd, KVM_SET_SREGS, &sregs);
	if (error < 0)
		return error;
	/* Waiting for SIPI is user space's business: KVM may run the vCPU whenever it is asked to.
	 */
	unless_absent(kvm_ioctl(vm->kvm, vcpu_fd, KVM_SET_MP_STATE, &runnable));
	return set_rest(vm, vcpu_fd, state);
}

int regs_get(const struct vm *vm, int vcpu_fd, struct kvm_regs *regs, struct kvm_sregs *sregs)
{
	int error = kvm_ioctl(vm->kvm, vcpu_fd, KVM_GET_REGS, regs);

	if (error >= 0)
		error = kvm_ioctl(vm->kvm, vcpu_fd, KVM_GET_SREGS, sregs);
	return error < 0 ? error : 0;
}
