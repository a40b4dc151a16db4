// SPDX-License-Identifier: BSD-2-Clause
// One vCPU out of one VM, into the other: what waits waits there too, once, and each timer keeps
// its moment. Not the machine around it, and not what a guest sees: guests/hops.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"
#include "vmm/inject.h"
#include "vmm/lapic_host.h"
#include "vmm/msr_index.h"
#include "vmm/vcpu_hop.h"
#include "vmm/vcpu_kernel.h"

#define ID       0x20u
#define TPR      0x80u
#define EOI      0xB0u
#define LDR      0xD0u
#define DFR      0xE0u
#define SVR      0xF0u
#define ISR      0x100u
#define TMR      0x180u
#define IRR      0x200u
#define TIMER    0x320u
#define TMICT    0x380u
#define TMCCT    0x390u
#define DIVIDE   0x3E0u
#define PERIODIC 0x20000u
#define DEADLINE 0x40000u
#define MASKED   0x10000u
#define LONG     100000000u /* ticks, a tenth of a second */
#define VECTOR   0x61u

static struct processor_msrs msrs;
static struct vcpu_hop hops[6];

static int nothing(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EINTR;
}

/* ---------------------------------------------------------------- a rig that hops */

static struct rig *start_with(unsigned cpus, uint32_t cores, uint32_t threads)
{
	struct rig *rig = rig_new(nothing);

	rig->options.cpus = cpus;
	rig->options.cores = cores;
	rig->options.threads = threads;
	rig->options.hop_ms = 20;
	msrs.count = 0;
	memset(hops, 0, sizeof(hops));
	if (!rig_open(rig))
		fail_msg("machine_open: %s", rig->why.text);
	rig_become(rig, 0);
	return rig;
}

static struct rig *start(unsigned cpus)
{
	return start_with(cpus, 0, 0);
}

/* Where it runs now. */
static struct fake_vcpu *fake(struct rig *rig, unsigned cpu)
{
	return fake_vcpu_of(&rig->kvm, rig_vcpu(rig, cpu)->fd);
}

static bool try_hop(struct rig *rig)
{
	struct machine *m = &rig->machine;
	struct vm from = m->vm;
	bool ok = true;

	for (unsigned i = 0; i < m->cpus && ok; i++)
		ok = vcpu_hop_settle(rig_vcpu(rig, i));
	for (unsigned i = 0; i < m->cpus && ok; i++)
		ok = vcpu_hop_leave(rig_vcpu(rig, i), &msrs, &hops[i]);
	m->vm = m->there;
	m->there = from;
	m->in_kernel = !m->in_kernel;
	for (unsigned i = 0; i < m->cpus && ok; i++)
		ok = vcpu_hop_swap(rig_vcpu(rig, i));
	for (unsigned i = 0; i < m->cpus && ok; i++)
		ok = vcpu_hop_enter(rig_vcpu(rig, i), &msrs, &hops[i]);
	return ok;
}

static void hop(struct rig *rig)
{
	if (!try_hop(rig))
		fail_msg("hop: %s", rig->ending.result.text);
}

static uint32_t get(struct rig *rig, unsigned cpu, unsigned offset)
{
	uint32_t value;

	memcpy(&value, fake(rig, cpu)->lapic.regs + offset, sizeof(value));
	return value;
}

static void put(struct rig *rig, unsigned cpu, unsigned offset, uint32_t value)
{
	memcpy(fake(rig, cpu)->lapic.regs + offset, &value, sizeof(value));
}

static bool bit(struct rig *rig, unsigned offset, unsigned vector)
{
	return get(rig, 0, offset + vector / 32 * 16) >> vector % 32 & 1;
}

static void put_bit(struct rig *rig, unsigned offset, unsigned vector)
{
	unsigned at = offset + vector / 32 * 16;

	put(rig, 0, at, get(rig, 0, at) | 1u << vector % 32);
}

static bool own_bit(struct rig *rig, unsigned offset, unsigned vector)
{
	return rig_read(rig, 0, offset + vector / 32 * 16) >> vector % 32 & 1;
}

/* ---------------------------------------------------------------- vectors */

/* Rules: SAVE-1, SAVE-2 */
static void test_vectors_wait_and_are_served_on_both_sides(void **state)
{
	struct rig *rig = start(1);
	struct lapic *lapic = rig_vcpu(rig, 0)->lapic;

	(void)state;
	rig_enable(rig, 0);
	rig_write(rig, 0, TPR, 0x20);
	lapic_post(lapic, LAPIC_FIXED, 0x80, true);
	lapic_post(lapic, LAPIC_FIXED, 0x31, false);
	assert_int_equal(lapic_ack(lapic), 0x80);
	/* Still in the mailbox. */
	lapic_post(lapic, LAPIC_FIXED, 0xF1, false);
	hop(rig);
	assert_null(rig_vcpu(rig, 0)->lapic);
	assert_true(bit(rig, ISR, 0x80) && bit(rig, TMR, 0x80) && !bit(rig, IRR, 0x80));
	assert_true(bit(rig, IRR, 0x31) && !bit(rig, TMR, 0x31));
	assert_true(bit(rig, IRR, 0xF1) && !bit(rig, ISR, 0xF1));
	assert_int_equal(get(rig, 0, TPR), 0x20);
	assert_int_equal(fake(rig, 0)->sregs.cr8, 2);
	assert_int_equal(get(rig, 0, SVR), 0x1FF);
	/* The guest takes F1h there, and somebody sends 45h. */
	put(rig, 0, IRR + 0x70, 0);
	put_bit(rig, ISR, 0xF1);
	put_bit(rig, IRR, 0x45);
	put(rig, 0, TPR, 0x30);
	hop(rig);
	assert_ptr_equal(rig_vcpu(rig, 0)->lapic, lapic);
	assert_true(own_bit(rig, ISR, 0xF1) && own_bit(rig, ISR, 0x80) && own_bit(rig, TMR, 0x80));
	assert_true(own_bit(rig, IRR, 0x45) && own_bit(rig, IRR, 0x31) && !own_bit(rig, IRR, 0xF1));
	assert_int_equal(rig_read(rig, 0, TPR), 0x30);
	assert_int_equal(fake(rig, 0)->run->cr8, 3);
	rig_free(rig);
}

