// SPDX-License-Identifier: BSD-2-Clause
// The side with KVM's Local APICs: a VM with split irqchip, driven by one thread.
// Not lapicvm's own way of running a guest: a signal that comes again and again ends each wait.

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "vmm/diff/side.h"
#include "vmm/ending.h"
#include "vmm/exit.h"
#include "vmm/kernel_lapic.h"
#include "vmm/kernel_pass.h"
#include "vmm/kick.h"
#include "vmm/msr_index.h"

#define EXITS_MAX    5000u
#define SIGNALS_MAX  5000u /* during one operation: about a second */
#define REG_ISR      0x10u
#define REG_TMR      0x18u
#define REG_TMICT    0x38u
#define REG_TMCCT    0x39u
#define FIRST_VECTOR 16u
#define TO_ALL       0xFEEFF000u
#define LEVEL        0xC000u

/* A route for each vector, so that each EOI is told; whether it was level's is looked up. */
static bool prepare(struct side *side, const struct side_setup *setup, struct result *why)
{
	struct kernel_lapic_message lines[KERNEL_LAPIC_LINES] = {{0}};
	int error;

	if (!kernel_lapic_enable(&side->vm, setup->cpus - 1, why))
		return false;
	side->isr_lost = setup->isr_lost;
	for (unsigned i = 0; i < KERNEL_LAPIC_LINES; i++)
		lines[i] = (struct kernel_lapic_message){TO_ALL, LEVEL | (FIRST_VECTOR + i)};
	error = kernel_lapic_route(&side->vm, lines, KERNEL_LAPIC_LINES);
	if (error < 0)
		ending_fill(why, RESULT_HOST_LACKS, "KVM_SET_GSI_ROUTING: %s", strerror(-error));
	return error >= 0;
}

static void close_kernel(struct side *side)
{
	(void)side;
}

static void image(struct side *side, unsigned n, uint8_t out[LAPIC_IMAGE_SIZE])
{
	struct kvm_lapic_state state = {{0}};
	int error = kernel_lapic_get(&side->vm, side->cpu[n].fd, &state);

	if (error < 0)
		side_fail(side, n, "KVM_GET_LAPIC: %s", strerror(-error));
	memcpy(out, state.regs, LAPIC_IMAGE_SIZE);
}

static uint64_t msr(struct side *side, unsigned n, uint32_t index)
{
	uint64_t value = 0;
	int error = vm_get_msr(&side->vm, side->cpu[n].fd, index, &value);

	if (error < 0)
		side_fail(side, n, "KVM_GET_MSRS of %Xh: %s", index, strerror(-error));
	return value;
}

static uint64_t base(struct side *side, unsigned n)
{
	return msr(side, n, MSR_IA32_APIC_BASE);
}

static uint64_t deadline(struct side *side, unsigned n)
{
	return msr(side, n, MSR_IA32_TSC_DEADLINE);
}

/* Whether this EOI is the host's own (side_setup.isr_lost): of a vector that is not in service yet,
 * or still is. */
static bool is_early(struct side_cpu *c, unsigned vector, bool in_isr)
{
	uint32_t *known = &c->in_service[vector / 32], bit = 1u << vector % 32;
	bool early = !(*known & bit) || in_isr;

	if (!early)
		*known &= ~bit;
	return early;
}

/* KVM leaves it to the I/O APIC whether the EOI is of a level-triggered interrupt. */
static void note_eoi(struct side *side, unsigned n, unsigned vector)
{
	uint8_t registers[LAPIC_IMAGE_SIZE];
	bool in_isr;

	image(side, n, registers);
	in_isr = side_register(registers, REG_ISR + vector / 32) >> vector % 32 & 1;
	if (side->isr_lost && is_early(&side->cpu[n], vector, in_isr))
		return;
	if (side_register(registers, REG_TMR + vector / 32) >> vector % 32 & 1)
		side_log(&side->cpu[n].eois, vector);
}

int side_kernel_set(struct side *side, unsigned n, const uint8_t registers[LAPIC_IMAGE_SIZE])
{
	uint32_t tmict = side_register(registers, REG_TMICT);
	struct kvm_lapic_state state;

	memcpy(state.regs, registers, sizeof(state.regs));
	if (tmict && !side_register(registers, REG_TMCCT)) {
		side_set_register((uint8_t *)state.regs, REG_TMICT, 0);
		side->cpu[n].hidden_tmict = tmict;
	}
	return kernel_lapic_set(&side->vm, side->cpu[n].fd, &state);
}

