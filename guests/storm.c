// SPDX-License-Identifier: BSD-2-Clause
// A periodic timer of one tick: the guest is interrupted as fast as the host allows, and gets on.
// Not a measure of the floor under the period.
//
// Proof: with interrupts on all the time the main program counts to a number, and counts the
// interrupts in between: both go on. CCR never leaves its range, whatever the period.
//
// Rules: TMR-1, TMR-2, TMR-9
//
// KVM departs from TMR-9: CCR counts the stretched period too, from above TMICT.
//
// kernel: departs="TMR-9"
// run: timeout=60 lapic="user kernel"
// run: timeout=60 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define VECTOR     0x61
#define WORK       20000
#define INTERRUPTS 200

static volatile unsigned done;

static void work_under(uint32_t period)
{
	trap_forget();
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | VECTOR);
	apic_write(APIC_TMICT, period);
	sti();
	for (done = 0; done < WORK; done++)
		cpu_pause();
	CHECK(TIME_WAIT(trap_count(0, VECTOR) >= INTERRUPTS), "period %u: %u interrupts came",
	      period, trap_count(0, VECTOR));
	for (unsigned i = 0; i < 200; i++) {
		uint32_t count = apic_read(APIC_CCR);

		if (guest_keeps("TMR-9"))
			CHECK(count <= period, "period %u: CCR is %u", period, count);
	}
	apic_write(APIC_TMICT, 0);
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), trap_count(0, VECTOR), "period %u: other interrupts", period);
}

void guest_main(void)
{
	static const uint32_t periods[] = {1, 2, 7, 1000, 199999, 300000};

	apic_enable();
	trap_set(VECTOR, trap_eoi);
	apic_write(APIC_DCR, 0xb);
	for (unsigned i = 0; i < sizeof(periods) / sizeof(periods[0]); i++)
		work_under(periods[i]);
	print("%u turns of the main program under each of six periods\n", WORK);
}
