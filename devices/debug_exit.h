// SPDX-License-Identifier: BSD-2-Clause
// The port by which a test guest ends the machine with a result, as QEMU's isa-debug-exit lies at
// F4h. Not the exit status: what a value means to the outside is the owner's choice.
#ifndef DEVICES_DEBUG_EXIT_H
#define DEVICES_DEBUG_EXIT_H

#include <stdint.h>

#include "devices/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DEBUG_EXIT_PORT 0xF4u
#define DEBUG_EXIT_SIZE 4u

/*
 * Filled in by the caller. exit hears each write, with the value as wide as it was written (1, 2 or
 * 4 bytes, zero above). It returns: other vCPUs and this one may write again before the machine has
 * stopped, and which value counts is exit's choice. Threads: see devices/bus.h.
 */
struct debug_exit {
	void (*exit)(void *opaque, uint32_t value);
	void *opaque;
};

/* The ports F4h-F7h, for bus_add(); they read as 0. dev must outlive the region. */
struct bus_region debug_exit_region(struct debug_exit *dev);

#ifdef __cplusplus
}
#endif
#endif
