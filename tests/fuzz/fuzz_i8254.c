// SPDX-License-Identifier: BSD-2-Clause
// An 8254 in leaps of time beside one that takes every clock by itself: both must be the same.
// Not a test of what the modes are: tests/devices/test_i8254_model.c knows the data sheet.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/bus.h"
#include "devices/i8254.h"

#define FLOOR_NS     20000u
#define FLOOR_CLOCKS 24u
#define LAST_NS      (UINT64_MAX - 1000000000) /* behind it nobody walks */
#define WALKED       100000u /* clocks of one input at most: more would take too long */

struct machine {
	struct i8254 pit;
	struct bus_region table[2];
	struct bus bus;
	uint64_t ns;
	bool level;
	uint64_t rises; /* of the line */
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t tell_now(void *opaque)
{
	return ((const struct machine *)opaque)->ns;
}

static void take_level(void *opaque, unsigned n, bool level)
{
	struct machine *m = opaque;

	require(n == 0 && m->level != level);
	m->level = level;
	m->rises += level;
}

static const struct i8254_ops ops = {.now = tell_now};

static void build(struct machine *m, uint64_t ns)
{
	struct bus_region ports, port61;

	memset(m, 0, sizeof(*m));
	m->ns = ns;
	i8254_init(&m->pit, &ops, m, (struct irq_line){take_level, m, 0}, FLOOR_NS);
	bus_init(&m->bus, "ports", BUS_LAST_PORT, m->table, 2);
	ports = i8254_region(&m->pit);
	port61 = i8254_port61_region(&m->pit);
	require(bus_add(&m->bus, &ports, NULL, 0) == BUS_OK);
	require(bus_add(&m->bus, &port61, NULL, 0) == BUS_OK);
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

/* What both must agree on. The line is not in it: edges merge where nobody ticks. */
static void same(const struct i8254 *a, const struct i8254 *b)
{
	require(a->port61 == b->port61);
	for (unsigned n = 0; n < I8254_CHANNELS; n++) {
		struct i8254_counter x = a->channels[n], y = b->channels[n];

		require(x.clock == y.clock && x.rises == y.rises && x.rose_at == y.rose_at);
		require(x.left == y.left && x.cr == y.cr && x.null_count == y.null_count);
		require(x.load == y.load && x.loaded == y.loaded && x.armed == y.armed);
		require(x.strobe == y.strobe && x.high == y.high && x.odd == y.odd);
		require(i8254_counter_out(&x) == i8254_counter_out(&y));
	}
}

static void check(const struct machine *m)
{
	const struct i8254 *pit = &m->pit;
	uint64_t next = i8254_next(pit);

	require(pit->irq_level == m->level);
	require(next > m->ns || m->ns == UINT64_MAX);
	require(pit->rises_seen <= pit->channels[0].rises);
	for (unsigned n = 0; n < I8254_CHANNELS; n++) {
		const struct i8254_counter *c = &pit->channels[n];

		require(c->left <= 65536 && i8254_counter_next_rise(c) > c->clock);
		require(!c->loaded || c->left > 0);
	}
}

/* The first nanosecond of that clock. */
static uint64_t ns_of(uint64_t clock)
{
	uint64_t whole = clock / I8254_STEP_CLOCKS, rest = clock % I8254_STEP_CLOCKS;

	return whole * I8254_STEP_NS +
	       (rest * I8254_STEP_NS + I8254_STEP_CLOCKS - 1) / I8254_STEP_CLOCKS;
}

/*
 * One leaps, the other takes each clock, and is asked for its next edge as seldom as an owner asks:
 * none is passed over, and neither edges nor wake-ups come more often than the floor lets them.
 */
static void pass(struct machine *leaper, struct machine *walker, uint64_t ns)
{
	const struct i8254_counter *c = &walker->pit.channels[0];
	uint64_t end = leaper->ns + ns, rises = walker->rises, from = c->clock, wake_ups = 0;
	uint64_t next = i8254_next(&walker->pit);
	unsigned mode = i8254_counter_mode(c);
	/* Modes 4 and 5: a strobe that ends, and then the count that was written meanwhile. */
	unsigned edges = c->strobe && c->load ? 2 : 1;

	for (uint64_t clock = from + 1; ns_of(clock) <= end; clock++) {
		uint64_t shown = walker->rises;

		walker->ns = ns_of(clock);
		i8254_tick(&walker->pit);
		require(walker->rises == shown || next <= walker->ns);
		if (next <= walker->ns) {
			next = i8254_next(&walker->pit);
			wake_ups++;
		}
	}
	leaper->ns = walker->ns = end;
	i8254_tick(&leaper->pit);
	i8254_tick(&walker->pit);
	if (mode == 2 || mode == 3) {
		require(walker->rises - rises <= (c->clock - from) / FLOOR_CLOCKS + 2);
		require(wake_ups <= (c->clock - from) / FLOOR_CLOCKS * 2 + 4);
	} else {
		require(wake_ups <= edges);
	}
	same(&leaper->pit, &walker->pit);
}

/* Too far to walk: it must come to rest, and the two go on as one. */
static void leap(struct machine *leaper, struct machine *walker, uint64_t ns)
{
	leaper->ns = ns > UINT64_MAX - leaper->ns ? UINT64_MAX : leaper->ns + ns;
	walker->ns = leaper->ns;
	i8254_tick(&leaper->pit);
	i8254_tick(&walker->pit);
	same(&leaper->pit, &walker->pit);
}

static void access_both(struct machine *a, struct machine *b, uint64_t address, struct input *in)
{
	unsigned kind = (unsigned)take(in, 1);
	unsigned width = kind & 0x80 ? 1 + kind / 4 % 8 : 1;

	if (kind & 1) {
		uint64_t value = take(in, width);

		bus_write(&a->bus, address, width, value);
		bus_write(&b->bus, address, width, value);
	} else {
		uint64_t value = bus_read(&a->bus, address, width);

		require(bus_read(&b->bus, address, width) == value);
		require(width >= 8 || value >> (8 * width) == 0);
	}
}

/* Channels 0 and 2 run from the start; the fuzzer would be long in getting there. */
static void program(struct machine *m, const uint8_t words[2], const uint16_t counts[2])
{
	for (unsigned i = 0; i < 2; i++) {
		bus_write(&m->bus, 0x43, 1, i << 7 | 0x30 | (words[i] & 15));
		bus_write(&m->bus, 0x40 + 2 * i, 1, counts[i] & 0xFF);
		bus_write(&m->bus, 0x40 + 2 * i, 1, counts[i] >> 8);
	}
	bus_write(&m->bus, 0x61, 1, 1);
}

/* How far to walk: mostly not far. */
static uint64_t distance(unsigned step, struct input *in)
{
	switch (step >> 6) {
	case 0: return step >> 3;
	case 1: return 8 + (step >> 3 & 7) * 8;
	case 2: return take(in, 1) * 5;
	default: return take(in, 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[] = {0x40, 0x41, 0x42, 0x43, 0x43,
					 0x61, 0x40, 0x42, 0x3E, 0x60};
	struct input in = {data, size};
	struct machine leaper, walker;
	uint64_t start = take(&in, 3) << 20;
	uint16_t counts[2];
	uint8_t words[2];
	uint64_t walked = 0, clocks;

	for (unsigned i = 0; i < 2; i++) {
		words[i] = (uint8_t)take(&in, 1);
		/* Small ones more often. */
		counts[i] = (uint16_t)take(&in, words[i] >> 6 ? 1 : 2);
	}
	build(&leaper, start);
	build(&walker, start);
	program(&leaper, words, counts);
	program(&walker, words, counts);
	while (in.left) {
		unsigned step = (unsigned)take(&in, 1);

		switch (step & 7) {
		case 0:
		case 1:
		case 2:
		case 3:
		case 4: access_both(&leaper, &walker, ports[step / 8 % 10], &in); break;
		case 5:
			clocks = distance(step, &in);
			walked += clocks;
			if (walked < WALKED && leaper.ns < LAST_NS)
				pass(&leaper, &walker, ns_of(clocks));
			break;
		case 6: leap(&leaper, &walker, take(&in, step & 0x80 ? 8 : 4)); break;
		default:
			if (step == 0xFF) {
				i8254_reset(&leaper.pit);
				i8254_reset(&walker.pit);
			} else {
				leap(&leaper, &walker, step);
			}
			break;
		}
		check(&leaper);
		check(&walker);
	}
	return 0;
}
