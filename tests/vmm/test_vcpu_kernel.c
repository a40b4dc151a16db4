// SPDX-License-Identifier: BSD-2-Clause
// Turns of a vCPU whose Local APIC is KVM's: exits, messages and EOIs, the 8259s' interrupts, and
// whether it sleeps for ever. Not what such a Local APIC does: guests show that on a real KVM.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"
#include "vmm/machine_firmware.h"
#include "vmm/run_report.h"
#include "vmm/vcpu_kernel.h"

#define LINE       0x2040u
#define HOW        0x0u
#define DEST       0x4u
#define LEVEL      0x8u
#define TRIGGER    0x8000u
#define REMOTE_IRR 0x4000u
#define IRQ1       0x2001u

static int nothing(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EINTR;
}

/* ---------------------------------------------------------------- a rig of KVM's LAPICs */

static struct rig *start(fake_script *script, unsigned cpus)
{
	struct rig *rig = rig_new(script);

	rig->options.cpus = cpus;
	rig->options.kernel_lapic = true;
	if (!rig_open(rig))
		fail_msg("machine_open: %s", rig->why.text);
	rig_become(rig, 0);
	return rig;
}

static bool turns(struct rig *rig, unsigned cpu, unsigned count)
{
	while (count--)
		if (!vcpu_kernel_turn(rig_vcpu(rig, cpu)))
			return false;
	return true;
}

static void set_register(struct rig *rig, unsigned cpu, unsigned offset, uint32_t value)
{
	memcpy(rig_fake(rig, cpu)->lapic.regs + offset, &value, sizeof(value));
}

static uint32_t get_register(struct rig *rig, unsigned cpu, unsigned offset)
{
	uint32_t value;

	memcpy(&value, rig_fake(rig, cpu)->lapic.regs + offset, sizeof(value));
	return value;
}

/* ---------------------------------------------------------------- the machine */

static void test_only_the_boot_processor_is_given_a_state(void **state)
{
	struct rig *rig = start(nothing, 2);

	(void)state;
	assert_int_equal(rig->kvm.split_pins != 0, 1);
	assert_null(rig_vcpu(rig, 0)->lapic);
	assert_int_equal(rig_fake(rig, 0)->cpuid_set, 1);
	assert_int_equal(rig_fake(rig, 1)->cpuid_set, 1);
	assert_int_equal(rig_fake(rig, 1)->mp_states, 0);
	assert_int_equal(rig_fake(rig, 1)->state_changes, 0);
	assert_int_equal(get_register(rig, 0, 0xF0), 0);
	assert_int_equal(machine_firmware(&rig->machine), 0);
	assert_int_equal(get_register(rig, 0, 0xF0), 0x1FF);
	assert_int_equal(get_register(rig, 0, 0x350), 0x700);
	assert_int_equal(get_register(rig, 0, 0x360), 0x400);
	assert_int_equal(get_register(rig, 1, 0xF0), 0);
	rig_free(rig);
}

static void test_a_host_without_split_irqchip_is_refused(void **state)
{
	struct rig *rig = rig_new(nothing);

	(void)state;
	rig->options.kernel_lapic = true;
	rig->kvm.missing_cap = KVM_CAP_SPLIT_IRQCHIP;
	assert_false(rig_open(rig));
	assert_int_equal(rig->why.kind, RESULT_HOST_LACKS);
	assert_int_equal(result_code(&rig->why), 77);
	assert_non_null(strstr(rig->why.text, "KVM_CAP_SPLIT_IRQCHIP"));
	rig_free(rig);
}

/* ---------------------------------------------------------------- exits */

static int exits(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	switch (rig_of(v)->step++) {
	case 0: return -EAGAIN;
	case 1: return fake_out(v, 0x3F8, 'x', 1);
	case 2: return fake_rdmsr(v, 0x8FF, KVM_MSR_EXIT_REASON_INVAL);
	case 3: rig_of(v)->seen[0] = v->run->msr.error; return fake_mmio_read(v, 0xFED80000, 4);
	case 4: rig_of(v)->seen[1] = fake_data(v); return fake_exit(run, KVM_EXIT_IRQ_WINDOW_OPEN);
	default: return -EINTR;
	}
}

