// SPDX-License-Identifier: BSD-2-Clause
// Asks KVM for its version and its capabilities.
// Not where a lack is put into words for people: that is host.c.
#include "vmm/kvm_caps.h"

#include <linux/kvm.h>
#include <stddef.h>

#define ROW(name) name, #name

static const struct required {
	int cap;
	const char *name;
	const char *since;
} required[] = {
	{ROW(KVM_CAP_USER_MEMORY), "2.6.25"},      {ROW(KVM_CAP_EXT_CPUID), "2.6.26"},
	{ROW(KVM_CAP_VCPU_EVENTS), "2.6.33"},      {ROW(KVM_CAP_IMMEDIATE_EXIT), "4.12"},
	{ROW(KVM_CAP_X86_USER_SPACE_MSR), "5.10"}, {ROW(KVM_CAP_X86_MSR_FILTER), "5.10"},
};

/* What lapicvm needs or uses, what it may come to use, and what tells hosts apart. */
static const struct listed {
	int cap;
	const char *name;
} listed[] = {
	{ROW(KVM_CAP_USER_MEMORY)},
	{ROW(KVM_CAP_EXT_CPUID)},
	{ROW(KVM_CAP_NR_VCPUS)},
	{ROW(KVM_CAP_MAX_VCPUS)},
	{ROW(KVM_CAP_MAX_VCPU_ID)},
	{ROW(KVM_CAP_NR_MEMSLOTS)},
	{ROW(KVM_CAP_READONLY_MEM)},
	{ROW(KVM_CAP_IMMEDIATE_EXIT)},
	{ROW(KVM_CAP_SYNC_REGS)},
	{ROW(KVM_CAP_VCPU_EVENTS)},
	{ROW(KVM_CAP_EXCEPTION_PAYLOAD)},
	{ROW(KVM_CAP_SET_GUEST_DEBUG)},
	{ROW(KVM_CAP_SET_GUEST_DEBUG2)},
	{ROW(KVM_CAP_X86_USER_SPACE_MSR)},
	{ROW(KVM_CAP_X86_MSR_FILTER)},
	{ROW(KVM_CAP_X86_SMM)},
	{ROW(KVM_CAP_USER_NMI)},
	{ROW(KVM_CAP_MP_STATE)},
	{ROW(KVM_CAP_VAPIC)},
	{ROW(KVM_CAP_IRQCHIP)},
	{ROW(KVM_CAP_SPLIT_IRQCHIP)},
	{ROW(KVM_CAP_X2APIC_API)},
	{ROW(KVM_CAP_TSC_DEADLINE_TIMER)},
	{ROW(KVM_CAP_TSC_CONTROL)},
	{ROW(KVM_CAP_GET_TSC_KHZ)},
	{ROW(KVM_CAP_VCPU_ATTRIBUTES)},
	{ROW(KVM_CAP_ENFORCE_PV_FEATURE_CPUID)},
	{ROW(KVM_CAP_DISABLE_QUIRKS2)},
	{ROW(KVM_CAP_XSAVE2)},
	{ROW(KVM_CAP_XCRS)},
	{ROW(KVM_CAP_DEBUGREGS)},
	{ROW(KVM_CAP_IOEVENTFD)},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
_Static_assert(COUNT(listed) <= KVM_CAPS_MAX, "callers keep KVM_CAPS_MAX answers");

const int kvm_caps_version_wanted = KVM_API_VERSION;

int kvm_caps_version(const struct kvm_calls *kvm, int kvm_fd)
{
	return kvm_ioctl(kvm, kvm_fd, KVM_GET_API_VERSION, NULL);
}

int kvm_caps_ask(const struct kvm_calls *kvm, int kvm_fd, int cap)
{
	int value = kvm_ioctl_value(kvm, kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)cap);

	return value < 0 ? 0 : value;
}

const char *kvm_caps_name(unsigned i, int *cap)
{
	if (i >= COUNT(listed))
		return NULL;
	*cap = listed[i].cap;
	return listed[i].name;
}

bool kvm_caps_suffice(const struct kvm_calls *kvm, int kvm_fd, const char **missing,
		      const char **since)
{
	for (size_t i = 0; i < COUNT(required); i++) {
		if (kvm_caps_ask(kvm, kvm_fd, required[i].cap) > 0)
			continue;
		*missing = required[i].name;
		*since = required[i].since;
		return false;
	}
	return true;
}

void kvm_caps_fill(const struct kvm_calls *kvm, int kvm_fd, struct host_traits *traits)
{
	traits->msr_exits = kvm_caps_ask(kvm, kvm_fd, KVM_CAP_X86_USER_SPACE_MSR) > 0 &&
			    kvm_caps_ask(kvm, kvm_fd, KVM_CAP_X86_MSR_FILTER) > 0;
	traits->sync_regs = (uint32_t)kvm_caps_ask(kvm, kvm_fd, KVM_CAP_SYNC_REGS);
	traits->max_vcpus = (uint32_t)kvm_caps_ask(kvm, kvm_fd, KVM_CAP_MAX_VCPUS);
	traits->max_vcpu_id = (uint32_t)kvm_caps_ask(kvm, kvm_fd, KVM_CAP_MAX_VCPU_ID);
	/* api.rst on both: what to assume where they are absent. */
	if (traits->max_vcpus == 0)
		traits->max_vcpus = 4;
	if (traits->max_vcpu_id == 0)
		traits->max_vcpu_id = traits->max_vcpus;
	traits->smm = kvm_caps_ask(kvm, kvm_fd, KVM_CAP_X86_SMM) > 0;
	traits->readonly_memory = kvm_caps_ask(kvm, kvm_fd, KVM_CAP_READONLY_MEM) > 0;
}
