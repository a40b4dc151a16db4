// SPDX-License-Identifier: BSD-2-Clause
// IA32_APIC_BASE: every transition between the three modes, reserved bits, and the state after
// each. Not relocation (relocate.c), and not other CPUs.
//
// Proof: from each mode each of the four combinations of EN and EXTD is written, with a fix-up
// behind it; the outcome and the MSR afterwards are compared with the SDM's state diagram.
// Registers are filled with values that are no reset values before a mode is left, and read in the
// next one.
//
// Rules: BASE-1, BASE-2, BASE-3, BASE-6, ACC-5, PRI-7, RST-1, TMR-6
//
// KVM departs from BASE-3 and PRI-7: registers, CR8 and what is pending outlast a disable.
//
// kernel: departs="BASE-3 PRI-7"
// run: lapic="user kernel"
// run: options="--no-x2apic" lapic="user kernel"
// run: options="--no-tsc-deadline" lapic="user kernel"
// run: options="--apic-page=read-only"
#include "guests/runtime/guest.h"

static const char *const mode_names[] = {"disabled", "xAPIC", "x2APIC"};
static const uint64_t mode_bits[] = {0, APIC_BASE_EN, APIC_BASE_EN | APIC_BASE_EXTD};

static uint64_t fixed_bits;

static void expect_base(uint64_t value, bool legal, const char *what)
{
	uint64_t before = rdmsr(MSR_APIC_BASE);
	struct trap_result result = wrmsr_safe(MSR_APIC_BASE, value);

	if (legal)
		CHECK(result.ok, "%s: writing %lx over %lx is legal", what, value, before);
	else
		CHECK(!result.ok && result.vector == TRAP_GP && !result.error,
		      "%s: writing %lx over %lx is #GP(0)", what, value, before);
	CHECK_EQ(rdmsr(MSR_APIC_BASE), legal ? value : before, "%s: IA32_APIC_BASE after", what);
}

static bool legal(enum apic_mode from, enum apic_mode to)
{
	if (to == APIC_X2APIC && !apic_has_x2apic())
		return false;
	return !(from == APIC_DISABLED && to == APIC_X2APIC) &&
	       !(from == APIC_X2APIC && to == APIC_XAPIC);
}

static void transitions(enum apic_mode from)
{
	for (int to = APIC_DISABLED; to <= APIC_X2APIC; to++) {
		apic_set_mode(from);
		expect_base(fixed_bits | mode_bits[to], legal(from, (enum apic_mode)to),
			    mode_names[from]);
		CHECK_EQ(apic_cpuid_enabled(), (rdmsr(MSR_APIC_BASE) & APIC_BASE_EN) != 0,
			 "%s: CPUID.1:EDX[9]", mode_names[from]);
	}
	apic_set_mode(from);
	expect_base(fixed_bits | APIC_BASE_EXTD, false, mode_names[from]);
}

static void reserved_bits(enum apic_mode mode)
{
	unsigned width = cpuid(0x80000008, 0).eax & 0xff;

	apic_set_mode(mode);
	for (unsigned bit = 0; bit < 64; bit++)
		if (bit < 8 || bit == 9 || bit >= width)
			expect_base((fixed_bits | mode_bits[mode]) ^ UINT64_C(1) << bit, false,
				    mode_names[mode]);
}

static bool page_is_empty_bus(void)
{
	bool empty = apic_mmio_read32(APIC_DEFAULT_PAGE + (APIC_VERSION << 4)) == 0xffffffff;

	apic_mmio_write32(APIC_DEFAULT_PAGE + (APIC_TPR << 4), 0x40);
	return empty && apic_mmio_read32(APIC_DEFAULT_PAGE + (APIC_TPR << 4)) == 0xffffffff;
}

static void fill(void)
{
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xaf);
	apic_write(APIC_TPR, 0x57);
	apic_write(APIC_LDR, 0x40000000);
	apic_write(APIC_DFR, 0x0fffffff);
	apic_write(APIC_ID, 0x77000000);
	apic_write(APIC_ICR_HIGH, 0x12000000);
	apic_write(APIC_ICR, APIC_ICR_SELF | 0x44); /* TPR blocks it: it stays in IRR */
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | APIC_LVT_PERIODIC | 0x61);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED | 0x62);
	apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED | 0x63);
	apic_write(APIC_LVT_ERROR, 0x64);
	apic_write(APIC_LVT_PERF, APIC_LVT_MASKED | 0x65);
	apic_write(APIC_LVT_THERMAL, APIC_LVT_MASKED | 0x66);
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_TMICT, 0xffffffff);
}

