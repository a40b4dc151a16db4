// SPDX-License-Identifier: BSD-2-Clause
// The side with our Local APICs: a VM without irqchip, driven by one thread.
// Not lapicvm's own way of running a guest (vcpu.c): nothing here sleeps, waits or is kicked.

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/apic_page.h"
#include "vmm/boot.h"
#include "vmm/diff/side.h"
#include "vmm/ending.h"
#include "vmm/exit.h"
#include "vmm/msr_index.h"
#include "vmm/regs.h"

#define BUS_HZ         1000000000u
#define APIC_BASE_EXTD 0x400u
#define APIC_BASE_EN   0x800u
/* Exits of one operation, interrupt handlers included. */
#define EXITS_MAX  5000u
#define FINISH_MAX 64u

/* What a Local APIC's callbacks need to know. */
struct owner {
	struct side *side;
	unsigned n;
};

static uint64_t owner_now_ns(void *opaque)
{
	return ((struct owner *)opaque)->side->now_ns;
}

static uint64_t owner_now_tsc(void *opaque)
{
	return ((struct owner *)opaque)->side->now_tsc;
}

static void owner_eoi(void *opaque, uint8_t vector)
{
	struct owner *owner = opaque;

	side_log(&owner->side->cpu[owner->n].eois, vector);
}

/* One that lies where the puppet has its memory stays there: KVM refuses a second slot. */
static void owner_base_changed(void *opaque, uint64_t base)
{
	struct owner *owner = opaque;
	struct side *side = owner->side;
	bool xapic = (base & (APIC_BASE_EN | APIC_BASE_EXTD)) == APIC_BASE_EN;
	int error = vm_hide_apic_page(&side->vm);

	if (error < 0)
		side_fail(side, owner->n, "our side: hiding the APIC page: %s", strerror(-error));
	else if (xapic)
		vm_show_apic_page(&side->vm, base & ~(uint64_t)(LAPIC_PAGE_SIZE - 1),
				  side->cpu[owner->n].lapic_page);
}

static bool prepare(struct side *side, const struct side_setup *setup, struct result *why)
{
	struct lapic_map_config config = {
		.size = sizeof(config),
		.max_lapics = setup->cpus,
		.max_id = setup->cpus - 1,
	};
	size_t bytes = lapic_map_size(&config);

	side->map_memory = calloc(1, bytes);
	side->map = side->map_memory ? lapic_map_init(side->map_memory, bytes, &config) : NULL;
	if (!side->map)
		ending_fill(why, RESULT_INTERNAL, "no memory for the map of Local APICs");
	return side->map != NULL;
}

static bool prepare_cpu(struct side *side, unsigned n, const struct side_setup *setup,
			struct result *why)
{
	struct side_cpu *c = &side->cpu[n];
	size_t align = lapic_align(), size = (lapic_size() + align - 1) / align * align;
	size_t room = size + (sizeof(struct owner) + align - 1) / align * align;
	struct lapic_ops ops = {
		.size = sizeof(ops),
		.now_ns = owner_now_ns,
		.now_tsc = owner_now_tsc,
		.eoi = owner_eoi,
		.base_changed = setup->apic_page_read_only ? owner_base_changed : NULL,
	};
	struct lapic_config config;
	struct owner *owner;
	enum lapic_init_error error;

	lapic_config_intel(&config);
	config.initial_id = n;
	config.bsp = n == 0;
	config.bus_hz = BUS_HZ;
	config.maxphyaddr = (uint8_t)setup->maxphyaddr;
	config.x2apic = setup->x2apic;
	config.tsc_deadline = setup->tsc_deadline;
	config.cmci = setup->cmci;
	config.eoi_suppression = setup->eoi_suppression;
	c->lapic_memory = aligned_alloc(align, room);
	c->lapic_page = aligned_alloc(LAPIC_PAGE_SIZE, LAPIC_PAGE_SIZE);
	if (!c->lapic_memory || !c->lapic_page) {
		ending_fill(why, RESULT_INTERNAL, "no memory for a Local APIC");
		return false;
	}
	owner = (struct owner *)(void *)((uint8_t *)c->lapic_memory + size);
	*owner = (struct owner){side, n};
	error = lapic_init(c->lapic_memory, size, c->lapic_page, &config, &ops, owner, side->map,
			   &c->lapic);
	if (error != LAPIC_INIT_OK)
		ending_fill(why, RESULT_INTERNAL, "lapic_init: %s", lapic_init_error_name(error));
	return error == LAPIC_INIT_OK;
}

static void close_user(struct side *side)
{
	for (unsigned n = 0; n < side->cpus; n++) {
		free(side->cpu[n].lapic_memory);
		free(side->cpu[n].lapic_page);
	}
	free(side->map_memory);
}

/* ---- one exit ---- */

