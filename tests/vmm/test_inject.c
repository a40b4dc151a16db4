// SPDX-License-Identifier: BSD-2-Clause
// When an interrupt is handed to KVM and when it is not, on hosts of both families.
// Not the run loop around it: test_vcpu.c has that.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/vmm/rig.h"
#include "vmm/inject.h"

static int idle(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	return fake_exit(run, KVM_EXIT_IRQ_WINDOW_OPEN);
}

/* The guest as it is after an exit, without one. */
static void guest_is(struct rig *rig, bool if_flag, bool shadow)
{
	struct fake_vcpu *f = rig_fake(rig, 0);

	f->if_flag = if_flag;
	f->shadow = shadow;
	f->run->if_flag = if_flag;
	f->run->ready_for_interrupt_injection = if_flag && !shadow && f->queued < 0;
}

static struct rig *start(void (*host)(struct host_traits *))
{
	struct rig *rig = rig_start(idle, host);

	rig_enable(rig, 0);
	return rig;
}

static void post(struct rig *rig, uint8_t vector)
{
	assert_int_equal(lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, vector, false),
			 LAPIC_NEW);
}

static unsigned do_inject(struct rig *rig, uint32_t *left)
{
	struct vcpu *v = rig_vcpu(rig, 0);

	return inject(v, lapic_pending(v->lapic), left);
}

static void test_an_open_guest_gets_the_vector_at_once(void **state)
{
	struct rig *rig = start(rig_host_vmx);
	uint32_t left;

	(void)state;
	guest_is(rig, true, false);
	post(rig, 0x51);
	assert_int_equal(do_inject(rig, &left), 0);
	assert_int_equal(rig_fake(rig, 0)->queued, 0x51);
	assert_int_equal(rig_fake(rig, 0)->bad_interrupts, 0);
	assert_int_equal(rig_fake(rig, 0)->run->request_interrupt_window, 0);
	assert_int_equal(left, 0);
	/* In service, so acknowledged: ISR of 40h-5Fh. */
	assert_int_equal(rig_read(rig, 0, 0x120), 1u << 0x11);
	rig_free(rig);
}

/* Rules: PRI-5 */
static void test_a_closed_guest_keeps_the_vector_in_irr(void **state)
{
	static const bool closed[][2] = {{false, false}, {true, true}, {false, true}};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rig *rig = start(rig_host_vmx);
		uint32_t left;

		guest_is(rig, closed[i][0], closed[i][1]);
		post(rig, 0x51);
		assert_int_equal(do_inject(rig, &left), 0);
		assert_int_equal(rig_fake(rig, 0)->queued, -1);
		assert_int_equal(rig_fake(rig, 0)->run->request_interrupt_window, 1);
		assert_int_equal(left, LAPIC_PENDING_INTR);
		assert_int_equal(rig_read(rig, 0, 0x220), 1u << 0x11);
		assert_int_equal(rig_read(rig, 0, 0x120), 0);
		rig_free(rig);
	}
}

/* As kvm_pvm's KVM_INTERRUPT, a host may be too easily ready. */
static void test_ready_with_interrupts_off_is_not_believed(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	uint32_t left;

	(void)state;
	guest_is(rig, false, false);
	rig_fake(rig, 0)->run->ready_for_interrupt_injection = 1;
	post(rig, 0x51);
	do_inject(rig, &left);
	assert_int_equal(rig_fake(rig, 0)->queued, -1);
	rig_free(rig);
}

static void test_a_late_host_is_said_to_wait_for_the_window(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	uint32_t left;

	(void)state;
	guest_is(rig, false, false);
	post(rig, 0x51);
	assert_int_equal(do_inject(rig, &left), INJECT_WINDOW);
	rig_free(rig);
}

