// SPDX-License-Identifier: BSD-2-Clause
// Whom an IPI reaches: physical, flat, cluster and x2APIC cluster, shorthands, broadcast.
// Not lowest priority (lowest_prio.c), and not modes that differ from CPU to CPU (mixed.c).
//
// Proof: four CPUs; each IPI is sent with a vector of its own, from the BSP and from an AP, and
// after it each CPU's count of that vector is compared with the set that the rules name: 1 for
// those in it, 0 for the others after a while.
//
// Rules: ICR-1, ICR-2, ICR-3, ICR-5, ICR-6, ICR-7, ICR-8, ICR-10, MSR-7
//
// KVM departs from ICR-3: a fixed IPI with the level bits goes out as level, or with de-assert not
// at all.
//
// kernel: departs="ICR-3"
// run: smp=4 timeout=120 lapic="user kernel"
// run: smp=4 timeout=120 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"
#include "guests/runtime/reach.h"

#define CPUS      4
#define EVERYBODY 0xf

static void both(uint32_t destination, uint32_t bits, unsigned set, const char *what)
{
	reach_expect(0, destination, bits, set, what);
	reach_expect(2, destination, bits, set, what);
}

static void physical(void)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		both(cpu, APIC_ICR_ASSERT, 1u << cpu, "physical");
	both(0x55, APIC_ICR_ASSERT, 0, "physical, nobody's ID");
	if (apic_mode() == APIC_X2APIC) {
		both(0xffffffff, APIC_ICR_ASSERT, EVERYBODY, "physical broadcast");
		both(0xff, APIC_ICR_ASSERT, 0, "physical, an ordinary ID");
		both(0x100, APIC_ICR_ASSERT, 0, "physical, 0 in its low byte");
		both(0x01000001, APIC_ICR_ASSERT, 0, "physical, 1 in its low byte");
	} else {
		both(0xff, APIC_ICR_ASSERT, EVERYBODY, "physical broadcast");
	}
}

static void shorthands(void)
{
	/* A destination beside a shorthand means nothing. */
	for (unsigned from = 0; from < CPUS; from++) {
		reach_expect(from, 1, APIC_ICR_SELF | APIC_ICR_ASSERT, 1u << from, "self");
		reach_expect(from, 1, APIC_ICR_ALL | APIC_ICR_ASSERT, EVERYBODY, "all");
		reach_expect(from, 1, APIC_ICR_OTHERS | APIC_ICR_ASSERT, EVERYBODY & ~(1u << from),
			     "all but self");
		reach_expect(from, 1, APIC_ICR_OTHERS | APIC_ICR_LOGICAL | APIC_ICR_ASSERT,
			     EVERYBODY & ~(1u << from), "all but self, logical");
	}
}

/* The bits count for INIT alone. */
static void level_bits(void)
{
	both(1, 0, 1u << 1, "edge, de-assert");
	both(1, APIC_ICR_LEVEL | APIC_ICR_ASSERT, 1u << 1, "level, assert");
	if (guest_keeps("ICR-3"))
		both(1, APIC_ICR_LEVEL, 1u << 1, "level, de-assert");
}

static void dropped_modes(void)
{
	both(1, 3 << 8 | APIC_ICR_ASSERT, 0, "delivery mode 011b");
	both(1, 7 << 8 | APIC_ICR_ASSERT, 0, "delivery mode 111b");
}

/* DFR in the upper half of the argument, LDR's eight bits in the lower. */
static void write_logical(uintptr_t both)
{
	apic_write(APIC_LDR, (uint32_t)both << 24);
	apic_write(APIC_DFR, (uint32_t)(both >> 32));
}

static void set_logical(unsigned cpu, uint32_t dfr, uint8_t ldr)
{
	uintptr_t both_registers = (uintptr_t)dfr << 32 | ldr;

	if (cpu)
		smp_call(cpu, write_logical, both_registers);
	else
		write_logical(both_registers);
}

static void set_all_logical(uint32_t dfr, const uint8_t ldr[CPUS])
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		set_logical(cpu, dfr, ldr[cpu]);
}

