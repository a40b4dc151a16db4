// SPDX-License-Identifier: BSD-2-Clause
// What CPUID tells a guest, from offers as KVM makes them on Intel and on AMD hosts.
// No /dev/kvm: the offers are written here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/kvm.h>

#include "vmm/cpuid.h"
#include "vmm/kvm_calls.h"

enum { EAX, EBX, ECX, EDX };

#define INDEXED   KVM_CPUID_FLAG_SIGNIFCANT_INDEX
#define OFFER_MAX 300u

static struct kvm_cpuid_entry2 offer[OFFER_MAX];
static uint32_t offered;
static int offer_error;
static unsigned offer_calls;

static struct host_traits traits;
static struct options options;
static struct kvm_cpuid2 *table;

static int fake_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	struct kvm_cpuid2 *to = arg;

	(void)opaque;
	offer_calls++;
	assert_int_equal(fd, 77);
	assert_true(request == KVM_GET_SUPPORTED_CPUID);
	if (offer_error)
		return offer_error;
	if (to->nent < offered)
		return -E2BIG;
	memcpy(to->entries, offer, offered * sizeof(offer[0]));
	to->nent = offered;
	return 0;
}

static const struct kvm_calls fake = {.ioctl = fake_ioctl};

static void has(uint32_t leaf, uint32_t index, uint32_t eax, uint32_t ebx, uint32_t ecx,
		uint32_t edx)
{
	bool indexed = leaf == 4 || leaf == 7 || leaf == 0xB || leaf == 0xD || leaf == 0x1F ||
		       leaf == 0x8000001D;

	offer[offered++] = (struct kvm_cpuid_entry2){.function = leaf,
						     .index = index,
						     .flags = indexed ? INDEXED : 0,
						     .eax = eax,
						     .ebx = ebx,
						     .ecx = ecx,
						     .edx = edx};
}

/* The parts that matter of what a Xeon's KVM offers. */
static void offer_intel(void)
{
	has(0, 0, 0x1F, 0x756E6547, 0x6C65746E, 0x49656E69);
	has(1, 0, 0x606A6, 0x07400800, 0xFFFFFFFF, 0xFFFFFDFF); /* APIC clear, to be set */
	has(4, 0, 0xFC004121, 0x02C0003F, 0x3F, 0);
	has(4, 2, 0xFC004143, 0x04C0003F, 0x3FF, 0);
	has(4, 3, 0xFC1FC163, 0x02C0003F, 0xFFFF, 4);
	has(4, 4, 0, 0, 0, 0);
	has(5, 0, 0x40, 0x40, 3, 0x20);
	has(6, 0, 0x77, 2, 9, 0);
	has(7, 0, 2, 0xF3BFFFFF, 0, 0xFFFFFFFF);
	has(7, 1, 1, 2, 3, 4);
	has(0xA, 0, 0x07300805, 0, 0, 0x603);
	has(0xB, 0, 1, 2, 0x100, 0x40);
	has(0xB, 1, 6, 64, 0x201, 0x40);
	has(0x15, 0, 2, 200, 25000000, 0);
	has(0x16, 0, 2600, 3500, 100, 0);
	has(0x1F, 0, 1, 2, 0x100, 0x40);
	has(0x40000000, 0, 0x40000001, 0x4B4D564B, 0x564B4D56, 0x4D);
	has(0x40000001, 0, 0x01007EFB, 0, 0, 1);
	has(0x40000010, 0, 2600000, 1000000, 0, 0);
	has(0x40000100, 0, 1, 2, 3, 4);
	has(0x80000000, 0, 0x80000008, 0, 0, 0);
	has(0x80000001, 0, 0, 0, 0x121, 0x2C100800);
	has(0x80000008, 0, 0x3039, 0, 0, 0);
}

