// SPDX-License-Identifier: BSD-2-Clause
// The turns of a vCPU on a scripted KVM: accesses, CR8, halts and wakes, INIT and SIPI, the race
// before an entry. Not injection's rules (test_inject.c) and not stepping (test_step.c).
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"
#include "vmm/lapic_host.h"

#define APIC 0xFEE00000u

/* A guest that only ever loops: a kick, and nothing else, ends its runs. */
static int spin(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EINTR;
}

/* ---------------------------------------------------------------- accesses */

static int access_pages(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	(void)run;
	rig->seen[rig->step] = fake_data(v);
	switch (rig->step++) {
	case 0: return fake_mmio_write(v, APIC + 0xF0, 0x1FF, 4);
	case 1: return fake_mmio_read(v, APIC + 0xF0, 4);
	case 2: return fake_mmio_read(v, APIC + 0x1030, 4); /* nobody's */
	case 3: return fake_mmio_read(v, APIC + 0x30, 2);
	case 4: return fake_out(v, 0x3F8, 'A', 1);
	case 5: return fake_in(v, 0x3FD, 1);
	case 6: return fake_in(v, 0x1234, 2);
	case 7: return fake_mmio_read(v, APIC + 0x20, 8);
	default: return -EINTR;
	}
}

static void test_accesses_reach_the_lapic_the_devices_or_nobody(void **state)
{
	struct rig *rig = rig_start(access_pages, rig_host_vmx);

	(void)state;
	assert_true(rig_turns(rig, 0, 9));
	assert_int_equal(rig->seen[2], 0x1FF);
	assert_int_equal(rig->seen[3], 0xFFFFFFFF);
	assert_int_equal(rig->seen[4], 0x0014);
	assert_string_equal(rig->out, "A");
	assert_int_equal(rig->seen[6], 0x60);
	assert_int_equal(rig->seen[7], 0xFFFF);
	assert_int_equal(rig->seen[8], 0);
	assert_int_equal(rig_vcpu(rig, 0)->stats.page_accesses, 4);
	rig_free(rig);
}

static int msrs(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	rig->seen[rig->step] = fake_data(v) | (uint64_t)run->msr.error << 63;
	switch (rig->step++) {
	case 0: return fake_rdmsr(v, 0x802, KVM_MSR_EXIT_REASON_INVAL);
	case 1: return fake_wrmsr(v, 0x1B, 0xFEE00D00, KVM_MSR_EXIT_REASON_FILTER);
	case 2: return fake_rdmsr(v, 0x803, KVM_MSR_EXIT_REASON_INVAL);
	case 3: return fake_wrmsr(v, 0x80B, 1, KVM_MSR_EXIT_REASON_INVAL);
	case 4: return fake_rdmsr(v, 0x4B564D04, KVM_MSR_EXIT_REASON_FILTER);
	case 5: return fake_rdmsr(v, 0x1B, KVM_MSR_EXIT_REASON_FILTER);
	default: return -EINTR;
	}
}

#define GP (UINT64_C(1) << 63)

/* Rules: MSR-1, MSR-4 */
static void test_msrs_answer_or_fault(void **state)
{
	struct rig *rig = rig_start(msrs, rig_host_vmx);

	(void)state;
	assert_true(rig_turns(rig, 0, 7));
	assert_true(rig->seen[1] & GP);
	assert_false(rig->seen[2] & GP);
	assert_int_equal(rig->seen[3] & 0xFF, 0x14);
	assert_true(rig->seen[4] & GP);
	assert_true(rig->seen[5] & GP);
	assert_int_equal(rig->seen[6], 0xFEE00D00);
	/* KVM's copy is in xAPIC mode: it has no LAPIC to be in the other. */
	assert_int_equal(rig_fake(rig, 0)->apic_base, 0xFEE00900);
	assert_int_equal(rig_vcpu(rig, 0)->stats.msr_accesses, 5);
	rig_free(rig);
}

/* ---------------------------------------------------------------- CR8 */

static int lower_tpr(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	v->if_flag = true;
	rig->seen[rig->step] = run->cr8;
	switch (rig->step++) {
	case 0: run->cr8 = 9; return -EINTR;
	case 1: return fake_exit(run, KVM_EXIT_IRQ_WINDOW_OPEN);
	case 2: run->cr8 = 4; return fake_exit(run, KVM_EXIT_SET_TPR);
	default: return -EINTR;
	}
}

