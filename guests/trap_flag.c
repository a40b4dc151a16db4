// SPDX-License-Identifier: BSD-2-Clause
// A host that single-steps a closed processor leaves no trace: no trap flag in what the guest
// saves, no debug exception. Not whether it steps at all: a host may meet windows in another way.
//
// Proof: an interrupt waits with IF = 0 all the time, which is when such a host steps. Meanwhile
// the guest stores its flags, takes exceptions, NMIs and interrupts, and returns from them; each
// saved image of the flags is looked at, and a debug exception has no handler and ends the run.
//
// Rules: PRI-5, MP-4
//
// run: timeout=120 lapic="user kernel"
// run: timeout=120 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define WAITING   0x41
#define HIGHER    0xE1
#define FLAG_TRAP 0x100
#define FLAG_IF   0x200
#define ROUNDS    40

static volatile unsigned dirty;

static void look(const struct trap_frame *frame)
{
	if (!(frame->flags & FLAG_TRAP))
		return;
	dirty++;
	print("vector %u at %p saved flags %x\n", (unsigned)frame->vector, (void *)frame->rip,
	      (unsigned)frame->flags);
}

static void on_nmi(struct trap_frame *frame)
{
	look(frame);
}

static void on_interrupt(struct trap_frame *frame)
{
	look(frame);
	apic_eoi();
}

static void on_undefined(struct trap_frame *frame)
{
	look(frame);
	frame->rip += 2; /* ud2 */
}

static uint64_t flags_pushed(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
	return flags;
}

/* What saves the flags somewhere, while the interrupt waits. */
static void one_pass(unsigned turn)
{
	if (flags_pushed() & FLAG_TRAP) {
		dirty++;
		print("PUSHF saved TF\n");
	}
	__asm__ volatile("ud2" : : : "memory");
	__asm__ volatile("pushfq; popfq" : : : "memory", "cc");
	if (turn % 4 == 1)
		apic_ipi(0, APIC_ICR_NMI | APIC_ICR_ASSERT);
	for (unsigned i = 0; i < turn % 97; i++)
		cpu_pause();
}

/* Closed for some milliseconds, long enough for a host to become impatient. */
static void closed(unsigned round)
{
	uint64_t end = rdtsc() + (5 + round % 7) * time_tsc_per_ms();

	cli();
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | WAITING);
	if (round % 2)
		apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | HIGHER);
	for (unsigned turn = 0; (int64_t)(rdtsc() - end) < 0; turn++)
		one_pass(turn);
	CHECK_EQ(trap_count(0, WAITING), round, "nothing is taken while IF = 0: vectors %xh",
		 WAITING);
	sti();
	CHECK(TIME_WAIT(trap_count(0, WAITING) == round + 1), "round %u: the interrupt came",
	      round);
}

void guest_main(void)
{
	apic_enable();
	trap_set(WAITING, on_interrupt);
	trap_set(HIGHER, on_interrupt);
	trap_set(TRAP_NMI, on_nmi);
	trap_set(TRAP_UD, on_undefined);
	for (unsigned round = 0; round < ROUNDS; round++)
		closed(round);
	CHECK_EQ(dirty, 0, "saved flags with the trap flag set");
	print("%u undefined instructions, %u NMIs and %u interrupts left no trap flag behind\n",
	      trap_count(0, TRAP_UD), trap_count(0, TRAP_NMI),
	      trap_count(0, WAITING) + trap_count(0, HIGHER));
}
