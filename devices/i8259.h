// SPDX-License-Identifier: BSD-2-Clause
// The PC's two 8259A interrupt controllers, the slave's INT on the master's IR2, with their ELCR.
// Not the processor's side: who watches INTR, and where the vector goes, is the owner's choice.
#ifndef DEVICES_I8259_H
#define DEVICES_I8259_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/i8259_chip.h"
#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define I8259_MASTER_PORT 0x20u
#define I8259_SLAVE_PORT  0xA0u
#define I8259_ELCR_PORT   0x4D0u
#define I8259_PORTS       2u  /* of each of the three */
#define I8259_INPUTS      16u /* 0 to 7 are the master's, 8 to 15 the slave's */
#define I8259_CASCADE     2u  /* no input of the pair: the slave's INT is wired there */

/* The caller's memory. Fields are for reading in tests and reports; only the functions write them.
 */
struct i8259 {
	struct i8259_chip master, slave;
	struct irq_line intr;
	bool intr_level;
	bool keep_edges;
};

/*
 * The pair after power-on: nothing reaches INTR before software has written ICW1 to ICW4.
 *
 * intr is copied; {0} leaves it unconnected. INTR falls at every acknowledge, and rises again at
 * once where another request waits: an edge-triggered input behind it sees each.
 *
 * keep_edges: an edge-triggered request stays when its line falls before the acknowledge, as the
 * models of KVM and QEMU have it, and software that was only ever run there. False: it goes with
 * its line ("Edge and Level Triggered Modes" in the data sheet). The slave's request at the master
 * is such an edge: kept, it can lead to a slave that has nothing left, whose IR7 is answered then
 * ("spurious IRQ 15"). A level goes with its line in either case.
 */
void i8259_init(struct i8259 *pic, struct irq_line intr, bool keep_edges);

/* Power-on once more, ELCR included; the input lines are as high as their devices hold them. */
void i8259_reset(struct i8259 *pic);

/*
 * The wire to input n, 0 to 15. Inputs 2 and those from 16 on are not there: their lines lead
 * nowhere. A line has one driver; who has more of them ors them together.
 */
struct irq_line i8259_input(struct i8259 *pic, unsigned n);

/*
 * The processor's interrupt acknowledge, both cycles: the vector, 0 to 255. It can always be
 * called. Where no request is left it is that of IR7, and no ISR bit says that it is in service;
 * where the master names a slave that is not there nobody drives the bus, and it is 255.
 */
uint8_t i8259_intack(struct i8259 *pic);

/* devices/state.h. */
void i8259_state(struct i8259 *pic, struct state *s);
struct state_error i8259_state_error(const struct i8259 *pic);

/*
 * Ports 20h-21h, A0h-A1h and 4D0h-4D1h, for bus_add(). pic must outlive the regions. Threads: see
 * devices/bus.h; i8259_intack() is a call into this folder like any other.
 */
struct bus_region i8259_master_region(struct i8259 *pic);
struct bus_region i8259_slave_region(struct i8259 *pic);
struct bus_region i8259_elcr_region(struct i8259 *pic);

#ifdef __cplusplus
}
#endif
#endif
