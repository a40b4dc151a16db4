// SPDX-License-Identifier: BSD-2-Clause
// The byte register at CF9h, by which a PC's software asks for a reset.
// Not a region of a bus: CF8h-CFBh are the PCI host's. Not the reset itself: that is the owner's.
#ifndef DEVICES_RESET_PORT_H
#define DEVICES_RESET_PORT_H

#include <stdint.h>

#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

enum reset_port_request {
	RESET_PORT_CF9_SOFT, /* system reset bit clear: the processors, by INIT */
	RESET_PORT_CF9_HARD, /* system reset bit set: the whole machine */
};

/*
 * reset and opaque are filled in by the caller, cf9 starts as 0. reset hears each request, returns,
 * and may be called again. Threads: see devices/bus.h.
 */
struct reset_port {
	void (*reset)(void *opaque, enum reset_port_request request);
	void *opaque;
	uint8_t cf9; /* the reset control register */
};

/* For whoever has the ports CF8h-CFBh: devices/pci_host.h. */
uint8_t reset_port_read(const struct reset_port *dev);
void reset_port_write(struct reset_port *dev, uint8_t value);

/* devices/state.h. */
void reset_port_state(struct reset_port *dev, struct state *s);
struct state_error reset_port_state_error(const struct reset_port *dev);

#ifdef __cplusplus
}
#endif
#endif
