// SPDX-License-Identifier: BSD-2-Clause
// Port F4h: a write becomes one call with the value written.
// Not what ends the machine: that is behind the call.
#include "devices/debug_exit.h"

static uint64_t debug_exit_read(void *opaque, uint64_t offset, unsigned width)
{
	(void)opaque;
	(void)offset;
	(void)width;
	return 0;
}

static void debug_exit_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct debug_exit *dev = opaque;

	(void)offset;
	(void)width;
	dev->exit(dev->opaque, (uint32_t)value);
}

struct bus_region debug_exit_region(struct debug_exit *dev)
{
	return (struct bus_region){
		.base = DEBUG_EXIT_PORT,
		.size = DEBUG_EXIT_SIZE,
		.name = "debug_exit",
		.widths = 1 | 2 | 4,
		.read = debug_exit_read,
		.write = debug_exit_write,
		.opaque = dev,
	};
}
