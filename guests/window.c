// SPDX-License-Identifier: BSD-2-Clause
// Windows of one instruction, opened by STI, by POPF or by a TPR lowered for a moment: they recur,
// and are met. Not a window that comes once, and not how soon one is met.
//
// Proof: an interrupt is pending all the time; the loop opens the window and shuts it, hundreds of
// times a second, until the handler has run. A host that only looks now and then never ends it.
//
// Rules: PRI-4, PRI-5, MP-5
//
// run: timeout=240 lapic="user kernel"
// run: timeout=240 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define VECTOR 0x58
#define ROUNDS 10

static void open_flag(void)
{
	__asm__ volatile("sti; nop; cli" : : : "memory");
}

/* As kernels restore the flags that they saved. */
static void open_popf(void)
{
	__asm__ volatile("pushfq; orq $0x200, (%%rsp); popfq; nop; cli" : : : "memory", "cc");
}

static void open_cr8(void)
{
	__asm__ volatile("movq %0, %%cr8; nop; nop; movq %1, %%cr8"
			 :
			 : "r"(UINT64_C(4)), "r"(UINT64_C(5))
			 : "memory");
}

static void open_tpr(void)
{
	apic_write(APIC_TPR, 0x40);
	apic_write(APIC_TPR, 0x50);
}

/* Work between two windows. An exit after each one ends the host's turn before it would look by
 * itself; without any, only its own kicks end it. */
static void some_work(unsigned turn, bool exits)
{
	for (unsigned i = 0; i < turn % 50; i++)
		cpu_pause();
	if (exits)
		apic_read(APIC_CCR);
}

static bool window_met(void (*open)(void), bool interrupts, bool exits, unsigned *turns)
{
	uint64_t end = rdtsc() + TIME_LOST_MS * time_tsc_per_ms();

	trap_forget();
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR);
	if (interrupts)
		sti();
	for (; !trap_count(0, VECTOR) && (int64_t)(rdtsc() - end) < 0; ++*turns) {
		open();
		some_work(*turns, exits);
	}
	cli();
	return trap_count(0, VECTOR) == 1;
}

static void rounds(const char *kind, void (*open)(void), bool interrupts)
{
	for (unsigned exits = 0; exits < 2; exits++) {
		unsigned turns = 0;

		for (unsigned round = 0; round < ROUNDS; round++)
			CHECK(window_met(open, interrupts, exits, &turns),
			      "%s: the window of round %u was met: %u times", kind, round,
			      trap_count(0, VECTOR));
		print("%s%s: %u windows were met, of %u that were opened\n", kind,
		      exits ? ", exits between" : "", ROUNDS, turns);
	}
}

void guest_main(void)
{
	apic_enable();
	trap_set(VECTOR, trap_eoi);
	rounds("sti; nop; cli", open_flag, false);
	rounds("popf; nop; cli", open_popf, false);
	apic_write(APIC_TPR, 0x50);
	rounds("TPR lowered", open_tpr, true);
	rounds("CR8 lowered", open_cr8, true);
}
