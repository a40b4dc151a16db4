// SPDX-License-Identifier: BSD-2-Clause
// What stands right of a ledger term's =, read into the term.
// For ledger_term.c alone.
#ifndef VMM_DIFF_LEDGER_WORD_H
#define VMM_DIFF_LEDGER_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/diff/ledger_term.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Decimal or 0x...; false: neither, or beyond 64 bits. */
bool ledger_word_number(const char *text, size_t length, uint64_t *value);

/* Each fills the term. False: not such a word. Lists become sets of bits in `a`. */
bool ledger_word_fields(struct ledger_term *term, const char *text);
bool ledger_word_ops(struct ledger_term *term, const char *text);
bool ledger_word_modes(struct ledger_term *term, const char *text);
bool ledger_word_registers(struct ledger_term *term, const char *text);
bool ledger_word_bit(struct ledger_term *term, const char *text);          /* 0 or 1 */
bool ledger_word_side(struct ledger_term *term, const char *text);         /* `a`: ours */
bool ledger_word_masked(struct ledger_term *term, const char *text);       /* symbols too */
bool ledger_word_plain_masked(struct ledger_term *term, const char *text); /* numbers alone */
bool ledger_word_bits(struct ledger_term *term, const char *text);
bool ledger_word_dest(struct ledger_term *term, const char *text);

#ifdef __cplusplus
}
#endif

#endif
