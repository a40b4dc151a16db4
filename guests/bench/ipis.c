// SPDX-License-Identifier: BSD-2-Clause
// IPIs: from before the ICR write to the handler's first instruction, to itself, to another CPU,
// and back. Not a stress of the ICR: one is under way at a time.
#include "guests/bench/bench.h"

static struct samples there, round_trip;
static struct arrival mine, yours;
static bool last; /* this round; written before its IPI is sent */

/* Both answer when. */
static uint64_t send(uint32_t to)
{
	uint64_t icr = APIC_ICR_FIXED | APIC_ICR_ASSERT | VECTOR_IPI;

	if (apic_mode() == APIC_X2APIC)
		return write_at(APIC_ICR, icr | (uint64_t)to << 32);
	apic_write(APIC_ICR_HIGH, to << 24);
	return write_at(APIC_ICR, icr);
}

static uint64_t send_self(void)
{
	if (apic_mode() == APIC_X2APIC)
		return write_at(APIC_SELF_IPI, VECTOR_IPI);
	return write_at(APIC_ICR, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_IPI);
}

static void self(void (*wait)(struct arrival *, uint64_t), const char *name)
{
	samples_clear(&there);
	row_begin(name);
	for (unsigned i = 0; row_goes_on(i); i++) {
		uint64_t next = mine.count + 1, start = send_self();

		wait(&mine, next);
		there.extra += mine.count - next;
		samples_add(&there, mine.tsc - start);
	}
	samples_print(&there, name);
}

/* The other CPU: answers each IPI with one, and ends after the last. */
static void answer(void (*wait)(struct arrival *, uint64_t))
{
	uint64_t next = yours.count;
	bool ends;

	cli();
	do {
		wait(&yours, ++next);
		ends = __atomic_load_n(&last, __ATOMIC_ACQUIRE);
		send(0);
	} while (!ends);
	sti();
}

static void answer_halted(uintptr_t argument)
{
	(void)argument;
	answer(wait_halted);
}

static void answer_spinning(uintptr_t argument)
{
	(void)argument;
	answer(wait_spinning);
}

/* Its count and time of arrival can be read here as soon as its answer has come: it sends after. */
static void ping_pong(smp_function answerer, const char *name_there, const char *name_round)
{
	uint64_t seen = yours.count;

	samples_clear(&there);
	samples_clear(&round_trip);
	last = false;
	smp_begin(1, answerer, 0);
	/* Until it has got there: an IPI before it is in its wait would find the runtime's
	 * registers. */
	time_spin_ms(20);
	row_begin(name_there);
	for (unsigned i = 1; !last; i++) {
		uint64_t next = mine.count + 1, start;

		__atomic_store_n(&last, !row_goes_on(i), __ATOMIC_RELEASE);
		start = send(1);
		wait_halted(&mine, next);
		round_trip.extra += mine.count - next;
		there.extra += yours.count - seen - 1;
		seen = yours.count;
		/* One too many was answered before this round began. */
		if ((int64_t)(yours.tsc - start) < 0)
			there.early++;
		samples_add(&there, yours.tsc - start);
		samples_add(&round_trip, mine.tsc - start);
	}
	smp_finish(1);
	samples_print(&there, name_there);
	samples_print(&round_trip, name_round);
}

void ipis_run(void)
{
	bool x2apic = apic_mode() == APIC_X2APIC;

	self(wait_halted, x2apic ? "x2apic_self_ipi_sti_hlt" : "self_ipi_sti_hlt");
	self(wait_spinning, x2apic ? "x2apic_self_ipi_sti_nop" : "self_ipi_sti_nop");
	if (smp_cpus() < 2)
		return;
	smp_start(2);
	ping_pong(answer_halted, "ipi_to_halted", "ipi_ping_pong_halted");
	ping_pong(answer_spinning, "ipi_to_spinning", "ipi_ping_pong_spinning");
}
