// SPDX-License-Identifier: BSD-2-Clause
// Machines that sleep for ever, and machines that only seem to: the run must end with 97 for the
// one, at once, and never for the other. Not what ends a HLT (halt_wake.c).
//
// Proof: the ends are told from outside, by the status of the run. "awake" sleeps thousands of
// short sleeps without once leaving the guest, by one-shot timers that are set anew from handlers
// and by IPIs between two processors, so that whoever looks finds all of them asleep nearly every
// time.
//
// Rules: MP-4, MP-5
//
// run: smp=2 timeout=60 lapic="user kernel hop" expect=97
// run: smp=2 timeout=60 args="closed" lapic="user kernel hop" hop=3 expect=97
// run: smp=1 timeout=60 args="masked" lapic="user kernel hop" hop=3 expect=97
// run: smp=3 timeout=60 args="waits" lapic="user kernel hop" hop=3 expect=97
// run: smp=1 timeout=60 args="late" lapic="user kernel hop" hop=3
// run: smp=2 timeout=60 args="awake" lapic="user kernel hop"
// run: smp=2 timeout=60 args="awake x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define TIMER    0x51
#define PING     0x61
#define PONG     0x62
#define AWAKE_MS 3000

static void sleep_for_ever(uintptr_t unused)
{
	(void)unused;
	for (;;)
		sti_hlt_cli();
}

/* A timer that would end the HLT if interrupts were on. */
static void closed(void)
{
	apic_write(APIC_LVT_TIMER, TIMER | APIC_LVT_PERIODIC);
	apic_write(APIC_TMICT, 1000000);
	cli();
	for (;;)
		hlt();
}

static void masked(void)
{
	apic_write(APIC_LVT_TIMER, TIMER | APIC_LVT_PERIODIC | APIC_LVT_MASKED);
	apic_write(APIC_TMICT, 1000000);
	sleep_for_ever(0);
}

/* Asleep, but not for ever. */
static void late(void)
{
	apic_write(APIC_LVT_TIMER, TIMER);
	apic_write(APIC_TMICT, 500000000);
	sti_hlt_cli();
	CHECK_EQ(trap_count(0, TIMER), 1, "timer interrupts after half a second of sleep");
}

static volatile bool over;

static void answer(uintptr_t unused)
{
	(void)unused;
	cli();
	for (unsigned i = 1; !over; i++) {
		while (trap_count(1, PING) < i)
			sti_hlt_cli();
		apic_ipi(0, APIC_ICR_ASSERT | PONG);
	}
	sti();
}

static void awake(void)
{
	uint64_t end = rdtsc() + AWAKE_MS * time_tsc_per_ms();
	unsigned rounds = 0;

	smp_begin(1, answer, 0);
	apic_write(APIC_LVT_TIMER, TIMER);
	for (; (int64_t)(rdtsc() - end) < 0; rounds++) {
		unsigned timers = trap_count(0, TIMER), pongs = trap_count(0, PONG);

		apic_write(APIC_TMICT, 200000 + 997 * (rounds % 1024));
		while (trap_count(0, TIMER) == timers)
			sti_hlt_cli();
		over = (int64_t)(rdtsc() - end) >= 0;
		apic_ipi(1, APIC_ICR_ASSERT | PING);
		while (trap_count(0, PONG) == pongs)
			sti_hlt_cli();
	}
	if (!over) {
		over = true;
		apic_ipi(1, APIC_ICR_ASSERT | PING);
	}
	smp_finish(1);
	CHECK(rounds > 10, "rounds of sleep: %u", rounds);
}

void guest_main(void)
{
	unsigned started = guest_arg("waits") ? 2 : smp_cpus();

	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	apic_write(APIC_DCR, 0xb);
	/* With "waits" the last processor still waits for its SIPI. */
	smp_start(started);
	if (guest_arg("awake")) {
		awake();
		return;
	}
	if (started > 1)
		smp_begin(1, sleep_for_ever, 0);
	if (guest_arg("closed"))
		closed();
	if (guest_arg("masked"))
		masked();
	if (guest_arg("late"))
		late();
	else
		sleep_for_ever(0);
}
