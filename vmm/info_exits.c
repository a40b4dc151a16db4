// SPDX-License-Identifier: BSD-2-Clause
// A ring of exits in which equal neighbours are one: a loop that polls must not push out what came
// before it. Not a trace: it has no times.

#include "vmm/info_exits.h"

#include <inttypes.h>
#include <string.h>

static struct info_exit of(const struct exit *exit)
{
	struct info_exit e = {.kind = exit->kind, .reason = exit->reason, .times = 1};
	const struct access *access = &exit->u.access;

	switch (exit->kind) {
	case EXIT_PORT:
	case EXIT_MEMORY:
		e.address = access->address;
		e.width = access->width;
		e.count = access->count;
		e.write = access->write;
		if (e.write)
			memcpy(&e.value, access->data, e.width);
		break;
	case EXIT_MSR:
		e.address = exit->u.msr.index;
		e.write = exit->u.msr.write;
		e.value = exit->u.msr.value;
		break;
	case EXIT_EOI: e.address = exit->u.vector; break;
	default: break;
	}
	return e;
}

static bool alike(const struct info_exit *a, const struct info_exit *b)
{
	return a->kind == b->kind && a->reason == b->reason && a->address == b->address &&
	       a->width == b->width && a->count == b->count && a->write == b->write;
}

void info_exits_add(struct info_exits *exits, const struct exit *exit)
{
	struct info_exit e = of(exit);
	struct info_exit *before = &exits->last[(exits->next + INFO_EXITS - 1) % INFO_EXITS];

	if (before->times && alike(before, &e)) {
		before->value = e.value;
		before->times++;
		return;
	}
	exits->last[exits->next] = e;
	exits->next = (exits->next + 1) % INFO_EXITS;
}

static void print_text(const struct info_exit *e, FILE *to)
{
	const char *way = e->write ? "write" : "read";

	fprintf(to, "  %s", exit_reason_name(e->reason));
	switch (e->kind) {
	case EXIT_PORT:
		fprintf(to, " %s port 0x%" PRIx64 " width %u", way, e->address, e->width);
		if (e->count > 1)
			fprintf(to, " count %u", e->count);
		break;
	case EXIT_MEMORY:
		fprintf(to, " %s 0x%" PRIx64 " width %u", way, e->address, e->width);
		break;
	case EXIT_MSR: fprintf(to, " %s MSR 0x%" PRIx64, way, e->address); break;
	case EXIT_EOI: fprintf(to, " vector %" PRIu64, e->address); break;
	default: break;
	}
	if (e->write)
		fprintf(to, " value 0x%" PRIx64, e->value);
	if (e->times > 1)
		fprintf(to, ", %" PRIu64 " times in a row", e->times);
	fputc('\n', to);
}

/* 64-bit numbers as strings: JSON's end at 2^53. */
static void print_json(const struct info_exit *e, bool first, FILE *to)
{
	fprintf(to, "%s{\"reason\": \"%s\", \"address\": \"0x%" PRIx64 "\", \"width\": %u",
		first ? "" : ", ", exit_reason_name(e->reason), e->address, e->width);
	fprintf(to, ", \"count\": %u, \"write\": %s, \"value\": \"0x%" PRIx64 "\"", e->count,
		e->write ? "true" : "false", e->value);
	fprintf(to, ", \"times\": %" PRIu64 "}", e->times);
}

void info_exits_print(const struct info_exits *exits, enum info_format format, FILE *to)
{
	bool first = true;

	fputs(format == INFO_JSON ? "[" : "last exits, the oldest first:\n", to);
	for (unsigned i = 0; i < INFO_EXITS; i++) {
		const struct info_exit *e = &exits->last[(exits->next + i) % INFO_EXITS];

		if (!e->times)
			continue;
		if (format == INFO_JSON)
			print_json(e, first, to);
		else
			print_text(e, to);
		first = false;
	}
	if (format == INFO_JSON)
		fputc(']', to);
	else if (first)
		fputs("  none\n", to);
}
