// SPDX-License-Identifier: BSD-2-Clause
// A word of the guest's memory in place of the EOI register: when it may be, what is made of it,
// and that nothing posted meanwhile waits for an EOI that has been. Not its travels: test_save.c
// and test_vcpu_hop.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/vmm/rig.h"
#include "vmm/vcpu_kernel.h"

#define MSR     0x4B564D04u
#define ADDRESS 0x12344u
#define VALUE   (ADDRESS | 1u)
#define APIC    0xFEE00000u
#define EOI     0xB0u
#define ISR     0x100u
#define GP      (UINT64_C(1) << 63)

static struct rig *rig;

static int spin(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EINTR;
}

static uint8_t *word(void)
{
	return ram_at(&rig->machine.ram, ADDRESS, 1);
}

static void prepare(fake_script *script)
{
	rig = rig_new(script);
	rig->kvm.msr_index[0] = MSR;
	rig->kvm.msr_count = 1;
	rig->kvm.pv_eoi = rig->options.pv_eoi = true;
}

static void begin(void)
{
	assert_true(rig_open(rig));
	rig_become(rig, 0);
}

static bool answer(bool write, uint64_t *value)
{
	const struct msr_access access = {.index = MSR, .write = write, .value = *value};

	return pv_eoi_answer(rig_vcpu(rig, 0), &access, value);
}

static bool wrmsr(uint64_t value)
{
	return answer(true, &value);
}

/* A guest with interrupts on that has told of its word. */
static void start(fake_script *script)
{
	prepare(script);
	begin();
	rig_enable(rig, 0);
	assert_true(wrmsr(VALUE));
	rig_fake(rig, 0)->if_flag = true;
	rig_vcpu(rig, 0)->run->if_flag = 1;
	rig_vcpu(rig, 0)->run->ready_for_interrupt_injection = 1;
}

static void post(uint8_t vector, bool level)
{
	assert_int_equal(lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, vector, level),
			 LAPIC_NEW);
}

static bool in_service(uint8_t vector)
{
	return rig_read(rig, 0, ISR + vector / 32 * 16) >> vector % 32 & 1;
}

static int clean_up(void **state)
{
	(void)state;
	rig_free(rig);
	return 0;
}

/* ---- the MSR ---- */

static void test_the_msr_is_as_kvm_has_it(void **state)
{
	static const uint64_t bad[] = {VALUE | 2, ADDRESS | 2, 0xD0000001, UINT64_MAX};
	struct vcpu *v;
	uint64_t value = 99;

	(void)state;
	prepare(spin);
	begin();
	v = rig_vcpu(rig, 0);
	assert_true(answer(false, &value));
	assert_int_equal(value, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wrmsr(bad[i]));
	assert_null(v->pv_eoi.word);
	assert_true(wrmsr(ADDRESS));
	assert_null(v->pv_eoi.word);
	assert_true(wrmsr(VALUE));
	assert_ptr_equal(v->pv_eoi.word, word());
	/* What is refused changes nothing. */
	assert_false(wrmsr(0xD0000001));
	assert_ptr_equal(v->pv_eoi.word, word());
	assert_true(answer(false, &value));
	assert_int_equal(value, VALUE);
	assert_int_equal(rig_fake(rig, 0)->msrs[0], VALUE);
	assert_true(wrmsr(0));
	assert_null(v->pv_eoi.word);
}

static void test_without_the_offer_it_faults(void **state)
{
	uint64_t value = 0;

	(void)state;
	prepare(spin);
	rig->options.pv_eoi = false;
	begin();
	assert_false(answer(false, &value));
	assert_false(wrmsr(VALUE));
	assert_int_equal(rig_fake(rig, 0)->msrs[0], 0);
	/* A state that was made up does not switch it on. */
	rig_fake(rig, 0)->msrs[0] = VALUE;
	pv_eoi_follow(rig_vcpu(rig, 0));
	assert_null(rig_vcpu(rig, 0)->pv_eoi.word);
}

