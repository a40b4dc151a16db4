// SPDX-License-Identifier: BSD-2-Clause
// One interrupt wire of the board: several devices drive it, and it leads to several controllers.
// Not a controller: it is high as long as one driver holds it high, and that is all it knows.
#ifndef DEVICES_IRQ_WIRE_H
#define DEVICES_IRQ_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IRQ_WIRE_DRIVERS 32u
#define IRQ_WIRE_ENDS    2u

/* The caller's memory; zeroed, it is a wire that leads nowhere and is low. */
struct irq_wire {
	struct irq_line ends[IRQ_WIRE_ENDS]; /* set before the first driver moves */
	uint32_t high;                       /* one bit for each driver */
};

/*
 * The wire's end at a device: driver is 0 to 31, one for each device. A driver beyond leads
 * nowhere. Threads: see devices/bus.h.
 */
struct irq_line irq_wire_driver(struct irq_wire *wire, unsigned driver);

/* devices/state.h. No level of a driver is wrong in itself. */
void irq_wire_state(struct irq_wire *wire, struct state *s);

/* Tells the ends the level again, where a controller was reset that keeps none. */
void irq_wire_repeat(const struct irq_wire *wire);

#ifdef __cplusplus
}
#endif
#endif
