// SPDX-License-Identifier: BSD-2-Clause
// What the benchmark guest's files share: arrivals, samples, and the groups that are its main
// parts. Not a list of rows: each group has its own.
#ifndef GUESTS_BENCH_BENCH_H
#define GUESTS_BENCH_BENCH_H

#include "guests/runtime/guest.h"

/* When the last interrupt's handler began, and how many there were. arrive.S knows the layout. */
struct arrival {
	volatile uint64_t tsc;
	volatile uint64_t count;
} __attribute__((aligned(64)));

/* Return when the count is reached; interrupts are on meanwhile, and only then. */
void wait_halted(struct arrival *arrival, uint64_t count);
void wait_spinning(struct arrival *arrival, uint64_t count);
/* The same, and answers how often its loop went round. */
uint64_t wait_counting(struct arrival *arrival, uint64_t count);
/* Takes what is still on its way: interrupts are on for this many rounds of a loop. */
void let_come(struct arrival *arrival, uint64_t rounds);
/* At CPL3, on the boot processor alone; for one arrival at a time. */
void wait_user(struct arrival *arrival, uint64_t count, uint64_t *interrupt_stack);

/* Handlers; what they note goes to the arrival that the wait names. */
extern const char arrive_x2apic[], arrive_xapic[], arrive_no_eoi[];

#define VECTOR_TIMER 0x51
#define VECTOR_IPI   0x61
#define VECTOR_KEPT  0x71 /* its handler sends no EOI */

/* Buckets of 1/256 of a power of two: a percentile is exact to 0.4 %. */
#define SAMPLES_SUB     256u
#define SAMPLES_BUCKETS (SAMPLES_SUB * 32u)

struct samples {
	uint64_t count, min, max, sum; /* TSC cycles */
	/* What must not be: interrupts more than were asked for, and ones that came too soon. */
	uint64_t extra, early;
	uint64_t merged; /* periodic ticks that passed while one was waiting */
	uint32_t buckets[SAMPLES_BUCKETS];
};

void samples_clear(struct samples *samples);
void samples_add(struct samples *samples, uint64_t cycles);
/* Prints the row: "row NAME key=value...", then lines "h bucket:count ...". */
void samples_print(const struct samples *samples, const char *name);

/*
 * Says that a row begins, by "begin NAME": from there to its first line "row" the host counts its
 * CPU time.
 */
void row_begin(const char *name);
/* Whether the row goes on after so many samples: until there are bench.n, or its time is over. */
bool row_goes_on(unsigned done);

/* The arguments. */
struct bench {
	unsigned n;       /* samples a row, */
	unsigned ms;      /* or as many as this time allows; of "idle" */
	unsigned hz;      /* of the tick */
	unsigned seconds; /* of "many" */
	uint64_t tsc_per_ms;
};

extern struct bench bench;

/* Writes a register; answers TSC as the last thing before: what follows the answer is the access.
 */
uint64_t write_at(unsigned reg, uint64_t value);

enum timer_mode { TIMER_DEADLINE, TIMER_ONESHOT, TIMER_PERIODIC };

/* Measures how fast this machine's APIC timers count; once, before timer_ticks(). */
void timer_learn(void);
/* So many TSC cycles as a count, divisor 1. */
uint32_t timer_ticks(uint64_t tsc);
/* This processor's timer, unmasked and stopped. */
void timer_mode(enum timer_mode mode);
/* Due at this TSC, in deadline mode where there is one, else in one-shot mode. */
void timer_arm(uint64_t deadline);

void exits_run(void);
void timers_run(void);
void ipis_run(void);
void idle_run(void);
void many_run(void);

#endif