static int msrs(struct fake_vcpu *v, struct kvm_run *run)
{
	rig->seen[rig->step] = fake_data(v) | (uint64_t)run->msr.error << 63;
	switch (rig->step++) {
	case 0: return fake_wrmsr(v, MSR, VALUE, KVM_MSR_EXIT_REASON_FILTER);
	case 1: return fake_rdmsr(v, MSR, KVM_MSR_EXIT_REASON_FILTER);
	case 2: return fake_wrmsr(v, MSR, VALUE | 2, KVM_MSR_EXIT_REASON_FILTER);
	default: return -EINTR;
	}
}

static void test_the_guest_reaches_it_in_front_of_either_lapic(void **state)
{
	(void)state;
	for (int kernel = 0; kernel < 2; kernel++) {
		prepare(msrs);
		rig->options.kernel_lapic = kernel;
		begin();
		for (int i = 0; i < 4; i++)
			assert_true(kernel ? vcpu_kernel_turn(rig_vcpu(rig, 0))
					   : vcpu_turn(rig_vcpu(rig, 0)));
		assert_false(rig->seen[1] & GP);
		assert_int_equal(rig->seen[2], VALUE);
		assert_true(rig->seen[3] & GP);
		assert_int_equal(rig_fake(rig, 0)->msrs[0], VALUE);
		assert_false(fake_filter_allows(&rig->kvm, MSR, true));
		assert_false(fake_filter_allows(&rig->kvm, MSR, false));
		if (!kernel)
			clean_up(NULL);
	}
}

/* Rules: RST-2 */
static void test_init_switches_it_off(void **state)
{
	(void)state;
	start(spin);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_INIT, 0, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_fake(rig, 0)->msrs[0], 0);
	assert_null(rig_vcpu(rig, 0)->pv_eoi.word);
}

/* ---- the word ---- */

/* Notes the word, and clears it where the test says so. */
static int look(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	rig->seen[rig->step % 16] = *word();
	if (rig->step++ == 0)
		*word() = 0;
	return -EINTR;
}

static int leave_it(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	rig->seen[rig->step++ % 16] = *word();
	return -EINTR;
}

/* Rules: ACP-3 */
static void test_clearing_it_is_one_eoi(void **state)
{
	(void)state;
	start(look);
	*word() = 0x80; /* other bits are none of ours */
	post(0x51, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_fake(rig, 0)->taken[0], 0x51);
	assert_int_equal(rig->seen[0], 0x81);
	assert_false(in_service(0x51));
	assert_int_equal(rig_vcpu(rig, 0)->stats.unseen_eois, 1);
	assert_int_equal(rig_vcpu(rig, 0)->stats.eoi[0x51], 1);
	/* Nothing is in service: it is not offered again. */
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->seen[1], 0);
	assert_int_equal(rig_vcpu(rig, 0)->stats.unseen_eois, 1);
}

static void test_left_alone_it_is_taken_back_and_offered_again(void **state)
{
	(void)state;
	start(leave_it);
	post(0x51, false);
	for (unsigned turn = 0; turn < 3; turn++) {
		assert_true(rig_turns(rig, 0, 1));
		assert_int_equal(rig->seen[turn], 1);
		assert_int_equal(*word(), 0);
		assert_true(in_service(0x51));
	}
	assert_int_equal(rig_vcpu(rig, 0)->stats.unseen_eois, 0);
	assert_true(wrmsr(ADDRESS));
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->seen[3], 0);
}

/* Rules: ACP-4 */
static void test_a_level_has_to_exit(void **state)
{
	(void)state;
	start(leave_it);
	post(0x51, true);
	assert_true(rig_turns(rig, 0, 1));
	assert_true(in_service(0x51));
	assert_int_equal(rig->seen[0], 0);
	assert_int_equal(*word(), 0);
}

/* Rules: PRI-2 */
static void test_while_one_waits_its_turn_has_to_be_seen(void **state)
{
	(void)state;
	start(leave_it);
	post(0x51, false);
	post(0x41, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_true(in_service(0x51));
	assert_int_equal(rig->seen[0], 0);
	/* The same for one that could go if interrupts were on. */
	rig_write(rig, 0, EOI, 0);
	rig_fake(rig, 0)->if_flag = true;
	rig_vcpu(rig, 0)->run->if_flag = 1;
	rig_vcpu(rig, 0)->run->ready_for_interrupt_injection = 1;
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->seen[1], 1);
	post(0x61, false);
	rig_fake(rig, 0)->if_flag = false;
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->seen[2], 0);
}