/* Rules: PRI-4 */
static void test_cr8_goes_both_ways_and_lowering_it_delivers(void **state)
{
	struct rig *rig = rig_start(lower_tpr, rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_read(rig, 0, 0x80), 0x90);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, 0x51, false);
	assert_true(rig_turns(rig, 0, 2));
	assert_int_equal(rig->seen[1], 9);
	assert_int_equal(f->taken_count, 0);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->seen[3], 4);
	assert_int_equal(f->taken_count, 1);
	assert_int_equal(f->taken[0], 0x51);
	assert_int_equal(f->bad_interrupts, 0);
	rig_free(rig);
}

static int tpr_by_page(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	rig->seen[rig->step] = run->cr8;
	/* MOV to CR8 without an exit, then a write to TPR: in this order. */
	if (rig->step++ == 0) {
		run->cr8 = 3;
		return fake_mmio_write(v, APIC + 0x80, 0xB7, 4);
	}
	return -EINTR;
}

static void test_a_page_write_after_mov_to_cr8_wins(void **state)
{
	struct rig *rig = rig_start(tpr_by_page, rig_host_vmx);

	(void)state;
	assert_true(rig_turns(rig, 0, 2));
	assert_int_equal(rig_read(rig, 0, 0x80), 0xB7);
	assert_int_equal(rig->seen[1], 0xB);
	rig_free(rig);
}

static int set_same_tpr(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	(void)v;
	if (rig->step++ == 0)
		return fake_exit(run, KVM_EXIT_SET_TPR);
	return -EINTR;
}

/* Rules: PRI-4 */
static void test_a_mov_to_cr8_that_exits_clears_the_low_bits(void **state)
{
	struct rig *rig = rig_start(set_same_tpr, rig_host_vmx);

	(void)state;
	rig_write(rig, 0, 0x80, 0x57);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_read(rig, 0, 0x80), 0x50);
	assert_true(rig_turns(rig, 0, 1));
	rig_free(rig);
}

/* ---------------------------------------------------------------- windows, in both families */

static int window_at_once(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	rig->seen[rig->step++ % 16] = run->request_interrupt_window;
	if (v->taken_count)
		return -EINTR;
	/* The guest runs with interrupts off until the window that was asked for opens. */
	v->if_flag = run->request_interrupt_window;
	return fake_exit(run,
			 run->request_interrupt_window ? KVM_EXIT_IRQ_WINDOW_OPEN : KVM_EXIT_INTR);
}

static void test_the_window_delivers(void **state)
{
	struct rig *rig = rig_start(window_at_once, rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	assert_true(rig_turns(rig, 0, 1));
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, 0x77, false);
	assert_true(rig_turns(rig, 0, 2));
	assert_int_equal(rig->seen[0], 0);
	assert_int_equal(rig->seen[1], 1);
	assert_int_equal(rig->seen[2], 0);
	assert_int_equal(f->taken_count, 1);
	assert_int_equal(f->bad_interrupts, 0);
	rig_free(rig);
}

static int other_exit_while_open(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	(void)run;
	v->if_flag = true;
	return rig->step++ < 3 ? fake_out(v, 0x80, 0, 1) : -EINTR;
}

/* kvm_pvm: the window's exit may never come while others do. */
static void test_any_exit_that_finds_the_guest_open_delivers(void **state)
{
	struct rig *rig = rig_start(other_exit_while_open, rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, 0x77, false);
	assert_true(rig_turns(rig, 0, 3));
	assert_int_equal(f->taken_count, 1);
	assert_int_equal(f->bad_interrupts, 0);
	rig_free(rig);
}

static int faulting_msr(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	(void)run;
	if (rig->step++ > 0)
		return -EINTR;
	v->if_flag = true;
	return fake_rdmsr(v, 0x8FF, KVM_MSR_EXIT_REASON_INVAL);
}

/* At the exit IF is 1; but the access ends in a #GP, whose handler starts with IF = 0. */
static void test_an_exit_in_mid_instruction_is_no_window(void **state)
{
	struct rig *rig = rig_start(faulting_msr, rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	assert_true(rig_turns(rig, 0, 1));
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, 0x77, false);
	f->if_flag = false; /* as the completion of the access leaves it */
	assert_true(rig_turns(rig, 0, 3));
	assert_int_equal(f->bad_interrupts, 0);
	assert_int_equal(f->taken_count, 0);
	assert_int_equal(f->finishes, 1);
	f->if_flag = true;
	assert_true(rig_turns(rig, 0, 2));
	assert_int_equal(f->taken_count, 1);
	rig_free(rig);
}

/* A write with interrupts off, for ever. */
static int writes_closed(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	v->if_flag = false;
	return fake_out(v, 0x80, 0, 1);
}

