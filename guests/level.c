// SPDX-License-Identifier: BSD-2-Clause
// Interrupt messages from outside: an edge comes once, a level comes again after each EOI for as
// long as its line is high. Not the priorities among them (eoi_order.c).
//
// Proof: four lines of a test device each send as a pin of an I/O APIC. A level line that was sent
// waits for the EOI (remote IRR): none may come before, one must come after, for whichever
// processor sends it. TMR says level for the one and edge for the other, with the same vector too.
// The device counts its messages: an edge's EOI must not bring one more.
//
// Rules: ACP-1, ACP-4, ACP-5
//
// KVM on kvm_pvm departs from ACP-2: it ends a service as it delivers, so that the broadcast comes
// before the guest's EOI, and with it one more message.
//
// kernel: pvm="ACP-2"
// run: smp=3 timeout=60 lapic="user kernel"
// run: smp=3 timeout=60 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"
#include "guests/runtime/lines.h"

#define VECTOR 0x51
#define OTHER  0x72
#define ROUNDS 50

static volatile unsigned wanted, tmr_wrong, early;
static volatile bool level;

/* Notes what TMR says and whether the line sent before its EOI; lowers it at the last time. */
static void on_level(struct trap_frame *frame)
{
	unsigned sent = line_read(0, LINE_SENT);

	tmr_wrong += apic_bit(APIC_TMR, (unsigned)frame->vector) != level;
	if (trap_count(smp_self(), (unsigned)frame->vector) == wanted)
		line_lower(0);
	time_settle();
	early += line_read(0, LINE_SENT) != sent || !line_waits_for_eoi(0);
	apic_eoi();
}

static void on_edge(struct trap_frame *frame)
{
	tmr_wrong += apic_bit(APIC_TMR, (unsigned)frame->vector) != level;
	apic_eoi();
}

static void forget(unsigned times, bool is_level)
{
	trap_forget();
	wanted = times;
	level = is_level;
	tmr_wrong = early = 0;
}

static void comes_again_until_low(unsigned cpu)
{
	uint32_t sent = line_read(0, LINE_SENT);

	forget(5, true);
	trap_set(VECTOR, on_level);
	line_set_up(0, cpu, LINE_LEVEL_TRIGGERED | VECTOR);
	line_raise(0);
	CHECK(TIME_WAIT(trap_count(cpu, VECTOR) >= 5 && !line_waits_for_eoi(0)),
	      "cpu %u: a level comes again and again", cpu);
	time_settle();
	CHECK_EQ(tmr_wrong, 0, "cpu %u: times that TMR did not say level", cpu);
	CHECK_EQ(trap_count(cpu, VECTOR), line_read(0, LINE_SENT) - sent,
		 "cpu %u: interrupts, as many as messages", cpu);
	if (!guest_keeps("ACP-2"))
		return;
	CHECK_EQ(trap_count(cpu, VECTOR), 5, "cpu %u: level interrupts until the line was low",
		 cpu);
	CHECK_EQ(early, 0, "cpu %u: messages before the EOI", cpu);
}

static void edge_comes_once(unsigned cpu)
{
	uint32_t sent = line_read(1, LINE_SENT);

	forget(0, false);
	trap_set(VECTOR, on_edge);
	line_set_up(1, cpu, VECTOR);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		line_raise(1);
		if (!CHECK(TIME_WAIT(trap_count(cpu, VECTOR) == i), "cpu %u: edge %u", cpu, i))
			return;
		line_lower(1);
	}
	line_raise(1);
	CHECK(TIME_WAIT(trap_count(cpu, VECTOR) > ROUNDS), "cpu %u: an edge that stays high", cpu);
	time_settle();
	CHECK_EQ(trap_count(cpu, VECTOR), ROUNDS + 1, "cpu %u: edges", cpu);
	CHECK_EQ(line_read(1, LINE_SENT) - sent, ROUNDS + 1, "cpu %u: messages of edges", cpu);
	CHECK_EQ(tmr_wrong, 0, "cpu %u: times that TMR did not say edge", cpu);
}

/* The EOI of an edge with the vector of a level line that waits does not end that wait. */
static void edge_with_the_vector_of_a_level(void)
{
	forget(1, true);
	trap_set(VECTOR, on_level);
	line_set_up(0, 1, LINE_LEVEL_TRIGGERED | VECTOR);
	line_raise(0);
	CHECK(TIME_WAIT(trap_count(1, VECTOR) && !line_waits_for_eoi(0)), "one level");
	time_settle();
	CHECK_EQ(tmr_wrong, 0, "level first: times that TMR was wrong");
	forget(0, false);
	trap_set(VECTOR, on_edge);
	line_set_up(1, 1, VECTOR);
	line_raise(1);
	CHECK(TIME_WAIT(trap_count(1, VECTOR) == 1), "an edge with the same vector");
	time_settle();
	CHECK_EQ(tmr_wrong, 0, "then edge: times that TMR was wrong");
}

/* Each processor has a level of its own; all lines are high at once, over and over. */
static volatile unsigned turns[3];

static void on_shared(struct trap_frame *frame)
{
	unsigned cpu = smp_self();

	(void)frame;
	if (++turns[cpu] == ROUNDS)
		line_lower(cpu);
	apic_eoi();
}

static bool all_done(void)
{
	for (unsigned cpu = 0; cpu < 3; cpu++)
		if (turns[cpu] < ROUNDS || line_waits_for_eoi(cpu))
			return false;
	return true;
}

static void all_at_once(bool same_vector)
{
	forget(0, true);
	for (unsigned cpu = 0; cpu < 3; cpu++) {
		unsigned vector = same_vector ? OTHER : OTHER + 0x10 * cpu;

		turns[cpu] = 0;
		trap_set(vector, on_shared);
		line_set_up(cpu, cpu, LINE_LEVEL_TRIGGERED | vector);
	}
	for (unsigned cpu = 0; cpu < 3; cpu++)
		line_raise(cpu);
	CHECK(TIME_WAIT(all_done()), "levels to three CPUs, %s, until all lines are low",
	      same_vector ? "one vector" : "three vectors");
	time_settle();
	for (unsigned cpu = 0; cpu < 3; cpu++)
		/* An EOI of a vector that several lines have ends the wait of all. */
		if (!same_vector && guest_keeps("ACP-2"))
			CHECK_EQ(turns[cpu], ROUNDS, "level interrupts of cpu %u", cpu);
	for (unsigned cpu = 0; cpu < 3; cpu++)
		line_set_up(cpu, cpu, LINE_MASKED);
}

static void nobody_there(void)
{
	line_set_up(2, 0x77, LINE_LEVEL_TRIGGERED | VECTOR);
	line_raise(2);
	CHECK(!line_waits_for_eoi(2), "a level that nobody took waits for no EOI");
	line_set_up(2, 0, LINE_MASKED);
}

void guest_main(void)
{
	apic_enable();
	smp_start(3);
	sti();
	nobody_there();
	for (unsigned cpu = 0; cpu < 3; cpu++) {
		edge_comes_once(cpu);
		comes_again_until_low(cpu);
	}
	edge_with_the_vector_of_a_level();
	all_at_once(false);
	all_at_once(true);
}
