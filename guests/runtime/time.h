// SPDX-License-Identifier: BSD-2-Clause
// Waiting, always bounded, by the time-stamp counter.
// No measure of latency: hosts are busy, processors are time-sliced, bounds are tens of seconds.
#ifndef GUESTS_RUNTIME_TIME_H
#define GUESTS_RUNTIME_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "guests/runtime/cpu.h"

/* What a wait for something that has to come is allowed to take before it counts as lost. */
#define TIME_LOST_MS 20000

/* TSC ticks in a millisecond: as CPUID tells, or else what a fast processor has, so that waits
 * are rather too long. */
uint64_t time_tsc_per_ms(void);
bool time_tsc_known(void);

void time_init(void);
/* Where CPUID does not tell, finds the rate by the CMOS clock: takes two seconds, or some more. */
void time_measure(void);

/* Spins, interrupts as they are. */
void time_spin_ms(unsigned ms);

/* Spins long enough for what could happen at once to have happened, on hosts too that emulate
 * kernel code and look for interrupts only every thousand instructions: before "it did not come".
 */
void time_settle(void);

/* Spins until the condition holds: true; or for so long that it is lost: false. */
#define TIME_WAIT(condition)                                                                       \
 __extension__({                                                                                   \
uint64_t wait_end = rdtsc() + TIME_LOST_MS * time_tsc_per_ms();                                                \
while (!(condition) && (int64_t)(rdtsc() - wait_end) < 0)                                                      \
cpu_pause();                                                                                                  \
(bool)(condition);                                                                                             \
 })

#endif
