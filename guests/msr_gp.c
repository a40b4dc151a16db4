// SPDX-License-Identifier: BSD-2-Clause
// Which accesses to MSRs 800h-8FFh are #GP(0): every MSR, both directions, every bit, every mode.
// Not what the registers do when an access is legal.
//
// Proof: each access is made with a fix-up behind it, and its outcome is compared with a table
// written from the SDM. After a #GP the register still has its old value.
//
// Rules: MSR-1, MSR-2, MSR-3, MSR-4, MSR-5, MSR-6, MSR-7, BASE-3, TMR-7
//
// KVM departs from MSR-3: it masks reserved bits of TPR, SVR, DCR and the LVT; from MSR-4: EOI
// takes any 32 bits; and from LVT-2: it keeps delivery status and remote IRR as written.
//
// kernel: departs="MSR-3 MSR-4 LVT-2"
// run: timeout=60 lapic="user kernel"
// run: timeout=60 options="--no-x2apic" lapic="user kernel"
// run: timeout=60 options="--no-tsc-deadline" lapic="user kernel"
#include "guests/runtime/guest.h"

#define BIT(n)          (UINT64_C(1) << (n))
#define BITS(high, low) ((BIT(high) - BIT(low)) | BIT(high))

enum { READ = 1, WRITE = 2 };

struct msr {
	unsigned reg;
	unsigned ways;
	uint64_t base;   /* legal to write, without effect on what is tested here */
	uint64_t legal;  /* bits that may be set */
	uint64_t either; /* bits on which processors differ */
};

#define LVT_VECTOR_MODE (BITS(7, 0) | BITS(10, 8) | BIT(12) | BIT(16))
#define LVT_PIN         (LVT_VECTOR_MODE | BITS(15, 13))

/* LVT bit 14, remote IRR, is known to be there for LINT0 and LINT1 only. ICR: base is a reserved
 * delivery mode, so that nothing is sent; bit 12 is #GP on AMD and ignored on Intel. */
static struct msr table[] = {
	{APIC_ID, READ, 0, 0, 0},
	{APIC_VERSION, READ, 0, 0, 0},
	{APIC_TPR, READ | WRITE, 0, BITS(7, 0), 0},
	{APIC_PPR, READ, 0, 0, 0},
	{APIC_EOI, WRITE, 0, 0, 0},
	{APIC_LDR, READ, 0, 0, 0},
	{APIC_SVR, READ | WRITE, 0x1ff, BITS(9, 0), 0},
	{APIC_ESR, READ | WRITE, 0, 0, 0},
	{APIC_LVT_CMCI, READ | WRITE, APIC_LVT_MASKED, LVT_VECTOR_MODE, BIT(14)},
	{APIC_ICR, READ | WRITE, 3 << 8, BITS(63, 32) | BITS(19, 18) | BITS(15, 14) | BITS(11, 0),
	 APIC_ICR_BUSY},
	{APIC_LVT_TIMER, READ | WRITE, APIC_LVT_MASKED, BITS(7, 0) | BIT(12) | BITS(17, 16),
	 BIT(14)},
	{APIC_LVT_THERMAL, READ | WRITE, APIC_LVT_MASKED, LVT_VECTOR_MODE, BIT(14)},
	{APIC_LVT_PERF, READ | WRITE, APIC_LVT_MASKED, LVT_VECTOR_MODE, BIT(14)},
	{APIC_LVT_LINT0, READ | WRITE, APIC_LVT_MASKED, LVT_PIN, 0},
	{APIC_LVT_LINT1, READ | WRITE, APIC_LVT_MASKED, LVT_PIN, 0},
	{APIC_LVT_ERROR, READ | WRITE, APIC_LVT_MASKED, BITS(7, 0) | BIT(12) | BIT(16), BIT(14)},
	{APIC_TMICT, READ | WRITE, 0, BITS(31, 0), 0},
	{APIC_CCR, READ, 0, 0, 0},
	{APIC_DCR, READ | WRITE, 0, BIT(0) | BIT(1) | BIT(3), 0},
	{APIC_SELF_IPI, WRITE, 0x40, BITS(7, 0), 0},
};

#define ROWS (sizeof(table) / sizeof(table[0]))

static const struct msr bits_row = {0, READ, 0, 0, 0};

static const struct msr *row_of(unsigned reg)
{
	if (reg >= APIC_ISR && reg < APIC_ESR)
		return &bits_row;
	for (unsigned i = 0; i < ROWS; i++)
		if (table[i].reg == reg && table[i].ways)
			return &table[i];
	return NULL;
}

/* The table's rows that depend on this processor. */
static void adapt_table(void)
{
	uint32_t version = apic_read(APIC_VERSION);

	for (unsigned i = 0; i < ROWS; i++) {
		if (table[i].reg == APIC_LVT_CMCI && (version >> 16 & 0xff) < 6)
			table[i].ways = 0;
		if (table[i].reg == APIC_SVR && version >> 24 & 1)
			table[i].legal |= BIT(12);
		if (table[i].reg == APIC_LVT_TIMER && apic_has_deadline())
			table[i].legal |= BIT(18);
	}
}

static void expect_gp(struct trap_result result, const char *what, unsigned reg, uint64_t value)
{
	CHECK(!result.ok && result.vector == TRAP_GP && result.error == 0,
	      "%s %x, value %lx: should be #GP(0), is %s, vector %u, error %x", what, 0x800 + reg,
	      value, result.ok ? "fine" : "a fault", result.vector, result.error);
}

