// SPDX-License-Identifier: BSD-2-Clause
// Lays the puppet out: page tables, GDT, IDT, code, and a jump to it wherever a CPU may start.
// Speaks to nobody; what is written here is all that the puppet ever needs.

#include "vmm/diff/puppet.h"

#include <stddef.h>
#include <string.h>

#include "vmm/diff/program.h"

#define PAGE         0x1000u
#define PAGE_BITS    0x03u  /* present, writable */
#define LARGE_BITS   0x83u  /* and 2 MiB */
#define RESET_OFFSET 0xFF0u /* FFFFFFF0h */

extern const uint8_t puppet_code[], puppet_code_end[], puppet_entries[], puppet_nmi16[];

_Static_assert(offsetof(struct puppet_block, result) == PUPPET_RESULT, "puppet_layout.h");
_Static_assert(offsetof(struct puppet_block, before) == PUPPET_BEFORE, "puppet_layout.h");
_Static_assert(offsetof(struct puppet_block, eoi_page) == PUPPET_EOI_PAGE, "puppet_layout.h");

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
	memcpy(at, &value, bytes);
}

/* The first 4 GiB to themselves. */
static void page_tables(uint8_t *ram)
{
	uint64_t pdpt = PUPPET_PML4 + PAGE, directories = pdpt + PAGE;

	put(ram + PUPPET_PML4, pdpt | PAGE_BITS, 8);
	for (unsigned i = 0; i < 4; i++)
		put(ram + pdpt + 8 * i, (directories + i * PAGE) | PAGE_BITS, 8);
	for (uint64_t i = 0; i < 4 * 512; i++)
		put(ram + directories + 8 * i, i << 21 | LARGE_BITS, 8);
}

static void descriptor_tables(uint8_t *ram)
{
	uint64_t entries = PUPPET_CODE + ((uintptr_t)puppet_entries - (uintptr_t)puppet_code);

	put(ram + PUPPET_GDT + PUPPET_CODE_SELECTOR, UINT64_C(0x00AF9B000000FFFF), 8);
	put(ram + PUPPET_GDT + PUPPET_DATA_SELECTOR, UINT64_C(0x00CF93000000FFFF), 8);
	put(ram + PUPPET_GDT_POINTER, PUPPET_DATA_SELECTOR + 7, 2);
	put(ram + PUPPET_GDT_POINTER + 2, PUPPET_GDT, 8);
	for (unsigned n = 0; n < 256; n++) {
		uint64_t to = entries + 16 * n;
		uint8_t *gate = ram + PUPPET_IDT + 16 * n;

		/* An interrupt gate: IF is 0 in the handler. */
		put(gate,
		    (to & 0xFFFF) | PUPPET_CODE_SELECTOR << 16 | UINT64_C(0x8E00) << 32 |
			    (to >> 16 & 0xFFFF) << 48,
		    8);
	}
	put(ram + PUPPET_IDT_POINTER, 256 * 16 - 1, 2);
	put(ram + PUPPET_IDT_POINTER + 2, PUPPET_IDT, 8);
}

/* mov %cs, %ax; ljmpw to the code. */
static void start_at(uint8_t *at)
{
	static const uint8_t jump[] = {
		0x8C, 0xC8, 0xEA, 0x00, 0x00, PUPPET_SEGMENT & 0xFF, PUPPET_SEGMENT >> 8};

	memcpy(at, jump, sizeof(jump));
}

void puppet_load(uint8_t *ram, uint8_t *reset_page)
{
	page_tables(ram);
	descriptor_tables(ram);
	memcpy(ram + PUPPET_CODE, puppet_code, (uintptr_t)puppet_code_end - (uintptr_t)puppet_code);
	put(ram + 2 * 4,
	    ((uintptr_t)puppet_nmi16 - (uintptr_t)puppet_code) | (uint64_t)PUPPET_SEGMENT << 16, 4);
	for (unsigned page = PROGRAM_SIPI_FIRST; page <= PROGRAM_SIPI_LAST; page++)
		start_at(ram + page * PAGE);
	start_at(reset_page + RESET_OFFSET);
}

struct puppet_block *puppet_block(uint8_t *ram, unsigned cpu)
{
	return (struct puppet_block *)(void *)(ram + PUPPET_BLOCKS + cpu * PUPPET_BLOCK_BYTES);
}