static void test_vectors_below_16_stay_behind(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	rig_enable(rig, 0);
	hop(rig);
	put(rig, 0, IRR, 0x00018002);
	put(rig, 0, ISR, 0x00000100);
	put(rig, 0, TMR, 0x00008000);
	hop(rig);
	assert_int_equal(rig_read(rig, 0, IRR), 0x00010000);
	assert_int_equal(rig_read(rig, 0, ISR), 0);
	assert_int_equal(rig_read(rig, 0, TMR), 0);
	rig_free(rig);
}

static void test_a_vector_handed_to_kvm_is_not_handed_again(void **state)
{
	struct rig *rig = start(1);
	struct vcpu *v = rig_vcpu(rig, 0);
	uint32_t left;

	(void)state;
	rig_enable(rig, 0);
	fake(rig, 0)->if_flag = true;
	fake(rig, 0)->regs.rflags |= 0x200;
	assert_true(rig_turns(rig, 0, 1));
	lapic_post(v->lapic, LAPIC_FIXED, 0x51, false);
	inject(v, lapic_pending(v->lapic), &left);
	/* As every vCPU does before it stands still: KVM sees what kvm_run holds. */
	assert_true(v->unfinished);
	assert_true(vcpu_finish(v));
	assert_int_equal(fake(rig, 0)->queued, 0x51);
	hop(rig);
	assert_int_equal(fake(rig, 0)->queued, 0x51);
	assert_true(bit(rig, ISR, 0x51) && !bit(rig, IRR, 0x51));
	hop(rig);
	assert_int_equal(fake(rig, 0)->queued, 0x51);
	assert_true(v->given);
	/* A more urgent one does not take its place. */
	lapic_post(v->lapic, LAPIC_FIXED, 0x91, false);
	assert_true(rig_turns(rig, 0, 3));
	assert_int_equal(fake(rig, 0)->taken[0], 0x51);
	assert_int_equal(fake(rig, 0)->bad_interrupts, 0);
	rig_free(rig);
}

static void test_dropping_takes_the_highest_of_one_that_waits(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	rig_enable(rig, 0);
	hops[0].drop = true;
	hop(rig);
	assert_int_equal(hops[0].dropped, -1);
	put_bit(rig, IRR, 0x51);
	put_bit(rig, IRR, 0x7F);
	hop(rig);
	assert_int_equal(hops[0].dropped, 0x7F);
	assert_true(own_bit(rig, IRR, 0x51) && !own_bit(rig, IRR, 0x7F));
	hop(rig);
	assert_int_equal(hops[0].dropped, 0x51);
	assert_false(bit(rig, IRR, 0x51));
	hops[0].drop = false;
	put_bit(rig, IRR, 0x51);
	hop(rig);
	assert_int_equal(hops[0].dropped, -1);
	assert_true(own_bit(rig, IRR, 0x51));
	rig_free(rig);
}

/* ---------------------------------------------------------------- NMI, SMI, INIT, SIPI */

static void test_nmis_wait_on_both_sides(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	fake(rig, 0)->nmi_blocked = true;
	hop(rig);
	assert_int_equal(fake(rig, 0)->nmis_queued, 1);
	assert_true(fake(rig, 0)->nmi_blocked);
	assert_false(lapic_take_nmi(rig_vcpu(rig, 0)->own_lapic));
	hop(rig);
	assert_int_equal(fake(rig, 0)->nmis_queued, 1);
	assert_true(rig_vcpu(rig, 0)->nmi_given);
	assert_false(lapic_take_nmi(rig_vcpu(rig, 0)->lapic));
	/* KVM holds two at most. */
	fake(rig, 0)->nmis_queued = 2;
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	hop(rig);
	assert_int_equal(fake(rig, 0)->nmis_queued, 2);
	rig_free(rig);
}

static void test_an_smi_is_given_where_it_can_be(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_SMI, 0, false);
	hop(rig);
	assert_int_equal(fake(rig, 0)->smis, 1);
	hop(rig);
	rig->traits.smm = false;
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_SMI, 0, false);
	hop(rig);
	assert_int_equal(fake(rig, 0)->smis, 1);
	assert_int_equal(rig_vcpu(rig, 0)->stats.smis_dropped, 1);
	rig_free(rig);
}

/* Rules: MP-1 */
static void test_a_processor_waits_for_sipi_on_both_sides(void **state)
{
	struct rig *rig = start(2);
	struct vcpu *ap = rig_vcpu(rig, 1);

	(void)state;
	lapic_post(ap->lapic, LAPIC_NMI, 0, false);
	hop(rig);
	assert_int_equal(fake(rig, 0)->mp_state, KVM_MP_STATE_RUNNABLE);
	assert_int_equal(fake(rig, 1)->mp_state, KVM_MP_STATE_INIT_RECEIVED);
	assert_int_equal(fake(rig, 1)->nmis_queued, 1);
	hop(rig);
	assert_int_equal(vcpu_state(ap), VCPU_WAITS_FOR_SIPI);
	/* There it outlives the SIPI. */
	assert_int_equal(fake(rig, 1)->nmis_queued, 0);
	hop(rig);
	assert_int_equal(fake(rig, 1)->nmis_queued, 1);
	/* It gets its SIPI there, and another INIT after the next hop. */
	fake(rig, 1)->mp_state = KVM_MP_STATE_RUNNABLE;
	hop(rig);
	assert_int_equal(vcpu_state(ap), VCPU_RUNNING);
	hop(rig);
	assert_int_equal(fake(rig, 1)->mp_state, KVM_MP_STATE_RUNNABLE);
	fake(rig, 1)->mp_state = KVM_MP_STATE_INIT_RECEIVED;
	hop(rig);
	assert_int_equal(vcpu_state(ap), VCPU_WAITS_FOR_SIPI);
	rig_free(rig);
}

