// SPDX-License-Identifier: BSD-2-Clause
// All that can wait in a processor at once, so that the machine can be saved, restored or moved
// just then; afterwards each comes exactly once. Not the saving itself: the guest does not know of
// any.
//
// Proof: CPU 0 stands in its NMI handler, called in the handler of an interrupt, with another NMI
// waiting, two interrupts in IRR and a deadline; CPU 1 is halted until its timer runs out, then
// until an IPI; CPU 2 is halted with IF=0 and an interrupt in IRR, until an NMI; CPU 3 waits for
// its SIPI. So they stay for some time, or, with the argument "key", until one is typed. Each
// handler then has run once, and in the order of priority.
//
// Rules: SAVE-1, SAVE-2, SAVE-3, MP-4, MP-5
//
// KVM on kvm_pvm departs from ACP-2: it ends a service as it delivers.
//
// kernel: pvm="ACP-2"
// run: smp=4 timeout=60 lapic="user kernel hop" hop=20
// run: smp=4 timeout=60 args="x2apic" lapic="user kernel hop" hop=20
#include "guests/runtime/guest.h"

#define BELOW     0x41 /* waits in IRR behind SERVED */
#define PING      0x51
#define SERVED    0x61
#define TIMER     0x71
#define ABOVE     0x91 /* waits in IRR for IF alone */
#define NMI       (APIC_ICR_ASSERT | APIC_ICR_NMI)
#define COM1      0x3f8
#define COM1_LSR  0x3fd
#define LSR_READY 0x01

extern const char kept_look[], kept_halt[];
void kept_wait(void);

volatile uint8_t kept_woken;
static volatile bool asleep, dark;
static volatile uint8_t order[8];
static volatile unsigned taken;

/* Halts with IF=0 until an NMI was taken. */
__asm__(".globl kept_wait, kept_look, kept_halt\n"
	"kept_wait:\n"
	"kept_look: cmpb $0, kept_woken(%rip)\n"
	"	jne 1f\n"
	"kept_halt: hlt\n"
	"	jmp kept_look\n"
	"1:	ret\n");

/* Nobody else is to print until it is over: this is where a test looks. */
static void stay(void)
{
	print("all waits\n");
	if (!guest_arg("key")) {
		time_spin_ms((unsigned)guest_arg_number("stay", 300));
		return;
	}
	while (!(inb(COM1_LSR) & LSR_READY))
		cpu_pause();
	inb(COM1);
}

static void on_nmi(struct trap_frame *frame)
{
	if (smp_self() == 2) {
		kept_woken = 1;
		/* Between the look and the HLT: look again, or it would have been for nothing. */
		if (frame->rip >= (uintptr_t)kept_look && frame->rip <= (uintptr_t)kept_halt)
			frame->rip = (uintptr_t)kept_look;
	} else if (trap_count(0, TRAP_NMI) == 1) {
		apic_ipi(smp_id(0), NMI);
		time_settle();
		CHECK_EQ(trap_count(0, TRAP_NMI), 1, "NMIs taken while one is in service");
		stay();
		CHECK_EQ(trap_count(0, TRAP_NMI), 1, "NMIs taken before IRET");
	}
}

static void on_served(struct trap_frame *frame)
{
	(void)frame;
	order[taken++ % 8] = SERVED;
	apic_ipi(smp_id(0), APIC_ICR_ASSERT | BELOW);
	apic_ipi(smp_id(0), APIC_ICR_ASSERT | ABOVE);
	CHECK(TIME_WAIT(apic_bit(APIC_IRR, BELOW) && apic_bit(APIC_IRR, ABOVE)), "both wait");
	apic_ipi(smp_id(0), NMI);
	while (!trap_count(0, TRAP_NMI))
		cpu_pause();
	CHECK(TIME_WAIT(trap_count(0, TRAP_NMI) == 2), "the NMI that waited comes after IRET");
	CHECK(apic_bit(APIC_IRR, BELOW) && apic_bit(APIC_IRR, ABOVE), "both wait still");
	if (guest_keeps("ACP-2"))
		CHECK(apic_bit(APIC_ISR, SERVED), "%xh is in service still", SERVED);
	apic_eoi();
}

static void on_waited(struct trap_frame *frame)
{
	if (smp_self() == 0)
		order[taken++ % 8] = (uint8_t)frame->vector;
	apic_eoi();
}

