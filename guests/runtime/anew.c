// SPDX-License-Identifier: BSD-2-Clause
// An IDT whose handlers do not return, and copies of the trampoline wherever a SIPI may point.
// Not the entries themselves (anew_enter.S).
#include "guests/runtime/anew.h"

#include <stdbool.h>
#include <stddef.h>

#include "guests/runtime/layout.h"
#include "guests/runtime/memory.h"
#include "guests/runtime/result.h"

#define ENTRY_BYTES    16
#define GATE_INTERRUPT 0x8e00
#define PAGES          256
#define SCREEN_FIRST   0xa0 /* Memory of the screen: others write there. */
#define SCREEN_LAST    0xbf
#define REAL_NMI       0x400 /* where real mode's vectors lead, in page 0 */
#define REAL_COPY      0x600

struct gate {
	uint16_t offset0, selector, kind, offset1;
	uint32_t offset2, reserved;
};

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

extern const char anew_entries[], anew_trampoline[], anew_trampoline_end[];
extern struct gate anew_idt[256];
void anew_trap(unsigned vector);
void anew_work(void);

struct gate anew_idt[256] __attribute__((aligned(16)));
static void (*do_work)(void);
static void (*tell)(unsigned vector);
static uint8_t pages[PAGES];
static unsigned page_count;

void anew_trap(unsigned vector)
{
	tell(vector);
}

void anew_work(void)
{
	do_work();
}

static size_t trampoline_size(void)
{
	return (uintptr_t)anew_trampoline_end - (uintptr_t)anew_trampoline;
}

static volatile uint8_t *low(uint32_t address)
{
	volatile uint8_t *at;

	/* Page 0 is memory as any other, which C cannot know. */
	__asm__("" : "=r"(at) : "0"((uintptr_t)address));
	return at;
}

static bool copy_to(uint32_t address)
{
	const uint8_t *from = (const uint8_t *)anew_trampoline;
	bool kept = true;

	for (size_t i = 0; i < trampoline_size(); i++) {
		low(address)[i] = from[i];
		kept = kept && low(address)[i] == from[i];
	}
	return kept;
}

/* See anew_enter.S. */
static void make_page_0(void)
{
	static const uint8_t near_400[] = {0xe9, 0xfd, 0x03};
	static const uint8_t far_60_0[] = {0xea, 0x00, 0x00, 0x60, 0x00};

	for (unsigned i = 0; i < 256; i++) {
		low(4 * i)[0] = REAL_NMI & 0xff;
		low(4 * i)[1] = REAL_NMI >> 8;
		low(4 * i)[2] = low(4 * i)[3] = 0;
	}
	for (unsigned i = 0; i < sizeof(near_400); i++)
		low(i)[0] = near_400[i];
	for (unsigned i = 0; i < sizeof(far_60_0); i++)
		low(REAL_NMI + i)[0] = far_60_0[i];
	copy_to(REAL_COPY);
}

static void make_idt(void)
{
	struct table_pointer pointer = {sizeof(anew_idt) - 1, (uintptr_t)anew_idt};

	for (unsigned i = 0; i < 256; i++) {
		uint64_t entry = (uintptr_t)anew_entries + ENTRY_BYTES * i;

		anew_idt[i] = (struct gate){.offset0 = (uint16_t)entry,
					    .selector = SEL_KERNEL_CODE,
					    .kind = GATE_INTERRUPT,
					    .offset1 = (uint16_t)(entry >> 16),
					    .offset2 = (uint32_t)(entry >> 32)};
	}
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void anew_init(void (*work)(void), void (*came)(unsigned vector))
{
	do_work = work;
	tell = came;
	make_page_0();
	pages[page_count++] = 0;
	for (unsigned page = 1; page < PAGES; page++)
		if ((page < SCREEN_FIRST || page > SCREEN_LAST) && copy_to(page << 12))
			pages[page_count++] = (uint8_t)page;
	make_idt();
}

unsigned anew_pages(void)
{
	return page_count;
}

uint32_t anew_page(uint64_t any)
{
	return pages[any % page_count];
}
