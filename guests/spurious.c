// SPDX-License-Identifier: BSD-2-Clause
// The spurious vector: an interrupt sent with its number is an ordinary one, and no other comes.
// Not a device that withdraws its line: a guest has none here.
//
// Proof: SVR's vector is sent as an IPI: it goes through IRR and ISR and needs an EOI. Then
// requests are withdrawn by raising TPR, again and again, before they can be taken: each is taken
// later by its own vector, and the spurious vector's count stays 0.
//
// Rules: ACP-3, PRI-5, RST-3
//
// KVM on kvm_pvm departs from ACP-2: it ends a service as it delivers, so that nothing is ever in
// service.
//
// kernel: pvm="ACP-2"
// run: timeout=60 lapic="user kernel"
// run: timeout=60 args="x2apic" lapic="user kernel"
// run: timeout=60 options="--apic-page=read-only" args="moved"
#include "guests/runtime/guest.h"

#define ROUNDS 300

static volatile bool in_service;

static void look_and_end(struct trap_frame *frame)
{
	in_service = apic_bit(APIC_ISR, (unsigned)frame->vector);
	apic_eoi();
}

static void as_an_ordinary_vector(unsigned vector)
{
	trap_forget();
	in_service = false;
	apic_write(APIC_SVR, APIC_SVR_ENABLE | vector);
	CHECK_EQ(apic_read(APIC_SVR), APIC_SVR_ENABLE | vector, "SVR");
	trap_set(vector, look_and_end);
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | vector);
	CHECK(apic_bit(APIC_IRR, vector), "the spurious vector %x waits in IRR", vector);
	sti();
	CHECK(TIME_WAIT(trap_count(0, vector)), "the spurious vector %x is taken", vector);
	time_settle();
	cli();
	if (guest_keeps("ACP-2"))
		CHECK(in_service, "sent as an IPI, %x is in service", vector);
	CHECK(apic_no_bits(APIC_ISR), "its EOI has cleared ISR");
	CHECK_EQ(trap_count(0, vector), 1, "interrupts of %x", vector);
}

static void withdrawn_requests(void)
{
	trap_forget();
	trap_set(0x51, trap_eoi);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xef);
	trap_set(0xef, trap_eoi);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | 0x51);
		if (round & 1)
			apic_write(APIC_TPR, 0x50);
		else
			write_cr8(5);
		sti();
		for (unsigned turns = 0; turns < 50; turns++)
			cpu_pause();
		CHECK(trap_count(0, 0x51) == round - 1, "a withdrawn request is not taken");
		cli();
		apic_write(APIC_TPR, 0);
		sti();
		CHECK(TIME_WAIT(trap_count(0, 0x51) == round), "round %u: 51h is taken later",
		      round);
		cli();
	}
	CHECK_EQ(trap_count(0, 0xef), 0, "spurious interrupts");
	CHECK_EQ(trap_count_all(0), ROUNDS, "interrupts");
}

void guest_main(void)
{
	apic_enable();
	as_an_ordinary_vector(0xff);
	as_an_ordinary_vector(0x3f);
	as_an_ordinary_vector(0x84);
	withdrawn_requests();
}
