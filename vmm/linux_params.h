// SPDX-License-Identifier: BSD-2-Clause
// Linux's boot_params, the "zero page", with the command line behind it.
// Not the parsing of a bzImage: image_linux.c finds the setup header that is copied here.
#ifndef VMM_LINUX_PARAMS_H
#define VMM_LINUX_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/boot_content.h"
#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that linux_params_write needs. */
uint64_t linux_params_size(const struct ram *ram, const struct boot_content *content);

/*
 * Writes boot_params to gpa: setup header (the image's, or one that claims protocol 2.15 for an
 * image that has none), loader type FFh, command line, E820 map, RSDP, text screen. All modules
 * together are the initrd, from the first's start to the last's end; that may lie above 4 GiB.
 * False, and nothing written, if linux_params_size bytes from gpa are not RAM below 4 GiB.
 */
bool linux_params_write(const struct ram *ram, uint64_t gpa, const struct boot_content *content);

#ifdef __cplusplus
}
#endif

#endif
