// SPDX-License-Identifier: BSD-2-Clause
// The cascade of the two 8259As, their ports and INTR, as the AT wires them.
// Not what one chip does by itself: i8259_chip.c.
#include "devices/i8259.h"

#define POLL_REQUEST 0x80u
#define OPEN_BUS     0xFFu

/* The timer, the keyboard, the cascade; the clock, the coprocessor: edge-triggered on every PC. */
#define ELCR_MASTER 0xF8u
#define ELCR_SLAVE  0xDEu

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
	i8259_chip_input(&pic->master, I8259_CASCADE, i8259_chip_request(&pic->slave) >= 0,
			 pic->keep_edges);
	drive_intr(pic, i8259_chip_request(&pic->master) >= 0);
}

/* The slave's INT falls at its acknowledge; settle() raises it again where more waits. */
static unsigned acknowledge_slave(struct i8259 *pic)
{
	unsigned ir = i8259_chip_acknowledge(&pic->slave);

	i8259_chip_input(&pic->master, I8259_CASCADE, false, false);
	return ir;
}

/* So does INTR at the master's, whatever the slave does in the same cycle. */
static void settle_acknowledged(struct i8259 *pic)
{
	drive_intr(pic, false);
	settle(pic);
}

/* "Cascade Mode": the master leaves the bus to the slave whose address it puts on CAS0-2. */
static uint8_t answer_intack(struct i8259 *pic)
{
	unsigned ir = i8259_chip_acknowledge(&pic->master);

	if (!(i8259_chip_slaves(&pic->master) >> ir & 1))
		return i8259_chip_vector(&pic->master, ir);
	if (!i8259_chip_answers(&pic->slave, ir))
		return OPEN_BUS;
	return i8259_chip_vector(&pic->slave, acknowledge_slave(pic));
}

uint8_t i8259_intack(struct i8259 *pic)
{
	uint8_t vector = answer_intack(pic);

	settle_acknowledged(pic);
	return vector;
}

/* "Poll Command": this read is the acknowledge. What comes between the command and the read counts
 * as having come before. */
static uint8_t read_poll(struct i8259 *pic, struct i8259_chip *chip)
{
	unsigned request = i8259_chip_request(chip) >= 0 ? POLL_REQUEST : 0;
	unsigned ir;

	chip->poll = false;
	if (chip->master) {
		ir = i8259_chip_acknowledge(chip);
		settle_acknowledged(pic);
	} else {
		ir = acknowledge_slave(pic);
		settle(pic);
	}
	return (uint8_t)(request | ir);
}

static uint8_t chip_read(struct i8259 *pic, struct i8259_chip *chip, uint64_t port)
{
	return chip->poll ? read_poll(pic, chip) : i8259_chip_read(chip, port != 0);
}

static void chip_write(struct i8259 *pic, struct i8259_chip *chip, uint64_t port, uint64_t value)
{
	i8259_chip_write(chip, port != 0, (uint8_t)value);
	settle(pic);
}

/* ---- the outside ---- */

static void power_on(struct i8259_chip *chip, bool master)
{
	*chip = (struct i8259_chip){.lines = chip->lines, .master = master};
}

void i8259_init(struct i8259 *pic, struct irq_line intr, bool keep_edges)
{
	*pic = (struct i8259){.intr = intr, .keep_edges = keep_edges};
	i8259_reset(pic);
}

void i8259_reset(struct i8259 *pic)
{
	power_on(&pic->master, true);
	power_on(&pic->slave, false);
	settle(pic);
}

static void set_input(void *opaque, unsigned n, bool level)
{
	struct i8259 *pic = opaque;

	i8259_chip_input(n < 8 ? &pic->master : &pic->slave, n % 8, level, pic->keep_edges);
	settle(pic);
}

struct irq_line i8259_input(struct i8259 *pic, unsigned n)
{
	if (n >= I8259_INPUTS || n == I8259_CASCADE)
		return (struct irq_line){0};
	return (struct irq_line){.set = set_input, .opaque = pic, .n = n};
}

void i8259_state(struct i8259 *pic, struct state *s)
{
	i8259_chip_state(&pic->master, s);
	i8259_chip_state(&pic->slave, s);
	state_bool(s, &pic->intr_level);
}

static struct state_error cascade_error(const struct i8259 *pic)
{
	bool cascade = pic->master.lines >> I8259_CASCADE & 1;

	if (cascade != (i8259_chip_request(&pic->slave) >= 0))
		return state_wrong("the slave's INT", "is not what its requests make it");
	if (pic->intr_level != (i8259_chip_request(&pic->master) >= 0))
		return state_wrong("INTR", "is not what the master's requests make it");
	if (!pic->keep_edges && (pic->master.edges & ~pic->master.lines) >> I8259_CASCADE & 1)
		return state_wrong("the slave's edge", "has outlived its line");
	return state_ok();
}

struct state_error i8259_state_error(const struct i8259 *pic)
{
	const char *master = i8259_chip_state_error(&pic->master);
	const char *slave = i8259_chip_state_error(&pic->slave);

	if (master)
		return state_wrong("the master", master);
	if (slave)
		return state_wrong("the slave", slave);
	if (pic->master.elcr & ~ELCR_MASTER || pic->slave.elcr & ~ELCR_SLAVE)
		return state_wrong("ELCR",
				   "has an input in level mode that is an edge on every PC");
	return cascade_error(pic);
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

	(void)width;
	if (offset)
		i8259_chip_set_elcr(&pic->slave, (uint8_t)(value & ELCR_SLAVE));
	else
		i8259_chip_set_elcr(&pic->master, (uint8_t)(value & ELCR_MASTER));
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
