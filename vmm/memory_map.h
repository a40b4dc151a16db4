// SPDX-License-Identifier: BSD-2-Clause
// What guest RAM looks like to the guest: the map that every boot protocol carries in its own form.
// Not ram.h's ranges: those are what is backed, these are what a kernel may take.
#ifndef VMM_MEMORY_MAP_H
#define VMM_MEMORY_MAP_H

#include <stdint.h>

#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are the same in E820, in Multiboot 1 and 2, and in PVH. */
enum memory_type { MEMORY_USABLE = 1, MEMORY_RESERVED = 2 };

struct memory_region {
	uint64_t start;
	uint64_t length;
	uint32_t type;
};

enum { MEMORY_REGIONS_MAX = 5 };

/* Fills map, ascending; answers how many entries. */
unsigned memory_map(const struct ram *ram, struct memory_region *map);

/* KiB from 0 to the first reserved byte, and from 1 MiB to the first hole. */
uint32_t memory_map_lower_kib(void);
uint32_t memory_map_upper_kib(const struct ram *ram);

#ifdef __cplusplus
}
#endif

#endif
