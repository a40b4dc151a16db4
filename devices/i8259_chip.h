// SPDX-License-Identifier: BSD-2-Clause
// One 8259A: its registers, which request stands behind INT, and the command words.
// Not a device on a bus: devices/i8259.c wires two. Only it and reports look in here.
#ifndef DEVICES_I8259_CHIP_H
#define DEVICES_I8259_CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a write to the odd port means. */
enum i8259_step {
	I8259_POWER_ON, /* OCW1; no ICW1 has come yet, so nothing is asked of the processor */
	I8259_READY,    /* OCW1 */
	I8259_ICW2,
	I8259_ICW3,
	I8259_ICW4,
};

/* The caller's memory, all zeros but for master after power-on. Bit n of a set is input IRn. */
struct i8259_chip {
	bool master;   /* pin SP/EN */
	uint8_t lines; /* inputs that are high */
	uint8_t edges; /* inputs in edge mode that have risen and still ask for service */
	uint8_t isr;
	uint8_t imr;
	uint8_t elcr; /* inputs in level mode; ICW1 may say so of all */
	uint8_t icw1, icw2, icw3, icw4;
	uint8_t lowest; /* the input that comes last; the one after it comes first. 7 after ICW1 */
	enum i8259_step step;
	bool special_mask;
	bool rotate_on_aeoi;
	bool read_isr; /* the even port reads ISR, otherwise IRR */
	bool poll;     /* the next read, of either port, is an acknowledge */
};

/* The interrupt request register. */
uint8_t i8259_chip_irr(const struct i8259_chip *chip);

/* The input that INT stands for, 0 to 7, or -1 while INT is low. */
int i8259_chip_request(const struct i8259_chip *chip);

/* Input ir, 0 to 7, is high or low now. keep_edge: see i8259_init(). */
void i8259_chip_input(struct i8259_chip *chip, unsigned ir, bool level, bool keep_edge);

/* INTA or a poll: the request, which is in service then unless AEOI ends that in the same breath;
 * with no request 7, and nothing is. */
unsigned i8259_chip_acknowledge(struct i8259_chip *chip);

/* The byte that this chip puts on the bus for its input ir, 0 to 7. */
uint8_t i8259_chip_vector(const struct i8259_chip *chip, unsigned ir);

/* Of a master: the set of inputs that carry a slave's INT. Of a slave: none, its ICW3 is its
 * address. */
unsigned i8259_chip_slaves(const struct i8259_chip *chip);

/* Of a slave: whether it takes this address on CAS0-2, 0 to 7, for its own. */
bool i8259_chip_answers(const struct i8259_chip *chip, unsigned address);

/* The ports, but for a read while poll is set, which is an acknowledge. */
uint8_t i8259_chip_read(const struct i8259_chip *chip, bool odd);
void i8259_chip_write(struct i8259_chip *chip, bool odd, uint8_t value);

/* devices/state.h, but for the role. What is wrong comes as its reason alone, NULL: nothing. */
void i8259_chip_state(struct i8259_chip *chip, struct state *s);
const char *i8259_chip_state_error(const struct i8259_chip *chip);

/* The inputs in level mode. The register stands beside the chip, on the same board. */
void i8259_chip_set_elcr(struct i8259_chip *chip, uint8_t elcr);

#ifdef __cplusplus
}
#endif
#endif
