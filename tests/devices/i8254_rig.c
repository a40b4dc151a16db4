// SPDX-License-Identifier: BSD-2-Clause
// The timer's rig: a clock of 14318180/12 Hz in 128 bits, and what software writes to the ports.
// Not thread-safe: the models are not either.
#include "tests/devices/i8254_rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

static uint64_t tell_now(void *opaque)
{
	return ((const struct i8254_rig *)opaque)->ns;
}

static const struct i8254_ops ops = {.now = tell_now};

uint64_t pit_ns_of(uint64_t clock)
{
	unsigned __int128 twelfths = (unsigned __int128)clock * 12 * 1000000000;

	return (uint64_t)((twelfths + 14318180 - 1) / 14318180);
}

void pit_set_up(struct i8254_rig *rig, uint64_t start, uint64_t floor_ns)
{
	struct bus_region ports, port61;

	memset(rig, 0xA5, sizeof(*rig));
	rig->log.used = 0;
	rig->log.text[0] = '\0';
	rig->clock = start;
	rig->ns = pit_ns_of(start);
	i8254_init(&rig->pit, &ops, rig, recorder_irq(&rig->log, 0), floor_ns);
	bus_init(&rig->bus, "ports", BUS_LAST_PORT, rig->table, 2);
	ports = i8254_region(&rig->pit);
	port61 = i8254_port61_region(&rig->pit);
	assert_int_equal(bus_add(&rig->bus, &ports, NULL, 0), BUS_OK);
	assert_int_equal(bus_add(&rig->bus, &port61, NULL, 0), BUS_OK);
}

void pit_pass(struct i8254_rig *rig, uint64_t n)
{
	rig->clock += n;
	rig->ns = pit_ns_of(rig->clock);
}

unsigned pit_run(struct i8254_rig *rig, uint64_t n)
{
	uint64_t end = pit_ns_of(rig->clock + n);
	unsigned ticks = 0;

	for (uint64_t next; (next = i8254_next(&rig->pit)) <= end; ticks++) {
		assert_true(next > rig->ns);
		rig->ns = next;
		i8254_tick(&rig->pit);
	}
	rig->clock += n;
	rig->ns = end;
	return ticks;
}

void pit_out(struct i8254_rig *rig, unsigned port, unsigned value)
{
	bus_write(&rig->bus, port, 1, value);
}

unsigned pit_in(struct i8254_rig *rig, unsigned port)
{
	return (unsigned)bus_read(&rig->bus, port, 1);
}

void pit_program(struct i8254_rig *rig, unsigned n, unsigned word)
{
	pit_out(rig, CONTROL, SELECT(n) | (word & BOTH ? word : word | BOTH));
}

void pit_count(struct i8254_rig *rig, unsigned n, unsigned count)
{
	pit_out(rig, CH0 + n, count & 0xFF);
	pit_out(rig, CH0 + n, count >> 8);
}

unsigned pit_latched(struct i8254_rig *rig, unsigned n)
{
	unsigned low;

	pit_out(rig, CONTROL, SELECT(n));
	low = pit_in(rig, CH0 + n);
	return low | pit_in(rig, CH0 + n) << 8;
}

unsigned pit_status(struct i8254_rig *rig, unsigned n)
{
	pit_out(rig, CONTROL, READ_STATUS(n));
	return pit_in(rig, CH0 + n);
}

bool pit_output(struct i8254_rig *rig, unsigned n)
{
	return pit_status(rig, n) & OUTPUT;
}

void pit_gate(struct i8254_rig *rig, bool level)
{
	pit_out(rig, PORT61, (pit_in(rig, PORT61) & ~1u) | level);
}
