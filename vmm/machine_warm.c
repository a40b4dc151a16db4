// SPDX-License-Identifier: BSD-2-Clause
// What a BIOS does first after a reset: it looks at the shutdown code before it clears memory.
// Of IBM's codes those two that jump; the others concern a BIOS's own tests.

#include "vmm/machine_warm.h"

#include <string.h>

#include "vmm/boot.h"
#include "vmm/kernel_lapic.h"
#include "vmm/machine.h"

#define JUMP_AFTER_EOI 0x05u
#define JUMP           0x0Au
#define VECTOR         0x467u
#define EOI            0x20u /* OCW2: of the highest in service */
#define MSI_BASE       0xFEE00000u
#define MSI_INIT       0x4500u /* delivery mode 101b, level, assert */

static void post_init(struct machine *m, struct vcpu *v)
{
	const struct kernel_lapic_message init = {
		.address = MSI_BASE | (v->apic_id & 0xFFu) << 12 |
			   (uint64_t)(v->apic_id & 0xFFFFFF00u) << 32,
		.data = MSI_INIT,
	};

	if (m->in_kernel)
		kernel_lapic_send(&m->vm, &init);
	else
		lapic_post(v->lapic, LAPIC_INIT, 0, false);
}

bool machine_warm_reset(struct machine *m)
{
	uint8_t code = cmos_shutdown_code(&m->cmos);

	if (code != JUMP_AFTER_EOI && code != JUMP)
		return false;
	if (code == JUMP_AFTER_EOI && !m->rom.length) {
		bus_write(&m->ports, I8259_SLAVE_PORT, 1, EOI);
		bus_write(&m->ports, I8259_MASTER_PORT, 1, EOI);
	}
	atomic_store(&m->warm, !m->rom.length);
	for (unsigned i = 0; i < m->cpus; i++)
		post_init(m, &m->vcpus[i]);
	/* KVM tells nobody of an INIT. */
	if (m->in_kernel)
		vcpu_kick(&m->vcpus[0]);
	return true;
}

bool machine_warm_wanted(const struct vcpu *v)
{
	return v->id == 0 && atomic_load(&v->machine->warm);
}

void machine_warm_enter(struct vcpu *v, struct boot_state *state)
{
	struct machine *m = v->machine;
	uint16_t vector[2];

	if (v->id != 0 || !atomic_exchange(&m->warm, false))
		return;
	memcpy(vector, ram_at(&m->ram, VECTOR, sizeof(vector)), sizeof(vector));
	pthread_mutex_lock(&m->device_lock);
	cmos_clear_shutdown_code(&m->cmos);
	pthread_mutex_unlock(&m->device_lock);
	state->rip = vector[0];
	state->cs.selector = vector[1];
	state->cs.base = (uint64_t)vector[1] << 4;
}