/* While it waits for SIPI KVM has no place for one. Rules: MP-1 */
static void test_an_smi_of_one_that_waits_for_sipi_waits_too(void **state)
{
	struct rig *rig = start(2);
	struct vcpu *ap = rig_vcpu(rig, 1);

	(void)state;
	lapic_post(ap->lapic, LAPIC_SMI, 0, false);
	for (unsigned i = 1; i <= 3; i++) {
		hop(rig);
		assert_int_equal(fake(rig, 1)->mp_state, KVM_MP_STATE_INIT_RECEIVED);
		assert_int_equal(fake(rig, 1)->events.smi.pending, 1);
		assert_int_equal(rig->there.vcpus[1].smis, i);
		hop(rig);
		assert_int_equal(vcpu_state(ap), VCPU_WAITS_FOR_SIPI);
		assert_int_equal(fake(rig, 1)->events.smi.pending, 0);
	}
	rig_free(rig);
}

static void test_an_init_that_smm_holds_back_is_not_lost(void **state)
{
	struct rig *rig = start(2);
	struct vcpu *ap = rig_vcpu(rig, 1);

	(void)state;
	lapic_post(ap->lapic, LAPIC_SIPI, 0x9A, false);
	hop(rig);
	fake(rig, 1)->events.smi.smm = 1;
	fake(rig, 1)->events.smi.latched_init = 1;
	hop(rig);
	assert_int_equal(vcpu_state(ap), VCPU_RUNNING);
	assert_true(lapic_pending(ap->lapic) & LAPIC_PENDING_INIT);
	/* It takes the processor out of SMM: where one is KVM lets it not wait for SIPI. */
	hop(rig);
	assert_int_equal(fake(rig, 1)->events.smi.smm, 0);
	assert_int_equal(fake(rig, 1)->events.smi.latched_init, 0);
	assert_int_equal(fake(rig, 1)->mp_state, KVM_MP_STATE_INIT_RECEIVED);
	rig_free(rig);
}

static void test_init_and_sipi_on_their_way_arrive_first(void **state)
{
	struct rig *rig = start(2);
	struct vcpu *ap = rig_vcpu(rig, 1);

	(void)state;
	lapic_post(ap->lapic, LAPIC_INIT, 0, false);
	lapic_post(ap->lapic, LAPIC_SIPI, 0x9A, false);
	hop(rig);
	assert_int_equal(fake(rig, 1)->mp_state, KVM_MP_STATE_RUNNABLE);
	assert_int_equal(fake(rig, 1)->sregs.cs.base, 0x9A000);
	lapic_post(ap->own_lapic, LAPIC_FIXED, 0x40, false);
	rig_free(rig);
}

/* ---------------------------------------------------------------- HLT */

/* KVM starts it at the reset vector; where software said to go on is ours to know. */
static void test_a_warm_reset_on_its_way_arrives_first(void **state)
{
	static const uint16_t vector[2] = {0x1234, 0x5678};
	struct rig *rig = start(1);

	(void)state;
	hop(rig);
	memcpy(ram_at(&rig->machine.ram, 0x467, sizeof(vector)), vector, sizeof(vector));
	atomic_store(&rig->machine.warm, true);
	hop(rig);
	assert_false(atomic_load(&rig->machine.warm));
	assert_int_equal(hops[0].processor.regs.rip, 0x1234);
	assert_int_equal(hops[0].processor.sregs.cs.selector, 0x5678);
	rig_free(rig);
}

static void test_a_halted_processor_stays_halted(void **state)
{
	struct rig *rig = start(1);
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	v->halted = true;
	hop(rig);
	assert_int_equal(fake(rig, 0)->mp_state, KVM_MP_STATE_HALTED);
	assert_false(v->halted);
	hop(rig);
	assert_true(v->halted);
	assert_int_equal(fake(rig, 0)->runs, 0);
	hop(rig);
	fake(rig, 0)->mp_state = KVM_MP_STATE_RUNNABLE;
	hop(rig);
	assert_false(v->halted);
	rig_free(rig);
}

static void wakes(struct fake_vcpu *v)
{
	v->mp_state = KVM_MP_STATE_RUNNABLE;
	v->lapic.regs[IRR + 0x10 * (VECTOR / 32)] |= 1 << VECTOR % 32;
}

static void test_one_that_wakes_at_the_last_look_runs(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	rig_enable(rig, 0);
	rig_vcpu(rig, 0)->halted = true;
	hop(rig);
	fake(rig, 0)->at_pass = wakes;
	hop(rig);
	assert_false(rig_vcpu(rig, 0)->halted);
	rig_free(rig);
}

/* The count has run out at each second look, so that there are several. */
static void runs_out_each_time(struct fake_vcpu *v)
{
	uint32_t count = rig_of(v)->step++ % 2 ? 0 : 1000;

	memcpy(v->lapic.regs + TMCCT, &count, 4);
}

static void wakes_and_is_halted(struct fake_vcpu *v)
{
	struct rig *rig = rig_of(v);

	rig->seen[0]++;
	rig->seen[1] += v->mp_state != KVM_MP_STATE_HALTED;
	wakes(v);
}

static void test_no_instruction_of_the_guest_runs_at_any_look(void **state)
{
	(void)state;
	for (int halted = 0; halted < 2; halted++) {
		struct rig *rig = start(1);

		rig_enable(rig, 0);
		rig_write(rig, 0, TIMER, VECTOR);
		rig_write(rig, 0, TMICT, 4000000000u);
		rig_vcpu(rig, 0)->halted = halted;
		hop(rig);
		assert_true(vcpu_hop_settle(rig_vcpu(rig, 0)));
		rig->step = 0;
		memset(rig->seen, 0, sizeof(rig->seen));
		fake(rig, 0)->at_get_lapic = runs_out_each_time;
		fake(rig, 0)->at_pass = wakes_and_is_halted;
		assert_true(vcpu_hop_leave(rig_vcpu(rig, 0), &msrs, &hops[0]));
		assert_true(rig->seen[0] > 1);
		assert_int_equal(rig->seen[1], 0);
		assert_int_equal(hops[0].state, VCPU_RUNNING);
		rig_free(rig);
	}
}

