// SPDX-License-Identifier: BSD-2-Clause
// Copies what KVM, the Local APIC and guest memory say of a vCPU that stands still.
// Not how it is printed.

#include <linux/kvm.h>
#include <string.h>

#include "vmm/fetch.h"
#include "vmm/info_cpu.h"
#include "vmm/kernel_lapic.h"
#include "vmm/machine.h"
#include "vmm/msr_index.h"
#include "vmm/regs.h"

#define LAPIC_ID_OFFSET 0x20u
#define BASE_EXTD       0x400u
#define OPCODE_HLT      0xF4u

static struct info_registers registers_of(const struct kvm_regs *r, const struct kvm_sregs *s)
{
	return (struct info_registers){
		.known = true,
		.rax = r->rax,
		.rbx = r->rbx,
		.rcx = r->rcx,
		.rdx = r->rdx,
		.rsi = r->rsi,
		.rdi = r->rdi,
		.rbp = r->rbp,
		.rsp = r->rsp,
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.rip = r->rip,
		.rflags = r->rflags,
		.cr0 = s->cr0,
		.cr2 = s->cr2,
		.cr3 = s->cr3,
		.cr4 = s->cr4,
		.efer = s->efer,
		.cs_base = s->cs.base,
		.fs_base = s->fs.base,
		.gs_base = s->gs.base,
		.gdt_base = s->gdt.base,
		.idt_base = s->idt.base,
		.cs = s->cs.selector,
		.ss = s->ss.selector,
		.gdt_limit = s->gdt.limit,
		.idt_limit = s->idt.limit,
		.mode = fetch_mode(s),
		.cpl = s->ss.dpl,
	};
}

/* The page before rip's may not be there; then what is before rip in its own is left out too. */
static void take_code(const struct vcpu *v, uint64_t rip, const struct kvm_sregs *sregs,
		      struct info_code *code)
{
	const struct ram *ram = &v->machine->ram;

	*code = (struct info_code){.mode = fetch_mode(sregs), .rip = rip};
	code->before = rip < INFO_CODE_BEFORE ? (unsigned)rip : INFO_CODE_BEFORE;
	code->count = fetch_code(v->vm, v->fd, ram, sregs, rip - code->before, code->bytes,
				 code->before + INFO_CODE_AFTER);
	if (code->count > code->before)
		return;
	code->before = 0;
	code->count = fetch_code(v->vm, v->fd, ram, sregs, rip, code->bytes, INFO_CODE_AFTER);
}

static void take_own_lapic(const struct vcpu *v, struct info_lapic *lapic)
{
	lapic->known = true;
	lapic->id = lapic_id(v->lapic);
	lapic->apic_base = lapic_apic_base(v->lapic);
	if (lapic_msr_read(v->lapic, MSR_IA32_TSC_DEADLINE, &lapic->tsc_deadline) != LAPIC_OK)
		lapic->tsc_deadline = 0;
	lapic_export_image(v->lapic, LAPIC_IMAGE_KVM_X2APIC, lapic->image);
}

static void take_kernel_lapic(const struct vcpu *v, uint64_t apic_base, struct info_lapic *lapic)
{
	struct kvm_lapic_state state;

	if (kernel_lapic_get(v->vm, v->fd, &state) < 0)
		return;
	lapic->known = true;
	lapic->apic_base = apic_base;
	lapic->id =
		kernel_lapic_register(&state, LAPIC_ID_OFFSET) >> (apic_base & BASE_EXTD ? 0 : 24);
	if (vm_get_msr(v->vm, v->fd, MSR_IA32_TSC_DEADLINE, &lapic->tsc_deadline) < 0)
		lapic->tsc_deadline = 0;
	memcpy(lapic->image, state.regs, sizeof(lapic->image));
}

void info_cpu_take(const struct vcpu *v, struct info_cpu *cpu)
{
	struct kvm_sregs sregs = {0};
	struct kvm_regs regs = {0};

	*cpu = (struct info_cpu){.cpu = v->id, .state = vcpu_state(v), .exits = v->exits};
	if (regs_get(v->vm, v->fd, &regs, &sregs) >= 0) {
		cpu->registers = registers_of(&regs, &sregs);
		cpu->linear = fetch_linear(&sregs, regs.rip);
		take_code(v, regs.rip, &sregs, &cpu->code);
	}
	/* What a halted processor did last is known. */
	if (cpu->state == VCPU_HALTED && cpu->code.before && cpu->registers.known &&
	    cpu->code.bytes[cpu->code.before - 1] == OPCODE_HLT)
		cpu->code.last = 1;
	if (v->lapic)
		take_own_lapic(v, &cpu->lapic);
	else
		take_kernel_lapic(v, sregs.apic_base, &cpu->lapic);
}
