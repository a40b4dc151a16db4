// SPDX-License-Identifier: BSD-2-Clause
// The console's second face: a line of words in, what the machine is like out.
// Not the console: keys and text pass through calls.
#ifndef VMM_MONITOR_H
#define VMM_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/info_format.h"

struct machine;

struct monitor_calls {
	void (*say)(void *opaque, const char *text, size_t bytes);
	void (*quit)(void *opaque);
};

#define MONITOR_LINE 128u
#define MONITOR_KEYS 4096u

struct monitor {
	const struct monitor_calls *calls;
	void *opaque;
	enum info_format format;
	struct machine *machine; /* NULL: none runs */
	bool stopped;            /* by `stop` */
	bool waiting;            /* the command in line[] waits until all vCPUs stand still */
	bool after_cr;
	unsigned escape; /* place in a terminal's key sequence; 0: in none */
	char line[MONITOR_LINE];
	unsigned length;
	char file[MONITOR_LINE]; /* what a command names */
	/* Typed while a command waits; more than fit are dropped. */
	uint8_t keys[MONITOR_KEYS];
	unsigned first, count;
};

/* All functions: [main thread]. */
void monitor_init(struct monitor *monitor, enum info_format format,
		  const struct monitor_calls *calls, void *opaque);

/* A machine runs now. */
void monitor_attach(struct monitor *monitor, struct machine *machine);
/* It is about to be stopped, or has ended; what waits for it is dropped. */
void monitor_detach(struct monitor *monitor);

/* Keys come to the monitor from now on, or go to the guest again. */
void monitor_enter(struct monitor *monitor, bool on);
void monitor_key(struct monitor *monitor, uint8_t key);
/* What machine_hold() wanted may be so by now. */
void monitor_still(struct monitor *monitor);

#endif
