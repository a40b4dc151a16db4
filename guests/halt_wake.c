// SPDX-License-Identifier: BSD-2-Clause
// HLT and what ends it: IPIs to and fro, the timer, an interrupt that was there before; no wake is
// lost. Not NMI (nmi.c) and not INIT (init_sipi.c).
//
// Proof: two processors send each other IPIs, each only after it was woken by the other's, 1000
// times: one lost wake, and both sleep for ever. Then IPIs are timed to meet a processor that is
// just going to sleep. One that TPR blocks must not end a HLT.
//
// Rules: MP-5, PRI-2, TMR-2
//
// run: smp=2 timeout=90 lapic="user kernel"
// run: smp=2 timeout=90 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define PING   0x61
#define PONG   0x62
#define TIMER  0x63
#define ROUNDS 1000
#define AROUND 3000

static void halt_until(unsigned cpu, unsigned vector, unsigned count)
{
	cli();
	while (trap_count(cpu, vector) < count)
		sti_hlt_cli();
}

static void answer(uintptr_t rounds)
{
	for (unsigned i = 1; i <= rounds; i++) {
		halt_until(1, PING, i);
		apic_ipi(0, APIC_ICR_ASSERT | PONG);
	}
}

static void ping_pong(void)
{
	trap_forget();
	smp_begin(1, answer, ROUNDS);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		apic_ipi(1, APIC_ICR_ASSERT | PING);
		halt_until(0, PONG, i);
	}
	smp_finish(1);
	CHECK_EQ(trap_count(1, PING), ROUNDS, "IPIs to and");
	CHECK_EQ(trap_count(0, PONG), ROUNDS, "IPIs fro");
}

/* The AP says that it is about to halt, and the IPI is sent a little later, each time by a
 * different little: some meet it awake, some asleep, some in between. */
static volatile unsigned about_to_halt;

static void halt_again_and_again(uintptr_t rounds)
{
	for (unsigned i = 1; i <= rounds; i++) {
		about_to_halt = i;
		for (unsigned turns = 0; turns < i % 32; turns++)
			__asm__ volatile("" : : : "memory");
		halt_until(1, PING, i);
	}
}

static void around_the_halt(void)
{
	unsigned arrived = 0;

	trap_forget();
	about_to_halt = 0;
	smp_begin(1, halt_again_and_again, AROUND);
	for (unsigned i = 1; i <= AROUND; i++) {
		if (!TIME_WAIT(about_to_halt == i))
			break;
		apic_ipi(1, APIC_ICR_ASSERT | PING);
		arrived = i;
	}
	CHECK_EQ(arrived, AROUND, "IPIs around a HLT that woke the AP");
	if (arrived == AROUND)
		smp_finish(1);
	CHECK_EQ(trap_count(1, PING), AROUND, "IPIs around a HLT");
}

/* The interrupt comes at any point around STI; HLT. */
static void timer_wakes(void)
{
	trap_forget();
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, TIMER);
	for (unsigned i = 1; i <= 100; i++) {
		apic_write(APIC_TMICT, 1 + 997 * i);
		halt_until(0, TIMER, i);
	}
	CHECK_EQ(trap_count(0, TIMER), 100, "timer interrupts");
}

static void pending_before(void)
{
	trap_forget();
	for (unsigned i = 1; i <= 100; i++) {
		apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | PING);
		halt_until(0, PING, i);
	}
	CHECK_EQ(trap_count(0, PING), 100, "interrupts that were pending before HLT");
}

static void send_blocked_then_free(uintptr_t to)
{
	time_spin_ms(100);
	apic_ipi((uint32_t)to, APIC_ICR_ASSERT | 0x51);
	time_spin_ms(100);
	apic_ipi((uint32_t)to, APIC_ICR_ASSERT | 0x91);
}

static void blocked_wakes_nobody(void)
{
	unsigned woken = 0;

	trap_forget();
	apic_write(APIC_TPR, 0x80);
	smp_begin(1, send_blocked_then_free, apic_id());
	while (!trap_count(0, 0x91)) {
		sti_hlt_cli();
		woken++;
	}
	smp_finish(1);
	CHECK_EQ(woken, 1, "wakes from HLT, by one vector above TPR and one below");
	CHECK_EQ(trap_count(0, 0x51), 0, "interrupts of the blocked vector");
	apic_write(APIC_TPR, 0);
	halt_until(0, 0x51, 1);
	CHECK_EQ(trap_count(0, 0x51), 1, "interrupts of the vector no longer blocked");
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	timer_wakes();
	pending_before();
	smp_start(2);
	blocked_wakes_nobody();
	ping_pong();
	around_the_halt();
}
