// SPDX-License-Identifier: BSD-2-Clause
// One 8259A by Intel's data sheet (231468); sections named below are its own.
// Not buffered mode: ICW4's BUF and M/S are kept and change nothing, as the wiring gives the roles.
#include "devices/i8259_chip.h"

#include <stddef.h>

#define ICW1_IC4          0x01u
#define ICW1_SNGL         0x02u
#define ICW1_ADI          0x04u
#define ICW1_LTIM         0x08u
#define ICW1              0x10u
#define ICW1_A7_A5        0xE0u
#define ICW1_A7_A6        0xC0u

#define ICW4_UPM          0x01u
#define ICW4_AEOI         0x02u
#define ICW4_SFNM         0x10u

#define OCW2_LEVEL        0x07u
#define OCW2_COMMAND      0xE0u /* R, SL, EOI */
#define OCW2_AEOI_FIXED   0x00u
#define OCW2_EOI          0x20u
#define OCW2_EOI_SPECIFIC 0x60u
#define OCW2_AEOI_ROTATE  0x80u
#define OCW2_EOI_ROTATE   0xA0u
#define OCW2_SET_PRIORITY 0xC0u
#define OCW2_BOTH         0xE0u /* specific EOI and rotation */

#define OCW3              0x08u
#define OCW3_RIS          0x01u
#define OCW3_RR           0x02u
#define OCW3_P            0x04u
#define OCW3_SMM          0x20u
#define OCW3_ESMM         0x40u

#define DEFAULT_IR        7u

/* ---- requests ---- */

static uint8_t bit_of(unsigned ir)
{
	return (uint8_t)(1u << ir);
}

static uint8_t level_mode(const struct i8259_chip *chip)
{
	return chip->icw1 & ICW1_LTIM ? 0xFF : chip->elcr;
}

uint8_t i8259_chip_irr(const struct i8259_chip *chip)
{
	return chip->edges | (chip->lines & level_mode(chip));
}

/* How far from the highest priority, 0 to 7. */
static unsigned rank(const struct i8259_chip *chip, unsigned ir)
{
	return (ir - chip->lowest - 1u) & 7u;
}

/* The input of the highest priority in set, or -1. */
static int highest(const struct i8259_chip *chip, unsigned set)
{
	for (unsigned i = 1; i <= 8; i++) {
		unsigned ir = (chip->lowest + i) & 7u;

		if (set & bit_of(ir))
			return (int)ir;
	}
	return -1;
}

/* "Special Mask Mode": a level in service that is masked neither inhibits another nor is ended by a
 * non-specific EOI. */
static unsigned in_service(const struct i8259_chip *chip)
{
	return chip->special_mask ? chip->isr & ~(unsigned)chip->imr : chip->isr;
}

unsigned i8259_chip_slaves(const struct i8259_chip *chip)
{
	return !chip->master || (chip->icw1 & ICW1_SNGL) ? 0 : chip->icw3;
}

/* "Fully Nested Mode". */
int i8259_chip_request(const struct i8259_chip *chip)
{
	int ir = highest(chip, i8259_chip_irr(chip) & ~(unsigned)chip->imr);
	int busy = highest(chip, in_service(chip));

	if (ir < 0 || chip->step != I8259_READY)
		return -1;
	if (busy < 0 || rank(chip, (unsigned)ir) < rank(chip, (unsigned)busy))
		return ir;
	/* "The Special Fully Nested Mode": a slave in service is not locked out. */
	if (ir == busy && (chip->icw4 & ICW4_SFNM) &&
	    (i8259_chip_slaves(chip) & bit_of((unsigned)ir)))
		return ir;
	return -1;
}

void i8259_chip_input(struct i8259_chip *chip, unsigned ir, bool level, bool keep_edge)
{
	uint8_t bit = bit_of(ir);

	if (level) {
		chip->edges |= bit & ~chip->lines & ~level_mode(chip);
		chip->lines |= bit;
	} else {
		chip->lines &= (uint8_t)~bit;
		if (!keep_edge)
			chip->edges &= (uint8_t)~bit;
	}
}

unsigned i8259_chip_acknowledge(struct i8259_chip *chip)
{
	int ir = i8259_chip_request(chip);
	uint8_t bit;

	if (ir < 0)
		return DEFAULT_IR;
	bit = bit_of((unsigned)ir);
	chip->edges &= (uint8_t)~bit;
	if (!(chip->icw4 & ICW4_AEOI))
		chip->isr |= bit;
	else if (chip->rotate_on_aeoi)
		chip->lowest = (uint8_t)ir;
	return (unsigned)ir;
}

bool i8259_chip_answers(const struct i8259_chip *chip, unsigned address)
{
	return (chip->icw1 & ICW1_SNGL) || (chip->icw3 & 7u) == address;
}

/* "Interrupt Sequence": of an MCS-80's CALL an 80x86 takes the second byte, as it is the one that
 * comes with the second INTA. */
uint8_t i8259_chip_vector(const struct i8259_chip *chip, unsigned ir)
{
	if (chip->icw4 & ICW4_UPM)
		return (uint8_t)((chip->icw2 & 0xF8u) | ir);
	if (chip->icw1 & ICW1_ADI)
		return (uint8_t)((chip->icw1 & ICW1_A7_A5) | ir << 2);
	return (uint8_t)((chip->icw1 & ICW1_A7_A6) | ir << 3);
}

/* ---- commands ---- */

