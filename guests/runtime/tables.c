// SPDX-License-Identifier: BSD-2-Clause
// Builds GDT, TSSs and page tables: the first 4 GiB mapped to themselves, open to CPL3 as well.
// No protection between kernel and user code: guests test interrupts, not paging.
#include "guests/runtime/tables.h"

#include "guests/runtime/layout.h"

#define PAGE_TABLE(name)      uint64_t name[512] __attribute__((aligned(4096)))
#define PRESENT_WRITABLE_USER 7
#define PAGE_2M               0x80

/* SDM 3A, "Task Management in 64-bit Mode": 104 bytes, from offset 4 on; the four before them keep
 * the 64-bit fields aligned. */
struct tss {
	uint32_t before;
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
};

#define TSS_BYTES 104
#define TSS_START 4

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* start.S knows these by name. */
extern PAGE_TABLE(tables_pml4);
extern uint64_t tables_gdt[GDT_BYTES / 8];
extern const struct table_pointer tables_gdt_pointer;

PAGE_TABLE(tables_pml4);
static PAGE_TABLE(pointers);
static uint64_t directories[4 * 512] __attribute__((aligned(4096)));
static struct tss tss[MAX_CPUS] __attribute__((aligned(16)));

uint64_t tables_gdt[GDT_BYTES / 8] __attribute__((aligned(16)));
const struct table_pointer tables_gdt_pointer = {GDT_BYTES - 1, (uintptr_t)tables_gdt};

static void set_tss_descriptor(unsigned cpu)
{
	uint64_t base = (uintptr_t)&tss[cpu] + TSS_START;
	uint64_t *descriptor = &tables_gdt[SEL_TSS0 / 8 + 2 * cpu];

	descriptor[0] = (TSS_BYTES - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
			(base >> 24 & 0xff) << 56;
	descriptor[1] = base >> 32;
}

void tables_build(void)
{
	tables_gdt[SEL_KERNEL_CODE / 8] = UINT64_C(0x00af9b000000ffff);
	tables_gdt[SEL_KERNEL_DATA / 8] = UINT64_C(0x00cf93000000ffff);
	tables_gdt[SEL_USER_DATA / 8] = UINT64_C(0x00cff3000000ffff);
	tables_gdt[SEL_USER_CODE / 8] = UINT64_C(0x00affb000000ffff);
	tables_pml4[0] = (uintptr_t)pointers | PRESENT_WRITABLE_USER;
	for (unsigned i = 0; i < 4; i++)
		pointers[i] = (uintptr_t)&directories[512 * i] | PRESENT_WRITABLE_USER;
	for (uint64_t i = 0; i < 4 * 512; i++)
		directories[i] = i << 21 | PAGE_2M | PRESENT_WRITABLE_USER;
}

void tables_load_tss(unsigned cpu)
{
	tss[cpu].io_map = TSS_BYTES;
	set_tss_descriptor(cpu);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS0 + 16 * cpu) : "memory");
}

uint64_t *tables_interrupt_stack(unsigned cpu)
{
	return &tss[cpu].rsp[0];
}
