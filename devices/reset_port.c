// SPDX-License-Identifier: BSD-2-Clause
// Requests for a reset: the 8042's pulse command, and the reset control register of Intel's PCI
// chipsets (PIIX3, ICH). Not the reset itself.
#include "devices/reset_port.h"

/* 8042: commands F0h-FFh pulse low those of output port bits 0-3 that are 0; bit 0 is the reset
 * line. */
#define PULSE_MASK  0xF1u
#define PULSE_RESET 0xF0u

#define CF9_OFFSET  (0xCF9u - RESET_PORT_CF8)
#define CF9_SYSTEM  0x02u
#define CF9_RESET   0x04u
#define CF9_KEPT    0x0Eu /* bit 3, full power cycle, is kept and makes no difference */

static uint64_t status_read(void *opaque, uint64_t offset, unsigned width)
{
	(void)opaque;
	(void)offset;
	(void)width;
	return 0;
}

static void command_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct reset_port *dev = opaque;

	(void)offset;
	(void)width;
	if ((value & PULSE_MASK) == PULSE_RESET)
		dev->reset(dev->opaque, RESET_PORT_BY_8042);
}

uint8_t reset_port_read(const struct reset_port *dev)
{
	return dev->cf9;
}

void reset_port_write(struct reset_port *dev, uint8_t value)
{
	uint8_t was = dev->cf9;

	dev->cf9 = value & CF9_KEPT;
	if (!(~was & value & CF9_RESET))
		return;
	if (value & CF9_SYSTEM) {
		dev->cf9 = 0; /* the register itself is among what a hard reset resets */
		dev->reset(dev->opaque, RESET_PORT_CF9_HARD);
	} else {
		dev->reset(dev->opaque, RESET_PORT_CF9_SOFT);
	}
}

static uint64_t cf9_read(void *opaque, uint64_t offset, unsigned width)
{
	const struct reset_port *dev = opaque;

	return offset == CF9_OFFSET && width == 1 ? reset_port_read(dev) : UINT64_MAX;
}

static void cf9_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	if (offset == CF9_OFFSET && width == 1)
		reset_port_write(opaque, (uint8_t)value);
}

struct bus_region reset_port_8042_region(struct reset_port *dev)
{
	return (struct bus_region){
		.base = RESET_PORT_8042,
		.size = 1,
		.name = "reset_port (8042)",
		.widths = 1,
		.read = status_read,
		.write = command_write,
		.opaque = dev,
	};
}

struct bus_region reset_port_cf9_region(struct reset_port *dev)
{
	return (struct bus_region){
		.base = RESET_PORT_CF8,
		.size = 4,
		.name = "reset_port (CF9h)",
		.widths = 1 | 2 | 4,
		.read = cf9_read,
		.write = cf9_write,
		.opaque = dev,
	};
}