/* What a processor does when it takes an interrupt (SDM "Interrupt Acceptance for Fixed
 * Interrupts"), where the host left it out. */
static void arrived(struct side *side, unsigned n, unsigned vector)
{
	uint64_t from = kick_clock_ns();
	uint8_t registers[LAPIC_IMAGE_SIZE];
	uint32_t isr, bit = 1u << vector % 32;
	unsigned reg = REG_ISR + vector / 32;
	int error;

	if (!side->isr_lost || vector < FIRST_VECTOR)
		return;
	side->cpu[n].in_service[vector / 32] |= bit;
	image(side, n, registers);
	isr = side_register(registers, reg);
	if (isr & bit)
		return;
	side_set_register(registers, reg, isr | bit);
	error = side_kernel_set(side, n, registers);
	if (error < 0)
		side_fail(side, n, "KVM_SET_LAPIC: %s", strerror(-error));
	side->cpu[n].delayed_ns += kick_clock_ns() - from;
}

/* KVM takes INIT and SIPI in when it is asked for this. */
static void look_at_state(struct side *side, unsigned n)
{
	struct kvm_mp_state now = {.mp_state = KVM_MP_STATE_RUNNABLE};
	int error = kvm_ioctl(side->vm.kvm, side->cpu[n].fd, KVM_GET_MP_STATE, &now);

	if (error < 0)
		side_fail(side, n, "KVM_GET_MP_STATE: %s", strerror(-error));
	if (side->cpu[n].state == FINDING_LOST)
		return;
	switch (now.mp_state) {
	case KVM_MP_STATE_RUNNABLE: side->cpu[n].state = FINDING_RUNNING; return;
	case KVM_MP_STATE_HALTED: side->cpu[n].state = FINDING_HALTED; return;
	default: side->cpu[n].state = FINDING_WAITS_FOR_SIPI; return;
	}
}

/* True: the CPU asks for its next operation. */
static bool answer(struct side *side, unsigned n, const struct exit *exit)
{
	uint32_t value = 0;

	switch (exit->kind) {
	case EXIT_PORT:
		memcpy(&value, exit->u.access.data, exit->u.access.width);
		return side_puppet_out(side, n, (unsigned)exit->u.access.address, value);
	case EXIT_MEMORY:
		if (!exit->u.access.write)
			memset(exit->u.access.data, 0xFF, exit->u.access.width);
		return false;
	case EXIT_MSR: exit_answer_msr(side->cpu[n].run, false, 0); return false;
	default:
		side_fail(side, n, "KVM's side, CPU %u: KVM_EXIT_%s", n,
			  exit_reason_name(exit->reason));
		return false;
	}
}

static void run(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];
	unsigned signals = 0;

	for (unsigned i = 0; i < EXITS_MAX && signals < SIGNALS_MAX && c->state != FINDING_LOST;) {
		struct exit exit;
		int returned;

		c->run->immediate_exit = 0;
		returned = kvm_ioctl(side->vm.kvm, c->fd, KVM_RUN, NULL);
		if (returned == -EINTR || returned == -EAGAIN) {
			signals++;
			look_at_state(side, n);
			if (c->state != FINDING_RUNNING)
				return;
			continue;
		}
		c->state = FINDING_RUNNING;
		i++;
		if (returned < 0) {
			side_fail(side, n, "KVM's side, CPU %u: KVM_RUN: %s", n,
				  strerror(-returned));
			return;
		}
		if (c->run->exit_reason == KVM_EXIT_IOAPIC_EOI) {
			note_eoi(side, n, c->run->eoi.vector);
			continue;
		}
		exit_decode(c->run, side->vm.run_bytes, returned, &exit);
		if (answer(side, n, &exit))
			return;
	}
	side_fail(side, n, "KVM's side, CPU %u: the operation does not end", n);
}

/* An operation without effect: what waits for the CPU is taken at its entry. */
static void visit(struct side *side, unsigned n)
{
	side_do(side, n, PUPPET_DO_NOTHING, 0, 0);
}

static void set_state(struct side *side, unsigned n, uint32_t state)
{
	struct kvm_mp_state set = {.mp_state = state};
	int error = kvm_ioctl(side->vm.kvm, side->cpu[n].fd, KVM_SET_MP_STATE, &set);

	if (error < 0)
		side_fail(side, n, "KVM_SET_MP_STATE: %s", strerror(-error));
}

