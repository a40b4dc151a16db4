// SPDX-License-Identifier: BSD-2-Clause
// User code at CPL3 that never asks for anything: it is interrupted by timer, IPI and NMI, and goes
// on. Not system calls, and not protection.
//
// Proof: the user code stands on one jump, or counts in memory; handlers see CPL3 in the saved CS,
// and after so many of them end the run. An interrupt that is pending when CPL3 is entered is taken
// there. A counter that user code keeps in a register survives all interrupts.
//
// Rules: TMR-2, ICR-1, ICR-2, MP-5
//
// run: smp=2 timeout=60 lapic="user kernel"
// run: smp=2 timeout=60 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"
#include "guests/runtime/user.h"

#define TIMER    0x61
#define IPI      0x62
#define MEETINGS 10

extern void cpl3_stand(void), cpl3_count(void), cpl3_fault(void);

/* cpl3_count keeps its counter in RBX as well as in memory: they must never differ. */
__asm__(".globl cpl3_stand, cpl3_count, cpl3_fault\n"
	"cpl3_stand: jmp cpl3_stand\n"
	"cpl3_count: xorl %ebx, %ebx\n"
	"	movq %rbx, cpl3_counter(%rip)\n"
	"1:	cmpq %rbx, cpl3_counter(%rip)\n"
	"	jne cpl3_fault\n"
	"	incq %rbx\n"
	"	incq cpl3_counter(%rip)\n"
	"	jmp 1b\n"
	"cpl3_fault: ud2\n");

volatile uint64_t cpl3_counter;

static volatile unsigned wanted, met, faults;

static void from_user(struct trap_frame *frame)
{
	if (frame->vector != TRAP_NMI)
		apic_eoi();
	if (user_was_in(frame) && ++met >= wanted)
		user_leave(frame);
}

static void fault(struct trap_frame *frame)
{
	faults++;
	if (!user_was_in(frame))
		guest_fail("#UD in the kernel, rip %lx", frame->rip);
	user_leave(frame);
}

static void run(void (*code)(void), unsigned interrupts)
{
	met = 0;
	wanted = interrupts;
	user_run(code);
}

static void by_timer(void (*code)(void), uint32_t period)
{
	trap_forget();
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | TIMER);
	apic_write(APIC_TMICT, period);
	run(code, 20);
	apic_write(APIC_TMICT, 0);
	CHECK_EQ(met, 20, "timer interrupts at CPL3");
	sti();
	time_settle();
	cli();
}

static void once(uint32_t count)
{
	apic_write(APIC_LVT_TIMER, TIMER);
	apic_write(APIC_TMICT, count);
	run(cpl3_stand, 1);
	CHECK_EQ(met, 1, "one-shot interrupts at CPL3");
}

static void pending_on_entry(void)
{
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | IPI);
	CHECK(apic_bit(APIC_IRR, IPI), "the IPI waits in IRR");
	run(cpl3_stand, 1);
	CHECK_EQ(met, 1, "interrupts that were pending when CPL3 was entered");
}

/* Sends until all have found the processor at CPL3; `low` says what. */
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
	run(cpl3_count, MEETINGS);
	CHECK_EQ(met, MEETINGS, "IPIs at CPL3, ICR %x", low);
	smp_finish(1);
}

static void leave_at_once(struct trap_frame *frame)
{
	apic_eoi();
	if (user_was_in(frame))
		user_leave(frame);
}

static volatile bool ap_left;

static void stand_on_ap(uintptr_t unused)
{
	(void)unused;
	user_run(cpl3_stand);
	ap_left = true;
	sti();
}

static void ap_by_ipi(void)
{
	trap_set(IPI, leave_at_once);
	for (unsigned i = 0; i < 5; i++) {
		ap_left = false;
		smp_begin(1, stand_on_ap, 0);
		for (unsigned sent = 0; sent < 500 && !ap_left; sent++) {
			apic_ipi(1, APIC_ICR_ASSERT | IPI);
			time_spin_ms(20);
		}
		CHECK(ap_left, "an IPI ends user code on the AP");
		smp_finish(1);
	}
}

void guest_main(void)
{
	apic_enable();
	trap_set(TIMER, from_user);
	trap_set(IPI, from_user);
	trap_set(TRAP_NMI, from_user);
	trap_set(TRAP_UD, fault);
	run(cpl3_fault, 1);
	CHECK_EQ(faults, 1, "#UD at CPL3");
	by_timer(cpl3_stand, 10000000);
	by_timer(cpl3_count, 10000000);
	CHECK(cpl3_counter > 0, "user code got on");
	for (unsigned i = 0; i < 3; i++)
		once(1000 + 40000000 * i);
	pending_on_entry();
	smp_start(2);
	by_another(APIC_ICR_ASSERT | IPI);
	by_another(APIC_ICR_ASSERT | APIC_ICR_NMI);
	ap_by_ipi();
	CHECK_EQ(faults, 1, "faults: registers and memory agreed after each interrupt");
}
