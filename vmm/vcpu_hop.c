// SPDX-License-Identifier: BSD-2-Clause
// What waits in one Local APIC is made to wait in the other: registers, timer, NMIs, HLT, SIPI.
// Timers keep their moment: a deadline as it is, a count from when it was read.

#include "vmm/vcpu_hop.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "vmm/inject.h"
#include "vmm/kernel_lapic.h"
#include "vmm/kernel_pass.h"
#include "vmm/lapic_host.h"
#include "vmm/machine.h"
#include "vmm/machine_warm.h"
#include "vmm/msr_index.h"
#include "vmm/vcpu_kernel.h"

#define APIC_BASE_EXTD 0x400u
#define APIC_BASE_EN   0x800u
#define ID             0x20u
#define LDR            0xD0u
#define ISR            0x100u
#define LVT_TIMER      0x320u
#define TMICT          0x380u
#define TMCCT          0x390u
#define DIVIDE         0x3E0u
#define IRR            0x200u
#define TMR            0x180u
#define LVT_MASKED     0x10000u
#define LVT_MODE       0x60000u
#define LVT_PERIODIC   0x20000u
#define LVT_DEADLINE   0x40000u
#define NMIS_MAX       2u
/* Looks at a timer that runs out faster than it can be looked at. */
#define LOOKS 16
/* Between looks at one that seems not to run. */
#define IDLE_LOOK_NS 500000
/* Passes in which a guest may have an exit each. */
#define PASSES 64

static bool failed(const struct vcpu *v, const char *what, int error)
{
	ending_say(v->machine->ending, RESULT_INTERNAL, (int)v->id, 0,
		   "handing vCPU %u over to the other Local APIC: %s: %s", v->id, what,
		   strerror(-error));
	return false;
}

/* ---- out of KVM's ---- */

/* KVM acts on INIT and SIPI when it is asked for this. */
static int get_state(const struct vcpu *v, enum vcpu_state *state)
{
	struct kvm_mp_state mp;
	int error = kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_MP_STATE, &mp);

	if (error >= 0)
		*state = vcpu_state_of_mp(mp.mp_state);
	return error;
}

static int set_mp_state(const struct vcpu *v, uint32_t state)
{
	struct kvm_mp_state set = {.mp_state = state};

	return kvm_ioctl(v->vm->kvm, v->fd, KVM_SET_MP_STATE, &set);
}

bool vcpu_hop_settle(struct vcpu *v)
{
	enum vcpu_state state = VCPU_RUNNING;
	bool more = true, wakes;

	if (v->lapic)
		return true;
	/* Open, it would end each pass, and nothing is given now; its next turn asks for it anew.
	 */
	v->run->request_interrupt_window = 0;
	/* What KVM tells at an entry alone: an EOI that the I/O APIC waits for, and the place of a
	 * vector that the 8259s gave. */
	for (int i = 0; more && i < PASSES; i++) {
		int error = get_state(v, &state);

		if (error < 0)
			return failed(v, "KVM_GET_MP_STATE", error);
		/* Such a vector ends HLT in one pass and is taken in the next; till then KVM tells
		 * nobody of it. */
		wakes = state == VCPU_HALTED && v->given;
		if (state != VCPU_RUNNING && !wakes)
			break;
		if (!vcpu_kernel_pass(v, &more))
			return false;
		more = more || wakes;
	}
	return vcpu_kernel_finish(v);
}

static void set_register(struct kvm_lapic_state *state, unsigned offset, uint32_t value)
{
	memcpy(state->regs + offset, &value, sizeof(value));
}

static uint64_t count_ns(const struct kvm_lapic_state *state, uint64_t counts)
{
	unsigned divide = kernel_lapic_register(state, DIVIDE);

	return counts << ((((divide & 3) | (divide >> 1 & 4)) + 1) & 7);
}

static bool counts_down(const struct kvm_lapic_state *state)
{
	return kernel_lapic_register(state, TMICT) != 0 &&
	       (kernel_lapic_register(state, LVT_TIMER) & LVT_MODE) != LVT_DEADLINE;
}