static void test_exits_are_answered_without_a_model(void **state)
{
	struct rig *rig = start(exits, 1);

	(void)state;
	assert_true(turns(rig, 0, 7));
	assert_string_equal(rig->out, "x");
	assert_int_equal(rig->seen[0], 1);
	assert_int_equal(rig->seen[1], 0xFFFFFFFF);
	assert_int_equal(rig->machine.vcpus[0].stats.exits[KVM_EXIT_IO], 1);
	rig_free(rig);
}

static int shuts_down(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	return fake_exit(run, KVM_EXIT_SHUTDOWN);
}

static int fails(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EFAULT;
}

static void test_faults_and_errors_end_the_run(void **state)
{
	struct rig *rig = start(shuts_down, 1);

	(void)state;
	assert_false(turns(rig, 0, 2));
	assert_int_equal(rig->ending.result.kind, RESULT_TRIPLE_FAULT);
	rig_free(rig);
	rig = start(fails, 1);
	assert_false(turns(rig, 0, 2));
	assert_int_equal(rig->ending.result.kind, RESULT_INTERNAL);
	rig_free(rig);
}

/* ---------------------------------------------------------------- messages */

static int ends_service(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	run->eoi.vector = 0x51;
	return fake_exit(run, KVM_EXIT_IOAPIC_EOI);
}

static void test_a_level_is_sent_again_when_kvm_tells_of_its_eoi(void **state)
{
	struct rig *rig = start(ends_service, 2);

	(void)state;
	rig_out(rig, LINE + DEST, 0x01000000, 4);
	rig_out(rig, LINE + HOW, TRIGGER | 0x51, 4);
	assert_int_equal(rig->kvm.route_count, 1);
	assert_int_equal(rig->kvm.routes[0].u.msi.address_lo, 0xFEE01000);
	assert_int_equal(rig->kvm.routes[0].u.msi.data, 0xC051);
	assert_int_equal(rig->kvm.msi_count, 0);
	rig_out(rig, LINE + LEVEL, 1, 4);
	assert_int_equal(rig->kvm.msi_count, 1);
	assert_int_equal(rig->kvm.msis[0].address_lo, 0xFEE01000);
	assert_int_equal(rig->kvm.msis[0].data, 0xC051);
	assert_true(turns(rig, 0, 1));
	assert_int_equal(rig->kvm.msi_count, 2);
	rig_out(rig, LINE + LEVEL, 0, 4);
	assert_true(turns(rig, 0, 1));
	assert_int_equal(rig->kvm.msi_count, 2);
	assert_int_equal(rig_port(rig, LINE + HOW, false, 0, 4) & REMOTE_IRR, 0);
	rig_free(rig);
}

static void test_edges_want_no_route(void **state)
{
	struct rig *rig = start(nothing, 1);

	(void)state;
	rig_out(rig, LINE + HOW, TRIGGER | 0x51, 4);
	rig_out(rig, LINE + HOW, 0x852, 4);
	assert_int_equal(rig->kvm.route_count, 0);
	rig_out(rig, LINE + LEVEL, 1, 4);
	assert_int_equal(rig->kvm.msi_count, 1);
	assert_int_equal(rig->kvm.msis[0].address_lo, 0xFEE00004);
	assert_int_equal(rig->kvm.msis[0].data, 0x4052);
	rig_free(rig);
}

static void test_a_level_that_kvm_could_not_deliver_waits_for_no_eoi(void **state)
{
	struct rig *rig = start(nothing, 1);

	(void)state;
	rig->kvm.msi_answer = -EPERM;
	rig_out(rig, LINE + HOW, TRIGGER | 0x51, 4);
	rig_out(rig, LINE + LEVEL, 1, 4);
	assert_int_equal(rig->kvm.msi_count, 1);
	assert_int_equal(rig_port(rig, LINE + HOW, false, 0, 4) & REMOTE_IRR, 0);
	rig_free(rig);
}

/* ---------------------------------------------------------------- ExtINT */

