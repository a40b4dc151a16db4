// SPDX-License-Identifier: BSD-2-Clause
// The Multiboot 2 information: tags that tell an image of memory, modules, command line, ACPI.
// Not the Multiboot 2 header, by which an image says how it wants to be loaded.
#ifndef VMM_MULTIBOOT2_INFO_H
#define VMM_MULTIBOOT2_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/boot_content.h"
#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Tag types, by which a header may also ask for them. */
enum {
	MULTIBOOT2_COMMAND_LINE = 1,
	MULTIBOOT2_LOADER_NAME = 2,
	MULTIBOOT2_MODULE = 3,
	MULTIBOOT2_MEMORY = 4,
	MULTIBOOT2_MAP = 6,
	MULTIBOOT2_FRAMEBUFFER = 8, /* the text screen, if there is one */
	MULTIBOOT2_RSDP_OLD = 14,
	MULTIBOOT2_RSDP_NEW = 15,
	MULTIBOOT2_LOAD_BASE = 21, /* of a relocatable image */
};

/* Bytes that multiboot2_info_write needs. Reads the RSDP, if there is one, from RAM. */
uint64_t multiboot2_info_size(const struct ram *ram, const struct boot_content *content);

/*
 * Writes the information to gpa (8-byte aligned). The RSDP is copied from RAM: its first 20 bytes
 * to the tag "old", and all of it to "new" if its revision is 2 or higher; what stands at
 * content->rsdp without an RSDP's signature gives no tag. False, and nothing written, if
 * multiboot2_info_size bytes from gpa are not RAM below 4 GiB.
 */
bool multiboot2_info_write(const struct ram *ram, uint64_t gpa, const struct boot_content *content);

#ifdef __cplusplus
}
#endif

#endif