static void test_no_second_interrupt_before_an_entry(void **state)
{
	struct rig *rig = start(rig_host_vmx);
	uint32_t left;

	(void)state;
	guest_is(rig, true, false);
	post(rig, 0x51);
	do_inject(rig, &left);
	post(rig, 0x91);
	/* kvm_run still says what was true at the last exit. */
	assert_int_equal(rig_fake(rig, 0)->run->ready_for_interrupt_injection, 1);
	do_inject(rig, &left);
	assert_int_equal(rig_fake(rig, 0)->queued, 0x51);
	assert_int_equal(rig_fake(rig, 0)->bad_interrupts, 0);
	assert_int_equal(left, LAPIC_PENDING_INTR);
	assert_int_equal(rig_fake(rig, 0)->run->request_interrupt_window, 1);
	rig_free(rig);
}

static void test_a_second_lower_vector_waits_for_the_window(void **state)
{
	struct rig *rig = start(rig_host_vmx);
	uint32_t left;

	(void)state;
	guest_is(rig, true, false);
	post(rig, 0x91);
	post(rig, 0x51);
	assert_int_equal(do_inject(rig, &left), 0);
	assert_int_equal(rig_fake(rig, 0)->queued, 0x91);
	/* Below the priority of what is in service: no window helps it. */
	assert_int_equal(left, LAPIC_PENDING_MASKED);
	assert_int_equal(rig_fake(rig, 0)->run->request_interrupt_window, 0);
	rig_free(rig);
}

/* Rules: PRI-4 */
static void test_a_raised_tpr_withdraws_the_request(void **state)
{
	struct rig *rig = start(rig_host_vmx);
	uint32_t left;

	(void)state;
	guest_is(rig, false, false);
	post(rig, 0x51);
	do_inject(rig, &left);
	lapic_set_cr8(rig_vcpu(rig, 0)->lapic, 5);
	guest_is(rig, true, false);
	assert_int_equal(do_inject(rig, &left), 0);
	assert_int_equal(rig_fake(rig, 0)->queued, -1);
	assert_int_equal(rig_fake(rig, 0)->run->request_interrupt_window, 0);
	assert_int_equal(left, LAPIC_PENDING_MASKED);
	lapic_set_cr8(rig_vcpu(rig, 0)->lapic, 4);
	do_inject(rig, &left);
	assert_int_equal(rig_fake(rig, 0)->queued, 0x51);
	rig_free(rig);
}

static void test_without_tpr_exits_a_masked_vector_waits_for_tpr(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	uint32_t left;

	(void)state;
	guest_is(rig, true, false);
	lapic_set_cr8(rig_vcpu(rig, 0)->lapic, 9);
	post(rig, 0x51);
	assert_int_equal(do_inject(rig, &left), INJECT_TPR);
	rig_free(rig);
}

static void test_a_vector_that_waits_for_an_eoi_needs_no_watch(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	uint32_t left;

	(void)state;
	guest_is(rig, true, false);
	post(rig, 0x95);
	do_inject(rig, &left);
	assert_int_equal(rig_fake(rig, 0)->queued, 0x95);
	/* TPR is as high as what is in service: lowering it would change nothing. */
	lapic_set_cr8(rig_vcpu(rig, 0)->lapic, 9);
	post(rig, 0x9F);
	assert_int_equal(do_inject(rig, &left), 0);
	post(rig, 0xA0);
	lapic_set_cr8(rig_vcpu(rig, 0)->lapic, 10);
	assert_int_equal(do_inject(rig, &left), INJECT_TPR);
	rig_free(rig);
}

static void test_an_nmi_goes_first_and_alone(void **state)
{
	struct rig *rig = start(rig_host_vmx);
	uint32_t left;

	(void)state;
	guest_is(rig, true, false);
	post(rig, 0x51);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	assert_int_equal(do_inject(rig, &left), 0);
	assert_int_equal(rig_fake(rig, 0)->nmis_queued, 1);
	assert_int_equal(rig_fake(rig, 0)->queued, -1);
	assert_int_equal(rig_fake(rig, 0)->run->request_interrupt_window, 1);
	rig_free(rig);
}

