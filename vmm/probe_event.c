// SPDX-License-Identifier: BSD-2-Clause
// Questions about interrupts: priorities, windows, NMIs, and injection where it is not allowed.
// Not the injection of a run: that is inject.c, which relies on the answers.
#include <linux/kvm.h>
#include <string.h>

#include "vmm/probe.h"

#define NMI_VECTOR    2u
#define VECTOR        0x40u

#define WINDOW_SHIFTS 3u

static int vcpu_ioctl(const struct probe *p, unsigned long request, void *arg)
{
	return kvm_ioctl(p->vm.kvm, p->fd, request, arg);
}

bool probe_hello(struct probe *p)
{
	static const uint8_t code[] = {
		0xB0, 0x5A,       /* mov al, 5Ah */
		0xE6, PROBE_PORT, /* out 80h, al */
	};
	uint8_t al;

	return probe_load(p, code, sizeof(code)) && probe_runs_to_out(p, PROBE_PORT, &al) &&
	       al == 0x5A;
}

bool probe_cr8_lowering_exits(struct probe *p)
{
	static const uint8_t code[] = {
		0xB8, 5,          0,    0,    0, /* mov eax, 5 */
		0x44, 0x0F,       0x22, 0xC0,    /* mov cr8, rax */
		0xE6, PROBE_PORT,                /* out 80h, al */
		0xB8, 2,          0,    0,    0, /* mov eax, 2 */
		0x44, 0x0F,       0x22, 0xC0,    /* mov cr8, rax */
		0xE6, PROBE_PORT,                /* out 80h, al */
	};
	uint8_t al;

	return probe_load(p, code, sizeof(code)) && probe_runs_to_out(p, PROBE_PORT, &al) &&
	       p->run->cr8 == 5 && probe_run(p) == KVM_EXIT_SET_TPR && p->run->cr8 == 2;
}

/*
 * Whether the window is met at its first opening. The guest opens it for one instruction, fifty
 * times, after some instructions that shift it against whatever rhythm the host may have.
 */
static bool window_is_met(struct probe *p, unsigned shift)
{
	static const uint8_t head[] = {
		0xB9, 50,         0, 0, 0, /* mov ecx, 50 */
		0xE6, PROBE_PORT,          /* out 80h, al */
	};
	static const uint8_t loop[] = {
		0xFB,             /* again: sti */
		0x90,             /* nop */
		0xFA,             /* cli */
		0xFF, 0xC9,       /* dec ecx */
		0x75, 0xF9,       /* jnz again */
		0xE6, PROBE_PORT, /* out 80h, al */
	};
	uint8_t code[sizeof(head) + WINDOW_SHIFTS + sizeof(loop)], al;
	uint64_t edx_eax, rcx;

	memcpy(code, head, sizeof(head));
	memset(code + sizeof(head), 0x90, shift); /* nop */
	memcpy(code + sizeof(head) + shift, loop, sizeof(loop));
	if (!probe_load(p, code, sizeof(head) + shift + sizeof(loop)) ||
	    !probe_runs_to_out(p, PROBE_PORT, &al))
		return false;
	p->run->request_interrupt_window = 1;
	return probe_run(p) == KVM_EXIT_IRQ_WINDOW_OPEN && p->run->ready_for_interrupt_injection &&
	       probe_registers(p, &edx_eax, &rcx) && rcx == 50;
}

bool probe_window_prompt(struct probe *p)
{
	/* A host that looks now and then is lucky once, not each time. */
	for (unsigned shift = 0; shift < WINDOW_SHIFTS; shift++)
		if (!window_is_met(p, shift))
			return false;
	return true;
}

bool probe_inject_closed_bad(struct probe *p)
{
	static const uint8_t code[] = {
		0xE6, PROBE_PORT,             /* out 80h, al */
		0x90, 0x90,       0x90, 0x90, /* nop, with IF=0 */
		0xE6, PROBE_PORT,             /* out 80h, al */
	};
	struct kvm_interrupt interrupt = {.irq = VECTOR};
	uint8_t al;

	if (!probe_load(p, code, sizeof(code)) || !probe_runs_to_out(p, PROBE_PORT, &al))
		return false;
	if (vcpu_ioctl(p, KVM_INTERRUPT, &interrupt) < 0)
		return false;
	/* Good is only a host that goes on as if nothing had been; a failed entry is as bad as a
	 * delivery. */
	return !probe_runs_to_out(p, PROBE_PORT, &al);
}

/* Delivered at the entry after, and once. */
bool probe_events_inject(struct probe *p, uint32_t sync_regs)
{
	static const uint8_t code[] = {
		0xFB, /* sti */
		0x90, /* nop */
		0xF4, /* hlt */
	};
	struct kvm_vcpu_events *events = &p->run->s.regs.events;
	bool told;
	uint8_t al;

	if (!(sync_regs & KVM_SYNC_X86_EVENTS) || !probe_load(p, code, sizeof(code)))
		return false;
	p->run->kvm_valid_regs = KVM_SYNC_X86_EVENTS;
	events->interrupt.injected = events->nmi.masked = 1; /* which is not so */
	told = probe_run(p) == KVM_EXIT_HLT && !events->interrupt.injected && !events->nmi.masked;
	p->run->kvm_valid_regs = 0;
	if (!told || !p->run->ready_for_interrupt_injection)
		return false;
	*events = (struct kvm_vcpu_events){.interrupt = {.injected = 1, .nr = VECTOR}};
	p->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	told = probe_runs_to_out(p, PROBE_VECTOR_PORT, &al) && al == VECTOR &&
	       !p->run->kvm_dirty_regs && probe_run(p) == KVM_EXIT_HLT;
	p->run->kvm_dirty_regs = 0;
	return told;
}

bool probe_nmi(struct probe *p)
{
	static const uint8_t code[] = {
		0xE6, PROBE_PORT,             /* out 80h, al */
		0x90, 0x90,       0x90, 0x90, /* nop, with IF=0 */
		0xE6, PROBE_PORT,             /* out 80h, al */
	};
	uint8_t al;

	return probe_load(p, code, sizeof(code)) && probe_runs_to_out(p, PROBE_PORT, &al) &&
	       vcpu_ioctl(p, KVM_NMI, NULL) >= 0 && probe_runs_to_out(p, PROBE_VECTOR_PORT, &al) &&
	       al == NMI_VECTOR;
}