/* Whether the timer may have run out since then, by what its count says. */
static bool ran_out_since(const struct kvm_lapic_state *before, const struct kvm_lapic_state *state,
			  uint64_t ns)
{
	uint32_t lvt = kernel_lapic_register(state, LVT_TIMER);
	uint32_t left = kernel_lapic_register(state, TMCCT);

	if (!counts_down(state))
		return false;
	if ((lvt & LVT_MODE) == LVT_PERIODIC)
		return left != 0 &&
		       count_ns(state, kernel_lapic_register(state, TMICT) - left) <= ns;
	return left == 0 && kernel_lapic_register(before, TMCCT) != 0;
}

/*
 * KVM makes an interrupt of a timer that has run out when its loop comes round, and says nothing of
 * it before. A halted vCPU's loop comes round without the guest.
 */
static int pass_halted(struct vcpu *v)
{
	/* An interrupt may have woken it in the pass before. */
	enum vcpu_state state = VCPU_HALTED;
	int error = get_state(v, &state);
	bool passed;

	if (error >= 0 && state == VCPU_RUNNING)
		error = set_mp_state(v, KVM_MP_STATE_HALTED);
	passed = error >= 0 && kernel_pass(v->vm, v->fd, v->run);
	if (error >= 0 && state == VCPU_RUNNING)
		error = set_mp_state(v, KVM_MP_STATE_RUNNABLE);
	return error >= 0 && !passed ? -EIO : error;
}

static void set_irr(struct kvm_lapic_state *state, unsigned vector)
{
	unsigned at = (vector / 32) * 16 + vector % 32 / 8;
	uint8_t bit = (uint8_t)(1u << vector % 8);

	state->regs[IRR + at] = (char)((uint8_t)state->regs[IRR + at] | bit);
	state->regs[TMR + at] = (char)((uint8_t)state->regs[TMR + at] & ~bit);
}

/* Whether it looks as if a period did not run, which a page cannot say. */
static bool seems_idle(const struct kvm_lapic_state *before, const struct kvm_lapic_state *state)
{
	return kernel_lapic_register(state, TMICT) && !kernel_lapic_register(before, TMCCT) &&
	       !kernel_lapic_register(state, TMCCT) &&
	       (kernel_lapic_register(state, LVT_TIMER) & LVT_MODE) == LVT_PERIODIC;
}

/* Too fast for us: it has run out meanwhile, or will in a moment. One such interrupt. */
static void run_out(struct kvm_lapic_state *state)
{
	uint32_t lvt = kernel_lapic_register(state, LVT_TIMER);

	if (!(lvt & LVT_MASKED) && (lvt & 0xFFu) >= 16)
		set_irr(state, lvt & 0xFFu);
}

static int look(struct vcpu *v, struct vcpu_hop *hop)
{
	static const struct timespec a_while = {.tv_nsec = IDLE_LOOK_NS};
	bool idle = false;
	struct kvm_lapic_state before;

	for (int i = 0; i < LOOKS; i++) {
		uint64_t from = kick_clock_ns();
		int error = kernel_lapic_get(v->vm, v->fd, &before);

		if (error >= 0 && hop->state != VCPU_WAITS_FOR_SIPI)
			error = pass_halted(v);
		hop->looked_ns = kick_clock_ns();
		if (error >= 0)
			error = kernel_lapic_get(v->vm, v->fd, &hop->lapic);
		if (error < 0)
			return error;
		idle = seems_idle(&before, &hop->lapic);
		if (!idle && !ran_out_since(&before, &hop->lapic, kick_clock_ns() - from))
			return 0;
		/* A host that is busy elsewhere may begin the next period late. */
		if (idle)
			nanosleep(&a_while, NULL);
	}
	if (idle)
		set_register(&hop->lapic, TMICT, 0);
	else
		run_out(&hop->lapic);
	return 0;
}

/*
 * What KVM's Local APIC may hold and ours, by the SDM, cannot (FINDINGS.md): vectors below 16, a
 * count above the initial count where KVM has stretched a period, an initial count beside a
 * deadline, an LDR or an ID of another mode.
 */
