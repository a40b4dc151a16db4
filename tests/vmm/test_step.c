// SPDX-License-Identifier: BSD-2-Clause
// Bounded entries and bursts of single steps on a host that tells of windows late; nothing of it on
// one that does not. Not how long they take: the clock here is the real one, so only bounds and
// orders are asserted.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"

#define CODE  0x200000u
#define STACK 0x3000u

enum { SEEN_LONGEST_NS, SEEN_STEPPED, SEEN_UNBOUND, SEEN_OPEN_AT, SEEN_ENTRIES };

/* Runs until the kick that bounds the entry, or for 20 ms if there is none. */
static int until_kicked(struct rig *rig, struct kvm_run *run)
{
	uint64_t start = kick_clock_ns(), took;

	for (int i = 0; i < 200 && !((volatile struct kvm_run *)run)->immediate_exit; i++)
		usleep(100);
	took = kick_clock_ns() - start;
	if (took > rig->seen[SEEN_LONGEST_NS])
		rig->seen[SEEN_LONGEST_NS] = took;
	if (!run->immediate_exit)
		rig->seen[SEEN_UNBOUND]++;
	return -EINTR;
}

/* Kernel code with interrupts off; under single-step each entry is one instruction. */
static int closed(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	rig->seen[SEEN_ENTRIES]++;
	if (v->taken_count)
		return -EINTR;
	if (!(v->guest_debug & KVM_GUESTDBG_SINGLESTEP))
		return until_kicked(rig, run);
	v->regs.rip++;
	rig->seen[SEEN_STEPPED]++;
	/* The window of one instruction, which only stepping sees. */
	v->if_flag =
		rig->seen[SEEN_OPEN_AT] && rig->seen[SEEN_STEPPED] % rig->seen[SEEN_OPEN_AT] == 0;
	return fake_exit(run, KVM_EXIT_DEBUG);
}

static struct rig *start(void (*host)(struct host_traits *))
{
	struct rig *rig = rig_start(closed, host);
	struct fake_vcpu *f = rig_fake(rig, 0);

	memset(ram_at(&rig->machine.ram, CODE, 0x1000), 0x90, 0x1000);
	f->regs.rip = CODE;
	f->sregs.cs.l = 1;
	f->sregs.efer = 0x500;
	rig_enable(rig, 0);
	return rig;
}

static void wait_for_window(struct rig *rig)
{
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, 0x51, false);
}

static void test_a_prompt_host_is_never_kicked_nor_stepped(void **state)
{
	struct rig *rig = start(rig_host_vmx);

	(void)state;
	wait_for_window(rig);
	assert_true(rig_turns(rig, 0, 3));
	assert_int_equal(rig->seen[SEEN_UNBOUND], 3);
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	assert_int_equal(rig_vcpu(rig, 0)->stats.steps, 0);
	rig_free(rig);
}

static void test_nothing_is_bounded_while_nothing_waits(void **state)
{
	struct rig *rig = start(rig_host_pvm);

	(void)state;
	assert_true(rig_turns(rig, 0, 3));
	assert_int_equal(rig->seen[SEEN_UNBOUND], 3);
	rig_free(rig);
}

static void test_an_entry_with_an_interrupt_waiting_is_bounded(void **state)
{
	struct rig *rig = start(rig_host_pvm);

	(void)state;
	rig->traits.single_step_cpl0 = false;
	wait_for_window(rig);
	assert_true(rig_turns(rig, 0, 20));
	assert_int_equal(rig->seen[SEEN_UNBOUND], 0);
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	/* It backs off, but not for ever. */
	assert_int_equal(rig_vcpu(rig, 0)->step.bound_ns, 4000000);
	rig_free(rig);
}

static void test_stepping_meets_a_window_of_one_instruction(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig->seen[SEEN_OPEN_AT] = 37;
	wait_for_window(rig);
	for (int i = 0; i < 10000 && !f->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->taken_count, 1);
	assert_int_equal(f->taken[0], 0x51);
	assert_int_equal(f->bad_interrupts, 0);
	/* Handed over at the step where it opened, and then not stepped any further. */
	assert_int_equal(rig->seen[SEEN_STEPPED] % 37, 0);
	assert_int_equal(f->guest_debug, 0);
	assert_int_equal(f->run->kvm_valid_regs, KVM_SYNC_X86_EVENTS);
	rig_free(rig);
}

