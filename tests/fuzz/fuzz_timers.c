// SPDX-License-Identifier: BSD-2-Clause
// CMOS clock, ACPI's PM block and HPET, driven by whatever a guest, a host and their clocks do.
// Not a test of what they answer: of lines that alternate, ticks that are due, and time that ends.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/acpi_pm.h"
#include "devices/bus.h"
#include "devices/cmos.h"
#include "devices/hpet.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND       UINT64_C(1000000000)
/* A run's clock stays below; a host's would get there in 146 years. */
#define END_OF_TIME (UINT64_C(1) << 62)

enum { LINE_CMOS, LINE_SCI, LINE_HPET, LINES = LINE_HPET + HPET_LINES };

struct machine {
	struct bus_region port_table[3], memory_table[1];
	struct bus ports, memory;
	struct cmos cmos;
	struct acpi_pm pm;
	struct hpet hpet;
	uint64_t now;
	struct timespec time_of_day;
	bool level[LINES];
	unsigned rises; /* of any line, since somebody looked */
	bool legacy;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t tell_now(void *opaque)
{
	return ((const struct machine *)opaque)->now;
}

static void tell_time_of_day(void *opaque, struct timespec *now)
{
	*now = ((const struct machine *)opaque)->time_of_day;
}

static void take_level(void *opaque, unsigned n, bool level)
{
	struct machine *m = opaque;

	require(n < LINES && m->level[n] != level);
	m->level[n] = level;
	m->rises += level;
}

static void take_sleep(void *opaque, unsigned type)
{
	(void)opaque;
	require(type < 8);
}

static void take_legacy(void *opaque, bool on)
{
	struct machine *m = opaque;

	require(m->legacy != on);
	require(!m->level[LINE_HPET + HPET_LINE_IRQ0] && !m->level[LINE_HPET + HPET_LINE_IRQ8]);
	m->legacy = on;
}

static const struct cmos_ops cmos_ops = {.now = tell_now, .time_of_day = tell_time_of_day};
static const struct acpi_pm_ops pm_ops = {.now = tell_now, .sleep = take_sleep};
static const struct hpet_ops hpet_ops = {.now = tell_now, .legacy = take_legacy};

static void build(struct machine *m, unsigned how)
{
	struct bus_region ports[3], memory;
	struct irq_line lines[HPET_LINES];

	memset(m, 0, sizeof(*m));
	m->now = 12345678901;
	m->time_of_day = (struct timespec){.tv_sec = 1703894398, .tv_nsec = 250000000};
	for (unsigned i = 0; i < HPET_LINES; i++)
		lines[i] = (struct irq_line){take_level, m, LINE_HPET + i};
	cmos_init(&m->cmos, &cmos_ops, m, (struct irq_line){take_level, m, LINE_CMOS},
		  &(struct cmos_machine){1 << 30, 0, 2});
	acpi_pm_init(&m->pm, &pm_ops, m, (struct irq_line){take_level, m, LINE_SCI}, how & 1);
	hpet_init(&m->hpet, &hpet_ops, m, lines);
	bus_init(&m->ports, "port I/O", BUS_LAST_PORT, m->port_table, COUNT(m->port_table));
	bus_init(&m->memory, "memory", BUS_LAST_MEMORY, m->memory_table, COUNT(m->memory_table));
	ports[0] = cmos_region(&m->cmos);
	ports[1] = acpi_pm_region(&m->pm);
	ports[2] = acpi_pm_smi_region(&m->pm);
	for (unsigned i = 0; i < 3; i++)
		require(bus_add(&m->ports, &ports[i], NULL, 0) == BUS_OK);
	memory = hpet_region(&m->hpet);
	require(bus_add(&m->memory, &memory, NULL, 0) == BUS_OK);
}

struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		value |= (uint64_t)*in->data++ << (8 * i);
	return value;
}

/* how: bit 0 a write; the rest the width, mostly one there is. */
static void access_bus(const struct bus *bus, uint64_t address, unsigned how, struct input *in)
{
	unsigned width = how & 0x80 ? how >> 1 & 0xF : 1u << (how >> 1 & 3);

	if (how & 1) {
		bus_write(bus, address, width, take(in, 8));
	} else {
		uint64_t value = bus_read(bus, address, width);

		require(width >= 8 || value >> (8 * width) == 0);
	}
}

static void access_cmos(struct machine *m, struct input *in)
{
	unsigned index = (unsigned)take(in, 1);

	/* Mostly the clock's registers. */
	bus_write(&m->ports, 0x70, 1, index < 0xE0 ? index % 14 : index);
	access_bus(&m->ports, 0x71, (unsigned)take(in, 1) & 1, in);
}

