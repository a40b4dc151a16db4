// SPDX-License-Identifier: BSD-2-Clause
// The 8259A by Intel's data sheet, twice, as the AT wires them; sections named below are its own.
// Not buffered mode: ICW4's BUF and M/S are kept and change nothing, as the wiring gives the roles.
#include "devices/i8259.h"

#define ICW1_IC4          0x01u
#define ICW1_SNGL         0x02u
#define ICW1_ADI          0x04u
#define ICW1_LTIM         0x08u
#define ICW1              0x10u
#define ICW1_A7_A5        0xE0u

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

#define POLL_REQUEST      0x80u

#define DEFAULT_IR        7u
#define OPEN_BUS          0xFFu

/* The timer, the keyboard, the cascade; the clock, the coprocessor: edge-triggered on every PC. */
#define ELCR_MASTER 0xF8u
#define ELCR_SLAVE  0xDEu

/* ---- one chip ---- */

static uint8_t bit_of(unsigned ir)
{
	return (uint8_t)(1u << ir);
}

static uint8_t level_mode(const struct i8259_chip *chip)
{
	return chip->icw1 & ICW1_LTIM ? 0xFF : chip->elcr;
}

uint8_t i8259_irr(const struct i8259_chip *chip)
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

/* The inputs that carry a slave's INT. Of the slave chip, ICW3 is its address. */
static unsigned slave_inputs(const struct i8259_chip *chip, bool master)
{
	return !master || (chip->icw1 & ICW1_SNGL) ? 0 : chip->icw3;
}

/* "Fully Nested Mode": the input that INT stands for, or -1 while INT is low. */
static int request(const struct i8259_chip *chip, bool master)
{
	int ir = highest(chip, i8259_irr(chip) & ~(unsigned)chip->imr);
	int busy = highest(chip, in_service(chip));

	if (ir < 0 || chip->step != I8259_READY)
		return -1;
	if (busy < 0 || rank(chip, (unsigned)ir) < rank(chip, (unsigned)busy))
		return ir;
	/* "The Special Fully Nested Mode": a slave in service is not locked out. */
	if (ir == busy && (chip->icw4 & ICW4_SFNM) &&
	    (slave_inputs(chip, master) & bit_of((unsigned)ir)))
		return ir;
	return -1;
}

static void chip_input(struct i8259_chip *chip, unsigned ir, bool level, bool keep_edge)
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

/* The request ir, or -1, is acknowledged: into service, unless AEOI ends that in the same breath.
 */