static void answer_memory(struct side_cpu *c, const struct access *access)
{
	uint32_t offset = (uint32_t)(access->address % LAPIC_PAGE_SIZE);
	uint64_t value = UINT64_MAX;

	if (access->write) {
		memcpy(&value, access->data, access->width);
		if (lapic_claims(c->lapic, access->address))
			lapic_mmio_write(c->lapic, offset, access->width, value);
		return;
	}
	if (lapic_claims(c->lapic, access->address))
		value = lapic_mmio_read(c->lapic, offset, access->width);
	memcpy(access->data, &value, access->width);
}

static void answer_msr(struct side_cpu *c, const struct msr_access *msr)
{
	uint64_t value = 0;
	bool ok = msr->write ? lapic_msr_write(c->lapic, msr->index, msr->value) == LAPIC_OK
			     : lapic_msr_read(c->lapic, msr->index, &value) == LAPIC_OK;

	exit_answer_msr(c->run, ok, value);
}

/* True: the CPU asks for its next operation. */
static bool answer(struct side *side, unsigned n, const struct exit *exit)
{
	struct side_cpu *c = &side->cpu[n];
	uint32_t value = 0;

	c->unfinished = exit->unfinished;
	switch (exit->kind) {
	case EXIT_NOTHING: return false;
	case EXIT_PORT:
		memcpy(&value, exit->u.access.data, exit->u.access.width);
		return side_puppet_out(side, n, (unsigned)exit->u.access.address, value);
	case EXIT_MEMORY: answer_memory(c, &exit->u.access); return false;
	case EXIT_MSR: answer_msr(c, &exit->u.msr); return false;
	case EXIT_HALT: c->state = FINDING_HALTED; return false;
	case EXIT_TPR: lapic_write_cr8(c->lapic, c->run->cr8); return false;
	default:
		side_fail(side, n, "our side, CPU %u: KVM_EXIT_%s", n,
			  exit_reason_name(exit->reason));
		return false;
	}
}

static bool enter(struct side *side, unsigned n, bool immediate)
{
	struct side_cpu *c = &side->cpu[n];
	struct exit exit;
	int returned;

	if (apic_page_shown(&side->vm))
		lapic_page_sync(c->lapic);
	c->run->immediate_exit = immediate;
	c->run->cr8 = lapic_cr8(c->lapic);
	returned = kvm_ioctl(side->vm.kvm, c->fd, KVM_RUN, NULL);
	if (returned < 0 && returned != -EINTR) {
		side_fail(side, n, "our side, CPU %u: KVM_RUN: %s", n, strerror(-returned));
		return false;
	}
	exit_decode(c->run, side->vm.run_bytes, returned, &exit);
	lapic_set_cr8(c->lapic, c->run->cr8);
	return answer(side, n, &exit);
}

static void finish(struct side *side, unsigned n)
{
	for (unsigned i = 0; side->cpu[n].unfinished && i < FINISH_MAX; i++)
		enter(side, n, true);
}

/* ---- what waits for the processor ---- */

static void set_state(struct side *side, unsigned n, const struct boot_state *state)
{
	int error = regs_set(&side->vm, side->cpu[n].fd, state);

	side->cpu[n].run->if_flag = 0;
	side->cpu[n].run->ready_for_interrupt_injection = 0;
	side->cpu[n].state = FINDING_RUNNING;
	if (error < 0)
		side_fail(side, n, "our side, CPU %u: registers: %s", n, strerror(-error));
}

static void start_anew(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];
	struct boot_state state;
	struct kvm_sregs sregs = {.cr0 = 0x60000010};
	uint8_t vector;

	finish(side, n);
	kvm_ioctl(side->vm.kvm, c->fd, KVM_GET_SREGS, &sregs);
	switch (lapic_take_init(c->lapic)) {
	case LAPIC_INIT_WAIT_FOR_SIPI: c->state = FINDING_WAITS_FOR_SIPI; return;
	case LAPIC_INIT_RUN:
		boot_init(&state, c->signature, sregs.cr0);
		set_state(side, n, &state);
		return;
	case LAPIC_INIT_NONE: break;
	}
	if (lapic_take_sipi(c->lapic, &vector)) {
		boot_sipi(&state, c->signature, sregs.cr0, vector);
		set_state(side, n, &state);
	}
}

static void give(struct side *side, unsigned n, uint32_t pending)
{
	struct side_cpu *c = &side->cpu[n];
	struct kvm_interrupt interrupt;
	int error = 0;

	finish(side, n);
	if (pending & LAPIC_PENDING_NMI) {
		while (lapic_take_nmi(c->lapic))
			error = kvm_ioctl(side->vm.kvm, c->fd, KVM_NMI, NULL);
	} else if (c->run->ready_for_interrupt_injection && c->run->if_flag) {
		interrupt.irq = lapic_ack(c->lapic);
		error = kvm_ioctl(side->vm.kvm, c->fd, KVM_INTERRUPT, &interrupt);
	}
	if (error < 0)
		side_fail(side, n, "our side, CPU %u: an interrupt: %s", n, strerror(-error));
}

