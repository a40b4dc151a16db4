// SPDX-License-Identifier: BSD-2-Clause
// What a function prints to a FILE, as text for a test.
// Not for more than one text at a time.
#ifndef TESTS_VMM_PRINTED_H
#define TESTS_VMM_PRINTED_H

#include <stdio.h>
#include <string.h>

/* PRINT_TO(to) { info_x_print(..., to); } leaves the text in printed_text. */
static char printed_text[65536];

#define PRINT_TO(to)                                                                               \
 for (FILE *to = (memset(printed_text, 0, sizeof(printed_text)),                                   \
		  fmemopen(printed_text, sizeof(printed_text) - 1, "w"));                          \
      to; fclose(to), to = NULL)

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