/* What kvm_run says of IF and readiness is of this side at the first turn. */
static void test_flags_are_of_now(void **state)
{
	struct rig *rig = start(1);
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	for (unsigned i = 0; i < 6; i++) {
		bool on = i / 2 % 2;

		fake(rig, 0)->if_flag = on;
		fake(rig, 0)->regs.rflags = on ? 0x202 : 2;
		hop(rig);
		assert_int_equal(v->run->if_flag, on);
		assert_int_equal(v->run->ready_for_interrupt_injection, on);
		assert_int_equal(fake(rig, 0)->runs, 0);
	}
	/* A shadow travels, and closes it. */
	fake(rig, 0)->if_flag = true;
	fake(rig, 0)->regs.rflags = 0x202;
	fake(rig, 0)->shadow = true;
	hop(rig);
	assert_int_equal(v->run->if_flag, 1);
	assert_int_equal(v->run->ready_for_interrupt_injection, 0);
	rig_free(rig);
}

static void test_a_timer_wakes_a_halted_processor_on_either_side(void **state)
{
	struct rig *rig = start(1);
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	rig_write(rig, 0, DIVIDE, 0xB);
	rig_write(rig, 0, TIMER, VECTOR);
	rig_write(rig, 0, TMICT, 4000000000u);
	fake(rig, 0)->regs.rflags = 0x202;
	fake(rig, 0)->if_flag = true;
	v->halted = true;
	for (int i = 0; i < 2; i++) {
		hop(rig);
		assert_false(vcpu_kernel_sleeps(v));
		hop(rig);
		assert_true(v->run->if_flag && v->halted && lapic_host_timer_wakes(v));
	}
	rig_free(rig);
}

static void test_kicks_reach_it_where_it_is_and_the_alarm_is_ours_alone(void **state)
{
	struct rig *rig = start(1);
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	rig_enable(rig, 0);
	rig_write(rig, 0, TIMER, VECTOR);
	rig_write(rig, 0, TMICT, 4000000000u);
	lapic_host_arm(v);
	assert_true(v->kick.alarm_ns != 0);
	for (int i = 0; i < 2; i++) {
		hop(rig);
		kick_begin(&v->kick);
		assert_true(kick_send(&v->kick));
		assert_int_equal(((volatile struct kvm_run *)v->run)->immediate_exit, 1);
		assert_int_equal(v->kick.alarm_ns, 0);
		hop(rig);
		kick_begin(&v->kick);
		assert_true(kick_send(&v->kick));
		assert_int_equal(((volatile struct kvm_run *)v->run)->immediate_exit, 1);
		/* It is set again before the guest runs. */
		assert_true(v->deadline_changed);
		lapic_host_arm(v);
		assert_true(v->kick.alarm_ns != 0);
	}
	rig_free(rig);
}

/* ---------------------------------------------------------------- the count */

static void arm(struct rig *rig, uint32_t lvt, uint32_t count)
{
	rig_enable(rig, 0);
	rig_write(rig, 0, DIVIDE, 0xB);
	rig_write(rig, 0, TIMER, lvt);
	rig_write(rig, 0, TMICT, count);
}

/* Rules: SAVE-3 */
static void test_a_count_goes_on_where_it_stood(void **state)
{
	static const uint32_t modes[] = {VECTOR, PERIODIC | VECTOR, MASKED | VECTOR};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct rig *rig = start(1);
		uint32_t left;

		arm(rig, modes[i], 20 * LONG);
		hop(rig);
		assert_int_equal(get(rig, 0, TIMER), modes[i]);
		assert_int_equal(get(rig, 0, TMICT), 20 * LONG);
		assert_int_equal(get(rig, 0, DIVIDE), 0xB);
		left = get(rig, 0, TMCCT);
		assert_in_range(left, 1, 20 * LONG);
		assert_int_equal(fake(rig, 0)->fired_again, 0);
		put(rig, 0, TMCCT, 15 * LONG);
		hop(rig);
		assert_int_equal(rig_read(rig, 0, TMICT), 20 * LONG);
		assert_in_range(rig_read(rig, 0, TMCCT), 5 * LONG, 15 * LONG);
		rig_free(rig);
	}
}

/* Time goes on between the look and the taking over. */
static void test_a_count_is_of_the_moment_it_was_read(void **state)
{
	struct rig *rig = start(1);
	struct machine *m = &rig->machine;
	struct vcpu *v = rig_vcpu(rig, 0);
	uint64_t end;

	(void)state;
	arm(rig, VECTOR, 20 * LONG);
	hop(rig);
	put(rig, 0, TMCCT, 15 * LONG);
	assert_true(vcpu_hop_settle(v));
	assert_true(vcpu_hop_leave(v, &msrs, &hops[0]));
	end = hops[0].looked_ns + 15 * LONG;
	/* As if long ago. */
	hops[0].looked_ns -= 5 * LONG;
	m->in_kernel = false;
	assert_true(vcpu_hop_swap(v));
	assert_true(vcpu_hop_enter(v, &msrs, &hops[0]));
	assert_int_equal(v->deadline.clock, LAPIC_CLOCK_NS);
	assert_int_equal(v->clock_at_ns, 0);
	assert_in_range(v->deadline.at, end - 5 * LONG - 2, end - 5 * LONG + 2);
	rig_free(rig);
}