static void amend(const struct vcpu *v, struct kvm_lapic_state *state, uint64_t apic_base)
{
	static const unsigned vectors[] = {ISR, TMR, IRR};
	uint32_t mode = kernel_lapic_register(state, LVT_TIMER) & LVT_MODE;
	uint32_t initial = mode & LVT_DEADLINE ? 0 : kernel_lapic_register(state, TMICT);
	/* Where it is disabled ours has stopped. */
	uint32_t count = apic_base & APIC_BASE_EN ? kernel_lapic_register(state, TMCCT) : 0;
	uint32_t ldr = kernel_lapic_register(state, LDR) & 0xFF000000u;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		set_register(state, vectors[i],
			     kernel_lapic_register(state, vectors[i]) & 0xFFFF0000u);
	/* Nobody has set it since: it stands where it stood. */
	if (!mode && !initial)
		initial = v->spent_count;
	set_register(state, TMICT, initial);
	set_register(state, TMCCT, count < initial ? count : initial);
	if ((apic_base & (APIC_BASE_EN | APIC_BASE_EXTD)) == (APIC_BASE_EN | APIC_BASE_EXTD))
		ldr = (v->apic_id >> 4) << 16 | 1u << (v->apic_id & 15);
	set_register(state, LDR, ldr);
	if (!(apic_base & APIC_BASE_EN) && (kernel_lapic_register(state, ID) & 0xFFFFFFu))
		set_register(state, ID, v->apic_id << 24);
}

/* Nobody runs it any more, and nobody needs its interrupts. */
static int quieten(struct vcpu *v, const struct vcpu_hop *hop)
{
	struct kvm_lapic_state state = hop->lapic;

	set_register(&state, LVT_TIMER, LVT_MASKED);
	set_register(&state, TMICT, 0);
	set_register(&state, TMCCT, 0);
	return kernel_lapic_set(v->vm, v->fd, &state);
}

static bool leave_kernel(struct vcpu *v, const struct processor_msrs *msrs, struct vcpu_hop *hop)
{
	struct processor_error why;
	enum vcpu_state now;
	int error;

	if (machine_warm_wanted(v) && !vcpu_kernel_start_warm(v))
		return false;
	/* First: the Local APIC changes by it. */
	error = get_state(v, &hop->state);
	if (error < 0)
		return failed(v, "KVM_GET_MP_STATE", error);
	error = look(v, hop);
	if (error < 0)
		return failed(v, "its Local APIC", error);
	error = get_state(v, &now);
	if (error < 0)
		return failed(v, "KVM_GET_MP_STATE", error);
	/* An interrupt may have ended HLT just now. */
	if (hop->state == VCPU_HALTED && now == VCPU_RUNNING)
		hop->state = VCPU_RUNNING;
	if (!processor_get(v->vm, v->fd, msrs, &hop->processor, &why))
		return failed(v, why.what, why.error);
	hop->apic_base = hop->processor.sregs.apic_base;
	error = vm_get_msr(v->vm, v->fd, MSR_IA32_TSC_DEADLINE, &hop->tsc_deadline);
	if (error < 0)
		return failed(v, "KVM_GET_MSRS: IA32_TSC_DEADLINE", error);
	error = quieten(v, hop);
	return error >= 0 || failed(v, "KVM_SET_LAPIC", error);
}

/* ---- into either ---- */

/*
 * What kvm_run says of IF and of KVM's readiness is of another time; by it an 8259's or our own
 * interrupt is given, one that ends HLT before the next instruction, and a timer is said to wake
 * nobody.
 */
static bool look_ready(struct vcpu *v)
{
	int error;

	v->run->kvm_valid_regs = v->run->kvm_dirty_regs = 0;
	v->run->cr8 = lapic_cr8(v->own_lapic);
	v->run->immediate_exit = 1;
	error = kvm_ioctl(v->vm->kvm, v->fd, KVM_RUN, NULL);
	return error == -EINTR || failed(v, "KVM_RUN", error);
}

/* ---- into KVM's ---- */

/* KVM_SET_LAPIC sets a timer going that has run out, unless it was never set. */
static void put_spent_away(struct vcpu *v, struct kvm_lapic_state *state)
{
	v->spent_count = 0;
	if (!counts_down(state) || kernel_lapic_register(state, TMCCT))
		return;
	v->spent_count = kernel_lapic_register(state, TMICT);
	set_register(state, TMICT, 0);
}