/* There KVM would set the trap flag in flags that the guest can save. */
static void test_stepping_never_begins_where_code_runs(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);
	uint64_t before = f->regs.rip;

	(void)state;
	wait_for_window(rig);
	while (!rig->seen[SEEN_STEPPED])
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->stepped_rip, UINT64_MAX);
	assert_int_equal(f->regs.rip, before + rig->seen[SEEN_STEPPED]);
	rig_free(rig);
}

/* The setting of registers that begins a burst would make KVM forget it. */
static void test_no_burst_begins_with_an_exception_on_its_way(void **state)
{
	struct rig *rig = start(rig_host_pvm);

	(void)state;
	rig_fake(rig, 0)->events.exception.pending = 1;
	wait_for_window(rig);
	assert_true(rig_turns(rig, 0, 30));
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	rig_fake(rig, 0)->events.exception.pending = 0;
	assert_true(rig_turns(rig, 0, 30));
	assert_true(rig->seen[SEEN_STEPPED] > 0);
	rig_free(rig);
}

static void test_code_that_runs_natively_is_not_stepped(void **state)
{
	struct rig *rig = start(rig_host_pvm);

	(void)state;
	rig->traits.cpl0_emulated = false;
	wait_for_window(rig);
	assert_true(rig_turns(rig, 0, 30));
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	rig_free(rig);
}

static void test_bursts_are_short_and_leave_the_guest_most_of_the_time(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	uint64_t begin = kick_clock_ns(), stepping = 0, longest = 0, run = 0;

	(void)state;
	wait_for_window(rig);
	while (kick_clock_ns() - begin < 300000000) {
		uint64_t before = kick_clock_ns(), steps = rig->seen[SEEN_STEPPED];

		assert_true(rig_turns(rig, 0, 1));
		if (rig->seen[SEEN_STEPPED] == steps) {
			run = 0;
			continue;
		}
		stepping += kick_clock_ns() - before;
		longest = ++run > longest ? run : longest;
	}
	assert_true(rig->seen[SEEN_STEPPED] > 0);
	assert_true(longest <= 100);
	/* A tenth by the rule; a busy machine may stretch a step, so not asserted to the percent.
	 */
	assert_true(stepping < 300000000 / 5);
	assert_int_equal(rig->seen[SEEN_UNBOUND], 0);
	rig_free(rig);
}

/* Turns until stepping would have begun several times over. */
static void turn_for_long(struct rig *rig)
{
	wait_for_window(rig);
	assert_true(rig_turns(rig, 0, 60));
}

/* HLT would be hidden, and an IRET whose frame cannot be read may set the guest's own trap flag. */
static void test_hlt_and_iret_are_never_stepped(void **state)
{
	static const char *const code[] = {"\xF4",         "\xF3\xF4", "\x48\xF4",
					   "\x2E\x66\xF4", "\xCF",     "\x48\xCF"};

	(void)state;
	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
		struct rig *rig = start(rig_host_pvm);
		uint8_t *at = ram_at(&rig->machine.ram, CODE + 20, 8);

		memcpy(at, code[i], strlen(code[i]));
		turn_for_long(rig);
		/* Up to it, and no further. */
		assert_int_equal(rig_fake(rig, 0)->regs.rip, CODE + 20);
		assert_int_equal(rig->seen[SEEN_STEPPED], 20);
		assert_int_equal(rig_fake(rig, 0)->guest_debug, 0);
		rig_free(rig);
	}
}

/* Where the guest stands after a burst that came by a POPF of these flags. */
static uint64_t stepped_until(const char *popf, uint16_t flags, bool mode64, uint64_t rsp)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);
	uint64_t rip;

	memcpy(ram_at(&rig->machine.ram, CODE + 20, 2), popf, strlen(popf));
	memcpy(ram_at(&rig->machine.ram, STACK, 2), &flags, sizeof(flags));
	f->sregs.cs.l = mode64;
	f->sregs.ss.base = mode64 ? 0 : 0x1000;
	f->sregs.ss.db = mode64;
	f->regs.rsp = rsp;
	turn_for_long(rig);
	rip = f->regs.rip;
	rig_free(rig);
	return rip;
}

