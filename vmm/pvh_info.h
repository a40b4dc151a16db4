// SPDX-License-Identifier: BSD-2-Clause
// PVH's hvm_start_info, version 1: what an image learns of memory, modules, command line, RSDP.
// Not the ELF note by which an image asks for it: image_elf_note.c finds that.
#ifndef VMM_PVH_INFO_H
#define VMM_PVH_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/boot_content.h"
#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that pvh_info_write needs. */
uint64_t pvh_info_size(const struct ram *ram, const struct boot_content *content);

/*
 * Writes hvm_start_info to gpa (8-byte aligned), and right behind it memory map, module list and
 * strings. A module's command line is its file name. False, and nothing written, if pvh_info_size
 * bytes from there are not RAM below 4 GiB.
 */
bool pvh_info_write(const struct ram *ram, uint64_t gpa, const struct boot_content *content);

#ifdef __cplusplus
}
#endif

#endif
