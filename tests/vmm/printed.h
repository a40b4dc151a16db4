// SPDX-License-Identifier: BSD-2-Clause
// What a function prints to a FILE, as text for a test.
// Not for more than one text at a time.
#ifndef TESTS_VMM_PRINTED_H
#define TESTS_VMM_PRINTED_H

#include <stdio.h>
#include <string.h>

static char printed_text[65536];

/* What is printed to this is printed_text after printed_end(). */
static inline FILE *printed_begin(void)
{
	memset(printed_text, 0, sizeof(printed_text));
	return fmemopen(printed_text, sizeof(printed_text) - 1, "w");
}

static inline void printed_end(FILE *to)
{
	fclose(to);
}

#define assert_printed(words)                                                                      \
 do {                                                                                              \
  if (!strstr(printed_text, words))                                                                \
   fail_msg("no \"%s\" in:\n%s", words, printed_text);                                             \
 } while (0)

#define assert_not_printed(words)                                                                  \
 do {                                                                                              \
  if (strstr(printed_text, words))                                                                 \
   fail_msg("\"%s\" in:\n%s", words, printed_text);                                                \
 } while (0)

#endif
