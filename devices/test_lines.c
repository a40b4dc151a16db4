// SPDX-License-Identifier: BSD-2-Clause
// One port a line: a byte that is not zero raises it.
// Not a latch: a line stays as it was last written.
#include "devices/test_lines.h"

#include <stdbool.h>

static void write_line(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct test_lines *dev = opaque;
	uint32_t bit = UINT32_C(1) << offset;
	bool level = value != 0;

	(void)width;
	if (level == !!(dev->levels & bit))
		return;
	dev->levels ^= bit;
	irq_line_set(&dev->lines[offset], level);
}

struct bus_region test_lines_region(struct test_lines *dev)
{
	return (struct bus_region){
		.base = TEST_LINES_PORT,
		.size = TEST_LINES_COUNT,
		.name = "test lines",
		.widths = 1,
		.write = write_line,
		.opaque = dev,
	};
}

void test_lines_state(struct test_lines *dev, struct state *s)
{
	state_u32(s, &dev->levels);
}

struct state_error test_lines_state_error(const struct test_lines *dev)
{
	if (dev->levels >> TEST_LINES_COUNT)
		return state_wrong("the levels", "have a line above 23");
	return state_ok();
}
