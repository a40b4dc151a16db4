// SPDX-License-Identifier: BSD-2-Clause
// Bounds entries by kicks and runs bursts of single steps while an interrupt waits unseen by the
// host. Not where flags are judged: after each return inject.c looks whether the interrupt can go.

#include "vmm/step.h"

#include <linux/kvm.h>
#include <string.h>

#include "vmm/fetch.h"
#include "vmm/inject.h"
#include "vmm/machine.h"
#include "vmm/regs.h"
#include "vmm/vcpu.h"

#define BOUND_MIN_NS    UINT64_C(50000)
#define BOUND_MAX_NS    UINT64_C(4000000)
#define BURST_FROM_NS   UINT64_C(400000) /* shorter waits are left to the bounds alone */
#define BURST_STEPS     100u
#define BURST_NS        UINT64_C(1000000)  /* the kick behind every stepped entry */
#define BURST_SHARE     10u                /* at most 1/10 of the time */
#define OWN_CREDIT_NS   UINT64_C(50000000) /* ... of which so much may be saved up */
#define RFLAGS_TF       0x100u
#define RFLAGS_TF_BYTE  1u
#define DR7_ENABLED     0xFFu
#define DR7_EXECUTE_0   0x402u /* breakpoint 0, global, on execution; bit 10 is always set */
#define PAGE_MASK       (RAM_PAGE_SIZE - 1)
#define INSTRUCTION_MAX 15u
#define REGISTERS       (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)
#define OPCODE_HLT      0xF4u
#define OPCODE_POPF     0x9Du
#define OPCODE_IRET     0xCFu
#define OPERAND_SIZE    0x66
#define REX_W           0x48 /* bits 7:4 and W */
#define REX_W_MASK      0xF8

/* With a breakpoint where it says, but at 0. */
static bool set_debug(struct vcpu *v, uint32_t control, uint64_t breakpoint)
{
	struct kvm_guest_debug debug = {.control = control};

	if (breakpoint) {
		debug.control |= KVM_GUESTDBG_USE_HW_BP;
		debug.arch.debugreg[0] = breakpoint;
		debug.arch.debugreg[7] = DR7_EXECUTE_0;
	}
	return kvm_ioctl(v->vm->kvm, v->fd, KVM_SET_GUEST_DEBUG, &debug) >= 0;
}

void step_stop(struct vcpu *v)
{
	struct step *s = &v->step;
	uint64_t now, rest;

	if (!s->on)
		return;
	set_debug(v, 0, 0);
	s->aimed = false;
	now = kick_clock_ns();
	s->on = false;
	s->page = NULL;
	rest = (now - s->started_ns) * (BURST_SHARE - 1);
	if (!s->by_own)
		s->rest_until_ns = now + rest;
	else
		s->own_spent_until_ns =
			(s->own_spent_until_ns > now ? s->own_spent_until_ns : now) + rest;
}

/* The byte at a linear address, or -1 where that is not RAM. */
static int fetch(struct vcpu *v, uint64_t linear, uint64_t cr3)
{
	struct step *s = &v->step;
	uint64_t page = linear & ~PAGE_MASK;

	if (!s->page || s->page_linear != page || s->page_cr3 != cr3) {
		s->page = fetch_page(v->vm, v->fd, &v->machine->ram, page);
		s->page_linear = page;
		s->page_cr3 = cr3;
	}
	return s->page ? *(const volatile uint8_t *)&s->page[linear & PAGE_MASK] : -1;
}

static bool is_prefix(int byte, bool long_mode)
{
	switch (byte) {
	case 0x26:
	case 0x2E:
	case 0x36:
	case 0x3E:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0x67:
	case 0xF0:
	case 0xF2:
	case 0xF3: return true;
	default: return long_mode && (byte & 0xF0) == 0x40;
	}
}

/* A byte of the stack, counted from its top, or -1 where that is not RAM. */
static int stack_byte(struct vcpu *v, const struct kvm_regs *regs, const struct kvm_sregs *sregs,
		      unsigned offset)
{
	uint64_t linear = fetch_stack(sregs, regs->rsp) + offset;
	const uint8_t *page =
		fetch_page(v->vm, v->fd, &v->machine->ram, linear & ~(uint64_t)PAGE_MASK);

	return page ? *(const volatile uint8_t *)&page[linear & PAGE_MASK] : -1;
}