/* Kernel code up to an IRET at CODE + 20, whose frame is at STACK. */
static struct rig *before_iret(const char *iret, unsigned bytes, uint64_t cs, uint64_t flags)
{
	struct rig *rig = start(rig_host_pvm);
	uint8_t *frame = ram_at(&rig->machine.ram, STACK, 24);
	const uint64_t rip = CODE + 0x100;

	memcpy(ram_at(&rig->machine.ram, CODE + 20, 2), iret, strlen(iret));
	memcpy(frame, &rip, bytes);
	memcpy(frame + bytes, &cs, bytes);
	memcpy(frame + 2 * (size_t)bytes, &flags, bytes);
	rig_fake(rig, 0)->sregs.cs.l = true;
	rig_fake(rig, 0)->regs.rsp = STACK;
	return rig;
}

/* There the step comes back one instruction late, but for a breakpoint where it leads. */
static void test_iret_within_the_kernel_is_stepped_by_a_breakpoint(void **state)
{
	static const struct {
		const char *iret;
		unsigned bytes;
		uint64_t cs, flags, breakpoint;
	} rows[] = {
		{"\x48\xCF", 8, 0x08, 0x202, CODE + 0x100},
		{"\xCF", 4, 0x10, 0x202, CODE + 0x100},
		{"\x48\xCF", 8, 0x0B, 0x202, 0}, /* to user code */
		{"\x48\xCF", 8, 0x08, 0x302, 0}, /* with the trap flag */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig *rig =
			before_iret(rows[i].iret, rows[i].bytes, rows[i].cs, rows[i].flags);
		struct fake_vcpu *f = rig_fake(rig, 0);
		uint64_t seen = 0;

		wait_for_window(rig);
		for (unsigned turn = 0; turn < 100; turn++) {
			assert_true(rig_turns(rig, 0, 1));
			if (f->breakpoint)
				seen = f->breakpoint;
			if (f->regs.rip > CODE + 23)
				assert_int_equal(f->breakpoint, 0);
		}
		assert_int_equal(seen, rows[i].breakpoint);
		assert_int_equal(f->regs.rip > CODE + 20, rows[i].breakpoint != 0);
		rig_free(rig);
	}
}

/* An IPI to itself with interrupts off, by one access; then STI some instructions later. */
static int ipi_to_itself(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	if (rig->step++ == 0)
		return fake_mmio_write(v, 0xFEE00300, 0x44051, 4);
	return closed(v, run);
}

static void test_what_an_access_made_wait_is_stepped_to_at_once(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig->kvm.script = ipi_to_itself;
	rig->seen[SEEN_OPEN_AT] = 3;
	for (int i = 0; i < 10 && !f->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->taken[0], 0x51);
	assert_int_equal(rig->seen[SEEN_STEPPED], 3);
	/* From the access on, and then the entry that takes it. */
	assert_int_equal(rig->seen[SEEN_ENTRIES], 4);
	assert_int_equal(rig->seen[SEEN_UNBOUND], 0);
	rig_free(rig);
}

static void test_popf_is_stepped_unless_it_loads_the_trap_flag(void **state)
{
	(void)state;
	assert_int_equal(stepped_until("\x9D", 0x302, true, STACK), CODE + 20);
	assert_int_equal(stepped_until("\x66\x9D", 0x302, true, STACK), CODE + 20);
	assert_true(stepped_until("\x9D", 0x202, true, STACK) > CODE + 21);
	assert_true(stepped_until("\x66\x9D", 0x202, true, STACK) > CODE + 21);
	/* In 16-bit code the stack has a base, and SP 16 bits. */
	assert_int_equal(stepped_until("\x9D", 0x302, false, 0x12342000), CODE + 20);
	assert_true(stepped_until("\x9D", 0x202, false, 0x12342000) > CODE + 21);
	/* What cannot be read is not stepped. */
	assert_int_equal(stepped_until("\x9D", 0x202, true, UINT64_C(0x7FFFFFFF0000)), CODE + 20);
}

static void test_user_code_is_never_stepped(void **state)
{
	struct rig *rig = start(rig_host_pvm);

	(void)state;
	rig_fake(rig, 0)->sregs.ss.dpl = 3;
	turn_for_long(rig);
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	assert_int_equal(rig->seen[SEEN_UNBOUND], 0);
	rig_free(rig);
}

