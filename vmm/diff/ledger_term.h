// SPDX-License-Identifier: BSD-2-Clause
// The insides of a ledger: entries, their `when` lines, and terms, held against a finding.
// For ledger*.c alone; the words are explained in ledger.h.
#ifndef VMM_DIFF_LEDGER_TERM_H
#define VMM_DIFF_LEDGER_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/diff/finding.h"
#include "vmm/diff/ledger.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ledger_symbol {
	SYMBOL_NUMBER, /* none: `a` is the number */
	SYMBOL_VALUE,
	SYMBOL_VECTOR,
	SYMBOL_STARTED,
	SYMBOL_LVT_ERROR,
	SYMBOL_LVT_TIMER,
	SYMBOL_SPURIOUS,
	SYMBOL_ID,
	SYMBOL_ID_BIT
};

struct ledger_key;

struct ledger_term {
	const struct ledger_key *key;
	bool negate;
	enum ledger_symbol symbol;
	uint64_t a, b; /* set as bits; first and last; number and mask */
};

/* `text` is one word without blanks. False: `why` says what is wrong with it, as the end of a
 * sentence. */
bool ledger_term_read(struct ledger_term *term, const char *text, char *why, size_t why_size);
bool ledger_term_holds(const struct ledger_term *term, const struct finding *finding);
/* It says which field. */
bool ledger_term_is_field(const struct ledger_term *term);
/* It says enough to tell one difference from others: not negated, and about an operation, a
 * register, or what the two sides had. */
bool ledger_term_is_narrow(const struct ledger_term *term);

/* One `when`: all of its terms hold. */
struct ledger_when {
	struct ledger_term *terms;
	size_t count;
};

struct ledger_entry {
	char *name, *rule;
	enum ledger_verdict verdict;
	struct ledger_when *whens;
	size_t count;
	uint64_t matches;
};

struct ledger {
	struct ledger_entry *entries;
	unsigned count;
};

#ifdef __cplusplus
}
#endif

#endif
