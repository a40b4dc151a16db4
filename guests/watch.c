// SPDX-License-Identifier: BSD-2-Clause
// IRR watched in a loop while interrupts are off: what arrives is seen there, though nothing in the
// loop tells the host that anybody looks. Not delivery.
//
// Proof: a vector that the LAPIC's timer, or the 8254 by the I/O APIC, raises at any moment after
// the loop has begun ends it each time; then it is taken once, and IRR and ISR are clear. As memory
// the page would show the vector for ever too late if it came between two looks of the host.
//
// Arguments: n=N rounds of each.
//
// Rules: ACP-1, ACP-2, MP-5
//
// run: timeout=120 lapic="user kernel"
// run: timeout=120 options="--apic-page=read-only" args="moved"
#include "guests/runtime/guest.h"

#define TIMER       0x41
#define CLOCK       0x62
#define WAITING     0x33
#define SERVED      0xf1
#define IOAPIC      UINT64_C(0xfec00000)
#define IOAPIC_DATA (IOAPIC + 0x10)
#define PIN_8254    2
#define ENTRY       (0x10 + 2 * PIN_8254)
#define PIT_COMMAND 0x43
#define PIT_COUNT   0x40
#define PIT_ONCE    0x30 /* counter 0, both bytes, mode 0 */

static void ioapic_write(unsigned reg, uint32_t value)
{
	apic_mmio_write32(IOAPIC, reg);
	apic_mmio_write32(IOAPIC_DATA, value);
}

static void arm_timer(unsigned round)
{
	apic_write(APIC_TMICT, 1000 + round % 97 * 1500);
}

static void arm_clock(unsigned round)
{
	unsigned count = 1 + round % 97;

	outb(PIT_COMMAND, PIT_ONCE);
	outb(PIT_COUNT, count & 0xff);
	outb(PIT_COUNT, count >> 8);
}

static void no_eoi(struct trap_frame *frame)
{
	(void)frame;
}

/* From now on everything waits for an EOI, and something does. */
static void begin_service(void)
{
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | SERVED);
	sti();
	TIME_WAIT(trap_count(0, SERVED));
	cli();
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | WAITING);
}

static void watch(const char *what, unsigned vector, void (*arm)(unsigned round), unsigned rounds)
{
	unsigned lost = 0, twice = 0;

	for (unsigned i = 0; i < rounds && !lost; i++) {
		trap_forget();
		if (i % 2)
			begin_service();
		arm(i);
		lost += !TIME_WAIT(apic_bit(APIC_IRR, vector));
		if (i % 2)
			apic_eoi();
		sti();
		TIME_WAIT(trap_count(0, vector) && trap_count(0, WAITING) == i % 2);
		cli();
		twice += trap_count(0, vector) != 1 || apic_bit(APIC_IRR, vector) ||
			 apic_bit(APIC_ISR, vector);
	}
	CHECK_EQ(lost, 0, "%s: what IRR did not show", what);
	CHECK_EQ(twice, 0, "%s: what was not taken once", what);
}

void guest_main(void)
{
	unsigned rounds = (unsigned)guest_arg_number("n", 40);

	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	trap_set(SERVED, no_eoi);
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, TIMER);
	watch("the timer", TIMER, arm_timer, rounds);
	ioapic_write(ENTRY + 1, apic_id() << 24);
	ioapic_write(ENTRY, CLOCK);
	watch("the 8254", CLOCK, arm_clock, rounds);
}
