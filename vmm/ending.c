// SPDX-License-Identifier: BSD-2-Clause
// Keeps the first cause that any thread reports for the end of a run.
// Not a message channel: what comes after the first is a consequence, and dropped.

#include "vmm/ending.h"

#include <stdarg.h>
#include <stdio.h>

void ending_init(struct ending *ending, void (*notify)(void *opaque), void *opaque)
{
	*ending = (struct ending){.notify = notify, .opaque = opaque};
	pthread_mutex_init(&ending->lock, NULL);
}

void ending_destroy(struct ending *ending)
{
	pthread_mutex_destroy(&ending->lock);
}

bool ending_report(struct ending *ending, const struct result *result)
{
	bool first;

	pthread_mutex_lock(&ending->lock);
	first = !atomic_load(&ending->ended);
	if (first) {
		ending->result = *result;
		atomic_store(&ending->ended, true);
	}
	pthread_mutex_unlock(&ending->lock);
	if (first && ending->notify)
		ending->notify(ending->opaque);
	return first;
}

bool ending_say(struct ending *ending, enum result_kind kind, int cpu, uint64_t rip,
		const char *format, ...)
{
	struct result result = {.kind = kind, .cpu = cpu, .rip = rip};
	va_list args;

	va_start(args, format);
	vsnprintf(result.text, sizeof(result.text), format, args);
	va_end(args);
	return ending_report(ending, &result);
}

void ending_fill(struct result *result, enum result_kind kind, const char *format, ...)
{
	va_list args;

	*result = (struct result){.kind = kind, .cpu = -1};
	va_start(args, format);
	vsnprintf(result->text, sizeof(result->text), format, args);
	va_end(args);
}
