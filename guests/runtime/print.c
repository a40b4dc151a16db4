// SPDX-License-Identifier: BSD-2-Clause
// Formats a line into a buffer and hands it to COM1 in one string instruction.
// Not a UART driver: the guest ABI's COM1 takes a byte whenever one comes.
#include "guests/runtime/print.h"

#include <stdbool.h>
#include <stdint.h>

#include "guests/runtime/cpu.h"

#define COM1 0x3f8

struct line {
	char text[500];
	unsigned used;
};

static volatile uint32_t owner;

static void put(struct line *line, char byte)
{
	if (line->used < sizeof(line->text))
		line->text[line->used++] = byte;
}

struct field {
	unsigned width;
	bool left;
	char pad;
};

static void put_field(struct line *line, const struct field *field, const char *text,
		      unsigned length)
{
	unsigned fill = field->width > length ? field->width - length : 0;

	if (!field->left)
		while (fill) {
			put(line, field->pad);
			fill--;
		}
	while (length--)
		put(line, *text++);
	while (fill--)
		put(line, ' ');
}

static void put_number(struct line *line, const struct field *field, uint64_t value, unsigned base,
		       bool negative)
{
	char digits[24];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative)
		digits[--at] = '-';
	put_field(line, field, digits + at, (unsigned)sizeof(digits) - at);
}

static uint64_t next_unsigned(va_list *list, unsigned longs)
{
	return longs ? va_arg(*list, unsigned long) : va_arg(*list, unsigned);
}

static void put_string(struct line *line, const struct field *field, const char *text)
{
	unsigned length = 0;

	while (text[length])
		length++;
	put_field(line, field, text, length);
}

static void put_directive(struct line *line, char kind, const struct field *field, unsigned longs,
			  va_list *list)
{
	char c;
	int64_t value;

	switch (kind) {
	case 'c':
		c = (char)va_arg(*list, int);
		put_field(line, field, &c, 1);
		break;
	case 's': put_string(line, field, va_arg(*list, const char *)); break;
	case 'd':
		value = longs ? va_arg(*list, long) : va_arg(*list, int);
		put_number(line, field, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10,
			   value < 0);
		break;
	case 'u': put_number(line, field, next_unsigned(list, longs), 10, false); break;
	case 'x': put_number(line, field, next_unsigned(list, longs), 16, false); break;
	case 'p': put_number(line, field, va_arg(*list, uintptr_t), 16, false); break;
	default: put(line, kind); break;
	}
}

static void format_line(struct line *line, const char *format, va_list *list)
{
	for (; *format; format++) {
		struct field field = {0, false, ' '};
		unsigned longs = 0;

		if (*format != '%') {
			put(line, *format);
			continue;
		}
		for (format++; *format == '-' || *format == '0'; format++) {
			if (*format == '-')
				field.left = true;
			else
				field.pad = '0';
		}
		for (; *format >= '0' && *format <= '9'; format++)
			field.width = field.width * 10 + (unsigned)(*format - '0');
		for (; *format == 'l' || *format == 'z' || *format == 'h'; format++)
			longs += *format != 'h';
		if (!*format)
			return;
		put_directive(line, *format, &field, longs, list);
	}
}

/* Bounded: a processor that was stopped by INIT while it printed must not silence the others. */
static void lock(void)
{
	for (unsigned tries = 0; tries < 100000 && __atomic_exchange_n(&owner, 1, __ATOMIC_ACQUIRE);
	     tries++)
		cpu_pause();
}

void print_abandon(void)
{
	__atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
}

void print_list(const char *format, va_list list)
{
	struct line line = {.used = 0};
	uint64_t flags;
	va_list copy;

	va_copy(copy, list);
	format_line(&line, format, &copy);
	va_end(copy);
	flags = flags_save_cli();
	lock();
	rep_outsb(COM1, line.text, line.used);
	__atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
	flags_restore(flags);
}

void print(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_list(format, list);
	va_end(list);
}