/* And an EPYC's. */
static void offer_amd(void)
{
	has(0, 0, 0x10, 0x68747541, 0x444D4163, 0x69746E65);
	has(1, 0, 0xB00F21, 0x01020800, 0x81202000, 0x078BFBFF);
	has(7, 0, 1, 0x01800002, 0x104, 0x20000000);
	has(0xB, 0, 0, 0, 0, 1);
	has(0x40000000, 0, 0x40000001, 0x4B4D564B, 0x564B4D56, 0x4D);
	has(0x40000001, 0, 0x01007EFB, 0, 0, 0);
	has(0x80000000, 0, 0x80000026, 0x68747541, 0x444D4163, 0x69746E65);
	has(0x80000001, 0, 0xB00F21, 0x40000000, 0xFFFFFFFF, 0x23D3FBFF);
	has(0x80000008, 0, 0x3030, 0x50020005, 0x7001, 0);
	has(0x8000000A, 0, 1, 0x8000, 0, 0x119B9CFF);
	has(0x8000001D, 0, 0x00004121, 0x01C0003F, 0x3F, 0);
	has(0x8000001D, 2, 0xFFFFC143, 0x01C0003F, 0x3FF, 2);
	has(0x8000001D, 3, 0x0001C163, 0x03C0003F, 0x7FFF, 1);
	has(0x8000001D, 4, 0, 0, 0, 0);
	has(0x8000001E, 0, 9, 0x109, 0x301, 5);
	has(0x80000022, 0, 7, 6, 0, 0);
	has(0x80000026, 0, 1, 2, 3, 4);
}

static int clear(void **state)
{
	(void)state;
	offered = 0;
	offer_error = 0;
	offer_calls = 0;
	traits = (struct host_traits){.tsc_khz = 2596096,
				      .x2apic_exits = true,
				      .tsc_deadline_exits = true,
				      .tsc_write_exits = true,
				      .tsc_moves = true};
	options = (struct options){.cpus = 6, .x2apic = true, .tsc_deadline = true};
	table = NULL;
	return 0;
}

static int release(void **state)
{
	(void)state;
	free(table);
	return 0;
}

static void build(uint32_t apic_id)
{
	free(table);
	table = NULL;
	assert_int_equal(cpuid_build(&fake, 77, &traits, &options, apic_id, &table), 0);
	assert_non_null(table);
}

static uint32_t value(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
	return cpuid_value(table, leaf, subleaf, reg);
}

static void is(uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx, uint32_t ecx,
	       uint32_t edx)
{
	assert_int_equal(value(leaf, subleaf, EAX), eax);
	assert_int_equal(value(leaf, subleaf, EBX), ebx);
	assert_int_equal(value(leaf, subleaf, ECX), ecx);
	assert_int_equal(value(leaf, subleaf, EDX), edx);
}

static void the_lapic_bits_tell_the_truth(void **state)
{
	(void)state;
	offer_intel();
	build(3);
	assert_int_equal(value(1, 0, EBX) >> 24, 3);
	assert_int_equal(value(1, 0, EBX) >> 16 & 0xFF, 8); /* six cores need three bits */
	assert_int_equal(value(1, 0, EBX) & 0xFFFF, 0x0800);
	assert_int_equal(value(1, 0, EDX) >> 9 & 1, 1);
	assert_int_equal(value(1, 0, EDX) >> 28 & 1, 1);
	assert_int_equal(value(1, 0, ECX) >> 21 & 1, 1);
	assert_int_equal(value(1, 0, ECX) >> 24 & 1, 1);
	assert_int_equal(value(1, 0, ECX) >> 31, 1);
	/* ARAT, and no thermal or power registers. */
	is(6, 0, 4, 0, 0, 0);
}

static void x2apic_and_deadline_follow_host_and_options(void **state)
{
	(void)state;
	offer_amd();
	for (unsigned bits = 0; bits < 32; bits++) {
		/* KVM's own LAPIC has both, whatever exits. */
		bool kernel = bits & 16;
		bool x2apic = (bits & 2) && (kernel || (bits & 1));
		bool deadline = (bits & 8) && (kernel || (bits & 4));

		options.kernel_lapic = kernel;
		traits.x2apic_exits = bits & 1;
		options.x2apic = bits & 2;
		traits.tsc_deadline_exits = bits & 4;
		options.tsc_deadline = bits & 8;
		build(0);
		assert_int_equal(value(1, 0, ECX) >> 21 & 1, x2apic);
		assert_int_equal(value(1, 0, ECX) >> 24 & 1, deadline);
		assert_int_equal(cpuid_has_x2apic(&traits, &options), x2apic);
		assert_int_equal(cpuid_has_tsc_deadline(&traits, &options), deadline);
	}
}