/* No interrupt can be given behind it: the instruction is finished on the way to the next exit. */
static void test_an_exit_of_a_closed_guest_is_not_finished_apart(void **state)
{
	struct rig *rig = rig_start(writes_closed, rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	assert_true(rig_turns(rig, 0, 1));
	lapic_post(v->lapic, LAPIC_FIXED, 0x77, false);
	assert_true(rig_turns(rig, 0, 2));
	assert_int_equal(f->finishes, 0);
	assert_int_equal(f->run->request_interrupt_window, 1);
	lapic_post(v->lapic, LAPIC_NMI, 0, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->finishes, 1);
	rig_free(rig);
}

/* ---------------------------------------------------------------- halts */

static int halt(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	rig->step++;
	v->if_flag = rig->seen[15];
	if (rig->seen[14]) /* the NMI came in the shadow of STI before the HLT */
		v->nmis_queued = 1;
	return v->taken_count || v->nmis ? -EINTR : fake_exit(run, KVM_EXIT_HLT);
}

/* Rules: MP-5 */
static void test_an_interrupt_ends_hlt_only_with_if_set(void **state)
{
	struct rig *rig = rig_start(halt, rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);
	struct lapic *lapic = rig_vcpu(rig, 0)->lapic;

	(void)state;
	rig_enable(rig, 0);
	rig->seen[15] = true;
	assert_true(rig_turns(rig, 0, 1));
	assert_true(rig_vcpu(rig, 0)->halted);
	lapic_post(lapic, LAPIC_FIXED, 0x61, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_false(rig_vcpu(rig, 0)->halted);
	assert_int_equal(f->runs, 2);
	assert_int_equal(f->taken[0], 0x61);
	rig_free(rig);

	rig = rig_start(halt, rig_host_vmx);
	f = rig_fake(rig, 0);
	rig_enable(rig, 0);
	assert_true(rig_turns(rig, 0, 1));
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, 0x61, false);
	/* It would sleep for ever, and so the run ends. */
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->runs, 1);
	assert_true(ending_reached(&rig->ending));
	assert_int_equal(rig->ending.result.kind, RESULT_HALTED_FOREVER);
	rig_free(rig);
}