static void drop_highest(struct kvm_lapic_state *state, struct vcpu_hop *hop)
{
	hop->dropped = -1;
	for (unsigned i = 8; hop->drop && hop->dropped < 0 && i-- > 0;) {
		uint32_t word = kernel_lapic_register(state, IRR + 16 * i);
		unsigned bit = word ? 31 - (unsigned)__builtin_clz(word) : 0;

		if (!word)
			continue;
		set_register(state, IRR + 16 * i, word & ~(1u << bit));
		hop->dropped = (int)(32 * i + bit);
	}
}

/* Returns the deadline, 0: none. One that passes between the two looks shows in neither of them: in
 * a further one it does, as an interrupt. */
static uint64_t export_own(struct vcpu *v, struct kvm_lapic_state *state)
{
	uint64_t deadline = 0;

	lapic_export_image(v->own_lapic, LAPIC_IMAGE_KVM_X2APIC, (uint8_t *)state->regs);
	lapic_msr_read(v->own_lapic, MSR_IA32_TSC_DEADLINE, &deadline);
	if (!deadline)
		lapic_export_image(v->own_lapic, LAPIC_IMAGE_KVM_X2APIC, (uint8_t *)state->regs);
	return deadline;
}

static int set_lapic(struct vcpu *v, struct vcpu_hop *hop)
{
	struct kvm_lapic_state state;
	uint64_t deadline = export_own(v, &state);
	int error;

	put_spent_away(v, &state);
	drop_highest(&state, hop);
	error = kernel_lapic_set(v->vm, v->fd, &state);
	if (error >= 0 && deadline)
		error = vm_set_msr(v->vm, v->fd, MSR_IA32_TSC_DEADLINE, deadline);
	return error;
}

static bool enter_kernel(struct vcpu *v, const struct processor_msrs *msrs, struct vcpu_hop *hop)
{
	static const uint32_t states[] = {
		[VCPU_RUNNING] = KVM_MP_STATE_RUNNABLE,
		[VCPU_HALTED] = KVM_MP_STATE_HALTED,
		[VCPU_WAITS_FOR_SIPI] = KVM_MP_STATE_INIT_RECEIVED,
	};
	struct processor_error why;
	int error;

	kick_at(&v->kick, 0);
	/* It would be refused while an INIT is on its way, of which there is none. */
	error = set_mp_state(v, KVM_MP_STATE_RUNNABLE);
	if (error < 0)
		return failed(v, "KVM_SET_MP_STATE", error);
	if (!processor_set(v->vm, v->fd, msrs, &hop->processor, &why))
		return failed(v, why.what, why.error);
	error = set_lapic(v, hop);
	if (error < 0)
		return failed(v, "its Local APIC", error);
	error = set_mp_state(v, states[hop->state]);
	if (error < 0)
		return failed(v, "KVM_SET_MP_STATE", error);
	/* Behind that: while one waits KVM lets nobody wait for SIPI. */
	error = hop->smi ? kvm_ioctl(v->vm->kvm, v->fd, KVM_SMI, NULL) : 0;
	if (error < 0)
		return failed(v, "KVM_SMI", error);
	v->lapic = NULL;
	v->given = v->halted = v->nmi_given = false;
	v->in_run = 0;
	return look_ready(v);
}

/* ---- out of ours ---- */

static bool leave_own(struct vcpu *v, const struct processor_msrs *msrs, struct vcpu_hop *hop)
{
	struct kvm_vcpu_events *events = &hop->processor.events;
	struct processor_error why;

	while (lapic_pending(v->lapic) & (LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI))
		if (!vcpu_start_anew(v))
			return false;
	inject_without_smm(v, lapic_pending(v->lapic));
	hop->state = vcpu_state(v);
	if (!processor_get(v->vm, v->fd, msrs, &hop->processor, &why))
		return failed(v, why.what, why.error);
	hop->apic_base = lapic_apic_base(v->lapic);
	hop->processor.sregs.apic_base = hop->apic_base;
	hop->processor.sregs.cr8 = lapic_cr8(v->lapic);
	hop->smi = lapic_take_smi(v->lapic);
	while (lapic_take_nmi(v->lapic))
		if (events->nmi.pending < NMIS_MAX)
			events->nmi.pending++;
	return true;
}

/* ---- into ours ---- */

