// SPDX-License-Identifier: BSD-2-Clause
// A PC's firmware image: ROM that ends at 4 GiB, and what is seen of it below 1 MiB.
// Not what the firmware finds there: devices, and no tables, as it makes its own.
#ifndef VMM_FIRMWARE_H
#define VMM_FIRMWARE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/image.h"
#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of any multiple of FIRMWARE_STEP; more would reach pages that KVM has for itself (vm.c). */
#define FIRMWARE_STEP     UINT64_C(0x10000)
#define FIRMWARE_SIZE_MAX UINT64_C(0x1000000)
#define FIRMWARE_END      UINT64_C(0x100000000)
/* The end of the ROM is here as well, up to 1 MiB. */
#define FIRMWARE_SHADOW     UINT64_C(0xE0000)
#define FIRMWARE_SHADOW_END UINT64_C(0x100000)

/*
 * Reads the image to where it is seen: rom becomes a range of memory of its own, no part of *ram,
 * that ends at FIRMWARE_END and is to be mapped read-only; its last 128 KiB (all, if it is smaller)
 * are copied to RAM that ends at 1 MiB. That copy is plain RAM: a chip set that shadows its ROM has
 * RAM there after the firmware has asked it to, and firmware for virtual machines asks, copies
 * itself again and writes there. False: *error, and rom->host is NULL. [setup]
 */
bool firmware_load(const char *path, const struct ram *ram, struct ram_range *rom,
		   struct image_error *error);

/* The same range with these bytes, and no copy below 1 MiB. False: *error. [setup] */
bool firmware_take(const void *bytes, uint64_t size, struct ram_range *rom,
		   struct image_error *error);

/* An empty *rom is fine. No guest may have it mapped any more. */
void firmware_unload(struct ram_range *rom);

#ifdef __cplusplus
}
#endif

#endif
