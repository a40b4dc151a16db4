// SPDX-License-Identifier: BSD-2-Clause
// The xAPIC page: reset values, access widths, read-only and reserved registers, writable bits.
// Not the MSRs (msr_gp.c), and not what the registers do.
//
// Proof: each register is read before anything has written it; then ones are written, and what
// reads back shows which bits exist. Dropped accesses are shown by a register that kept its value.
// What sets ESR's illegal-register bit, and what does not, is shown by latching ESR after each.
//
// Rules: ACC-1, ACC-2, ACC-3, ACC-4, ACC-6, LVT-1, LVT-2, RST-1, TMR-7
//
// KVM departs from ACC-2, ACC-3 and ACC-4: a read that leaves the low dword, of a reserved offset
// or of EOI gives whatever its emulator's buffer held, it has no error register, and keeps reserved
// bits of ICR; and from LVT-2: it keeps delivery status and remote IRR as written. Ours bends ACC-2
// and ACC-3 where the page is a read-only slot.
//
// kernel: departs="ACC-2 ACC-3 ACC-4 LVT-2"
// run: lapic="user kernel"
// run: options="--no-x2apic --no-tsc-deadline" lapic="user kernel"
// run: options="--apic-page=read-only" args="moved departs=ACC-2,ACC-3"
#include "guests/runtime/guest.h"

#define LVT_STATUS 0x5000u /* delivery status, remote IRR */

static uint64_t page;

static unsigned lvt_entries(void)
{
	return (apic_read(APIC_VERSION) >> 16 & 0xff) + 1;
}

static bool has_cmci(void)
{
	return lvt_entries() == 7;
}

