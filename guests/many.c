// SPDX-License-Identifier: BSD-2-Clause
// Two to eight CPUs start, and each sends IPIs to each other one, all at the same time.
// Not different kinds of destination (ipi_dest.c), which icr_stress.c mixes.
//
// Proof: a sender has a vector of its own and sends the next IPI to a CPU only when that CPU has
// counted the last one: at the end every count is exact. IDs are those that CPUID says, all
// different.
//
// Rules: ICR-1, ICR-5, ACP-1, MP-1, MP-5
//
// run: smp=2 timeout=120 lapic="user kernel"
// run: smp=3 timeout=120 args="x2apic" lapic="user kernel"
// run: smp=4 timeout=120 lapic="user kernel"
// run: smp=8 timeout=180 lapic="user kernel"
// run: smp=8 timeout=180 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define MOST        8
#define ROUNDS      8
#define VECTOR(cpu) (0x40 + (cpu))

static unsigned cpus;
static uint32_t ids[MOST];
static volatile unsigned lost;

static void send_to_each(void)
{
	unsigned self = smp_self();

	for (unsigned round = 1; round <= ROUNDS; round++)
		for (unsigned to = 0; to < cpus; to++) {
			if (to == self)
				continue;
			apic_ipi(ids[to], APIC_ICR_ASSERT | VECTOR(self));
			if (!TIME_WAIT(trap_count(to, VECTOR(self)) == round))
				lost++;
		}
}

static void work(uintptr_t unused)
{
	(void)unused;
	send_to_each();
}

static void note_id(uintptr_t unused)
{
	(void)unused;
	ids[smp_self()] = apic_id();
	CHECK_EQ(apic_id(), apic_cpuid_id(), "cpu %u: APIC ID and CPUID", smp_self());
}

void guest_main(void)
{
	cpus = smp_cpus() < MOST ? smp_cpus() : MOST;
	apic_enable();
	if (cpus < 2)
		guest_skip("needs 2 CPUs");
	trap_set_range(VECTOR(0), VECTOR(MOST - 1), trap_eoi);
	smp_start(cpus);
	note_id(0);
	for (unsigned cpu = 1; cpu < cpus; cpu++) {
		smp_call(cpu, note_id, 0);
		for (unsigned other = 0; other < cpu; other++)
			CHECK(ids[other] != ids[cpu], "cpus %u and %u differ in ID", other, cpu);
	}
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		smp_begin(cpu, work, 0);
	sti();
	send_to_each();
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		smp_finish(cpu);
	cli();
	CHECK_EQ(lost, 0, "IPIs lost");
	for (unsigned to = 0; to < cpus; to++) {
		for (unsigned from = 0; from < cpus; from++)
			CHECK_EQ(trap_count(to, VECTOR(from)), from == to ? 0 : ROUNDS,
				 "IPIs from %u to %u", from, to);
		CHECK_EQ(trap_count_all(to), ROUNDS * (cpus - 1), "interrupts of cpu %u", to);
	}
	print("%u CPUs, %u IPIs\n", cpus, ROUNDS * cpus * (cpus - 1));
}
