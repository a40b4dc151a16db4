// SPDX-License-Identifier: BSD-2-Clause
// Reads -smp part by part, then works out what was left out.
// Not QEMU's dies, clusters and the like: APIC IDs here have threads, cores and sockets.
#include "vmm/options_smp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/options.h"

enum part { CPUS, MAXCPUS, SOCKETS, CORES, THREADS, PARTS };

static const char *const names[PARTS] = {"cpus", "maxcpus", "sockets", "cores", "threads"};

struct smp {
	const char *text;      /* all of it */
	uint32_t count[PARTS]; /* 0: not given */
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct smp *smp, const char *format,
							 ...)
{
	va_list arguments;
	int used = snprintf(smp->why, smp->why_size, "-smp %s: ", smp->text);

	va_start(arguments, format);
	if (used >= 0 && (size_t)used < smp->why_size)
		vsnprintf(smp->why + used, smp->why_size - (size_t)used, format, arguments);
	va_end(arguments);
	return false;
}

/* One more than OPTIONS_MAX_CPUS: too many. */
static bool number(const char *digits, size_t length, uint32_t *value)
{
	*value = 0;
	for (size_t i = 0; i < length; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		*value = *value * 10 + (uint32_t)(digits[i] - '0');
		if (*value > OPTIONS_MAX_CPUS)
			*value = OPTIONS_MAX_CPUS + 1;
	}
	return length > 0;
}

static enum part named(const char *name, size_t length)
{
	enum part part = CPUS;

	while (part < PARTS &&
	       (strlen(names[part]) != length || memcmp(names[part], name, length) != 0))
		part++;
	return part;
}

static bool take(struct smp *smp, enum part part, const char *digits, size_t length)
{
	const char *what = part == CPUS ? "processors" : names[part];
	uint32_t value;

	if (smp->count[part])
		return refuse(smp, "%s is given twice", names[part]);
	if (!number(digits, length, &value))
		return refuse(smp, "'%.*s' is not a number of %s; give 1 to %d", (int)length,
			      digits, what, OPTIONS_MAX_CPUS);
	if (value == 0)
		return refuse(smp, "a machine has at least one of its %s; give 1 to %d", what,
			      OPTIONS_MAX_CPUS);
	if (value > OPTIONS_MAX_CPUS)
		return refuse(smp, "too many %s; give 1 to %d", what, OPTIONS_MAX_CPUS);
	smp->count[part] = value;
	return true;
}

static bool take_all(struct smp *smp)
{
	const char *at = smp->text;

	for (bool first = true;; first = false) {
		size_t length = strcspn(at, ","), name = strcspn(at, "=,");
		enum part part = CPUS;

		if (name < length)
			part = named(at, name++);
		else if (first)
			name = 0;
		else
			part = PARTS;
		if (part == PARTS)
			return refuse(smp,
				      "'%.*s' is no part of it; behind the number come sockets=, "
				      "cores= and threads=",
				      (int)length, at);
		if (!take(smp, part, at + name, length - name))
			return false;
		if (at[length] == '\0')
			return true;
		at += length + 1;
	}
}

static uint32_t quotient(uint32_t cpus, uint32_t known)
{
	return cpus >= known ? cpus / known : 1;
}

/* As QEMU has done it since 6.2: rather more cores than more sockets, threads last. */
static void complete(uint32_t count[PARTS])
{
	uint32_t cpus;

	if (!count[CPUS])
		count[CPUS] = count[MAXCPUS];
	cpus = count[CPUS];
	if (!count[SOCKETS] && (!cpus || !count[CORES]))
		count[SOCKETS] = 1;
	if (!count[THREADS] && (!cpus || !count[CORES] || !count[SOCKETS]))
		count[THREADS] = 1;
	if (!count[CORES])
		count[CORES] = cpus ? quotient(cpus, count[SOCKETS] * count[THREADS]) : 1;
	else if (!count[SOCKETS])
		count[SOCKETS] = quotient(cpus, count[CORES] * count[THREADS]);
	else if (!count[THREADS])
		count[THREADS] = quotient(cpus, count[SOCKETS] * count[CORES]);
}

static const char *plural(uint32_t count)
{
	return count == 1 ? "" : "s";
}

static bool check(struct smp *smp)
{
	const uint32_t *count = smp->count;
	uint64_t product = (uint64_t)count[SOCKETS] * count[CORES] * count[THREADS];

	if (count[MAXCPUS] && count[MAXCPUS] != count[CPUS])
		return refuse(smp,
			      "maxcpus must be the number of processors, %" PRIu32
			      ": none is added later",
			      count[CPUS]);
	if (count[CPUS] && product != count[CPUS])
		return refuse(smp,
			      "%" PRIu32 " socket%s of %" PRIu32 " core%s of %" PRIu32
			      " thread%s make %" PRIu64 " processor%s, not %" PRIu32,
			      count[SOCKETS], plural(count[SOCKETS]), count[CORES],
			      plural(count[CORES]), count[THREADS], plural(count[THREADS]), product,
			      product == 1 ? "" : "s", count[CPUS]);
	if (product > OPTIONS_MAX_CPUS)
		return refuse(smp, "too many processors, %" PRIu64 "; give 1 to %d", product,
			      OPTIONS_MAX_CPUS);
	smp->count[CPUS] = (uint32_t)product;
	return true;
}

bool options_smp(const char *text, struct options *options, char *why, size_t why_size)
{
	struct smp smp = {.text = text, .why = why, .why_size = why_size};

	if (!take_all(&smp))
		return false;
	complete(smp.count);
	if (!check(&smp))
		return false;
	options->cpus = smp.count[CPUS];
	options->cores = smp.count[CORES];
	options->threads = smp.count[THREADS];
	return true;
}