static void tsc_adjust_needs_its_exits(void **state)
{
	(void)state;
	offer_intel();
	build(0);
	assert_int_equal(value(7, 0, EBX), 0xF3BFFFFF);
	traits.tsc_write_exits = false;
	build(0);
	assert_int_equal(value(7, 0, EBX), 0xF3BFFFFD);
	traits.tsc_write_exits = true;
	traits.tsc_moves = false;
	build(0);
	assert_int_equal(value(7, 0, EBX), 0xF3BFFFFD);
	is(7, 1, 1, 2, 3, 4);
}

static void nothing_paravirtual_but_the_signature(void **state)
{
	(void)state;
	offer_intel();
	build(0);
	is(0x40000000, 0, 0x40000001, 0x4B4D564B, 0x564B4D56, 0x4D);
	is(0x40000001, 0, 0x01008008, 0, 0, 0);
	for (uint32_t i = 0; i < table->nent; i++)
		assert_false(table->entries[i].function > 0x40000001 &&
			     table->entries[i].function < 0x80000000);
}

static void pv_eoi_is_there_where_it_is_asked_for_and_kvm_has_it(void **state)
{
	(void)state;
	offer_intel();
	build(0);
	assert_false(cpuid_has_pv_eoi(table));
	options.pv_eoi = true;
	build(0);
	is(0x40000001, 0, 0x01008048, 0, 0, 0);
	assert_true(cpuid_has_pv_eoi(table));
	/* A guest that was saved may have been told of it. */
	options.pv_eoi = false;
	options.restored = (struct restore *)&options;
	build(0);
	assert_true(cpuid_has_pv_eoi(table));
	for (uint32_t i = 0; i < offered; i++)
		if (offer[i].function == 0x40000001)
			offer[i].eax &= ~(1u << 6);
	build(0);
	is(0x40000001, 0, 0x01008008, 0, 0, 0);
}

static void what_no_lapic_here_could_keep_is_hidden(void **state)
{
	(void)state;
	offer_intel();
	build(0);
	assert_int_equal(value(1, 0, ECX) & (1u << 3 | 1u << 5 | 1u << 2 | 1u << 4 | 1u << 15), 0);
	assert_int_equal(value(1, 0, EDX) >> 21 & 1, 0);
	assert_int_equal(value(7, 0, EDX), 0xFFF7FFFF);
	is(5, 0, 0, 0, 0, 0);
	is(0xA, 0, 0, 0, 0, 0);
	is(0x16, 0, 0, 0, 0, 0);
	free(table);
	table = NULL;
	offered = 0;
	offer_amd();
	build(0);
	/* SVM, extended APIC space, performance counters, MONITORX. */
	assert_int_equal(value(0x80000001, 0, ECX),
			 ~(1u << 2 | 1u << 3 | 1u << 23 | 1u << 24 | 1u << 28 | 1u << 29));
	is(0x8000000A, 0, 0, 0, 0, 0);
	is(0x80000022, 0, 0, 0, 0, 0);
	is(0x80000026, 0, 0, 0, 0, 0);
}

static void topology_is_one_socket_of_n_cores(void **state)
{
	static const struct {
		uint32_t cpus, bits;
	} rows[] = {{1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {64, 6}, {65, 7}, {255, 8}, {1024, 10}};

	(void)state;
	offer_intel();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t id = rows[i].cpus - 1;

		options.cpus = rows[i].cpus;
		build(id);
		for (uint32_t leaf = 0xB; leaf <= 0x1F; leaf += 0x1F - 0xB) {
			is(leaf, 0, 0, 1, 0x100, id);
			is(leaf, 1, rows[i].bits, rows[i].cpus, 0x201, id);
			is(leaf, 2, 0, 0, 2, id);
		}
		assert_int_equal(value(1, 0, EDX) >> 28 & 1, rows[i].cpus > 1);
		assert_int_equal(value(1, 0, EBX) >> 24, id & 0xFF);
	}
}

