// SPDX-License-Identifier: BSD-2-Clause
// Finds the rate of the time-stamp counter and waits by it.
// No calendar, and nothing of the APIC timer: that is what is being tested.
#include "guests/runtime/time.h"

#define FAST_TSC_PER_MS 5000000

#define CMOS_INDEX      0x70
#define CMOS_DATA       0x71
#define CMOS_SECONDS    0

static uint64_t tsc_per_ms = FAST_TSC_PER_MS;
static bool known;

/* SDM Vol. 2A, CPUID leaf 15h: TSC = crystal * EBX / EAX. */
void time_init(void)
{
	struct cpuid leaf;

	if (cpuid(0, 0).eax < 0x15)
		return;
	leaf = cpuid(0x15, 0);
	if (!leaf.eax || !leaf.ebx || !leaf.ecx)
		return;
	tsc_per_ms = (uint64_t)leaf.ecx * leaf.ebx / leaf.eax / 1000;
	known = true;
}

static uint8_t rtc_seconds(void)
{
	outb(CMOS_INDEX, CMOS_SECONDS);
	return inb(CMOS_DATA);
}

/* Waits until the clock's second changes; 0 if it does not in three. */
static uint64_t rtc_edge(void)
{
	uint64_t end = rdtsc() + 3000 * tsc_per_ms;
	uint8_t before = rtc_seconds();

	while ((int64_t)(rdtsc() - end) < 0)
		if (rtc_seconds() != before)
			return rdtsc();
	return 0;
}

void time_measure(void)
{
	uint64_t first, second;

	if (known)
		return;
	first = rtc_edge();
	second = first ? rtc_edge() : 0;
	if (!second)
		return;
	tsc_per_ms = (second - first) / 1000;
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
