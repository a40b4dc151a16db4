// SPDX-License-Identifier: BSD-2-Clause
// Asks all vCPUs as soon as none has left its KVM_RUN for a while, then less and less often.
// Not a timeout: a guest that may still wake is asked again, however long it sleeps.

#include "vmm/machine_census.h"

#include "vmm/machine.h"

/* A question stops every vCPU for a moment, a guest that computes without an exit as well. */
#define FIRST_NS UINT64_C(100000000)
#define LAST_NS  UINT64_C(1600000000)

/* False: one is out of KVM_RUN, or has been since the last time. */
static bool all_still(struct machine *m)
{
	unsigned sum = 0;
	bool inside = true, still;

	for (unsigned i = 0; i < m->cpus; i++) {
		unsigned entries = atomic_load(&m->vcpus[i].entries);

		sum += entries;
		inside = inside && entries % 2;
	}
	still = inside && sum == m->census_entries;
	m->census_entries = sum;
	return still;
}

static void ask(void *opaque)
{
	struct machine *m = opaque;
	bool still = all_still(m) && !m->holds;

	if (still && census_call(&m->census)) {
		for (unsigned i = 0; i < m->started; i++)
			vcpu_kick(&m->vcpus[i]);
		m->census_wait_ns *= m->census_wait_ns < LAST_NS ? 2 : 1;
		/* Of the exits since then two for each vCPU are those of the question. */
		m->census_entries += 2 * m->cpus;
	} else if (!still) {
		m->census_wait_ns = FIRST_NS;
	}
	timer_set(&m->census_timer, kick_clock_ns() + m->census_wait_ns);
}

int machine_census_open(struct machine *m, struct event_base *base)
{
	int error = timer_open(&m->census_timer, base, ask, m);

	m->census_wait_ns = FIRST_NS;
	if (error >= 0)
		timer_set(&m->census_timer, kick_clock_ns() + FIRST_NS);
	return error;
}

void machine_census_close(struct machine *m)
{
	timer_close(&m->census_timer);
}
