// SPDX-License-Identifier: BSD-2-Clause
// Changing the timer while it counts: mode, divisor, mask; and what a change of mode stops.
// Not the modes themselves (timer_oneshot.c, timer_periodic.c, timer_deadline.c).
//
// Proof: a change that keeps the count shows a CCR that goes on falling from where it was; one that
// stops it shows CCR 0 and no interrupt. Counts are long against what a busy host may take between
// two instructions.
//
// Rules: TMR-2, TMR-3, TMR-4, TMR-5, TMR-7, RST-3
//
// KVM departs from TMR-2: what ran out while it was masked interrupts when the mask is lifted; and
// from TMR-7: mode 11b counts as periodic.
//
// kernel: departs="TMR-2 TMR-7"
// run: timeout=60 lapic="user kernel"
// run: timeout=60 args="x2apic" lapic="user kernel"
// run: timeout=60 options="--no-tsc-deadline" lapic="user kernel"
#include "guests/runtime/guest.h"
#include "guests/runtime/rate.h"

#define VECTOR 0x61
#define LONG   2000000000u /* 2 s where the timer counts at 1 GHz */
#define SHORT  300000000u

static void set_mode(uint32_t bits)
{
	apic_write(APIC_LVT_TIMER, bits | VECTOR);
}

static void quiet_for(unsigned ms, const char *after)
{
	trap_forget();
	sti();
	time_spin_ms(ms);
	cli();
	CHECK_EQ(trap_count_all(0), 0, "interrupts after %s", after);
}

static void keeps_count(uint32_t from, uint32_t to, const char *what)
{
	uint32_t before, after;

	set_mode(APIC_LVT_MASKED | from);
	apic_write(APIC_TMICT, LONG);
	time_spin_ms(20);
	before = apic_read(APIC_CCR);
	set_mode(APIC_LVT_MASKED | to);
	after = apic_read(APIC_CCR);
	CHECK(before < LONG && before > LONG / 4, "%s: CCR before: %u", what, before);
	CHECK(after <= before && after > LONG / 4, "%s: CCR goes on from %u: %u", what, before,
	      after);
	apic_write(APIC_TMICT, 0);
}

/* The mode is looked at when the count reaches 0. */
static void becomes_periodic(void)
{
	trap_forget();
	set_mode(0);
	apic_write(APIC_TMICT, SHORT);
	set_mode(APIC_LVT_PERIODIC);
	sti();
	CHECK(TIME_WAIT(trap_count(0, VECTOR) >= 3), "one-shot made periodic: it goes on");
	cli();
	trap_forget();
	/* Just after an interrupt: the whole period is left for this. */
	set_mode(0);
	sti();
	CHECK(TIME_WAIT(trap_count(0, VECTOR) == 1), "periodic made one-shot: it fires once more");
	time_spin_ms(700);
	cli();
	CHECK_EQ(trap_count_all(0), 1, "interrupts after periodic was made one-shot");
	CHECK_EQ(apic_read(APIC_CCR), 0, "CCR then");
}

static void expired_stays_expired(void)
{
	set_mode(APIC_LVT_MASKED);
	apic_write(APIC_TMICT, 1000);
	CHECK(TIME_WAIT(!apic_read(APIC_CCR)), "a short count runs out");
	set_mode(APIC_LVT_PERIODIC);
	if (guest_keeps("TMR-2"))
		quiet_for(100, "an expired timer was made periodic");
	sti();
	time_settle();
	cli();
	CHECK_EQ(apic_read(APIC_CCR), 0, "CCR after an expired timer was made periodic");
	apic_write(APIC_TMICT, 0);
}

static void to_deadline_and_back(uint32_t from)
{
	set_mode(from);
	apic_write(APIC_TMICT, LONG);
	set_mode(APIC_LVT_DEADLINE);
	CHECK_EQ(apic_read(APIC_TMICT), 0, "to deadline mode: TMICT");
	CHECK_EQ(apic_read(APIC_CCR), 0, "to deadline mode: CCR");
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "to deadline mode: the deadline");
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + 300 * time_tsc_per_ms());
	set_mode(from);
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "from deadline mode: the deadline");
	CHECK_EQ(apic_read(APIC_TMICT), 0, "from deadline mode: TMICT");
	CHECK_EQ(apic_read(APIC_CCR), 0, "from deadline mode: CCR");
	quiet_for(500, "the deadline's mode was left");
}

/* 11b is reserved; as CPUID has TSC-deadline, the bits are there. */
static void reserved_mode(void)
{
	set_mode(APIC_LVT_PERIODIC);
	apic_write(APIC_TMICT, LONG);
	set_mode(APIC_LVT_PERIODIC | APIC_LVT_DEADLINE);
	CHECK_EQ(apic_read(APIC_LVT_TIMER), APIC_LVT_PERIODIC | APIC_LVT_DEADLINE | VECTOR,
		 "LVT timer keeps mode 11b");
	if (guest_keeps("TMR-7")) {
		CHECK_EQ(apic_read(APIC_CCR), 0, "mode 11b: CCR");
		apic_write(APIC_TMICT, 1000);
		CHECK_EQ(apic_read(APIC_CCR), 0, "mode 11b: CCR after a write of TMICT");
		quiet_for(20, "TMICT was written in mode 11b");
	}
	set_mode(APIC_LVT_MASKED);
}

static void divisor_changed(void)
{
	struct rate fast, slow;
	struct rate_sample a, b, c, d;

	set_mode(APIC_LVT_MASKED);
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_TMICT, LONG);
	a = rate_sample();
	time_spin_ms(50);
	b = rate_sample();
	apic_write(APIC_DCR, 0x2);
	c = rate_sample();
	time_spin_ms(50);
	d = rate_sample();
	apic_write(APIC_TMICT, 0);
	apic_write(APIC_DCR, 0xb);
	fast = rate_between(&a, &b);
	slow = rate_between(&c, &d);
	CHECK(c.ccr <= b.ccr && c.ccr > LONG / 4, "the count goes on from %u: %u", b.ccr, c.ccr);
	CHECK(slow.low * 8 <= fast.high + fast.high / 500 &&
		      slow.high * 8 >= fast.low - fast.low / 500,
	      "then at an eighth of the rate: %lu..%lu after %lu..%lu", slow.low, slow.high,
	      fast.low, fast.high);
}

static void software_disabled(void)
{
	set_mode(0);
	apic_write(APIC_TMICT, SHORT);
	apic_write(APIC_SVR, 0xff);
	CHECK(apic_read(APIC_LVT_TIMER) & APIC_LVT_MASKED, "SVR.EN=0 masks LVT timer");
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xff);
	quiet_for(600, "the APIC was disabled and enabled while the timer counted");
	apic_write(APIC_TMICT, 0);
}

void guest_main(void)
{
	apic_enable();
	trap_set(VECTOR, trap_eoi);
	apic_write(APIC_DCR, 0xb);
	keeps_count(0, APIC_LVT_PERIODIC, "one-shot to periodic");
	keeps_count(APIC_LVT_PERIODIC, 0, "periodic to one-shot");
	becomes_periodic();
	expired_stays_expired();
	divisor_changed();
	software_disabled();
	if (apic_has_deadline()) {
		to_deadline_and_back(0);
		to_deadline_and_back(APIC_LVT_PERIODIC);
		reserved_mode();
	}
}
