// SPDX-License-Identifier: BSD-2-Clause
// An access that ends in #GP is no moment for an interrupt: the handler starts with IF = 0, and
// keeps it. Not the #GP itself: msr_gp.c.
//
// Proof: a timer and self IPIs keep interrupts coming while a loop with IF = 1 reads an MSR that is
// not there. Each such access leaves the guest, for the host that answers it. An interrupt handler
// looks at the flags it interrupted: they must have IF set, and none may come between the fault and
// its handler.
//
// Rules: MSR-2, PRI-5
//
// KVM on kvm_pvm departs from PRI-2: it looks for an interrupt where it leaves off emulating, and
// here that is always at the access, so that the timer's waits for the end of the loop.
//
// kernel: pvm="PRI-2"
// run: timeout=60 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define TIMER   0x51
#define SELF    0x61
#define FLAG_IF 0x200
#define ROUNDS  3000

static volatile unsigned closed, faults;

static void on_interrupt(struct trap_frame *frame)
{
	closed += !(frame->flags & FLAG_IF);
	apic_eoi();
}

void guest_main(void)
{
	uint64_t value;

	apic_enable();
	trap_set(TIMER, on_interrupt);
	trap_set(SELF, on_interrupt);
	apic_write(APIC_DCR, 0xB);
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | TIMER);
	apic_write(APIC_TMICT, 300000);
	sti();
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round % 3 == 0)
			apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | SELF);
		faults += !rdmsr_safe(MSR_X2APIC + 0xFF, &value).ok;
	}
	cli();
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	CHECK_EQ(faults, ROUNDS, "faults");
	CHECK_EQ(closed, 0, "interrupts taken with IF = 0");
	if (guest_keeps("PRI-2"))
		CHECK(trap_count(0, TIMER) > 0, "timer interrupts came: %u", trap_count(0, TIMER));
	CHECK(trap_count(0, SELF) > 0, "self IPIs came: %u", trap_count(0, SELF));
	print("%u faults, %u timer interrupts and %u self IPIs between them\n", faults,
	      trap_count(0, TIMER), trap_count(0, SELF));
}