/* Rules: MP-4 */
static void test_an_nmi_ends_hlt_with_if_clear(void **state)
{
	struct rig *rig = rig_start(halt, rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	assert_true(rig_turns(rig, 0, 1));
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_false(rig_vcpu(rig, 0)->halted);
	assert_int_equal(f->nmis, 1);
	rig_free(rig);
}

/* Rules: MP-4 */
static void test_a_blocked_nmi_does_not_end_hlt(void **state)
{
	struct rig *rig = rig_start(halt, rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	f->nmi_blocked = true; /* it halts in the handler of another */
	assert_true(rig_turns(rig, 0, 1));
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_true(rig_vcpu(rig, 0)->halted);
	assert_int_equal(f->nmis_queued, 0);
	rig_free(rig);
}

static void test_an_smi_that_cannot_be_delivered_does_not_end_hlt(void **state)
{
	struct rig *rig = rig_start(halt, rig_host_pvm);
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	rig->traits.smm = false;
	assert_true(rig_turns(rig, 0, 1));
	lapic_post(v->lapic, LAPIC_SMI, 0, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_true(v->halted);
	assert_int_equal(v->stats.smis_dropped, 1);
	rig_free(rig);
}

static void test_an_nmi_that_kvm_still_holds_is_not_slept_over(void **state)
{
	struct rig *rig = rig_start(halt, rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	f->nmi_blocked = true; /* so the first entry does not take it, */
	assert_true(rig_turns(rig, 0, 1));
	assert_true(rig_vcpu(rig, 0)->halted);
	rig_free(rig);

	rig = rig_start(halt, rig_host_vmx);
	f = rig_fake(rig, 0);
	rig_vcpu(rig, 0)->nmi_given = true;
	rig->seen[14] = true;
	assert_true(rig_turns(rig, 0, 1));
	assert_false(rig_vcpu(rig, 0)->halted);
	assert_false(ending_reached(&rig->ending));
	rig->seen[14] = false;
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->nmis, 1);
	rig_free(rig);
}

static void test_the_timer_ends_hlt(void **state)
{
	struct rig *rig = rig_start(halt, rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	rig->seen[15] = true;
	rig_write(rig, 0, 0x3E0, 0xB);     /* divide by 1 */
	rig_write(rig, 0, 0x320, 0x30);    /* one-shot */
	rig_write(rig, 0, 0x380, 3000000); /* 3 ms */
	/* HLT, a sleep of 3 ms or several, then the handler. */
	for (int i = 0; i < 1000 && !f->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->taken[0], 0x30);
	assert_true(rig_vcpu(rig, 0)->stats.halts >= 1);
	assert_true(rig_vcpu(rig, 0)->stats.halted_ns > 0);
	assert_false(ending_reached(&rig->ending));
	rig_free(rig);
}

static void test_a_timer_that_cannot_wake_does_not_count(void **state)
{
	static const struct {
		uint32_t lvt, tpr, lvt_error;
		bool for_ever;
	} cases[] = {
		{0x10030, 0, 0x10000, true},    /* masked */
		{0x30030, 0, 0x10000, true},    /* periodic and masked */
		{0x00030, 0x30, 0x10000, true}, /* below TPR */
		{0x00008, 0, 0x10000, true},    /* an illegal vector, and nobody hears of it */
		{0x10008, 0, 0x00040, true},
		{0x00008, 0, 0x00040, false}, /* but here the error interrupts */
		{0x00030, 0x20, 0x10000, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_start(halt, rig_host_vmx);

		rig_enable(rig, 0);
		rig->seen[15] = true;
		rig_write(rig, 0, 0x3E0, 0xB);
		rig_write(rig, 0, 0x80, cases[i].tpr);
		rig_write(rig, 0, 0x370, cases[i].lvt_error);
		rig_write(rig, 0, 0x320, cases[i].lvt);
		rig_write(rig, 0, 0x380, cases[i].for_ever ? 0xFFFFFFFF : 2000000);
		assert_true(rig_turns(rig, 0, 2));
		assert_int_equal(ending_reached(&rig->ending), cases[i].for_ever);
		rig_free(rig);
	}
}

static void post_44(struct fake_vcpu *v)
{
	lapic_post(rig_vcpu(rig_of(v), v->id)->lapic, LAPIC_FIXED, 0x44, false);
}

/*
 * A post between the owner's look at its LAPIC and lapic_away() calls for no kick. Stepping, which
 * is ended in between, is only there to give that moment a name.
 */
/* Rules: MP-5 */
static void test_a_post_between_look_and_sleep_is_not_slept_over(void **state)
{
	struct rig *rig = rig_start(halt, rig_host_vmx);

	(void)state;
	rig_enable(rig, 0);
	rig->seen[15] = true;
	assert_true(rig_turns(rig, 0, 1));
	assert_true(rig_vcpu(rig, 0)->halted);
	rig_vcpu(rig, 0)->step.on = true;
	rig->kvm.at_debug = post_44;
	assert_true(rig_turns(rig, 0, 1));
	assert_false(ending_reached(&rig->ending));
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_fake(rig, 0)->taken[0], 0x44);
	rig_free(rig);
}

static int open_and_counts(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	v->if_flag = true;
	rig_of(v)->step++;
	return -EINTR;
}

/* Rules: MP-5 */
static void test_a_post_between_look_and_entry_is_not_entered_over(void **state)
{
	struct rig *rig = rig_start(open_and_counts, rig_host_vmx);

	(void)state;
	rig_enable(rig, 0);
	assert_true(rig_turns(rig, 0, 1));
	rig_vcpu(rig, 0)->step.on = true;
	rig->kvm.at_debug = post_44;
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->step, 1);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->step, 2);
	assert_int_equal(rig_fake(rig, 0)->taken[0], 0x44);
	rig_free(rig);
}

static void *post_later(void *opaque)
{
	usleep(20000);
	lapic_post(opaque, LAPIC_FIXED, 0x44, false);
	return NULL;
}

/* Rules: MP-5 */
static void test_a_post_from_another_thread_ends_the_sleep(void **state)
{
	struct rig *rig = rig_new(halt);
	struct fake_vcpu *f;
	pthread_t thread;

	(void)state;
	/* A second CPU that is not asleep keeps the watch from ending the run. */
	rig->options.cpus = 2;
	assert_true(rig_open(rig));
	rig_become(rig, 0);
	f = rig_fake(rig, 0);
	rig_enable(rig, 0);
	rig->seen[15] = true;
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(pthread_create(&thread, NULL, post_later, rig_vcpu(rig, 0)->lapic), 0);
	for (int i = 0; i < 100 && !f->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(f->taken[0], 0x44);
	rig_free(rig);
}

/* A poll that is longer than any test takes; the second CPU is on another core, or on none. */
static struct rig *start_polling(int core, uint64_t most_ns)
{
	struct rig *rig = rig_new(halt);
	struct vcpu *v;

	rig->options.cpus = 2;
	assert_true(rig_open(rig));
	rig_become(rig, 0);
	rig_enable(rig, 0);
	v = rig_vcpu(rig, 0);
	v->poll = (struct halt_poll){.most_ns = most_ns, .ns = most_ns};
	atomic_store(&rig_vcpu(rig, 1)->core, core);
	rig->seen[15] = true;
	return rig;
}

/* Rules: MP-5 */
static void test_a_post_ends_the_poll(void **state)
{
	struct rig *rig = start_polling(-1, UINT64_C(60000000000));
	struct fake_vcpu *f = rig_fake(rig, 0);
	struct vcpu *v = rig_vcpu(rig, 0);
	pthread_t thread;

	(void)state;
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(pthread_create(&thread, NULL, post_later, v->lapic), 0);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(v->stats.polls, 1);
	assert_int_equal(v->stats.halts, 0);
	assert_int_equal(v->stats.kicks, 0);
	assert_true(v->stats.polled_ns > 0 && v->stats.halted_ns >= v->stats.polled_ns);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->taken[0], 0x44);
	rig_free(rig);
}

/* Whoever may be about to send the interrupt runs there. */
static void test_no_poll_goes_on_where_another_cpu_was_running(void **state)
{
	struct rig *rig;
	struct vcpu *v;
	cpu_set_t set, before;
	int core = sched_getcpu();

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
	rig = start_polling(core, UINT64_C(60000000000));
	v = rig_vcpu(rig, 0);
	assert_true(rig_turns(rig, 0, 1));
	rig_write(rig, 0, 0x320, 0x44);
	rig_write(rig, 0, 0x3E0, 0xB);
	rig_write(rig, 0, 0x380, 20000000);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(v->stats.polls, 1);
	assert_int_equal(v->stats.halts, 1);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	rig_free(rig);
}

static void test_a_poll_ends_at_the_timer_and_shrinks_with_long_halts(void **state)
{
	struct rig *rig = start_polling(-1, UINT64_C(60000000000));
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	assert_true(rig_turns(rig, 0, 1));
	rig_write(rig, 0, 0x320, 0x44);
	rig_write(rig, 0, 0x3E0, 0xB);
	rig_write(rig, 0, 0x380, 5000000);
	for (int i = 0; i < 10 && !rig_fake(rig, 0)->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_fake(rig, 0)->taken[0], 0x44);
	assert_int_equal(v->stats.polls, 1);
	assert_int_equal(v->stats.halts, 0);
	assert_true(v->stats.polled_ns < UINT64_C(30000000000));
	rig_free(rig);

	rig = start_polling(-1, 1000000);
	v = rig_vcpu(rig, 0);
	assert_true(rig_turns(rig, 0, 1));
	rig_write(rig, 0, 0x320, 0x44);
	rig_write(rig, 0, 0x3E0, 0xB);
	rig_write(rig, 0, 0x380, 20000000);
	for (int i = 0; i < 10 && !rig_fake(rig, 0)->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_fake(rig, 0)->taken[0], 0x44);
	assert_int_equal(v->stats.polls, 1);
	assert_true(v->stats.halts > 0);
	assert_int_equal(v->poll.ns, 0);
	rig_free(rig);
}

static void test_of_more_cpus_than_cores_none_polls(void **state)
{
	cpu_set_t set;
	unsigned cores;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	cores = (unsigned)CPU_COUNT(&set);
	/* Only so many vCPUs can be made. */
	if (cores >= FAKE_VCPUS)
		skip();
	for (unsigned more = 0; more < 2; more++) {
		struct rig *rig = rig_new(halt);

		rig->options.cpus = cores + more;
		rig->options.halt_poll_us = 200;
		assert_true(rig_open(rig));
		for (unsigned i = 0; i < cores + more; i++)
			assert_int_equal(rig_vcpu(rig, i)->poll.most_ns, more ? 0 : 200000);
		rig_free(rig);
	}
}

/* It woke nobody: that the poll looks at it only at its end is no lateness. */
static void test_an_alarm_that_rings_in_a_poll_teaches_nothing(void **state)
{
	struct rig *rig = start_polling(-1, UINT64_C(60000000000));
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	v->run_advance = (struct advance){.ns = 20000, .most_ns = 50000};
	assert_true(rig_turns(rig, 0, 1));
	rig_write(rig, 0, 0x320, 0x44);
	rig_write(rig, 0, 0x3E0, 0xB);
	rig_write(rig, 0, 0x380, 5000000);
	lapic_host_arm(v);
	assert_int_equal(v->kick.alarm_ns, v->deadline.at - 20000);
	for (int i = 0; i < 10 && !rig_fake(rig, 0)->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_fake(rig, 0)->taken[0], 0x44);
	assert_int_equal(v->stats.polls, 1);
	assert_int_equal(v->stats.halts, 0);
	assert_int_equal(v->kick.alarm_ns, 0);
	assert_int_equal(v->run_advance.ns, 20000);
	rig_free(rig);
}

/* ---------------------------------------------------------------- the race before an entry */

static void *post_now(void *opaque)
{
	lapic_post(opaque, LAPIC_FIXED, 0x44, false);
	return NULL;
}

/* Posts from another thread while the owner is on its way into KVM_RUN. */
static int posts_at_entry(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);
	pthread_t thread;

	v->if_flag = true;
	if (rig->step++ == 0) {
		pthread_create(&thread, NULL, post_now, rig_vcpu(rig, 0)->lapic);
		pthread_join(thread, NULL);
		/* The signal has come to this thread by now, or comes at once. */
		for (int i = 0; i < 1000 && !((volatile struct kvm_run *)run)->immediate_exit; i++)
			usleep(1000);
		rig->seen[0] = run->immediate_exit;
	}
	return -EINTR;
}

static void test_a_post_during_the_entry_makes_it_return(void **state)
{
	struct rig *rig = rig_start(posts_at_entry, rig_host_vmx);

	(void)state;
	rig_enable(rig, 0);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig->seen[0], 1);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(rig_fake(rig, 0)->taken[0], 0x44);
	/* The next turn starts with a clean flag. */
	assert_int_equal(rig_fake(rig, 0)->run->immediate_exit, 0);
	assert_int_equal(rig_fake(rig, 0)->runs, 2);
	rig_free(rig);
}