static void expect_ok(struct trap_result result, const char *what, unsigned reg, uint64_t value)
{
	CHECK(result.ok, "%s %x, value %lx: should be fine, is vector %u", what, 0x800 + reg, value,
	      result.vector);
}

static void all_fault(const char *mode)
{
	uint64_t value;

	print("%s: every access is #GP\n", mode);
	for (unsigned reg = 0; reg < 0x100; reg++) {
		expect_gp(rdmsr_safe(MSR_X2APIC + reg, &value), "rdmsr", reg, 0);
		expect_gp(wrmsr_safe(MSR_X2APIC + reg, 0), "wrmsr", reg, 0);
	}
}

static void directions(void)
{
	uint64_t value = 0;

	for (unsigned reg = 0; reg < 0x100; reg++) {
		const struct msr *row = row_of(reg);
		unsigned ways = row ? row->ways : 0;
		struct trap_result result = rdmsr_safe(MSR_X2APIC + reg, &value);

		if (ways & READ)
			expect_ok(result, "rdmsr", reg, 0);
		else
			expect_gp(result, "rdmsr", reg, 0);
		if (ways & READ && reg != APIC_ICR)
			CHECK_EQ(value >> 32, 0, "upper half of %x", 0x800 + reg);
		result = wrmsr_safe(MSR_X2APIC + reg, row ? row->base : 0);
		if (ways & WRITE)
			expect_ok(result, "wrmsr", reg, row->base);
		else
			expect_gp(result, "wrmsr", reg, 0);
	}
}

/* Of the other registers, and of bits 63:32, KVM keeps the rule too. */
static bool keeps_reserved(const struct msr *row, unsigned bit)
{
	if (bit >= 32 || row->reg == APIC_ESR || row->reg == APIC_ICR || row->reg == APIC_SELF_IPI)
		return true;
	return guest_keeps(row->reg == APIC_EOI ? "MSR-4" : "MSR-3");
}

static void one_bit(const struct msr *row, unsigned bit)
{
	uint64_t value = row->base ^ BIT(bit);
	uint32_t msr = MSR_X2APIC + row->reg;
	struct trap_result result;

	wrmsr(msr, row->base);
	result = wrmsr_safe(msr, value);
	/* A bit that base has set is cleared here: always legal. */
	if ((row->legal | row->base) & BIT(bit)) {
		expect_ok(result, "wrmsr", row->reg, value);
		return;
	}
	if (!keeps_reserved(row, bit))
		return;
	expect_gp(result, "wrmsr", row->reg, value);
	if (row->ways & READ)
		CHECK_EQ(rdmsr(msr), row->base, "%x after a refused write", msr);
}

static void every_bit(void)
{
	for (unsigned i = 0; i < ROWS; i++) {
		const struct msr *row = &table[i];

		if (!(row->ways & WRITE))
			continue;
		for (unsigned bit = 0; bit < 64; bit++)
			if (!(row->either & BIT(bit)))
				one_bit(row, bit);
		wrmsr(MSR_X2APIC + row->reg, row->base);
	}
}

/* Delivery status and remote IRR are ignored, and the reserved delivery modes are kept. */
static void read_only_bits(void)
{
	wrmsr(MSR_X2APIC + APIC_LVT_LINT1, APIC_LVT_MASKED | 0x5000 | 0x300);
	CHECK_EQ(rdmsr(MSR_X2APIC + APIC_LVT_LINT1), APIC_LVT_MASKED | 0x300, "LVT LINT1");
	wrmsr(MSR_X2APIC + APIC_LVT_ERROR, APIC_LVT_MASKED | 0x1000 | 0x20);
	CHECK_EQ(rdmsr(MSR_X2APIC + APIC_LVT_ERROR), APIC_LVT_MASKED | 0x20, "LVT error");
}

static void icr_reads_back(void)
{
	wrmsr(MSR_X2APIC + APIC_ICR, UINT64_C(0xdeadbeef000ccb41));
	CHECK_EQ(rdmsr(MSR_X2APIC + APIC_ICR), UINT64_C(0xdeadbeef000ccb41), "ICR");
	wrmsr(MSR_X2APIC + APIC_ICR, 3 << 8);
}

static void derived_ids(void)
{
	uint32_t id = (uint32_t)rdmsr(MSR_X2APIC + APIC_ID);

	CHECK_EQ(id, apic_cpuid_id(), "x2APIC ID");
	CHECK_EQ(rdmsr(MSR_X2APIC + APIC_LDR), (id >> 4 & 0xffff) << 16 | 1u << (id & 0xf), "LDR");
}

void guest_main(void)
{
	all_fault("xAPIC mode");
	apic_set_mode(APIC_DISABLED);
	all_fault("disabled");
	apic_set_mode(APIC_XAPIC);
	if (!apic_has_x2apic())
		return;
	apic_set_mode(APIC_X2APIC);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | 0xff);
	trap_set_range(16, 255, trap_eoi);
	adapt_table();
	print("x2APIC mode: by the table\n");
	directions();
	every_bit();
	if (guest_keeps("LVT-2"))
		read_only_bits();
	icr_reads_back();
	derived_ids();
	sti();
	CHECK(TIME_WAIT(trap_count(0, 0x41)), "the SELF IPI written on the way was sent");
	cli();
}
