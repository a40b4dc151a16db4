// SPDX-License-Identifier: BSD-2-Clause
// KVM's own Local APICs in a VM whose other interrupt controllers stay ours (split irqchip).
// Not a model: what these Local APICs do is KVM's business.
#ifndef VMM_KERNEL_LAPIC_H
#define VMM_KERNEL_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/vm.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kvm_lapic_state;

/* Lines whose messages may be level-triggered: KVM keeps so many places for I/O APIC pins. One for
 * each legal vector; KVM counts them in 8 bits, and takes 256 for none. */
#define KERNEL_LAPIC_LINES 240u

/* An interrupt message as a device writes it: bits 31:0 of the address are FEExxxxxh, bits 63:40
 * those of the destination above 8. */
struct kernel_lapic_message {
	uint64_t address;
	uint32_t data;
};

/*
 * Gives every vCPU that the VM will have a Local APIC in the kernel, with 32-bit IDs in
 * struct kvm_lapic_state. The VM is one of vm_open() with VM_LAPIC_KERNEL, and has no vCPU yet;
 * `last_id`: the largest APIC ID that one will have. False: *why is RESULT_HOST_LACKS. [setup]
 */
bool kernel_lapic_enable(const struct vm *vm, uint32_t last_id, struct result *why);

/* Registers of a vCPU that is not in KVM_RUN. 0 or -errno. [owner] */
int kernel_lapic_get(const struct vm *vm, int vcpu_fd, struct kvm_lapic_state *state);
int kernel_lapic_set(const struct vm *vm, int vcpu_fd, const struct kvm_lapic_state *state);
/* A 32-bit register of it. offset: that in the xAPIC page, 0 .. 3F0h. */
uint32_t kernel_lapic_register(const struct kvm_lapic_state *state, unsigned offset);

/* Sets one of them, as KVM_SET_LAPIC does: nothing of what a write by the guest would lead to. 0 or
 * -errno. [owner] */
int kernel_lapic_write(const struct vm *vm, int vcpu_fd, unsigned offset, uint32_t value);

/* Sends a message. Above 0: somebody took it; 0 or -errno (-EPERM): nobody did. [any thread] */
int kernel_lapic_send(const struct vm *vm, const struct kernel_lapic_message *message);

/*
 * Tells KVM which messages the lines would send: an EOI of a vector of one that is level-triggered
 * (data bit 15), by a processor that it is addressed to, ends KVM_RUN with KVM_EXIT_IOAPIC_EOI. The
 * exit does not say whose vector it was: KVM goes by the number alone. count: up to
 * KERNEL_LAPIC_LINES, whatever was told before is forgotten. 0 or -errno. [any thread; callers
 * serialise]
 */
int kernel_lapic_route(const struct vm *vm, const struct kernel_lapic_message *lines,
		       unsigned count);

#ifdef __cplusplus
}
#endif

#endif