/* The guest's flags after this entry stand in seen[0] and [1]. */
static int as_told(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	v->if_flag = rig->seen[0];
	v->shadow = rig->seen[1];
	rig->seen[2] = run->request_interrupt_window;
	return fake_exit(run, KVM_EXIT_IRQ_WINDOW_OPEN);
}

static void raise_irq1(struct rig *rig)
{
	rig_out(rig, 0x21, 0xFD, 1);
	rig_out(rig, IRQ1, 1, 1);
}

static void test_an_8259_interrupt_waits_for_the_window_and_is_given_once(void **state)
{
	struct rig *rig = start(as_told, 2);
	struct fake_vcpu *v = rig_fake(rig, 0);

	(void)state;
	machine_firmware(&rig->machine);
	assert_true(turns(rig, 0, 1));
	assert_int_equal(rig->seen[2], 0);
	raise_irq1(rig);
	assert_true(turns(rig, 0, 2));
	assert_int_equal(rig->seen[2], 1);
	assert_int_equal(v->queued, -1);
	/* Open at the end of this entry, so that the next begins with it. */
	rig->seen[0] = 1;
	assert_true(turns(rig, 0, 1));
	assert_int_equal(v->taken_count, 0);
	assert_true(turns(rig, 0, 1));
	assert_int_equal(v->taken_count, 1);
	assert_int_equal(v->taken[0], 0x09);
	assert_int_equal(v->bad_interrupts, 0);
	/* It is in service at the 8259 and INTR is low: nothing more is asked for. */
	assert_int_equal(rig->seen[2], 0);
	assert_true(turns(rig, 0, 3));
	assert_int_equal(v->taken_count, 1);
	/* Never into another processor. */
	assert_int_equal(rig_fake(rig, 1)->taken_count, 0);
	rig_free(rig);
}

static void test_a_second_8259_interrupt_is_not_put_over_the_first(void **state)
{
	struct rig *rig = start(as_told, 1);
	struct fake_vcpu *v = rig_fake(rig, 0);

	(void)state;
	machine_firmware(&rig->machine);
	rig->seen[0] = 1;
	assert_true(turns(rig, 0, 1));
	raise_irq1(rig);
	/* A turn that gives the interrupt and does not enter, then a more urgent request. */
	assert_true(census_call(&rig->machine.census));
	assert_true(turns(rig, 0, 1));
	assert_int_equal(v->queued, 9);
	rig_out(rig, 0x21, 0xFC, 1);
	rig_out(rig, IRQ1 - 1, 1, 1);
	assert_true(turns(rig, 0, 1));
	assert_int_equal(v->taken[0], 9);
	rig->seen[0] = 1;
	assert_true(turns(rig, 0, 2));
	assert_int_equal(v->taken_count, 2);
	assert_int_equal(v->taken[1], 8);
	assert_int_equal(v->bad_interrupts, 0);
	rig_free(rig);
}

/* ---------------------------------------------------------------- sleep */

#define HALTED KVM_MP_STATE_HALTED

static struct fake_vcpu *halted(struct rig *rig, unsigned cpu)
{
	struct fake_vcpu *v = rig_fake(rig, cpu);

	v->mp_state = HALTED;
	v->run->if_flag = v->if_flag = true;
	return v;
}