static void reset_values(void)
{
	static const unsigned zero[] = {APIC_TPR,      APIC_PPR,   APIC_LDR, APIC_ESR, APIC_ICR,
					APIC_ICR_HIGH, APIC_TMICT, APIC_CCR, APIC_DCR};
	static const unsigned masked[] = {APIC_LVT_TIMER, APIC_LVT_THERMAL, APIC_LVT_PERF,
					  APIC_LVT_LINT0, APIC_LVT_LINT1,   APIC_LVT_ERROR};
	uint64_t base = rdmsr(MSR_APIC_BASE);

	CHECK_EQ(base, APIC_DEFAULT_PAGE | APIC_BASE_EN | APIC_BASE_BSP, "IA32_APIC_BASE");
	CHECK_EQ(apic_read(APIC_ID), apic_cpuid_id() << 24, "ID");
	CHECK_EQ(apic_read(APIC_VERSION) & 0xff, 0x14, "VERSION[7:0]");
	for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		CHECK_EQ(apic_read(zero[i]), 0, "register %x", zero[i] << 4);
	for (unsigned i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
		CHECK_EQ(apic_read(masked[i]), APIC_LVT_MASKED, "LVT %x", masked[i] << 4);
	if (has_cmci())
		CHECK_EQ(apic_read(APIC_LVT_CMCI), APIC_LVT_MASKED, "LVT CMCI");
	CHECK_EQ(apic_read(APIC_DFR), 0xffffffff, "DFR");
	CHECK_EQ(apic_read(APIC_SVR), 0xff, "SVR");
	CHECK(apic_no_bits(APIC_ISR), "ISR is 0");
	CHECK(apic_no_bits(APIC_TMR), "TMR is 0");
	CHECK(apic_no_bits(APIC_IRR), "IRR is 0");
}

static uint64_t read64(uint64_t address)
{
	uint64_t value;

	__asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static uint16_t read16(uint64_t address)
{
	uint16_t value;

	__asm__ volatile("movw (%1), %0" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static uint8_t read8(uint64_t address)
{
	uint8_t value;

	__asm__ volatile("movb (%1), %0" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static void write64(uint64_t address, uint64_t value)
{
	__asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

static void write16(uint64_t address, uint16_t value)
{
	__asm__ volatile("movw %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

static void write8(uint64_t address, uint8_t value)
{
	__asm__ volatile("movb %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

/* VERSION has bits in bytes 0 and 2; what lies behind the low dword of its 16 bytes reads as zeros.
 */
static void read_widths(void)
{
	uint64_t address = page + (APIC_VERSION << 4);
	uint32_t whole = apic_read(APIC_VERSION);

	for (unsigned at = 0; at < 16; at++) {
		uint64_t part = at < 4 ? (uint64_t)whole >> 8 * at : 0;

		if (at <= 3 || guest_keeps("ACC-2"))
			CHECK_EQ(read8(address + at), part & 0xff, "1-byte read at %u", at);
		if (at <= 14 && (at <= 2 || guest_keeps("ACC-2")))
			CHECK_EQ(read16(address + at), part & 0xffff, "2-byte read at %u", at);
		if (at <= 12 && (at == 0 || guest_keeps("ACC-2")))
			CHECK_EQ(apic_mmio_read32(address + at), part, "4-byte read at %u", at);
	}
	if (guest_keeps("ACC-2")) {
		CHECK_EQ(read64(address), whole, "8-byte read");
		CHECK_EQ(read64(address + 8), 0, "8-byte read of the upper half");
	}
}

static void write_widths(void)
{
	uint64_t address = page + (APIC_TPR << 4);

	apic_write(APIC_TPR, 0x33);
	for (unsigned at = 0; at < 16; at++) {
		write8(address + at, 0x77);
		if (at <= 14)
			write16(address + at, 0x7777);
		if (at && at <= 12)
			apic_mmio_write32(address + at, 0x77777777);
	}
	write64(address, 0x77);
	write64(address + 8, 0x77);
	CHECK_EQ(apic_read(APIC_TPR), 0x33, "TPR after writes of other widths and offsets");
	apic_write(APIC_TPR, 0);
	CHECK_EQ(apic_take_errors(), 0, "ESR after accesses of odd widths");
}

static bool exists(unsigned reg)
{
	static const unsigned single[] = {APIC_ID,  APIC_VERSION, APIC_TPR,      APIC_APR, APIC_PPR,
					  APIC_EOI, APIC_RRD,     APIC_LDR,      APIC_DFR, APIC_SVR,
					  APIC_ESR, APIC_ICR,     APIC_ICR_HIGH, APIC_DCR};

	if (reg >= APIC_ISR && reg < APIC_ESR)
		return true;
	if (reg >= APIC_LVT_TIMER && reg <= APIC_CCR)
		return true;
	if (reg == APIC_LVT_CMCI)
		return has_cmci();
	for (unsigned i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		if (single[i] == reg)
			return true;
	return false;
}

static void reserved_offsets(void)
{
	apic_take_errors();
	for (unsigned reg = 0; reg < 0x100; reg++) {
		uint32_t want = exists(reg) ? 0 : APIC_ESR_REGISTER, value = apic_read(reg);

		CHECK_EQ(apic_take_errors(), want, "ESR after a read of %x", reg << 4);
		if (exists(reg))
			continue;
		CHECK_EQ(value, 0, "a read of %x", reg << 4);
		apic_write(reg, 0xffffffff);
		CHECK_EQ(apic_take_errors(), want, "ESR after a write of %x", reg << 4);
		CHECK_EQ(apic_read(reg), 0, "a read of %x after a write", reg << 4);
		apic_take_errors();
	}
	CHECK_EQ(apic_take_errors(), 0, "ESR when nothing went wrong");
}

static void one_way_registers(void)
{
	static const unsigned single[] = {APIC_VERSION, APIC_APR, APIC_PPR, APIC_RRD, APIC_CCR};

	for (unsigned i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
		uint32_t before = apic_read(single[i]);

		apic_write(single[i], ~before);
		CHECK_EQ(apic_read(single[i]), before, "read-only %x", single[i] << 4);
	}
	for (unsigned reg = APIC_ISR; reg < APIC_ESR; reg++) {
		apic_write(reg, 0xffffffff);
		CHECK_EQ(apic_read(reg), 0, "read-only %x", reg << 4);
	}
	if (guest_keeps("ACC-4"))
		CHECK_EQ(apic_read(APIC_EOI), 0, "write-only EOI");
	CHECK_EQ(apic_take_errors(), 0, "ESR after misuse of directions");
}

struct writable {
	unsigned reg;
	uint32_t ones; /* what reads back after all ones were written */
	uint32_t zeros;
};

static void writable_bits(void)
{
	uint32_t suppression = apic_read(APIC_VERSION) >> 24 & 1;
	uint32_t timer_modes = apic_has_deadline() ? 3u << 17 : 1u << 17;
	const struct writable rows[] = {
		{APIC_TPR, 0xff, 0},
		{APIC_LDR, 0xff000000, 0},
		{APIC_DFR, 0xffffffff, 0x0fffffff},
		{APIC_ICR_HIGH, 0xff000000, 0},
		{APIC_DCR, 0xb, 0},
		{APIC_TMICT, 0xffffffff, 0},
		{APIC_LVT_TIMER, APIC_LVT_MASKED | 0xff | timer_modes, APIC_LVT_MASKED},
		{APIC_LVT_THERMAL, APIC_LVT_MASKED | 0x7ff, APIC_LVT_MASKED},
		{APIC_LVT_PERF, APIC_LVT_MASKED | 0x7ff, APIC_LVT_MASKED},
		{APIC_LVT_LINT0, APIC_LVT_MASKED | 0xa7ff, APIC_LVT_MASKED},
		{APIC_LVT_LINT1, APIC_LVT_MASKED | 0xa7ff, APIC_LVT_MASKED},
		{APIC_LVT_ERROR, APIC_LVT_MASKED | 0xff, APIC_LVT_MASKED},
		{APIC_LVT_CMCI, APIC_LVT_MASKED | 0x7ff, APIC_LVT_MASKED},
	};

	/* Bit 9, focus checking, may be there or not. */
	apic_write(APIC_SVR, 0xffffffff);
	CHECK_EQ(apic_read(APIC_SVR) & ~0x200u, 0x1ff | suppression << 12, "SVR of ones");
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xff);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct writable *row = &rows[i];
		uint32_t have;

		if (!exists(row->reg))
			continue;
		apic_write(row->reg, 0xffffffff);
		have = apic_read(row->reg);
		if (row->zeros == APIC_LVT_MASKED && !guest_keeps("LVT-2"))
			have &= ~(LVT_STATUS & ~row->ones);
		CHECK_EQ(have, row->ones, "%x of ones", row->reg << 4);
		apic_write(row->reg, row->zeros == APIC_LVT_MASKED ? APIC_LVT_MASKED : 0);
		CHECK_EQ(apic_read(row->reg), row->zeros, "%x of zeros", row->reg << 4);
	}
	apic_write(APIC_DFR, 0xffffffff);
	CHECK_EQ(apic_take_errors(), 0, "ESR after writes of ones");
}

/* The reserved delivery mode 111b sends nothing, so that every other bit can be tried. */
static void icr_bits(void)
{
	apic_write(APIC_ICR, 0xffffffff);
	if (guest_keeps("ACC-4"))
		CHECK_EQ(apic_read(APIC_ICR), 0x000ccfff & ~(uint32_t)APIC_ICR_BUSY, "ICR of ones");
	apic_write(APIC_ICR, 3 << 8);
	CHECK_EQ(apic_read(APIC_ICR), 3 << 8, "ICR of another reserved mode");
}

static void id_bits(void)
{
	uint32_t before = apic_read(APIC_ID);

	apic_write(APIC_ID, 0x55ffffff);
	CHECK_EQ(apic_read(APIC_ID), 0x55000000, "ID after a write");
	apic_write(APIC_ID, before);
	CHECK_EQ(apic_read(APIC_ID), before, "ID written back");
}

/* Register 0 to 3Fh of the page are MSR 800h to 83Fh: the same TPR through both doors. */
static void one_number(void)
{
	apic_write(APIC_TPR, 0x21);
	apic_set_mode(APIC_X2APIC);
	CHECK_EQ(rdmsr(MSR_X2APIC + APIC_TPR), 0x21, "MSR 808h has what MMIO wrote to 080h");
}

void guest_main(void)
{
	reset_values();
	apic_enable();
	page = apic_page();
	read_widths();
	write_widths();
	if (guest_keeps("ACC-3"))
		reserved_offsets();
	one_way_registers();
	writable_bits();
	icr_bits();
	id_bits();
	if (apic_has_x2apic())
		one_number();
}
