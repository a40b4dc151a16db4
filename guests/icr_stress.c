// SPDX-License-Identifier: BSD-2-Clause
// Four CPUs send IPIs of every kind of destination to each other, at random, all at once: none too
// many. Not speed.
//
// Proof: each sender has a vector of its own, waits for every receiver of its last IPI before it
// sends the next, and keeps the count that each CPU should have; at the end all counts are exact.
// Half of the CPUs halt while they wait.
//
// Rules: ICR-1, ICR-5, ICR-6, ICR-7, ICR-8, ACP-1, MP-5
//
// run: smp=4 timeout=180 lapic="user kernel"
// run: smp=4 timeout=180 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"

#define CPUS        4
#define ROUNDS      300
#define VECTOR(cpu) (0x40 + 0x11 * (cpu))
#define TICK        0xc1

static unsigned expected[CPUS][CPUS]; /* by sender and receiver; a sender writes its own row */
static volatile unsigned lost;

static uint32_t random_from(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

/* Sends one IPI of a random kind, and answers whom it must reach. */
static unsigned send(uint32_t *state)
{
	unsigned self = smp_self(), to = random_from(state) % CPUS, set = random_from(state) & 0xf;
	uint32_t low = APIC_ICR_ASSERT | VECTOR(self);
	uint32_t everybody = apic_mode() == APIC_X2APIC ? 0xffffffff : 0xff;

	switch (random_from(state) % 6) {
	case 0: apic_ipi(set, low | APIC_ICR_LOGICAL); return set;
	case 1: apic_ipi(everybody, low); return 0xf;
	case 2: apic_ipi(0, low | APIC_ICR_OTHERS); return 0xfu & ~(1u << self);
	case 3: apic_ipi(0, low | APIC_ICR_SELF); return 1u << self;
	default: apic_ipi(to, low); return 1u << to;
	}
}

static bool arrived(unsigned self)
{
	for (unsigned to = 0; to < CPUS; to++)
		if (trap_count(to, VECTOR(self)) != expected[self][to])
			return false;
	return true;
}

/* A HLT that nothing else ended would last until the timer's next tick. */
static bool wait_for_arrival(unsigned self)
{
	uint64_t end = rdtsc() + TIME_LOST_MS * time_tsc_per_ms();

	if (self & 1)
		return TIME_WAIT(arrived(self));
	while (!arrived(self) && (int64_t)(rdtsc() - end) < 0) {
		cli();
		if (!arrived(self))
			sti_hlt_cli();
		sti();
	}
	return arrived(self);
}

static void work(uintptr_t unused)
{
	unsigned self = smp_self();
	uint32_t state = 1 + self;

	(void)unused;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned set = send(&state);

		for (unsigned to = 0; to < CPUS; to++)
			expected[self][to] += set >> to & 1;
		if (!wait_for_arrival(self))
			lost++;
	}
	apic_write(APIC_TMICT, 0);
}

static void prepare(uintptr_t cpu)
{
	if (apic_mode() == APIC_XAPIC)
		apic_write(APIC_LDR, 1u << (24 + cpu));
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | TICK);
	apic_write(APIC_TMICT, 5000000);
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	smp_start(CPUS);
	prepare(0);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		smp_call(cpu, prepare, cpu);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		smp_begin(cpu, work, 0);
	sti();
	work(0);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		smp_finish(cpu);
	time_settle();
	cli();
	CHECK_EQ(lost, 0, "IPIs that did not arrive everywhere");
	for (unsigned from = 0; from < CPUS; from++)
		for (unsigned to = 0; to < CPUS; to++) {
			CHECK_EQ(trap_count(to, VECTOR(from)), expected[from][to],
				 "IPIs from %u to %u", from, to);
			CHECK(expected[from][to], "cpu %u has sent to cpu %u", from, to);
		}
}