static void threads_cores_and_sockets(void **state)
{
	/* 2 sockets of 3 cores of 2 threads: the last CPU is thread 1 of core 2 of socket 1. */
	const uint32_t id = 1 << 3 | 2 << 1 | 1;

	(void)state;
	options.cpus = 12;
	options.cores = 3;
	options.threads = 2;
	offer_intel();
	build(id);
	for (uint32_t leaf = 0xB; leaf <= 0x1F; leaf += 0x1F - 0xB) {
		is(leaf, 0, 1, 2, 0x100, id);
		is(leaf, 1, 3, 6, 0x201, id);
		is(leaf, 2, 0, 0, 2, id);
	}
	assert_int_equal(value(1, 0, EBX), id << 24 | 8 << 16 | 0x0800);
	assert_int_equal(value(1, 0, EDX) >> 28 & 1, 1);
	/* Four IDs for cores; 2 share L1 and L2, 8 share L3. */
	assert_int_equal(value(4, 0, EAX), 0x0C004121);
	assert_int_equal(value(4, 2, EAX), 0x0C004143);
	assert_int_equal(value(4, 3, EAX), 0x0C01C163);
	offered = 0;
	offer_amd();
	build(id);
	is(0xB, 0, 1, 2, 0x100, id);
	is(0xB, 1, 3, 6, 0x201, id);
	assert_int_equal(value(1, 0, EBX), id << 24 | 6 << 16 | 0x0800);
	assert_int_equal(value(0x80000008, 0, ECX), 0x3005);
	is(0x8000001E, 0, id, 0x102, 1, 0);
	assert_int_equal(value(0x8000001D, 0, EAX), 0x00004121);
	assert_int_equal(value(0x8000001D, 2, EAX), 0xFC004143);
	assert_int_equal(value(0x8000001D, 3, EAX), 0x0001C163);
}

static void sockets_of_one_thread_are_single(void **state)
{
	(void)state;
	options.cpus = 4;
	options.cores = options.threads = 1;
	offer_intel();
	build(3);
	is(0xB, 0, 0, 1, 0x100, 3);
	is(0xB, 1, 0, 1, 0x201, 3);
	assert_int_equal(value(1, 0, EBX), 0x03010800);
	assert_int_equal(value(1, 0, EDX) >> 28 & 1, 0);
	assert_int_equal(value(4, 3, EAX), 0x00000163);
	offered = 0;
	offer_amd();
	build(3);
	assert_int_equal(value(1, 0, EBX), 0x03010800);
	assert_int_equal(value(1, 0, EDX) >> 28 & 1, 0);
	assert_int_equal(value(0x80000001, 0, ECX) >> 1 & 1, 0);
	assert_int_equal(value(0x80000008, 0, ECX), 0);
	is(0x8000001E, 0, 3, 0, 3, 0);
}

static void each_leaf_stands_once(void **state)
{
	(void)state;
	offer_intel();
	build(0);
	for (uint32_t i = 0; i < table->nent; i++)
		for (uint32_t j = i + 1; j < table->nent; j++)
			assert_false(table->entries[i].function == table->entries[j].function &&
				     table->entries[i].index == table->entries[j].index);
}

static void intel_caches_are_shared_by_the_socket(void **state)
{
	(void)state;
	offer_intel();
	build(0);
	/* Core IDs per package: 8; L1 and L2 for one, L3 for 8. The rest of EAX stays. */
	assert_int_equal(value(4, 0, EAX), 0x1C000121);
	assert_int_equal(value(4, 2, EAX), 0x1C000143);
	assert_int_equal(value(4, 3, EAX), 0x1C01C163);
	assert_int_equal(value(4, 3, EBX), 0x02C0003F);
	is(4, 4, 0, 0, 0, 0);
	/* Fields that are too narrow say their most. */
	options.cpus = 1000;
	build(0);
	assert_int_equal(value(4, 3, EAX), 0xFCFFC163);
	assert_int_equal(value(1, 0, EBX) >> 16 & 0xFF, 255);
}

