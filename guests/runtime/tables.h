// SPDX-License-Identifier: BSD-2-Clause
// The processor's tables that the guest brings: GDT, page tables, and a TSS for each processor.
// Not the IDT (trap.h).
#ifndef GUESTS_RUNTIME_TABLES_H
#define GUESTS_RUNTIME_TABLES_H

#include <stdint.h>

/* Fills all of them; the first thing that runs. */
void tables_build(void);

/* Loads the task register of processor `cpu`. */
void tables_load_tss(unsigned cpu);
/* Where its TSS has the stack pointer that interrupts from CPL3 start with. */
uint64_t *tables_interrupt_stack(unsigned cpu);

#endif