/* KVM delivers what KVM_INTERRUPT queued before a pending NMI: the second NMI of two would come
 * after it. */
static void test_no_interrupt_overtakes_an_nmi_that_kvm_still_holds(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *fake = rig_fake(rig, 0);
	uint32_t left;

	(void)state;
	guest_is(rig, true, false);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	do_inject(rig, &left);
	fake->nmis_queued = 1;
	fake->nmi_blocked = false;
	rig_vcpu(rig, 0)->given = false; /* back from the guest, past the first one's IRET */
	post(rig, 0x44);
	assert_int_equal(do_inject(rig, &left), INJECT_WINDOW);
	assert_int_equal(fake->queued, -1);
	fake->nmi_blocked =
		true; /* in the handler of the second: with IF = 1 it may be interrupted */
	fake->nmis_queued = 0;
	assert_int_equal(do_inject(rig, &left), 0);
	assert_int_equal(fake->queued, 0x44);
	rig_free(rig);
}

/* Rules: MP-4 */
static void test_two_nmis_are_both_handed_over_with_if_clear(void **state)
{
	struct rig *rig = start(rig_host_vmx);
	uint32_t left;

	(void)state;
	guest_is(rig, false, false);
	for (unsigned i = 0; i < 3; i++)
		lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	do_inject(rig, &left);
	assert_int_equal(rig_fake(rig, 0)->nmis_queued, 2);
	assert_int_equal(left, 0);
	rig_free(rig);
}

static void test_an_smi_needs_a_host_with_smm(void **state)
{
	struct rig *rig = start(rig_host_vmx);
	uint32_t left;

	(void)state;
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_SMI, 0, false);
	do_inject(rig, &left);
	assert_int_equal(rig_fake(rig, 0)->smis, 1);
	assert_int_equal(rig_vcpu(rig, 0)->stats.smis_dropped, 0);
	rig_free(rig);

	rig = start(rig_host_pvm);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_SMI, 0, false);
	assert_int_equal(
		inject_without_smm(rig_vcpu(rig, 0), LAPIC_PENDING_SMI | LAPIC_PENDING_NMI),
		LAPIC_PENDING_NMI);
	assert_int_equal(rig_fake(rig, 0)->smis, 0);
	assert_int_equal(rig_vcpu(rig, 0)->stats.smis_dropped, 1);
	assert_int_equal(lapic_pending(rig_vcpu(rig, 0)->lapic), 0);
	rig_free(rig);
}

/* Rules: LVT-6, PRI-6 */
static void test_an_extint_brings_the_8259s_vector(void **state)
{
	struct rig *rig = start(rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);
	uint32_t left;

	(void)state;
	rig_write(rig, 0, 0x350, 0x700); /* LINT0: ExtINT */
	lapic_set_cr8(rig_vcpu(rig, 0)->lapic, 15);
	rig_out(rig, 0x20, 0x11, 1);
	rig_out(rig, 0x21, 0x08, 1);
	rig_out(rig, 0x21, 0x04, 1);
	rig_out(rig, 0x21, 0x01, 1);
	rig_out(rig, 0x2003, 1, 1); /* the test line of IRQ 3 */
	guest_is(rig, false, false);
	do_inject(rig, &left);
	assert_int_equal(left, LAPIC_PENDING_EXTINT);
	assert_int_equal(f->run->request_interrupt_window, 1);
	guest_is(rig, true, false);
	do_inject(rig, &left);
	assert_int_equal(f->queued, 0x0B);
	/* Neither in IRR nor in service at the LAPIC, and its line is down until the 8259's EOI. */
	assert_int_equal(rig_read(rig, 0, 0x100), 0);
	assert_int_equal(left, 0);
	rig_free(rig);
}

