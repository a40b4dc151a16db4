// SPDX-License-Identifier: BSD-2-Clause
// ESR: what sets which bit, that it latches, and LVT error.
// Not reserved offsets one by one (regs.c), and not #GP (msr_gp.c).
//
// Proof: after each mistake ESR still reads what it did; a write latches, a second write finds
// nothing left. LVT error's handler runs once for a mistake, and again only after ESR was written.
//
// Rules: ERR-1, ERR-2, ERR-3, ERR-4, ICR-1, PRI-3, LVT-3, LVT-7
//
// With our own Local APIC alone: KVM departs from ERR-1 to ERR-3, it has no error register.
//
// run: timeout=60
// run: timeout=60 args="x2apic"
// run: smp=2 timeout=60
// run: smp=2 timeout=60 args="x2apic"
// run: timeout=60 options="--apic-page=read-only" args="moved departs=ACC-3"
#include "guests/runtime/guest.h"

#define ERROR_VECTOR 0x6e
#define NOBODY       0x55
#define PARKING      0x3000

static void nothing_else(const char *after)
{
	CHECK(apic_no_bits(APIC_IRR), "%s: nothing waits in IRR", after);
	CHECK_EQ(apic_take_errors(), 0, "%s: ESR latched again", after);
}

static void latches(void)
{
	apic_take_errors();
	apic_ipi(NOBODY, APIC_ICR_ASSERT | 5);
	CHECK_EQ(apic_read(APIC_ESR), 0, "ESR before it is written");
	apic_write(APIC_ESR, 0);
	CHECK_EQ(apic_read(APIC_ESR), APIC_ESR_SEND_VECTOR, "ESR after it was written");
	CHECK_EQ(apic_read(APIC_ESR), APIC_ESR_SEND_VECTOR, "ESR read once more");
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | 5);
	CHECK_EQ(apic_read(APIC_ESR), APIC_ESR_SEND_VECTOR, "ESR keeps what was latched");
	CHECK_EQ(apic_take_errors(), APIC_ESR_SEND_VECTOR | APIC_ESR_RECEIVE_VECTOR,
		 "ESR after a self IPI");
	nothing_else("latching");
}

static void illegal_vectors(void)
{
	for (unsigned vector = 0; vector < 16; vector++) {
		apic_ipi(NOBODY, APIC_ICR_ASSERT | vector);
		CHECK_EQ(apic_read(APIC_ICR), APIC_ICR_ASSERT | vector, "ICR reads back");
		CHECK_EQ(apic_take_errors(), APIC_ESR_SEND_VECTOR, "vector %u sent", vector);
		apic_ipi(NOBODY, APIC_ICR_ASSERT | APIC_ICR_LOWEST | APIC_ICR_LOGICAL | vector);
		CHECK_EQ(apic_take_errors(), APIC_ESR_SEND_VECTOR,
			 "vector %u sent to the lowest priority", vector);
		apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | vector);
		CHECK_EQ(apic_take_errors(), APIC_ESR_SEND_VECTOR | APIC_ESR_RECEIVE_VECTOR,
			 "vector %u sent to oneself", vector);
		if (apic_mode() != APIC_X2APIC)
			continue;
		apic_write(APIC_SELF_IPI, vector);
		CHECK_EQ(apic_take_errors(), APIC_ESR_SEND_VECTOR | APIC_ESR_RECEIVE_VECTOR,
			 "vector %u by SELF IPI", vector);
	}
	nothing_else("illegal vectors");
}

/* Modes that ignore the vector, and vectors that are legal. */
static void no_error(void)
{
	apic_ipi(NOBODY, APIC_ICR_ASSERT | APIC_ICR_NMI | 3);
	/* An AP that waits since power-on begins there: cli; hlt; jmp to the hlt. */
	memcpy((void *)PARKING, "\xfa\xf4\xeb\xfd", 4);
	apic_ipi(NOBODY, APIC_ICR_ASSERT | APIC_ICR_SIPI | 3);
	apic_ipi(NOBODY, APIC_ICR_ASSERT | 16);
	apic_ipi(NOBODY, APIC_ICR_ASSERT | 255);
	apic_ipi(0, APIC_ICR_ASSERT | APIC_ICR_OTHERS | APIC_ICR_SIPI | 3);
	CHECK_EQ(apic_take_errors(), 0, "ESR after what is no mistake");
}