static void test_what_sleeps_for_ever(void **state)
{
	static const struct {
		uint32_t lvt, tmict, tmcct, ppr;
		uint64_t deadline;
		bool off, sleeps;
	} cases[] = {
		{0x10000, 0, 0, 0, 0, false, true},      /* nothing at all */
		{0x31, 100, 50, 0, 0, false, false},     /* a one-shot that runs */
		{0x31, 100, 0, 0, 0, false, true},       /* one that has run out */
		{0x10031, 100, 50, 0, 0, false, true},   /* masked */
		{0x31, 100, 50, 0x30, 0, false, true},   /* behind TPR */
		{0x31, 100, 50, 0x2F, 0, false, false},  /* just above */
		{0x31, 100, 50, 0, 0, true, true},       /* interrupts off */
		{0x20031, 100, 0, 0, 0, false, false},   /* periodic, at its zero */
		{0x20031, 0, 0, 0, 0, false, true},      /* periodic, stopped */
		{0x40031, 0, 0, 0, 0, false, true},      /* no deadline */
		{0x40031, 100, 50, 0, 0, false, true},   /* counts are for other modes */
		{0x40031, 0, 0, 0, 12345, false, false}, /* a deadline */
		{0x31, 0, 0, 0, 12345, false, true},     /* which is for its mode */
	};
	struct rig *rig = start(nothing, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_vcpu *v = halted(rig, 0);

		set_register(rig, 0, 0x320, cases[i].lvt);
		set_register(rig, 0, 0x380, cases[i].tmict);
		set_register(rig, 0, 0x390, cases[i].tmcct);
		set_register(rig, 0, 0xA0, cases[i].ppr);
		v->tsc_deadline = cases[i].deadline;
		v->run->if_flag = v->if_flag = !cases[i].off;
		if (vcpu_kernel_sleeps(rig_vcpu(rig, 0)) != cases[i].sleeps)
			fail_msg("case %zu", i);
	}
	assert_int_equal(rig_fake(rig, 0)->runs, 0);
	assert_false(rig_fake(rig, 0)->masked);
	rig_free(rig);
}

static void test_states_of_processors(void **state)
{
	static const struct {
		uint32_t mp;
		bool sleeps;
		enum vcpu_state is;
	} cases[] = {
		{KVM_MP_STATE_RUNNABLE, false, VCPU_RUNNING},
		{KVM_MP_STATE_HALTED, true, VCPU_HALTED},
		{KVM_MP_STATE_UNINITIALIZED, true, VCPU_WAITS_FOR_SIPI},
		{KVM_MP_STATE_INIT_RECEIVED, true, VCPU_WAITS_FOR_SIPI},
	};
	struct rig *rig = start(nothing, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig_fake(rig, 0)->mp_state = cases[i].mp;
		assert_int_equal(vcpu_kernel_sleeps(rig_vcpu(rig, 0)), cases[i].sleeps);
		assert_int_equal(vcpu_state(rig_vcpu(rig, 0)), cases[i].is);
	}
	rig_free(rig);
}

static void wakes_at_the_second_pass(struct fake_vcpu *v)
{
	if (v->passes == 2)
		v->mp_state = KVM_MP_STATE_RUNNABLE;
}

static void test_what_kvm_keeps_back_wakes_it_in_two_passes(void **state)
{
	struct rig *rig = start(nothing, 1);
	struct fake_vcpu *v = halted(rig, 0);

	(void)state;
	v->at_pass = wakes_at_the_second_pass;
	assert_false(vcpu_kernel_sleeps(rig_vcpu(rig, 0)));
	assert_int_equal(v->passes, 2);
	assert_int_equal(v->runs, 0);
	rig_free(rig);
}

static void call(struct rig *rig)
{
	assert_true(census_call(&rig->machine.census));
	rig->machine.census.patience_ns = 20000000;
}

static void test_the_run_ends_when_all_sleep(void **state)
{
	struct rig *rig = start(nothing, 1);

	(void)state;
	halted(rig, 0);
	rig->in_open = false;
	call(rig);
	assert_true(turns(rig, 0, 1));
	assert_false(turns(rig, 0, 1));
	assert_int_equal(rig->ending.result.kind, RESULT_HALTED_FOREVER);
	run_report_where(&rig->machine, &rig->ending.result);
	assert_non_null(strstr(rig->ending.result.detail, "cpu 0: halted"));
	rig_free(rig);
}

static void test_it_goes_on_when_one_is_awake_or_does_not_come(void **state)
{
	struct rig *rig = start(nothing, 1);

	(void)state;
	rig->in_open = false;
	call(rig);
	assert_true(turns(rig, 0, 2));
	rig_free(rig);
	rig = start(nothing, 2);
	rig->in_open = false;
	halted(rig, 0);
	halted(rig, 1);
	call(rig);
	assert_true(turns(rig, 0, 2));
	assert_false(census_wanted(&rig->machine.census));
	rig_free(rig);
}

