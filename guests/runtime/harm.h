// SPDX-License-Identifier: BSD-2-Clause
// Random accesses to all that a guest can reach, as the guest `hostile` makes them.
// Not the guest: it decides when, and lives with what comes of it.
#ifndef GUESTS_RUNTIME_HARM_H
#define GUESTS_RUNTIME_HARM_H

#include <stdint.h>

#define HARM_BIT(n) (UINT64_C(1) << (n))

/* Each processor has numbers of its own. How many processors there are is asked here, once. */
void harm_init(unsigned seed);
unsigned harm_cpus(void);

uint64_t harm_any(void);
unsigned harm_below(unsigned n);
/* Often a value that means something somewhere. */
uint64_t harm_value(void);

/* Where LAPIC pages may lie on RAM, and where what the host writes may go. */
#define HARM_VICTIMS 8
extern uint8_t harm_victim[HARM_VICTIMS * 4096];

/*
 * The first processor takes no INIT: where it would start is firmware, and there is none. So INIT
 * is sent to the others' IDs alone, its own ID stays, and nothing but harm_ipis() uses that mode,
 * nor that of SIPI, which needs a page with something to run.
 */
uint64_t harm_without_init(uint64_t data);
/* An IPI by this processor's ICR, whichever mode it is in: a disabled one is enabled. */
void harm_send(uint32_t dest, uint32_t low);

/* This processor's LAPIC as a kernel wants it, with a timer that is quick. */
void harm_own_timer(void);

/* Ports of all widths, and strings. What would end the run by right is left out: harm_ports.c has
 * it as a table. */
void harm_ports(void);
void harm_strings(void);
/* Interrupt controllers, timers and clock, programmed as a driver would: interrupts do come. */
void harm_chips(void);
/* The lines of the test device. */
void harm_lines(void);

void harm_pages(void);   /* the LAPIC's, wherever it is */
void harm_ioapics(void); /* and its redirection entries */
void harm_holes(void);   /* the screen, HPET, and where nothing is */
void harm_memory(void);  /* RAM that may be under a LAPIC */
void harm_msrs(void);    /* 800h to 8FFh, 6E0h, and any other */
void harm_bases(void);   /* 1Bh */
void harm_ipis(void);

#endif
