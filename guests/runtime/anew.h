// SPDX-License-Identifier: BSD-2-Clause
// Processors that nothing stops: whatever interrupts one makes it forget what it did and begin its
// work anew. Not for guests that want to know what they interrupted (trap.h).
#ifndef GUESTS_RUNTIME_ANEW_H
#define GUESTS_RUNTIME_ANEW_H

#include <stdint.h>

/*
 * From now on processors do `work`, which never returns, from its beginning after each SIPI and
 * each interrupt, NMI and exception of any vector, in service or not. Before work comes
 * `came`(vector), interrupts off, or vector 256 after a SIPI.
 *
 * Overwrites low memory: each page of 0 to 9Fh and C0h to FFh can be a SIPI's vector then.
 */
void anew_init(void (*work)(void), void (*came)(unsigned vector));
#define ANEW_SIPI 256

/* How many of those pages hold the trampoline: not all of C0h to FFh need be writable. */
unsigned anew_pages(void);
/* One of them, by any number. */
uint32_t anew_page(uint64_t any);

/* Goes to work on this processor. */
void anew_begin(void) __attribute__((noreturn));

#endif
