// SPDX-License-Identifier: BSD-2-Clause
// Prints the copy of a processor's state, as one line or whole.
// Not how it was taken: info_take.c.

#include "vmm/info_cpu.h"

#include <inttypes.h>

#include "vmm/result.h"

#define RFLAGS_IF 0x200u

const char *info_cpu_state(enum vcpu_state state)
{
	switch (state) {
	case VCPU_RUNNING: return "running";
	case VCPU_HALTED: return "halted";
	case VCPU_WAITS_FOR_SIPI: return "waiting for SIPI";
	}
	return "?";
}

static void json_line(const struct info_cpu *c, FILE *to)
{
	fprintf(to, "\"cpu\": %u, \"state\": \"%s\", \"apic_id\": ", c->cpu,
		info_cpu_state(c->state));
	if (c->lapic.known)
		fprintf(to, "%" PRIu32, c->lapic.id);
	else
		fputs("null", to);
	if (c->registers.known)
		fprintf(to, ", \"rip\": \"0x%" PRIx64 "\"", c->registers.rip);
	else
		fputs(", \"rip\": null", to);
}

void info_cpu_line(const struct info_cpu *c, enum info_format format, FILE *to)
{
	if (format == INFO_JSON) {
		fputc('{', to);
		json_line(c, to);
		fputc('}', to);
		return;
	}
	fprintf(to, "CPU #%u: %s", c->cpu, info_cpu_state(c->state));
	if (c->registers.known)
		fprintf(to, " pc=0x%016" PRIx64 " interrupts %s", c->registers.rip,
			c->registers.rflags & RFLAGS_IF ? "on" : "off");
	if (c->lapic.known)
		fprintf(to, " apic_id=%" PRIu32, c->lapic.id);
	if (c->place[0])
		fprintf(to, " %s", c->place);
	fputc('\n', to);
}

static void general(const struct info_registers *r, FILE *to)
{
	static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
					    "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15"};
	const uint64_t values[] = {r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp, r->rsp,
				   r->r8,  r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};

	for (unsigned i = 0; i < 16; i++)
		fprintf(to, "%s=%016" PRIx64 "%c", names[i], values[i], i % 4 == 3 ? '\n' : ' ');
}

static void registers_text(const struct info_registers *r, FILE *to)
{
	if (!r->known) {
		fputs("registers: KVM does not tell\n", to);
		return;
	}
	general(r, to);
	fprintf(to,
		"rip=%016" PRIx64 " rflags=%08" PRIx64 " cs=%04x (base %" PRIx64
		", %u bit) ss=%04x cpl=%u\n",
		r->rip, r->rflags, r->cs, r->cs_base, r->mode, r->ss, r->cpl);
	fprintf(to,
		"cr0=%08" PRIx64 " cr2=%016" PRIx64 " cr3=%016" PRIx64 " cr4=%08" PRIx64
		" efer=%" PRIx64 "\n",
		r->cr0, r->cr2, r->cr3, r->cr4, r->efer);
	fprintf(to, "fs=%016" PRIx64 " gs=%016" PRIx64, r->fs_base, r->gs_base);
	fprintf(to, " gdt=%016" PRIx64 "+%x idt=%016" PRIx64 "+%x\n", r->gdt_base, r->gdt_limit,
		r->idt_base, r->idt_limit);
}

static void registers_json(const struct info_registers *r, FILE *to)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"rax", r->rax},
		{"rbx", r->rbx},
		{"rcx", r->rcx},
		{"rdx", r->rdx},
		{"rsi", r->rsi},
		{"rdi", r->rdi},
		{"rbp", r->rbp},
		{"rsp", r->rsp},
		{"r8", r->r8},
		{"r9", r->r9},
		{"r10", r->r10},
		{"r11", r->r11},
		{"r12", r->r12},
		{"r13", r->r13},
		{"r14", r->r14},
		{"r15", r->r15},
		{"rip", r->rip},
		{"rflags", r->rflags},
		{"cr0", r->cr0},
		{"cr2", r->cr2},
		{"cr3", r->cr3},
		{"cr4", r->cr4},
		{"efer", r->efer},
		{"cs", r->cs},
		{"ss", r->ss},
		{"cs_base", r->cs_base},
		{"fs_base", r->fs_base},
		{"gs_base", r->gs_base},
		{"gdt_base", r->gdt_base},
		{"gdt_limit", r->gdt_limit},
		{"idt_base", r->idt_base},
		{"idt_limit", r->idt_limit},
	};

	if (!r->known) {
		fputs("null", to);
		return;
	}
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(to, "%s\"%s\": \"0x%" PRIx64 "\"", i ? ", " : "{", rows[i].name,
			rows[i].value);
	fprintf(to, ", \"mode\": %u, \"cpl\": %u}", r->mode, r->cpl);
}

static void print_json(const struct info_cpu *c, FILE *to)
{
	fputc('{', to);
	json_line(c, to);
	fputs(", \"place\": ", to);
	if (c->place[0])
		result_json_string(c->place, to);
	else
		fputs("null", to);
	fputs(", \"registers\": ", to);
	registers_json(&c->registers, to);
	fputs(", \"code\": ", to);
	info_code_print(&c->code, INFO_JSON, to);
	fputs(", \"exits\": ", to);
	info_exits_print(&c->exits, INFO_JSON, to);
	fputs(", \"lapic\": ", to);
	info_lapic_print(&c->lapic, c->cpu, INFO_JSON, to);
	fputc('}', to);
}

void info_cpu_print(const struct info_cpu *c, enum info_format format, bool with_registers,
		    FILE *to)
{
	if (format == INFO_JSON) {
		print_json(c, to);
		return;
	}
	info_cpu_line(c, format, to);
	if (with_registers)
		registers_text(&c->registers, to);
	else
		fputs("registers: at the end of this report\n", to);
	if (c->registers.known)
		info_code_print(&c->code, format, to);
	info_exits_print(&c->exits, format, to);
	info_lapic_print(&c->lapic, c->cpu, format, to);
}
