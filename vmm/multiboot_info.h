// SPDX-License-Identifier: BSD-2-Clause
// The Multiboot 1 information structure: what an image learns of memory, modules, command line.
// Not the Multiboot header, by which an image says how it wants to be loaded.
#ifndef VMM_MULTIBOOT_INFO_H
#define VMM_MULTIBOOT_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/boot_content.h"
#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that multiboot_info_write needs. */
uint64_t multiboot_info_size(const struct ram *ram, const struct boot_content *content);

/*
 * Writes the structure to gpa (4-byte aligned), and right behind it memory map, module list and
 * strings. False, and nothing written, if multiboot_info_size bytes from there are not RAM below
 * 4 GiB.
 */
bool multiboot_info_write(const struct ram *ram, uint64_t gpa, const struct boot_content *content);

#ifdef __cplusplus
}
#endif

#endif
