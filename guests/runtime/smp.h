// SPDX-License-Identifier: BSD-2-Clause
// The other processors: starting them by INIT and SIPI, and having them do something.
// Not a scheduler: an AP spins, interrupts on, until it is given a function.
#ifndef GUESTS_RUNTIME_SMP_H
#define GUESTS_RUNTIME_SMP_H

#include <stdbool.h>
#include <stdint.h>

/* Where trampolines may lie: pages that the loader does not use. */
#define SMP_TRAMPOLINE_PAGE 0x2000

typedef void (*smp_function)(uintptr_t argument);

/* Number of the processor that asks: its place in the MADT, the BSP's is 0. */
unsigned smp_self(void);
/* How many the machine has, as fw_cfg tells. */
unsigned smp_cpus(void);
/* The APIC ID of one of them, SMP_IDS at most, as the MADT tells; without one it is its number. */
#define SMP_IDS 1024
uint32_t smp_id(unsigned cpu);

/* Starts the processors 1 to n - 1. Skips the guest if the machine has less than n, and
 * fails it if one does not start. The BSP's APIC has to be enabled. */
void smp_start(unsigned n);
/* As smp_start does with each: INIT, then SIPI, to its APIC ID; waits until it is idle. */
bool smp_start_one(unsigned cpu);
/* Puts the trampoline into the page at `address`, below 1 MiB; answers the SIPI vector. */
uint32_t smp_put_trampoline(uint32_t address);

/* How often processor `cpu` came up. */
unsigned smp_starts(unsigned cpu);
/* What an AP does first, interrupts and APIC still as INIT left them; NULL: nothing. */
void smp_set_first(void (*first)(void));

/* Has an AP call function(argument), interrupts on; smp_call() waits until it has returned. */
void smp_begin(unsigned cpu, smp_function function, uintptr_t argument);
void smp_finish(unsigned cpu);
void smp_call(unsigned cpu, smp_function function, uintptr_t argument);
/* Forgets what the processor was doing: INIT has stopped it. */
void smp_abandon(unsigned cpu);

#endif
