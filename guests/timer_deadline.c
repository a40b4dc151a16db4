// SPDX-License-Identifier: BSD-2-Clause
// TSC-deadline mode: due, past, far, disarmed, masked; and what the MSR says in every state.
// Not how late it is. Where CPUID hides the mode, that it is hidden.
//
// Proof: the handler reads TSC, which must have reached the deadline; the MSR reads back while it
// is armed and 0 afterwards; far deadlines, up to the last one a 64-bit TSC has, never fire.
//
// Rules: TMR-6, TMR-7, TMR-11, MSR-3
//
// KVM departs from TMR-2: a deadline that passes while it is masked stays, and interrupts when the
// mask is lifted; from TMR-7: hidden, the MSR answers, and in x2APIC mode bit 18 is taken, so that
// nothing is left to see there. On kvm_pvm it also departs from TMR-11: one that is past already
// fires up to 1024 instructions after the write.
//
// kernel: departs="TMR-2 TMR-7" pvm="TMR-11"
// run: timeout=60 lapic="user kernel"
// run: timeout=60 args="x2apic" lapic="user kernel"
// run: options="--no-tsc-deadline" lapic="user kernel"
// run: options="--no-tsc-deadline" args="x2apic"
#include "guests/runtime/guest.h"

#define VECTOR 0x61

static volatile uint64_t handler_tsc;

static void note_time(struct trap_frame *frame)
{
	(void)frame;
	handler_tsc = rdtsc();
	apic_eoi();
}

static void hidden(void)
{
	uint64_t value;
	struct trap_result result;

	if (guest_keeps("TMR-7")) {
		result = rdmsr_safe(MSR_TSC_DEADLINE, &value);
		CHECK(!result.ok && result.vector == TRAP_GP,
		      "hidden: reading IA32_TSC_DEADLINE is #GP");
		result = wrmsr_safe(MSR_TSC_DEADLINE, rdtsc());
		CHECK(!result.ok && result.vector == TRAP_GP,
		      "hidden: writing IA32_TSC_DEADLINE is #GP");
	}
	if (apic_mode() == APIC_X2APIC) {
		result = wrmsr_safe(MSR_X2APIC + APIC_LVT_TIMER, APIC_LVT_DEADLINE | VECTOR);
		CHECK(!result.ok && result.vector == TRAP_GP, "hidden: LVT timer bit 18 is #GP");
		return;
	}
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | APIC_LVT_DEADLINE | VECTOR);
	CHECK_EQ(apic_read(APIC_LVT_TIMER), APIC_LVT_MASKED | VECTOR,
		 "hidden: LVT timer drops bit 18");
}

static void other_modes(void)
{
	apic_write(APIC_LVT_TIMER, VECTOR);
	wrmsr(MSR_TSC_DEADLINE, rdtsc());
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "one-shot mode: the MSR");
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | VECTOR);
	wrmsr(MSR_TSC_DEADLINE, rdtsc());
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "periodic mode: the MSR");
	sti();
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 0, "interrupts from writes in other modes");
}

static void no_count(void)
{
	apic_write(APIC_LVT_TIMER, APIC_LVT_DEADLINE | VECTOR);
	apic_write(APIC_TMICT, 1000);
	CHECK_EQ(apic_read(APIC_TMICT), 0, "deadline mode: TMICT");
	CHECK_EQ(apic_read(APIC_CCR), 0, "deadline mode: CCR");
	sti();
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 0, "interrupts from TMICT in deadline mode");
}

static void due(uint64_t ahead)
{
	uint64_t deadline;

	trap_forget();
	deadline = rdtsc() + ahead;
	wrmsr(MSR_TSC_DEADLINE, deadline);
	sti();
	CHECK(TIME_WAIT(trap_count(0, VECTOR)), "%lu TSC ticks ahead: it fires", ahead);
	CHECK(handler_tsc >= deadline, "%lu TSC ticks ahead: %lu ticks early", ahead,
	      deadline - handler_tsc);
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "the MSR after it fired");
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 1, "%lu TSC ticks ahead: interrupts", ahead);
}

static void past(uint64_t deadline)
{
	trap_forget();
	wrmsr(MSR_TSC_DEADLINE, deadline);
	if (guest_keeps("TMR-11"))
		CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "the MSR after a past deadline");
	sti();
	CHECK(TIME_WAIT(trap_count(0, VECTOR)), "deadline %lx is past: it fires", deadline);
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 1, "deadline %lx: interrupts", deadline);
}

static void far(uint64_t deadline)
{
	trap_forget();
	wrmsr(MSR_TSC_DEADLINE, deadline);
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), deadline, "the MSR while it is armed");
	sti();
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 0, "deadline %lx: interrupts", deadline);
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), deadline, "the MSR a while later");
	wrmsr(MSR_TSC_DEADLINE, 0);
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "the MSR after it was disarmed");
}

static void disarmed(void)
{
	unsigned ms = 300;

	trap_forget();
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + ms * time_tsc_per_ms());
	wrmsr(MSR_TSC_DEADLINE, 0);
	sti();
	time_spin_ms(2 * ms);
	cli();
	CHECK_EQ(trap_count_all(0), 0, "interrupts after the deadline was disarmed");
}

static void masked(void)
{
	uint64_t deadline;

	trap_forget();
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | APIC_LVT_DEADLINE | VECTOR);
	deadline = rdtsc() + 20 * time_tsc_per_ms();
	wrmsr(MSR_TSC_DEADLINE, deadline);
	CHECK(TIME_WAIT(!rdmsr(MSR_TSC_DEADLINE)), "masked, the deadline passes");
	CHECK(rdtsc() >= deadline, "masked, the MSR reads 0 only when the deadline has passed");
	CHECK(!apic_bit(APIC_IRR, VECTOR), "masked, it leaves nothing in IRR");
	apic_write(APIC_LVT_TIMER, APIC_LVT_DEADLINE | VECTOR);
	sti();
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 0, "interrupts after unmasking");
}

static void replaced(void)
{
	uint64_t deadline;

	trap_forget();
	wrmsr(MSR_TSC_DEADLINE, ~UINT64_C(0));
	deadline = rdtsc() + 20 * time_tsc_per_ms();
	wrmsr(MSR_TSC_DEADLINE, deadline);
	sti();
	CHECK(TIME_WAIT(trap_count(0, VECTOR)), "a nearer deadline replaces a far one");
	cli();
	CHECK(handler_tsc >= deadline, "the nearer deadline is not early");
}

void guest_main(void)
{
	apic_enable();
	trap_set(VECTOR, note_time);
	if (!apic_has_deadline()) {
		hidden();
		return;
	}
	other_modes();
	no_count();
	due(1);
	due(time_tsc_per_ms());
	due(50 * time_tsc_per_ms());
	past(1);
	past(rdtsc());
	for (unsigned bits = 55; bits < 64; bits += 4)
		far(UINT64_C(1) << bits);
	far(rdtsc() + UINT64_C(0x80000000) * 1000);
	far(~UINT64_C(0));
	disarmed();
	if (guest_keeps("TMR-2"))
		masked();
	apic_write(APIC_LVT_TIMER, APIC_LVT_DEADLINE | VECTOR);
	replaced();
}
