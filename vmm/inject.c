// SPDX-License-Identifier: BSD-2-Clause
// Commits interrupts: the LAPIC acknowledges a vector only when KVM is sure to take it.
// Not a place where anything waits.

#include "vmm/inject.h"

#include <linux/kvm.h>
#include <string.h>

#include "vmm/ending.h"
#include "vmm/machine.h"
#include "vmm/vcpu.h"

#define PAGE_ISR 0x100u
#define PAGE_IRR 0x200u

static void kvm_refused(struct vcpu *v, const char *call, int error)
{
	ending_say(v->machine->ending, RESULT_INTERNAL, (int)v->id, 0, "%s: %s", call,
		   strerror(-error));
}

/*
 * What KVM holds for the processor. The last exit told it along; what has been given since is not
 * in there.
 */
static bool get_events(const struct vcpu *v, struct kvm_vcpu_events *events)
{
	if (v->in_run & KVM_SYNC_X86_EVENTS) {
		*events = v->run->s.regs.events;
		return true;
	}
	return kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_VCPU_EVENTS, events) >= 0;
}

static void give_smi(struct vcpu *v)
{
	int error;

	if (!lapic_take_smi(v->lapic))
		return;
	v->in_run &= ~(uint64_t)KVM_SYNC_X86_EVENTS;
	error = kvm_ioctl(v->vm->kvm, v->fd, KVM_SMI, NULL);
	if (error < 0)
		kvm_refused(v, "KVM_SMI", error);
}

/* KVM keeps up to two and delivers the first even with IF = 0. */
static void give_nmis(struct vcpu *v)
{
	while (lapic_take_nmi(v->lapic)) {
		int error = kvm_ioctl(v->vm->kvm, v->fd, KVM_NMI, NULL);

		if (error < 0)
			kvm_refused(v, "KVM_NMI", error);
		v->in_run &= ~(uint64_t)KVM_SYNC_X86_EVENTS;
		v->nmi_given = true;
	}
}

uint64_t inject_wants(const struct vcpu *v)
{
	return v->vm->traits->events_inject ? KVM_SYNC_X86_EVENTS : 0;
}

uint32_t inject_without_smm(struct vcpu *v, uint32_t pending)
{
	if (!(pending & LAPIC_PENDING_SMI) || v->vm->traits->smm)
		return pending;
	if (lapic_take_smi(v->lapic))
		v->stats.smis_dropped++;
	return pending & ~LAPIC_PENDING_SMI;
}

bool inject_blocks_nmi(const struct vcpu *v)
{
	struct kvm_vcpu_events events = {0};

	return get_events(v, &events) && events.nmi.masked;
}

bool inject_holds_nmi(struct vcpu *v)
{
	struct kvm_vcpu_events events = {0};

	if (!v->nmi_given || !get_events(v, &events))
		return false;
	v->nmi_given = events.nmi.pending;
	return events.nmi.pending && !events.nmi.masked;
}

/*
 * KVM_INTERRUPT checks none of this, and KVM overwrites an interrupt that is still queued. What
 * kvm_run says is of the last exit; since then only `given` can have changed it.
 */
static bool open_for_interrupt(struct vcpu *v)
{
	/* Of two that may both be taken the NMI goes first, but KVM would put the interrupt before
	 * it. */
	return !v->given && v->run->ready_for_interrupt_injection && v->run->if_flag &&
	       !inject_holds_nmi(v);
}

static uint8_t acknowledge(struct vcpu *v, uint32_t pending)
{
	if (pending & LAPIC_PENDING_INTR)
		return lapic_ack(v->lapic);
	lapic_take_extint(v->lapic);
	return machine_intack(v->machine);
}

/*
 * Events that are written replace what KVM holds of exceptions, interrupts and NMIs under way, and
 * whether NMIs are masked; with no flag set a pending NMI or SMI stays. So only where all of it is
 * known to be nothing.
 */
static bool holds_nothing(const struct vcpu *v)
{
	const struct kvm_vcpu_events *events = &v->run->s.regs.events;

	return (v->in_run & KVM_SYNC_X86_EVENTS) && !events->exception.injected &&
	       !events->exception.pending && !events->interrupt.injected && !events->nmi.injected &&
	       !events->nmi.masked && !events->smi.smm;
}

static void give_interrupt(struct vcpu *v, uint32_t pending)
{
	struct kvm_interrupt interrupt = {.irq = acknowledge(v, pending)};
	int error;

	v->given = true;
	if (v->vm->traits->events_inject && holds_nothing(v)) {
		v->run->s.regs.events = (struct kvm_vcpu_events){
			.interrupt = {.injected = 1, .nr = (uint8_t)interrupt.irq},
		};
		v->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
		v->in_run = 0;
		/* KVM does not know of it before it is entered, be it with immediate_exit. */
		v->unfinished = true;
		return;
	}
	error = kvm_ioctl(v->vm->kvm, v->fd, KVM_INTERRUPT, &interrupt);
	if (error < 0)
		kvm_refused(v, "KVM_INTERRUPT", error);
}

static unsigned highest_class(const uint8_t *page, unsigned registers)
{
	for (unsigned i = 8; i-- > 0;) {
		uint32_t word;

		memcpy(&word, page + registers + 16 * i, sizeof(word));
		if (word)
			return (32 * i + 31 - (unsigned)__builtin_clz(word)) >> 4;
	}
	return 0;
}

/* Whether an interrupt is held back by TPR alone. One that waits for an EOI needs no help: that is
 * an exit. */
static bool waits_for_tpr(struct vcpu *v)
{
	const uint8_t *page = lapic_page(v->lapic);

	lapic_page_sync(v->lapic);
	return highest_class(page, PAGE_IRR) > highest_class(page, PAGE_ISR);
}

#define INTERRUPTS (LAPIC_PENDING_INTR | LAPIC_PENDING_EXTINT)

bool inject_could(const struct vcpu *v, uint32_t pending)
{
	pending &= ~(uint32_t)LAPIC_PENDING_MASKED;
	return (pending & ~INTERRUPTS) || (pending && v->run->if_flag);
}

unsigned inject(struct vcpu *v, uint32_t pending, uint32_t *left)
{
	const struct host_traits *traits = v->vm->traits;
	unsigned waits = 0;
	uint32_t want;

	if (pending & LAPIC_PENDING_SMI)
		give_smi(v);
	if (pending & LAPIC_PENDING_NMI)
		give_nmis(v);
	want = pending & INTERRUPTS;
	if (want && open_for_interrupt(v)) {
		give_interrupt(v, pending);
		pending = lapic_pending(v->lapic);
		want = pending & INTERRUPTS;
	}
	*left = pending & (INTERRUPTS | LAPIC_PENDING_MASKED);
	v->run->request_interrupt_window = want != 0;
	if (want) {
		v->stats.windows++;
		waits |= traits->window_prompt ? 0 : INJECT_WINDOW;
	}
	if ((pending & LAPIC_PENDING_MASKED) && !traits->cr8_lowering_exits && waits_for_tpr(v))
		waits |= INJECT_TPR;
	return waits;
}
