// SPDX-License-Identifier: BSD-2-Clause
// xAPIC and x2APIC CPUs in one machine: whom IPIs from each kind reach, and IDs that two CPUs
// share. Not a machine that firmware would make; the APIC has rules for it all the same.
//
// Proof: CPUs 0 and 2 stay in xAPIC mode, 1 and 3 go to x2APIC; each IPI's receivers are compared
// with the set that the rules name, with senders of both kinds.
//
// Rules: ICR-5, ICR-6, ICR-7, ICR-8, ICR-13, ACC-6, MSR-7
//
// KVM departs from ICR-5: a broadcast reaches those in the mode of its sender alone;
// and, once it has been asked for 32-bit IDs, from ICR-8: of those with one ID one alone receives.
//
// kernel: departs="ICR-5 ICR-8"
// run: smp=4 timeout=120 lapic="user kernel"
#include "guests/runtime/guest.h"
#include "guests/runtime/reach.h"

#define CPUS      4
#define EVERYBODY 0xf
#define LOGICAL   (APIC_ICR_LOGICAL | APIC_ICR_ASSERT)
#define PHYSICAL  APIC_ICR_ASSERT

static void go_x2apic(uintptr_t unused)
{
	(void)unused;
	apic_set_mode(APIC_X2APIC);
	apic_enable();
}

static void set_ldr(uintptr_t ldr)
{
	apic_write(APIC_LDR, (uint32_t)ldr << 24);
}

static void from_both(uint32_t destination, uint32_t bits, unsigned set, const char *what)
{
	reach_expect(0, destination, bits, set, what);
	reach_expect(1, destination, bits, set, what);
}

static void one_by_one(void)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		from_both(cpu, PHYSICAL, 1u << cpu, "physical");
}

static void broadcast(void)
{
	for (unsigned from = 0; from < CPUS; from++) {
		reach_expect(from, 0, APIC_ICR_ALL | APIC_ICR_ASSERT, EVERYBODY, "all");
		reach_expect(from, 0, APIC_ICR_OTHERS | APIC_ICR_ASSERT, EVERYBODY & ~(1u << from),
			     "all but self");
	}
	if (!guest_keeps("ICR-5"))
		return;
	reach_expect(0, 0xff, PHYSICAL, EVERYBODY, "xAPIC sender, broadcast");
	reach_expect(2, 0xff, PHYSICAL, EVERYBODY, "xAPIC sender, broadcast");
	reach_expect(0, 0xff, LOGICAL, EVERYBODY, "xAPIC sender, logical broadcast");
	reach_expect(1, 0xffffffff, PHYSICAL, EVERYBODY, "x2APIC sender, broadcast");
	reach_expect(3, 0xffffffff, PHYSICAL, EVERYBODY, "x2APIC sender, broadcast");
	reach_expect(1, 0xffffffff, LOGICAL, EVERYBODY, "x2APIC sender, logical broadcast");
}

/* 32-bit IDs whose low byte is somebody's; FFh is one of them for an x2APIC sender. */
static void no_low_bytes(void)
{
	reach_expect(1, 0xff, PHYSICAL, 0, "x2APIC sender, an ordinary ID");
	reach_expect(1, 0x100, PHYSICAL, 0, "x2APIC sender, 0 in the low byte");
	reach_expect(1, 0x102, PHYSICAL, 0, "x2APIC sender, 2 in the low byte");
	reach_expect(3, 0xffffff00, PHYSICAL, 0, "x2APIC sender, 0 in the low byte");
}

/* LDR of an xAPIC CPU as it has set it, of an x2APIC CPU as its ID gives it: 1, 2, 4, 8. */
static void logical(void)
{
	set_ldr(0x01);
	smp_call(2, set_ldr, 0x04);
	for (unsigned set = 0; set < 16; set++)
		from_both(set, LOGICAL, set, "logical");
	smp_call(2, set_ldr, 0x40);
	from_both(0x44, LOGICAL, 4, "logical");
	from_both(0x4, LOGICAL, 0, "logical, nobody");
	from_both(0xe, LOGICAL, 0xa, "logical");
}

static void set_id(uintptr_t id)
{
	apic_write(APIC_ID, (uint32_t)id << 24);
	CHECK_EQ(apic_read(APIC_ID), id << 24, "xAPIC ID as written");
}

static void shared_ids(void)
{
	smp_call(2, set_id, 1);
	from_both(1, PHYSICAL, 6, "physical, an ID that two have");
	from_both(2, PHYSICAL, 0, "physical, an ID that nobody has any more");
	from_both(3, PHYSICAL, 8, "physical, others are not touched");
	smp_call(2, set_id, 0x80);
	from_both(0x80, PHYSICAL, 4, "physical, a written ID");
	from_both(1, PHYSICAL, 2, "physical");
	smp_call(2, set_id, 2);
	from_both(2, PHYSICAL, 4, "physical, the old ID again");
}

void guest_main(void)
{
	apic_enable();
	if (!apic_has_x2apic())
		guest_skip("needs x2APIC");
	trap_set_range(16, 255, trap_eoi);
	smp_start(CPUS);
	reach_init(CPUS);
	smp_call(1, go_x2apic, 0);
	smp_call(3, go_x2apic, 0);
	sti();
	one_by_one();
	broadcast();
	no_low_bytes();
	logical();
	if (guest_keeps("ICR-8"))
		shared_ids();
	cli();
}
