// SPDX-License-Identifier: BSD-2-Clause
// Sends an IPI with a vector of its own and looks at every processor's counts.
// Not the matching: the caller knows whom the rules name.
#include "guests/runtime/reach.h"

#include "guests/runtime/apic.h"
#include "guests/runtime/result.h"
#include "guests/runtime/smp.h"
#include "guests/runtime/time.h"
#include "guests/runtime/trap.h"

#define FIRST 0x41
#define LAST  0xef

static unsigned cpus, vector = FIRST;

static struct {
	uint32_t destination, low;
} order;

void reach_init(unsigned n)
{
	cpus = n;
}

static void send(uintptr_t unused)
{
	(void)unused;
	apic_ipi(order.destination, order.low);
}

void reach_expect(unsigned from, uint32_t destination, uint32_t bits, unsigned set,
		  const char *what)
{
	vector = vector == LAST ? FIRST : vector + 1;
	trap_forget();
	order.destination = destination;
	order.low = bits | vector;
	if (from == smp_self())
		send(0);
	else
		smp_call(from, send, 0);
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		if (set >> cpu & 1)
			CHECK(TIME_WAIT(trap_count(cpu, vector)),
			      "%s, from %u to %x, ICR %x: reaches cpu %u", what, from, destination,
			      order.low, cpu);
	time_settle();
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		CHECK_EQ(trap_count_all(cpu), set >> cpu & 1,
			 "%s, from %u to %x, ICR %x: cpu %u's interrupts", what, from, destination,
			 order.low, cpu);
}
