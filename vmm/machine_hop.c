// SPDX-License-Identifier: BSD-2-Clause
// Moves RAM, clock, vCPUs and wires, in this order of their own: out of one VM, into the other.
// Not what is moved of a vCPU: vcpu_hop.c.

#include "vmm/machine_hop.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/kernel_lapic.h"
#include "vmm/machine.h"
#include "vmm/machine_irq.h"
#include "vmm/topology.h"
#include "vmm/vcpu_hop.h"

/* Bytes that the console has room for, or there is no hop now: all that machine_console.fits may be
 * asked for. */
#define HOP_OUTPUT 32768u

struct hop {
	struct processor_msrs msrs;
	bool msrs_known;
	struct timer timer;
	bool waiting; /* for all vCPUs to stand still */
	unsigned count;
	uint64_t wanted_ns;          /* since when they are wanted to */
	uint64_t sum_ns, longest_ns; /* from that moment to the end of the hop */
	bool dropped;
	bool stale; /* the VM that was left last remembers what the guest's memory was like */
	struct vcpu_hop vcpus[];
};

static bool map_rom(struct machine *m, struct result *why)
{
	int error = m->rom.length ? vm_map_rom(&m->there, &m->rom) : 0;

	if (error < 0)
		ending_fill(why, RESULT_INTERNAL, "KVM_SET_USER_MEMORY_REGION: %s",
			    strerror(-error));
	return error >= 0;
}

bool machine_hop_open(struct machine *m, const struct kvm_calls *kvm, struct result *why)
{
	const struct topology topology = topology_of(m->options);
	bool kernel = !m->in_kernel;

	m->hop = calloc(1, sizeof(*m->hop) + m->options->cpus * sizeof(m->hop->vcpus[0]));
	if (!m->hop) {
		ending_fill(why, RESULT_INTERNAL, "no memory to hand %u CPUs over",
			    m->options->cpus);
		return false;
	}
	return vm_open(&m->there, kvm, m->traits, kernel ? VM_LAPIC_KERNEL : VM_LAPIC_USER, why) &&
	       (!kernel || kernel_lapic_enable(&m->there, topology_last_apic_id(&topology), why)) &&
	       map_rom(m, why);
}

void machine_hop_close(struct machine *m)
{
	if (m->hop)
		timer_close(&m->hop->timer);
	vm_close(&m->there);
	free(m->hop);
	m->hop = NULL;
}

/* ---- what every vCPU's thread does ---- */

struct part {
	struct machine *machine;
	bool (*act)(struct vcpu *v, struct hop *hop);
	atomic_bool failed;
};

static bool settle(struct vcpu *v, struct hop *hop)
{
	(void)hop;
	return vcpu_hop_settle(v);
}

static bool leave(struct vcpu *v, struct hop *hop)
{
	return vcpu_hop_leave(v, &hop->msrs, &hop->vcpus[v - v->machine->vcpus]);
}

static bool swap(struct vcpu *v, struct hop *hop)
{
	(void)hop;
	return vcpu_hop_swap(v);
}

static bool enter(struct vcpu *v, struct hop *hop)
{
	return vcpu_hop_enter(v, &hop->msrs, &hop->vcpus[v - v->machine->vcpus]);
}

static void take_part(void *thread, void *opaque)
{
	struct part *part = opaque;

	if (!part->act(thread, part->machine->hop))
		atomic_store(&part->failed, true);
}

static bool all(struct machine *m, bool (*act)(struct vcpu *v, struct hop *hop))
{
	struct part part = {.machine = m, .act = act};

	pause_work(&m->pause, take_part, &part);
	return !atomic_load(&part.failed);
}

/* ---- the machine ---- */

static bool failed(struct machine *m, const char *what, int error)
{
	ending_say(m->ending, RESULT_INTERNAL, -1, 0,
		   "handing the machine over to the other Local APICs: %s: %s", what,
		   strerror(-error));
	return false;
}

static bool move_clock(struct machine *m)
{
	int error = vm_follow_clock(&m->there, &m->vm);

	return error >= 0 || failed(m, "KVM_SET_CLOCK", error);
}

static bool map_ram(struct machine *m, struct vm *vm, bool in_kernel)
{
	const struct layout *layout = &m->layout;
	/* KVM's own Local APICs are found before memory. */
	int error = vm_map_ram(vm, &m->ram, layout->holes, in_kernel ? 0 : layout->hole_count);

	return error >= 0 || failed(m, "KVM_SET_USER_MEMORY_REGION", error);
}

/*
 * A VM that keeps its RAM while the guest runs in another one also keeps what it has derived from
 * the guest's page tables, on hosts that do: nobody tells it when they change. It forgets with the
 * slots. While the guest runs elsewhere: each slot takes KVM some milliseconds on a busy host.
 */
static bool forget(struct machine *m)
{
	int error;

	if (!m->hop->stale)
		return true;
	m->hop->stale = false;
	error = vm_unmap_ram(&m->there);
	if (error < 0)
		return failed(m, "KVM_SET_USER_MEMORY_REGION", error);
	return map_ram(m, &m->there, !m->in_kernel);
}

