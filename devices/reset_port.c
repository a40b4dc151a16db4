// SPDX-License-Identifier: BSD-2-Clause
// The reset control register of Intel's PCI chipsets (PIIX3, ICH).
// Not the reset itself.
#include "devices/reset_port.h"

#define CF9_SYSTEM 0x02u
#define CF9_RESET  0x04u
#define CF9_KEPT   0x0Eu /* bit 3, full power cycle, is kept and makes no difference */

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

void reset_port_state(struct reset_port *dev, struct state *s)
{
	state_u8(s, &dev->cf9);
}

struct state_error reset_port_state_error(const struct reset_port *dev)
{
	if (dev->cf9 & ~CF9_KEPT)
		return state_wrong("the reset control register", "has reserved bits set");
	return state_ok();
}
