// SPDX-License-Identifier: BSD-2-Clause
// The one-shot timer: eight divisors, one interrupt, never early, masked, stopped, vector at
// expiry. Not how late it is: nothing here asserts a latency.
//
// Proof: CCR is read between two reads of TSC, twice, which bounds the counting rate from both
// sides; each divisor's rate must then be 1/n of the undivided one, and an interrupt's TSC must not
// lie before the count can have run out. Exactly one interrupt comes for each start.
//
// Rules: TMR-1, TMR-2, RST-4, LVT-7, ACC-4
//
// KVM departs from TMR-2: what ran out while it was masked interrupts when the mask is lifted.
//
// kernel: departs="TMR-2"
// run: timeout=60 lapic="user kernel"
// run: timeout=60 args="x2apic" lapic="user kernel"
// run: timeout=60 options="--no-tsc-deadline" lapic="user kernel"
#include "guests/runtime/guest.h"
#include "guests/runtime/rate.h"

#define VECTOR 0x61
#define OTHER  0x72

static volatile uint64_t handler_tsc;

static void note_time(struct trap_frame *frame)
{
	(void)frame;
	handler_tsc = rdtsc();
	apic_eoi();
}

static void divisors(void)
{
	static const struct {
		uint32_t dcr, divisor;
	} rows[] = {{0x0, 2},  {0x1, 4},  {0x2, 8},   {0x3, 16},
		    {0x8, 32}, {0x9, 64}, {0xa, 128}, {0xb, 1}};
	struct rate undivided;

	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR);
	CHECK_EQ(apic_read(APIC_DCR), 0, "DCR after reset");
	apic_write(APIC_DCR, 0xb);
	undivided = rate_measure(20);
	CHECK(undivided.low && undivided.low <= undivided.high, "the timer counts");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rate divided;

		apic_write(APIC_DCR, rows[i].dcr);
		divided = rate_measure(20);
		CHECK(divided.low * rows[i].divisor <= undivided.high + undivided.high / 500 &&
			      divided.high * rows[i].divisor >= undivided.low - undivided.low / 500,
		      "DCR %x divides by %u: %lu..%lu, undivided %lu..%lu", rows[i].dcr,
		      rows[i].divisor, divided.low, divided.high, undivided.low, undivided.high);
	}
	apic_write(APIC_TMICT, 0);
	apic_write(APIC_DCR, 0xb);
}

static void fires_once(uint32_t count)
{
	struct rate rate = rate_measure(20);
	uint64_t start;

	trap_forget();
	apic_write(APIC_LVT_TIMER, VECTOR);
	start = rdtsc();
	apic_write(APIC_TMICT, count);
	sti();
	CHECK(TIME_WAIT(trap_count(0, VECTOR)), "count %u: the interrupt comes", count);
	CHECK(handler_tsc - start >= rate_least_tsc(&rate, count),
	      "count %u: not early, after %lu TSC ticks, at least %lu", count, handler_tsc - start,
	      rate_least_tsc(&rate, count));
	CHECK_EQ(apic_read(APIC_CCR), 0, "CCR after expiry");
	CHECK_EQ(apic_read(APIC_TMICT), count, "TMICT after expiry");
	time_spin_ms(20);
	cli();
	CHECK_EQ(trap_count_all(0), 1, "count %u: interrupts", count);
}

static void stopped(void)
{
	trap_forget();
	apic_write(APIC_LVT_TIMER, VECTOR);
	/* Long enough to be stopped in time, even if this processor is set aside for a while. */
	apic_write(APIC_TMICT, 400000000);
	CHECK(apic_read(APIC_CCR) != 0, "CCR while it counts");
	apic_write(APIC_TMICT, 0);
	CHECK_EQ(apic_read(APIC_CCR), 0, "CCR after TMICT = 0");
	sti();
	time_spin_ms(600);
	cli();
	CHECK_EQ(trap_count_all(0), 0, "interrupts after TMICT = 0");
}

static void restarted(void)
{
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR);
	apic_write(APIC_TMICT, 1000);
	time_settle();
	CHECK_EQ(apic_read(APIC_CCR), 0, "a short count has run out");
	apic_write(APIC_TMICT, 0xffffffff);
	CHECK(apic_read(APIC_CCR) > 0x80000000, "a new count starts from its top");
	apic_write(APIC_TMICT, 0);
}

static void masked(void)
{
	trap_forget();
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR);
	apic_write(APIC_TMICT, 2000000);
	CHECK(TIME_WAIT(!apic_read(APIC_CCR)), "masked, it counts down to 0");
	CHECK(!apic_bit(APIC_IRR, VECTOR), "masked, its expiry leaves nothing in IRR");
	apic_write(APIC_LVT_TIMER, VECTOR);
	sti();
	time_settle();
	cli();
	if (guest_keeps("TMR-2"))
		CHECK_EQ(trap_count_all(0), 0, "interrupts after unmasking an expired timer");
}

/* What the LVT says at expiry counts, not what it said at the start. */
static void vector_at_expiry(void)
{
	trap_forget();
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR);
	apic_write(APIC_TMICT, 500000000);
	apic_write(APIC_LVT_TIMER, OTHER);
	sti();
	CHECK(TIME_WAIT(trap_count(0, OTHER)), "the vector of the last LVT write comes");
	time_settle();
	cli();
	CHECK_EQ(trap_count(0, VECTOR), 0, "interrupts of the vector written before");
	CHECK_EQ(trap_count_all(0), 1, "interrupts");
}

void guest_main(void)
{
	apic_enable();
	trap_set_range(16, 255, trap_eoi);
	trap_set(VECTOR, note_time);
	divisors();
	fires_once(1);
	fires_once(1000);
	fires_once(3000000);
	fires_once(100000000);
	stopped();
	restarted();
	masked();
	vector_at_expiry();
}
