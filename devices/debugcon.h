// SPDX-License-Identifier: BSD-2-Clause
// The debug console at port E9h: bytes written go out, and a read of E9h says that somebody
// listens. Not a UART: no status, no input, no interrupt.
#ifndef DEVICES_DEBUGCON_H
#define DEVICES_DEBUGCON_H

#include <stdint.h>

#include "devices/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DEBUGCON_PORT 0xE9u

/* Filled in by the caller. Threads: see devices/bus.h. */
struct debugcon {
	void (*write)(void *opaque, uint8_t byte);
	void *opaque;
};

/* The one port E9h, for bus_add(). dev must outlive the region. */
struct bus_region debugcon_region(struct debugcon *dev);

#ifdef __cplusplus
}
#endif
#endif
