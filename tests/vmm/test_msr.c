// SPDX-License-Identifier: BSD-2-Clause
// Who answers which MSR: the LAPIC, the TSC, or nobody; and that a moved TSC is noticed by an armed
// deadline. Not the LAPIC's registers.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "tests/vmm/rig.h"
#include "vmm/msr.h"

static int idle(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	return fake_exit(run, KVM_EXIT_IRQ_WINDOW_OPEN);
}

static bool wrmsr(struct rig *rig, uint32_t index, uint64_t value)
{
	const struct msr_access access = {.index = index, .write = true, .value = value};
	struct vcpu *v = rig_vcpu(rig, 0);
	uint64_t ignored;

	return msr_answer(v->lapic, &v->tsc, &access, &ignored);
}

static bool rdmsr(struct rig *rig, uint32_t index, uint64_t *value)
{
	const struct msr_access access = {.index = index};
	struct vcpu *v = rig_vcpu(rig, 0);

	return msr_answer(v->lapic, &v->tsc, &access, value);
}

static void test_the_lapic_answers_its_own(void **state)
{
	struct rig *rig = rig_start(idle, rig_host_vmx);
	uint64_t value;

	(void)state;
	assert_true(rdmsr(rig, 0x1B, &value));
	assert_int_equal(value, 0xFEE00900);
	assert_false(rdmsr(rig, 0x803, &value));
	assert_true(wrmsr(rig, 0x1B, 0xFEE00D00));
	assert_true(rdmsr(rig, 0x803, &value));
	assert_false(rdmsr(rig, 0x8FF, &value));
	assert_true(rdmsr(rig, 0x6E0, &value));
	assert_int_equal(value, 0);
	rig_free(rig);
}

/* With KVM's own LAPIC what comes here of its MSRs is what it has refused; the TSC stays ours. */
static void test_without_a_lapic_of_ours_its_msrs_fault(void **state)
{
	static const uint32_t lapics[] = {0x1B, 0x6E0, 0x800, 0x80B, 0x8FF};
	const struct msr_access tsc = {.index = 0x10, .write = true, .value = 1000};
	struct rig *rig = rig_start(idle, rig_host_vmx);
	struct vcpu *v = rig_vcpu(rig, 0);
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(lapics) / sizeof(lapics[0]); i++) {
		const struct msr_access in = {.index = lapics[i]};
		const struct msr_access out = {.index = lapics[i], .write = true};

		assert_false(msr_answer(NULL, &v->tsc, &in, &value));
		assert_false(msr_answer(NULL, &v->tsc, &out, &value));
	}
	assert_true(msr_answer(NULL, &v->tsc, &tsc, &value));
	assert_true(tsc_now(&v->tsc) < UINT64_C(1) << 40);
	rig_free(rig);
}

static void test_nobody_answers_the_rest(void **state)
{
	static const uint32_t nobodys[] = {0x7FF,      0x900, 0x1A, 0x4B564D00,
					   0x4B564D04, 0x11,  0x12, 0xDEAD};
	struct rig *rig = rig_start(idle, rig_host_vmx);
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(nobodys) / sizeof(nobodys[0]); i++) {
		assert_false(rdmsr(rig, nobodys[i], &value));
		assert_false(wrmsr(rig, nobodys[i], 0));
	}
	/* Reads of the TSC are KVM's own: none comes here. */
	assert_false(rdmsr(rig, 0x10, &value));
	rig_free(rig);
}

/* Rules: TMR-11 */
static void test_a_written_tsc_meets_an_armed_deadline(void **state)
{
	static const uint32_t msrs[] = {0x10, 0x3B};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct rig *rig = rig_start(idle, rig_host_vmx);
		struct vcpu *v = rig_vcpu(rig, 0);
		uint64_t deadline;

		rig_enable(rig, 0);
		rig_write(rig, 0, 0x320, 0x40031);
		deadline = tsc_now(&v->tsc) + (UINT64_C(1) << 50);
		assert_true(wrmsr(rig, 0x6E0, deadline));
		assert_int_equal(v->deadline.clock, LAPIC_CLOCK_TSC);
		assert_int_equal(lapic_pending(v->lapic), 0);
		assert_true(wrmsr(rig, msrs[i], msrs[i] == 0x10 ? deadline : UINT64_C(1) << 51));
		assert_int_equal(lapic_pending(v->lapic), LAPIC_PENDING_INTR);
		assert_int_equal(lapic_peek(v->lapic), 0x31);
		rig_free(rig);
	}
}

static void test_a_tsc_that_kvm_does_not_move_is_a_fault(void **state)
{
	struct rig *rig = rig_start(idle, rig_host_vmx);

	(void)state;
	rig->kvm.failing_request = KVM_SET_DEVICE_ATTR;
	rig->kvm.failing_error = 22;
	assert_false(wrmsr(rig, 0x10, 5));
	rig_free(rig);

	rig = rig_start(idle, rig_host_pvm);
	assert_false(wrmsr(rig, 0x10, 5));
	assert_false(wrmsr(rig, 0x3B, 5));
	rig_free(rig);

	rig = rig_start(idle, rig_host_vmx);
	rig->kvm.tsc_adjust = false;
	assert_false(wrmsr(rig, 0x3B, 5));
	assert_true(wrmsr(rig, 0x10, 5));
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_lapic_answers_its_own),
		cmocka_unit_test(test_without_a_lapic_of_ours_its_msrs_fault),
		cmocka_unit_test(test_nobody_answers_the_rest),
		cmocka_unit_test(test_a_written_tsc_meets_an_armed_deadline),
		cmocka_unit_test(test_a_tsc_that_kvm_does_not_move_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