/* ---------------------------------------------------------------- INIT and SIPI */

static int mid_instruction(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	(void)run;
	rig->step++;
	return fake_mmio_read(v, APIC + 0x20, 4);
}

/* Rules: MP-6 */
static void test_init_waits_for_the_end_of_the_instruction(void **state)
{
	struct rig *rig = rig_start(mid_instruction, rig_host_vmx);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	f->regs.rip = 0x1234;
	assert_true(rig_turns(rig, 0, 1));
	assert_true(f->unfinished);
	f->state_changes = 0;
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_INIT, 0, false);
	assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->finishes, 1);
	assert_int_equal(f->changed_unfinished, 0);
	assert_true(f->state_changes > 0);
	/* The boot processor does not wait for a SIPI: it is at the reset vector. */
	assert_int_equal(f->regs.rip, 0xFFF0);
	assert_int_equal(f->sregs.cs.base, 0xFFFF0000);
	assert_false(lapic_waits_for_sipi(rig_vcpu(rig, 0)->lapic));
	rig_free(rig);
}

static struct rig *start_two(fake_script *script)
{
	struct rig *rig = rig_new(script);

	rig->options.cpus = 2;
	assert_true(rig_open(rig));
	rig_become(rig, 1);
	return rig;
}

/* Rules: MP-1, MP-2, MP-7 */
static void test_init_and_sipi_start_an_ap(void **state)
{
	struct rig *rig = start_two(spin);
	struct fake_vcpu *f = rig_fake(rig, 1);
	struct lapic *lapic = rig_vcpu(rig, 1)->lapic;

	(void)state;
	assert_true(lapic_waits_for_sipi(lapic));
	f->queued = 0x30; /* from its life before */
	f->nmis_queued = 1;
	f->sregs.cr0 = 0x40000011; /* CD kept, NW was cleared */
	f->sregs.apic_base = 0xFEE00900;
	lapic_post(lapic, LAPIC_INIT, 0, false);
	lapic_post(lapic, LAPIC_SIPI, 0x9A, false);
	assert_true(rig_turns(rig, 1, 2));
	assert_false(lapic_waits_for_sipi(lapic));
	assert_int_equal(f->sregs.cs.base, 0x9A000);
	assert_int_equal(f->sregs.cs.selector, 0x9A00);
	assert_int_equal(f->regs.rip, 0);
	assert_int_equal(f->regs.rflags, 2);
	assert_int_equal(f->sregs.cr0, 0x40000010);
	assert_int_equal(f->sregs.apic_base, 0xFEE00900);
	assert_int_equal(f->queued, -1);
	assert_int_equal(f->nmis_queued, 0);
	assert_int_equal(f->runs, 0);
	assert_true(rig_turns(rig, 1, 1));
	assert_int_equal(f->runs, 1);
	rig_free(rig);
}

