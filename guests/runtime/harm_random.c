// SPDX-License-Identifier: BSD-2-Clause
// Numbers for the guest that means harm, from a seed.
// Not random to the last bit: interrupts come as they come.
#include "guests/runtime/harm.h"

#include "guests/runtime/layout.h"
#include "guests/runtime/memory.h"
#include "guests/runtime/smp.h"

uint8_t harm_victim[HARM_VICTIMS * 4096] __attribute__((aligned(4096)));

static uint64_t states[MAX_CPUS];
static unsigned cpus;

void harm_init(unsigned seed)
{
	cpus = smp_cpus() < MAX_CPUS ? smp_cpus() : MAX_CPUS;
	for (unsigned i = 0; i < MAX_CPUS; i++)
		states[i] = (seed * UINT64_C(64) + i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	/* The host gives memory as it is touched: all now, so that what grows later is its own. */
	memset(harm_victim, 0x5a, sizeof(harm_victim));
}

unsigned harm_cpus(void)
{
	return cpus;
}

/* xorshift64*, by Marsaglia and Vigna. */
uint64_t harm_any(void)
{
	uint64_t *state = &states[smp_self()];

	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

unsigned harm_below(unsigned n)
{
	return (unsigned)((harm_any() >> 32) % n);
}

uint64_t harm_value(void)
{
	static const uint64_t often[] = {0, 1, 0xff, 0xffff, 0xffffffff, UINT64_MAX, 0x1ff, 0x700};

	switch (harm_below(4)) {
	case 0: return often[harm_below(sizeof(often) / sizeof(often[0]))];
	case 1: return HARM_BIT(harm_below(64));
	case 2: return harm_any() & 0xff;
	default: return harm_any();
	}
}
