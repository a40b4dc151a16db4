// SPDX-License-Identifier: BSD-2-Clause
// After a difference that is explained: KVM's side goes on from our state.
// Not a hand-over of a running guest: both are puppets that stand still.

#include <linux/kvm.h>
#include <string.h>

#include "vmm/boot.h"
#include "vmm/diff/pair.h"
#include "vmm/msr_index.h"
#include "vmm/regs.h"

#define REG_ISR      0x10u
#define CR0_AT_RESET 0x60000010u

/* As an INIT leaves it: what KVM does not know has come of one, and a SIPI sets no more than CS:IP.
 */
static int set_waiting(struct side *side, unsigned n, bool nmi)
{
	struct kvm_mp_state waits = {.mp_state = KVM_MP_STATE_INIT_RECEIVED};
	struct side_cpu *c = &side->cpu[n];
	struct boot_state state;
	int error;

	boot_init(&state, c->signature, CR0_AT_RESET);
	error = regs_set(&side->vm, c->fd, &state);
	if (error >= 0)
		error = kvm_ioctl(side->vm.kvm, c->fd, KVM_SET_MP_STATE, &waits);
	if (error >= 0 && nmi)
		error = kvm_ioctl(side->vm.kvm, c->fd, KVM_NMI, NULL);
	c->state = FINDING_WAITS_FOR_SIPI;
	return error;
}

/* Both run, but only one of them at the reset vector. */
static bool started_alone(const struct pair *pair, unsigned n)
{
	for (unsigned i = 0; i < pair->finding_count; i++) {
		const struct finding *finding = &pair->findings[i];

		if (finding->cpu == n && finding->field == FINDING_ARRIVED &&
		    (finding->ours == FINDING_AT_RESET || finding->kvm == FINDING_AT_RESET))
			return true;
	}
	return false;
}

/* What KVM has kept for it and ours has given it is not to come twice. */
static int set_nmi(struct side *side, unsigned n, bool nmi)
{
	struct kvm_vcpu_events events = {0};
	int error = kvm_ioctl(side->vm.kvm, side->cpu[n].fd, KVM_GET_VCPU_EVENTS, &events);

	events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
	events.nmi.pending = nmi;
	return error < 0 ? error
			 : kvm_ioctl(side->vm.kvm, side->cpu[n].fd, KVM_SET_VCPU_EVENTS, &events);
}

static int set_state(struct pair *pair, unsigned n)
{
	const struct kvm_calls *kvm = pair->ours.vm.kvm;
	struct side_cpu *from = &pair->ours.cpu[n], *to = &pair->kvm.cpu[n];
	struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	int error;

	bool nmi = pair->ours.kind->nmi(&pair->ours, n);

	if (from->state == to->state && pair->cpu[n].kvm_nmi == pair->cpu[n].ours_nmi &&
	    !started_alone(pair, n))
		return 0;
	/* Both finish the instruction that they are in: after that registers may be set. */
	from->run->immediate_exit = to->run->immediate_exit = 1;
	kvm_ioctl(kvm, from->fd, KVM_RUN, NULL);
	kvm_ioctl(kvm, to->fd, KVM_RUN, NULL);
	from->unfinished = false;
	if (from->state == FINDING_WAITS_FOR_SIPI)
		return set_waiting(&pair->kvm, n, nmi);
	if (from->state == FINDING_HALTED)
		state.mp_state = KVM_MP_STATE_HALTED;
	error = kvm_ioctl(kvm, from->fd, KVM_GET_REGS, &regs);
	if (error >= 0)
		error = kvm_ioctl(kvm, from->fd, KVM_GET_SREGS, &sregs);
	if (error >= 0)
		error = kvm_ioctl(kvm, to->fd, KVM_SET_MP_STATE, &state);
	sregs.apic_base = pair->cpu[n].ours_base;
	memset(sregs.interrupt_bitmap, 0, sizeof(sregs.interrupt_bitmap));
	if (error >= 0)
		error = kvm_ioctl(kvm, to->fd, KVM_SET_SREGS, &sregs);
	if (error >= 0)
		error = kvm_ioctl(kvm, to->fd, KVM_SET_REGS, &regs);
	if (error >= 0)
		error = set_nmi(&pair->kvm, n, nmi);
	to->state = from->state;
	*to->block = *from->block;
	memcpy(pair->kvm.ram.ranges[0].host + PUPPET_STACKS + n * PUPPET_STACK_BYTES,
	       pair->ours.ram.ranges[0].host + PUPPET_STACKS + n * PUPPET_STACK_BYTES,
	       PUPPET_STACK_BYTES);
	return error;
}

static int set_lapic(struct pair *pair, unsigned n)
{
	struct pair_cpu *c = &pair->cpu[n];
	int fd = pair->kvm.cpu[n].fd;
	uint64_t looked = pair->ours.now_ns;
	int error = vm_set_msr(&pair->kvm.vm, fd, MSR_IA32_APIC_BASE, c->ours_base);

	for (unsigned i = 0; i < 8; i++)
		pair->kvm.cpu[n].in_service[i] = side_register(c->ours, REG_ISR + i);
	if (error >= 0)
		error = side_kernel_set(&pair->kvm, n, c->ours);
	if (error >= 0)
		error = vm_set_msr(&pair->kvm.vm, fd, MSR_IA32_TSC_DEADLINE, c->ours_deadline);
	/* A count went on on our side meanwhile. */
	c->timer.early = 0;
	c->timer.late = pair_clock(pair) - looked;
	return error;
}

bool resync(struct pair *pair)
{
	for (unsigned n = 0; n < pair->cpus; n++) {
		struct pair_cpu *c = &pair->cpu[n];
		int error;

		c->ours_base = pair->ours.kind->base(&pair->ours, n);
		c->ours_deadline = pair->ours.kind->deadline(&pair->ours, n);
		pair_clock(pair);
		pair->ours.kind->image(&pair->ours, n, c->ours);
		/* First the processor: its CR8 would take TPR[3:0] away again. */
		error = set_state(pair, n);
		if (error >= 0)
			error = set_lapic(pair, n);
		if (error >= 0)
			continue;
		side_fail(&pair->kvm, n, "KVM does not take our state: %s", strerror(-error));
		return false;
	}
	return true;
}
