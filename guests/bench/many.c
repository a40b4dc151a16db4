// SPDX-License-Identifier: BSD-2-Clause
// More CPUs than the host has, all of them busy in a loop, each with a tick of its own.
// Not about latency: who is starved, of ticks or of time, is what is asked.
#include "guests/bench/bench.h"
#include "guests/runtime/layout.h"

static struct worker {
	struct arrival arrival;
	uint64_t loops, late_max;
	uint64_t gap_max; /* between two ticks, or from the start to the first: TSC cycles */
} workers[MAX_CPUS];

static uint64_t start_tsc, end_tsc;
static unsigned ready;

/* As a kernel without high-resolution time does: a tick that would be past already is left out. */
static void work(struct worker *worker)
{
	uint64_t period = bench.tsc_per_ms * 1000 / bench.hz, due = start_tsc;
	uint64_t before = start_tsc;

	while ((int64_t)(rdtsc() - end_tsc) < 0) {
		uint64_t late, gap;

		due += period;
		if ((int64_t)(rdtsc() - due) > 0)
			due = rdtsc() + period;
		timer_arm(due);
		worker->loops += wait_counting(&worker->arrival, worker->arrival.count + 1);
		late = worker->arrival.tsc - due;
		if (late > worker->late_max)
			worker->late_max = late;
		gap = worker->arrival.tsc - before;
		before = worker->arrival.tsc;
		if (gap > worker->gap_max)
			worker->gap_max = gap;
	}
}

static void join(uintptr_t argument)
{
	struct worker *worker = &workers[argument];

	cli();
	timer_mode(apic_has_deadline() ? TIMER_DEADLINE : TIMER_ONESHOT);
	__atomic_add_fetch(&ready, 1, __ATOMIC_RELEASE);
	/* Halted, so that those which start are not kept waiting by those which have. */
	wait_halted(&worker->arrival, 1);
	worker->arrival.count = 0;
	work(worker);
	sti();
}

void many_run(void)
{
	unsigned cpus = smp_cpus();

	if (cpus > MAX_CPUS)
		guest_skip("no more than %u CPUs are known to this guest", MAX_CPUS);
	if (!apic_has_deadline())
		timer_learn();
	timer_mode(apic_has_deadline() ? TIMER_DEADLINE : TIMER_ONESHOT);
	for (unsigned cpu = 1; cpu < cpus; cpu++) {
		if (!smp_start_one(cpu))
			guest_fail("cpu %u did not start", cpu);
		smp_begin(cpu, join, cpu);
		if (!TIME_WAIT(__atomic_load_n(&ready, __ATOMIC_ACQUIRE) == cpu))
			guest_fail("cpu %u does not get on", cpu);
	}
	print("begin many\n");
	start_tsc = rdtsc();
	end_tsc = start_tsc + bench.seconds * 1000 * bench.tsc_per_ms;
	apic_ipi(0, APIC_ICR_OTHERS | APIC_ICR_ASSERT | VECTOR_IPI);
	work(&workers[0]);
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		smp_finish(cpu);
	print("end many\n");
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		print("cpu %u ticks=%lu loops=%lu late=%lu gap=%lu\n", cpu,
		      workers[cpu].arrival.count, workers[cpu].loops, workers[cpu].late_max,
		      workers[cpu].gap_max);
}
