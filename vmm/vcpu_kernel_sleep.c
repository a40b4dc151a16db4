// SPDX-License-Identifier: BSD-2-Clause
// Finds out from KVM whether a vCPU with a Local APIC in the kernel will ever wake by itself.
// Not from its registers alone: KVM keeps some of what is pending where nobody can read it.

#include <linux/kvm.h>

#include "vmm/kernel_lapic.h"
#include "vmm/kernel_pass.h"
#include "vmm/msr_index.h"
#include "vmm/vcpu.h"
#include "vmm/vcpu_kernel.h"

#define LAPIC_PPR       0xA0u
#define LAPIC_LVT_TIMER 0x320u
#define LAPIC_TMICT     0x380u
#define LAPIC_TMCCT     0x390u
#define LVT_MASKED      0x10000u
#define LVT_MODE        0x60000u
#define LVT_PERIODIC    0x20000u
#define LVT_DEADLINE    0x40000u
#define CLASS           0xF0u

static bool runnable(const struct vcpu *v)
{
	struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_RUNNABLE};

	return kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_MP_STATE, &state) < 0 ||
	       state.mp_state == KVM_MP_STATE_RUNNABLE;
}

/* Whether the timer runs and its interrupt would be taken. One that has just run out may be on its
 * way and does not count: that is found by a pass. */
static bool timer_wakes(const struct vcpu *v)
{
	struct kvm_lapic_state state;
	uint64_t deadline;
	uint32_t lvt;

	if (kernel_lapic_get(v->vm, v->fd, &state) < 0)
		return true;
	lvt = kernel_lapic_register(&state, LAPIC_LVT_TIMER);
	if (!v->run->if_flag || (lvt & LVT_MASKED) ||
	    (lvt & CLASS) <= (kernel_lapic_register(&state, LAPIC_PPR) & CLASS))
		return false;
	switch (lvt & LVT_MODE) {
	case LVT_DEADLINE:
		return vm_get_msr(v->vm, v->fd, MSR_IA32_TSC_DEADLINE, &deadline) < 0 ||
		       deadline != 0;
	case LVT_PERIODIC: return kernel_lapic_register(&state, LAPIC_TMICT) != 0;
	default: return kernel_lapic_register(&state, LAPIC_TMCCT) != 0;
	}
}

bool vcpu_kernel_sleeps(struct vcpu *v)
{
	/* In this order: a timer that is idle at the first look has had its interrupt in the first
	 * pass, if it had one to give, and the second pass acts on that. */
	return !runnable(v) && !timer_wakes(v) && kernel_pass(v->vm, v->fd, v->run) &&
	       kernel_pass(v->vm, v->fd, v->run) && !runnable(v);
}
