// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command line of lapicvm as data, checked.
 * Not the place where anything is opened or started.
 */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum options_verb { OPTIONS_RUN, OPTIONS_DOCTOR, OPTIONS_HELP, OPTIONS_VERSION };

#define OPTIONS_MAX_INITRDS 32
#define OPTIONS_MAX_CPUS    1024
/* An xAPIC ID has 8 bits, and FFh is the broadcast: more processors than this need x2APIC. */
#define OPTIONS_MAX_XAPIC_CPUS 255

struct options {
	enum options_verb verb;
	/* run */
	const char *image; /* NULL: the embedded tour */
	uint32_t cpus;     /* 1 .. OPTIONS_MAX_CPUS */
	uint64_t ram_bytes;
	const char *append; /* -append, or NULL */
	const char *initrds[OPTIONS_MAX_INITRDS];
	unsigned initrd_count;
	char **guest_args; /* after "--" */
	int guest_arg_count;
	bool x2apic;         /* off by --no-x2apic */
	bool tsc_deadline;   /* off by --no-tsc-deadline */
	uint32_t timeout_ms; /* 0: none */
	const char *result_json;
	bool stats;
	bool no_reboot; /* -no-reboot: a reset by the guest ends the run */
	/* doctor */
	bool json;
	const char *report;
};

/*
 * Reads a command line (argv[0] is the program) into *options, whose strings point into argv.
 * False: `why` (of why_size bytes) says in one sentence what is wrong with it, and *options is not
 * to be used.
 */
bool options_parse(int argc, char **argv, struct options *options, char *why, size_t why_size);

/* The text of --help: one screen of 80 columns. */
const char *options_help(void);

#ifdef __cplusplus
}
#endif

#endif
