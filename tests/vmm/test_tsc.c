// SPDX-License-Identifier: BSD-2-Clause
// The guest's TSC with offset and scaling, conversion to ns without being early, and a guest's
// writes to it. On a host clock that only the test moves.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/vmm/fake_kvm.h"
#include "vmm/msr_index.h"
#include "vmm/tsc.h"

static uint64_t clock_now;
static struct fake_kvm kvm;
static struct host_traits traits;
static struct vm vm;
static struct tsc tsc;
static int fd;

/* It moves on with each look, as a real one does. */
static uint64_t host_clock(void)
{
	return clock_now += 10;
}

static void open_host(void)
{
	struct result why;

	memset(&vm, 0, sizeof(vm));
	traits = (struct host_traits){.tsc_khz = kvm.tsc_khz, .tsc_moves = true};
	assert_true(vm_open(&vm, &kvm.calls, &traits, VM_LAPIC_USER, &why));
	fd = vm_create_vcpu(&vm, 0);
	assert_true(fd >= 0);
}

static int setup(void **state)
{
	(void)state;
	clock_now = UINT64_C(1) << 40;
	fake_kvm_init(&kvm);
	kvm.host_tsc = host_clock;
	kvm.tsc_offset = -(UINT64_C(1) << 39);
	return 0;
}

static void start(void)
{
	struct result why;

	open_host();
	assert_true(tsc_init(&tsc, &vm, fd, host_clock, &why));
}

/* Between two looks of KVM's own. */
static void assert_right(void)
{
	uint64_t before, now, after;

	vm_get_msr(&vm, fd, MSR_IA32_TSC, &before);
	now = tsc_now(&tsc);
	vm_get_msr(&vm, fd, MSR_IA32_TSC, &after);
	assert_true(before <= now && now <= after);
}

static void test_an_offset_is_arithmetic(void **state)
{
	uint64_t first;

	(void)state;
	start();
	assert_true(tsc.plain);
	assert_right();
	first = tsc_now(&tsc);
	clock_now += 12345;
	assert_int_equal(tsc_now(&tsc), first + 12345 + 10);
}

static void test_without_the_attribute_kvm_is_asked(void **state)
{
	(void)state;
	kvm.tsc_attribute = false;
	start();
	assert_false(tsc.plain);
	assert_right();
	clock_now += 999999;
	assert_right();
}

static void test_scaling_is_noticed_and_kvm_is_asked(void **state)
{
	static const unsigned ratios[][2] = {{3, 2}, {2, 3}, {1000001, 1000000}, {999999, 1000000}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		setup(NULL);
		kvm.tsc_multiplier = ratios[i][0];
		kvm.tsc_divisor = ratios[i][1];
		start();
		assert_false(tsc.plain);
		assert_right();
		clock_now += UINT64_C(1) << 36;
		assert_right();
	}
}

static void test_scaling_of_a_host_just_started_shows_in_the_rate(void **state)
{
	struct result why;

	(void)state;
	/* So near to zero that ratio and offset cannot be told apart. */
	clock_now = 1;
	kvm.tsc_multiplier = 1001;
	kvm.tsc_divisor = 1000;
	kvm.tsc_offset = 0;
	open_host();
	traits.tsc_khz = kvm.tsc_khz;
	kvm.tsc_khz = kvm.tsc_khz / 1000 * 1001;
	assert_true(tsc_init(&tsc, &vm, fd, host_clock, &why));
	assert_false(tsc.plain);
}