/* Rules: MP-3 */
static void test_an_nmi_does_not_end_the_wait_for_sipi(void **state)
{
	struct rig *rig = start_two(spin);
	struct lapic *lapic = rig_vcpu(rig, 1)->lapic;

	(void)state;
	lapic_post(lapic, LAPIC_NMI, 0, false);
	/* A kick that is there already ends the sleep at once. */
	vcpu_kick(rig_vcpu(rig, 1));
	lapic_post(lapic, LAPIC_SIPI, 0x10, false);
	assert_true(rig_turns(rig, 1, 1));
	assert_int_equal(rig_fake(rig, 1)->runs, 0);
	assert_int_equal(rig_fake(rig, 1)->sregs.cs.base, 0x10000);
	rig_free(rig);
}

static int open_guest(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	v->if_flag = true;
	return -EINTR;
}

static void test_after_init_old_flags_open_nothing(void **state)
{
	struct rig *rig = start_two(open_guest);
	struct fake_vcpu *f = rig_fake(rig, 1);
	struct lapic *lapic = rig_vcpu(rig, 1)->lapic;

	(void)state;
	lapic_post(lapic, LAPIC_SIPI, 0x10, false);
	assert_true(rig_turns(rig, 1, 2));
	assert_int_equal(f->run->ready_for_interrupt_injection, 1);
	lapic_post(lapic, LAPIC_INIT, 0, false);
	lapic_post(lapic, LAPIC_SIPI, 0x11, false);
	assert_true(rig_turns(rig, 1, 2));
	rig_enable(rig, 1);
	lapic_post(lapic, LAPIC_FIXED, 0x55, false);
	f->if_flag = false; /* as KVM knows since KVM_SET_REGS */
	assert_true(rig_turns(rig, 1, 1));
	assert_int_equal(f->bad_interrupts, 0);
	rig_free(rig);
}

