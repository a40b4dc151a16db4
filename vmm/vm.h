// SPDX-License-Identifier: BSD-2-Clause
// A KVM virtual machine: descriptors, memory slots, MSR filter.
// Not the machine a guest sees: RAM, buses and devices are elsewhere.
#ifndef VMM_VM_H
#define VMM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/host.h"
#include "vmm/kvm_calls.h"
#include "vmm/ram.h"
#include "vmm/result.h"

/* Memory slots: one for each piece of RAM, a piece being what lies between two holes. */
#define VM_SLOTS_MAX 64u
#define VM_SLOT_ROM  VM_SLOTS_MAX /* behind them */
#define VM_SLOT_APIC (VM_SLOTS_MAX + 1)

/* Who answers for the Local APICs. */
enum vm_lapic {
	VM_LAPIC_USER,  /* we do: what KVM would answer of a Local APIC comes to us */
	VM_LAPIC_KERNEL /* KVM does, after kernel_lapic_enable() */
};

struct vm {
	const struct kvm_calls *kvm;
	const struct host_traits *traits;
	int kvm_fd;
	int fd;
	size_t run_bytes;                     /* of one struct kvm_run mapping */
	struct ram_range slots[VM_SLOTS_MAX]; /* by slot number; length 0: not in use */
	struct ram_range rom;                 /* the same */
	struct ram_range apic;                /* the same */
};

/*
 * Opens /dev/kvm and makes a VM ready for its first vCPU: the pages that Intel hosts want, MSR
 * exits and the filter. False: *why says what is missing and what would cure it, and *vm needs no
 * close.
 */
bool vm_open(struct vm *vm, const struct kvm_calls *kvm, const struct host_traits *traits,
	     enum vm_lapic lapic, struct result *why);
void vm_close(struct vm *vm);

/*
 * Backs guest memory with all of `ram` but the 4 KiB pages in holes[], ascending, which then exit
 * as MMIO. May be called again with other holes while vCPUs run; callers serialise. 0 or -errno.
 */
int vm_map_ram(struct vm *vm, const struct ram *ram, const uint64_t *holes, unsigned hole_count);

/* Takes all of that away again. 0 or -errno. [while no vCPU runs] */
int vm_unmap_ram(struct vm *vm);

/*
 * Shows the guest `rom`, which overlaps no RAM: writes to it exit as MMIO. Once, before vCPUs run.
 * 0 or -errno.
 */
int vm_map_rom(struct vm *vm, const struct ram_range *rom);

/*
 * Shows the guest the 4 KiB at `page` (apic_page.h) at this address: writes to it exit as MMIO.
 * What KVM does not take there, since something else is at that place, stays hidden, and exits.
 * Hiding: 0 or -errno. [while no vCPU runs]
 */
void vm_show_apic_page(struct vm *vm, uint64_t gpa, void *page);
int vm_hide_apic_page(struct vm *vm);

/*
 * KVM's paravirtual clock goes on in another VM: where KVM tells the time of its reading, by that,
 * else from where it stood some microseconds ago. 0 or -errno.
 */
int vm_follow_clock(const struct vm *vm, const struct vm *from);

/* What KVM's paravirtual clock reads, in ns, and from where it is to go on. 0 or -errno. */
int vm_get_clock(const struct vm *vm, uint64_t *ns);
int vm_set_clock(const struct vm *vm, uint64_t ns);

/* Makes the vCPU with this ID (its initial APIC ID): its descriptor or -errno. */
int vm_create_vcpu(const struct vm *vm, uint32_t id);

/* One MSR of a vCPU, as the host sees it (the filter does not apply). 0, -ENXIO for an MSR that KVM
 * refuses, or -errno. */
int vm_get_msr(const struct vm *vm, int vcpu_fd, uint32_t index, uint64_t *value);
int vm_set_msr(const struct vm *vm, int vcpu_fd, uint32_t index, uint64_t value);

#endif
