// SPDX-License-Identifier: BSD-2-Clause
// The memory map, derived from the ranges of guest RAM and the reserved areas of a PC.
// Writes nothing to guest RAM: each protocol's writer does.
#include "vmm/memory_map.h"

unsigned memory_map(const struct ram *ram, struct memory_region *map)
{
	unsigned count = 0;
	uint64_t low = ram->ranges[0].length;

	map[count++] = (struct memory_region){0, RAM_EBDA_START, MEMORY_USABLE};
	map[count++] = (struct memory_region){RAM_EBDA_START, RAM_RESERVED - RAM_EBDA_START,
					      MEMORY_RESERVED};
	/* A0000h-EFFFFh is left out: device memory on a PC, of no type at all. */
	map[count++] = (struct memory_region){0xF0000, 0x10000, MEMORY_RESERVED};
	map[count++] =
		(struct memory_region){RAM_ONE_MEGABYTE, low - RAM_ONE_MEGABYTE, MEMORY_USABLE};
	if (ram->range_count > 1)
		map[count++] = (struct memory_region){ram->ranges[1].gpa, ram->ranges[1].length,
						      MEMORY_USABLE};
	return count;
}

uint32_t memory_map_lower_kib(void)
{
	return (uint32_t)(RAM_EBDA_START / 1024);
}

uint32_t memory_map_upper_kib(const struct ram *ram)
{
	return (uint32_t)((ram->ranges[0].length - RAM_ONE_MEGABYTE) / 1024);
}
