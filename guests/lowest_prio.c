// SPDX-License-Identifier: BSD-2-Clause
// Lowest-priority IPIs: the one with the lowest PPR gets it, those that tie take turns.
// Not messages from devices.
//
// Proof: four CPUs with different TPRs, one of them also with an interrupt in service; each IPI is
// waited for, EOI included, before the next is sent, so that every PPR is known; the sum of all
// counts shows that one CPU alone was chosen.
//
// Rules: ICR-9, ICR-2, PRI-1, RST-3
//
// KVM departs from ICR-9: it takes a processor by a hash of the vector, whatever its priority, and
// one that is software-disabled too, whereupon the message is lost.
//
// kernel: departs="ICR-9"
// run: smp=4 timeout=120 lapic="user kernel"
// run: smp=4 timeout=120 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"
#include "guests/runtime/reach.h"

#define CPUS   4
#define VECTOR 0xf1
#define HOLD   0x85
#define LOWEST (APIC_ICR_LOWEST | APIC_ICR_ASSERT)

static volatile unsigned ended[CPUS];
static volatile bool hold, holding;

static void end(struct trap_frame *frame)
{
	(void)frame;
	apic_eoi();
	ended[smp_self()]++;
}

static void keep_in_service(struct trap_frame *frame)
{
	(void)frame;
	sti();
	holding = true;
	TIME_WAIT(!hold);
	cli();
	apic_eoi();
}

static void write_tpr(uintptr_t tpr)
{
	apic_write(APIC_TPR, (uint32_t)tpr);
}

static void set_tpr(unsigned cpu, uint32_t tpr)
{
	if (cpu)
		smp_call(cpu, write_tpr, tpr);
	else
		write_tpr(tpr);
}

static void set_all_tpr(uint32_t tpr)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		set_tpr(cpu, tpr);
}

static void write_svr(uintptr_t svr)
{
	apic_write(APIC_SVR, (uint32_t)svr);
}

static void write_ldr(uintptr_t ldr)
{
	if (apic_mode() == APIC_XAPIC)
		apic_write(APIC_LDR, (uint32_t)ldr << 24);
}

static unsigned sum(void)
{
	return ended[0] + ended[1] + ended[2] + ended[3];
}

static void forget(void)
{
	trap_forget();
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		ended[cpu] = 0;
}

/* To all four, logically; waits until its handler has sent EOI. */
static void send(void)
{
	unsigned before = sum();

	apic_ipi(0x0f, LOWEST | APIC_ICR_LOGICAL | VECTOR);
	if (!TIME_WAIT(sum() != before))
		guest_fail("an IPI of lowest priority reached nobody");
}

static void send_from(uintptr_t unused)
{
	(void)unused;
	send();
}

static void lowest_is_chosen(void)
{
	static const uint8_t tprs[] = {0x50, 0x20, 0x30, 0x41, 0x50, 0x20, 0x30};

	for (unsigned turn = 0; turn < CPUS; turn++) {
		unsigned lowest = 0;

		forget();
		for (unsigned cpu = 0; cpu < CPUS; cpu++) {
			set_tpr(cpu, tprs[turn + cpu]);
			if (tprs[turn + cpu] < tprs[turn + lowest])
				lowest = cpu;
		}
		for (unsigned i = 0; i < 5; i++)
			send();
		smp_call(3, send_from, 0);
		time_settle();
		if (guest_keeps("ICR-9"))
			CHECK_EQ(ended[lowest], 6, "cpu %u has the lowest TPR: its interrupts",
				 lowest);
		CHECK_EQ(sum(), 6, "interrupts of all");
	}
}

/* PPR counts, not TPR: CPU 2 has the lowest TPR, but 85h in service. */
static void in_service_counts(void)
{
	forget();
	set_all_tpr(0x50);
	set_tpr(2, 0);
	hold = true;
	holding = false;
	apic_ipi(2, APIC_ICR_ASSERT | HOLD);
	CHECK(TIME_WAIT(holding), "cpu 2 has an interrupt in service");
	for (unsigned i = 0; i < 6; i++)
		send();
	if (guest_keeps("ICR-9"))
		CHECK_EQ(ended[2], 0, "interrupts of the CPU with 85h in service");
	CHECK_EQ(sum(), 6, "interrupts of all");
	hold = false;
	CHECK(TIME_WAIT(apic_no_bits(APIC_ISR)), "nothing is in service here");
	time_settle();
	send();
	if (guest_keeps("ICR-9"))
		CHECK_EQ(ended[2], 1, "interrupts of the same CPU after its EOI");
}

static void ties_take_turns(void)
{
	forget();
	set_all_tpr(0);
	for (unsigned i = 0; i < 10 * CPUS; i++)
		send();
	time_settle();
	for (unsigned cpu = 0; cpu < CPUS && guest_keeps("ICR-9"); cpu++)
		CHECK_EQ(ended[cpu], 10, "turns of cpu %u", cpu);
	CHECK_EQ(sum(), 10 * CPUS, "interrupts of all");
}

static void disabled_is_left_out(void)
{
	forget();
	set_all_tpr(0x50);
	set_tpr(1, 0);
	smp_call(1, write_svr, 0xff);
	for (unsigned i = 0; i < 6; i++)
		send();
	CHECK_EQ(ended[1], 0, "interrupts of a software-disabled CPU with the lowest TPR");
	smp_call(1, write_svr, APIC_SVR_ENABLE | 0xff);
	send();
	CHECK_EQ(ended[1], 1, "its interrupts when it is enabled again");
	set_all_tpr(0);
}

/* Where there is no choice. */
static void no_choice(void)
{
	uint32_t everybody = apic_mode() == APIC_X2APIC ? 0xffffffff : 0xff;

	set_tpr(2, 0x30);
	reach_expect(0, 2, LOWEST, 4, "physical, as fixed");
	reach_expect(0, 4, LOWEST | APIC_ICR_LOGICAL, 4, "logical, one match");
	reach_expect(1, 4, LOWEST | APIC_ICR_LOGICAL, 4, "logical, one match");
	if (guest_keeps("ICR-9"))
		reach_expect(0, everybody, LOWEST, 0xf, "physical broadcast, as fixed");
	reach_expect(0, 0x30, LOWEST | APIC_ICR_LOGICAL, 0, "logical, nobody");
	reach_expect(0, 0x55, LOWEST, 0, "physical, nobody");
	set_tpr(2, 0);
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	trap_set(VECTOR, end);
	trap_set(HOLD, keep_in_service);
	smp_start(CPUS);
	reach_init(CPUS);
	write_ldr(1);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		smp_call(cpu, write_ldr, 1u << cpu);
	sti();
	lowest_is_chosen();
	in_service_counts();
	ties_take_turns();
	if (guest_keeps("ICR-9"))
		disabled_is_left_out();
	set_all_tpr(0);
	no_choice();
	cli();
}