/* Both ways there is an event that makes it so; the registers come after. */
static bool agree_on_waiting(struct vcpu *v, const struct vcpu_hop *hop)
{
	bool wanted = hop->state == VCPU_WAITS_FOR_SIPI;
	uint8_t vector;

	if (lapic_waits_for_sipi(v->lapic) == wanted)
		return true;
	lapic_post(v->lapic, wanted ? LAPIC_INIT : LAPIC_SIPI, 0, false);
	if (wanted)
		lapic_take_init(v->lapic);
	else
		lapic_take_sipi(v->lapic, &vector);
	return lapic_waits_for_sipi(v->lapic) == wanted;
}

static bool take_lapic(struct vcpu *v, struct vcpu_hop *hop)
{
	struct kvm_lapic_state state = hop->lapic;
	enum lapic_state_error refused;

	amend(v, &state, hop->apic_base);
	drop_highest(&state, hop);
	v->clock_at_ns = hop->looked_ns;
	refused = lapic_import_image(v->lapic, LAPIC_IMAGE_KVM_X2APIC, (const uint8_t *)state.regs,
				     hop->apic_base, hop->tsc_deadline);
	v->clock_at_ns = 0;
	if (refused == LAPIC_STATE_OK)
		return true;
	ending_say(v->machine->ending, RESULT_INTERNAL, (int)v->id, 0,
		   "handing vCPU %u over: its Local APIC as KVM describes it: %s", v->id,
		   lapic_state_error_name(refused));
	return false;
}

static bool enter_own(struct vcpu *v, const struct processor_msrs *msrs, struct vcpu_hop *hop)
{
	struct kvm_vcpu_events *events = &hop->processor.events;
	bool waits = hop->state == VCPU_WAITS_FOR_SIPI;
	/* KVM's events do not outlive the SIPI here, the Local APIC's do. */
	unsigned nmis = waits ? events->nmi.pending : 0;
	bool smi = waits && events->smi.pending;
	/* KVM holds it back for as long as SMM lasts; ours acts on it at once. */
	bool init = events->smi.latched_init;
	struct processor_error why;

	if (waits)
		events->nmi.pending = events->smi.pending = 0;
	v->lapic = v->own_lapic;
	/* As lapic_host.c: KVM is told of xAPIC mode or disabled. */
	hop->processor.sregs.apic_base &= ~(uint64_t)APIC_BASE_EXTD;
	if (!processor_set(v->vm, v->fd, msrs, &hop->processor, &why))
		return failed(v, why.what, why.error);
	pv_eoi_follow(v);
	if (!agree_on_waiting(v, hop)) {
		ending_say(v->machine->ending, RESULT_INTERNAL, (int)v->id, 0,
			   "handing vCPU %u over: it does not come to wait for SIPI", v->id);
		return false;
	}
	if (!take_lapic(v, hop))
		return false;
	while (nmis--)
		lapic_post(v->lapic, LAPIC_NMI, 0, false);
	if (smi)
		lapic_post(v->lapic, LAPIC_SMI, 0, false);
	if (init)
		lapic_post(v->lapic, LAPIC_INIT, 0, false);
	v->halted = hop->state == VCPU_HALTED;
	v->given = events->interrupt.injected;
	v->nmi_given = events->nmi.pending != 0;
	v->in_run = 0;
	v->deadline_changed = true;
	return look_ready(v);
}

/* ---- all of it ---- */

bool vcpu_hop_leave(struct vcpu *v, const struct processor_msrs *msrs, struct vcpu_hop *hop)
{
	return v->lapic ? leave_own(v, msrs, hop) : leave_kernel(v, msrs, hop);
}

bool vcpu_hop_swap(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	int fd = v->fd, error;

	error = tsc_follow(&v->tsc, v->there_fd);
	if (error < 0)
		return failed(v, "its TSC", error);
	v->fd = v->there_fd;
	v->run = v->there_run;
	v->there_fd = fd;
	v->there_run = run;
	kick_move(&v->kick, v->run);
	return true;
}

bool vcpu_hop_enter(struct vcpu *v, const struct processor_msrs *msrs, struct vcpu_hop *hop)
{
	return v->lapic ? enter_kernel(v, msrs, hop) : enter_own(v, msrs, hop);
}
