// SPDX-License-Identifier: BSD-2-Clause
// Self-IPIs on all 240 vectors, by each way to send one; each handler runs exactly once.
// No other CPU takes part (ipi_dest.c).
//
// Proof: for each vector the handler's count goes from 0 to 1 and stays there, and nothing else was
// counted. With IF=0 the vector shows in IRR, two sends make one interrupt, and none is lost.
//
// Rules: ACC-4, PRI-3, ICR-1, ICR-2, ICR-11, ACP-1, ACP-2, ACP-3
//
// run: timeout=60 lapic="user kernel"
// run: timeout=60 args="x2apic" lapic="user kernel"
// run: timeout=60 options="--no-x2apic" lapic="user kernel"
// run: timeout=60 options="--apic-page=read-only" args="moved"
#include "guests/runtime/guest.h"

static void by_shorthand(unsigned vector)
{
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | vector);
}

static void by_own_id(unsigned vector)
{
	apic_ipi(apic_id(), APIC_ICR_ASSERT | vector);
}

static void to_all(unsigned vector)
{
	apic_ipi(0, APIC_ICR_ALL | APIC_ICR_ASSERT | vector);
}

static void by_self_ipi_msr(unsigned vector)
{
	apic_write(APIC_SELF_IPI, vector);
}

static void all_vectors(const char *way, void (*send)(unsigned vector))
{
	trap_forget();
	sti();
	for (unsigned vector = 16; vector < 256; vector++) {
		send(vector);
		CHECK(TIME_WAIT(trap_count(0, vector) == 1), "%s: vector %u was not taken", way,
		      vector);
	}
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 240, "%s: interrupts taken", way);
	CHECK(apic_no_bits(APIC_IRR) && apic_no_bits(APIC_ISR), "%s: IRR and ISR are empty after",
	      way);
}

static void merge(void (*send)(unsigned vector))
{
	trap_forget();
	send(0x80);
	send(0x80);
	CHECK(TIME_WAIT(apic_bit(APIC_IRR, 0x80)), "IF=0: the vector waits in IRR");
	CHECK(!apic_bit(APIC_ISR, 0x80), "IF=0: the vector is not in service");
	CHECK(!apic_bit(APIC_TMR, 0x80), "an IPI is edge-triggered");
	time_settle();
	CHECK_EQ(trap_count(0, 0x80), 0, "interrupts taken with IF=0");
	sti();
	CHECK(TIME_WAIT(trap_count(0, 0x80)), "IF=1: the vector that waited is taken");
	time_settle();
	cli();
	CHECK_EQ(trap_count(0, 0x80), 1, "interrupts from two sends with IF=0");
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	all_vectors("shorthand self", by_shorthand);
	all_vectors("own ID", by_own_id);
	all_vectors("shorthand all", to_all);
	merge(by_shorthand);
	if (apic_mode() == APIC_X2APIC) {
		all_vectors("SELF IPI", by_self_ipi_msr);
		merge(by_self_ipi_msr);
	}
}
