// SPDX-License-Identifier: BSD-2-Clause
// QEMU's pc-testdev at E0h: what is written is kept, and a flushed page has what it had.
// Not a proof that the host forgot the page's mapping: a guest cannot see that.
//
// run: smp=2 timeout=60 lapic="user kernel"
#include "guests/runtime/guest.h"

#define PAGES  64
#define PAGE   4096
#define ROUNDS 20

static uint32_t area[PAGES][PAGE / sizeof(uint32_t)] __attribute__((aligned(PAGE)));
static volatile bool over;
static volatile unsigned wrong;

/* The other CPU is at the pages while they are flushed. */
static void use(uintptr_t unused)
{
	(void)unused;
	for (uint32_t n = 1; !over; n++)
		for (unsigned page = 0; page < PAGES; page++) {
			volatile uint32_t *word = &area[page][1];

			*word = n;
			wrong += *word != n;
		}
}

void guest_main(void)
{
	apic_enable();
	smp_start(2);
	outl(0xe0, 0x89abcdef);
	outb(0xe1, 0x12);
	CHECK_EQ(inl(0xe0), 0x89ab12ef, "four bytes, of which one was written again");
	CHECK_EQ(inw(0xe2), 0x89ab, "the upper two");
	for (unsigned page = 0; page < PAGES; page++)
		area[page][0] = page;
	smp_begin(1, use, 0);
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned page = 0; page < PAGES; page++) {
			outl(0xe4, (uint32_t)(uintptr_t)area[page]);
			CHECK_EQ(area[page][0], page, "a flushed page keeps its first word");
		}
	over = true;
	smp_finish(1);
	CHECK_EQ(wrong, 0, "words that were lost under the other CPU");
	/* No memory, and the end of it. */
	outl(0xe4, 0xfee00000);
	outl(0xe4, 0xffffffff);
}