/* "Initialization Command Words 1 and 2", a to f. Not in that list, but in "Priority Cell": ICW1
 * also clears what is in service. */
static void write_icw1(struct i8259_chip *chip, uint8_t value)
{
	chip->icw1 = value;
	chip->icw3 = 7;
	chip->icw4 = 0;
	chip->edges = 0;
	chip->isr = 0;
	chip->imr = 0;
	chip->lowest = 7;
	chip->special_mask = false;
	chip->rotate_on_aeoi = false;
	chip->read_isr = false;
	chip->poll = false;
	chip->step = I8259_ICW2;
}

static enum i8259_step step_after(const struct i8259_chip *chip)
{
	if (chip->step == I8259_ICW2 && !(chip->icw1 & ICW1_SNGL))
		return I8259_ICW3;
	if (chip->step != I8259_ICW4 && (chip->icw1 & ICW1_IC4))
		return I8259_ICW4;
	return I8259_READY;
}

/* The odd port: "Initialization Sequence", then OCW1. */
static void write_odd(struct i8259_chip *chip, uint8_t value)
{
	switch (chip->step) {
	case I8259_POWER_ON:
	case I8259_READY: chip->imr = value; return;
	case I8259_ICW2: chip->icw2 = value; break;
	case I8259_ICW3: chip->icw3 = value; break;
	case I8259_ICW4: chip->icw4 = value; break;
	}
	chip->step = step_after(chip);
}

static void end_of_interrupt(struct i8259_chip *chip, int ir, bool rotate)
{
	if (ir < 0)
		return;
	chip->isr &= (uint8_t)~bit_of((unsigned)ir);
	if (rotate)
		chip->lowest = (uint8_t)ir;
}

static void write_ocw2(struct i8259_chip *chip, uint8_t value)
{
	int level = value & OCW2_LEVEL;

	switch (value & OCW2_COMMAND) {
	case OCW2_AEOI_FIXED: chip->rotate_on_aeoi = false; break;
	case OCW2_AEOI_ROTATE: chip->rotate_on_aeoi = true; break;
	case OCW2_EOI: end_of_interrupt(chip, highest(chip, in_service(chip)), false); break;
	case OCW2_EOI_ROTATE: end_of_interrupt(chip, highest(chip, in_service(chip)), true); break;
	case OCW2_EOI_SPECIFIC: end_of_interrupt(chip, level, false); break;
	case OCW2_BOTH: end_of_interrupt(chip, level, true); break;
	case OCW2_SET_PRIORITY: chip->lowest = (uint8_t)level; break;
	}
}

static void write_ocw3(struct i8259_chip *chip, uint8_t value)
{
	if (value & OCW3_ESMM)
		chip->special_mask = value & OCW3_SMM;
	if (value & OCW3_RR)
		chip->read_isr = value & OCW3_RIS;
	/* "Reading the 8259A Status": P overrides RR. */
	chip->poll = value & OCW3_P;
}

static void write_even(struct i8259_chip *chip, uint8_t value)
{
	if (value & ICW1)
		write_icw1(chip, value);
	else if (value & OCW3)
		write_ocw3(chip, value);
	else
		write_ocw2(chip, value);
}

/* ---- the ports ---- */

uint8_t i8259_chip_read(const struct i8259_chip *chip, bool odd)
{
	if (odd)
		return chip->imr;
	return chip->read_isr ? chip->isr : i8259_chip_irr(chip);
}

void i8259_chip_write(struct i8259_chip *chip, bool odd, uint8_t value)
{
	if (odd)
		write_odd(chip, value);
	else
		write_even(chip, value);
}

void i8259_chip_set_elcr(struct i8259_chip *chip, uint8_t elcr)
{
	chip->elcr = elcr;
	/* A line that was edge-triggered until now must not have its edge come up later. */
	chip->edges &= (uint8_t)~elcr;
}

/* ---- state ---- */

void i8259_chip_state(struct i8259_chip *chip, struct state *s)
{
	uint32_t step = chip->step;

	state_u8(s, &chip->lines);
	state_u8(s, &chip->edges);
	state_u8(s, &chip->isr);
	state_u8(s, &chip->imr);
	state_u8(s, &chip->elcr);
	state_u8(s, &chip->icw1);
	state_u8(s, &chip->icw2);
	state_u8(s, &chip->icw3);
	state_u8(s, &chip->icw4);
	state_u8(s, &chip->lowest);
	state_u32(s, &step);
	state_bool(s, &chip->special_mask);
	state_bool(s, &chip->rotate_on_aeoi);
	state_bool(s, &chip->read_isr);
	state_bool(s, &chip->poll);
	chip->step = (enum i8259_step)step;
}

const char *i8259_chip_state_error(const struct i8259_chip *chip)
{
	if (chip->lowest > 7)
		return "has a lowest priority above 7";
	if (chip->step > I8259_ICW4)
		return "waits for a command word that there is not";
	if (!(chip->icw1 & ICW1) != (chip->step == I8259_POWER_ON))
		return "is past power-on without ICW1, or not past it with one";
	if ((chip->step == I8259_ICW3 && (chip->icw1 & ICW1_SNGL)) ||
	    (chip->step == I8259_ICW4 && !(chip->icw1 & ICW1_IC4)))
		return "waits for a command word that ICW1 left out";
	if (chip->edges & level_mode(chip))
		return "has an edge at an input in level mode";
	return NULL;
}
