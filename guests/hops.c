// SPDX-License-Identifier: BSD-2-Clause
// Two CPUs that miss and double nothing while the machine moves between two Local APICs, again and
// again. Not what a hop is: the guest does not know of any, and passes without.
//
// Proof: every IPI carries a number, is waited for and answered by another; some are NMIs. A timer
// that runs out once arms itself again in its handler, so that one lost expiry is the last, and one
// too many meets a timer that is not armed. A periodic one never ticks more often than time allows,
// nor less than half as often as the receiver's time does in which it saw itself run: what the host
// took from it in one piece is not counted, since ticks that nobody takes become one. The receiver
// keeps interrupts off for a millisecond now and then, so that there is much to carry.
//
// Rules: SAVE-1, SAVE-2, SAVE-3, MP-4, MP-5
//
// run: smp=2 timeout=120 lapic="user kernel hop" hop=20
// run: smp=2 timeout=120 args="x2apic" lapic="user kernel hop" hop=20
// run: smp=2 timeout=120 args="ms=8000" lapic="hop" hop=200
//
// Of a vector that a hop drops on purpose it is known that somebody waits for it, but for a tick.
// It takes as long as hops and vectors take that wait for one.
//
// run: smp=2 timeout=120 args="noticks ms=60000" lapic="hop" options="--hop-drop=5" expect=1
#include "guests/runtime/guest.h"

#define PING       0x51
#define PONG       0x52
#define CHAIN      0x61
#define TICK       0x71
#define WAKE       0x81
#define CHAIN_US   700
#define TICK_MS    10
#define NMI_EVERY  16
#define DARK_EVERY 3

static volatile unsigned sent, answered, nmis, out_of_order, chained, unarmed, lost;
static volatile bool armed, over;
/* In TSC counts: of the receiver, but for what was taken from it for longer. */
static volatile uint64_t at_work;

static void arm(void)
{
	uint64_t ticks = CHAIN_US * time_tsc_per_ms() / 1000;

	armed = true;
	if (apic_has_deadline())
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + ticks);
	else
		apic_write(APIC_TMICT, CHAIN_US * 1000);
}

static void on_chain(struct trap_frame *frame)
{
	(void)frame;
	unarmed += !armed;
	armed = false;
	chained++;
	apic_eoi();
	if (!over)
		arm();
}

static void on_ping(struct trap_frame *frame)
{
	(void)frame;
	out_of_order += answered + 1 != sent;
	apic_eoi();
	apic_ipi(0, APIC_ICR_ASSERT | PONG);
}

static void on_pong(struct trap_frame *frame)
{
	(void)frame;
	out_of_order += answered + 1 != sent;
	answered++;
	apic_eoi();
}

static void on_nmi(struct trap_frame *frame)
{
	(void)frame;
}

/* The receiver: dark at times, halted at times, else at work. */
static void receive(uintptr_t unused)
{
	uint64_t before, now;

	(void)unused;
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | TICK);
	apic_write(APIC_TMICT, guest_arg("noticks") ? 0 : TICK_MS * 1000000);
	before = rdtsc();
	for (unsigned round = 0; !over; round++) {
		now = rdtsc();
		if (now - before < TICK_MS / 2 * time_tsc_per_ms())
			at_work += now - before;
		before = now;
		cli();
		if (round % DARK_EVERY == 0)
			time_spin_ms(1);
		if (round % DARK_EVERY == 1 && !over)
			sti_hlt_cli();
		sti();
	}
	apic_write(APIC_TMICT, 0);
}

/* Its timer is armed again within a time that no host takes from it. */
static bool chain_runs(void)
{
	static unsigned seen;
	static uint64_t since;

	if (chained != seen || !since)
		since = rdtsc();
	seen = chained;
	return (int64_t)(rdtsc() - since - TIME_LOST_MS * time_tsc_per_ms()) < 0;
}

static bool wait_for_pong(void)
{
	uint64_t end = rdtsc() + TIME_LOST_MS * time_tsc_per_ms();

	if (sent & 1)
		return TIME_WAIT(answered == sent);
	while (answered != sent && (int64_t)(rdtsc() - end) < 0) {
		cli();
		if (answered != sent)
			sti_hlt_cli();
		sti();
	}
	return answered == sent;
}

static void send(void)
{
	sent++;
	apic_ipi(1, APIC_ICR_ASSERT | PING);
	if (!wait_for_pong())
		lost++;
	if (sent % NMI_EVERY)
		return;
	nmis++;
	apic_ipi(1, APIC_ICR_ASSERT | APIC_ICR_NMI);
	if (!TIME_WAIT(trap_count(1, TRAP_NMI) == nmis))
		lost++;
}

void guest_main(void)
{
	uint64_t length, begin, spent;
	unsigned ticks, least, last, ticked;
	bool runs = true;

	apic_enable();
	trap_set(PING, on_ping);
	trap_set(PONG, on_pong);
	trap_set(CHAIN, on_chain);
	trap_set(TICK, trap_eoi);
	trap_set(WAKE, trap_eoi);
	trap_set(TRAP_NMI, on_nmi);
	smp_start(2);
	length = guest_arg_number("ms", 4000) * time_tsc_per_ms();
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, (apic_has_deadline() ? APIC_LVT_DEADLINE : 0u) | CHAIN);
	begin = rdtsc();
	smp_begin(1, receive, 0);
	arm();
	sti();
	while (rdtsc() - begin < length && !lost && (runs = chain_runs()))
		send();
	last = chained;
	CHECK(runs && TIME_WAIT(chained != last), "the chain of timers still runs, after %u", last);
	ticked = trap_count(1, TICK);
	CHECK(guest_arg("noticks") || TIME_WAIT(trap_count(1, TICK) != ticked),
	      "the periodic timer still ticks, after %u", ticked);
	CHECK_EQ(lost, 0, "IPIs without an answer");
	over = true;
	/* It may be about to halt. */
	apic_ipi(1, APIC_ICR_ASSERT | WAKE);
	if (lost || chained == last)
		return;
	CHECK(TIME_WAIT(!armed), "the last timer of the chain runs out");
	smp_finish(1);
	spent = rdtsc() - begin;
	time_settle();
	cli();
	ticks = (unsigned)(spent / (TICK_MS * time_tsc_per_ms()));
	CHECK_EQ(out_of_order, 0, "IPIs that were not the next one");
	CHECK_EQ(trap_count(1, PING), sent, "IPIs that arrived");
	CHECK_EQ(trap_count(0, PONG), sent, "answers that arrived");
	CHECK_EQ(trap_count(1, TRAP_NMI), nmis, "NMIs");
	CHECK_EQ(unarmed, 0, "expiries of a timer that was not armed");
	CHECK(trap_count(1, TICK) <= ticks + 1, "periodic ticks: %u, in the time of %u",
	      trap_count(1, TICK), ticks);
	least = (unsigned)(at_work / (TICK_MS * time_tsc_per_ms())) / 2;
	CHECK(guest_arg("noticks") || trap_count(1, TICK) >= least,
	      "periodic ticks: %u, in the time of %u at work", trap_count(1, TICK), 2 * least);
	print("%u IPIs there and back, %u NMIs, %u expiries, %u of %u ticks, %u at work\n", sent,
	      nmis, chained, trap_count(1, TICK), ticks, 2 * least);
}
