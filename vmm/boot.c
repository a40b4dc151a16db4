// SPDX-License-Identifier: BSD-2-Clause
// Builds the processor's starting states, the GDT and the identity page tables.
// Decides nothing about images: entry point and addresses come in as arguments.
#include "vmm/boot.h"

#include <string.h>

/* SDM 3A, "Control Registers" and "Extended Feature Enable Register" */
#define CR0_PE       (UINT64_C(1) << 0)
#define CR0_ET       (UINT64_C(1) << 4)
#define CR0_NW       (UINT64_C(1) << 29)
#define CR0_CD       (UINT64_C(1) << 30)
#define CR0_PG       (UINT64_C(1) << 31)
#define CR4_PAE      (UINT64_C(1) << 5)
#define EFER_LME     (UINT64_C(1) << 8)
#define EFER_LMA     (UINT64_C(1) << 10)

#define RFLAGS_FIXED 0x2
#define DR6_RESET    0xFFFF0FF0
#define DR7_RESET    0x400

/* What a Multiboot loader leaves in EAX (Multiboot Specification 3.2, Multiboot2 3.3). */
#define LOADER_MAGIC  0x2BADB002
#define LOADER_MAGIC2 0x36D76289

/*
 * SDM 3A, "Code- and Data-Segment Descriptor Types" and "System Descriptor Types": the type fields
 * in use here, accessed or busy as after a load.
 */
#define TYPE_DATA       0x3
#define TYPE_CODE       0xB
#define TYPE_LDT        0x2
#define TYPE_TSS        0xB /* busy, 32 or 64 bits */

#define SELECTOR_CODE32 0x08
#define SELECTOR_DATA   0x10
#define SELECTOR_CODE64 0x18

/* Linux's __BOOT_CS and __BOOT_DS. */
#define SELECTOR_LINUX_CODE 0x10
#define SELECTOR_LINUX_DATA 0x18

#define FLAT_CODE32         UINT64_C(0x00CF9B000000FFFF)
#define FLAT_CODE64         UINT64_C(0x00AF9B000000FFFF)
#define FLAT_DATA           UINT64_C(0x00CF93000000FFFF)

static const uint64_t gdt[] = {
	[SELECTOR_CODE32 / 8] = FLAT_CODE32,
	[SELECTOR_DATA / 8] = FLAT_DATA,
	[SELECTOR_CODE64 / 8] = FLAT_CODE64,
};

/* What loading those descriptors gives. */
static const struct boot_segment flat_code32 = {.limit = 0xFFFFFFFF,
						.selector = SELECTOR_CODE32,
						.type = TYPE_CODE,
						.s = true,
						.present = true,
						.db = true,
						.g = true};
static const struct boot_segment flat_code64 = {.limit = 0xFFFFFFFF,
						.selector = SELECTOR_CODE64,
						.type = TYPE_CODE,
						.s = true,
						.present = true,
						.l = true,
						.g = true};
static const struct boot_segment flat_data = {.limit = 0xFFFFFFFF,
					      .selector = SELECTOR_DATA,
					      .type = TYPE_DATA,
					      .s = true,
					      .present = true,
					      .db = true,
					      .g = true};

/* VM entry wants a busy TSS though nobody uses it (SDM 3C, "Checks on Guest Segment Registers"). */
static const struct boot_segment any_tss = {.limit = 0x67, .type = TYPE_TSS, .present = true};
static const struct boot_segment no_ldt = {.type = TYPE_LDT, .unusable = true};

static const struct boot_segment real_code = {.base = 0xFFFF0000,
					      .limit = 0xFFFF,
					      .selector = 0xF000,
					      .type = TYPE_CODE,
					      .s = true,
					      .present = true};
static const struct boot_segment real_data = {.limit = 0xFFFF,
					      .type = TYPE_DATA,
					      .s = true,
					      .present = true};

static void protected_mode(struct boot_state *state, uint64_t entry, uint64_t gdt_gpa)
{
	*state = (struct boot_state){
		.cs = flat_code32,
		.ds = flat_data,
		.es = flat_data,
		.fs = flat_data,
		.gs = flat_data,
		.ss = flat_data,
		.ldtr = no_ldt,
		.tr = any_tss,
		.gdtr = {.base = gdt_gpa, .limit = sizeof(gdt) - 1},
		.cr0 = CR0_PE | CR0_ET,
		.rip = entry,
		.rflags = RFLAGS_FIXED,
		.dr6 = DR6_RESET,
		.dr7 = DR7_RESET,
	};
}

static void paged(struct boot_state *state)
{
	uint16_t selector = state->cs.selector;

	state->cs = flat_code64;
	state->cs.selector = selector;
	state->cr0 |= CR0_PG;
	state->cr3 = BOOT_PAGE_TABLES;
	state->cr4 = CR4_PAE;
	state->efer = EFER_LME | EFER_LMA;
}

void boot_long_mode(struct boot_state *state, uint64_t entry, uint64_t gdt_gpa, uint64_t info)
{
	protected_mode(state, entry, gdt_gpa);
	state->cs.selector = SELECTOR_CODE64;
	paged(state);
	state->rax = LOADER_MAGIC;
	state->rbx = info;
	state->rdi = info;
}