/* Whether the flags that POPF is about to load, of whichever size, have the trap flag. */
static bool pops_trap_flag(struct vcpu *v, const struct kvm_regs *regs,
			   const struct kvm_sregs *sregs)
{
	int byte = stack_byte(v, regs, sregs, RFLAGS_TF_BYTE);

	return byte < 0 || (byte & (RFLAGS_TF >> 8)) != 0;
}

/* Where IRET, with operands of so many bytes, goes on in kernel code without the trap flag; 0: it
 * does not, or that cannot be read. */
static uint64_t returns_to_kernel(struct vcpu *v, const struct kvm_regs *regs,
				  const struct kvm_sregs *sregs, unsigned bytes)
{
	int cs = stack_byte(v, regs, sregs, bytes);
	int flags = stack_byte(v, regs, sregs, 2 * bytes + RFLAGS_TF_BYTE);
	uint64_t rip = 0;

	if (cs < 0 || (cs & 3) != 0 || flags < 0 || (flags & (RFLAGS_TF >> 8)))
		return 0;
	for (unsigned i = 0; i < bytes; i++) {
		int byte = stack_byte(v, regs, sregs, i);

		if (byte < 0)
			return 0;
		rip |= (uint64_t)byte << 8 * i;
	}
	return rip;
}

/*
 * A step over HLT comes back as a step, as if HLT were no instruction. POPF and IRET may set the
 * guest's own trap flag, whose traps would be lost among ours, and user code is not stepped. What
 * cannot be read is not stepped either.
 */
static bool ends_burst(struct vcpu *v, const struct kvm_regs *regs, const struct kvm_sregs *sregs)
{
	uint64_t linear = fetch_linear(sregs, regs->rip);
	unsigned mode = fetch_mode(sregs), bytes = mode == 16 ? 2 : 4;

	v->step.target = 0;
	for (unsigned i = 0; i < INSTRUCTION_MAX; i++) {
		int byte = fetch(v, linear + i, sregs->cr3);

		if (byte == OPERAND_SIZE)
			bytes = mode == 16 ? 4 : 2;
		if (mode == 64 && (byte & REX_W_MASK) == REX_W)
			bytes = 8;
		if (is_prefix(byte, mode == 64))
			continue;
		if (byte == OPCODE_POPF)
			return pops_trap_flag(v, regs, sregs);
		if (byte == OPCODE_IRET)
			return !(v->step.target = returns_to_kernel(v, regs, sregs, bytes));
		return byte < 0 || byte == OPCODE_HLT;
	}
	return true;
}

/* What decides whether the next instruction may be stepped. */
struct boundary {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
};

static bool look(struct vcpu *v, struct boundary *at)
{
	if ((v->in_run & REGISTERS) == REGISTERS) {
		at->regs = v->run->s.regs.regs;
		at->sregs = v->run->s.regs.sregs;
		at->events = v->run->s.regs.events;
		return true;
	}
	return regs_get(v->vm, v->fd, &at->regs, &at->sregs) >= 0 &&
	       kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_VCPU_EVENTS, &at->events) >= 0;
}

/*
 * An event on its way into the guest pushes the flags with KVM's trap flag in them, and the
 * handler's IRET would make that the guest's own; and KVM_SET_REGS forgets an exception.
 */
static bool event_due(const struct vcpu *v, const struct kvm_vcpu_events *events)
{
	return v->given || events->exception.injected || events->exception.pending ||
	       events->interrupt.injected || events->nmi.injected || events->nmi.pending;
}

/* A guest that debugs itself would not see its own traps. */
static bool debugs_itself(const struct vcpu *v, const struct boundary *at)
{
	struct kvm_debugregs debug;

	return (at->regs.rflags & RFLAGS_TF) ||
	       kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_DEBUGREGS, &debug) < 0 ||
	       (debug.dr7 & DR7_ENABLED);
}

/* Kernel code that does not halt next: elsewhere a step may not come back, or hides the halt. */
static bool can_step(struct vcpu *v, bool first)
{
	struct boundary at;

	return !v->unfinished && look(v, &at) && at.sregs.ss.dpl == 0 &&
	       !event_due(v, &at.events) && !(first && debugs_itself(v, &at)) &&
	       !ends_burst(v, &at.regs, &at.sregs);
}

/*
 * KVM sets the trap flag in the guest's own flags whenever the processor is at the place where
 * KVM_SET_GUEST_DEBUG found it, and there an exception, an NMI or PUSHF saves it for the guest to
 * see. Emulated code steps without the flag: so KVM is told while RIP is where nothing ever runs.
 */
