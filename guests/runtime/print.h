// SPDX-License-Identifier: BSD-2-Clause
// Formatted text on COM1; whole calls never mix between processors.
// Not all of printf: %c %s %d %u %x %p %%, width, '-', '0', h hh l ll z; no precision, no floats.
#ifndef GUESTS_RUNTIME_PRINT_H
#define GUESTS_RUNTIME_PRINT_H

#include <stdarg.h>

/* At most 500 bytes a call; what is longer is cut. Callable from interrupt handlers. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_list(const char *format, va_list list) __attribute__((format(printf, 1, 0)));

/* Whoever printed will not finish: the next need not wait for it. */
void print_abandon(void);

#endif
