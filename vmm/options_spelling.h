// SPDX-License-Identifier: BSD-2-Clause
// "Did you mean": whether a word is near enough to another to be meant.
// Not a parser: it decides nothing about what was typed.
#ifndef VMM_OPTIONS_SPELLING_H
#define VMM_OPTIONS_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest word that is looked at, in bytes: longer ones are far from all. */
#define OPTIONS_SPELLING_MAX 24u

/*
 * True: `word` is nearer to `name` than *best, and near enough to be meant: a third of the name may
 * be wrong. *best is then the new distance; it starts at OPTIONS_SPELLING_MAX.
 */
bool options_nearer(const char *word, const char *name, size_t *best);

#ifdef __cplusplus
}
#endif

#endif