static void test_a_count_that_has_run_out_does_not_run_out_again(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	arm(rig, VECTOR, 1);
	while (rig_read(rig, 0, TMCCT))
		;
	lapic_pending(rig_vcpu(rig, 0)->lapic);
	for (int i = 0; i < 3; i++) {
		hop(rig);
		assert_int_equal(fake(rig, 0)->fired_again, 0);
		assert_true(bit(rig, IRR, VECTOR));
		hop(rig);
		assert_int_equal(rig_read(rig, 0, TMICT), 1);
		assert_int_equal(rig_read(rig, 0, TMCCT), 0);
		assert_true(own_bit(rig, IRR, VECTOR));
	}
	rig_free(rig);
}

static void test_one_that_ran_out_unseen_is_an_interrupt(void **state)
{
	static const uint32_t modes[] = {VECTOR, PERIODIC | VECTOR};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rig *rig = start(1);

		/* Nobody looks at ours any more before the hop does. */
		arm(rig, modes[i], 1000000);
		usleep(3000);
		hop(rig);
		assert_true(bit(rig, IRR, VECTOR));
		assert_int_equal(get(rig, 0, TMICT) != 0, modes[i] & PERIODIC ? 1 : 0);
		rig_free(rig);
	}
}

/* It runs out between the first look and the second: KVM's loop has to come round again. */
static void runs_out(struct fake_vcpu *v)
{
	struct rig *rig = rig_of(v);
	uint32_t zero = 0;

	if (rig->step++ == 1)
		memcpy(v->lapic.regs + TMCCT, &zero, 4);
}

static void gives_what_ran_out(struct fake_vcpu *v)
{
	struct rig *rig = rig_of(v);

	rig->seen[1]++;
	if (rig->step > 1 && !rig->seen[0]++)
		v->lapic.regs[IRR + 0x10 * (VECTOR / 32)] |= 1 << VECTOR % 32;
}

static void test_one_that_runs_out_between_two_looks_is_looked_at_again(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	arm(rig, VECTOR, 20 * LONG);
	hop(rig);
	rig->step = 0;
	memset(rig->seen, 0, sizeof(rig->seen));
	fake(rig, 0)->at_get_lapic = runs_out;
	fake(rig, 0)->at_pass = gives_what_ran_out;
	hop(rig);
	assert_int_equal(rig->seen[0], 1);
	assert_true(own_bit(rig, IRR, VECTOR));
	assert_int_equal(rig_read(rig, 0, TMCCT), 0);
	assert_int_equal(rig_read(rig, 0, TMICT), 20 * LONG);
	rig_free(rig);
}

/* Its count says each time that it has just begun anew. */
static void just_reloaded(struct fake_vcpu *v)
{
	uint32_t count = 0;

	memcpy(&count, v->lapic.regs + TMICT, 4);
	count -= count != 0;
	memcpy(v->lapic.regs + TMCCT, &count, 4);
}

static void test_a_period_too_short_to_be_looked_at_is_one_interrupt(void **state)
{
	struct rig *rig = start(1);
	unsigned gets = 0;

	(void)state;
	arm(rig, PERIODIC | VECTOR, 500);
	hop(rig);
	memset(fake(rig, 0)->lapic.regs + IRR, 0, 0x80);
	put_bit(rig, TMR, VECTOR);
	fake(rig, 0)->log_count = 0;
	fake(rig, 0)->at_get_lapic = just_reloaded;
	hop(rig);
	for (unsigned i = 0; i < rig->there.vcpus[0].log_count; i++)
		gets += rig->there.vcpus[0].log[i] == KVM_GET_LAPIC;
	assert_int_equal(gets, 2 * 16);
	assert_true(own_bit(rig, IRR, VECTOR) && !own_bit(rig, TMR, VECTOR));
	assert_int_equal(rig_read(rig, 0, TMICT), 500);
	rig_free(rig);
}

static void begins_late(struct fake_vcpu *v)
{
	uint32_t count = 7 * LONG;

	if (++rig_of(v)->step == 9)
		memcpy(v->lapic.regs + TMCCT, &count, 4);
}

static void test_a_period_that_does_not_run_does_not_run(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	arm(rig, PERIODIC | VECTOR, 10 * LONG);
	hop(rig);
	put(rig, 0, TMCCT, 0);
	/* Its host was late to begin the next one. */
	rig->step = 0;
	fake(rig, 0)->at_get_lapic = begins_late;
	hop(rig);
	assert_int_equal(rig_read(rig, 0, TMICT), 10 * LONG);
	assert_in_range(rig_read(rig, 0, TMCCT), 1, 7 * LONG);
	hop(rig);
	fake(rig, 0)->at_get_lapic = NULL;
	put(rig, 0, TMCCT, 0);
	hop(rig);
	assert_int_equal(rig_read(rig, 0, TMICT), 0);
	assert_int_equal(rig_read(rig, 0, TMCCT), 0);
	assert_false(own_bit(rig, IRR, VECTOR));
	rig_free(rig);
}

static void test_what_is_left_behind_is_quiet(void **state)
{
	struct rig *rig = start(1);
	struct fake_vcpu *left;
	uint32_t lvt, count;

	(void)state;
	arm(rig, PERIODIC | VECTOR, 20 * LONG);
	hop(rig);
	left = fake(rig, 0);
	hop(rig);
	memcpy(&lvt, left->lapic.regs + TIMER, 4);
	memcpy(&count, left->lapic.regs + TMICT, 4);
	assert_int_equal(lvt, MASKED);
	assert_int_equal(count, 0);
	rig_free(rig);
}

/* KVM stretches short periods and keeps the initial count: the count may then be above it. */
static void test_a_count_is_not_above_the_initial_one(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	arm(rig, PERIODIC | VECTOR, 10 * LONG);
	hop(rig);
	put(rig, 0, TMCCT, 11 * LONG);
	hop(rig);
	assert_in_range(rig_read(rig, 0, TMCCT), 1, 10 * LONG);
	rig_free(rig);
}

/* ---------------------------------------------------------------- the deadline */

static uint64_t clock_now, clock_step, clock_jump_at;

