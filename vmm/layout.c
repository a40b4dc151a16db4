// SPDX-License-Identifier: BSD-2-Clause
// Cuts pages out of the RAM slots while every vCPU stands still.
// Rare: only a guest that moves its LAPIC onto RAM comes here for more than a look.

#include "vmm/layout.h"

#include <sched.h>
#include <string.h>

#include "vmm/machine.h"

void layout_init(struct layout *layout)
{
	*layout = (struct layout){0};
	pthread_mutex_init(&layout->lock, NULL);
}

void layout_destroy(struct layout *layout)
{
	pthread_mutex_destroy(&layout->lock);
}

bool layout_enter(struct machine *m, struct vcpu *v)
{
	atomic_store(&v->in_guest, true);
	if (!atomic_load(&m->layout.stopping))
		return true;
	atomic_store(&v->in_guest, false);
	pthread_mutex_lock(&m->layout.lock);
	pthread_mutex_unlock(&m->layout.lock);
	return false;
}

void layout_leave(struct vcpu *v)
{
	atomic_store(&v->in_guest, false);
}

static void add(uint64_t *holes, unsigned *count, uint64_t page)
{
	unsigned at = *count;

	for (unsigned i = 0; i < *count; i++)
		if (holes[i] == page)
			return;
	if (*count == LAYOUT_HOLES)
		return;
	while (at > 0 && holes[at - 1] > page) {
		holes[at] = holes[at - 1];
		at--;
	}
	holes[at] = page;
	(*count)++;
}

/* The pages of all LAPICs that lie on RAM. */
static unsigned find_holes(struct machine *m, uint64_t holes[LAYOUT_HOLES])
{
	unsigned count = 0;

	for (unsigned i = 0; i < m->cpus; i++) {
		const struct vcpu *v = &m->vcpus[i];

		if (v->claims_page && ram_at(&m->ram, v->claimed_page, RAM_PAGE_SIZE))
			add(holes, &count, v->claimed_page);
	}
	return count;
}

static void stop_all(struct machine *m)
{
	atomic_store(&m->layout.stopping, true);
	for (unsigned i = 0; i < m->cpus; i++)
		if (atomic_load(&m->vcpus[i].in_guest))
			vcpu_kick(&m->vcpus[i]);
	for (unsigned i = 0; i < m->cpus; i++)
		while (atomic_load(&m->vcpus[i].in_guest))
			sched_yield();
}

int layout_moved(struct machine *m, struct vcpu *v, uint64_t base, bool claimed)
{
	struct layout *layout = &m->layout;
	uint64_t holes[LAYOUT_HOLES];
	unsigned count;
	int error = 0;

	pthread_mutex_lock(&layout->lock);
	v->claimed_page = base;
	v->claims_page = claimed;
	count = find_holes(m, holes);
	if (count != layout->hole_count ||
	    memcmp(holes, layout->holes, count * sizeof(holes[0])) != 0) {
		stop_all(m);
		error = vm_map_ram(&m->vm, &m->ram, holes, count);
		memcpy(layout->holes, holes, count * sizeof(holes[0]));
		layout->hole_count = count;
		atomic_store(&layout->stopping, false);
	}
	pthread_mutex_unlock(&layout->lock);
	return error;
}