static int nest(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	rig->seen[rig->step] = *word();
	v->if_flag = true;
	switch (rig->step++) {
	case 0: return -EINTR;
	case 1: *word() = 0; return fake_mmio_write(v, APIC + EOI, 0, 4);
	default: return -EINTR;
	}
}

/* Rules: ACP-3 */
static void test_an_inner_service_ends_before_the_access_that_ends_the_outer(void **state)
{
	struct vcpu *v;

	(void)state;
	start(nest);
	v = rig_vcpu(rig, 0);
	post(0x51, false);
	assert_true(rig_turns(rig, 0, 1));
	post(0x61, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->seen[0], 1);
	assert_int_equal(rig->seen[1], 1);
	assert_int_equal(rig_fake(rig, 0)->taken[1], 0x61);
	assert_false(in_service(0x61));
	assert_false(in_service(0x51));
	assert_int_equal(v->stats.eoi[0x61], 1);
	assert_int_equal(v->stats.eoi[0x51], 1);
	assert_int_equal(v->stats.mistakes, 0);
}

static int end_and_look(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	rig->seen[rig->step] = fake_data(v);
	if (rig->step++)
		return -EINTR;
	*word() = 0;
	return fake_mmio_read(v, APIC + ISR + 0x51 / 32 * 16, 4);
}

/* Rules: ACP-3 */
static void test_an_access_after_it_finds_the_service_ended(void **state)
{
	(void)state;
	start(end_and_look);
	post(0x51, false);
	assert_true(rig_turns(rig, 0, 2));
	assert_int_equal(rig_vcpu(rig, 0)->stats.unseen_eois, 1);
	assert_int_equal(rig->seen[1], 0);
}

static int posted_after_its_eoi(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	if (rig->step++ == 0) {
		*word() = 0;
		v->if_flag = true;
		post(0x41, false);
		rig->seen[0] = v->run->immediate_exit;
	}
	return -EINTR;
}

/* Rules: PRI-2, MP-5 */
static void test_a_lower_class_kicks_a_guest_that_has_ended_its_service(void **state)
{
	(void)state;
	start(posted_after_its_eoi);
	post(0x51, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->seen[0], 1);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_fake(rig, 0)->taken_count, 2);
	assert_int_equal(rig_fake(rig, 0)->taken[1], 0x41);
}

static int somebody_sets_it(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	*word() = 1;
	rig->step++;
	return -EINTR;
}

/* Another processor of the guest's may write what it likes: no EOI of nothing, none too many. */
static void test_what_others_write_there_is_no_eoi_that_was_not_allowed(void **state)
{
	(void)state;
	start(somebody_sets_it);
	assert_true(rig_turns(rig, 0, 2));
	post(0x51, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_true(in_service(0x51));
	assert_int_equal(rig_vcpu(rig, 0)->stats.unseen_eois, 0);
	assert_int_equal(*word(), 0);
	rig_write(rig, 0, EOI, 0);
	/* A last page whose word begins where RAM ends. */
	assert_true(wrmsr((4u << 20) - 4 + 1));
	assert_false(wrmsr((4u << 20) + 1));
}

#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_msr_is_as_kvm_has_it),
		TEST(test_without_the_offer_it_faults),
		TEST(test_the_guest_reaches_it_in_front_of_either_lapic),
		TEST(test_init_switches_it_off),
		TEST(test_clearing_it_is_one_eoi),
		TEST(test_left_alone_it_is_taken_back_and_offered_again),
		TEST(test_a_level_has_to_exit),
		TEST(test_while_one_waits_its_turn_has_to_be_seen),
		TEST(test_an_inner_service_ends_before_the_access_that_ends_the_outer),
		TEST(test_an_access_after_it_finds_the_service_ended),
		TEST(test_a_lower_class_kicks_a_guest_that_has_ended_its_service),
		TEST(test_what_others_write_there_is_no_eoi_that_was_not_allowed),
	};

	return cmocka_run_group_tests_name("pv_eoi", tests, NULL, NULL);
}
