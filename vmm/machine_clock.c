// SPDX-License-Identifier: BSD-2-Clause
// Asks all devices with a clock when they want to be ticked, and does it at the earliest.
// Not what a tick does: each model brings itself up to now, however late it is called.

#include "vmm/machine_clock.h"

#include "vmm/kick.h"
#include "vmm/machine.h"
#include "vmm/run_report.h"

/* How long an interrupt may wait for a Local APIC that has been enabled meanwhile. */
#define RETRY_NS 10000000u

static uint64_t next(const struct machine *m)
{
	const uint64_t at[] = {
		i8254_next(&m->pit),
		cmos_next(&m->cmos),
		acpi_pm_next(&m->acpi_pm),
		hpet_next(&m->hpet),
	};
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		if (at[i] < first)
			first = at[i];
	return first;
}

static void plan_retry(struct machine *m)
{
	if (!ioapic_wants_retry(&m->ioapic))
		m->retry_at = 0;
	else if (!m->retry_at)
		m->retry_at = kick_clock_ns() + RETRY_NS;
}

static void retry(struct machine *m)
{
	if (!m->retry_at || kick_clock_ns() < m->retry_at)
		return;
	m->retry_at = 0;
	ioapic_retry(&m->ioapic);
}

void machine_clock_update(struct machine *m)
{
	uint64_t at = next(m);

	plan_retry(m);
	if (m->retry_at && m->retry_at < at)
		at = m->retry_at;
	if (m->device_timer.expired)
		timer_set(&m->device_timer, at == UINT64_MAX ? 0 : at ? at : 1);
}

/* A retry alone is no hope: a Local APIC is enabled by a processor that runs. */
bool machine_clock_runs(const struct machine *m)
{
	return next(m) != UINT64_MAX;
}

static void expired(void *opaque)
{
	struct machine *m = opaque;

	pthread_mutex_lock(&m->device_lock);
	i8254_tick(&m->pit);
	cmos_tick(&m->cmos);
	acpi_pm_tick(&m->acpi_pm);
	hpet_tick(&m->hpet);
	retry(m);
	machine_clock_update(m);
	pthread_mutex_unlock(&m->device_lock);
	/* It may have been the last thing that could happen. */
	if (watch_dead(&m->watch))
		run_report_halted(m->ending);
}

int machine_clock_open(struct machine *m, struct event_base *base)
{
	int error = timer_open(&m->device_timer, base, expired, m);

	if (error >= 0)
		machine_clock_update(m);
	return error;
}

void machine_clock_close(struct machine *m)
{
	timer_close(&m->device_timer);
}
