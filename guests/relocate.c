// SPDX-License-Identifier: BSD-2-Clause
// Moving the APIC page: registers answer at the new address at once, the old one is empty or
// memory. Not the mode bits of IA32_APIC_BASE (modes.c).
//
// Proof: the version and a TPR value are read at the new address, ones at the old one; then over
// RAM, whose contents must be there again when the page has gone. Interrupts arrive meanwhile, and
// another CPU's page stays where it was.
//
// Rules: BASE-5, ACC-1, ACC-5, BASE-3
//
// Over RAM with our own Local APIC alone: KVM departs from BASE-5, its RAM hides its Local APIC.
//
// run: smp=2 timeout=60 lapic="user kernel"
// run: smp=2 timeout=60 args="ram"
// run: smp=2 timeout=60 args="ram high"
// run: timeout=60 options="--apic-page=read-only" args="alone"
// run: timeout=60 options="--apic-page=read-only" args="alone ram"
#include "guests/runtime/guest.h"

#define NEW_PAGE UINT64_C(0xfed00000)
#define PATTERN  0x600dbeef

static uint8_t ram_page[2 * 4096] __attribute__((aligned(4096)));

static uint32_t at(uint64_t page, unsigned reg)
{
	return apic_mmio_read32(page + (reg << 4));
}

static void move(uint64_t page)
{
	apic_set_base((rdmsr(MSR_APIC_BASE) & ~APIC_BASE_ADDRESS) | page);
}

static void works(const char *where)
{
	trap_forget();
	apic_ipi(apic_id(), APIC_ICR_ASSERT | 0x51);
	sti();
	CHECK(TIME_WAIT(trap_count(0, 0x51)), "%s: an IPI to oneself arrives", where);
	apic_write(APIC_LVT_TIMER, 0x52);
	apic_write(APIC_TMICT, 100000);
	CHECK(TIME_WAIT(trap_count(0, 0x52)), "%s: the timer's interrupt arrives", where);
	cli();
	CHECK(apic_no_bits(APIC_ISR), "%s: EOI works", where);
}

static void other_cpu(uintptr_t unused)
{
	(void)unused;
	CHECK_EQ(apic_page(), APIC_DEFAULT_PAGE, "the AP's page");
	CHECK_EQ(at(APIC_DEFAULT_PAGE, APIC_ID), 1 << 24, "the AP's ID at its page");
	apic_ipi(0, APIC_ICR_ASSERT | 0x53);
}

/* The other CPU, where there is one. */
static void ask_other(smp_function function, uintptr_t argument)
{
	if (!guest_arg("alone"))
		smp_call(1, function, argument);
}

static void to_empty_space(void)
{
	uint32_t version = at(APIC_DEFAULT_PAGE, APIC_VERSION);

	apic_write(APIC_TPR, 0x21);
	CHECK_EQ(at(NEW_PAGE, APIC_VERSION), 0xffffffff, "before: nobody answers there");
	move(NEW_PAGE);
	CHECK_EQ(at(NEW_PAGE, APIC_VERSION), version, "moved: VERSION");
	CHECK_EQ(at(NEW_PAGE, APIC_TPR), 0x21, "moved: TPR has kept its value");
	CHECK_EQ(at(APIC_DEFAULT_PAGE, APIC_VERSION), 0xffffffff, "moved: the old page is empty");
	apic_mmio_write32(APIC_DEFAULT_PAGE + (APIC_TPR << 4), 0x77);
	CHECK_EQ(at(NEW_PAGE, APIC_TPR), 0x21, "moved: a write to the old page is lost");
	apic_write(APIC_TPR, 0);
	works("moved");
	trap_forget();
	ask_other(other_cpu, 0);
	sti();
	CHECK(guest_arg("alone") || TIME_WAIT(trap_count(0, 0x53)),
	      "an IPI from the CPU that did not move arrives");
	cli();
	move(APIC_DEFAULT_PAGE);
	CHECK_EQ(at(APIC_DEFAULT_PAGE, APIC_VERSION), version, "moved back: VERSION");
	CHECK_EQ(at(NEW_PAGE, APIC_VERSION), 0xffffffff, "moved back: nobody answers there");
	works("moved back");
}

static void fill(uint32_t *words, uint32_t pattern)
{
	for (unsigned i = 0; i < 1024; i++)
		words[i] = pattern + i;
}

static bool is_filled(const volatile uint32_t *words, uint32_t pattern)
{
	for (unsigned i = 0; i < 1024; i++)
		if (words[i] != pattern + i)
			return false;
	return true;
}

/* Where the AP looks while the BSP's APIC covers the page for the BSP alone. */
static void see_ram(uintptr_t page)
{
	CHECK(is_filled((const volatile uint32_t *)page, PATTERN),
	      "the AP sees RAM where the BSP has its APIC");
}

static void over_ram(uint64_t page)
{
	uint32_t version = apic_read(APIC_VERSION);

	fill((uint32_t *)page, PATTERN);
	move(page);
	CHECK_EQ(at(page, APIC_VERSION), version, "over RAM: VERSION");
	apic_mmio_write32(page + (APIC_TPR << 4), 0x33);
	CHECK_EQ(read_cr8(), 3, "over RAM: a write of TPR arrives");
	apic_write(APIC_TPR, 0);
	CHECK_EQ(at(APIC_DEFAULT_PAGE, APIC_VERSION), 0xffffffff, "over RAM: the old page");
	works("over RAM");
	ask_other(see_ram, page);
	move(APIC_DEFAULT_PAGE);
	CHECK(is_filled((const volatile uint32_t *)page, PATTERN), "RAM is back as it was");
	fill((uint32_t *)page, ~PATTERN);
	CHECK(is_filled((const volatile uint32_t *)page, ~PATTERN), "RAM can be written again");
	works("back from RAM");
	/* Disabled or in x2APIC mode the page covers nothing. */
	fill((uint32_t *)page, PATTERN);
	move(page);
	apic_set_mode(APIC_DISABLED);
	CHECK(is_filled((const volatile uint32_t *)page, PATTERN), "disabled: RAM is seen");
	apic_set_mode(APIC_XAPIC);
	if (apic_has_x2apic()) {
		apic_set_mode(APIC_X2APIC);
		CHECK(is_filled((const volatile uint32_t *)page, PATTERN), "x2APIC: RAM is seen");
		apic_set_mode(APIC_XAPIC);
	}
	move(APIC_DEFAULT_PAGE);
	apic_enable();
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	if (!guest_arg("alone"))
		smp_start(2);
	if (!guest_arg("ram"))
		to_empty_space();
	else if (guest_arg("high"))
		over_ram(0x2000000); /* 32 MiB */
	else
		over_ram((uintptr_t)ram_page);
}