static void amd_leaves_agree(void **state)
{
	(void)state;
	offer_amd();
	build(5);
	assert_int_equal(value(1, 0, EBX), 0x05060800);
	assert_int_equal(value(0x80000008, 0, ECX), 0x3005);
	is(0x8000001E, 0, 5, 5, 0, 0);
	assert_int_equal(value(0x8000001D, 0, EAX), 0x00000121);
	assert_int_equal(value(0x8000001D, 2, EAX), 0xFC000143);
	/* Six share, and their IDs are told apart by three bits. */
	assert_int_equal(value(0x8000001D, 3, EAX), 0x0001C163);
	assert_int_equal(value(0x80000001, 0, EDX) >> 9 & 1, 1);
	assert_int_equal(value(0x80000001, 0, ECX) >> 1 & 1, 1);
	is(0xB, 1, 3, 6, 0x201, 5);
	is(0x1F, 0, 0, 0, 0, 0);
	options.cpus = 1;
	build(0);
	assert_int_equal(value(0x80000001, 0, ECX) >> 1 & 1, 0);
	assert_int_equal(value(0x80000008, 0, ECX), 0);
	options.cpus = 1024;
	build(1023);
	assert_int_equal(value(0x80000008, 0, ECX), 0xA0FF);
	is(0x8000001E, 0, 1023, 0xFF, 0, 0);
}

static void the_crystal_is_the_timers_clock(void **state)
{
	(void)state;
	offer_intel();
	build(0);
	is(0x15, 0, 1000000, 2596096, CPUID_BUS_HZ, 0);
	/* TSC Hz as a guest computes it. */
	assert_int_equal((uint64_t)value(0x15, 0, ECX) * value(0x15, 0, EBX) / value(0x15, 0, EAX),
			 UINT64_C(2596096000));
	traits.tsc_khz = 0;
	build(0);
	is(0x15, 0, 0, 0, 0, 0);
}

static void leaf_b_is_always_within_reach(void **state)
{
	(void)state;
	has(0, 0, 7, 0x756E6547, 0x6C65746E, 0x49656E69);
	has(1, 0, 0, 0, 0, 0);
	build(1);
	assert_int_equal(value(0, 0, EAX), 0xB);
	is(0xB, 1, 3, 6, 0x201, 1);
	is(6, 0, 4, 0, 0, 0);
	is(0x1F, 0, 0, 0, 0, 0);
}

static void vendor_and_address_width(void **state)
{
	(void)state;
	offer_intel();
	build(0);
	assert_false(cpuid_is_amd(table));
	assert_int_equal(cpuid_maxphyaddr(table), 0x39);
	offered = 0;
	offer_amd();
	build(0);
	assert_true(cpuid_is_amd(table));
	assert_int_equal(cpuid_maxphyaddr(table), 0x30);
	offered = 0;
	has(0, 0, 1, 0x6F677948, 0x656E6975, 0x6E65476E); /* HygonGenuine */
	build(0);
	assert_true(cpuid_is_amd(table));
	assert_int_equal(cpuid_maxphyaddr(table), 36);
	assert_int_equal(value(0, 0, 4), 0);
}

static void a_long_offer_is_fetched_whole(void **state)
{
	(void)state;
	offer_amd();
	while (offered < OFFER_MAX)
		has(0x80860000 + offered, 0, offered, 0, 0, 0);
	build(0);
	assert_int_equal(offer_calls, 3); /* 128, 256, 512 */
	assert_int_equal(value(0x80860000 + OFFER_MAX - 1, 0, EAX), OFFER_MAX - 1);
}

static void errors_come_through(void **state)
{
	struct kvm_cpuid2 *none = NULL;

	(void)state;
	offer_error = -EFAULT;
	assert_int_equal(cpuid_build(&fake, 77, &traits, &options, 0, &none), -EFAULT);
	assert_int_equal(offer_calls, 1);
	offer_error = -E2BIG;
	assert_int_equal(cpuid_build(&fake, 77, &traits, &options, 0, &none), -E2BIG);
	assert_null(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_lapic_bits_tell_the_truth),
		TEST(x2apic_and_deadline_follow_host_and_options),
		TEST(tsc_adjust_needs_its_exits),
		TEST(nothing_paravirtual_but_the_signature),
		TEST(pv_eoi_is_there_where_it_is_asked_for_and_kvm_has_it),
		TEST(what_no_lapic_here_could_keep_is_hidden),
		TEST(topology_is_one_socket_of_n_cores),
		TEST(threads_cores_and_sockets),
		TEST(sockets_of_one_thread_are_single),
		TEST(each_leaf_stands_once),
		TEST(intel_caches_are_shared_by_the_socket),
		TEST(amd_leaves_agree),
		TEST(the_crystal_is_the_timers_clock),
		TEST(leaf_b_is_always_within_reach),
		TEST(vendor_and_address_width),
		TEST(a_long_offer_is_fetched_whole),
		TEST(errors_come_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
