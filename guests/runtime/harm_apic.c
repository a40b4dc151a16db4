// SPDX-License-Identifier: BSD-2-Clause
// Random accesses to memory-mapped devices and MSRs, and interrupts from processor to processor.
// Not to RAM that the guest lives in, nor by MSRs what it cannot go on without.
#include "guests/runtime/anew.h"
#include "guests/runtime/apic.h"
#include "guests/runtime/cpu.h"
#include "guests/runtime/harm.h"
#include "guests/runtime/smp.h"

#define IOAPIC    0xfec00000u
#define HPET      0xfed00000u
#define VGA       0xa0000u
#define HOLE      0xc0000000u
#define MODE(low) ((low) >> 8 & 7)
#define MODE_INIT 5
#define MODE_SIPI 6

/* KVM's own MSRs: many take an address at which the host writes, so it has to be memory that
 * nothing depends on. 11h and 12h are two of them, too. */
#define MSR_KVM        UINT32_C(0x4b564d00)
#define MSR_KVM_WALL   UINT32_C(0x11)
#define MSR_KVM_TIME   UINT32_C(0x12)
#define MSR_EFER       UINT32_C(0xc0000080) /* without long mode there is no code to go on with */
#define MSR_TSC        UINT32_C(0x10)
#define MSR_TSC_ADJUST UINT32_C(0x3b)

/* ---- memory ---- */

uint64_t harm_without_init(uint64_t data)
{
	/* NMI instead. */
	return MODE(data) == MODE_INIT || MODE(data) == MODE_SIPI ? data & ~UINT64_C(0x300) : data;
}

/* Wherever it is, it may be in a LAPIC's page. */
static void touch(uint64_t address)
{
	uint64_t data = harm_without_init(harm_value());

	if (smp_self() == 0 && ((address + 7) & 0xff0) == APIC_ID << 4)
		return;
	switch (harm_below(10)) {
	case 0: __asm__ volatile("movb (%1), %b0" : "=q"(data) : "r"(address) : "memory"); return;
	case 1: __asm__ volatile("movb %b0, (%1)" : : "q"(data), "r"(address) : "memory"); return;
	case 2: __asm__ volatile("movw %w0, (%1)" : : "r"(data), "r"(address) : "memory"); return;
	case 3: __asm__ volatile("movq (%1), %0" : "=r"(data) : "r"(address) : "memory"); return;
	case 4: __asm__ volatile("movq %0, (%1)" : : "r"(data), "r"(address) : "memory"); return;
	case 5: __asm__ volatile("xchgl %k0, (%1)" : "+r"(data) : "r"(address) : "memory"); return;
	case 6: apic_mmio_read32(address); return;
	default: apic_mmio_write32(address, (uint32_t)data); return;
	}
}

void harm_pages(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS;
	unsigned offset = harm_below(4) ? harm_below(64) * 16 : harm_below(0x1000 - 8);

	/* What is not mapped cannot be reached. */
	touch((harm_below(4) && base < UINT64_C(1) << 32 ? base : APIC_DEFAULT_PAGE) + offset);
}

void harm_ioapics(void)
{
	/* The index is everybody's: which entry is written is as random as what. */
	apic_mmio_write32(IOAPIC, harm_below(8) ? harm_below(64) : (uint32_t)harm_any());
	touch(IOAPIC + (harm_below(4) ? 0x10 : harm_below(0x48)));
	if (harm_below(8) == 0)
		apic_mmio_write32(IOAPIC + 0x40, (uint32_t)harm_any());
}

void harm_holes(void)
{
	switch (harm_below(4)) {
	case 0: touch(VGA + harm_below(0x20000 - 8)); return;
	case 1: touch(HPET + (harm_below(4) ? harm_below(0x180) : harm_below(0x1000 - 8))); return;
	case 2: touch(HOLE + (harm_any() & 0x3efffff8)); return;
	default: touch(IOAPIC + harm_below(0x300000)); return;
	}
}

void harm_memory(void)
{
	touch((uintptr_t)harm_victim + harm_below(sizeof(harm_victim) - 8));
}

/* ---- MSRs ---- */

static void write_lapic_msr(unsigned reg, uint64_t data)
{
	wrmsr(MSR_X2APIC + reg, harm_without_init(data));
}

static uint32_t other_msr(void)
{
	static const uint32_t first[] = {
		0,     0x10,  0x3a,       0x174,      0x1a0,      0x200,      0x277,     0x2ff,
		0x400, 0x480, 0x40000000, 0x4b564d00, 0x4b564df0, 0xc0000080, 0xc0010000};

	switch (harm_below(4)) {
	case 0: return (uint32_t)harm_any();
	case 1: return harm_below(0x1000);
	default: return first[harm_below(sizeof(first) / sizeof(first[0]))] + harm_below(16);
	}
}

