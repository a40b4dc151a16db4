// SPDX-License-Identifier: BSD-2-Clause
// SVR.EN = 0: what a software-disabled APIC still does, and what it no longer does.
// Not IA32_APIC_BASE.EN (modes.c), and not INIT (init_sipi.c).
//
// Proof: LVT masks are tried while disabled; fixed IPIs, from itself and from another CPU, leave
// IRR empty; a vector accepted before is delivered still; the disabled CPU sends an IPI that
// arrives, and takes an NMI.
//
// Rules: RST-3, ICR-1
//
// run: smp=2 timeout=60 lapic="user kernel"
// run: smp=2 timeout=60 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

static void disable(void)
{
	apic_write(APIC_SVR, 0xff);
}

static void enable(void)
{
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xff);
}

static void masks(void)
{
	for (unsigned reg = APIC_LVT_TIMER; reg <= APIC_LVT_ERROR; reg++)
		apic_write(reg, 0x40 + reg);
	disable();
	for (unsigned reg = APIC_LVT_TIMER; reg <= APIC_LVT_ERROR; reg++) {
		CHECK_EQ(apic_read(reg), APIC_LVT_MASKED | (0x40 + reg), "LVT %x is masked",
			 reg << 4);
		apic_write(reg, 0x50 + reg);
		CHECK_EQ(apic_read(reg), APIC_LVT_MASKED | (0x50 + reg),
			 "LVT %x stays masked when written", reg << 4);
	}
	enable();
	for (unsigned reg = APIC_LVT_TIMER; reg <= APIC_LVT_ERROR; reg++) {
		CHECK_EQ(apic_read(reg), APIC_LVT_MASKED | (0x50 + reg),
			 "LVT %x is masked after enabling", reg << 4);
		apic_write(reg, APIC_LVT_MASKED);
	}
}

static void send(uintptr_t to)
{
	apic_ipi((uint32_t)to, APIC_ICR_ASSERT | 0x52);
}

static void accepts_nothing(void)
{
	trap_forget();
	disable();
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | 0x51);
	smp_call(1, send, apic_id());
	time_settle();
	CHECK(apic_no_bits(APIC_IRR), "disabled: IPIs leave IRR empty");
	enable();
	sti();
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 0, "interrupts that were sent while disabled");
}

static void delivers_what_it_has(void)
{
	trap_forget();
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | 0x53);
	CHECK(apic_bit(APIC_IRR, 0x53), "enabled: 53h waits in IRR");
	disable();
	CHECK(apic_bit(APIC_IRR, 0x53), "disabled: 53h waits in IRR");
	sti();
	CHECK(TIME_WAIT(trap_count(0, 0x53)), "disabled: 53h is delivered");
	cli();
	CHECK(apic_no_bits(APIC_ISR), "disabled: EOI works");
	enable();
}

static void sends(void)
{
	trap_forget();
	disable();
	apic_ipi(1, APIC_ICR_ASSERT | 0x54);
	CHECK(TIME_WAIT(trap_count(1, 0x54)), "a disabled APIC's IPI arrives");
	enable();
}

static void no_eoi(struct trap_frame *frame)
{
	(void)frame;
}

static void send_nmi(uintptr_t to)
{
	apic_ipi((uint32_t)to, APIC_ICR_ASSERT | APIC_ICR_NMI);
}

static void takes_nmi(void)
{
	trap_forget();
	trap_set(TRAP_NMI, no_eoi);
	disable();
	smp_call(1, send_nmi, apic_id());
	CHECK(TIME_WAIT(trap_count(0, TRAP_NMI)), "a disabled APIC takes an NMI");
	enable();
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	smp_start(2);
	masks();
	accepts_nothing();
	delivers_what_it_has();
	sends();
	takes_nmi();
}
