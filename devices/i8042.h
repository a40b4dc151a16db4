// SPDX-License-Identifier: BSD-2-Clause
// The PC's 8042 keyboard controller at 60h and 64h, a keyboard on which nobody types, no mouse.
// Not a source of keys, not the reset itself, and no gate: address line 20 is always on.
#ifndef DEVICES_I8042_H
#define DEVICES_I8042_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define I8042_DATA_PORT    0x60u
#define I8042_COMMAND_PORT 0x64u
#define I8042_RAM          32u /* bytes; the first is the command byte */
#define I8042_LONGEST      3u  /* bytes of a keyboard's longest answer */

/* Calls out of the model; see devices/bus.h for the lock they are made under. */
struct i8042_ops {
	/* The reset line was pulsed, by a command or by output port bit 0: the processors', by
	 * INIT. Never NULL. */
	void (*reset)(void *opaque);
};

/* A byte on its way to port 60h, and the status bits that go with it; 0: no byte. */
struct i8042_byte {
	uint8_t value;
	uint8_t status;
};

struct i8042_keyboard {
	uint8_t answer[I8042_LONGEST]; /* not yet taken by the controller, the oldest first */
	uint8_t count;                 /* of these */
	uint8_t last;                  /* taken last: what FEh asks for again */
	uint8_t command;               /* whose second byte is awaited; 0: none's */
	uint8_t scan_set;              /* 1 to 3 */
};

/* The caller's memory. Fields are for reading in tests and reports; only the functions write them.
 */
struct i8042 {
	const struct i8042_ops *ops;
	void *opaque;
	struct irq_line irq1, irq12;
	bool irq1_level, irq12_level;
	bool command_last;        /* status bit 3: 64h was written last, not 60h */
	uint8_t command;          /* whose data is awaited at 60h; 0: the keyboard's */
	struct i8042_byte output; /* what 60h reads; the value stays when it has been read */
	struct i8042_byte reply;  /* the controller's own, behind a byte that is not yet read */
	uint8_t ram[I8042_RAM];
	struct i8042_keyboard keyboard;
};

/*
 * The controller as a BIOS leaves it, for kernels that are started without one: keyboard enabled,
 * its interrupt too, codes translated to set 1, mouse interface off. ops and opaque stay the
 * caller's; the lines are copied, {0} leaves one unconnected. irq1 is the keyboard's and the
 * controller's own, irq12 the mouse interface's; each falls when its byte is read.
 */
void i8042_init(struct i8042 *dev, const struct i8042_ops *ops, void *opaque, struct irq_line irq1,
		struct irq_line irq12);

/* As after i8042_init(); bytes not yet read are lost. */
void i8042_reset(struct i8042 *dev);

/* devices/state.h. */
void i8042_state(struct i8042 *dev, struct state *s);
struct state_error i8042_state_error(const struct i8042 *dev);

/*
 * Ports 60h and 64h (61h between them is another chip's), for bus_add(). dev must outlive the
 * regions. Threads: see devices/bus.h.
 *
 * Every command is done at once, so the input buffer is always empty. One byte stands in the output
 * buffer, behind it the controller's latest reply and then the keyboard's answer; a keyboard that
 * is given a new byte forgets what it has not yet sent. What is written to the mouse comes back as
 * FEh with the time-out and auxiliary bits, as where none is plugged in.
 */
struct bus_region i8042_data_region(struct i8042 *dev);
struct bus_region i8042_command_region(struct i8042 *dev);

#ifdef __cplusplus
}
#endif
#endif
