// SPDX-License-Identifier: BSD-2-Clause
// A wired OR with two ends, as the ISA bus has at the 8259A pair and the I/O APIC.
// Not polarity: a driver's true is a request, however the pin shows it.

#include "devices/irq_wire.h"

static void tell(const struct irq_wire *wire, bool level)
{
	for (unsigned i = 0; i < IRQ_WIRE_ENDS; i++)
		irq_line_set(&wire->ends[i], level);
}

static void set(void *opaque, unsigned driver, bool level)
{
	struct irq_wire *wire = opaque;
	uint32_t bit = UINT32_C(1) << driver, before = wire->high;

	wire->high = level ? before | bit : before & ~bit;
	if (!before != !wire->high)
		tell(wire, level);
}

struct irq_line irq_wire_driver(struct irq_wire *wire, unsigned driver)
{
	if (driver >= IRQ_WIRE_DRIVERS)
		return (struct irq_line){0};
	return (struct irq_line){.set = set, .opaque = wire, .n = driver};
}

void irq_wire_repeat(const struct irq_wire *wire)
{
	tell(wire, wire->high != 0);
}

void irq_wire_state(struct irq_wire *wire, struct state *s)
{
	state_u32(s, &wire->high);
}
