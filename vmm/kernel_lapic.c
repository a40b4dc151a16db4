// SPDX-License-Identifier: BSD-2-Clause
// Asks KVM for Local APICs of its own, reads and sets them, and sends messages to them.
// Not the vCPUs that they belong to: how those run is in vcpu_kernel.c.

#include "vmm/kernel_lapic.h"

#include <linux/kvm.h>
#include <string.h>

#include "vmm/ending.h"
#include "vmm/topology.h"

static int enable_cap(const struct vm *vm, uint32_t cap, uint64_t argument)
{
	struct kvm_enable_cap request = {.cap = cap, .args[0] = argument};

	return kvm_ioctl(vm->kvm, vm->fd, KVM_ENABLE_CAP, &request);
}

bool kernel_lapic_enable(const struct vm *vm, uint32_t last_id, struct result *why)
{
	/* A destination FFh must be one processor where IDs have more than 8 bits. */
	uint64_t ids = KVM_X2APIC_API_USE_32BIT_IDS |
		       (last_id > TOPOLOGY_XAPIC_LAST ? KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK : 0);
	const struct {
		uint32_t cap;
		const char *name;
		uint64_t argument;
	} caps[] = {
		{KVM_CAP_SPLIT_IRQCHIP, "KVM_CAP_SPLIT_IRQCHIP", KERNEL_LAPIC_LINES},
		{KVM_CAP_X2APIC_API, "KVM_CAP_X2APIC_API", ids},
		/* Else the boot processor's LINT0 is unmasked at reset, as some firmware wants. */
		{KVM_CAP_DISABLE_QUIRKS, "KVM_CAP_DISABLE_QUIRKS", KVM_X86_QUIRK_LINT0_REENABLED},
	};

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		int error = enable_cap(vm, caps[i].cap, caps[i].argument);

		if (error >= 0)
			continue;
		ending_fill(why, RESULT_HOST_LACKS,
			    "this kernel offers no Local APIC of its own beside interrupt "
			    "controllers in user space (%s: %s): that needs Linux 4.8 or later",
			    caps[i].name, strerror(-error));
		return false;
	}
	return true;
}

int kernel_lapic_get(const struct vm *vm, int vcpu_fd, struct kvm_lapic_state *state)
{
	return kvm_ioctl(vm->kvm, vcpu_fd, KVM_GET_LAPIC, state);
}

int kernel_lapic_set(const struct vm *vm, int vcpu_fd, const struct kvm_lapic_state *state)
{
	struct kvm_lapic_state copy = *state;

	return kvm_ioctl(vm->kvm, vcpu_fd, KVM_SET_LAPIC, &copy);
}

uint32_t kernel_lapic_register(const struct kvm_lapic_state *state, unsigned offset)
{
	uint32_t value;

	memcpy(&value, state->regs + offset, sizeof(value));
	return value;
}

int kernel_lapic_write(const struct vm *vm, int vcpu_fd, unsigned offset, uint32_t value)
{
	struct kvm_lapic_state state;
	int error = kernel_lapic_get(vm, vcpu_fd, &state);

	if (error < 0)
		return error;
	memcpy(state.regs + offset, &value, sizeof(value));
	return kernel_lapic_set(vm, vcpu_fd, &state);
}

int kernel_lapic_send(const struct vm *vm, const struct kernel_lapic_message *message)
{
	struct kvm_msi msi = {
		.address_lo = (uint32_t)message->address,
		.address_hi = (uint32_t)(message->address >> 32),
		.data = message->data,
	};

	return kvm_ioctl(vm->kvm, vm->fd, KVM_SIGNAL_MSI, &msi);
}

/* struct kvm_irq_routing with room for the entries that follow its head. */
union routing {
	struct kvm_irq_routing head;
	unsigned char room[sizeof(struct kvm_irq_routing) +
			   KERNEL_LAPIC_LINES * sizeof(struct kvm_irq_routing_entry)];
};

int kernel_lapic_route(const struct vm *vm, const struct kernel_lapic_message *lines,
		       unsigned count)
{
	union routing routing = {{.nr = count}};

	for (unsigned i = 0; i < count; i++)
		routing.head.entries[i] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = {.address_lo = (uint32_t)lines[i].address,
				  .address_hi = (uint32_t)(lines[i].address >> 32),
				  .data = lines[i].data},
		};
	return kvm_ioctl(vm->kvm, vm->fd, KVM_SET_GSI_ROUTING, &routing);
}
