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

/* TSC when the clock's second changed, 0 if it does not in three; *blur is how far it may be off.
 */
static uint64_t rtc_edge(uint64_t *blur)
{
	uint64_t last = rdtsc(), now = last, end = last + 3000 * tsc_per_ms;
	uint8_t before = rtc_seconds();

	for (; (int64_t)(now - end) < 0; last = now) {
		uint8_t second = rtc_seconds();

		now = rdtsc();
		*blur = now - last;
		if (second != before)
			return now;
	}
	return 0;
}

void time_measure(void)
{
	/* Where this processor is set aside at an edge, that edge is no measure: the next may be.
	 */
	for (unsigned tries = 0; !known && tries < 4; tries++) {
		uint64_t blur[2], first = rtc_edge(&blur[0]),
				  second = first ? rtc_edge(&blur[1]) : 0;
		uint64_t rate = (second - first) / 1000;

		if (!second)
			return;
		if (blur[0] > rate || blur[1] > rate)
			continue;
		tsc_per_ms = rate;
		known = true;
	}
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
