// SPDX-License-Identifier: BSD-2-Clause
// An 8259A pair on a bus of its own, its INTR recorded as "irq0=<level> ".
// Not a machine: the test is the processor, and pulls the lines.
#ifndef TESTS_DEVICES_PIC_RIG_H
#define TESTS_DEVICES_PIC_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/i8259.h"
#include "tests/devices/recorder.h"

/* Ports. */
#define M0 0x20u
#define M1 0x21u
#define S0 0xA0u
#define S1 0xA1u

/* Commands, as bytes: the data sheet's figures "Initialization Command Word Format" and "Operation
 * Command Word Format". */
#define OCW2_EOI       0x20u
#define OCW3_READ_IRR  0x0Au
#define OCW3_READ_ISR  0x0Bu
#define OCW3_POLL      0x0Cu
#define OCW3_MASK_ON   0x68u
#define OCW3_MASK_OFF  0x48u
#define EOI_OF(ir)     (0x60u + (ir))
#define SET_LOWEST(ir) (0xC0u + (ir))

struct pic_rig {
	struct recorder log;
	struct i8259 pic;
	struct bus_region table[4];
	struct bus bus;
};

/* A pair after power-on, requests going with their lines, on the bus. */
void pic_rig_set_up(struct pic_rig *rig);
/* ICW1 to ICW4, each to one chip: ICW3 and ICW4 only where ICW1 announces them. */
void pic_rig_start(struct pic_rig *rig, unsigned port, const uint8_t icw[4]);
/* Both chips as PC software has them: vectors 20h and 70h, edges, master's and slave's ICW4. */
void pic_rig_start_pair(struct pic_rig *rig, uint8_t master_icw4, uint8_t slave_icw4);

void out(struct pic_rig *rig, unsigned port, unsigned value);
unsigned in(struct pic_rig *rig, unsigned port);
unsigned irr(struct pic_rig *rig, unsigned port);
unsigned isr(struct pic_rig *rig, unsigned port);
void line(struct pic_rig *rig, unsigned n, bool level);
/* Low and then high: an edge, and the line stays high. */
void edge(struct pic_rig *rig, unsigned n);
unsigned intack(struct pic_rig *rig);
/* Empties the log, whatever it holds. */
void forget(struct pic_rig *rig);

#endif
