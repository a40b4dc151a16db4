// SPDX-License-Identifier: BSD-2-Clause
// What a host must offer a guest that was saved elsewhere: every feature, and nothing more.
// No table is made here: test_cpuid.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <linux/kvm.h>
#include <string.h>

#include "vmm/cpuid_check.h"

#define ENTRIES 16u

union table {
	struct kvm_cpuid2 head;
	unsigned char room[sizeof(struct kvm_cpuid2) + ENTRIES * sizeof(struct kvm_cpuid_entry2)];
};

static union table saved, host;
static char why[256];

static const struct kvm_cpuid_entry2 entries[] = {
	{0, 0, 0, 0xD, 0x756E6547, 0x6C65746E, 0x49656E69, {0}},
	{1, 0, 0, 0x306A9, 0, 0x01000000, 0x200, {0}},
	{7, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 1, 0x100, 0, 0, {0}},
	{7, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 0x10, 0, 0, 0, {0}},
	{0xD, 0, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 7, 0x340, 0x340, 0, {0}},
	{0xD, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, 1, 0x340, 0, 0, {0}},
	{0x40000000, 0, 0, 0x40000001, 0x4B4D564B, 0x564B4D56, 0x4D, {0}},
	{0x40000001, 0, 0, 0x01000008, 0, 0, 0, {0}},
	{0x80000001, 0, 0, 0, 0, 0x21, 0x800, {0}},
	{0x80000008, 0, 0, 0x3028, 0x1000, 0, 0, {0}},
};

static int setup(void **state)
{
	(void)state;
	memset(&saved, 0, sizeof(saved));
	saved.head.nent = sizeof(entries) / sizeof(entries[0]);
	memcpy(saved.head.entries, entries, sizeof(entries));
	host = saved;
	return 0;
}

static void taken(void)
{
	if (!cpuid_check(&saved.head, &host.head, why, sizeof(why)))
		fail_msg("%s", why);
}

static void refused(const char *expected)
{
	if (cpuid_check(&saved.head, &host.head, why, sizeof(why)))
		fail_msg("taken instead of: %s", expected);
	assert_string_equal(why, expected);
}

static void a_host_that_offers_more_will_do(void **state)
{
	(void)state;
	taken();
	for (unsigned i = 1; i < host.head.nent; i++)
		if (host.head.entries[i].function != 0x40000000)
			host.head.entries[i].ebx |= 0xFF000000;
	host.head.entries[1].ecx = host.head.entries[1].edx = 0xFFFFFFFF;
	taken();
	/* Caches, topology, sizes and signatures are no features. */
	host = saved;
	host.head.entries[1].eax = 0x506E3;
	host.head.entries[4].ebx = 0x240;
	taken();
}

static void what_follows_the_guest_does_not_count(void **state)
{
	(void)state;
	saved.head.entries[1].ecx |= 1u << 27;
	host.head.entries[1].edx = 0;
	taken();
}

static void each_missing_bit_is_named(void **state)
{
	static const struct {
		unsigned entry, reg;
		const char *text;
	} rows[] = {
		{1, 2, "leaf 1h, subleaf 0, ECX bit 24"},
		{2, 1, "leaf 7h, subleaf 0, EBX bit 8"},
		{3, 0, "leaf 7h, subleaf 1, EAX bit 4"},
		{4, 0, "leaf Dh, subleaf 0, EAX bit 0"},
		{5, 0, "leaf Dh, subleaf 1, EAX bit 0"},
		{7, 0, "leaf 40000001h, subleaf 0, EAX bit 3"},
		{8, 2, "leaf 80000001h, subleaf 0, ECX bit 0"},
		{8, 3, "leaf 80000001h, subleaf 0, EDX bit 11"},
		{9, 1, "leaf 80000008h, subleaf 0, EBX bit 12"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[160] = "the guest was told of CPUID ";

		host = saved;
		(&host.head.entries[rows[i].entry].eax)[rows[i].reg] = 0;
		strcat(text, rows[i].text);
		strcat(text, ", which this host does not offer");
		refused(text);
	}
	/* Nor is it there where the whole leaf is missing. */
	host = saved;
	host.head.entries[3].function = 0x12345;
	refused("the guest was told of CPUID leaf 7h, subleaf 1, EAX bit 4, which this host does "
		"not offer");
}

static void other_processors_and_hypervisors_are_refused(void **state)
{
	(void)state;
	host.head.entries[0].ebx = 0x68747541;
	refused("the guest was told of a processor of another vendor");
	host = saved;
	host.head.entries[9].eax = 0x3027;
	refused("the guest was told of physical addresses of 40 bits, and this host has 39");
	host = saved;
	saved.head.entries[9].eax = 0x3010;
	refused("the guest was told of physical addresses of 16 bits, and this host has 40");
	saved.head.entries[9].eax = 0x3028;
	saved.head.entries[6].eax = 0x40000010;
	refused("the guest was told of another hypervisor, in CPUID leaf 40000000h");
	saved.head.entries[6].eax = 0x40000001;
	saved.head.entries[8].function = 0x40000003;
	refused("the guest was told of another hypervisor, in CPUID leaf 40000003h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_host_that_offers_more_will_do, setup),
		cmocka_unit_test_setup(what_follows_the_guest_does_not_count, setup),
		cmocka_unit_test_setup(each_missing_bit_is_named, setup),
		cmocka_unit_test_setup(other_processors_and_hypervisors_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