static void sleep_for_timer(uintptr_t ms)
{
	cli();
	apic_write(APIC_TPR, 0x20);
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, TIMER);
	apic_write(APIC_TMICT, (uint32_t)ms * 1000000);
	asleep = true;
	while (!trap_count(1, TIMER) || !trap_count(1, PING))
		sti_hlt_cli();
	CHECK_EQ(apic_read(APIC_TPR), 0x20, "TPR of CPU 1");
	CHECK_EQ(apic_read(APIC_CCR), 0, "what is left of its count");
	apic_write(APIC_TPR, 0);
	sti();
}

static void sleep_in_the_dark(uintptr_t unused)
{
	(void)unused;
	cli();
	dark = true;
	kept_wait();
	CHECK_EQ(trap_count(2, BELOW), 0, "interrupts taken with IF=0");
	sti();
}

static void arm(unsigned ms)
{
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, (apic_has_deadline() ? APIC_LVT_DEADLINE : 0u) | TIMER);
	if (apic_has_deadline())
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + ms * time_tsc_per_ms());
	else
		apic_write(APIC_TMICT, ms * 1000000);
}

static void wake_all(void)
{
	CHECK(TIME_WAIT(trap_count(0, TIMER) && trap_count(0, BELOW)), "all came to CPU 0");
	CHECK(TIME_WAIT(trap_count(1, TIMER)), "the timer of CPU 1 runs out");
	CHECK_EQ(trap_count(1, PING), 0, "IPIs at CPU 1 before there was one");
	apic_ipi(smp_id(1), APIC_ICR_ASSERT | PING);
	smp_finish(1);
	CHECK_EQ(trap_count(2, TRAP_NMI), 0, "NMIs at CPU 2 before there was one");
	apic_ipi(smp_id(2), NMI);
	smp_finish(2);
	CHECK(TIME_WAIT(trap_count(2, BELOW)), "the interrupt that waited at CPU 2 comes");
	CHECK_EQ(smp_starts(3), 0, "starts of CPU 3 before its SIPI");
	CHECK(smp_start_one(3), "CPU 3 starts");
}

static void count_all(void)
{
	CHECK_EQ(trap_count(0, TRAP_NMI), 2, "NMIs at CPU 0");
	CHECK_EQ(trap_count(0, SERVED), 1, "the interrupt in service");
	CHECK_EQ(trap_count(0, ABOVE), 1, "interrupts above it");
	CHECK_EQ(trap_count(0, BELOW), 1, "interrupts below it");
	CHECK_EQ(trap_count(0, TIMER), 1, "deadlines of CPU 0");
	CHECK_EQ(trap_count_all(0), 4, "interrupts at CPU 0");
	CHECK_EQ(order[0] << 8 | order[1], SERVED << 8 | ABOVE, "the first two");
	CHECK_EQ(trap_count(1, TIMER), 1, "expiries of the timer of CPU 1");
	CHECK_EQ(trap_count_all(1), 2, "interrupts at CPU 1");
	CHECK_EQ(trap_count(2, TRAP_NMI), 1, "NMIs at CPU 2");
	CHECK_EQ(trap_count_all(2), 1, "interrupts at CPU 2");
	CHECK_EQ(smp_starts(3), 1, "starts of CPU 3");
	CHECK(apic_no_bits(APIC_IRR) && apic_no_bits(APIC_ISR), "nothing is left at CPU 0");
}

void guest_main(void)
{
	unsigned ms = (unsigned)guest_arg_number("ms", 200);

	apic_enable();
	trap_set(TRAP_NMI, on_nmi);
	trap_set(SERVED, on_served);
	trap_set(PING, trap_eoi);
	trap_set(ABOVE, on_waited);
	trap_set(BELOW, on_waited);
	trap_set(TIMER, on_waited);
	if (smp_cpus() < 4)
		guest_skip("needs 4 CPUs");
	smp_start(3);
	smp_begin(1, sleep_for_timer, ms);
	smp_begin(2, sleep_in_the_dark, 0);
	CHECK(TIME_WAIT(asleep && dark), "two go to sleep");
	apic_ipi(smp_id(2), APIC_ICR_ASSERT | BELOW);
	arm(ms);
	apic_ipi(smp_id(0), APIC_ICR_ASSERT | SERVED);
	sti();
	/* No bound is counted while all waits: that may last for years. */
	while (!trap_count(0, SERVED))
		cpu_pause();
	wake_all();
	time_settle();
	cli();
	count_all();
}