/* The guest's last exit is a real one, with the events in kvm_run. */
static struct rig *start_open(void (*host)(struct host_traits *))
{
	struct rig *rig = start(host);

	rig_fake(rig, 0)->if_flag = true;
	assert_true(rig_turns(rig, 0, 1));
	return rig;
}

static void test_after_an_exit_the_vector_rides_along_with_the_entry(void **state)
{
	struct rig *rig = start_open(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);
	unsigned calls;
	uint32_t left;

	(void)state;
	post(rig, 0x51);
	calls = f->log_count;
	assert_int_equal(do_inject(rig, &left), 0);
	assert_int_equal(left, 0);
	assert_int_equal(f->log_count, calls);
	assert_int_equal(f->queued, -1);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->log_count, calls + 1);
	assert_int_equal(f->events_written, 1);
	assert_int_equal(f->taken_count, 1);
	assert_int_equal(f->taken[0], 0x51);
	assert_int_equal(f->bad_interrupts + f->events_lost, 0);
	/* Once. */
	assert_true(rig_turns(rig, 0, 2));
	assert_int_equal(f->events_written, 1);
	assert_int_equal(f->taken_count, 1);
	rig_free(rig);
}

/* What came between the look and the entry puts the entry off, not the vector away. */
static void test_a_vector_that_rides_along_outlives_an_entry_put_off(void **state)
{
	struct rig *rig = start_open(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);
	uint32_t left;

	(void)state;
	post(rig, 0x51);
	do_inject(rig, &left);
	post(rig, 0x91);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->queued, 0x51);
	assert_int_equal(f->finishes, 1);
	assert_true(rig_turns(rig, 0, 1));
	f->nmi_blocked = false;
	assert_true(rig_turns(rig, 0, 1));
	f->if_flag = true;
	assert_true(rig_turns(rig, 0, 3));
	assert_int_equal(f->nmis, 1);
	assert_int_equal(f->taken_count, 2);
	assert_int_equal(f->taken[0], 0x51);
	assert_int_equal(f->taken[1], 0x91);
	assert_int_equal(f->bad_interrupts + f->events_lost, 0);
	rig_free(rig);
}

static void by_call(struct rig *rig)
{
	struct fake_vcpu *f = rig_fake(rig, 0);
	uint32_t left;

	post(rig, 0x51);
	do_inject(rig, &left);
	assert_int_equal(f->queued, 0x51);
	assert_int_equal(f->run->kvm_dirty_regs, 0);
	assert_int_equal(f->bad_interrupts + f->events_lost, 0);
	rig_free(rig);
}

/* There the events to write would have to say what KVM may know better. */
static void test_a_vector_beside_other_events_is_given_by_call(void **state)
{
	struct rig *rig;

	(void)state;
	rig = start(rig_host_pvm);
	rig_fake(rig, 0)->if_flag = rig_fake(rig, 0)->nmi_blocked = true;
	assert_true(rig_turns(rig, 0, 1));
	by_call(rig);

	rig = start(rig_host_pvm);
	rig_fake(rig, 0)->if_flag = true;
	rig_fake(rig, 0)->events.exception.pending = 1;
	assert_true(rig_turns(rig, 0, 1));
	by_call(rig);

	rig = start(rig_host_pvm);
	rig_fake(rig, 0)->if_flag = true;
	rig_fake(rig, 0)->events.exception.injected = 1;
	assert_true(rig_turns(rig, 0, 1));
	by_call(rig);

	rig = start(rig_host_pvm);
	rig_fake(rig, 0)->if_flag = true;
	rig_fake(rig, 0)->events.nmi.injected = 1;
	assert_true(rig_turns(rig, 0, 1));
	by_call(rig);

	rig = start(rig_host_vmx);
	rig_fake(rig, 0)->if_flag = true;
	rig_fake(rig, 0)->events.smi.smm = 1;
	assert_true(rig_turns(rig, 0, 1));
	by_call(rig);
}

