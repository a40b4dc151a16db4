// SPDX-License-Identifier: BSD-2-Clause
// Reads the numbers of a command line, and says in a sentence what is wrong with one.
// Not where their meaning for the machine is known: only what each may be.
#include "vmm/options_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/ram.h"

struct answer {
	char *why;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct answer to, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(to.why, to.size, format, arguments);
	va_end(arguments);
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Decimal digits at *text into *value; *text moves behind them. False: more than 64 bits. */
static bool digits(const char **text, uint64_t *value)
{
	for (*value = 0; is_digit(**text); (*text)++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(**text - '0'), value))
			return false;
	return true;
}

static bool memory_unit(const char *unit, uint64_t *bytes)
{
	static const char letters[] = "KMGT";
	const char *letter;

	/* QEMU's habit: a number alone counts MiB. */
	if (unit[0] == '\0') {
		*bytes = UINT64_C(1) << 20;
		return true;
	}
	letter = strchr(letters, unit[0] >= 'a' ? unit[0] - ('a' - 'A') : unit[0]);
	if (!letter || unit[1] != '\0')
		return false;
	*bytes = UINT64_C(1024) << (10 * (letter - letters));
	return true;
}

bool options_memory(const char *text, uint64_t *bytes, char *why, size_t why_size)
{
	struct answer to = {why, why_size};
	const char *rest = text;
	uint64_t number, unit, product;

	if (!is_digit(text[0]))
		return refuse(to,
			      "-m %s: not a size; give a number with K, M, G or T, such as 256M",
			      text);
	if (!digits(&rest, &number))
		return refuse(to, "-m %s: too large; at most 1024G", text);
	if (!memory_unit(rest, &unit))
		return refuse(to, "-m %s: '%s' is no unit; give K, M, G or T, or nothing for MiB",
			      text, rest);
	if (__builtin_mul_overflow(number, unit, &product) || product > RAM_SIZE_MAX)
		return refuse(to, "-m %s: too large; at most 1024G", text);
	if (product < RAM_SIZE_MIN)
		return refuse(to, "-m %s: too small; a guest needs at least 2M%s", text,
			      rest[0] ? "" : " (a number alone counts MiB)");
	if (product % RAM_PAGE_SIZE != 0)
		return refuse(to, "-m %s: not a multiple of the page size, 4K", text);
	*bytes = product;
	return true;
}

/* Rounds up, so that no positive time turns into "none". */
static bool milliseconds(const char *text, uint64_t *ms)
{
	uint64_t seconds, scale = 100;
	bool more = false;

	if (!is_digit(text[0]) && !(text[0] == '.' && is_digit(text[1])))
		return false;
	if (!digits(&text, &seconds) || seconds > UINT32_MAX)
		return false;
	*ms = seconds * 1000;
	if (*text == '.') {
		for (text++; is_digit(*text); text++, scale /= 10) {
			*ms += (uint64_t)(*text - '0') * scale;
			more = more || (scale == 0 && *text != '0');
		}
	}
	*ms += more;
	return *text == '\0';
}

bool options_timeout(const char *text, uint32_t *ms, char *why, size_t why_size)
{
	struct answer to = {why, why_size};
	uint64_t value;

	if (!milliseconds(text, &value))
		return refuse(to, "--timeout %s: not a time; give seconds, such as 10 or 0.5",
			      text);
	if (value > UINT32_MAX)
		return refuse(to, "--timeout %s: too long; at most 4294967 seconds, 0 for no limit",
			      text);
	*ms = (uint32_t)value;
	return true;
}

bool options_number(const char *option, const char *text, uint64_t most, uint64_t *value, char *why,
		    size_t why_size)
{
	struct answer to = {why, why_size};
	const char *rest = text;
	uint64_t number;
	bool fits = digits(&rest, &number);

	if (!is_digit(text[0]) || (fits && *rest != '\0'))
		return refuse(to, "%s %s: not a number; give 1 to %" PRIu64, option, text, most);
	if (!fits || number == 0 || number > most)
		return refuse(to, "%s %s: out of range; give 1 to %" PRIu64, option, text, most);
	*value = number;
	return true;
}

#define DURATION_HOURS_MAX 1000u

/* 0: no unit. */
static uint64_t duration_unit(const char *unit)
{
	if (unit[0] != '\0' && unit[1] != '\0')
		return 0;
	switch (unit[0]) {
	case '\0':
	case 's': return 1000;
	case 'm': return UINT64_C(60) * 1000;
	case 'h': return UINT64_C(3600) * 1000;
	default: return 0;
	}
}

bool options_duration(const char *text, uint64_t *ms, char *why, size_t why_size)
{
	struct answer to = {why, why_size};
	const char *rest = text;
	uint64_t number, product;
	bool fits = digits(&rest, &number);

	if (!is_digit(text[0]) || (fits && duration_unit(rest) == 0))
		return refuse(to,
			      "--time %s: not a time; give seconds, minutes or hours, such as "
			      "30s, 10m or 1h",
			      text);
	if (fits && number == 0)
		return refuse(to, "--time %s: too short; at least 1s", text);
	if (!fits || __builtin_mul_overflow(number, duration_unit(rest), &product) ||
	    product > UINT64_C(1000) * 3600 * DURATION_HOURS_MAX)
		return refuse(to, "--time %s: too long; at most %uh", text, DURATION_HOURS_MAX);
	*ms = product;
	return true;
}