/* ---------------------------------------------------------------- relocation onto RAM */

static int relocate(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	(void)run;
	rig->seen[rig->step] = fake_data(v);
	switch (rig->step++) {
	case 0: return fake_wrmsr(v, 0x1B, 0x200900, KVM_MSR_EXIT_REASON_FILTER);
	case 1: return fake_mmio_read(v, 0x200030, 4);
	default: return -EINTR;
	}
}

/* Rules: BASE-5 */
static void test_a_lapic_page_on_ram_hides_it_from_its_own_vcpu_alone(void **state)
{
	struct rig *rig = rig_new(relocate);
	const struct access read = {
		.address = 0x200030, .width = 4, .count = 1, .data = (uint8_t[4]){0}};
	uint32_t *ram;

	(void)state;
	rig->options.cpus = 2;
	assert_true(rig_open(rig));
	rig_become(rig, 0);
	assert_true(fake_backed(&rig->kvm, 0x200030));
	ram = ram_at(&rig->machine.ram, 0x200030, 4);
	*ram = 0x12345678;
	assert_true(rig_turns(rig, 0, 3));
	assert_false(fake_backed(&rig->kvm, 0x200030));
	assert_true(fake_backed(&rig->kvm, 0x1FFFFF));
	assert_true(fake_backed(&rig->kvm, 0x201000));
	assert_int_equal(rig->seen[2] & 0xFF, 0x14);
	/* The other CPU's LAPIC is elsewhere: it sees the RAM. */
	machine_memory(&rig->machine, &read);
	assert_memory_equal(read.data, ram, 4);

	rig->step = 9;
	lapic_msr_write(rig_vcpu(rig, 0)->lapic, 0x1B, 0xFEE00900);
	assert_true(fake_backed(&rig->kvm, 0x200030));
	assert_int_equal(*ram, 0x12345678);
	rig_free(rig);
}

/* ---------------------------------------------------------------- ends */

static int end_by(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	v->regs.rip = 0x4711;
	switch (rig->seen[0]) {
	case KVM_EXIT_FAIL_ENTRY: run->fail_entry.hardware_entry_failure_reason = 0x80000021; break;
	case KVM_EXIT_INTERNAL_ERROR:
		run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
		run->internal.ndata = 4;
		run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = 4;
		memcpy(run->emulation_failure.insn_bytes, "\x66\x0F\xEF\xC8", 4);
		break;
	case 1000: return -ENOMEM;
	default: break;
	}
	return fake_exit(run, (uint32_t)rig->seen[0]);
}