/* ---------------------------------------------------------------- a pass, and standing still */

static int eoi_waits(struct fake_vcpu *v, struct kvm_run *run)
{
	if (rig_of(v)->step++)
		return -EINTR;
	run->eoi.vector = 0x51;
	return fake_exit(run, KVM_EXIT_IOAPIC_EOI);
}

static void test_a_pass_answers_what_waited_at_the_entry(void **state)
{
	struct rig *rig = start(nothing, 1);
	bool exited;

	(void)state;
	rig_fake(rig, 0)->pass = eoi_waits;
	rig_out(rig, LINE + HOW, TRIGGER | 0x51, 4);
	rig_out(rig, LINE + LEVEL, 1, 4);
	rig_vcpu(rig, 0)->given = true;
	assert_true(vcpu_kernel_pass(rig_vcpu(rig, 0), &exited));
	assert_true(exited);
	assert_int_equal(rig->kvm.msi_count, 2);
	assert_false(rig_vcpu(rig, 0)->given);
	assert_true(vcpu_kernel_pass(rig_vcpu(rig, 0), &exited));
	assert_false(exited);
	assert_int_equal(rig_fake(rig, 0)->runs, 0);
	assert_false(rig_fake(rig, 0)->masked);
	rig_fake(rig, 0)->pass = shuts_down;
	assert_false(vcpu_kernel_pass(rig_vcpu(rig, 0), &exited));
	assert_int_equal(rig->ending.result.kind, RESULT_TRIPLE_FAULT);
	rig_free(rig);
}

static int writes(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	return fake_out(v, 0x3F8, 'x', 1);
}

static void test_who_stands_still_has_finished_its_instruction(void **state)
{
	struct rig *rig = start(writes, 1);

	(void)state;
	assert_true(turns(rig, 0, 1));
	assert_true(rig_fake(rig, 0)->unfinished);
	assert_true(vcpu_kernel_finish(rig_vcpu(rig, 0)));
	assert_false(rig_fake(rig, 0)->unfinished);
	assert_int_equal(rig_fake(rig, 0)->finishes, 1);
	/* Once is enough. */
	assert_true(vcpu_kernel_finish(rig_vcpu(rig, 0)));
	assert_int_equal(rig_fake(rig, 0)->finishes, 1);
	rig_free(rig);
}

static void test_who_wants_all_to_stand_calls_a_census_off(void **state)
{
	struct rig *rig = start(nothing, 1);

	(void)state;
	assert_true(census_call(&rig->machine.census));
	machine_hold(&rig->machine);
	assert_false(census_wanted(&rig->machine.census));
	machine_release(&rig->machine);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_boot_processor_is_given_a_state),
		cmocka_unit_test(test_a_host_without_split_irqchip_is_refused),
		cmocka_unit_test(test_exits_are_answered_without_a_model),
		cmocka_unit_test(test_faults_and_errors_end_the_run),
		cmocka_unit_test(test_a_level_is_sent_again_when_kvm_tells_of_its_eoi),
		cmocka_unit_test(test_edges_want_no_route),
		cmocka_unit_test(test_a_level_that_kvm_could_not_deliver_waits_for_no_eoi),
		cmocka_unit_test(test_an_8259_interrupt_waits_for_the_window_and_is_given_once),
		cmocka_unit_test(test_a_second_8259_interrupt_is_not_put_over_the_first),
		cmocka_unit_test(test_what_sleeps_for_ever),
		cmocka_unit_test(test_states_of_processors),
		cmocka_unit_test(test_what_kvm_keeps_back_wakes_it_in_two_passes),
		cmocka_unit_test(test_the_run_ends_when_all_sleep),
		cmocka_unit_test(test_it_goes_on_when_one_is_awake_or_does_not_come),
		cmocka_unit_test(test_a_pass_answers_what_waited_at_the_entry),
		cmocka_unit_test(test_who_stands_still_has_finished_its_instruction),
		cmocka_unit_test(test_who_wants_all_to_stand_calls_a_census_off),
	};

	return cmocka_run_group_tests_name("vcpu with a kernel LAPIC", tests, NULL, NULL);
}