/* Rules: TMR-11 */
static void test_ns_are_rounded_up_and_never_overflow(void **state)
{
	static const struct {
		uint32_t khz;
		uint64_t now, at, ns;
	} cases[] = {
		{2000000, 100, 100, 0},
		{2000000, 100, 99, 0},
		{2000000, 100, 101, 1},
		{2000000, 100, 102, 1},
		{2000000, 100, 103, 2},
		{3000000, 0, 3000000000, 1000000000},
		{3000000, 0, 3000000001, 1000000001},
		{2596122, 0, 2596122000, 1000000000},
		{1, 0, 1, 1000000},
		{1, 0, UINT64_MAX, UINT64_MAX},
		{1000000, 0, UINT64_MAX, UINT64_MAX},
		{4294967295u, 0, UINT64_MAX, 4294967297000000},
		{2000000, UINT64_MAX, 5, 0},
		{2000000, UINT64_MAX - 4, UINT64_MAX, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tsc = (struct tsc){.khz = cases[i].khz};
		assert_int_equal(tsc_ns_until(&tsc, cases[i].now, cases[i].at), cases[i].ns);
	}
}

/* Rules: TMR-11 */
static void test_a_guest_write_moves_tsc_and_adjustment_together(void **state)
{
	uint64_t adjust;

	(void)state;
	start();
	assert_int_equal(tsc_guest_write(&tsc, MSR_IA32_TSC, 5000), 0);
	assert_right();
	assert_in_range(tsc_now(&tsc), 5000, 5200);
	assert_int_equal(vm_get_msr(&vm, fd, MSR_IA32_TSC_ADJUST, &adjust), 0);
	/* It was about 2^39; what it moved by is what the adjustment now says. */
	assert_int_equal(kvm.vcpus[0].tsc_offset, kvm.tsc_offset + adjust);

	assert_int_equal(tsc_guest_write(&tsc, MSR_IA32_TSC_ADJUST, 0), 0);
	assert_int_equal(kvm.vcpus[0].tsc_offset, kvm.tsc_offset);
	assert_right();
	assert_int_equal(tsc_guest_write(&tsc, MSR_IA32_TSC_ADJUST, 1000000), 0);
	assert_int_equal(kvm.vcpus[0].tsc_offset, kvm.tsc_offset + 1000000);
	assert_right();
}

static void test_a_guest_write_without_attribute_or_adjustment(void **state)
{
	(void)state;
	kvm.tsc_attribute = false;
	kvm.tsc_adjust = false;
	start();
	assert_int_equal(tsc_guest_write(&tsc, MSR_IA32_TSC, 7000), 0);
	assert_right();
	assert_in_range(tsc_now(&tsc), 7000, 7300);
	assert_int_equal(tsc_guest_write(&tsc, MSR_IA32_TSC_ADJUST, 5), -ENXIO);
	assert_in_range(tsc_now(&tsc), 7000, 7600);
}

static void test_a_tsc_that_would_not_move_is_not_written(void **state)
{
	uint64_t offset;

	(void)state;
	start();
	traits.tsc_moves = false;
	offset = kvm.vcpus[0].tsc_offset;
	assert_int_equal(tsc_guest_write(&tsc, MSR_IA32_TSC, 5000), -EOPNOTSUPP);
	assert_int_equal(tsc_guest_write(&tsc, MSR_IA32_TSC_ADJUST, 5000), -EOPNOTSUPP);
	assert_int_equal(kvm.vcpus[0].tsc_offset, offset);
	assert_int_equal(kvm.vcpus[0].tsc_adjust, 0);
	assert_right();
}

static void test_hosts_without_a_readable_tsc_are_refused(void **state)
{
	struct result why;

	(void)state;
	open_host();
	kvm.tsc_khz = 0;
	assert_false(tsc_init(&tsc, &vm, fd, host_clock, &why));
	assert_int_equal(why.kind, RESULT_HOST_LACKS);
	kvm.tsc_khz = 1000;
	kvm.failing_request = KVM_GET_MSRS;
	kvm.failing_error = EINVAL;
	assert_false(tsc_init(&tsc, &vm, fd, host_clock, &why));
	assert_int_equal(why.kind, RESULT_HOST_LACKS);
}

/* A guest that reads `value` at one moment reads it at another one, on another host. */
static void goes_on(bool attribute, unsigned multiplier, unsigned divisor)
{
	uint64_t base, value, now;

	kvm.tsc_attribute = attribute;
	kvm.tsc_multiplier = multiplier;
	kvm.tsc_divisor = divisor;
	start();
	base = tsc_base(&tsc);
	value = tsc_at(&tsc, base);
	clock_now += 5000000;
	if (attribute)
		assert_int_equal(tsc_at(&tsc, base), value);
	setup(NULL);
	kvm.tsc_attribute = attribute;
	kvm.tsc_multiplier = multiplier;
	kvm.tsc_divisor = divisor;
	clock_now = 777777;
	start();
	base = tsc_base(&tsc);
	clock_now += 1000;
	assert_int_equal(tsc_go_on(&tsc, value, base), 0);
	if (attribute)
		assert_int_equal(tsc_at(&tsc, base), value);
	now = tsc_now(&tsc);
	/* The thousand that have gone by since, and some looks. */
	assert_in_range(now - value, attribute ? 1000 * multiplier / divisor : 0,
			1200 * multiplier / divisor);
	assert_right();
}

static void test_a_saved_tsc_goes_on(void **state)
{
	(void)state;
	goes_on(true, 1, 1);
	setup(state);
	goes_on(true, 3, 2);
	setup(state);
	goes_on(false, 1, 1);
}

/* ---------------------------------------------------------------- another vCPU */

static void test_another_vcpu_takes_over(void **state)
{
	int other;
	uint64_t before;

	(void)state;
	start();
	assert_int_equal(tsc_guest_write(&tsc, MSR_IA32_TSC, 5000), 0);
	other = vm_create_vcpu(&vm, 1);
	kvm.vcpus[1].tsc_offset = 77;
	before = tsc_now(&tsc);
	assert_int_equal(tsc_follow(&tsc, other), 0);
	assert_int_equal(kvm.vcpus[1].tsc_offset, kvm.vcpus[0].tsc_offset);
	fd = other;
	assert_right();
	assert_in_range(tsc_now(&tsc), before, before + 1000);
	/* What the guest writes from now on is the other's. */
	assert_int_equal(tsc_guest_write(&tsc, MSR_IA32_TSC, 9000), 0);
	assert_right();
	assert_in_range(tsc_now(&tsc), 9000, 9500);
}

static void test_an_offset_that_is_there_already_is_not_set(void **state)
{
	int other;

	(void)state;
	start();
	other = vm_create_vcpu(&vm, 1);
	assert_int_equal(tsc_follow(&tsc, other), 0);
	assert_int_equal(fake_logged(&kvm.vcpus[1], KVM_SET_DEVICE_ATTR), 0);
	kvm.vcpus[1].tsc_offset++;
	assert_int_equal(tsc_follow(&tsc, fd), 0);
	assert_true(fake_logged(&kvm.vcpus[0], KVM_SET_DEVICE_ATTR) > 0);
}

static void test_another_vcpu_takes_over_without_the_attribute(void **state)
{
	int other;
	uint64_t before;

	(void)state;
	kvm.tsc_attribute = false;
	start();
	other = vm_create_vcpu(&vm, 1);
	kvm.vcpus[1].tsc_offset = 77;
	before = tsc_now(&tsc);
	assert_int_equal(tsc_follow(&tsc, other), 0);
	fd = other;
	assert_right();
	assert_in_range(tsc_now(&tsc), before, before + 1000);
}

static void test_one_that_cannot_take_over_says_so(void **state)
{
	int other;

	(void)state;
	start();
	other = vm_create_vcpu(&vm, 1);
	kvm.vcpus[1].tsc_offset = 77;
	kvm.failing_request = KVM_SET_DEVICE_ATTR;
	kvm.failing_error = EIO;
	assert_int_equal(tsc_follow(&tsc, other), -EIO);
	kvm.failing_request = KVM_GET_DEVICE_ATTR;
	assert_int_equal(tsc_follow(&tsc, fd), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_an_offset_is_arithmetic, setup),
		cmocka_unit_test_setup(test_a_saved_tsc_goes_on, setup),
		cmocka_unit_test_setup(test_without_the_attribute_kvm_is_asked, setup),
		cmocka_unit_test_setup(test_scaling_is_noticed_and_kvm_is_asked, setup),
		cmocka_unit_test_setup(test_scaling_of_a_host_just_started_shows_in_the_rate,
				       setup),
		cmocka_unit_test_setup(test_ns_are_rounded_up_and_never_overflow, setup),
		cmocka_unit_test_setup(test_a_guest_write_moves_tsc_and_adjustment_together, setup),
		cmocka_unit_test_setup(test_a_guest_write_without_attribute_or_adjustment, setup),
		cmocka_unit_test_setup(test_a_tsc_that_would_not_move_is_not_written, setup),
		cmocka_unit_test_setup(test_hosts_without_a_readable_tsc_are_refused, setup),
		cmocka_unit_test_setup(test_another_vcpu_takes_over, setup),
		cmocka_unit_test_setup(test_an_offset_that_is_there_already_is_not_set, setup),
		cmocka_unit_test_setup(test_another_vcpu_takes_over_without_the_attribute, setup),
		cmocka_unit_test_setup(test_one_that_cannot_take_over_says_so, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