static void flat(void)
{
	static const uint8_t single[CPUS] = {0x01, 0x02, 0x04, 0x80};
	static const uint8_t odd[CPUS] = {0x03, 0x06, 0x00, 0x06};
	const uint32_t bits = APIC_ICR_LOGICAL | APIC_ICR_ASSERT;

	set_all_logical((uint32_t)APIC_DFR_FLAT, single);
	both(0x01, bits, 1, "flat");
	both(0x04, bits, 4, "flat");
	both(0x80, bits, 8, "flat");
	both(0x86, bits, 0xe, "flat");
	both(0x78, bits, 0, "flat, nobody's bit");
	both(0x00, bits, 0, "flat, no bit");
	both(0xff, bits, EVERYBODY, "flat broadcast");
	set_all_logical((uint32_t)APIC_DFR_FLAT, odd);
	both(0x02, bits, 0xb, "flat, several bits in an LDR");
	both(0x04, bits, 0xa, "flat, one LDR twice");
	both(0xff, bits, EVERYBODY, "flat broadcast, an LDR of 0 among them");
}

static void cluster(void)
{
	static const uint8_t ldr[CPUS] = {0x01, 0x02, 0x11, 0x28};
	const uint32_t bits = APIC_ICR_LOGICAL | APIC_ICR_ASSERT;

	set_all_logical(APIC_DFR_CLUSTER, ldr);
	both(0x01, bits, 1, "cluster 0, member 0");
	both(0x03, bits, 3, "cluster 0, members 0 and 1");
	both(0x11, bits, 4, "cluster 1, member 0");
	both(0x1f, bits, 4, "cluster 1, all members");
	both(0x28, bits, 8, "cluster 2, member 3");
	both(0x24, bits, 0, "cluster 2, nobody");
	both(0x3f, bits, 0, "cluster 3, nobody");
	both(0xff, bits, EVERYBODY, "cluster broadcast");
}

/* The receiver's DFR decides, not the sender's: BSP and CPU 1 flat, the others in cluster 1. */
static void receivers_decide(void)
{
	const uint32_t bits = APIC_ICR_LOGICAL | APIC_ICR_ASSERT;

	set_logical(0, (uint32_t)APIC_DFR_FLAT, 0x10);
	set_logical(1, (uint32_t)APIC_DFR_FLAT, 0x02);
	set_logical(2, APIC_DFR_CLUSTER, 0x11);
	set_logical(3, APIC_DFR_CLUSTER, 0x12);
	both(0x12, bits, 0xb, "flat and cluster mixed");
	both(0x11, bits, 0x5, "flat and cluster mixed");
	/* Neither model: matches nothing. */
	set_logical(3, 0x7fffffff, 0xff);
	both(0x12, bits, 0x3, "a DFR that is neither");
	set_logical(3, (uint32_t)APIC_DFR_FLAT, 0x80);
}

static void x2apic_cluster(void)
{
	const uint32_t bits = APIC_ICR_LOGICAL | APIC_ICR_ASSERT;

	for (unsigned set = 0; set < 16; set++)
		reach_expect(0, set, bits, set, "x2APIC cluster 0");
	both(0x5, bits, 0x5, "x2APIC cluster 0");
	both(0xfff0, bits, 0, "x2APIC cluster 0, nobody");
	both(0x0001000f, bits, 0, "x2APIC cluster 1, nobody");
	both(0xffffffff, bits, EVERYBODY, "x2APIC logical broadcast");
}

/* What was sent reads back; the status is idle. */
static void reads_back(void)
{
	apic_ipi(0x77, APIC_ICR_ASSERT | APIC_ICR_LEVEL | 0x99);
	CHECK_EQ(apic_read(APIC_ICR), APIC_ICR_ASSERT | APIC_ICR_LEVEL | 0x99, "ICR");
	if (apic_mode() == APIC_XAPIC) {
		CHECK_EQ(apic_read(APIC_ICR_HIGH), 0x77000000, "ICR, upper half");
		trap_forget();
		apic_write(APIC_ICR_HIGH, 0x01000000);
		time_settle();
		CHECK_EQ(trap_count_all(1), 0, "interrupts from a write of the upper half");
	} else {
		CHECK_EQ(rdmsr(MSR_X2APIC + APIC_ICR) >> 32, 0x77, "ICR, upper half");
	}
}

/* Latched TMR bits would show a level-triggered acceptance. */
static void look_at_tmr(uintptr_t unused)
{
	(void)unused;
	CHECK(apic_no_bits(APIC_TMR), "every IPI was accepted as edge");
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	smp_start(CPUS);
	reach_init(CPUS);
	sti();
	physical();
	shorthands();
	level_bits();
	if (guest_keeps("ICR-3"))
		smp_call(1, look_at_tmr, 0);
	dropped_modes();
	if (apic_mode() == APIC_X2APIC) {
		x2apic_cluster();
	} else {
		flat();
		cluster();
		receivers_decide();
	}
	reads_back();
	cli();
}
