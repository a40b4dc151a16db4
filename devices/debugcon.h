// SPDX-License-Identifier: BSD-2-Clause
// The debug console at port E9h or 402h: bytes written go out, and a read of E9h says that somebody
// listens. Not a UART: no status, no input, no interrupt.
#ifndef DEVICES_DEBUGCON_H
#define DEVICES_DEBUGCON_H

#include <stdint.h>

#include "devices/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DEBUGCON_PORT     0xE9u
#define DEBUGCON_FIRMWARE 0x402u

/* Filled in by the caller. Threads: see devices/bus.h. */
struct debugcon {
	void (*write)(void *opaque, uint8_t byte);
	void *opaque;
};

/*
 * One port, for bus_add(): DEBUGCON_PORT, or DEBUGCON_FIRMWARE, where SeaBIOS and OVMF look for the
 * same device. Either reads as E9h. dev must outlive the region.
 */
struct bus_region debugcon_region(struct debugcon *dev, uint16_t port);

#ifdef __cplusplus
}
#endif
#endif
