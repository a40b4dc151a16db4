// SPDX-License-Identifier: BSD-2-Clause
// TPR, PPR and CR8: what they block, what lowering them releases, and that they show each other.
// Not nested interrupts (eoi_order.c).
//
// Proof: a vector is raised with interrupts on while its class is not above TPR; it stays in IRR
// and no handler runs. Then TPR is lowered by just one class, through the APIC or through CR8, and
// the handler runs. Hosts may be late to see a lowered CR8, so the wait is long; a release that is
// lost ends it.
//
// Rules: PRI-1, PRI-2, PRI-4, PRI-5, ACP-1, ACP-2
//
// KVM on kvm_pvm departs from ACP-2: it ends a service as it delivers, so that nothing is ever in
// service.
//
// kernel: pvm="ACP-2"
// run: timeout=60 lapic="user kernel"
// run: timeout=60 args="x2apic" lapic="user kernel"
// run: timeout=60 options="--apic-page=read-only" args="moved departs=PRI-4"
#include "guests/runtime/guest.h"

static void raise_vector(unsigned vector)
{
	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | vector);
}

static void by_apic(unsigned tpr)
{
	apic_write(APIC_TPR, tpr);
}

static void by_cr8(unsigned tpr)
{
	write_cr8(tpr >> 4);
}

/* The highest vector of each class against the lowest TPR of its class, then the TPR one below. */
static void blocks_and_releases(const char *way, void (*set)(unsigned tpr))
{
	for (unsigned level = 1; level < 16; level++) {
		unsigned vector = level << 4 | 0xf;

		trap_forget();
		set(level << 4);
		raise_vector(vector);
		sti();
		time_settle();
		CHECK_EQ(trap_count(0, vector), 0, "%s: vector %x is blocked", way, vector);
		CHECK(apic_bit(APIC_IRR, vector), "%s: vector %x waits in IRR", way, vector);
		CHECK_EQ(apic_read(APIC_PPR), level << 4, "%s: PPR", way);
		set((level - 1) << 4 | 0xf);
		CHECK(TIME_WAIT(trap_count(0, vector)), "%s: vector %x is released", way, vector);
		cli();
		CHECK_EQ(trap_count_all(0), 1, "%s: interrupts taken", way);
		CHECK(!apic_bit(APIC_IRR, vector), "%s: vector %x has left IRR", way, vector);
	}
	set(0);
}

static void two_views(void)
{
	for (unsigned tpr = 0; tpr < 256; tpr += 0x1b) {
		apic_write(APIC_TPR, tpr);
		CHECK_EQ(apic_read(APIC_TPR), tpr, "TPR as written");
		CHECK_EQ(read_cr8(), tpr >> 4, "CR8 after TPR = %x", tpr);
		CHECK_EQ(apic_read(APIC_PPR), tpr, "PPR with nothing in service");
	}
	for (unsigned level = 0; level < 16; level++) {
		/* Of another class: KVM tells nobody of a MOV to CR8 that changes nothing there. */
		apic_write(APIC_TPR, ((level + 1) << 4 & 0xff) | 0xf);
		write_cr8(level);
		CHECK_EQ(read_cr8(), level, "CR8 as written");
		if (guest_keeps("PRI-4"))
			CHECK_EQ(apic_read(APIC_TPR), level << 4, "TPR after CR8 = %u", level);
	}
	write_cr8(0);
}

/* In service: vector 68h. */
static void look_from_inside(struct trap_frame *frame)
{
	static const struct {
		uint32_t tpr, ppr;
	} rows[] = {{0, 0x60},    {0x0f, 0x60}, {0x5f, 0x60}, {0x60, 0x60},
		    {0x65, 0x65}, {0x6f, 0x6f}, {0x70, 0x70}, {0xff, 0xff}};

	(void)frame;
	CHECK(!apic_bit(APIC_IRR, 0x68), "the vector has left IRR");
	if (guest_keeps("ACP-2"))
		CHECK(apic_bit(APIC_ISR, 0x68), "the vector is in service");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]) && guest_keeps("ACP-2"); i++) {
		apic_write(APIC_TPR, rows[i].tpr);
		CHECK_EQ(apic_read(APIC_PPR), rows[i].ppr, "PPR with 68h in service, TPR %x",
			 rows[i].tpr);
	}
	apic_write(APIC_TPR, 0);
	apic_eoi();
	CHECK_EQ(apic_read(APIC_PPR), 0, "PPR after EOI");
}

static void ppr_in_service(void)
{
	trap_set(0x68, look_from_inside);
	raise_vector(0x68);
	sti();
	CHECK(TIME_WAIT(trap_count(0, 0x68) == 1), "vector 68h is taken");
	cli();
	trap_set(0x68, trap_eoi);
}

/* TPR goes up after acceptance, before the interrupt can be taken: the request is withdrawn. */
static void raised_in_between(const char *way, void (*set)(unsigned tpr))
{
	trap_forget();
	set(0);
	raise_vector(0x91);
	CHECK(TIME_WAIT(apic_bit(APIC_IRR, 0x91)), "IF=0: vector 91h waits in IRR");
	set(0x90);
	sti();
	time_settle();
	CHECK_EQ(trap_count_all(0), 0, "%s raised in between: interrupts", way);
	CHECK(apic_bit(APIC_IRR, 0x91), "%s raised in between: IRR keeps the vector", way);
	set(0x80);
	CHECK(TIME_WAIT(trap_count(0, 0x91)), "%s lowered: vector 91h is taken", way);
	cli();
	set(0);
}

/* Two vectors of one class are both blocked, and the higher one comes first. */
static unsigned order[2], taken;

static void note_order(struct trap_frame *frame)
{
	if (taken < 2)
		order[taken] = (unsigned)frame->vector;
	taken++;
	apic_eoi();
}

static void highest_first(void)
{
	trap_set_range(0xb0, 0xbf, note_order);
	apic_write(APIC_TPR, 0xb0);
	raise_vector(0xb3);
	raise_vector(0xbc);
	sti();
	time_settle();
	CHECK_EQ(taken, 0, "interrupts of class Bh while TPR is B0h");
	apic_write(APIC_TPR, 0);
	CHECK(TIME_WAIT(taken == 2), "both are taken");
	cli();
	CHECK(order[0] == 0xbc && order[1] == 0xb3, "the higher vector first: %x, %x", order[0],
	      order[1]);
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	two_views();
	blocks_and_releases("TPR", by_apic);
	blocks_and_releases("CR8", by_cr8);
	ppr_in_service();
	raised_in_between("TPR", by_apic);
	raised_in_between("CR8", by_cr8);
	highest_first();
}