static void test_a_host_without_it_is_given_vectors_by_call(void **state)
{
	struct rig *rig = start(rig_host_vmx);

	(void)state;
	rig->traits.events_inject = false;
	rig_fake(rig, 0)->if_flag = true;
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_fake(rig, 0)->run->kvm_valid_regs, 0);
	by_call(rig);
}

/* KVM was told of the NMI after it told of its events. */
static void test_an_nmi_given_since_the_exit_is_not_forgotten(void **state)
{
	struct rig *rig = start_open(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);
	uint32_t left;

	(void)state;
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	do_inject(rig, &left);
	assert_true(inject_holds_nmi(rig_vcpu(rig, 0)));
	assert_int_not_equal(fake_logged(f, KVM_GET_VCPU_EVENTS), 0);
	post(rig, 0x51);
	do_inject(rig, &left);
	assert_int_equal(left, LAPIC_PENDING_INTR);
	assert_int_equal(f->run->kvm_dirty_regs, 0);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->nmis, 1);
	rig_free(rig);
}

static void test_what_the_exit_told_is_not_asked_again(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	f->nmi_blocked = true;
	lapic_post(v->lapic, LAPIC_NMI, 0, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_true(inject_blocks_nmi(v));
	assert_false(inject_holds_nmi(v));
	assert_true(v->nmi_given);
	assert_int_equal(fake_logged(f, KVM_GET_VCPU_EVENTS), 0);
	rig_free(rig);
}

static void test_a_refusal_by_kvm_ends_the_run_with_its_name(void **state)
{
	struct rig *rig = start(rig_host_vmx);
	uint32_t left;

	(void)state;
	rig->kvm.failing_request = KVM_INTERRUPT;
	rig->kvm.failing_error = 5;
	guest_is(rig, true, false);
	post(rig, 0x51);
	do_inject(rig, &left);
	assert_true(ending_reached(&rig->ending));
	assert_int_equal(rig->ending.result.kind, RESULT_INTERNAL);
	assert_string_equal(rig->ending.result.text, "KVM_INTERRUPT: Input/output error");
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_open_guest_gets_the_vector_at_once),
		cmocka_unit_test(test_a_closed_guest_keeps_the_vector_in_irr),
		cmocka_unit_test(test_ready_with_interrupts_off_is_not_believed),
		cmocka_unit_test(test_a_late_host_is_said_to_wait_for_the_window),
		cmocka_unit_test(test_no_second_interrupt_before_an_entry),
		cmocka_unit_test(test_a_second_lower_vector_waits_for_the_window),
		cmocka_unit_test(test_a_raised_tpr_withdraws_the_request),
		cmocka_unit_test(test_without_tpr_exits_a_masked_vector_waits_for_tpr),
		cmocka_unit_test(test_a_vector_that_waits_for_an_eoi_needs_no_watch),
		cmocka_unit_test(test_an_nmi_goes_first_and_alone),
		cmocka_unit_test(test_no_interrupt_overtakes_an_nmi_that_kvm_still_holds),
		cmocka_unit_test(test_two_nmis_are_both_handed_over_with_if_clear),
		cmocka_unit_test(test_an_smi_needs_a_host_with_smm),
		cmocka_unit_test(test_an_extint_brings_the_8259s_vector),
		cmocka_unit_test(test_after_an_exit_the_vector_rides_along_with_the_entry),
		cmocka_unit_test(test_a_vector_that_rides_along_outlives_an_entry_put_off),
		cmocka_unit_test(test_a_vector_beside_other_events_is_given_by_call),
		cmocka_unit_test(test_a_host_without_it_is_given_vectors_by_call),
		cmocka_unit_test(test_an_nmi_given_since_the_exit_is_not_forgotten),
		cmocka_unit_test(test_what_the_exit_told_is_not_asked_again),
		cmocka_unit_test(test_a_refusal_by_kvm_ends_the_run_with_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
