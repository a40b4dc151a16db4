// SPDX-License-Identifier: BSD-2-Clause
// One thread for each vCPU: started together, stopped together.
// Not what a vCPU does in a turn.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/machine.h"
#include "vmm/vcpu_kernel.h"

/* The disassembler and printf are the deepest that a vCPU's thread calls. */
#define STACK_BYTES (256 * 1024)

/* No vCPU runs before every one can be kicked: its first IPI may go to the last. */
static bool wait_for_all(struct machine *m, bool ready)
{
	bool go;

	pthread_mutex_lock(&m->start_lock);
	m->joined++;
	if (!ready)
		m->failed = true;
	pthread_cond_broadcast(&m->start_cond);
	while (m->start == MACHINE_WAIT)
		pthread_cond_wait(&m->start_cond, &m->start_lock);
	go = m->start == MACHINE_GO;
	pthread_mutex_unlock(&m->start_lock);
	return go;
}

static void *run_vcpu(void *opaque)
{
	struct vcpu *v = opaque;
	bool ready = kick_join(&v->kick, v->run);

	if (wait_for_all(v->machine, ready))
		while (v->lapic ? vcpu_turn(v) : vcpu_kernel_turn(v))
			;
	kick_leave(&v->kick);
	return NULL;
}

static int start_thread(struct vcpu *v)
{
	pthread_attr_t attributes;
	char name[16];
	int error = pthread_attr_init(&attributes);

	if (error)
		return error;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	error = pthread_create(&v->thread, &attributes, run_vcpu, v);
	pthread_attr_destroy(&attributes);
	if (error)
		return error;
	snprintf(name, sizeof(name), "vcpu%u", v->id);
	pthread_setname_np(v->thread, name);
	return 0;
}

/* Lets the threads go, or, if one is missing, makes all of them end. */
static bool decide(struct machine *m, bool all)
{
	bool go;

	pthread_mutex_lock(&m->start_lock);
	while (m->joined < m->started)
		pthread_cond_wait(&m->start_cond, &m->start_lock);
	go = all && !m->failed;
	m->start = go ? MACHINE_GO : MACHINE_END;
	pthread_cond_broadcast(&m->start_cond);
	pthread_mutex_unlock(&m->start_lock);
	return go;
}

static void join(struct machine *m)
{
	for (unsigned i = 0; i < m->started; i++)
		pthread_join(m->vcpus[i].thread, NULL);
	m->started = 0;
}

bool machine_start(struct machine *m, struct result *why)
{
	int error = 0;

	for (m->started = 0; m->started < m->cpus && !error;) {
		error = start_thread(&m->vcpus[m->started]);
		if (!error)
			m->started++;
	}
	if (decide(m, !error))
		return true;
	ending_fill(why, RESULT_INTERNAL, "a thread for each of %u CPUs: %s", m->cpus,
		    error ? strerror(error) : "the host has no timers left");
	join(m);
	return false;
}

static void kick_all(struct machine *m)
{
	for (unsigned i = 0; i < m->started; i++)
		vcpu_kick(&m->vcpus[i]);
}

void machine_stop(struct machine *m)
{
	m->holds = 0;
	pause_end(&m->pause);
	kick_all(m);
	join(m);
}

void machine_hold(struct machine *m)
{
	if (m->holds++)
		return;
	pause_begin(&m->pause);
	census_off(&m->census);
	kick_all(m);
}

void machine_release(struct machine *m)
{
	if (--m->holds == 0)
		pause_end(&m->pause);
}

bool machine_still(struct machine *m)
{
	return pause_all(&m->pause);
}
