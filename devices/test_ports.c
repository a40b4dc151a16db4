// SPDX-License-Identifier: BSD-2-Clause
// A latch of 32 bits, and a word to the host's memory management.
// What flushing is, only the owner knows.
#include "devices/test_ports.h"

#define PAGE_MASK UINT64_C(0xFFF)

static uint32_t mask_of(unsigned width)
{
	return width == 4 ? UINT32_MAX : (UINT32_C(1) << (8 * width)) - 1;
}

static uint64_t read_data(void *opaque, uint64_t offset, unsigned width)
{
	const struct test_ports *dev = opaque;

	return dev->data >> (8 * offset) & mask_of(width);
}

static void write_data(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct test_ports *dev = opaque;
	uint32_t mask = mask_of(width) << (8 * offset);

	dev->data = (dev->data & ~mask) | ((uint32_t)value << (8 * offset) & mask);
}

static void write_flush(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct test_ports *dev = opaque;

	(void)offset;
	if (width == 4)
		dev->ops->flush(dev->opaque, value & ~PAGE_MASK);
}

struct bus_region test_ports_data_region(struct test_ports *dev)
{
	return (struct bus_region){
		.base = TEST_PORTS_DATA,
		.size = 4,
		.name = "test ports",
		.widths = 1 | 2 | 4,
		.read = read_data,
		.write = write_data,
		.opaque = dev,
	};
}

struct bus_region test_ports_flush_region(struct test_ports *dev)
{
	return (struct bus_region){
		.base = TEST_PORTS_FLUSH,
		.size = 4,
		.name = "test flush",
		.widths = 1 | 4,
		.write = write_flush,
		.opaque = dev,
	};
}

void test_ports_state(struct test_ports *dev, struct state *s)
{
	state_u32(s, &dev->data);
}

struct state_error test_ports_state_error(const struct test_ports *dev)
{
	(void)dev;
	return state_ok();
}