static void test_a_guest_that_debugs_itself_is_not_stepped(void **state)
{
	struct rig *rig = start(rig_host_pvm);

	(void)state;
	rig_fake(rig, 0)->regs.rflags |= 0x100;
	turn_for_long(rig);
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	rig_free(rig);

	rig = start(rig_host_pvm);
	rig_fake(rig, 0)->debug.dr7 = 0x402;
	turn_for_long(rig);
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	rig_free(rig);
}

/* An event that enters the guest under single-step would leave KVM's trap flag in its frame. */
static void test_nothing_is_stepped_while_an_event_is_due(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	f->nmi_blocked = true; /* so that it stays pending */
	f->nmis_queued = 1;
	turn_for_long(rig);
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	f->nmis_queued = 0;
	f->events.exception.injected = 1;
	assert_true(rig_turns(rig, 0, 20));
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	f->events.exception.injected = 0;
	assert_true(rig_turns(rig, 0, 20));
	assert_true(rig->seen[SEEN_STEPPED] > 0);
	rig_free(rig);
}

static void test_code_that_is_not_in_ram_is_not_stepped(void **state)
{
	struct rig *rig = start(rig_host_pvm);

	(void)state;
	rig_fake(rig, 0)->regs.rip = UINT64_C(0x7FFFFFFF0000);
	turn_for_long(rig);
	assert_int_equal(rig->seen[SEEN_STEPPED], 0);
	rig_free(rig);
}

static int hangs_when_stepped(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	if (v->guest_debug & KVM_GUESTDBG_SINGLESTEP)
		rig->seen[SEEN_STEPPED]++;
	return until_kicked(rig, run);
}

/* As kvm_pvm does for an IRET to CPL 3 under single-step. */
static void test_a_step_that_does_not_come_back_is_kicked(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	uint64_t seen;

	(void)state;
	rig->kvm.script = hangs_when_stepped;
	turn_for_long(rig);
	assert_true(rig->seen[SEEN_STEPPED] > 0);
	assert_int_equal(rig->seen[SEEN_UNBOUND], 0);
	/* The burst is over with it. A turn that a late kick ended before the entry is none. */
	seen = rig->seen[SEEN_STEPPED];
	while (rig->seen[SEEN_STEPPED] == seen)
		assert_true(rig_turns(rig, 0, 1));
	assert_true(rig_turns(rig, 0, 1));
	assert_false(rig_vcpu(rig, 0)->step.on);
	rig_free(rig);
}

static int lowers_tpr_for_a_moment(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	v->if_flag = true;
	if (v->taken_count)
		return -EINTR;
	if (!(v->guest_debug & KVM_GUESTDBG_SINGLESTEP)) {
		run->cr8 = 15;
		return until_kicked(rig, run);
	}
	run->cr8 = ++rig->seen[SEEN_STEPPED] % 10 == 0 ? 3 : 15;
	return fake_exit(run, KVM_EXIT_DEBUG);
}

static void test_a_tpr_lowered_for_one_instruction_is_met(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig->kvm.script = lowers_tpr_for_a_moment;
	lapic_set_cr8(rig_vcpu(rig, 0)->lapic, 15);
	wait_for_window(rig);
	for (int i = 0; i < 10000 && !f->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->taken[0], 0x51);
	assert_int_equal(f->bad_interrupts, 0);
	assert_int_equal(rig->seen[SEEN_STEPPED] % 10, 0);
	rig_free(rig);
}

static int access_in_a_step(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	if (v->taken_count)
		return -EINTR;
	if (!(v->guest_debug & KVM_GUESTDBG_SINGLESTEP))
		return until_kicked(rig, run);
	/* `sti; in; cli`: open between the access and the next step, nowhere else. */
	v->if_flag = rig->seen[SEEN_STEPPED]++ % 2 == 0;
	return v->if_flag ? fake_in(v, 0x3FD, 1) : fake_exit(run, KVM_EXIT_DEBUG);
}

static void test_the_boundary_after_a_stepped_access_counts(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig->kvm.script = access_in_a_step;
	wait_for_window(rig);
	for (int i = 0; i < 1000 && !f->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->taken[0], 0x51);
	assert_true(f->finishes > 0);
	assert_int_equal(rig->seen[SEEN_STEPPED], 1);
	rig_free(rig);
}

/* A loop with an access in it: each entry ends there, long before any kick. TPR is lowered in
 * between. */