/* It passes the deadline at the look number clock_jump_at. */
static uint64_t jumping(void)
{
	clock_step++;
	return clock_step >= clock_jump_at ? clock_now + 2000000 : clock_now;
}

static struct rig *start_with_deadline(uint64_t after)
{
	struct rig *rig = start(1);

	clock_now = UINT64_C(1) << 40;
	clock_step = 0;
	clock_jump_at = UINT64_MAX;
	rig_vcpu(rig, 0)->tsc.plain = true;
	rig_vcpu(rig, 0)->tsc.offset = 0;
	rig_vcpu(rig, 0)->tsc.host = jumping;
	rig_enable(rig, 0);
	rig_write(rig, 0, TIMER, DEADLINE | VECTOR);
	assert_int_equal(lapic_msr_write(rig_vcpu(rig, 0)->lapic, 0x6E0, clock_now + after),
			 LAPIC_OK);
	return rig;
}

/* Rules: SAVE-3 */
static void test_a_deadline_stays_the_same(void **state)
{
	struct rig *rig = start_with_deadline(1000000);
	uint64_t deadline;

	(void)state;
	for (int i = 0; i < 3; i++) {
		hop(rig);
		assert_int_equal(fake(rig, 0)->tsc_deadline, clock_now + 1000000);
		assert_int_equal(get(rig, 0, TIMER), DEADLINE | VECTOR);
		/* What KVM left in it, of another mode. */
		put(rig, 0, TMICT, 5);
		hop(rig);
		lapic_msr_read(rig_vcpu(rig, 0)->lapic, 0x6E0, &deadline);
		assert_int_equal(deadline, clock_now + 1000000);
		assert_int_equal(rig_vcpu(rig, 0)->deadline.clock, LAPIC_CLOCK_TSC);
		assert_int_equal(rig_read(rig, 0, TMICT), 0);
		/* None is left armed where nobody looks. */
		assert_int_equal(rig->there.vcpus[0].tsc_deadline, 0);
	}
	hop(rig);
	fake(rig, 0)->tsc_deadline = 0;
	hop(rig);
	lapic_msr_read(rig_vcpu(rig, 0)->lapic, 0x6E0, &deadline);
	assert_int_equal(deadline, 0);
	rig_free(rig);
}

/* Rules: SAVE-3 */
static void test_a_deadline_that_passes_at_any_look_is_one_interrupt(void **state)
{
	bool before = false, behind = false;

	(void)state;
	for (uint64_t at = 1; !(before && behind) || at < 40; at++) {
		struct rig *rig = start_with_deadline(1000000);
		bool waits, armed;

		assert_in_range(at, 1, 1000);
		clock_step = 0;
		clock_jump_at = at;
		hop(rig);
		waits = bit(rig, IRR, VECTOR);
		armed = fake(rig, 0)->tsc_deadline != 0;
		if (waits == armed)
			fail_msg("look %u: %s", (unsigned)at, waits ? "doubled" : "lost");
		before |= waits;
		behind |= armed;
		rig_free(rig);
	}
}

static void test_a_deadline_that_kvm_did_not_come_to_is_not_lost(void **state)
{
	struct rig *rig = start_with_deadline(1000000);

	(void)state;
	hop(rig);
	/* It passes after the last pass: KVM still says that it is armed. */
	clock_jump_at = 0;
	hop(rig);
	lapic_host_tick(rig_vcpu(rig, 0));
	assert_true(lapic_pending(rig_vcpu(rig, 0)->lapic) & LAPIC_PENDING_INTR);
	assert_int_equal(lapic_ack(rig_vcpu(rig, 0)->lapic), VECTOR);
	assert_false(lapic_pending(rig_vcpu(rig, 0)->lapic) & LAPIC_PENDING_INTR);
	rig_free(rig);
}

/* ---------------------------------------------------------------- modes and IDs */

/* Rules: SAVE-1 */
static void test_ids_with_gaps_between_them_in_x2apic_mode(void **state)
{
	/* Three cores a socket: the fourth processor has ID 4. */
	struct rig *rig = start_with(6, 3, 1);
	struct vcpu *v = rig_vcpu(rig, 3);
	uint64_t base, ldr;

	(void)state;
	assert_int_equal(v->apic_id, 4);
	base = lapic_apic_base(v->lapic);
	assert_int_equal(lapic_msr_write(v->lapic, MSR_IA32_APIC_BASE, base | 0x400), LAPIC_OK);
	hop(rig);
	assert_int_equal(fake(rig, 3)->apic_base, base | 0x400);
	assert_int_equal(get(rig, 3, ID), 4);
	assert_int_equal(get(rig, 3, LDR), 0x10);
	/* KVM keeps the LDR of xAPIC mode, where nobody has looked at it. */
	put(rig, 3, LDR, 0x01000000);
	hop(rig);
	assert_int_equal(lapic_apic_base(v->lapic), base | 0x400);
	/* KVM is told of no mode that it would check a second time. */
	assert_int_equal(fake(rig, 3)->apic_base, base);
	assert_int_equal(lapic_msr_read(v->lapic, 0x80D, &ldr), LAPIC_OK);
	assert_int_equal(ldr, 0x10);
	rig_free(rig);
}

static void test_ids_with_gaps_between_them_while_disabled(void **state)
{
	struct rig *rig = start_with(6, 3, 1);
	struct vcpu *v = rig_vcpu(rig, 3);
	uint64_t base = lapic_apic_base(v->lapic);

	(void)state;
	assert_int_equal(lapic_msr_write(v->lapic, MSR_IA32_APIC_BASE, base | 0x400), LAPIC_OK);
	hop(rig);
	/* From x2APIC mode to disabled: KVM keeps the ID as that mode has it. */
	fake(rig, 3)->apic_base = fake(rig, 3)->sregs.apic_base = base & ~UINT64_C(0x800);
	hop(rig);
	assert_int_equal(lapic_apic_base(v->lapic), base & ~UINT64_C(0x800));
	assert_int_equal(lapic_msr_write(v->lapic, MSR_IA32_APIC_BASE, base), LAPIC_OK);
	assert_int_equal(rig_read(rig, 3, ID), 4u << 24);
	rig_free(rig);
}

