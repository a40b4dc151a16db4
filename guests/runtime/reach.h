// SPDX-License-Identifier: BSD-2-Clause
// Whom an IPI reached: sends one from any processor and compares who received it with who should
// have. Not for IPIs whose count or order matters.
#ifndef GUESTS_RUNTIME_REACH_H
#define GUESTS_RUNTIME_REACH_H

#include <stdint.h>

/* The processors 0 to n - 1 take part; they need interrupts on and handlers that send EOI. */
void reach_init(unsigned n);

/* Processor `from` sends an IPI: `bits` are ICR's lower half, to which a vector from 41h to EFh is
 * added. A processor must receive it once if its bit is in `set`, and not at all if not. */
void reach_expect(unsigned from, uint32_t destination, uint32_t bits, unsigned set,
		  const char *what);

#endif