static void test_each_end_has_its_name(void **state)
{
	static const struct {
		uint32_t reason;
		enum result_kind kind;
		const char *text;
	} ends[] = {
		{KVM_EXIT_SHUTDOWN, RESULT_TRIPLE_FAULT, "triple fault on vCPU 0"},
		{KVM_EXIT_FAIL_ENTRY, RESULT_EMULATION, "hardware reason 0x80000021"},
		{KVM_EXIT_INTERNAL_ERROR, RESULT_EMULATION, "66 0f ef c8 (pxor xmm1, xmm0)"},
		{KVM_EXIT_HYPERCALL, RESULT_INTERNAL, "exit reason 3 (HYPERCALL)"},
		{222, RESULT_INTERNAL, "exit reason 222"},
		{1000, RESULT_INTERNAL, "Cannot allocate memory"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct rig *rig = rig_start(end_by, rig_host_vmx);

		rig_fake(rig, 0)->sregs.cs.l = 1;
		rig_fake(rig, 0)->sregs.efer = 0x500;
		rig->seen[0] = ends[i].reason;
		rig_turns(rig, 0, 1);
		assert_true(ending_reached(&rig->ending));
		assert_int_equal(rig->ending.result.kind, ends[i].kind);
		assert_int_equal(rig->ending.result.cpu, 0);
		assert_int_equal(rig->ending.result.rip, 0x4711);
		if (!strstr(rig->ending.result.text, ends[i].text))
			fail_msg("\"%s\" does not say \"%s\"", rig->ending.result.text,
				 ends[i].text);
		assert_false(rig_turns(rig, 0, 1));
		rig_free(rig);
	}
}

/* Where a processor would run it, the guest is not to blame: that is said, and there alone. */
static void test_an_emulating_host_owns_up(void **state)
{
	(void)state;
	for (int emulates = 0; emulates < 2; emulates++) {
		struct rig *rig = rig_start(end_by, emulates ? rig_host_pvm : rig_host_vmx);

		rig->seen[0] = KVM_EXIT_INTERNAL_ERROR;
		rig_turns(rig, 0, 1);
		assert_int_equal(rig->ending.result.kind, RESULT_EMULATION);
		assert_int_equal(!!strstr(rig->ending.result.text, "; this host emulates"),
				 emulates);
		rig_free(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accesses_reach_the_lapic_the_devices_or_nobody),
		cmocka_unit_test(test_msrs_answer_or_fault),
		cmocka_unit_test(test_cr8_goes_both_ways_and_lowering_it_delivers),
		cmocka_unit_test(test_a_page_write_after_mov_to_cr8_wins),
		cmocka_unit_test(test_a_mov_to_cr8_that_exits_clears_the_low_bits),
		cmocka_unit_test(test_the_window_delivers),
		cmocka_unit_test(test_any_exit_that_finds_the_guest_open_delivers),
		cmocka_unit_test(test_an_exit_of_a_closed_guest_is_not_finished_apart),
		cmocka_unit_test(test_an_interrupt_ends_hlt_only_with_if_set),
		cmocka_unit_test(test_an_nmi_ends_hlt_with_if_clear),
		cmocka_unit_test(test_an_exit_in_mid_instruction_is_no_window),
		cmocka_unit_test(test_a_blocked_nmi_does_not_end_hlt),
		cmocka_unit_test(test_an_smi_that_cannot_be_delivered_does_not_end_hlt),
		cmocka_unit_test(test_an_nmi_that_kvm_still_holds_is_not_slept_over),
		cmocka_unit_test(test_the_timer_ends_hlt),
		cmocka_unit_test(test_a_timer_that_cannot_wake_does_not_count),
		cmocka_unit_test(test_a_post_between_look_and_sleep_is_not_slept_over),
		cmocka_unit_test(test_a_post_between_look_and_entry_is_not_entered_over),
		cmocka_unit_test(test_a_post_from_another_thread_ends_the_sleep),
		cmocka_unit_test(test_a_post_ends_the_poll),
		cmocka_unit_test(test_no_poll_goes_on_where_another_cpu_was_running),
		cmocka_unit_test(test_a_poll_ends_at_the_timer_and_shrinks_with_long_halts),
		cmocka_unit_test(test_of_more_cpus_than_cores_none_polls),
		cmocka_unit_test(test_an_alarm_that_rings_in_a_poll_teaches_nothing),
		cmocka_unit_test(test_a_post_during_the_entry_makes_it_return),
		cmocka_unit_test(test_init_waits_for_the_end_of_the_instruction),
		cmocka_unit_test(test_init_and_sipi_start_an_ap),
		cmocka_unit_test(test_an_nmi_does_not_end_the_wait_for_sipi),
		cmocka_unit_test(test_after_init_old_flags_open_nothing),
		cmocka_unit_test(test_a_lapic_page_on_ram_hides_it_from_its_own_vcpu_alone),
		cmocka_unit_test(test_each_end_has_its_name),
		cmocka_unit_test(test_an_emulating_host_owns_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