void boot_multiboot(struct boot_state *state, uint64_t entry, uint64_t gdt_gpa, uint64_t info)
{
	protected_mode(state, entry, gdt_gpa);
	state->rax = LOADER_MAGIC;
	state->rbx = info;
}

void boot_multiboot2(struct boot_state *state, uint64_t entry, uint64_t gdt_gpa, uint64_t info)
{
	protected_mode(state, entry, gdt_gpa);
	state->rax = LOADER_MAGIC2;
	state->rbx = info;
}

void boot_pvh(struct boot_state *state, uint64_t entry, uint64_t gdt_gpa, uint64_t info)
{
	protected_mode(state, entry, gdt_gpa);
	state->rbx = info;
}

void boot_linux32(struct boot_state *state, uint64_t entry, uint64_t gdt_gpa, uint64_t params)
{
	struct boot_segment *data[] = {&state->ds, &state->es, &state->fs, &state->gs, &state->ss};

	protected_mode(state, entry, gdt_gpa);
	state->cs.selector = SELECTOR_LINUX_CODE;
	for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		data[i]->selector = SELECTOR_LINUX_DATA;
	state->rsi = params;
}

void boot_linux64(struct boot_state *state, uint64_t entry, uint64_t gdt_gpa, uint64_t params)
{
	boot_linux32(state, entry, gdt_gpa, params);
	paged(state);
}

/* SDM 3A, table "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT" */
void boot_reset(struct boot_state *state, uint32_t signature)
{
	*state = (struct boot_state){
		.cs = real_code,
		.ds = real_data,
		.es = real_data,
		.fs = real_data,
		.gs = real_data,
		.ss = real_data,
		.ldtr = {.limit = 0xFFFF, .type = TYPE_LDT, .present = true},
		.tr = {.limit = 0xFFFF, .type = TYPE_TSS, .present = true},
		.gdtr = {.limit = 0xFFFF},
		.idtr = {.limit = 0xFFFF},
		.cr0 = CR0_CD | CR0_NW | CR0_ET,
		.rip = 0xFFF0,
		.rflags = RFLAGS_FIXED,
		.rdx = signature,
		.dr6 = DR6_RESET,
		.dr7 = DR7_RESET,
	};
}

void boot_init(struct boot_state *state, uint32_t signature, uint64_t cr0)
{
	boot_reset(state, signature);
	state->cr0 = CR0_ET | (cr0 & (CR0_CD | CR0_NW));
}

void boot_sipi(struct boot_state *state, uint32_t signature, uint64_t cr0, uint8_t vector)
{
	boot_init(state, signature, cr0);
	state->cs.selector = (uint16_t)(vector << 8);
	state->cs.base = (uint64_t)vector << 12;
	state->rip = 0;
}

bool boot_follows_firmware(const struct boot_state *state)
{
	if (!(state->cr0 & CR0_PE))
		return false;
	return !(state->cr0 & CR0_PG) || state->cs.selector == SELECTOR_LINUX_CODE;
}

static bool write_descriptors(const struct ram *ram, uint64_t gpa, const uint64_t *table)
{
	void *host = ram_at(ram, gpa, BOOT_GDT_SIZE);

	if (!host)
		return false;
	memcpy(host, table, sizeof(gdt));
	return true;
}

bool boot_write_gdt(const struct ram *ram, uint64_t gpa)
{
	return write_descriptors(ram, gpa, gdt);
}

bool boot_write_linux_gdt(const struct ram *ram, uint64_t gpa, bool wide)
{
	const uint64_t linux_gdt[sizeof(gdt) / sizeof(gdt[0])] = {
		[SELECTOR_LINUX_CODE / 8] = wide ? FLAT_CODE64 : FLAT_CODE32,
		[SELECTOR_LINUX_DATA / 8] = FLAT_DATA,
	};

	return write_descriptors(ram, gpa, linux_gdt);
}

/* SDM 3A, "4-Level Paging and 5-Level Paging": table entries are present and writable; directory
 * entries map 2 MiB each. */
bool boot_write_page_tables(const struct ram *ram)
{
	enum { ENTRIES = 512, GIB_MAPPED = 4, PRESENT_WRITABLE = 0x3, LARGE = 0x80 };
	uint64_t pdpt = BOOT_PAGE_TABLES + RAM_PAGE_SIZE;
	uint64_t directories = pdpt + RAM_PAGE_SIZE;
	uint64_t *table = ram_at(ram, BOOT_PAGE_TABLES, BOOT_PAGE_TABLES_SIZE);

	if (!table)
		return false;
	memset(table, 0, BOOT_PAGE_TABLES_SIZE);
	table[0] = pdpt | PRESENT_WRITABLE;
	table += ENTRIES;
	for (uint64_t i = 0; i < GIB_MAPPED; i++)
		table[i] = (directories + i * RAM_PAGE_SIZE) | PRESENT_WRITABLE;
	table += ENTRIES;
	for (uint64_t i = 0; i < GIB_MAPPED * ENTRIES; i++)
		table[i] = i << 21 | PRESENT_WRITABLE | LARGE;
	return true;
}
