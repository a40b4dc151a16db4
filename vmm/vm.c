// SPDX-License-Identifier: BSD-2-Clause
// Sets a KVM virtual machine up so that what KVM must not answer comes back to us: with our Local
// APICs every access to them. Not where accesses are answered.

#include "vmm/vm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "vmm/ending.h"
#include "vmm/msr_index.h"

/*
 * Three pages for the real-mode task state and one for the identity map that Intel hosts without
 * "unrestricted guest" need. Where QEMU has them too: below 4 GiB, above any IOAPIC or LAPIC page,
 * outside RAM (ram.h ends low RAM at 3 GiB).
 */
#define IDENTITY_MAP_ADDR UINT64_C(0xFEFFC000)
#define TSS_ADDR          0xFEFFD000ul

struct denied {
	uint32_t base, count;
	uint32_t access; /* KVM_MSR_FILTER_READ, _WRITE */
	bool lapic;      /* only where the Local APICs are ours */
};

#define BOTH_WAYS (KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

static const struct denied denied[] = {
	/* What KVM would answer itself, wrongly for a Local APIC that it does not have. */
	{MSR_IA32_APIC_BASE, 1, BOTH_WAYS, true},
	{MSR_IA32_TSC_DEADLINE, 1, BOTH_WAYS, true},
	/* Writes move the TSC under an armed deadline (rule TMR-11). Reads stay native. */
	{MSR_IA32_TSC, 1, KVM_MSR_FILTER_WRITE, false},
	{MSR_IA32_TSC_ADJUST, 1, KVM_MSR_FILTER_WRITE, false},
	/* The old clock, steal time and the like: CPUID hides them, so they must not answer. PV
	 * EOI is among them: pv_eoi.c answers it. */
	{MSR_KVM_WALL_CLOCK, 2, BOTH_WAYS, false},
	{MSR_KVM_HIDDEN, MSR_KVM_HIDDEN_COUNT, BOTH_WAYS, false},
};

static int vm_ioctl(const struct vm *vm, unsigned long request, void *arg)
{
	return kvm_ioctl(vm->kvm, vm->fd, request, arg);
}

static bool install_filter(struct vm *vm, enum vm_lapic lapic, struct result *why)
{
	static const uint8_t none_allowed[1];
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args[0] = KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |
			   KVM_MSR_EXIT_REASON_FILTER,
	};
	struct kvm_msr_filter filter = {.flags = KVM_MSR_FILTER_DEFAULT_ALLOW};
	unsigned ranges = 0;
	int error;

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		if (denied[i].lapic && lapic != VM_LAPIC_USER)
			continue;
		filter.ranges[ranges++] = (struct kvm_msr_filter_range){
			.flags = denied[i].access,
			.nmsrs = denied[i].count,
			.base = denied[i].base,
			.bitmap = (uint8_t *)(uintptr_t)none_allowed,
		};
	}
	error = vm_ioctl(vm, KVM_ENABLE_CAP, &cap);
	if (error >= 0)
		error = vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, &filter);
	if (error >= 0)
		return true;
	ending_fill(
		why, RESULT_HOST_LACKS,
		"this kernel does not hand MSR accesses to user space (KVM_CAP_X86_USER_SPACE_MSR "
		"and KVM_X86_SET_MSR_FILTER: %s): that needs Linux 5.10 or later",
		strerror(-error));
	return false;
}

