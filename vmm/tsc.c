// SPDX-License-Identifier: BSD-2-Clause
// Reads and moves a guest's time-stamp counter, by arithmetic where that is exact, else by asking
// KVM. Not a calibration: rates are KVM's own.

#include "vmm/tsc.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <x86intrin.h>

#include "vmm/ending.h"
#include "vmm/msr_index.h"

#define TRIES 16

uint64_t tsc_host(void)
{
	/* Later loads must not run ahead of it: a deadline is compared with other CPUs' posts. */
	_mm_lfence();
	return __rdtsc();
}

static int offset_attribute(const struct tsc *tsc, unsigned long request, uint64_t *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};

	return kvm_ioctl(tsc->vm->kvm, tsc->vcpu_fd, request, &attr);
}

static uint64_t asked(const struct tsc *tsc)
{
	uint64_t value = 0;

	/* It was readable when the vCPU was made. */
	vm_get_msr(tsc->vm, tsc->vcpu_fd, MSR_IA32_TSC, &value);
	return value;
}

/*
 * Scaling is not announced anywhere, but shows: KVM's own reading of the guest's TSC less the
 * offset then lies outside of two readings of the host's around it. At counts of a new machine the
 * two may still agree by accident, so khz is compared too.
 */
static bool is_plain(const struct tsc *tsc)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t before = tsc->host();
		uint64_t guest = asked(tsc) - tsc->offset;
		uint64_t after = tsc->host();

		if (guest - before > after - before)
			return false;
	}
	return tsc->vm->traits->tsc_khz == 0 || tsc->vm->traits->tsc_khz == tsc->khz;
}

bool tsc_init(struct tsc *tsc, const struct vm *vm, int vcpu_fd, uint64_t (*host)(void),
	      struct result *why)
{
	uint64_t value;
	int khz = kvm_ioctl(vm->kvm, vcpu_fd, KVM_GET_TSC_KHZ, NULL);

	*tsc = (struct tsc){.vm = vm, .vcpu_fd = vcpu_fd, .host = host};
	if (khz <= 0) {
		ending_fill(why, RESULT_HOST_LACKS,
			    "KVM does not say how fast the guest's TSC runs (KVM_GET_TSC_KHZ: %s); "
			    "--no-tsc-deadline does not help, the clock of the guest is not known",
			    khz < 0 ? strerror(-khz) : "0");
		return false;
	}
	tsc->khz = (uint32_t)khz;
	if (vm_get_msr(vm, vcpu_fd, MSR_IA32_TSC, &value) < 0) {
		ending_fill(why, RESULT_HOST_LACKS, "KVM does not let MSR 10h (TSC) be read");
		return false;
	}
	tsc->offset_known = offset_attribute(tsc, KVM_GET_DEVICE_ATTR, &tsc->offset) >= 0;
	tsc->plain = tsc->offset_known && is_plain(tsc);
	return true;
}

int tsc_follow(struct tsc *tsc, int vcpu_fd)
{
	uint64_t offset = 0, there = 0, value = 0;
	/* The TSC itself is some hundred cycles short: before Linux 5.16, which has the attribute.
	 */
	int error = tsc->offset_known ? offset_attribute(tsc, KVM_GET_DEVICE_ATTR, &offset)
				      : vm_get_msr(tsc->vm, tsc->vcpu_fd, MSR_IA32_TSC, &value);

	tsc->vcpu_fd = vcpu_fd;
	if (error < 0)
		return error;
	if (!tsc->offset_known)
		return vm_set_msr(tsc->vm, vcpu_fd, MSR_IA32_TSC, value);
	error = offset_attribute(tsc, KVM_GET_DEVICE_ATTR, &there);
	if (error < 0 || there == offset)
		return error;
	return offset_attribute(tsc, KVM_SET_DEVICE_ATTR, &offset);
}

/* Of now: a guest may have moved it. */
static uint64_t offset_now(const struct tsc *tsc)
{
	uint64_t offset = tsc->offset;

	offset_attribute(tsc, KVM_GET_DEVICE_ATTR, &offset);
	return offset;
}

uint64_t tsc_base(const struct tsc *tsc)
{
	if (!tsc->offset_known)
		return 0;
	return tsc->plain ? tsc->host() : asked(tsc) - offset_now(tsc);
}

uint64_t tsc_at(const struct tsc *tsc, uint64_t base)
{
	return tsc->offset_known ? base + offset_now(tsc) : asked(tsc);
}

int tsc_go_on(struct tsc *tsc, uint64_t value, uint64_t base)
{
	uint64_t offset = value - base;
	int error;

	if (!tsc->offset_known)
		return vm_set_msr(tsc->vm, tsc->vcpu_fd, MSR_IA32_TSC, value);
	error = offset_attribute(tsc, KVM_SET_DEVICE_ATTR, &offset);
	if (error >= 0)
		tsc->offset = offset;
	return error < 0 ? error : 0;
}

uint64_t tsc_now(const struct tsc *tsc)
{
	return tsc->plain ? tsc->host() + tsc->offset : asked(tsc);
}

uint64_t tsc_ns_until(const struct tsc *tsc, uint64_t now, uint64_t at)
{
	unsigned __int128 ns;

	if (at <= now)
		return 0;
	ns = ((unsigned __int128)(at - now) * 1000000 + tsc->khz - 1) / tsc->khz;
	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

static int move(struct tsc *tsc, uint64_t by)
{
	uint64_t offset;
	int error;

	if (!tsc->offset_known)
		return vm_set_msr(tsc->vm, tsc->vcpu_fd, MSR_IA32_TSC, asked(tsc) + by);
	error = offset_attribute(tsc, KVM_GET_DEVICE_ATTR, &offset);
	if (error < 0)
		return error;
	offset += by;
	error = offset_attribute(tsc, KVM_SET_DEVICE_ATTR, &offset);
	if (error < 0)
		return error;
	tsc->offset = offset;
	return 0;
}

int tsc_guest_write(struct tsc *tsc, uint32_t msr, uint64_t value)
{
	uint64_t adjust = 0;
	int has_adjust = vm_get_msr(tsc->vm, tsc->vcpu_fd, MSR_IA32_TSC_ADJUST, &adjust);
	uint64_t by;
	int error;

	/* The guest would go on to read the host's TSC, while its deadlines followed the new one.
	 */
	if (!tsc->vm->traits->tsc_moves)
		return -EOPNOTSUPP;
	if (msr == MSR_IA32_TSC_ADJUST && has_adjust < 0)
		return has_adjust;
	by = msr == MSR_IA32_TSC ? value - tsc_now(tsc) : value - adjust;
	error = move(tsc, by);
	if (error < 0 || has_adjust < 0)
		return error;
	/* Written by the host it only stores the value: the TSC does not move a second time. */
	return vm_set_msr(tsc->vm, tsc->vcpu_fd, MSR_IA32_TSC_ADJUST, adjust + by);
}
