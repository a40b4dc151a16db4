// SPDX-License-Identifier: BSD-2-Clause
// Interrupts and exceptions: handlers by vector, a count of each, and MSR accesses that may fault.
// No EOI is sent here: a handler knows whether it owes one.
#ifndef GUESTS_RUNTIME_TRAP_H
#define GUESTS_RUNTIME_TRAP_H

#include <stdbool.h>
#include <stdint.h>

/* As entry.S pushes it; a handler may change it. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, flags, rsp, ss;
};

enum {
	TRAP_UD = 6,
	TRAP_NMI = 2,
	TRAP_GP = 13,
};

typedef void (*trap_handler)(struct trap_frame *frame);

/* All processors share one IDT. Without a handler a vector ends the run as a failure. */
void trap_init(void);
/* Loads the IDT on this processor. */
void trap_load(void);
void trap_set(unsigned vector, trap_handler handler);
/* An entry of the guest's own in place of the runtime's, from the processor's first instruction on.
 */
void trap_set_entry(unsigned vector, const char *entry);
/* The same handler for first..last. */
void trap_set_range(unsigned first, unsigned last, trap_handler handler);
/* A handler that only sends EOI: the counts tell the rest. */
void trap_eoi(struct trap_frame *frame);

/* How often processor `cpu` took the vector since the last trap_forget(). */
unsigned trap_count(unsigned cpu, unsigned vector);
/* Sum over the vectors 16 to 255. */
unsigned trap_count_all(unsigned cpu);
/* Forgets all counts of all processors; nothing may be arriving. */
void trap_forget(void);

/* How an access that may fault went: ok, or the vector and its error code. */
struct trap_result {
	bool ok;
	uint32_t vector;
	uint32_t error;
};

struct trap_result rdmsr_safe(uint32_t msr, uint64_t *value);
struct trap_result wrmsr_safe(uint32_t msr, uint64_t value);

#endif
