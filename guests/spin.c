// SPDX-License-Identifier: BSD-2-Clause
// A kernel loop of one instruction, `jmp .`: it exits for nothing, and yet gets its interrupts.
// Not how soon.
//
// Proof: the processor stands on one jump with interrupts on; only a handler that moves the saved
// instruction pointer behind it can end that. Done with the periodic timer, the one-shot timer, and
// IPIs and NMIs from a second CPU that stands on such a jump itself at other times.
//
// Rules: TMR-2, ICR-1, ICR-2, MP-5
//
// run: smp=2 timeout=60 lapic="user kernel"
// run: smp=2 timeout=60 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define VECTOR   0x61
#define MEETINGS 10

void spin_stand(void);
extern const char spin_here[], spin_behind[];

static volatile unsigned wanted; /* interrupts until the jump is left */
static volatile unsigned met;    /* interrupts that found the processor on the jump */

__asm__(".globl spin_stand, spin_here, spin_behind\n"
	"spin_stand:\n"
	"spin_here: jmp spin_here\n"
	"spin_behind: ret\n");

static void push_on(struct trap_frame *frame)
{
	if (frame->rip == (uintptr_t)spin_here && ++met >= wanted)
		frame->rip = (uintptr_t)spin_behind;
	if (frame->vector != TRAP_NMI)
		apic_eoi();
}

static void spin_until(unsigned interrupts)
{
	met = 0;
	wanted = interrupts;
	sti();
	spin_stand();
	cli();
	CHECK(met >= interrupts, "%u interrupts found the processor on the jump", met);
}

static void timers(void)
{
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | VECTOR);
	apic_write(APIC_TMICT, 10000000);
	spin_until(20);
	apic_write(APIC_TMICT, 0);
	sti();
	time_settle();
	cli();
	/* 100 ms ahead, so that the jump is reached before. */
	apic_write(APIC_LVT_TIMER, VECTOR);
	for (unsigned i = 0; i < 3; i++) {
		apic_write(APIC_TMICT, 100000000);
		spin_until(1);
	}
}

/* Sends until all have found the processor on the jump; `low` says what. */
static void send_until_met(uintptr_t low)
{
	uint64_t end = rdtsc() + TIME_LOST_MS / 2 * time_tsc_per_ms();

	while (met < MEETINGS && (int64_t)(rdtsc() - end) < 0) {
		apic_ipi(0, (uint32_t)low);
		time_spin_ms(20);
	}
}

static void by_another(uint32_t low)
{
	met = 0;
	smp_begin(1, send_until_met, low);
	spin_until(MEETINGS);
	smp_finish(1);
}

/* The same with the BSP waiting and the AP on the jump. */
static void ap_stands(uintptr_t interrupts)
{
	spin_until((unsigned)interrupts);
	sti();
}

static void other_way_round(void)
{
	met = 0;
	smp_begin(1, ap_stands, MEETINGS);
	for (unsigned sent = 0; sent < 500 && met < MEETINGS; sent++) {
		apic_ipi(1, APIC_ICR_ASSERT | VECTOR);
		time_spin_ms(20);
	}
	smp_finish(1);
}

void guest_main(void)
{
	apic_enable();
	trap_set(VECTOR, push_on);
	trap_set(TRAP_NMI, push_on);
	timers();
	smp_start(2);
	by_another(APIC_ICR_ASSERT | VECTOR);
	by_another(APIC_ICR_ASSERT | APIC_ICR_NMI);
	other_way_round();
}
