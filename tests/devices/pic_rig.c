// SPDX-License-Identifier: BSD-2-Clause
// The wiring behind the 8259A's tests.
// No expectation about the chips: those are the tests'.
#include "tests/devices/pic_rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

void pic_rig_set_up(struct pic_rig *rig)
{
	struct bus_region region;

	*rig = (struct pic_rig){.log = {.used = 0}};
	i8259_init(&rig->pic, recorder_irq(&rig->log, 0), false);
	bus_init(&rig->bus, "ports", BUS_LAST_PORT, rig->table, 4);
	region = i8259_master_region(&rig->pic);
	assert_int_equal(bus_add(&rig->bus, &region, NULL, 0), BUS_OK);
	region = i8259_slave_region(&rig->pic);
	assert_int_equal(bus_add(&rig->bus, &region, NULL, 0), BUS_OK);
	region = i8259_elcr_region(&rig->pic);
	assert_int_equal(bus_add(&rig->bus, &region, NULL, 0), BUS_OK);
}

void pic_rig_start(struct pic_rig *rig, unsigned port, const uint8_t icw[4])
{
	out(rig, port, icw[0]);
	out(rig, port + 1, icw[1]);
	if (!(icw[0] & 2))
		out(rig, port + 1, icw[2]);
	if (icw[0] & 1)
		out(rig, port + 1, icw[3]);
}

void pic_rig_start_pair(struct pic_rig *rig, uint8_t master_icw4, uint8_t slave_icw4)
{
	pic_rig_start(rig, M0, (const uint8_t[]){0x11, 0x20, 0x04, master_icw4});
	pic_rig_start(rig, S0, (const uint8_t[]){0x11, 0x70, 0x02, slave_icw4});
}

void out(struct pic_rig *rig, unsigned port, unsigned value)
{
	bus_write(&rig->bus, port, 1, value);
}

unsigned in(struct pic_rig *rig, unsigned port)
{
	return (unsigned)bus_read(&rig->bus, port, 1);
}

unsigned irr(struct pic_rig *rig, unsigned port)
{
	out(rig, port, OCW3_READ_IRR);
	return in(rig, port);
}

unsigned isr(struct pic_rig *rig, unsigned port)
{
	out(rig, port, OCW3_READ_ISR);
	return in(rig, port);
}

void line(struct pic_rig *rig, unsigned n, bool level)
{
	struct irq_line input = i8259_input(&rig->pic, n);

	irq_line_set(&input, level);
}

void edge(struct pic_rig *rig, unsigned n)
{
	line(rig, n, false);
	line(rig, n, true);
}

unsigned intack(struct pic_rig *rig)
{
	return i8259_intack(&rig->pic);
}

void forget(struct pic_rig *rig)
{
	rig->log.used = 0;
	rig->log.text[0] = '\0';
}
