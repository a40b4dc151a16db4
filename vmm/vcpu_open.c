// SPDX-License-Identifier: BSD-2-Clause
// Makes a vCPU and the Local APIC that belongs to it, unless that is KVM's, and unmakes both.
// Not its life: that is vcpu.c.

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpuid.h"
#include "vmm/ending.h"
#include "vmm/lapic_host.h"
#include "vmm/machine.h"
#include "vmm/msr_index.h"
#include "vmm/regs.h"
#include "vmm/restore.h"
#include "vmm/topology.h"
#include "vmm/vcpu.h"

#define HWCR_TSC_FREQ_SEL (UINT64_C(1) << 24)
#define APIC_BASE_EXTD    0x400u

static bool failed(struct result *why, const struct vcpu *v, const char *what, int error)
{
	ending_fill(why, error == -ENOMEM ? RESULT_INTERNAL : RESULT_HOST_LACKS, "vCPU %u: %s: %s",
		    v->id, what, strerror(-error));
	return false;
}

static bool open_kvm(const struct vcpu *v, const struct vm *vm, int *fd, struct kvm_run **run,
		     struct result *why)
{
	*fd = vm_create_vcpu(vm, v->apic_id);
	if (*fd < 0)
		return failed(why, v, "KVM_CREATE_VCPU", *fd);
	*run = vm->kvm->mmap_run(vm->kvm->opaque, *fd, vm->run_bytes);
	if (!*run)
		return failed(why, v, "mapping struct kvm_run", -errno);
	return true;
}

static void close_kvm(const struct vm *vm, int fd, struct kvm_run *run)
{
	if (run)
		vm->kvm->munmap_run(vm->kvm->opaque, run, vm->run_bytes);
	if (fd >= 0)
		vm->kvm->close(vm->kvm->opaque, fd);
}

static bool init_lapic(struct vcpu *v, const struct kvm_cpuid2 *cpuid, struct result *why)
{
	const struct machine *machine = v->machine;
	struct lapic_ops ops = lapic_host_ops();
	size_t align = lapic_align(), size = (lapic_size() + align - 1) / align * align;
	struct lapic_config config;
	enum lapic_init_error error;

	if (cpuid_is_amd(cpuid))
		lapic_config_amd(&config);
	else
		lapic_config_intel(&config);
	config.initial_id = v->apic_id;
	config.bsp = v->id == 0;
	config.bus_hz = CPUID_BUS_HZ;
	config.maxphyaddr = (uint8_t)cpuid_maxphyaddr(cpuid);
	config.x2apic = cpuid_has_x2apic(machine->traits, machine->options);
	config.tsc_deadline = cpuid_has_tsc_deadline(machine->traits, machine->options);
	/* As KVM's has it, where the guest is to see no difference. */
	config.eoi_suppression |= machine->eoi_suppression && config.x2apic;
	if (!machine->options->stats)
		ops.event = NULL;

	/* Its timer goes on from the moment at which it was saved. */
	v->clock_at_ns = machine->restored_at_ns;
	v->lapic_memory = aligned_alloc(align, size);
	v->lapic_page = aligned_alloc(LAPIC_PAGE_SIZE, LAPIC_PAGE_SIZE);
	if (!v->lapic_memory || !v->lapic_page)
		return failed(why, v, "its Local APIC", -ENOMEM);
	error = lapic_init(v->lapic_memory, size, v->lapic_page, &config, &ops, v, machine->map,
			   &v->own_lapic);
	if (error == LAPIC_INIT_OK)
		return true;
	ending_fill(why, RESULT_INTERNAL, "vCPU %u: lapic_init: %s", v->id,
		    lapic_init_error_name(error));
	return false;
}

/*
 * "Hardware Configuration Register": with TscFreqSel clear the TSC counts at a frequency that no
 * kernel expects any more, and Linux calls that a bug of the firmware. KVM before Linux 6.8 cannot
 * show it set, and nothing else depends on it.
 */