static unsigned chip_acknowledge(struct i8259_chip *chip, int ir)
{
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

/* "Interrupt Sequence": of an MCS-80's CALL an 80x86 takes the second byte, as it is the one that
 * comes with the second INTA. */
static uint8_t chip_vector(const struct i8259_chip *chip, unsigned ir)
{
	if (chip->icw4 & ICW4_UPM)
		return (uint8_t)((chip->icw2 & 0xF8u) | ir);
	if (chip->icw1 & ICW1_ADI)
		return (uint8_t)((chip->icw1 & ICW1_A7_A5) | ir << 2);
	return (uint8_t)((chip->icw1 & ICW1_A7_A5 & ~0x20u) | ir << 3);
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

/* ---- the pair ---- */

static void drive_intr(struct i8259 *pic, bool level)
{
	if (level == pic->intr_level)
		return;
	pic->intr_level = level;
	irq_line_set(&pic->intr, level);
}

/* After any change: what the master hears of the slave, and INTR. */
static void settle(struct i8259 *pic)
{
	chip_input(&pic->master, I8259_CASCADE, request(&pic->slave, false) >= 0, false);
	drive_intr(pic, request(&pic->master, true) >= 0);
}

/* INT falls at the acknowledge; settle() raises it again where more waits. */
static unsigned acknowledge(struct i8259 *pic, struct i8259_chip *chip)
{
	bool master = chip == &pic->master;
	unsigned ir = chip_acknowledge(chip, request(chip, master));

	if (!master)
		chip_input(&pic->master, I8259_CASCADE, false, false);
	return ir;
}

/* "Cascade Mode": the master leaves the bus to the slave whose address it puts on CAS0-2. */
static uint8_t answer_intack(struct i8259 *pic)
{
	unsigned ir = acknowledge(pic, &pic->master);

	if (!(slave_inputs(&pic->master, true) & bit_of(ir)))
		return chip_vector(&pic->master, ir);
	if (!(pic->slave.icw1 & ICW1_SNGL) && (pic->slave.icw3 & 7u) != ir)
		return OPEN_BUS;
	return chip_vector(&pic->slave, acknowledge(pic, &pic->slave));
}

uint8_t i8259_intack(struct i8259 *pic)
{
	uint8_t vector = answer_intack(pic);

	drive_intr(pic, false);
	settle(pic);
	return vector;
}

/* "Poll Command": this read is the acknowledge. What comes between the command and the read counts
 * as having come before. */
static uint8_t read_poll(struct i8259 *pic, struct i8259_chip *chip)
{
	bool master = chip == &pic->master;
	bool any = request(chip, master) >= 0;
	unsigned ir = acknowledge(pic, chip);

	chip->poll = false;
	if (master)
		drive_intr(pic, false);
	settle(pic);
	return (uint8_t)(any ? POLL_REQUEST | ir : ir);
}

static uint8_t chip_read(struct i8259 *pic, struct i8259_chip *chip, uint64_t port)
{
	if (chip->poll)
		return read_poll(pic, chip);
	if (port)
		return chip->imr;
	return chip->read_isr ? chip->isr : i8259_irr(chip);
}

static void chip_write(struct i8259 *pic, struct i8259_chip *chip, uint64_t port, uint64_t value)
{
	if (port)
		write_odd(chip, (uint8_t)value);
	else
		write_even(chip, (uint8_t)value);
	settle(pic);
}

/* ---- the outside ---- */

static void power_on(struct i8259_chip *chip)
{
	*chip = (struct i8259_chip){.lines = chip->lines, .lowest = 7, .step = I8259_POWER_ON};
}

void i8259_init(struct i8259 *pic, struct irq_line intr, bool keep_edges)
{
	*pic = (struct i8259){.intr = intr, .keep_edges = keep_edges};
	power_on(&pic->master);
	power_on(&pic->slave);
}

void i8259_reset(struct i8259 *pic)
{
	power_on(&pic->master);
	power_on(&pic->slave);
	settle(pic);
}

static void set_input(void *opaque, unsigned n, bool level)
{
	struct i8259 *pic = opaque;

	chip_input(n < 8 ? &pic->master : &pic->slave, n % 8, level, pic->keep_edges);
	settle(pic);
}

struct irq_line i8259_input(struct i8259 *pic, unsigned n)
{
	if (n >= I8259_INPUTS || n == I8259_CASCADE)
		return (struct irq_line){0};
	return (struct irq_line){.set = set_input, .opaque = pic, .n = n};
}

static uint64_t master_read(void *opaque, uint64_t offset, unsigned width)
{
	struct i8259 *pic = opaque;

	(void)width;
	return chip_read(pic, &pic->master, offset);
}

static void master_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct i8259 *pic = opaque;

	(void)width;
	chip_write(pic, &pic->master, offset, value);
}

static uint64_t slave_read(void *opaque, uint64_t offset, unsigned width)
{
	struct i8259 *pic = opaque;

	(void)width;
	return chip_read(pic, &pic->slave, offset);
}

static void slave_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct i8259 *pic = opaque;

	(void)width;
	chip_write(pic, &pic->slave, offset, value);
}

static uint64_t elcr_read(void *opaque, uint64_t offset, unsigned width)
{
	const struct i8259 *pic = opaque;

	(void)width;
	return offset ? pic->slave.elcr : pic->master.elcr;
}

static void elcr_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct i8259 *pic = opaque;
	struct i8259_chip *chip = offset ? &pic->slave : &pic->master;

	(void)width;
	chip->elcr = (uint8_t)(value & (offset ? ELCR_SLAVE : ELCR_MASTER));
	/* A line that was edge-triggered until now must not have its edge come up later. */
	chip->edges &= (uint8_t)~chip->elcr;
	settle(pic);
}

struct bus_region i8259_master_region(struct i8259 *pic)
{
	return (struct bus_region){
		.base = I8259_MASTER_PORT,
		.size = I8259_PORTS,
		.name = "i8259 master",
		.widths = 1,
		.read = master_read,
		.write = master_write,
		.opaque = pic,
	};
}

struct bus_region i8259_slave_region(struct i8259 *pic)
{
	return (struct bus_region){
		.base = I8259_SLAVE_PORT,
		.size = I8259_PORTS,
		.name = "i8259 slave",
		.widths = 1,
		.read = slave_read,
		.write = slave_write,
		.opaque = pic,
	};
}

struct bus_region i8259_elcr_region(struct i8259 *pic)
{
	return (struct bus_region){
		.base = I8259_ELCR_PORT,
		.size = I8259_PORTS,
		.name = "i8259 ELCR",
		.widths = 1,
		.read = elcr_read,
		.write = elcr_write,
		.opaque = pic,
	};
}
