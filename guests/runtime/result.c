// SPDX-License-Identifier: BSD-2-Clause
// Counts checks and ends the run.
// Not a test runner: one guest is one run.
#include "guests/runtime/result.h"

#include <stdarg.h>

#include "guests/runtime/boot.h"
#include "guests/runtime/cpu.h"
#include "guests/runtime/departs.h"
#include "guests/runtime/print.h"

#define RESULT_PORT 0xf4
/* A check in a loop that goes wrong goes wrong often; the guest's argument "failures=n" changes it.
 */
#define MOST_PRINTED 40

static unsigned checks, failures;

void guest_exit(unsigned status)
{
	for (;;) {
		outl(RESULT_PORT, status);
		cli();
		hlt();
	}
}

void guest_pass(void)
{
	if (!checks)
		guest_fail("no check was made");
	print("%u checks, %u failed\n", checks, failures);
	if (*departs_list())
		print("left out: what this Local APIC is known not to keep of %s\n",
		      departs_list());
	guest_exit(failures ? GUEST_FAILED : GUEST_PASSED);
}

static void end(unsigned status, const char *word, const char *format, va_list list)
{
	print("%s: ", word);
	print_list(format, list);
	print("\n");
	guest_exit(status);
}

void guest_fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	end(GUEST_FAILED, "FAIL", format, list);
	va_end(list);
	__builtin_unreachable();
}

void guest_skip(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	end(GUEST_SKIPPED, "skipped", format, list);
	va_end(list);
	__builtin_unreachable();
}

static bool count(bool held)
{
	unsigned so_far, most;

	__atomic_add_fetch(&checks, 1, __ATOMIC_RELAXED);
	if (held)
		return false;
	so_far = __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
	most = guest_arg_number("failures", MOST_PRINTED);
	if (so_far == most + 1)
		print("FAIL: more, not printed\n");
	return so_far <= most;
}

bool guest_check(bool held, const char *file, int line, const char *format, ...)
{
	va_list list;

	if (count(held)) {
		va_start(list, format);
		print("FAIL %s:%d: ", file, line);
		print_list(format, list);
		print("\n");
		va_end(list);
	}
	return held;
}

bool guest_check_equal(unsigned long have, unsigned long want, const char *file, int line,
		       const char *format, ...)
{
	va_list list;

	if (count(have == want)) {
		va_start(list, format);
		print("FAIL %s:%d: ", file, line);
		print_list(format, list);
		print(": is %lx, should be %lx\n", have, want);
		va_end(list);
	}
	return have == want;
}
