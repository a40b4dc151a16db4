// SPDX-License-Identifier: BSD-2-Clause
// NMI as an IPI: it ends HLT with interrupts off, passes TPR by, and collapses while one is in
// service. Not LINT1 or an LVT entry as its source: a guest cannot raise those.
//
// Proof: a CPU halts with IF=0, which nothing but an NMI ends; each NMI is counted. While its
// handler holds on, five more are sent: one of them is taken after the handler's IRET, no more.
//
// Rules: MP-4, PRI-6, ICR-2, ICR-3, RST-3
//
// KVM departs from ICR-3: it sends NMIs to self and to all including self.
//
// kernel: departs="ICR-3"
// run: smp=2 timeout=60 lapic="user kernel"
// run: smp=2 timeout=60 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define NMI    (APIC_ICR_ASSERT | APIC_ICR_NMI)
#define ROUNDS 200

extern const char nmi_look[], nmi_halt[];
void nmi_wait(void);

volatile uint8_t nmi_woken;
static volatile bool hold, holding, ready;

static void take(struct trap_frame *frame)
{
	nmi_woken = 1;
	/* Between the look and the HLT: look again, or that NMI would have been for nothing. */
	if (frame->rip >= (uintptr_t)nmi_look && frame->rip <= (uintptr_t)nmi_halt)
		frame->rip = (uintptr_t)nmi_look;
	if (hold) {
		holding = true;
		TIME_WAIT(!hold);
	}
}

/* nmi_wait() halts with IF=0 until an NMI was taken. */
__asm__(".globl nmi_wait, nmi_look, nmi_halt\n"
	"nmi_wait:\n"
	"nmi_look: cmpb $0, nmi_woken(%rip)\n"
	"	jne 1f\n"
	"nmi_halt: hlt\n"
	"	jmp nmi_look\n"
	"1:	ret\n");

static void sleep_once(uintptr_t unused)
{
	(void)unused;
	cli();
	nmi_woken = 0;
	ready = true;
	nmi_wait();
	sti();
}

static void wakes(void)
{
	trap_forget();
	for (unsigned round = 1; round <= ROUNDS; round++) {
		ready = false;
		smp_begin(1, sleep_once, 0);
		CHECK(TIME_WAIT(ready), "round %u: the AP halts", round);
		if (round % 10 == 0)
			time_settle();
		apic_ipi(1, NMI | round % 256);
		smp_finish(1);
	}
	CHECK_EQ(trap_count(1, TRAP_NMI), ROUNDS, "NMIs taken");
	CHECK_EQ(trap_count_all(1), 0, "an NMI's vector field is ignored: interrupts");
}

static void collapses(void)
{
	trap_forget();
	holding = false;
	hold = true;
	apic_ipi(1, NMI);
	CHECK(TIME_WAIT(holding), "the handler runs");
	for (unsigned i = 0; i < 5; i++)
		apic_ipi(1, NMI);
	time_settle();
	CHECK_EQ(trap_count(1, TRAP_NMI), 1, "NMIs taken while one is in service");
	hold = false;
	CHECK(TIME_WAIT(trap_count(1, TRAP_NMI) == 2), "a second one comes after IRET");
	time_spin_ms(50);
	CHECK_EQ(trap_count(1, TRAP_NMI), 2, "NMIs taken of six");
}

/* TPR at its top, IF=0, and spinning. */
static void spin_shut(uintptr_t unused)
{
	(void)unused;
	cli();
	apic_write(APIC_TPR, 0xff);
	nmi_woken = 0;
	ready = true;
	CHECK(TIME_WAIT(nmi_woken), "an NMI is taken with IF=0 and TPR=FFh");
	apic_write(APIC_TPR, 0);
	sti();
}

static void passes_priority_by(void)
{
	trap_forget();
	ready = false;
	smp_begin(1, spin_shut, 0);
	CHECK(TIME_WAIT(ready), "the AP spins");
	apic_ipi(1, NMI);
	smp_finish(1);
	CHECK_EQ(trap_count(1, TRAP_NMI), 1, "NMIs taken");
}

static void disable(uintptr_t unused)
{
	(void)unused;
	apic_write(APIC_SVR, 0xff);
}

static void enable(uintptr_t unused)
{
	(void)unused;
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xff);
}

static void passes_disable_by(void)
{
	trap_forget();
	smp_call(1, disable, 0);
	apic_ipi(1, NMI);
	CHECK(TIME_WAIT(trap_count(1, TRAP_NMI) == 1), "a software-disabled APIC takes an NMI");
	smp_call(1, enable, 0);
}

static void destinations(void)
{
	trap_forget();
	apic_ipi(apic_id(), NMI);
	CHECK(TIME_WAIT(trap_count(0, TRAP_NMI) == 1), "an NMI to one's own ID is taken");
	apic_ipi(0, NMI | APIC_ICR_OTHERS);
	CHECK(TIME_WAIT(trap_count(1, TRAP_NMI) == 1), "all but self: the AP takes it");
	time_settle();
	CHECK_EQ(trap_count(0, TRAP_NMI), 1, "all but self: NMIs of the BSP");
	if (!guest_keeps("ICR-3"))
		return;
	apic_ipi(0, NMI | APIC_ICR_SELF);
	apic_ipi(0, NMI | APIC_ICR_ALL);
	time_settle();
	CHECK_EQ(trap_count(0, TRAP_NMI), 1, "self and all take fixed alone: NMIs of the BSP");
	CHECK_EQ(trap_count(1, TRAP_NMI), 1, "self and all take fixed alone: NMIs of the AP");
	CHECK_EQ(apic_take_errors(), 0, "ESR after shorthands that send nothing");
}

void guest_main(void)
{
	apic_enable();
	trap_set(TRAP_NMI, take);
	smp_start(2);
	wakes();
	collapses();
	passes_priority_by();
	passes_disable_by();
	destinations();
}
