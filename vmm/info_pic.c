// SPDX-License-Identifier: BSD-2-Clause
// Prints the 8259As three ways: a line for each, or both as one 16-bit controller as Linux has it.
// No register is read as software reads it: that could be an acknowledge.

#include "vmm/info_pic.h"

#define ICW2_BASE 0xF8u
#define ICW4_SFNM 0x10u /* special fully nested mode */

static void qemu_chip(const struct i8259_chip *c, unsigned n, FILE *to)
{
	fprintf(to,
		"pic%u: irr=%02x imr=%02x isr=%02x hprio=%u irq_base=%02x rr_sel=%u elcr=%02x "
		"fnm=%u\n",
		n, i8259_chip_irr(c), c->imr, c->isr, (c->lowest + 1u) % 8, c->icw2 & ICW2_BASE,
		c->read_isr, c->elcr, (c->icw4 & ICW4_SFNM) != 0);
}

static unsigned both(uint8_t master, uint8_t slave)
{
	return (unsigned)slave << 8 | master;
}

static void print_linux(const struct i8259 *pic, FILE *to)
{
	const struct i8259_chip *m = &pic->master, *s = &pic->slave;

	fputs("printing PIC contents\n", to);
	fprintf(to, "... PIC  IMR: %04x\n", both(m->imr, s->imr));
	fprintf(to, "... PIC  IRR: %04x\n", both(i8259_chip_irr(m), i8259_chip_irr(s)));
	fprintf(to, "... PIC  ISR: %04x\n", both(m->isr, s->isr));
	fprintf(to, "... PIC ELCR: %04x\n", both(m->elcr, s->elcr));
}

static void json_chip(const struct i8259_chip *c, FILE *to)
{
	fprintf(to,
		"{\"irr\": %u, \"imr\": %u, \"isr\": %u, \"first\": %u, \"base\": %u, "
		"\"reads_isr\": %s, \"elcr\": %u, \"special_fully_nested\": %s}",
		i8259_chip_irr(c), c->imr, c->isr, (c->lowest + 1u) % 8, c->icw2 & ICW2_BASE,
		c->read_isr ? "true" : "false", c->elcr, c->icw4 & ICW4_SFNM ? "true" : "false");
}

void info_pic_print(const struct i8259 *pic, enum info_format format, FILE *to)
{
	switch (format) {
	case INFO_QEMU:
		/* In this order, and with these numbers. */
		qemu_chip(&pic->slave, 1, to);
		qemu_chip(&pic->master, 0, to);
		return;
	case INFO_LINUX: print_linux(pic, to); return;
	case INFO_JSON:
		fputc('[', to);
		json_chip(&pic->master, to);
		fputs(", ", to);
		json_chip(&pic->slave, to);
		fputc(']', to);
		return;
	}
}
