// SPDX-License-Identifier: BSD-2-Clause
// The state that a processor starts in, as plain data with the SDM's names, and its tables.
// Not KVM's register structures: whoever speaks to KVM turns this into them.
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Low memory of an image entered in long mode. No segment of the image may touch it; the guest may
 * take it over once it has its own GDT and page tables and has read the information structure.
 *   7000h  GDT (BOOT_GDT_SIZE bytes), then the Multiboot information: structure, memory map, module
 *          list and strings, up to 8FFFh. If those need more room, GDT and information lie together
 *          as high as they can below 9F000h instead, or, if the image leaves no room there either,
 *          in the pages after it.
 *   9000h  PML4, page directory pointers and four page directories: six pages, up to EFFFh
 * An image entered without paging has no page tables; GDT and information are as above, but only
 * if the image leaves 7000h free. Instead of the Multiboot information stands what the image's own
 * protocol has: boot_params and command line, start info, or Multiboot 2 information.
 */
#define BOOT_TABLES_START     UINT64_C(0x7000)
#define BOOT_PAGE_TABLES      UINT64_C(0x9000)
#define BOOT_PAGE_TABLES_SIZE UINT64_C(0x6000)
#define BOOT_TABLES_END       (BOOT_PAGE_TABLES + BOOT_PAGE_TABLES_SIZE)
#define BOOT_GDT_SIZE         UINT64_C(0x100) /* room kept for it; its limit is smaller */

/* One segment register with its hidden part. */
struct boot_segment {
	uint64_t base;
	uint32_t limit; /* in bytes, whatever g says */
	uint16_t selector;
	uint8_t type; /* the descriptor's type field */
	uint8_t dpl;
	bool s; /* code or data, as against a system segment */
	bool present;
	bool db; /* 32-bit */
	bool l;  /* 64-bit code */
	bool g;  /* limit counted in pages */
	bool unusable;
};

/* GDTR or IDTR. */
struct boot_table {
	uint64_t base;
	uint16_t limit;
};

/* Every register that is not here starts as 0: the other general registers, RSP, CR2, DR0-DR3. */
struct boot_state {
	struct boot_segment cs, ds, es, fs, gs, ss, ldtr, tr;
	struct boot_table gdtr, idtr;
	uint64_t cr0, cr3, cr4, efer;
	uint64_t rip, rflags;
	uint64_t rax, rbx, rdx, rsi, rdi;
	uint64_t dr6, dr7;
};

/*
 * 64-bit mode at CPL 0, interrupts off, the first 4 GiB mapped to themselves. EAX = 2BADB002h, RDI
 * = RBX = info. RSP is 0: the guest brings its stack. Needs boot_write_gdt(gdt) and
 * boot_write_page_tables in RAM.
 */
void boot_long_mode(struct boot_state *state, uint64_t entry, uint64_t gdt, uint64_t info);

/*
 * The machine state of the Multiboot Specification 0.6.96, 3.2: 32-bit protected mode, no paging,
 * flat segments, interrupts off, EAX = 2BADB002h, EBX = info. The Specification leaves GDTR
 * undefined; here it is good, for images that reload a segment before they load a GDT. Needs
 * boot_write_gdt(gdt) in RAM.
 */
void boot_multiboot(struct boot_state *state, uint64_t entry, uint64_t gdt, uint64_t info);

/* The i386 machine state of the Multiboot2 Specification: the same, but EAX = 36D76289h. */
void boot_multiboot2(struct boot_state *state, uint64_t entry, uint64_t gdt, uint64_t info);

/*
 * Xen's "x86/HVM direct boot ABI" (PVH): 32-bit protected mode without paging as for Multiboot, EBX
 * = info, EAX = 0.
 */
void boot_pvh(struct boot_state *state, uint64_t entry, uint64_t gdt, uint64_t info);

/*
 * "The Linux/x86 Boot Protocol", 64-bit and 32-bit: CS = 10h, data segments 18h, all flat,
 * interrupts off, RSI = params, all other general registers 0. The first in 64-bit mode with the
 * first 4 GiB mapped to themselves, the second without paging. Need boot_write_linux_gdt(gdt), the
 * first boot_write_page_tables too.
 */
void boot_linux64(struct boot_state *state, uint64_t entry, uint64_t gdt, uint64_t params);
void boot_linux32(struct boot_state *state, uint64_t entry, uint64_t gdt, uint64_t params);

/*
 * SDM 3A, "Processor State After Reset": power-up or reset. signature is CPUID.1:EAX, found in EDX.
 */
void boot_reset(struct boot_state *state, uint32_t signature);

/* After INIT: as after reset, but CD and NW stay as they were in cr0, the CR0 before. */
void boot_init(struct boot_state *state, uint32_t signature, uint64_t cr0);

/* After INIT and SIPI: as after INIT, but about to run at real-mode address vector:0000h << 8. */
void boot_sipi(struct boot_state *state, uint32_t signature, uint64_t cr0, uint8_t vector);

/*
 * Whether the state is what a boot loader leaves, which firmware has gone before and set up the
 * interrupt hardware: all of the above but boot_long_mode's, which finds a PC as after reset.
 */
bool boot_follows_firmware(const struct boot_state *state);

/*
 * Writes the descriptors behind the selectors above to gpa: 08h 32-bit code, 10h data, 18h 64-bit
 * code, all flat. False, and nothing written, if BOOT_GDT_SIZE bytes there are not RAM.
 */
bool boot_write_gdt(const struct ram *ram, uint64_t gpa);

/* The same for Linux: 10h code, of 64 bits if `wide`, else of 32, and 18h data. */
bool boot_write_linux_gdt(const struct ram *ram, uint64_t gpa, bool wide);

/* Writes the page tables to BOOT_PAGE_TABLES. False, and nothing written, if that is not RAM. */
bool boot_write_page_tables(const struct ram *ram);

#ifdef __cplusplus
}
#endif

#endif