/* KVM acts on an INIT when it is asked for the state, also in mid-instruction. */
static void finish_instruction(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];

	c->run->immediate_exit = 1;
	kvm_ioctl(side->vm.kvm, c->fd, KVM_RUN, NULL);
}

static void pass(struct side *side, unsigned n)
{
	if (!kernel_pass(&side->vm, side->cpu[n].fd, side->cpu[n].run))
		side_fail(side, n, "KVM's side, CPU %u: KVM_RUN does not heed a signal", n);
}

static bool has_timer(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];
	uint8_t registers[LAPIC_IMAGE_SIZE];

	if (!c->timed) {
		image(side, n, registers);
		c->timed = side_register(registers, REG_TMICT) != 0 || deadline(side, n) != 0;
	}
	return c->timed;
}

/*
 * KVM makes interrupts of timers that have run out when its loop comes round, which on a host that
 * emulates a running CPU it may not do before the next exit. It does so for one that halts. Not
 * without need: what is kept to end the next HLT is used up.
 */
static void let_timers_in(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];

	finish_instruction(side, n);
	look_at_state(side, n);
	if (c->state != FINDING_RUNNING)
		return;
	set_state(side, n, KVM_MP_STATE_HALTED);
	pass(side, n);
	set_state(side, n, KVM_MP_STATE_RUNNABLE);
}

/* The second pass wakes it by what came of the first. */
static void let_wake(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];

	for (unsigned i = 0; i < 2 && c->state == FINDING_HALTED; i++) {
		pass(side, n);
		look_at_state(side, n);
	}
}

static void settle(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];
	bool halted = c->state == FINDING_HALTED;
	unsigned before;

	if (c->state == FINDING_WAITS_FOR_SIPI)
		look_at_state(side, n);
	let_wake(side, n);
	if (halted && c->state == FINDING_RUNNING)
		run(side, n);
	do {
		before = c->arrived.count;
		if (c->state == FINDING_RUNNING && has_timer(side, n))
			let_timers_in(side, n);
		if (c->state == FINDING_RUNNING)
			visit(side, n);
	} while (c->arrived.count != before && c->arrived.count < SIDE_LOG_MAX);
}

static bool nmi(struct side *side, unsigned n)
{
	struct kvm_vcpu_events events = {0};
	int error = kvm_ioctl(side->vm.kvm, side->cpu[n].fd, KVM_GET_VCPU_EVENTS, &events);

	if (error < 0)
		side_fail(side, n, "KVM_GET_VCPU_EVENTS: %s", strerror(-error));
	return events.nmi.pending != 0;
}

static void message(struct side *side, uint32_t address, uint32_t data)
{
	struct kernel_lapic_message one = {address, data};

	kernel_lapic_send(&side->vm, &one);
}

/*
 * KVM enters a new vCPU in its map of destinations only when something in a Local APIC changes
 * next: until then it gets no message. Every user space sets the registers at reset, so here too.
 */
static bool prepare_cpu(struct side *side, unsigned n, const struct side_setup *setup,
			struct result *why)
{
	struct kvm_mp_state waits = {.mp_state = KVM_MP_STATE_INIT_RECEIVED};
	uint8_t registers[LAPIC_IMAGE_SIZE];
	int fd = side->cpu[n].fd, error;

	(void)setup;
	image(side, n, registers);
	error = side_kernel_set(side, n, registers);
	/* KVM's own first state of an AP takes no SIPI before an INIT; a real one waits for it (SDM
	 * "Multiple-Processor Initialization"). */
	if (error >= 0 && n != 0)
		error = kvm_ioctl(side->vm.kvm, fd, KVM_SET_MP_STATE, &waits);
	if (error < 0)
		ending_fill(why, RESULT_HOST_LACKS, "a Local APIC of KVM's after reset: %s",
			    strerror(-error));
	return error >= 0;
}

const struct side_kind side_kernel = {
	.prepare = prepare,
	.prepare_cpu = prepare_cpu,
	.close = close_kernel,
	.arrived = arrived,
	.run = run,
	.settle = settle,
	.image = image,
	.base = base,
	.deadline = deadline,
	.nmi = nmi,
	.message = message,
};