static int access_in_a_loop(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	v->if_flag = true;
	run->cr8 = 15;
	if (v->taken_count)
		return -EINTR;
	if (!(v->guest_debug & KVM_GUESTDBG_SINGLESTEP)) {
		usleep(30);
		return fake_in(v, 0x3FD, 1);
	}
	v->regs.rip++;
	run->cr8 = ++rig->seen[SEEN_STEPPED] % 10 == 0 ? 3 : 15;
	return fake_exit(run, KVM_EXIT_DEBUG);
}

static void test_a_loop_with_an_access_is_stepped_too(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	struct fake_vcpu *f = rig_fake(rig, 0);

	(void)state;
	rig->kvm.script = access_in_a_loop;
	lapic_set_cr8(rig_vcpu(rig, 0)->lapic, 15);
	wait_for_window(rig);
	for (int i = 0; i < 1000 && !f->taken_count; i++)
		assert_true(rig_turns(rig, 0, 1));
	assert_int_equal(f->taken_count, 1);
	assert_int_equal(f->bad_interrupts, 0);
	assert_int_equal(rig->seen[SEEN_STEPPED], 10);
	rig_free(rig);
}

/* Where nothing can be stepped only a kick gets between two accesses: they must not put it off. */
static int access_or_kick(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	for (int i = 0; i < 30 && !((volatile struct kvm_run *)run)->immediate_exit; i++)
		usleep(1);
	if (!((volatile struct kvm_run *)run)->immediate_exit)
		return fake_in(v, 0x3FD, 1);
	rig->seen[SEEN_ENTRIES]++;
	return -EINTR;
}

static void test_accesses_do_not_put_the_kick_off(void **state)
{
	struct rig *rig = start(rig_host_pvm);
	uint64_t begin = kick_clock_ns();

	(void)state;
	rig->traits.single_step_cpl0 = false;
	rig->kvm.script = access_or_kick;
	wait_for_window(rig);
	/* Each turn takes at least 30 us if no kick ends it, the bound soon is 4 ms. */
	while (!rig_vcpu(rig, 0)->step.bound_ns || rig_vcpu(rig, 0)->step.bound_ns < 4000000) {
		assert_true(rig_turns(rig, 0, 1));
		assert_true(kick_clock_ns() - begin < 10000000000);
	}
	rig->seen[SEEN_ENTRIES] = 0;
	while (!rig->seen[SEEN_ENTRIES]) {
		assert_true(rig_turns(rig, 0, 1));
		assert_true(kick_clock_ns() - begin < 10000000000);
	}
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_prompt_host_is_never_kicked_nor_stepped),
		cmocka_unit_test(test_nothing_is_bounded_while_nothing_waits),
		cmocka_unit_test(test_an_entry_with_an_interrupt_waiting_is_bounded),
		cmocka_unit_test(test_stepping_meets_a_window_of_one_instruction),
		cmocka_unit_test(test_stepping_never_begins_where_code_runs),
		cmocka_unit_test(test_no_burst_begins_with_an_exception_on_its_way),
		cmocka_unit_test(test_code_that_runs_natively_is_not_stepped),
		cmocka_unit_test(test_bursts_are_short_and_leave_the_guest_most_of_the_time),
		cmocka_unit_test(test_hlt_and_iret_are_never_stepped),
		cmocka_unit_test(test_iret_within_the_kernel_is_stepped_by_a_breakpoint),
		cmocka_unit_test(test_what_an_access_made_wait_is_stepped_to_at_once),
		cmocka_unit_test(test_popf_is_stepped_unless_it_loads_the_trap_flag),
		cmocka_unit_test(test_user_code_is_never_stepped),
		cmocka_unit_test(test_a_guest_that_debugs_itself_is_not_stepped),
		cmocka_unit_test(test_nothing_is_stepped_while_an_event_is_due),
		cmocka_unit_test(test_code_that_is_not_in_ram_is_not_stepped),
		cmocka_unit_test(test_a_step_that_does_not_come_back_is_kicked),
		cmocka_unit_test(test_a_tpr_lowered_for_one_instruction_is_met),
		cmocka_unit_test(test_the_boundary_after_a_stepped_access_counts),
		cmocka_unit_test(test_a_loop_with_an_access_is_stepped_too),
		cmocka_unit_test(test_accesses_do_not_put_the_kick_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
