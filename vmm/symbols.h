// SPDX-License-Identifier: BSD-2-Clause
// What an address is called in the image: symbol and offset, file and line, as far as it tells.
// Not a debugger, and nobody decides anything by it.
#ifndef VMM_SYMBOLS_H
#define VMM_SYMBOLS_H

#include <stdint.h>

#include "vmm/image.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SYMBOLS_TEXT 256u

/*
 * Fills each text with "idle_loop+0x2c (idle.c:41)" for the linear address of the same place, or
 * makes it empty: the image is no ELF file, has no symbol there, or this build has no libdw. A
 * child process reads the image, so that a damaged one costs its names and at most ten seconds.
 * [main thread, while there is no other that may hold a lock of the C library]
 */
void symbols_find(const struct image_file *image, const uint64_t *addresses, unsigned count,
		  char (*texts)[SYMBOLS_TEXT]);

#ifdef __cplusplus
}
#endif
#endif