/* A comparator a little ahead of the counter, as drivers have it. */
static void set_deadline(const struct machine *m, struct input *in)
{
	uint64_t comparator = HPET_BASE + 0x108 + 0x20 * (take(in, 1) % HPET_TIMERS);

	bus_write(&m->memory, comparator, 8,
		  bus_read(&m->memory, HPET_BASE + 0xF0, 8) + take(in, 2));
}

static uint64_t next(const struct machine *m)
{
	uint64_t at = cmos_next(&m->cmos), other = acpi_pm_next(&m->pm);

	at = other < at ? other : at;
	other = hpet_next(&m->hpet);
	return other < at ? other : at;
}

/* Whatever was due has been: the next time is ahead, and a second tick has nothing to do. */
static void tick(struct machine *m)
{
	cmos_tick(&m->cmos);
	acpi_pm_tick(&m->pm);
	hpet_tick(&m->hpet);
	require(next(m) > m->now);
	m->rises = 0;
	cmos_tick(&m->cmos);
	acpi_pm_tick(&m->pm);
	hpet_tick(&m->hpet);
	require(m->rises == 0);
}

static void pass(struct machine *m, uint64_t ns)
{
	uint64_t left = m->now < END_OF_TIME ? END_OF_TIME - m->now : 0, nsec;

	if (ns > left)
		ns = left;
	m->now += ns;
	nsec = (uint64_t)m->time_of_day.tv_nsec + ns % SECOND;
	m->time_of_day.tv_sec += (time_t)(ns / SECOND + nsec / SECOND);
	m->time_of_day.tv_nsec = (long)(nsec % SECOND);
}

/* An owner that sleeps until it is due misses nothing before, and something then. */
static void sleep_until_due(struct machine *m)
{
	uint64_t due;
	bool hpet;

	tick(m);
	due = next(m);
	hpet = hpet_next(&m->hpet) == due;
	if (due == UINT64_MAX || due >= END_OF_TIME)
		return;
	pass(m, due - 1 - m->now);
	tick(m);
	require(next(m) == due);
	pass(m, 1);
	cmos_tick(&m->cmos);
	acpi_pm_tick(&m->pm);
	hpet_tick(&m->hpet);
	/* The HPET's edge may have met a line that was high. */
	require(m->rises || hpet);
	tick(m);
}

/* The host's clock is set, to within 2^46 seconds: it stays in the 2^50 of the contract. */
static void set_time_of_day(struct machine *m, struct input *in)
{
	m->time_of_day.tv_sec = (int64_t)take(in, 8) / (1 << 17);
	m->time_of_day.tv_nsec = (long)(take(in, 4) % SECOND);
}

static void reset(struct machine *m, unsigned which)
{
	if (which & 1)
		cmos_reset(&m->cmos);
	if (which & 2)
		acpi_pm_reset(&m->pm);
	if (which & 4)
		hpet_reset(&m->hpet);
}

static void check(const struct machine *m)
{
	require(m->cmos.irq_level == m->level[LINE_CMOS]);
	require(m->pm.sci_level == m->level[LINE_SCI]);
	for (unsigned i = 0; i < HPET_LINES; i++)
		require((m->hpet.levels >> i & 1) == m->level[LINE_HPET + i]);
	require(m->legacy == ((m->hpet.config & 3) == 3));
	require((m->pm.status & ~ACPI_PM_PRESENT) == 0 && (m->pm.enable & ~ACPI_PM_PRESENT) == 0);
	for (unsigned n = 0; n < HPET_TIMERS; n++) {
		require(m->hpet.timers[n].due > m->hpet.seen || !(m->hpet.config & 1));
		require(!(m->hpet.timers[n].config & 0x100) ||
			m->hpet.timers[n].comparator <= UINT32_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct machine m;

	build(&m, (unsigned)take(&in, 1));
	while (in.left) {
		unsigned step = (unsigned)take(&in, 1), how = (unsigned)take(&in, 1);

		switch (step % 13) {
		case 0:
		case 1: access_cmos(&m, &in); break;
		case 2: access_bus(&m.ports, 0x600 + take(&in, 1) % 12, how, &in); break;
		case 3: access_bus(&m.ports, 0xB2 + take(&in, 1) % 2, how, &in); break;
		case 4:
		case 5:
			access_bus(&m.memory, HPET_BASE + take(&in, 1) % 0x30 * 8, how | 4, &in);
			break;
		case 6: access_bus(&m.memory, HPET_BASE + take(&in, 2) % 0x400, how, &in); break;
		case 7: set_deadline(&m, &in); break;
		case 8: pass(&m, take(&in, how % 8 + 1)); break;
		case 9: tick(&m); break;
		case 10: sleep_until_due(&m); break;
		case 11:
			if (how & 1)
				set_time_of_day(&m, &in);
			else
				reset(&m, how >> 1);
			break;
		case 12: acpi_pm_event(&m.pm, (unsigned)take(&in, 2)); break;
		}
		check(&m);
	}
	return 0;
}
