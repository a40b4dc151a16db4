// SPDX-License-Identifier: BSD-2-Clause
// One processor as it stands: registers, code, last exits, Local APIC; taken, then printed.
// Not the processor: what is printed is a copy that no longer changes.
#ifndef VMM_INFO_CPU_H
#define VMM_INFO_CPU_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/info_code.h"
#include "vmm/info_exits.h"
#include "vmm/info_format.h"
#include "vmm/info_lapic.h"
#include "vmm/vcpu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define INFO_PLACE 256u

struct info_registers {
	bool known; /* false: KVM does not tell, and nothing else here counts */
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags, cr0, cr2, cr3, cr4, efer;
	uint64_t cs_base, fs_base, gs_base, gdt_base, idt_base;
	uint16_t cs, ss, gdt_limit, idt_limit;
	unsigned mode, cpl; /* mode: 16, 32 or 64 */
};

struct info_cpu {
	unsigned cpu;
	enum vcpu_state state;
	struct info_registers registers;
	struct info_code code;
	uint64_t linear;        /* of rip */
	char place[INFO_PLACE]; /* symbol, offset, file and line of rip; may be empty */
	struct info_exits exits;
	struct info_lapic lapic;
};

/* Copies all but `place`, which becomes empty. [the vCPU stands still, or its owner] */
void info_cpu_take(const struct vcpu *v, struct info_cpu *cpu);

/* "running", "halted", "waiting for SIPI". */
const char *info_cpu_state(enum vcpu_state state);

/* A line as in `info cpus`; JSON: an object without a newline behind it. */
void info_cpu_line(const struct info_cpu *cpu, enum info_format format, FILE *to);

/* Everything; registers and code only where with_registers says so. JSON: an object without a
 * newline behind it, which has everything. */
void info_cpu_print(const struct info_cpu *cpu, enum info_format format, bool with_registers,
		    FILE *to);

#ifdef __cplusplus
}
#endif
#endif