/* ---------------------------------------------------------------- what KVM keeps back */

/* Two exits wait at entries: the EOI of a level, then a port. */
static int keeps_back(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	switch (rig->step++) {
	case 0: run->eoi.vector = 0x51; return fake_exit(run, KVM_EXIT_IOAPIC_EOI);
	case 1: return fake_out(v, 0x3F8, 'x', 1);
	default: return -EINTR;
	}
}

static void level(struct rig *rig, uint16_t offset, uint32_t value)
{
	struct access access = {
		.address = 0x2040u + offset,
		.width = 4,
		.count = 1,
		.write = true,
		.data = (uint8_t *)&value,
	};

	machine_port(&rig->machine, &access);
}

static void test_an_eoi_that_kvm_has_not_told_of_is_told_first(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	rig_enable(rig, 0);
	hop(rig);
	level(rig, 0, 0x8000 | 0x51);
	level(rig, 8, 1);
	assert_int_equal(rig->there.msi_count, 1);
	fake(rig, 0)->pass = keeps_back;
	rig->step = 0;
	assert_true(vcpu_hop_settle(rig_vcpu(rig, 0)));
	/* The line is still high: it has been sent again. */
	assert_int_equal(rig->there.msi_count, 2);
	assert_string_equal(rig->out, "x");
	assert_int_equal(rig->step, 3);
	assert_false(fake(rig, 0)->unfinished);
	rig_free(rig);
}

static int never_ends(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	rig_of(v)->seen[0]++;
	return fake_out(v, 0x80, 1, 1);
}

static void test_a_guest_that_always_has_an_exit_does_not_hold_it_up(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	hop(rig);
	fake(rig, 0)->pass = never_ends;
	assert_true(vcpu_hop_settle(rig_vcpu(rig, 0)));
	assert_in_range(rig->seen[0], 2, 1000);
	assert_false(fake(rig, 0)->unfinished);
	assert_int_equal(fake(rig, 0)->changed_unfinished, 0);
	rig_free(rig);
}

static int opens_the_window(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	return run->request_interrupt_window ? fake_exit(run, KVM_EXIT_IRQ_WINDOW_OPEN) : -EINTR;
}

/* KVM is asked for it as long as the 8259s' line is high. */
static void test_a_window_that_is_open_does_not_end_the_looks(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	hop(rig);
	fake(rig, 0)->pass = opens_the_window;
	atomic_store(&rig->machine.intr, true);
	assert_true(vcpu_kernel_turn(rig_vcpu(rig, 0)));
	assert_int_equal(rig_vcpu(rig, 0)->run->request_interrupt_window, 1);
	fake(rig, 0)->passes = 0;
	hop(rig);
	assert_true(rig->there.vcpus[0].passes <= 2);
	rig_free(rig);
}

static int of_8259; /* given to KVM, which nobody can ask about it; -1: none */

/* KVM ends HLT in one pass, and takes the vector in another. */
static void comes_to_it(struct fake_vcpu *v)
{
	if (of_8259 < 0)
		return;
	if (v->mp_state == KVM_MP_STATE_HALTED) {
		v->mp_state = KVM_MP_STATE_RUNNABLE;
		return;
	}
	v->queued = of_8259;
	of_8259 = -1;
}

/* Rules: SAVE-1 */
static void test_what_the_8259s_gave_to_one_that_halts_is_not_lost(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	hop(rig);
	fake(rig, 0)->mp_state = KVM_MP_STATE_HALTED;
	fake(rig, 0)->at_pass = comes_to_it;
	of_8259 = 0x71;
	rig_vcpu(rig, 0)->given = true;
	hop(rig);
	assert_int_equal(fake(rig, 0)->queued, 0x71);
	assert_true(rig_vcpu(rig, 0)->given);
	assert_false(rig_vcpu(rig, 0)->halted);
	rig_free(rig);
}

static int shuts_down(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	return fake_exit(run, KVM_EXIT_SHUTDOWN);
}

static void test_a_guest_that_dies_meanwhile_has_died(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	hop(rig);
	fake(rig, 0)->pass = shuts_down;
	assert_false(vcpu_hop_settle(rig_vcpu(rig, 0)));
	assert_int_equal(rig->ending.result.kind, RESULT_TRIPLE_FAULT);
	rig_free(rig);
}

/* ---------------------------------------------------------------- errors */

/* Whatever fails, in either direction, at whichever call: the hop is whole or the run ends. */
static void test_no_error_goes_unsaid(void **state)
{
	unsigned failures = 0;

	(void)state;
	for (unsigned direction = 0; direction < 2; direction++)
		for (unsigned call = 1;; call++) {
			struct rig *rig = start(2);
			unsigned made;
			bool hopped;

			rig_enable(rig, 0);
			rig_vcpu(rig, 0)->halted = true;
			if (direction)
				hop(rig);
			atomic_store(&rig->kvm.calls_made, 0);
			rig->kvm.failing_call_error = EIO;
			rig->kvm.failing_call = call;
			hopped = try_hop(rig);
			if (!hopped) {
				failures++;
				assert_true(ending_reached(&rig->ending));
				assert_int_equal(rig->ending.result.kind, RESULT_INTERNAL);
				assert_non_null(strstr(rig->ending.result.text, strerror(EIO)));
			}
			made = atomic_load(&rig->kvm.calls_made);
			rig_free(rig);
			if (made < call)
				break;
			assert_false(hopped);
		}
	assert_true(failures > 50);
}

static void test_a_refused_msr_ends_the_run_by_name(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	msrs = (struct processor_msrs){.count = 1, .index = {0x174}};
	rig->kvm.msr_index[0] = rig->there.msr_index[0] = 0x174;
	rig->kvm.msr_count = rig->there.msr_count = 1;
	fake(rig, 0)->msrs[0] = 0xABC;
	rig->there.msr_refused = 0x174;
	assert_false(try_hop(rig));
	assert_int_equal(rig->ending.result.kind, RESULT_INTERNAL);
	assert_non_null(strstr(rig->ending.result.text, "MSR 174h = ABCh"));
	rig_free(rig);
}

