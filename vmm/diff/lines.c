// SPDX-License-Identifier: BSD-2-Clause
// Byte by byte, so that nothing in a damaged file is taken for something else.
// Not getline(): no line is too long to end.

#include "vmm/diff/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

bool lines_refuse(struct lines *lines, const char *format, ...)
{
	va_list arguments;
	int used =
		snprintf(lines->why, lines->why_size, "%s, line %lu: ", lines->name, lines->number);

	if (used < 0 || (size_t)used >= lines->why_size)
		return false;
	va_start(arguments, format);
	vsnprintf(lines->why + used, lines->why_size - (size_t)used, format, arguments);
	va_end(arguments);
	return false;
}

static enum lines_read bad_byte(struct lines *lines, int c)
{
	lines_refuse(lines, "byte %02Xh is not text: this is no %s, or damaged", (unsigned)c,
		     lines->kind);
	return LINES_BAD;
}

static enum lines_read end_of_file(struct lines *lines, bool empty)
{
	if (ferror(lines->from)) {
		lines_refuse(lines, "cannot be read: %s", strerror(errno));
		return LINES_BAD;
	}
	if (empty)
		return LINES_END;
	lines_refuse(lines, "has no end: the file is cut off here");
	return LINES_BAD;
}

enum lines_read lines_next(struct lines *lines, char *text)
{
	size_t used = 0;
	bool comment = false;
	int c;

	lines->number++;
	for (c = getc(lines->from); c != EOF && c != '\n'; c = getc(lines->from)) {
		if (c == '\t' || c == '\r')
			c = ' ';
		comment = comment || c == '#';
		if (c == '\0' || (!comment && (c < ' ' || c > '~')))
			return bad_byte(lines, c);
		if (comment)
			continue;
		if (used == lines->longest) {
			lines_refuse(lines, "longer than %zu characters", lines->longest);
			return LINES_BAD;
		}
		text[used++] = (char)c;
	}
	if (c == EOF)
		return end_of_file(lines, used == 0 && !comment);
	while (used && text[used - 1] == ' ')
		used--;
	text[used] = '\0';
	return LINES_READ;
}