/* Who waits for a SIPI is the Local APIC's to say: one that does not goes on from where a reset
 * leads. */
static void follow_lapic(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];
	bool waits = lapic_waits_for_sipi(c->lapic);
	struct boot_state state;

	if (waits && c->state != FINDING_LOST)
		c->state = FINDING_WAITS_FOR_SIPI;
	if (!waits && c->state == FINDING_WAITS_FOR_SIPI) {
		boot_reset(&state, c->signature);
		set_state(side, n, &state);
	}
}

/* Whether there is anything to run for. */
static bool look(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];
	uint32_t pending = lapic_pending(c->lapic);

	if (c->state == FINDING_LOST)
		return false;
	while (pending & (LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI)) {
		start_anew(side, n);
		pending = lapic_pending(c->lapic);
	}
	follow_lapic(side, n);
	if ((pending & LAPIC_PENDING_EXTINT) && lapic_take_extint(c->lapic))
		side_log(&c->arrived, FINDING_EXTINT);
	if (c->state == FINDING_WAITS_FOR_SIPI)
		return false;
	if (pending & LAPIC_PENDING_SMI)
		lapic_take_smi(c->lapic);
	if (c->state == FINDING_HALTED) {
		if (!(pending & LAPIC_PENDING_NMI) &&
		    !((pending & LAPIC_PENDING_INTR) && c->run->if_flag))
			return false;
		c->state = FINDING_RUNNING;
	}
	if (pending & (LAPIC_PENDING_NMI | LAPIC_PENDING_INTR))
		give(side, n, pending);
	return true;
}

static void run(struct side *side, unsigned n)
{
	for (unsigned i = 0; i < EXITS_MAX && look(side, n); i++)
		if (enter(side, n, false))
			return;
	if (side->cpu[n].state == FINDING_RUNNING)
		side_fail(side, n, "our side, CPU %u: the operation does not end", n);
}

/* Whether the CPU, which stands before its next operation, has something to take. */
static bool waits(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];
	uint32_t pending = lapic_pending(c->lapic);

	if (c->state == FINDING_LOST)
		return false;
	if ((pending & (LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI | LAPIC_PENDING_EXTINT)) ||
	    lapic_waits_for_sipi(c->lapic) != (c->state == FINDING_WAITS_FOR_SIPI))
		return true;
	if (c->state == FINDING_WAITS_FOR_SIPI)
		return false;
	return (pending & (LAPIC_PENDING_NMI | LAPIC_PENDING_SMI)) ||
	       ((pending & LAPIC_PENDING_INTR) && c->run->if_flag);
}

/* Our clock is set by the tool: if a timer is late, it is not the host's fault. */
static void tick(struct side *side, unsigned n)
{
	struct side_cpu *c = &side->cpu[n];
	struct lapic_deadline due;
	uint64_t stands = 0;

	lapic_tick(c->lapic);
	due = lapic_next_deadline(c->lapic);
	lapic_msr_read(c->lapic, MSR_IA32_TSC_DEADLINE, &stands);
	if ((due.clock == LAPIC_CLOCK_NS && due.at <= side->now_ns) ||
	    (due.clock == LAPIC_CLOCK_TSC && due.at <= side->now_tsc) ||
	    (stands && stands <= side->now_tsc))
		c->overdue = true;
}

static void settle(struct side *side, unsigned n)
{
	tick(side, n);
	for (unsigned i = 0; i < SIDE_LOG_MAX && waits(side, n); i++)
		run(side, n);
}

/* ---- what is compared ---- */

static void image(struct side *side, unsigned n, uint8_t out[LAPIC_IMAGE_SIZE])
{
	lapic_export_image(side->cpu[n].lapic, LAPIC_IMAGE_KVM_X2APIC, out);
}

static uint64_t base(struct side *side, unsigned n)
{
	return lapic_apic_base(side->cpu[n].lapic);
}

static uint64_t deadline(struct side *side, unsigned n)
{
	uint64_t value = 0;

	lapic_msr_read(side->cpu[n].lapic, MSR_IA32_TSC_DEADLINE, &value);
	return value;
}

/* lapic_pending() is silent about one that waits for a SIPI: taken out, and put back. */
static bool nmi(struct side *side, unsigned n)
{
	unsigned count = 0;

	while (lapic_take_nmi(side->cpu[n].lapic))
		count++;
	for (unsigned i = 0; i < count; i++)
		lapic_post(side->cpu[n].lapic, LAPIC_NMI, 0, false);
	return count != 0;
}

static void message(struct side *side, uint32_t address, uint32_t data)
{
	lapic_map_msi(side->map, address, data, false);
}

const struct side_kind side_user = {
	.prepare = prepare,
	.prepare_cpu = prepare_cpu,
	.close = close_user,
	.run = run,
	.settle = settle,
	.image = image,
	.base = base,
	.deadline = deadline,
	.nmi = nmi,
	.message = message,
};
