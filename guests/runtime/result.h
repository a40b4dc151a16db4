// SPDX-License-Identifier: BSD-2-Clause
// How a guest ends and what it says: checks, and the result port.
// No judge of what a check means.
#ifndef GUESTS_RUNTIME_RESULT_H
#define GUESTS_RUNTIME_RESULT_H

#include <stdbool.h>

enum {
	GUEST_PASSED = 0,
	GUEST_FAILED = 1,
	GUEST_SKIPPED = 40, /* what the guest needs is not there: more CPUs, say */
};

/* Ends the run with this status: writes it to port F4h. Any processor. */
void guest_exit(unsigned status) __attribute__((noreturn));
/* Says how many checks there were, and ends the run: passed, unless one failed. */
void guest_pass(void) __attribute__((noreturn));
/* Ends the run as failed at once, saying why: for what leaves nothing to go on with. */
void guest_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void guest_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Counts a check; if it did not hold, prints where and what, and goes on. Answers `held`. */
bool guest_check(bool held, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* CHECK(condition, "what should be, with values: %x", value) */
#define CHECK(condition, ...) guest_check((condition), __FILE__, __LINE__, __VA_ARGS__)

/* Both sides as 64-bit numbers; prints both when they differ. */
#define CHECK_EQ(have, want, ...) guest_check_equal((have), (want), __FILE__, __LINE__, __VA_ARGS__)
bool guest_check_equal(unsigned long have, unsigned long want, const char *file, int line,
		       const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