static void set_hwcr(struct vcpu *v)
{
	vm_set_msr(v->vm, v->fd, MSR_AMD_HWCR, HWCR_TSC_FREQ_SEL);
}

static bool init_rest(struct vcpu *v, struct kvm_cpuid2 *cpuid, struct result *why)
{
	int error = kvm_ioctl(v->vm->kvm, v->fd, KVM_SET_CPUID2, cpuid);

	if (error < 0)
		return failed(why, v, "KVM_SET_CPUID2", error);
	if (cpuid_is_amd(cpuid))
		set_hwcr(v);
	v->signature = cpuid_value(cpuid, 1, 0, 0);
	v->features = cpuid_value(cpuid, 1, 0, 3);
	pv_eoi_init(v);
	if (!tsc_init(&v->tsc, v->vm, v->fd, tsc_host, why))
		return false;
	if ((!v->machine->in_kernel || v->machine->hops) && !init_lapic(v, cpuid, why))
		return false;
	v->run_advance.most_ns = v->sleep_advance.most_ns =
		(uint64_t)v->machine->options->timer_advance_us * 1000;
	v->poll.most_ns =
		halt_poll_most_ns(v->machine->options->halt_poll_us, v->machine->options->cpus);
	atomic_init(&v->core, -1);
	v->lapic = v->machine->in_kernel ? NULL : v->own_lapic;
	return true;
}

static bool open_double(struct vcpu *v, struct kvm_cpuid2 *cpuid, struct result *why)
{
	const struct vm *there = &v->machine->there;
	int error;

	if (!open_kvm(v, there, &v->there_fd, &v->there_run, why))
		return false;
	error = kvm_ioctl(there->kvm, v->there_fd, KVM_SET_CPUID2, cpuid);
	return error >= 0 || failed(why, v, "KVM_SET_CPUID2", error);
}

bool vcpu_open(struct vcpu *v, struct machine *machine, uint32_t id, struct result *why)
{
	const struct topology topology = topology_of(machine->options);
	int error;

	*v = (struct vcpu){
		.machine = machine,
		.vm = &machine->vm,
		.id = id,
		.apic_id = topology_apic_id(&topology, id),
		.fd = -1,
		.there_fd = -1,
	};
	if (!open_kvm(v, v->vm, &v->fd, &v->run, why))
		return false;
	error = cpuid_build(v->vm->kvm, v->vm->kvm_fd, machine->traits, machine->options,
			    v->apic_id, &v->cpuid);
	if (error < 0)
		return failed(why, v, "KVM_GET_SUPPORTED_CPUID", error);
	if (machine->restore && !restore_cpuid(machine->restore, v, why))
		return false;
	return init_rest(v, v->cpuid, why) && (!machine->hops || open_double(v, v->cpuid, why));
}

void vcpu_close(struct vcpu *v)
{
	close_kvm(v->vm, v->fd, v->run);
	close_kvm(&v->machine->there, v->there_fd, v->there_run);
	free(v->cpuid);
	free(v->lapic_memory);
	free(v->lapic_page);
}

int vcpu_enter_x2apic(struct vcpu *v)
{
	uint64_t base;
	int error;

	if (v->lapic) {
		base = lapic_apic_base(v->lapic) | APIC_BASE_EXTD;
		return lapic_msr_write(v->lapic, MSR_IA32_APIC_BASE, base) == LAPIC_OK ? 0
										       : -EINVAL;
	}
	error = vm_get_msr(v->vm, v->fd, MSR_IA32_APIC_BASE, &base);
	return error < 0 ? error
			 : vm_set_msr(v->vm, v->fd, MSR_IA32_APIC_BASE, base | APIC_BASE_EXTD);
}

int vcpu_boot(struct vcpu *v, const struct boot_state *state)
{
	return regs_set(v->vm, v->fd, state);
}
