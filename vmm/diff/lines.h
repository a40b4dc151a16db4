// SPDX-License-Identifier: BSD-2-Clause
// Reads a text file line by line, and says in a sentence with the line's number what is wrong.
// Not the meaning of a line: program_read.c, ledger_read.c.
#ifndef VMM_DIFF_LINES_H
#define VMM_DIFF_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct lines {
	FILE *from;
	const char *name; /* for messages */
	const char *kind; /* "program file": what it is no longer when damaged */
	char *why;        /* of why_size: the first sentence of refusal */
	size_t why_size;
	size_t longest;       /* characters of a line, comment left out */
	unsigned long number; /* of the line that was read last, from 1 */
};

enum lines_read { LINES_READ, LINES_END, LINES_BAD };

/*
 * The next line into text[longest + 1], without a comment from # on and without blanks at its end;
 * tabs and carriage returns are blanks. A comment may be of any length and in any script; elsewhere
 * a byte that is not printable ASCII is damage, as is a NUL or a last line without its newline,
 * which may have said more. BAD: refused.
 */
enum lines_read lines_next(struct lines *lines, char *text);

/* Fills `why` with the name, the line's number and this; false always. */
__attribute__((format(printf, 2, 3))) bool lines_refuse(struct lines *lines, const char *format,
							...);

#endif