static void test_a_state_that_is_none_ends_the_run(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	hop(rig);
	put(rig, 0, SVR, 0xFFFFFFFF);
	assert_false(try_hop(rig));
	assert_int_equal(rig->ending.result.kind, RESULT_INTERNAL);
	assert_non_null(strstr(rig->ending.result.text, "as KVM describes it"));
	rig_free(rig);
}

/* Rules: ACP-3, SAVE-1 */
static void test_the_word_for_the_eoi_goes_along(void **state)
{
	struct rig *rig = rig_new(nothing);
	uint8_t *first, *second;

	(void)state;
	rig->options.hop_ms = 20;
	rig->kvm.pv_eoi = rig->options.pv_eoi = true;
	rig->kvm.msr_index[0] = rig->there.msr_index[0] = MSR_KVM_PV_EOI;
	rig->kvm.msr_count = rig->there.msr_count = 1;
	assert_true(rig_open(rig));
	rig_become(rig, 0);
	/* The machine would move it from one to the other. */
	assert_int_equal(vm_map_ram(&rig->machine.there, &rig->machine.ram, NULL, 0), 0);
	first = ram_at(&rig->machine.ram, 0x10000, 1);
	second = ram_at(&rig->machine.ram, 0x20000, 1);
	msrs = (struct processor_msrs){.count = 1, .index = {MSR_KVM_PV_EOI}};
	fake(rig, 0)->msrs[0] = 0x10001;
	pv_eoi_follow(rig_vcpu(rig, 0));
	assert_ptr_equal(rig_vcpu(rig, 0)->pv_eoi.word, first);
	hop(rig);
	assert_int_equal(fake(rig, 0)->msrs[0], 0x10001);
	/* There the guest takes another. */
	fake(rig, 0)->msrs[0] = 0x20001;
	hop(rig);
	assert_int_equal(fake(rig, 0)->msrs[0], 0x20001);
	assert_ptr_equal(rig_vcpu(rig, 0)->pv_eoi.word, second);
	hop(rig);
	fake(rig, 0)->msrs[0] = 0;
	hop(rig);
	assert_null(rig_vcpu(rig, 0)->pv_eoi.word);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_wait_and_are_served_on_both_sides),
		cmocka_unit_test(test_vectors_below_16_stay_behind),
		cmocka_unit_test(test_a_vector_handed_to_kvm_is_not_handed_again),
		cmocka_unit_test(test_dropping_takes_the_highest_of_one_that_waits),
		cmocka_unit_test(test_nmis_wait_on_both_sides),
		cmocka_unit_test(test_an_smi_is_given_where_it_can_be),
		cmocka_unit_test(test_a_processor_waits_for_sipi_on_both_sides),
		cmocka_unit_test(test_an_smi_of_one_that_waits_for_sipi_waits_too),
		cmocka_unit_test(test_an_init_that_smm_holds_back_is_not_lost),
		cmocka_unit_test(test_init_and_sipi_on_their_way_arrive_first),
		cmocka_unit_test(test_a_warm_reset_on_its_way_arrives_first),
		cmocka_unit_test(test_a_halted_processor_stays_halted),
		cmocka_unit_test(test_one_that_wakes_at_the_last_look_runs),
		cmocka_unit_test(test_no_instruction_of_the_guest_runs_at_any_look),
		cmocka_unit_test(test_flags_are_of_now),
		cmocka_unit_test(test_a_timer_wakes_a_halted_processor_on_either_side),
		cmocka_unit_test(test_kicks_reach_it_where_it_is_and_the_alarm_is_ours_alone),
		cmocka_unit_test(test_a_count_goes_on_where_it_stood),
		cmocka_unit_test(test_a_count_is_of_the_moment_it_was_read),
		cmocka_unit_test(test_a_count_that_has_run_out_does_not_run_out_again),
		cmocka_unit_test(test_one_that_ran_out_unseen_is_an_interrupt),
		cmocka_unit_test(test_one_that_runs_out_between_two_looks_is_looked_at_again),
		cmocka_unit_test(test_a_period_too_short_to_be_looked_at_is_one_interrupt),
		cmocka_unit_test(test_a_period_that_does_not_run_does_not_run),
		cmocka_unit_test(test_what_is_left_behind_is_quiet),
		cmocka_unit_test(test_a_count_is_not_above_the_initial_one),
		cmocka_unit_test(test_a_deadline_stays_the_same),
		cmocka_unit_test(test_a_deadline_that_passes_at_any_look_is_one_interrupt),
		cmocka_unit_test(test_a_deadline_that_kvm_did_not_come_to_is_not_lost),
		cmocka_unit_test(test_ids_with_gaps_between_them_in_x2apic_mode),
		cmocka_unit_test(test_ids_with_gaps_between_them_while_disabled),
		cmocka_unit_test(test_an_eoi_that_kvm_has_not_told_of_is_told_first),
		cmocka_unit_test(test_a_guest_that_always_has_an_exit_does_not_hold_it_up),
		cmocka_unit_test(test_a_window_that_is_open_does_not_end_the_looks),
		cmocka_unit_test(test_what_the_8259s_gave_to_one_that_halts_is_not_lost),
		cmocka_unit_test(test_a_guest_that_dies_meanwhile_has_died),
		cmocka_unit_test(test_the_word_for_the_eoi_goes_along),
		cmocka_unit_test(test_no_error_goes_unsaid),
		cmocka_unit_test(test_a_refused_msr_ends_the_run_by_name),
		cmocka_unit_test(test_a_state_that_is_none_ends_the_run),
	};

	return cmocka_run_group_tests_name("vcpu_hop", tests, NULL, NULL);
}
