// SPDX-License-Identifier: BSD-2-Clause
// Nested interrupts: who interrupts whom, what an EOI ends, and what comes next.
// Not the blocking by TPR (tpr.c).
//
// Proof: handlers note when they begin and end, and raise others while they run, interrupts on. The
// whole sequence is compared with the only one that the priority rules allow. ISR and PPR are read
// at each step.
//
// Rules: PRI-1, PRI-2, ACP-1, ACP-2, ACP-3, ACP-6
//
// KVM on kvm_pvm departs from ACP-2: it ends a service as it delivers, so that nothing is ever in
// service.
//
// kernel: pvm="ACP-2"
// run: timeout=60 lapic="user kernel"
// run: timeout=60 args="x2apic" lapic="user kernel"
// run: timeout=60 options="--apic-page=read-only" args="moved"
#include "guests/runtime/guest.h"

#define END 0x1000 /* added to the vector in the log */

static volatile unsigned log[32], logged;

static void note(unsigned what)
{
	if (logged < sizeof(log) / sizeof(log[0]))
		log[logged] = what;
	logged++;
}

static void raise_vector(unsigned vector)
{
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | vector);
}

static void plain(struct trap_frame *frame)
{
	note((unsigned)frame->vector);
	note((unsigned)frame->vector | END);
	apic_eoi();
}

/* 41h interrupts 31h; 48h is of its class and waits for its EOI, 35h waits for that of 31h. */
static void inner(struct trap_frame *frame)
{
	(void)frame;
	note(0x41);
	CHECK(apic_bit(APIC_ISR, 0x31) && apic_bit(APIC_ISR, 0x41), "31h and 41h are in service");
	CHECK_EQ(apic_read(APIC_PPR), 0x40, "PPR in 41h");
	raise_vector(0x48);
	raise_vector(0x35);
	sti();
	time_settle();
	CHECK(apic_bit(APIC_IRR, 0x48) && apic_bit(APIC_IRR, 0x35), "48h and 35h wait in IRR");
	cli();
	note(0x41 | END);
	apic_eoi();
	CHECK(apic_bit(APIC_ISR, 0x31) && !apic_bit(APIC_ISR, 0x41), "the EOI ended 41h, not 31h");
	CHECK_EQ(apic_read(APIC_PPR), 0x30, "PPR after the EOI of 41h");
}

static void outer(struct trap_frame *frame)
{
	(void)frame;
	note(0x31);
	CHECK_EQ(apic_read(APIC_PPR), 0x30, "PPR in 31h");
	raise_vector(0x41);
	sti();
	CHECK(TIME_WAIT(trap_count(0, 0x48)), "41h and 48h interrupt 31h");
	time_settle();
	cli();
	note(0x31 | END);
	apic_eoi();
}

static void compare(const char *what, const unsigned *want, unsigned count)
{
	CHECK_EQ(logged, count, "%s: entries", what);
	for (unsigned i = 0; i < count && i < logged; i++)
		CHECK_EQ(log[i], want[i], "%s: entry %u", what, i);
	logged = 0;
}

static void nesting(void)
{
	static const unsigned want[] = {0x31,       0x41,       0x41 | END, 0x48,
					0x48 | END, 0x31 | END, 0x35,       0x35 | END};

	trap_set(0x31, outer);
	trap_set(0x41, inner);
	trap_set(0x48, plain);
	trap_set(0x35, plain);
	raise_vector(0x31);
	sti();
	CHECK(TIME_WAIT(trap_count(0, 0x35)), "35h comes last");
	cli();
	compare("nesting", want, sizeof(want) / sizeof(want[0]));
	CHECK(apic_no_bits(APIC_ISR) && apic_no_bits(APIC_IRR), "ISR and IRR are empty after");
}

/* An EOI ends the highest in service, whatever handler sends it. */
static void takes_two_eois(struct trap_frame *frame)
{
	(void)frame;
	note(0xa0);
	CHECK(apic_bit(APIC_ISR, 0x90) && apic_bit(APIC_ISR, 0xa0), "90h and A0h are in service");
	apic_eoi();
	CHECK(apic_bit(APIC_ISR, 0x90) && !apic_bit(APIC_ISR, 0xa0), "the first EOI ends A0h");
	apic_eoi();
	CHECK(apic_no_bits(APIC_ISR), "the second EOI ends 90h");
	apic_eoi();
	CHECK(apic_no_bits(APIC_ISR), "the third EOI finds nothing");
	CHECK_EQ(apic_read(APIC_PPR), 0, "PPR then");
	note(0xa0 | END);
}

static void interrupted_without_eoi(struct trap_frame *frame)
{
	(void)frame;
	note(0x90);
	raise_vector(0xa0);
	sti();
	CHECK(TIME_WAIT(trap_count(0, 0xa0)), "A0h interrupts 90h");
	cli();
	note(0x90 | END);
}

static void highest_ends_first(void)
{
	static const unsigned want[] = {0x90, 0xa0, 0xa0 | END, 0x90 | END, 0x20, 0x20 | END};

	trap_set(0x90, interrupted_without_eoi);
	trap_set(0xa0, takes_two_eois);
	trap_set(0x20, plain);
	raise_vector(0x90);
	sti();
	CHECK(TIME_WAIT(trap_count(0, 0x90)), "90h is taken");
	raise_vector(0x20);
	CHECK(TIME_WAIT(trap_count(0, 0x20)), "20h is taken after all were ended");
	cli();
	compare("EOI", want, sizeof(want) / sizeof(want[0]));
}

/* Two more edges of a vector in service merge into one, which comes after the EOI. */
static void raises_itself(struct trap_frame *frame)
{
	bool first = trap_count(0, 0x66) == 1;

	(void)frame;
	note(0x66);
	if (first) {
		raise_vector(0x66);
		raise_vector(0x66);
		CHECK(apic_bit(APIC_IRR, 0x66) && apic_bit(APIC_ISR, 0x66),
		      "66h is in service and waits again");
		CHECK(!apic_bit(APIC_TMR, 0x66), "66h is edge-triggered");
	}
	sti();
	time_settle();
	cli();
	note(0x66 | END);
	apic_eoi();
}

static void again_while_in_service(void)
{
	static const unsigned want[] = {0x66, 0x66 | END, 0x66, 0x66 | END};

	trap_set(0x66, raises_itself);
	raise_vector(0x66);
	sti();
	CHECK(TIME_WAIT(logged == 4), "66h is taken twice");
	time_settle();
	cli();
	compare("again", want, sizeof(want) / sizeof(want[0]));
}

/* All that wait are taken from the top down, each after the EOI of the one before. */
static void from_the_top(void)
{
	static const unsigned vectors[] = {0x23, 0xe1, 0x2f, 0x77, 0xe0, 0x10, 0xfe, 0x78};
	static const unsigned sorted[] = {0xfe, 0xe1, 0xe0, 0x78, 0x77, 0x2f, 0x23, 0x10};
	unsigned want[16];

	for (unsigned i = 0; i < 8; i++) {
		trap_set(vectors[i], plain);
		raise_vector(vectors[i]);
		want[2 * i] = sorted[i];
		want[2 * i + 1] = sorted[i] | END;
	}
	sti();
	CHECK(TIME_WAIT(logged == 16), "all eight are taken");
	cli();
	compare("from the top", want, 16);
}

void guest_main(void)
{
	apic_enable();
	if (guest_keeps("ACP-2")) {
		nesting();
		highest_ends_first();
		again_while_in_service();
	}
	from_the_top();
}
