// SPDX-License-Identifier: BSD-2-Clause
// Guest RAM: its layout in guest physical memory and the one checked way to a host pointer.
// Not the KVM memory slots: whoever speaks to KVM registers the ranges found here.
#ifndef VMM_RAM_H
#define VMM_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * RAM lies at 0..min(size, 3 GiB), the rest from 4 GiB up. The hole holds what a PC has there: the
 * IOAPIC, the LAPIC page, and the pages that KVM itself needs on Intel hosts. A0000h-FFFFFh is
 * backed like the rest, though no memory map calls it usable.
 */
#define RAM_MIB        UINT64_C(0x100000)
#define RAM_PAGE_SIZE  UINT64_C(0x1000)
#define RAM_LOW_END    UINT64_C(0xC0000000)  /* low RAM ends here at the latest */
#define RAM_HIGH_START UINT64_C(0x100000000) /* high RAM, if any, starts here */
#define RAM_SIZE_MIN   (2 * RAM_MIB)
#define RAM_SIZE_MAX   (UINT64_C(1) << 40)

/* What the memory map reserves inside low RAM. */
#define RAM_EBDA_START   UINT64_C(0x9FC00)
#define RAM_RESERVED     UINT64_C(0xA0000)  /* no image may be loaded from here ... */
#define RAM_ONE_MEGABYTE UINT64_C(0x100000) /* ... to here */

/* One piece of guest RAM: what becomes one memory slot. All three are multiples of a page. */
struct ram_range {
	uint64_t gpa; /* guest physical address */
	uint8_t *host;
	uint64_t length; /* bytes */
};

struct ram {
	struct ram_range ranges[2]; /* ascending by gpa */
	unsigned range_count;       /* 1 or 2 */
	uint64_t size;              /* bytes, the sum of the ranges */
};

enum ram_result {
	RAM_OK,
	RAM_BAD_SIZE,  /* not a multiple of a page, below RAM_SIZE_MIN or above RAM_SIZE_MAX */
	RAM_NO_MEMORY, /* the host refuses the address space */
};

/*
 * Reserves `size` bytes of zeroed guest RAM; the host's memory is taken as the guest touches it.
 * On failure `why` (of why_size bytes) says what was wrong and what would do, and *ram is empty.
 */
enum ram_result ram_create(struct ram *ram, uint64_t size, char *why, size_t why_size);

/* Gives the memory back. Nobody may use a pointer from ram_at any more; an empty *ram is fine. */
void ram_destroy(struct ram *ram);

/* The next multiple of a page; for addresses inside RAM or right behind it. */
static inline uint64_t ram_page_up(uint64_t gpa)
{
	return (gpa + RAM_PAGE_SIZE - 1) / RAM_PAGE_SIZE * RAM_PAGE_SIZE;
}

/*
 * The host pointer to guest physical gpa..gpa+length-1, or NULL unless every byte of it lies in one
 * range; NULL for length 0. Any value is safe to ask. Callable from any thread: ranges never change
 * between ram_create and ram_destroy. What the pointer leads to changes under a running guest.
 */
void *ram_at(const struct ram *ram, uint64_t gpa, uint64_t length);

/*
 * Makes gpa..gpa+length-1 read as zeros without taking host memory for whole pages of it. Not for
 * use while a guest runs. False, with nothing changed, where ram_at answers NULL.
 */
bool ram_zero(const struct ram *ram, uint64_t gpa, uint64_t length);

/*
 * Makes the kernel forget how the page at this address, a multiple of RAM_PAGE_SIZE, is mapped:
 * whoever has derived something of that, as KVM has, asks anew at the next access. What is in it
 * stays, and it can be accessed all the time. Nothing happens where ram_at() answers NULL, or where
 * the host forbids it.
 */
void ram_forget_mapping(const struct ram *ram, uint64_t gpa);

/*
 * The smallest RAM size, in whole MiB as bytes, that would hold gpa..gpa+length-1; 0 if none would
 * (the hole below 4 GiB, an overflow, beyond RAM_SIZE_MAX).
 */
uint64_t ram_size_for(uint64_t gpa, uint64_t length);

#ifdef __cplusplus
}
#endif

#endif
