// SPDX-License-Identifier: BSD-2-Clause
// Ports E9h and 402h: a byte sink for kernels that have no driver yet.
// Not buffered: each byte is one call.
#include "devices/debugcon.h"

/* At whatever port: it says that somebody listens. */
#define ANSWER 0xE9u

static uint64_t debugcon_read(void *opaque, uint64_t offset, unsigned width)
{
	(void)opaque;
	(void)offset;
	(void)width;
	return ANSWER;
}

static void debugcon_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct debugcon *dev = opaque;

	(void)offset;
	(void)width;
	dev->write(dev->opaque, (uint8_t)value);
}

struct bus_region debugcon_region(struct debugcon *dev, uint16_t port)
{
	return (struct bus_region){
		.base = port,
		.size = 1,
		.name = "debugcon",
		.widths = 1,
		.read = debugcon_read,
		.write = debugcon_write,
		.opaque = dev,
	};
}