static bool set_single_step(struct vcpu *v, uint64_t breakpoint)
{
	struct kvm_regs regs, nowhere;
	bool on;

	if (kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_REGS, &regs) < 0)
		return false;
	nowhere = regs;
	nowhere.rip = UINT64_MAX;
	if (kvm_ioctl(v->vm->kvm, v->fd, KVM_SET_REGS, &nowhere) < 0)
		return false;
	on = set_debug(v, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, breakpoint);
	return kvm_ioctl(v->vm->kvm, v->fd, KVM_SET_REGS, &regs) >= 0 && on;
}

static bool can_at_all(const struct vcpu *v)
{
	return v->vm->traits->single_step_cpl0 && v->vm->traits->cpl0_emulated;
}

static bool own_has_share(const struct vcpu *v, uint64_t now)
{
	return v->step.own_spent_until_ns <= now + OWN_CREDIT_NS;
}

static bool waited_enough(const struct vcpu *v, uint64_t now)
{
	const struct step *s = &v->step;

	if (!can_at_all(v) || !s->waits_from_ns)
		return false;
	if (s->own && own_has_share(v, now))
		return true;
	return now - s->waits_from_ns >= BURST_FROM_NS && now >= s->rest_until_ns;
}

void step_own_exit(struct vcpu *v, bool own)
{
	v->step.own_exit = own;
}

bool step_begins(const struct vcpu *v)
{
	const struct step *s = &v->step;

	return s->own_exit && !s->waits_from_ns && can_at_all(v) &&
	       own_has_share(v, kick_clock_ns());
}

uint64_t step_wants_registers(const struct vcpu *v)
{
	bool all = (v->vm->traits->sync_regs & REGISTERS) == REGISTERS;

	return v->step.on && all ? REGISTERS : 0;
}

bool step_wants_boundary(const struct vcpu *v)
{
	return v->step.on || (v->step.waits_from_ns && waited_enough(v, kick_clock_ns()));
}

static bool start(struct vcpu *v, uint64_t now)
{
	struct step *s = &v->step;

	if (!waited_enough(v, now) || !can_step(v, true) || !set_single_step(v, 0))
		return false;
	s->on = true;
	s->by_own = s->own && own_has_share(v, now);
	s->own = false;
	s->left = BURST_STEPS;
	s->started_ns = now;
	kick_after(&v->kick, BURST_NS);
	s->kick_at_ns = now;
	return true;
}

/* The kick was armed when the burst began: a burst that is older has none behind it. */
static bool goes_on(struct vcpu *v, uint64_t now)
{
	struct step *s = &v->step;

	return s->left > 0 && now - s->started_ns < BURST_NS && can_step(v, false);
}

/* Exits do not put the kick off: else where they come often, and always at the same places, no
 * other place is ever looked at. */
static void bound(struct vcpu *v, uint64_t now)
{
	struct step *s = &v->step;

	if (now < s->kick_at_ns)
		return;
	if (!s->bound_ns)
		s->bound_ns = BOUND_MIN_NS;
	else
		s->bound_ns = s->bound_ns < BOUND_MAX_NS / 2 ? 2 * s->bound_ns : BOUND_MAX_NS;
	s->kick_at_ns = now + s->bound_ns;
	kick_after(&v->kick, s->bound_ns);
}

/* A step over IRET comes back one instruction late: there a breakpoint where it leads is due
 * before. */
static void aim(struct vcpu *v)
{
	struct step *s = &v->step;
	uint64_t target = s->target;

	if (!target && !s->aimed)
		return;
	v->in_run = 0;
	s->aimed = set_single_step(v, target) && target;
}

void step_prepare(struct vcpu *v, unsigned waits)
{
	struct step *s = &v->step;
	uint64_t now;

	if (!waits) {
		step_stop(v);
		s->own = false;
		kick_after(&v->kick, 0);
		s->bound_ns = s->waits_from_ns = s->kick_at_ns = 0;
		return;
	}
	now = kick_clock_ns();
	if (!s->waits_from_ns) {
		s->waits_from_ns = now;
		s->own = s->own_exit;
	}
	if (s->on && !goes_on(v, now))
		step_stop(v);
	if (s->on || start(v, now)) {
		aim(v);
		s->left--;
		v->stats.steps++;
		return;
	}
	bound(v, now);
}
