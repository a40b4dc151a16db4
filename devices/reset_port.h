// SPDX-License-Identifier: BSD-2-Clause
// Where a PC's software asks for a reset: command FEh at port 64h, and the reset control at CF9h.
// Not a keyboard controller, not a PCI host, and not the reset itself: that is the owner's.
#ifndef DEVICES_RESET_PORT_H
#define DEVICES_RESET_PORT_H

#include <stdint.h>

#include "devices/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RESET_PORT_8042 0x64u
#define RESET_PORT_CF8  0xCF8u

enum reset_port_request {
	RESET_PORT_BY_8042,  /* FEh at port 64h: the processors, by INIT */
	RESET_PORT_CF9_SOFT, /* CF9h, system reset bit clear: the processors, by INIT */
	RESET_PORT_CF9_HARD, /* CF9h, system reset bit set: the whole machine */
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

/* The byte at CF9h, for whoever has the ports CF8h-CFBh. */
uint8_t reset_port_read(const struct reset_port *dev);
void reset_port_write(struct reset_port *dev, uint8_t value);

/* Port 64h: reads as 0, so that a wait for an empty input buffer ends. dev must outlive the region.
 */
struct bus_region reset_port_8042_region(struct reset_port *dev);

/*
 * Ports CF8h-CFBh, of which only the byte CF9h is anything: the whole doubleword is taken so that a
 * 32-bit write to CF8h, by which PCI configuration is addressed, is never cut into a byte for CF9h.
 */
struct bus_region reset_port_cf9_region(struct reset_port *dev);

#ifdef __cplusplus
}
#endif
#endif