static void write_other(uint32_t index, uint64_t data)
{
	if (index == MSR_EFER)
		return;
	/* The first processor's counter times what stands still. */
	if (smp_self() == 0 && (index == MSR_TSC || index == MSR_TSC_ADJUST))
		return;
	if (index - MSR_KVM < 0x100 || index == MSR_KVM_WALL || index == MSR_KVM_TIME)
		data = (uintptr_t)harm_victim | (data & 0xfff);
	wrmsr(index, data);
}

void harm_msrs(void)
{
	uint32_t index;

	switch (harm_below(8)) {
	case 0: rdmsr(MSR_X2APIC + harm_below(0x100)); return;
	case 1:
	case 2:
	case 3:
		write_lapic_msr(harm_below(2) ? harm_below(0x100) : 0x30 + harm_below(0x10),
				harm_value());
		return;
	case 4:
		wrmsr(MSR_TSC_DEADLINE,
		      harm_below(2) ? rdtsc() + harm_below(1u << 24) : harm_value());
		return;
	case 5: rdmsr(other_msr()); return;
	default:
		index = other_msr();
		if (index != MSR_APIC_BASE && index - MSR_X2APIC >= 0x100)
			write_other(index, harm_value());
		return;
	}
}

/* Any mode, legally or not, and any page but RAM that the guest lives in. */
void harm_bases(void)
{
	static const uint64_t near[] = {
		APIC_DEFAULT_PAGE, APIC_DEFAULT_PAGE, IOAPIC,           HPET, HOLE,
		0xb8000,           0xfffff000,        UINT64_C(1) << 32};
	uint64_t page = near[harm_below(sizeof(near) / sizeof(near[0]))];

	if (harm_below(4) == 0)
		page = (uintptr_t)harm_victim + harm_below(8) * 4096;
	else if (harm_below(8) == 0)
		page = (harm_any() & APIC_BASE_ADDRESS) | HOLE;
	wrmsr(MSR_APIC_BASE, page | (harm_below(4) ? APIC_BASE_EN : 0) |
				     (harm_below(4) ? 0 : APIC_BASE_EXTD) |
				     (harm_below(16) ? 0 : harm_any() & 0x3ff));
}

/* ---- interrupts ---- */

/* By the mode it is in; where its page cannot be reached, nowhere. */
static void write_own(unsigned reg, uint32_t value)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (base & APIC_BASE_EXTD)
		wrmsr(MSR_X2APIC + reg, value);
	else if (!((base & APIC_BASE_ADDRESS) >> 32))
		apic_mmio_write32((base & APIC_BASE_ADDRESS) + (reg << 4), value);
}

static void enable_own(void)
{
	if (!(rdmsr(MSR_APIC_BASE) & APIC_BASE_EN))
		wrmsr(MSR_APIC_BASE, APIC_DEFAULT_PAGE | APIC_BASE_EN);
}

void harm_send(uint32_t dest, uint32_t low)
{
	enable_own();
	if (rdmsr(MSR_APIC_BASE) & APIC_BASE_EXTD) {
		wrmsr(MSR_X2APIC + APIC_ICR, (uint64_t)dest << 32 | low);
		return;
	}
	write_own(APIC_ICR_HIGH, dest << 24);
	write_own(APIC_ICR, low);
}

void harm_own_timer(void)
{
	enable_own();
	write_own(APIC_SVR, APIC_SVR_ENABLE | 0xff);
	write_own(APIC_TPR, 0);
	write_own(APIC_EOI, 0);
	write_own(APIC_LVT_LINT0, harm_below(2) ? 0x700 : APIC_LVT_MASKED);
	write_own(APIC_LVT_TIMER, APIC_LVT_PERIODIC | (0x30 + harm_below(0xc0)));
	write_own(APIC_TMICT, 1 + harm_below(100000));
}

void harm_ipis(void)
{
	unsigned other = harm_cpus() > 1 ? 1 + harm_below(harm_cpus() - 1) : 0;

	switch (harm_below(64)) {
	case 0:
		if (other)
			harm_send(other, APIC_ICR_INIT | APIC_ICR_ASSERT);
		return;
	case 1: harm_send(other, APIC_ICR_SIPI | anew_page(harm_any())); return;
	case 2:
		harm_send(harm_below(harm_cpus()), APIC_ICR_NMI | (uint32_t)(harm_any() & 0xc8000));
		return;
	case 3: harm_send(0, APIC_ICR_SIPI | APIC_ICR_OTHERS | anew_page(harm_any())); return;
	default: break;
	}
	harm_send(harm_below(4) ? harm_below(harm_cpus()) : (uint32_t)harm_any(),
		  (uint32_t)harm_without_init(harm_any() & 0xcffff));
}