static bool prepare(struct vm *vm, enum vm_lapic lapic, struct result *why)
{
	uint64_t identity = IDENTITY_MAP_ADDR;
	int error;

	/* Only Intel hosts know these two; whoever lacks them does not need them. */
	vm_ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	kvm_ioctl_value(vm->kvm, vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR);

	error = kvm_ioctl(vm->kvm, vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
	if (error < (int)sizeof(struct kvm_run)) {
		ending_fill(why, RESULT_HOST_LACKS, "KVM_GET_VCPU_MMAP_SIZE: %s",
			    error < 0 ? strerror(-error) : "smaller than struct kvm_run");
		return false;
	}
	vm->run_bytes = (size_t)error;
	return install_filter(vm, lapic, why);
}

bool vm_open(struct vm *vm, const struct kvm_calls *kvm, const struct host_traits *traits,
	     enum vm_lapic lapic, struct result *why)
{
	*vm = (struct vm){.kvm = kvm, .traits = traits, .fd = -1};
	vm->kvm_fd = kvm->open_kvm(kvm->opaque);
	if (vm->kvm_fd < 0) {
		ending_fill(why, RESULT_NO_KVM, "/dev/kvm: %s; `lapicvm doctor` says what to do",
			    strerror(-vm->kvm_fd));
		return false;
	}
	vm->fd = kvm_ioctl_value(kvm, vm->kvm_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		ending_fill(why, RESULT_NO_KVM,
			    "/dev/kvm makes no virtual machine: KVM_CREATE_VM: %s",
			    strerror(-vm->fd));
	else if (prepare(vm, lapic, why))
		return true;
	vm_close(vm);
	return false;
}

void vm_close(struct vm *vm)
{
	if (vm->fd >= 0)
		vm->kvm->close(vm->kvm->opaque, vm->fd);
	if (vm->kvm_fd >= 0)
		vm->kvm->close(vm->kvm->opaque, vm->kvm_fd);
	vm->fd = vm->kvm_fd = -1;
}

static int set_slot(struct vm *vm, unsigned slot, uint32_t flags, struct ram_range range)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = range.gpa,
		.memory_size = range.length,
		.userspace_addr = (uintptr_t)range.host,
	};

	return vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* The pieces of RAM between the holes. Returns how many, 0 if there is no room for them. */
static unsigned cut(const struct ram *ram, const uint64_t *holes, unsigned hole_count,
		    struct ram_range pieces[VM_SLOTS_MAX])
{
	unsigned count = 0;

	for (unsigned r = 0; r < ram->range_count; r++) {
		struct ram_range rest = ram->ranges[r];

		for (unsigned h = 0; h <= hole_count; h++) {
			bool last = h == hole_count;
			uint64_t before = rest.length;

			if (!last && (holes[h] < rest.gpa || holes[h] - rest.gpa >= rest.length))
				continue;
			if (!last)
				before = holes[h] - rest.gpa;
			if (before && count == VM_SLOTS_MAX)
				return 0;
			if (before)
				pieces[count++] = (struct ram_range){rest.gpa, rest.host, before};
			if (last)
				break;
			before += RAM_PAGE_SIZE;
			rest.gpa += before;
			rest.host += before;
			rest.length -= before;
		}
	}
	return count;
}

static bool same(const struct ram_range *a, const struct ram_range *b)
{
	return a->gpa == b->gpa && a->length == b->length && a->host == b->host;
}

int vm_map_ram(struct vm *vm, const struct ram *ram, const uint64_t *holes, unsigned hole_count)
{
	struct ram_range pieces[VM_SLOTS_MAX] = {{0}};
	int error = 0;

	if (!cut(ram, holes, hole_count, pieces))
		return -ENOSPC;
	/* KVM refuses to change a slot's size or to overlap two: what changes goes first, then
	 * comes again. */
	for (unsigned i = 0; i < VM_SLOTS_MAX && error >= 0; i++) {
		if (!vm->slots[i].length || same(&vm->slots[i], &pieces[i]))
			continue;
		vm->slots[i].length = 0;
		error = set_slot(vm, i, 0, vm->slots[i]);
	}
	for (unsigned i = 0; i < VM_SLOTS_MAX && error >= 0; i++) {
		if (!pieces[i].length || vm->slots[i].length)
			continue;
		error = set_slot(vm, i, 0, pieces[i]);
		if (error >= 0)
			vm->slots[i] = pieces[i];
	}
	return error < 0 ? error : 0;
}

int vm_unmap_ram(struct vm *vm)
{
	int error = 0;

	for (unsigned i = 0; i < VM_SLOTS_MAX && error >= 0; i++) {
		if (!vm->slots[i].length)
			continue;
		vm->slots[i].length = 0;
		error = set_slot(vm, i, 0, vm->slots[i]);
	}
	return error < 0 ? error : 0;
}

int vm_map_rom(struct vm *vm, const struct ram_range *rom)
{
	int error = set_slot(vm, VM_SLOT_ROM, KVM_MEM_READONLY, *rom);

	if (error >= 0)
		vm->rom = *rom;
	return error < 0 ? error : 0;
}

int vm_follow_clock(const struct vm *vm, const struct vm *from)
{
	struct kvm_clock_data clock = {0};
	int error = vm_ioctl(from, KVM_GET_CLOCK, &clock);

	clock.flags &= KVM_CLOCK_REALTIME;
	return error < 0 ? error : vm_ioctl(vm, KVM_SET_CLOCK, &clock);
}

int vm_get_clock(const struct vm *vm, uint64_t *ns)
{
	struct kvm_clock_data clock = {0};
	int error = vm_ioctl(vm, KVM_GET_CLOCK, &clock);

	*ns = clock.clock;
	return error < 0 ? error : 0;
}

int vm_set_clock(const struct vm *vm, uint64_t ns)
{
	struct kvm_clock_data clock = {.clock = ns};
	int error = vm_ioctl(vm, KVM_SET_CLOCK, &clock);

	return error < 0 ? error : 0;
}

int vm_create_vcpu(const struct vm *vm, uint32_t id)
{
	return kvm_ioctl_value(vm->kvm, vm->fd, KVM_CREATE_VCPU, id);
}

/* struct kvm_msrs with room for the one entry that follows its head. */
union one_msr {
	struct kvm_msrs msrs;
	unsigned char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

static int one_msr(const struct vm *vm, int vcpu_fd, unsigned long request, uint32_t index,
		   uint64_t *value)
{
	union one_msr one = {{.nmsrs = 1}};
	int done;

	one.msrs.entries[0] = (struct kvm_msr_entry){.index = index, .data = *value};
	done = kvm_ioctl(vm->kvm, vcpu_fd, request, &one);
	*value = one.msrs.entries[0].data;
	if (done < 0)
		return done;
	/* KVM answers with the number of MSRs that it took. */
	return done == 1 ? 0 : -ENXIO;
}

int vm_get_msr(const struct vm *vm, int vcpu_fd, uint32_t index, uint64_t *value)
{
	*value = 0;
	return one_msr(vm, vcpu_fd, KVM_GET_MSRS, index, value);
}

int vm_set_msr(const struct vm *vm, int vcpu_fd, uint32_t index, uint64_t value)
{
	return one_msr(vm, vcpu_fd, KVM_SET_MSRS, index, &value);
}