static bool move_memory(struct machine *m)
{
	struct vm from = m->vm;

	m->vm = m->there;
	m->there = from;
	m->in_kernel = !m->in_kernel;
	m->hop->stale = true;
	/* It has all of it, but for the first time, and where a Local APIC's page has moved. */
	return map_ram(m, &m->vm, m->in_kernel);
}

/* What KVM finishes may be output. Whoever waits for room would wait for the loop, which waits here
 * for it. */
static bool has_room(struct machine *m)
{
	bool fits;

	pthread_mutex_lock(&m->device_lock);
	fits = m->console.fits(m->console.opaque, HOP_OUTPUT);
	pthread_mutex_unlock(&m->device_lock);
	return fits;
}

static bool settle_all(struct machine *m)
{
	bool settled;

	m->settling = true;
	settled = all(m, settle);
	m->settling = false;
	return settled;
}

static bool find_msrs(struct machine *m)
{
	struct hop *hop = m->hop;
	int error;

	if (hop->msrs_known)
		return true;
	error = processor_msrs_find(&m->vm, m->vcpus[0].fd, &hop->msrs);
	hop->msrs_known = error >= 0;
	return error >= 0 || failed(m, "KVM_GET_MSR_INDEX_LIST", error);
}

/* --hop-drop. */
static void want_drop(struct machine *m)
{
	bool drop = m->options->hop_drop && !m->hop->dropped &&
		    m->hop->count + 1 >= m->options->hop_drop;

	/* Of one vCPU: where nothing runs any more nobody could notice. */
	for (unsigned i = 0; i < m->cpus; i++)
		m->hop->vcpus[i].drop = drop && i == m->hop->count % m->cpus;
}

static void say_drop(struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++) {
		const struct vcpu_hop *vcpu = &m->hop->vcpus[i];

		if (!vcpu->drop || vcpu->dropped < 0)
			continue;
		m->hop->dropped = true;
		fprintf(stderr, "lapicvm: --hop-drop: vCPU %u has lost vector %02Xh at hop %u\n", i,
			(unsigned)vcpu->dropped, m->hop->count);
	}
}

void machine_hop(struct machine *m)
{
	want_drop(m);
	if (!forget(m) || !find_msrs(m) || !settle_all(m) || !all(m, leave) || !move_clock(m) ||
	    !move_memory(m) || !all(m, swap) || !all(m, enter))
		return;
	pthread_mutex_lock(&m->device_lock);
	machine_irq_renew(m);
	pthread_mutex_unlock(&m->device_lock);
	m->hop->count++;
	say_drop(m);
}

/* ---- again and again ---- */

/* On a host that is so busy that a hop takes long the guest has as much time as the hops have. */
static void set_timer(struct machine *m, uint64_t took_ns)
{
	uint64_t every_ns = (uint64_t)m->options->hop_ms * 1000000;

	if (every_ns)
		timer_set(&m->hop->timer,
			  kick_clock_ns() + (took_ns > every_ns ? took_ns : every_ns));
}

void machine_hop_still(struct machine *m)
{
	uint64_t took = 0;

	if (!m->hop || !m->hop->waiting || !machine_still(m))
		return;
	m->hop->waiting = false;
	/* One that failed has left the machine between the two. */
	if (!ending_reached(m->ending) && has_room(m)) {
		machine_hop(m);
		took = kick_clock_ns() - m->hop->wanted_ns;
		m->hop->sum_ns += took;
		m->hop->longest_ns = took > m->hop->longest_ns ? took : m->hop->longest_ns;
	}
	machine_release(m);
	if (!ending_reached(m->ending))
		forget(m);
	set_timer(m, took);
}

void machine_hop_soon(struct machine *m)
{
	if (m->hop->waiting)
		return;
	m->hop->waiting = true;
	m->hop->wanted_ns = kick_clock_ns();
	machine_hold(m);
	machine_hop_still(m);
}

static void expired(void *opaque)
{
	machine_hop_soon(opaque);
}

int machine_hop_start(struct machine *m, struct event_base *base)
{
	int error = timer_open(&m->hop->timer, base, expired, m);

	if (error >= 0)
		set_timer(m, 0);
	return error;
}

void machine_hop_not_dropped(const struct machine *m, FILE *to)
{
	if (m->hop && m->options->hop_drop && !m->hop->dropped)
		fprintf(to,
			"lapicvm: --hop-drop: no vector was lost in %u hops: from hop %u on none "
			"waited\n",
			m->hop->count, m->options->hop_drop);
}

void machine_hop_print(const struct machine *m, FILE *to)
{
	const struct hop *hop = m->hop;

	if (hop)
		fprintf(to,
			"hops from one kind of Local APIC to the other: %u, of %.0f us, the longest "
			"%.0f us\n",
			hop->count, hop->count ? (double)hop->sum_ns / hop->count / 1000 : 0.0,
			(double)hop->longest_ns / 1000);
}
