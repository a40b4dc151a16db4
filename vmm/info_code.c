// SPDX-License-Identifier: BSD-2-Clause
// Finds instruction boundaries before rip by trying, and lists what is there.
// Not a decoder: disasm.c asks one.

#include "vmm/info_code.h"

#include <inttypes.h>
#include <stdbool.h>

#include "vmm/disasm.h"

#define SHOWN_BEFORE 3u
#define SHOWN_AFTER  6u
#define BYTES_SHOWN  8u

static unsigned length_at(const struct info_code *c, unsigned at, unsigned end)
{
	return disasm_length(&c->bytes[at], end - at, c->mode);
}

/* Whether instructions from `at` on end exactly at `end`; their number. */
static bool leads_to(const struct info_code *c, unsigned at, unsigned end, unsigned *number)
{
	for (*number = 0; at < end; ++*number) {
		unsigned length = length_at(c, at, end);

		if (!length)
			return false;
		at += length;
	}
	return true;
}

static void line(const struct info_code *c, unsigned at, unsigned length, FILE *to)
{
	uint64_t address = c->rip - c->before + at;
	char words[128];
	unsigned shown = length ? length : 1;

	fprintf(to, "%s %016" PRIx64 ": ", at == c->before ? " =>" : "   ", address);
	for (unsigned i = 0; i < BYTES_SHOWN; i++)
		if (i < shown)
			fprintf(to, "%02x ", c->bytes[at + i]);
		else
			fputs("   ", to);
	disasm(&c->bytes[at], c->count - at, c->mode, address, words, sizeof(words));
	fprintf(to, "%s%s\n", shown > BYTES_SHOWN ? ".. " : "", words);
}

static void list(const struct info_code *c, FILE *to)
{
	unsigned at, number = 0, known = c->before - c->last;

	for (at = 0; at < known; at++)
		if (leads_to(c, at, known, &number))
			break;
	number = (at < known ? number : 0) + (c->last != 0);
	for (; at < c->before; number--) {
		unsigned length = length_at(c, at, at < known ? known : c->before);

		if (number <= SHOWN_BEFORE)
			line(c, at, length, to);
		at += length;
	}
	for (unsigned shown = 0; shown < SHOWN_AFTER && at < c->count; shown++) {
		unsigned length = length_at(c, at, c->count);

		/* What is cut by the end of the bytes is no news, but at rip. */
		if (length || at == c->before)
			line(c, at, length, to);
		if (!length)
			break;
		at += length;
	}
}

void info_code_print(const struct info_code *c, enum info_format format, FILE *to)
{
	bool known = c->count > c->before;

	if (format == INFO_JSON) {
		fputs(known ? "\"" : "null", to);
		for (unsigned i = c->before; i < c->count; i++)
			fprintf(to, "%02x", c->bytes[i]);
		fputs(known ? "\"" : "", to);
	} else if (known) {
		list(c, to);
	} else {
		fputs("    no memory at rip\n", to);
	}
}
