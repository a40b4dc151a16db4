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

#include "vmm/info_format.h"

#ifdef __cplusplus
extern "C" {
#endif

enum options_verb { OPTIONS_RUN, OPTIONS_DIFF, OPTIONS_DOCTOR, OPTIONS_HELP, OPTIONS_VERSION };

#define OPTIONS_MAX_INITRDS 32
#define OPTIONS_MAX_CPUS    1024
#define OPTIONS_MAX_REPLAYS 64
#define OPTIONS_MAX_US      1000
#define OPTIONS_MAX_HOP_MS  3600000

/* How far the interrupt counts of two runs of a guest may be apart. */
enum options_counts { OPTIONS_COUNTS_ABOUT, OPTIONS_COUNTS_EXACT, OPTIONS_COUNTS_IGNORE };

/* How alike their consoles must be. With NUMBERS any number is as good as any other. */
enum options_consoles { OPTIONS_CONSOLE_EXACT, OPTIONS_CONSOLE_NUMBERS, OPTIONS_CONSOLE_IGNORE };

struct options_diff {
	uint64_t seed;    /* 1 .. 2^63-1 */
	uint64_t seeds;   /* 0: as many as time_ms allows; seed + seeds - 1 is below 2^63 */
	uint64_t time_ms; /* 0: no limit, and then seeds is not 0 */
	uint32_t ops;     /* 1 .. PROGRAM_OPS_MAX */
	uint32_t cpus;    /* 1 .. PROGRAM_CPUS_MAX; 0: the seed decides */
	const char *replays[OPTIONS_MAX_REPLAYS];
	unsigned replay_count;
	const char *log, *ledger; /* or NULL */
	const char *save;         /* a folder */
	const char *tap, *junit;  /* "-": standard output; or NULL */
	bool trace, all_met;
	enum options_counts counts;
	enum options_consoles console;
};

struct restore;

struct options {
	enum options_verb verb;
	enum options_verb topic; /* OPTIONS_HELP: about what */
	/* run, and diff of an image */
	const char *image; /* NULL: the embedded tour */
	const char *bios;  /* firmware in place of an image, or NULL */
	uint32_t cpus;     /* 1 .. OPTIONS_MAX_CPUS */
	uint32_t cores;    /* of a socket; 0: all are in one */
	uint32_t threads;  /* of a core; 0: one */
	uint64_t ram_bytes;
	const char *append; /* -append, or NULL */
	const char *initrds[OPTIONS_MAX_INITRDS];
	unsigned initrd_count;
	char **guest_args; /* after "--" */
	int guest_arg_count;
	bool kernel_lapic;         /* --lapic=kernel */
	bool apic_page_read_only;  /* --apic-page=read-only (apic_page.h); then cpus is 1 */
	uint32_t halt_poll_us;     /* --halt-poll: at most so long; 0: never */
	uint32_t timer_advance_us; /* --timer-advance: at most so early; 0: never */
	uint32_t hop_drop;   /* --hop-drop: the hop from which on one vector is dropped; 0: none */
	uint32_t hop_ms;     /* --hop: from one Local APIC to the other so often; 0: never */
	bool x2apic;         /* off by --no-x2apic */
	bool pv_eoi;         /* --pv-eoi */
	bool tsc_deadline;   /* off by --no-tsc-deadline */
	uint32_t timeout_ms; /* 0: none */
	const char *save;    /* --save: a file, or NULL */
	const char *restore; /* --restore: the same */
	struct restore *restored; /* that file, read, by which this machine is shaped; or NULL */
	const char *result_json;
	const char *dump_screen; /* "-": standard output; or NULL */
	bool stats;
	const char *dump_state;   /* --dump-state: a file, "-": standard error; or NULL */
	enum info_format format;  /* of that, and of the monitor */
	bool hpet;                /* --hpet */
	bool no_acpi;             /* --acpi=off */
	bool no_mptable;          /* --mptable=off */
	bool no_reboot;           /* -no-reboot: a reset by the guest ends the run */
	struct options_diff diff; /* random programs unless there is an image or a replay */
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

/* Whether the machine is to have a double with the other kind of Local APICs: to hop, or to be
 * saved and restored where they are KVM's. */
bool options_both_lapics(const struct options *options);

/* The text of --help about a verb: one screen of 80 columns. */
const char *options_help(enum options_verb topic);

#ifdef __cplusplus
}
#endif

#endif
