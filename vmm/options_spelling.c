// SPDX-License-Identifier: BSD-2-Clause
// How far a mistyped word is from one that there is.
// Not the list of words.
#include "vmm/options_spelling.h"

#include <string.h>

/* Insertions, deletions and replacements that turn a into b; words longer than OPTIONS_SPELLING_MAX
 * are far from all. */
static size_t distance(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b), line[OPTIONS_SPELLING_MAX + 1];

	if (rows > OPTIONS_SPELLING_MAX || columns > OPTIONS_SPELLING_MAX)
		return OPTIONS_SPELLING_MAX;
	for (size_t j = 0; j <= columns; j++)
		line[j] = j;
	for (size_t i = 1; i <= rows; i++) {
		size_t diagonal = line[0];

		line[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = line[j];
			if (line[j] + 1 < best)
				best = line[j] + 1;
			if (line[j - 1] + 1 < best)
				best = line[j - 1] + 1;
			line[j] = best;
		}
	}
	return line[columns];
}

bool options_nearer(const char *word, const char *name, size_t *best)
{
	size_t d = distance(word, name);

	if (d >= *best || d * 3 > strlen(name))
		return false;
	*best = d;
	return true;
}
