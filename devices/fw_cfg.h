// SPDX-License-Identifier: BSD-2-Clause
// QEMU's fw_cfg, the traditional interface: a 16-bit selector at 510h and a byte of data at a time
// from 511h. Not its DMA interface, not its file directory, and nothing the guest could write to.
#ifndef DEVICES_FW_CFG_H
#define DEVICES_FW_CFG_H

#include <stddef.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FW_CFG_PORT 0x510u
#define FW_CFG_SIZE 2u

/* The keys that the model answers itself; numbers are little-endian. */
#define FW_CFG_SIGNATURE 0x00u /* 4 bytes: "QEMU" */
#define FW_CFG_ID        0x01u /* u32: 1, the traditional interface alone */
#define FW_CFG_RAM_SIZE  0x03u /* u64: bytes */
#define FW_CFG_NB_CPUS   0x05u /* u16: CPUs there are */
#define FW_CFG_BOOT_MENU 0x0Eu /* u16: whether the firmware offers one; the caller's to give */
#define FW_CFG_MAX_CPUS  0x0Fu /* u16: CPUs there could be; a PC: what APIC IDs are below */

/* A further key: size bytes at data, which live and stay as they are while the model is in use. */
struct fw_cfg_item {
	uint16_t key; /* 0000h-3FFFh, or 8000h-BFFFh: bit 14 is no part of a key */
	const void *data;
	size_t size; /* bytes */
};

struct fw_cfg_machine {
	uint64_t ram_size; /* bytes */
	uint16_t cpus;
	uint16_t max_cpus; /* as FW_CFG_MAX_CPUS has it */
};

/* The caller's memory; selected and offset are all the state there is. */
struct fw_cfg {
	const struct fw_cfg_item *items;
	size_t item_count;
	uint8_t ram_size[8];
	uint8_t cpus[2];
	uint8_t max_cpus[2];
	uint16_t selected;
	uint64_t offset; /* bytes; never past the end of what is selected */
};

/*
 * Prepares a model with its own keys and the caller's (items may be NULL when item_count is 0). A
 * caller's item goes before the model's of the same key; of two with one key the first counts.
 */
void fw_cfg_init(struct fw_cfg *cfg, const struct fw_cfg_machine *machine,
		 const struct fw_cfg_item *items, size_t item_count);

/* What a reset of the machine does: key 0 is selected, from its start. */
void fw_cfg_reset(struct fw_cfg *cfg);

/* devices/state.h. */
void fw_cfg_state(struct fw_cfg *cfg, struct state *s);
struct state_error fw_cfg_state_error(const struct fw_cfg *cfg);

/*
 * Ports 510h and 511h, for bus_add(). A 16-bit write to 510h selects and goes back to the start; a
 * byte read from either port gives the next byte, and 0 past the end and for keys that are not
 * there. Any other write is dropped. cfg must outlive the region. Threads: see devices/bus.h.
 */
struct bus_region fw_cfg_region(struct fw_cfg *cfg);

#ifdef __cplusplus
}
#endif
#endif
