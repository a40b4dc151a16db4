// SPDX-License-Identifier: BSD-2-Clause
// A log that the device tests' fake callbacks write to and the tests compare as text.
// Not a mock: it expects nothing and answers nothing.
#ifndef TESTS_DEVICES_RECORDER_H
#define TESTS_DEVICES_RECORDER_H

#include <stddef.h>

#include "devices/irq_line.h"

struct recorder {
	char text[4096];
	size_t used;
};

/* Appends to the log; what is beyond its size is cut, which no expectation then meets. */
void recorder_note(struct recorder *log, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A line that logs "irq<n>=<level> ". */
struct irq_line recorder_irq(struct recorder *log, unsigned n);

/* Compares the log with what is expected since the last time, and empties it. */
#define assert_recorded(log, expected)                                                             \
 do {                                                                                              \
  assert_string_equal((log)->text, expected);                                                      \
  (log)->used = 0;                                                                                 \
  (log)->text[0] = '\0';                                                                           \
 } while (0)

#endif