static void is_reset(const char *when)
{
	static const unsigned masked[] = {APIC_LVT_TIMER, APIC_LVT_THERMAL, APIC_LVT_PERF,
					  APIC_LVT_LINT0, APIC_LVT_LINT1,   APIC_LVT_ERROR};
	static const unsigned zero[] = {APIC_TPR, APIC_PPR,   APIC_LDR, APIC_ICR, APIC_ICR_HIGH,
					APIC_ESR, APIC_TMICT, APIC_CCR, APIC_DCR};

	for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		CHECK_EQ(apic_read(zero[i]), 0, "%s: %x", when, zero[i] << 4);
	for (unsigned i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
		CHECK_EQ(apic_read(masked[i]), APIC_LVT_MASKED, "%s: LVT %x", when, masked[i] << 4);
	CHECK_EQ(apic_read(APIC_SVR), 0xff, "%s: SVR", when);
	CHECK_EQ(apic_read(APIC_DFR), 0xffffffff, "%s: DFR", when);
	CHECK_EQ(apic_read(APIC_ID), apic_cpuid_id() << 24, "%s: ID", when);
	CHECK(apic_no_bits(APIC_IRR) && apic_no_bits(APIC_ISR) && apic_no_bits(APIC_TMR),
	      "%s: IRR, ISR, TMR are empty", when);
}

static void disable_and_return(void)
{
	apic_set_mode(APIC_XAPIC);
	fill();
	CHECK(apic_bit(APIC_IRR, 0x44), "a vector below TPR waits in IRR");
	apic_set_mode(APIC_DISABLED);
	CHECK(page_is_empty_bus(), "disabled: nobody answers at the page");
	sti();
	time_settle();
	cli();
	CHECK_EQ(trap_count_all(0), 0, "disabled: interrupts");
	apic_set_mode(APIC_XAPIC);
	if (guest_keeps("BASE-3"))
		is_reset("disabled and enabled again");
}

static void deadline_is_cancelled(void)
{
	if (!apic_has_deadline())
		return;
	apic_set_mode(APIC_XAPIC);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xff);
	apic_write(APIC_LVT_TIMER, APIC_LVT_DEADLINE | 0x45);
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + 10 * time_tsc_per_ms());
	apic_set_mode(APIC_DISABLED);
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "disabled: IA32_TSC_DEADLINE");
	wrmsr(MSR_TSC_DEADLINE, rdtsc());
	CHECK_EQ(rdmsr(MSR_TSC_DEADLINE), 0, "disabled: IA32_TSC_DEADLINE after a write");
	apic_set_mode(APIC_XAPIC);
	sti();
	time_spin_ms(30);
	cli();
	CHECK_EQ(trap_count_all(0), 0, "interrupts from a cancelled deadline");
}

static void cr8_alone(void)
{
	apic_set_mode(APIC_XAPIC);
	apic_write(APIC_TPR, 0x90);
	apic_set_mode(APIC_DISABLED);
	write_cr8(3);
	CHECK_EQ(read_cr8(), 3, "disabled: CR8 keeps what is written");
	apic_set_mode(APIC_XAPIC);
	if (guest_keeps("PRI-7")) {
		CHECK_EQ(read_cr8(), 0, "enabled again: CR8");
		CHECK_EQ(apic_read(APIC_TPR), 0, "enabled again: TPR");
	}
}

static void into_x2apic(void)
{
	uint32_t svr, error;

	apic_set_mode(APIC_XAPIC);
	fill();
	svr = apic_read(APIC_SVR);
	error = apic_read(APIC_LVT_ERROR);
	apic_set_mode(APIC_X2APIC);
	CHECK(page_is_empty_bus(), "x2APIC: nobody answers at the page");
	CHECK_EQ(apic_read(APIC_ID), apic_cpuid_id(), "x2APIC: a written xAPIC ID is lost");
	CHECK_EQ(apic_read(APIC_LDR), 1u << (apic_cpuid_id() & 0xf), "x2APIC: LDR");
	CHECK_EQ(apic_read(APIC_TPR), 0x57, "x2APIC: TPR is kept");
	CHECK_EQ(apic_read(APIC_SVR), svr, "x2APIC: SVR is kept");
	CHECK_EQ(apic_read(APIC_LVT_ERROR), error, "x2APIC: LVT error is kept");
	CHECK_EQ(apic_read(APIC_DCR), 0xb, "x2APIC: DCR is kept");
	CHECK_EQ(apic_read(APIC_TMICT), 0xffffffff, "x2APIC: TMICT is kept");
	CHECK(apic_bit(APIC_IRR, 0x44), "x2APIC: IRR is kept");
	CHECK_EQ(rdmsr(MSR_X2APIC + APIC_ICR) >> 32, 0, "x2APIC: upper half of ICR");
	apic_set_mode(APIC_DISABLED);
	CHECK(page_is_empty_bus(), "disabled: nobody answers at the page");
	apic_set_mode(APIC_XAPIC);
	if (guest_keeps("BASE-3"))
		is_reset("from x2APIC to disabled to xAPIC");
}

void guest_main(void)
{
	int last = apic_has_x2apic() ? APIC_X2APIC : APIC_XAPIC;

	fixed_bits = rdmsr(MSR_APIC_BASE) & ~(APIC_BASE_EN | APIC_BASE_EXTD);
	for (int mode = APIC_DISABLED; mode <= last; mode++) {
		transitions((enum apic_mode)mode);
		reserved_bits((enum apic_mode)mode);
	}
	trap_set_range(16, 255, trap_eoi);
	disable_and_return();
	deadline_is_cancelled();
	cr8_alone();
	if (apic_has_x2apic())
		into_x2apic();
}
