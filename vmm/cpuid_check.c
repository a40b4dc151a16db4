// SPDX-License-Identifier: BSD-2-Clause
// One row for each register of features: every bit that is set must be set here too.
// A bit whose meaning nobody knows yet is treated as the others.

#include "vmm/cpuid_check.h"

#include <inttypes.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/cpuid.h"

enum { EAX, EBX, ECX, EDX };

#define LEAF1_ECX_OSXSAVE (1u << 27)
#define LEAF1_EDX_APIC    (1u << 9)
#define PARAVIRTUAL       0x40000000u
#define PARAVIRTUAL_END   0x50000000u
#define MAXPHYADDR_MIN    36u

static const char *const register_names[] = {"EAX", "EBX", "ECX", "EDX"};

static const struct row {
	uint32_t leaf, subleaf;
	unsigned reg;
	uint32_t moves; /* bits that follow the guest's own doing */
} rows[] = {
	{1, 0, ECX, LEAF1_ECX_OSXSAVE},
	{1, 0, EDX, LEAF1_EDX_APIC},
	{7, 0, EBX, 0},
	{7, 0, ECX, 0},
	{7, 0, EDX, 0},
	{7, 1, EAX, 0},
	{7, 1, EBX, 0},
	{7, 1, ECX, 0},
	{7, 1, EDX, 0},
	{7, 2, EDX, 0},
	{0xD, 0, EAX, 0},
	{0xD, 0, EDX, 0},
	{0xD, 1, EAX, 0},
	{0xD, 1, ECX, 0},
	{0xD, 1, EDX, 0},
	{0x40000001, 0, EAX, 0},
	{0x40000001, 0, EDX, 0},
	{0x80000001, 0, ECX, 0},
	{0x80000001, 0, EDX, LEAF1_EDX_APIC},
	{0x80000007, 0, EDX, 0},
	{0x80000008, 0, EBX, 0},
	{0x80000021, 0, EAX, 0},
};

static bool check_row(const struct row *row, const struct kvm_cpuid2 *saved,
		      const struct kvm_cpuid2 *host, char *why, size_t why_size)
{
	uint32_t wanted = cpuid_value(saved, row->leaf, row->subleaf, row->reg) & ~row->moves;
	uint32_t lacking = wanted & ~cpuid_value(host, row->leaf, row->subleaf, row->reg);

	if (!lacking)
		return true;
	snprintf(why, why_size,
		 "the guest was told of CPUID leaf %" PRIX32 "h, subleaf %" PRIu32
		 ", %s bit %d, which this host does not offer",
		 row->leaf, row->subleaf, register_names[row->reg], __builtin_ctz(lacking));
	return false;
}

static bool same_leaf(const struct kvm_cpuid2 *saved, const struct kvm_cpuid2 *host, uint32_t leaf,
		      unsigned first)
{
	for (unsigned reg = first; reg <= EDX; reg++)
		if (cpuid_value(saved, leaf, 0, reg) != cpuid_value(host, leaf, 0, reg))
			return false;
	return true;
}

/* Of interfaces of hypervisors, which KVM would then have, only what is offered here. */
static bool check_paravirtual(const struct kvm_cpuid2 *saved, const struct kvm_cpuid2 *host,
			      char *why, size_t why_size)
{
	for (uint32_t i = 0; i < saved->nent; i++) {
		uint32_t leaf = saved->entries[i].function;

		if (leaf < PARAVIRTUAL || leaf >= PARAVIRTUAL_END || leaf == PARAVIRTUAL + 1 ||
		    (leaf == PARAVIRTUAL && same_leaf(saved, host, leaf, EAX)))
			continue;
		snprintf(why, why_size,
			 "the guest was told of another hypervisor, in CPUID leaf %" PRIX32 "h",
			 leaf);
		return false;
	}
	return true;
}

bool cpuid_check(const struct kvm_cpuid2 *saved, const struct kvm_cpuid2 *host, char *why,
		 size_t why_size)
{
	unsigned wanted = cpuid_maxphyaddr(saved), bits = cpuid_maxphyaddr(host);

	if (!same_leaf(saved, host, 0, EBX)) {
		snprintf(why, why_size, "the guest was told of a processor of another vendor");
		return false;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!check_row(&rows[i], saved, host, why, why_size))
			return false;
	if (wanted < MAXPHYADDR_MIN || wanted > bits) {
		snprintf(why, why_size,
			 "the guest was told of physical addresses of %u bits, and this host has "
			 "%u",
			 wanted, bits);
		return false;
	}
	return check_paravirtual(saved, host, why, why_size);
}