/* The handler's count shows whether LVT error is armed. */
static void lvt_error(void)
{
	trap_forget();
	apic_write(APIC_LVT_ERROR, ERROR_VECTOR);
	sti();
	apic_ipi(NOBODY, APIC_ICR_ASSERT | 5);
	CHECK(TIME_WAIT(trap_count(0, ERROR_VECTOR) == 1), "a mistake fires LVT error");
	apic_ipi(NOBODY, APIC_ICR_ASSERT | 6);
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | 6);
	time_settle();
	CHECK_EQ(trap_count(0, ERROR_VECTOR), 1, "fired, it is disarmed: interrupts");
	apic_write(APIC_ESR, 0);
	time_settle();
	CHECK_EQ(trap_count(0, ERROR_VECTOR), 1, "a write of ESR is no error: interrupts");
	apic_ipi(NOBODY, APIC_ICR_ASSERT | 5);
	CHECK(TIME_WAIT(trap_count(0, ERROR_VECTOR) == 2), "a write of ESR has armed it again");
	apic_take_errors();
	apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED | ERROR_VECTOR);
	apic_ipi(NOBODY, APIC_ICR_ASSERT | 5);
	time_settle();
	apic_write(APIC_LVT_ERROR, ERROR_VECTOR);
	time_settle();
	cli();
	CHECK_EQ(trap_count(0, ERROR_VECTOR), 2, "masked when it happened: interrupts");
	CHECK_EQ(apic_take_errors(), APIC_ESR_SEND_VECTOR, "masked, ESR has it");
	apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
}

/* The entry that would report it has an illegal vector itself. */
static void no_recursion(void)
{
	apic_write(APIC_LVT_ERROR, 5);
	apic_ipi(NOBODY, APIC_ICR_ASSERT | 5);
	CHECK(apic_take_errors() & APIC_ESR_SEND_VECTOR, "an illegal vector in LVT error");
	apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED);
	apic_take_errors();
	nothing_else("an illegal vector in LVT error");
}

/* Looked at when the timer fires. */
static void illegal_timer_vector(void)
{
	trap_forget();
	apic_write(APIC_LVT_TIMER, 7);
	CHECK_EQ(apic_take_errors(), 0, "ESR when LVT timer is written");
	apic_write(APIC_TMICT, 1000);
	CHECK(TIME_WAIT(!apic_read(APIC_CCR)), "the timer expires");
	time_settle();
	CHECK_EQ(apic_take_errors(), APIC_ESR_RECEIVE_VECTOR, "ESR after its expiry");
	sti();
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 0, "interrupts of a vector below 16");
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	nothing_else("an illegal timer vector");
}

static void reserved_register(void)
{
	if (apic_mode() == APIC_X2APIC)
		return;
	apic_read(0x3f);
	CHECK_EQ(apic_take_errors(), guest_keeps("ACC-3") ? APIC_ESR_REGISTER : 0,
		 "ESR after a read of 3F0h");
	apic_write(0x40, 1);
	apic_ipi(NOBODY, APIC_ICR_ASSERT | 5);
	CHECK_EQ(apic_take_errors(), APIC_ESR_REGISTER | APIC_ESR_SEND_VECTOR,
		 "ESR after two mistakes");
	/* Any value latches, and none of it is kept. */
	if (guest_keeps("ACC-3"))
		apic_read(0);
	else
		apic_write(0, 1);
	apic_write(APIC_ESR, 0xffffffff);
	CHECK_EQ(apic_read(APIC_ESR), APIC_ESR_REGISTER, "ESR written with ones");
}

static void ap_errors(uintptr_t unused)
{
	(void)unused;
	CHECK_EQ(apic_take_errors(), 0, "ESR of the AP");
}

static void to_another(void)
{
	smp_start(2);
	trap_forget();
	smp_call(1, ap_errors, 0);
	apic_take_errors();
	apic_ipi(1, APIC_ICR_ASSERT | 5);
	CHECK_EQ(apic_take_errors(), APIC_ESR_SEND_VECTOR, "ESR of the sender");
	apic_ipi(1, APIC_ICR_ASSERT | APIC_ICR_SIPI | 5);
	CHECK_EQ(apic_take_errors(), 0, "ESR after SIPI, whose vector is none");
	time_settle();
	/* Nothing was sent, so nothing was received. */
	smp_call(1, ap_errors, 0);
	CHECK_EQ(trap_count_all(1), 0, "interrupts of the AP");
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	latches();
	illegal_vectors();
	no_error();
	lvt_error();
	no_recursion();
	illegal_timer_vector();
	reserved_register();
	if (smp_cpus() > 1)
		to_another();
}
