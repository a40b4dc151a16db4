// SPDX-License-Identifier: BSD-2-Clause
// The Multiboot 1 information structure: what an image learns of memory, modules, command line.
// Not the Multiboot header, by which an image says how it wants to be loaded.
#ifndef VMM_MULTIBOOT_INFO_H
#define VMM_MULTIBOOT_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A module already in guest RAM: start..end-1, page-aligned start. */
struct multiboot_module {
	uint32_t start;
	uint32_t end;
	const char *string; /* its file name */
};

struct multiboot_content {
	const char *command_line;
	const struct multiboot_module *modules;
	size_t module_count;
};

enum multiboot_region_type { MULTIBOOT_USABLE = 1, MULTIBOOT_RESERVED = 2 };

struct multiboot_region {
	uint64_t start;
	uint64_t length;
	uint32_t type;
};

enum { MULTIBOOT_REGIONS_MAX = 5 };

/* Fills map, ascending, with what guest RAM looks like to the guest; answers how many entries. */
unsigned multiboot_info_map(const struct ram *ram, struct multiboot_region *map);

/* Bytes that multiboot_info_write needs. */
uint64_t multiboot_info_size(const struct ram *ram, const struct multiboot_content *content);

/*
 * Writes the structure to gpa (4-byte aligned), and right behind it memory map, module list and
 * strings. False, and nothing written, if multiboot_info_size bytes from there are not RAM below
 * 4 GiB.
 */
bool multiboot_info_write(const struct ram *ram, uint64_t gpa,
			  const struct multiboot_content *content);

#ifdef __cplusplus
}
#endif

#endif
