// SPDX-License-Identifier: BSD-2-Clause
// The log behind the device tests' fakes.
// Not thread-safe: the models are not either.
#include "tests/devices/recorder.h"

#include <stdarg.h>
#include <stdio.h>

void recorder_note(struct recorder *log, const char *format, ...)
{
	size_t room = sizeof(log->text) - log->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(log->text + log->used, room, format, args);
	va_end(args);
	if (n > 0)
		log->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void note_irq(void *opaque, unsigned n, bool level)
{
	recorder_note(opaque, "irq%u=%d ", n, level);
}

struct irq_line recorder_irq(struct recorder *log, unsigned n)
{
	return (struct irq_line){.set = note_irq, .opaque = log, .n = n};
}
