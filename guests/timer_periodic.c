// SPDX-License-Identifier: BSD-2-Clause
// The periodic timer: it goes on, keeps its phase, is never early, and stops when told.
// Not how late it is, and not what very short periods do (storm.c).
//
// Proof: the n-th interrupt must not lie before n periods can have passed; half a second later CCR,
// read between two reads of TSC, must lie where the phase of the start puts it, within a tenth of a
// period. Masked it counts on, and unmasking brings no interrupt for what was missed.
//
// Rules: TMR-1, TMR-2, TMR-8, LVT-7
//
// run: timeout=60 lapic="user kernel"
// run: timeout=60 args="x2apic" lapic="user kernel"
#include "guests/runtime/guest.h"
#include "guests/runtime/rate.h"

#define VECTOR 0x61
#define OTHER  0x72
#define PERIOD 50000000 /* 50 ms where the timer counts at 1 GHz */
#define LOOKS  10

static uint64_t start;
static struct rate rate;
static volatile unsigned early;

/* Interrupt n of a period that began at `start` belongs to the n-th period, or a later one. */
static void not_early(struct trap_frame *frame)
{
	uint64_t n = trap_count(0, (unsigned)frame->vector);

	if (rdtsc() - start < n * rate_least_tsc(&rate, PERIOD))
		early++;
	apic_eoi();
}

static void begin(uint32_t mask)
{
	trap_forget();
	apic_write(APIC_LVT_TIMER, mask | APIC_LVT_PERIODIC | VECTOR);
	start = rdtsc();
	apic_write(APIC_TMICT, PERIOD);
}

static void goes_on(void)
{
	begin(0);
	sti();
	CHECK(TIME_WAIT(trap_count(0, VECTOR) >= 10), "ten interrupts come");
	cli();
	CHECK_EQ(early, 0, "interrupts that came early");
	CHECK_EQ(apic_read(APIC_TMICT), PERIOD, "TMICT while it runs");
}

/* How far the phase at a sample is from that at the first one, in ticks. */
static uint64_t phase_error(const struct rate_sample *first, const struct rate_sample *sample)
{
	uint64_t tsc = sample->before - first->before;
	uint64_t ticks = (tsc >> 16) * (rate.low + (rate.high - rate.low) / 2) >> 16;
	uint64_t expected = (first->ccr + PERIOD - ticks % PERIOD) % PERIOD;
	uint64_t off = (sample->ccr + PERIOD - expected) % PERIOD;

	return off < PERIOD - off ? off : PERIOD - off;
}

static void keeps_its_phase(void)
{
	struct rate_sample first = rate_sample(), sample;

	sti();
	for (unsigned i = 0; i < LOOKS; i++) {
		time_spin_ms(60);
		sample = rate_sample();
		CHECK(sample.ccr && sample.ccr <= PERIOD, "CCR is within the period: %u",
		      sample.ccr);
		CHECK(phase_error(&first, &sample) < PERIOD / 10, "the phase is off by %lu of %u",
		      phase_error(&first, &sample), PERIOD);
	}
	cli();
}

static void masked_for_a_while(void)
{
	unsigned before;

	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | APIC_LVT_PERIODIC | VECTOR);
	sti();
	time_settle();
	before = trap_count(0, VECTOR);
	time_spin_ms(150);
	CHECK_EQ(trap_count(0, VECTOR), before, "interrupts while masked");
	CHECK(apic_read(APIC_CCR) != 0, "masked, it counts on");
	cli();
	begin(APIC_LVT_MASKED);
	/* By then three periods were missed, whose interrupts must not come. */
	time_spin_ms(175);
	CHECK(!apic_bit(APIC_IRR, VECTOR), "masked, expiries leave nothing in IRR");
	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | VECTOR);
	sti();
	CHECK(TIME_WAIT(trap_count(0, VECTOR) >= 2), "unmasked, interrupts come again");
	cli();
}

static void another_vector(void)
{
	unsigned before;

	apic_write(APIC_LVT_TIMER, APIC_LVT_PERIODIC | OTHER);
	sti();
	CHECK(TIME_WAIT(trap_count(0, OTHER) >= 2), "interrupts of the new vector come");
	time_settle();
	before = trap_count(0, VECTOR);
	time_spin_ms(120);
	CHECK_EQ(trap_count(0, VECTOR), before, "interrupts of the old vector");
	cli();
}

static void stops(void)
{
	unsigned before;

	apic_write(APIC_TMICT, 0);
	CHECK_EQ(apic_read(APIC_CCR), 0, "CCR after TMICT = 0");
	sti();
	time_settle();
	before = trap_count_all(0);
	time_spin_ms(150);
	cli();
	CHECK_EQ(trap_count_all(0), before, "interrupts after TMICT = 0");
}

void guest_main(void)
{
	apic_enable();
	trap_set(VECTOR, not_early);
	trap_set(OTHER, trap_eoi);
	apic_write(APIC_DCR, 0xb);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR);
	rate = rate_measure(300);
	goes_on();
	keeps_its_phase();
	masked_for_a_while();
	another_vector();
	stops();
}
