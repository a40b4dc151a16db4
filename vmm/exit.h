// SPDX-License-Identifier: BSD-2-Clause
// What a return from KVM_RUN asks for, as plain data: struct kvm_run decoded.
// No side effects and no routing: who answers an access is found elsewhere.
#ifndef VMM_EXIT_H
#define VMM_EXIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kvm_run;

enum exit_kind {
	EXIT_NOTHING, /* a kick, a window that opened: look around, then go on */
	EXIT_PORT,    /* access: IN, OUT, INS, OUTS */
	EXIT_MEMORY,  /* access: guest memory that no slot backs */
	EXIT_MSR,     /* msr */
	EXIT_HALT,    /* HLT, RIP behind it */
	EXIT_TPR,     /* MOV to CR8, done: kvm_run.cr8 holds it */
	EXIT_EOI,     /* vector: EOI of a level-triggered one, by a Local APIC of KVM's */
	EXIT_STEP,    /* one instruction under single-step */
	EXIT_SHUTDOWN,
	EXIT_FAILED_ENTRY,
	EXIT_EMULATION, /* KVM could not emulate an instruction */
	EXIT_INTERNAL,  /* KVM_EXIT_INTERNAL_ERROR of another kind */
	EXIT_UNKNOWN
};

/* One access, or `count` of one string instruction to the same port. */
struct access {
	uint64_t address; /* port or guest physical address */
	unsigned width;   /* bytes of one element: 1 to 8 */
	unsigned count;
	bool write;
	uint8_t *data; /* count * width bytes in struct kvm_run: to read, or to fill */
};

struct msr_access {
	uint32_t index;
	bool write;
	uint64_t value; /* where write */
};

struct exit {
	enum exit_kind kind;
	uint32_t reason; /* KVM_EXIT_* */
	/* A port, memory or MSR access: KVM finishes the instruction at the next KVM_RUN, until
	 * then registers are those of its middle. */
	bool unfinished;
	union {
		struct access access;
		struct msr_access msr;
		uint8_t vector;
		struct {
			uint64_t code; /* FAILED_ENTRY: hardware's reason; UNKNOWN: as far as KVM
					  says */
			uint32_t suberror; /* EMULATION, INTERNAL */
			unsigned length;   /* EMULATION: bytes of the instruction, 0 if not known */
			uint8_t bytes[15];
			unsigned data_count; /* INTERNAL */
			uint64_t data[16];
		} failure;
	} u;
};

/*
 * Decodes *run after KVM_RUN returned `returned` (0 or -errno); run_bytes is the size of the
 * mapping that *run starts. An access whose data does not lie within it is EXIT_UNKNOWN. -EINTR is
 * EXIT_NOTHING; other errors are the caller's to report first.
 */
void exit_decode(struct kvm_run *run, size_t run_bytes, int returned, struct exit *out);

/* Answers an EXIT_MSR: the value of a read, or with ok false #GP(0) at the instruction. */
void exit_answer_msr(struct kvm_run *run, bool ok, uint64_t value);

/* KVM's name of an exit reason, "KVM_EXIT_" left off, or "?". */
const char *exit_reason_name(uint32_t reason);

#endif
