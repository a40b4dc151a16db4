// SPDX-License-Identifier: BSD-2-Clause
// Reaches the Local APIC of the processor that runs this, by MMIO or MSR.
// Not a driver: it hides no mistake that a test wants to make.
#include "guests/runtime/apic.h"

#include "guests/runtime/boot.h"
#include "guests/runtime/cpu.h"
#include "guests/runtime/layout.h"
#include "guests/runtime/result.h"
#include "guests/runtime/smp.h"

static uint64_t bases[MAX_CPUS];

bool apic_has_x2apic(void)
{
	return cpuid(1, 0).ecx >> 21 & 1;
}

bool apic_has_deadline(void)
{
	return cpuid(1, 0).ecx >> 24 & 1;
}

bool apic_cpuid_enabled(void)
{
	return cpuid(1, 0).edx >> 9 & 1;
}

uint32_t apic_cpuid_id(void)
{
	struct cpuid leaf;

	if (cpuid(0, 0).eax >= 0xb) {
		leaf = cpuid(0xb, 0);
		if (leaf.ebx)
			return leaf.edx;
	}
	return cpuid(1, 0).ebx >> 24;
}

static enum apic_mode mode_of(uint64_t base)
{
	if (!(base & APIC_BASE_EN))
		return APIC_DISABLED;
	return base & APIC_BASE_EXTD ? APIC_X2APIC : APIC_XAPIC;
}

enum apic_mode apic_mode(void)
{
	return mode_of(bases[smp_self()]);
}

uint64_t apic_page(void)
{
	return bases[smp_self()] & APIC_BASE_ADDRESS;
}

void apic_learn(void)
{
	bases[smp_self()] = rdmsr(MSR_APIC_BASE);
}

void apic_set_base(uint64_t base)
{
	wrmsr(MSR_APIC_BASE, base);
	apic_learn();
}

void apic_set_mode(enum apic_mode mode)
{
	uint64_t off = rdmsr(MSR_APIC_BASE) & ~(APIC_BASE_EN | APIC_BASE_EXTD);

	apic_learn();
	if (apic_mode() == mode)
		return;
	if (apic_mode() == APIC_X2APIC || mode == APIC_DISABLED)
		apic_set_base(off);
	if (mode != APIC_DISABLED)
		apic_set_base(off | APIC_BASE_EN);
	if (mode == APIC_X2APIC)
		apic_set_base(off | APIC_BASE_EN | APIC_BASE_EXTD);
}

uint32_t apic_read(unsigned reg)
{
	if (apic_mode() == APIC_X2APIC)
		return (uint32_t)rdmsr(MSR_X2APIC + reg);
	return apic_mmio_read32(apic_page() + (reg << 4));
}

void apic_write(unsigned reg, uint32_t value)
{
	if (apic_mode() == APIC_X2APIC)
		wrmsr(MSR_X2APIC + reg, value);
	else
		apic_mmio_write32(apic_page() + (reg << 4), value);
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

void apic_ipi(uint32_t destination, uint32_t low)
{
	uint64_t flags;

	if (apic_mode() == APIC_X2APIC) {
		wrmsr(MSR_X2APIC + APIC_ICR, (uint64_t)destination << 32 | low);
		return;
	}
	/* A handler that sends an IPI itself must not come between the halves. */
	flags = flags_save_cli();
	apic_write(APIC_ICR_HIGH, destination << 24);
	apic_write(APIC_ICR, low);
	flags_restore(flags);
}

uint32_t apic_id(void)
{
	uint32_t id = apic_read(APIC_ID);

	return apic_mode() == APIC_X2APIC ? id : id >> 24;
}

bool apic_bit(unsigned reg, unsigned vector)
{
	return apic_read(reg + vector / 32) >> vector % 32 & 1;
}

bool apic_no_bits(unsigned reg)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 8; i++)
		bits |= apic_read(reg + i);
	return !bits;
}

uint32_t apic_take_errors(void)
{
	apic_write(APIC_ESR, 0);
	return apic_read(APIC_ESR);
}

void apic_enable(void)
{
	apic_learn();
	if (apic_mode() == APIC_DISABLED)
		guest_fail("cpu %u: its APIC is disabled in IA32_APIC_BASE", smp_self());
	if (guest_arg("moved"))
		apic_set_base((rdmsr(MSR_APIC_BASE) & ~APIC_BASE_ADDRESS) | APIC_MOVED_PAGE);
	if (guest_arg("x2apic") && apic_has_x2apic())
		apic_set_mode(APIC_X2APIC);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xff);
	apic_write(APIC_TPR, 0);
}
