// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a run ended: the exit status, the one last line on stderr and --result-json.
 * Not a log: the first cause that is recorded wins, later ones are consequences.
 */
#ifndef VMM_RESULT_H
#define VMM_RESULT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum result_kind {
	RESULT_GUEST_EXIT,     /* port F4h: value up to 63 is the status, above: 63 */
	RESULT_USER_QUIT,      /* Ctrl-a x: 0 */
	RESULT_USAGE,          /* 64 */
	RESULT_BAD_IMAGE,      /* 65 */
	RESULT_UNREADABLE,     /* 66 */
	RESULT_NO_KVM,         /* 69 */
	RESULT_INTERNAL,       /* 70 */
	RESULT_OUTPUT_FAILED,  /* 74 */
	RESULT_HOST_LACKS,     /* 77 */
	RESULT_TRIPLE_FAULT,   /* 96 */
	RESULT_EMULATION,      /* 96: KVM cannot emulate an instruction, or refuses the entry */
	RESULT_HALTED_FOREVER, /* 97 */
	RESULT_DIVERGED,       /* 99: this Local APIC and KVM's differ */
	RESULT_RESET,          /* guest reset with -no-reboot: 0 */
	RESULT_POWER_OFF,      /* the guest switched the machine off: 0 */
	RESULT_TIMEOUT,        /* 124 */
	RESULT_SIGINT,         /* 130 */
	RESULT_SIGTERM,        /* 143 */
	RESULT_LAST = RESULT_SIGTERM
};

struct result {
	enum result_kind kind;
	uint64_t value; /* GUEST_EXIT: the value written */
	int cpu;        /* -1: none */
	uint64_t rip;   /* where cpu >= 0 */
	/* What KVM handed to the guest since it was last started (kvm_stats.h), where `counted`. */
	bool counted;
	uint64_t interrupts, nmis;
	char text[1024];   /* what and why, one line; may be empty */
	char detail[2048]; /* further lines for people (registers, bytes, disassembly); may be empty
			    */
};

/* Exit status of lapicvm. */
int result_code(const struct result *result);
/* Word for the last line: "guest-exit", "halted-forever", ... */
const char *result_name(enum result_kind kind);
/* Prints detail, then `result: halted-forever cpu=0 rip=0x... code=97`. */
void result_print(const struct result *result, FILE *to);
/* Writes the JSON file atomically, or to standard output where path is "-"; false with errno set.
 */
bool result_write_json(const struct result *result, const char *path);
/* Text as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void result_json_string(const char *text, FILE *to);

#ifdef __cplusplus
}
#endif

#endif
