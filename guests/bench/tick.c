// SPDX-License-Identifier: BSD-2-Clause
// The APIC timer as a clock that is set to a moment of the TSC, and writes whose moment is known.
// Not the rows about it.
#include "guests/bench/bench.h"
#include "guests/runtime/rate.h"

#define DIVIDE_BY_1 0xb
#define LEARN_MS    200

static uint64_t rate; /* timer ticks in 2^32 TSC cycles */

uint64_t write_at(unsigned reg, uint64_t value)
{
	uint32_t low, high, spoilt;

	if (apic_mode() == APIC_X2APIC)
		__asm__ volatile("rdtsc\n movl %%eax, %0\n movl %%edx, %1\n"
				 "movl %k3, %%eax\n movl %k4, %%edx\n wrmsr"
				 : "=&r"(low), "=&r"(high), "=&a"(spoilt)
				 : "r"(value), "r"(value >> 32), "c"(MSR_X2APIC + reg)
				 : "rdx", "memory");
	else
		__asm__ volatile("rdtsc\n movl %%eax, %0\n movl %%edx, %1\n movl %k3, (%4)"
				 : "=&r"(low), "=&r"(high), "=&a"(spoilt)
				 : "r"(value), "r"(apic_page() + (reg << 4))
				 : "rdx", "memory");
	return (uint64_t)high << 32 | low;
}

void timer_learn(void)
{
	struct rate measured;

	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_DCR, DIVIDE_BY_1);
	measured = rate_measure(LEARN_MS);
	rate = measured.low + (measured.high - measured.low) / 2;
}

uint32_t timer_ticks(uint64_t tsc)
{
	uint64_t ticks = tsc * rate >> 32;

	return ticks ? (uint32_t)ticks : 1;
}

void timer_arm(uint64_t deadline)
{
	int64_t ahead;

	if (apic_has_deadline()) {
		wrmsr(MSR_TSC_DEADLINE, deadline);
		return;
	}
	ahead = (int64_t)(deadline - rdtsc());
	apic_write(APIC_TMICT, timer_ticks(ahead > 0 ? (uint64_t)ahead : 1));
}

void timer_mode(enum timer_mode mode)
{
	static const uint32_t lvt[] = {
		[TIMER_DEADLINE] = APIC_LVT_DEADLINE,
		[TIMER_ONESHOT] = 0,
		[TIMER_PERIODIC] = APIC_LVT_PERIODIC,
	};

	apic_write(APIC_TMICT, 0);
	apic_write(APIC_DCR, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, lvt[mode] | VECTOR_TIMER);
}
