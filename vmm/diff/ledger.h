// SPDX-License-Identifier: BSD-2-Clause
// The ledger: every known, legitimate difference between this Local APIC and KVM's, with its
// reason. Not where differences are found; and nothing in it is wider than what it explains.
#ifndef VMM_DIFF_LEDGER_H
#define VMM_DIFF_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/diff/finding.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ledger_verdict {
	LEDGER_OURS_SDM,     /* ours follows the SDM and KVM does not */
	LEDGER_BOTH_ALLOWED, /* the SDM allows both */
	LEDGER_UNDEFINED     /* the SDM says nothing */
};

struct ledger;

/* Reads a ledger. NULL: `why` says in one sentence what is wrong, with the line: a word or rule ID
 * that is unknown, an entry without a reason, a name that comes twice. */
struct ledger *ledger_read(FILE *from, const char *name, char *why, size_t why_size);
void ledger_free(struct ledger *ledger);

/* The entry that explains this finding, counted; or -1. */
int ledger_match(struct ledger *ledger, const struct finding *finding);

unsigned ledger_count(const struct ledger *ledger);
const char *ledger_name(const struct ledger *ledger, unsigned entry);
const char *ledger_rule(const struct ledger *ledger, unsigned entry);
enum ledger_verdict ledger_verdict(const struct ledger *ledger, unsigned entry);
/* How often it has matched. */
uint64_t ledger_matches(const struct ledger *ledger, unsigned entry);
/* Adds matches counted elsewhere, such as those of an earlier run in the log. */
void ledger_add_matches(struct ledger *ledger, unsigned entry, uint64_t matches);

#ifdef __cplusplus
}
#endif

#endif
