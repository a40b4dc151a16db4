// SPDX-License-Identifier: BSD-2-Clause
// A program for both sides: single operations on Local APICs, as data and as a readable file.
// Not how they are carried out, nor what they should lead to.
#ifndef VMM_DIFF_PROGRAM_H
#define VMM_DIFF_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PROGRAM_CPUS_MAX 4u
#define PROGRAM_OPS_MAX  1000000u
/* Longest wait, in us. */
#define PROGRAM_WAIT_MAX 1000000u
/* SIPI start pages at which the puppet can begin; an IPI to another leaves the processor lost. */
#define PROGRAM_SIPI_FIRST 0x10u
#define PROGRAM_SIPI_LAST  0x7Fu

/* In brackets: the word that the file has for it, and its arguments. */
enum program_kind {
	/* The processor's. */
	PROGRAM_READ,      /* [read OFFSET WIDTH] MOV from the LAPIC page, where APIC base says */
	PROGRAM_WRITE,     /* [write OFFSET WIDTH VALUE] */
	PROGRAM_RDMSR,     /* [rdmsr INDEX] of the LAPIC's: 1Bh, 6E0h, 800h .. 8FFh */
	PROGRAM_WRMSR,     /* [wrmsr INDEX VALUE] */
	PROGRAM_DEADLINE,  /* [deadline TICKS] WRMSR 6E0h with the TSC + TICKS, which is signed */
	PROGRAM_READ_CR8,  /* [read-cr8] */
	PROGRAM_WRITE_CR8, /* [write-cr8 VALUE] */
	PROGRAM_RDTSC,     /* [rdtsc] */
	PROGRAM_STI,       /* [sti] interrupts are taken from here on */
	PROGRAM_CLI,       /* [cli] */
	PROGRAM_HLT,       /* [hlt] goes on when an interrupt or NMI has ended it */
	PROGRAM_EOI,       /* [eoi] by the page or by MSR, as the mode is */
	PROGRAM_KEEP, /* [keep 0|1] 1: interrupt handlers give no EOI; 0, as at first: they do */
	/* The host's; the processor is of no account. */
	PROGRAM_WAIT, /* [wait MICROSECONDS] so long nobody runs */
	PROGRAM_MSI,  /* [msi ADDRESS DATA] an interrupt message: FEExxxxxh, 32 bits */
	PROGRAM_KINDS
};

struct program_op {
	enum program_kind kind;
	uint8_t cpu;    /* 0 .. cpus - 1 */
	uint8_t width;  /* 1, 2, 4, 8: READ, WRITE */
	uint32_t where; /* OFFSET (0 .. FFFh, the access may not leave the page), INDEX, ADDRESS */
	uint64_t value; /* VALUE, TICKS (as int64_t), MICROSECONDS, DATA, 0 or 1 */
};

struct program {
	unsigned cpus;          /* 1 .. PROGRAM_CPUS_MAX; CPU 0 is the BSP and runs, the others wait
				   for a SIPI unless `started` */
	bool started;           /* every CPU has had its SIPI before the first operation */
	uint64_t seed;          /* 0: written by hand */
	struct program_op *ops; /* grown by program_add() alone */
	size_t count;
};

/* The file's word for it. */
const char *program_word(enum program_kind kind);
/* One operation as its line, without newline. At most 80 bytes with the NUL. */
void program_op_text(const struct program_op *op, char text[80]);

/*
 * The file: `lapicvm-diff 1`, then `cpus N`, `started` or nothing, `seed S` or nothing, then one
 * operation a line as CPU WORD ARGUMENTS, with * for the CPU in what the host does. Numbers are
 * decimal or 0x..., # begins a comment, and the last line has an end too.
 *
 * Reads a program file. False: `why` says in one sentence what is wrong, with the line, and nothing
 * needs freeing. `name` is for that sentence alone.
 */
bool program_read(struct program *program, FILE *from, const char *name, char *why,
		  size_t why_size);
/* Writes one, with `comment` (may be NULL, may have several lines) below its first line. False:
 * errno. */
bool program_write(const struct program *program, const char *comment, FILE *to);

/* Whether a SIPI that it sends starts the processor where there is code: from PROGRAM_SIPI_FIRST to
 * PROGRAM_SIPI_LAST. True of all other operations. */
bool program_op_starts_well(const struct program_op *op);

/* Appends. False: no memory, or PROGRAM_OPS_MAX reached. */
bool program_add(struct program *program, const struct program_op *op);
/* The same program with only ops[i] for which keep[i]. False: no memory. */
bool program_filter(const struct program *program, const bool *keep, struct program *out);
void program_free(struct program *program);

#ifdef __cplusplus
}
#endif

#endif
