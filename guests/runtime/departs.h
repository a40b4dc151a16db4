// SPDX-License-Identifier: BSD-2-Clause
// Rules that the Local APIC under this guest is known not to keep: the argument
// "departs=ACP-2,BASE-3". Given for our own Local APIC only with an experiment that bends them
// (--apic-page=read-only); each run line that gives one says why.
#ifndef GUESTS_RUNTIME_DEPARTS_H
#define GUESTS_RUNTIME_DEPARTS_H

#include <stdbool.h>

/* Reads the argument; before any processor is started. */
void departs_init(void);

/* Whether the rule is to hold here. What depends on it is left out if not, and nothing else. */
bool guest_keeps(const char *rule);

/* The argument's text, "" without one. */
const char *departs_list(void);

#endif
