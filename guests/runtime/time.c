// SPDX-License-Identifier: BSD-2-Clause
// Finds the rate of the time-stamp counter and waits by it.
// No calendar, and nothing of the APIC timer: that is what is being tested.
#include "guests/runtime/time.h"

#define FAST_TSC_PER_MS 5000000

static uint64_t tsc_per_ms = FAST_TSC_PER_MS;
static bool known;
static uint32_t crystal_hz;

/* SDM Vol. 2A, CPUID leaf 15h: TSC = crystal * EBX / EAX. */
void time_init(void)
{
	struct cpuid leaf;

	if (cpuid(0, 0).eax < 0x15)
		return;
	leaf = cpuid(0x15, 0);
	if (!leaf.eax || !leaf.ebx || !leaf.ecx)
		return;
	crystal_hz = leaf.ecx;
	tsc_per_ms = (uint64_t)leaf.ecx * leaf.ebx / leaf.eax / 1000;
	known = true;
}

uint64_t time_tsc_per_ms(void)
{
	return tsc_per_ms;
}

bool time_tsc_known(void)
{
	return known;
}

uint32_t time_crystal_hz(void)
{
	return crystal_hz;
}

void time_spin_ms(unsigned ms)
{
	uint64_t end = rdtsc() + ms * tsc_per_ms;

	while ((int64_t)(rdtsc() - end) < 0)
		cpu_pause();
}

void time_settle(void)
{
	for (unsigned turns = 0; turns < 2000; turns++)
		cpu_pause();
	time_spin_ms(5);
}
