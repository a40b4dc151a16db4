// SPDX-License-Identifier: BSD-2-Clause
// The tiny virtual machine of the probes: its set-up, and its way from exit to exit in bounded
// time. Not the questions: those are in probe_msr.c, probe_event.c and probe_cpu.c.
#include "vmm/probe.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/boot.h"
#include "vmm/cpuid.h"
#include "vmm/ending.h"
#include "vmm/regs.h"

#define GDT          BOOT_TABLES_START
#define IDT          0x11000u
#define HANDLERS     0x12000u
#define STACK        0x20000u
#define ROOM         0x1000u

#define VECTORS      256u
#define HANDLER_SIZE 8u

/* Generous: with every core busy an emulated guest may wait long for its turn. */
#define BOUND_NS UINT64_C(500000000)

static int vcpu_ioctl(const struct probe *p, unsigned long request, void *arg)
{
	return kvm_ioctl(p->vm.kvm, p->fd, request, arg);
}

/* ---------------------------------------------------------------- set-up */

/* An interrupt gate (SDM Vol. 3A "64-Bit Mode IDT") and its handler: mov al, vector; out 81h, al;
 * hlt. */
static void write_vector(uint8_t *idt, uint8_t *handlers, unsigned vector)
{
	uint32_t offset = HANDLERS + vector * HANDLER_SIZE;
	const uint8_t gate[16] = {(uint8_t)offset,         (uint8_t)(offset >> 8), 0x08, 0, 0, 0x8E,
				  (uint8_t)(offset >> 16), (uint8_t)(offset >> 24)};
	const uint8_t code[] = {0xB0, (uint8_t)vector, 0xE6, PROBE_VECTOR_PORT, 0xF4};

	memcpy(idt + vector * sizeof(gate), gate, sizeof(gate));
	memcpy(handlers + vector * HANDLER_SIZE, code, sizeof(code));
}

static bool write_tables(const struct ram *ram)
{
	uint8_t *idt = ram_at(ram, IDT, ROOM), *handlers = ram_at(ram, HANDLERS, ROOM);

	if (!idt || !handlers || !boot_write_gdt(ram, GDT) || !boot_write_page_tables(ram))
		return false;
	for (unsigned vector = 0; vector < VECTORS; vector++)
		write_vector(idt, handlers, vector);
	return true;
}

/* CPUID as in a run that offers all, for the questions that depend on it. */
static int set_cpuid(struct probe *p)
{
	static const struct host_traits traits = {
		.x2apic_exits = true, .tsc_deadline_exits = true, .tsc_write_exits = true};
	static const struct options options = {.cpus = 1, .x2apic = true, .tsc_deadline = true};
	struct kvm_cpuid2 *table;
	int error = cpuid_build(p->vm.kvm, p->vm.kvm_fd, &traits, &options, 0, &table);

	if (error)
		return error;
	error = vcpu_ioctl(p, KVM_SET_CPUID2, table);
	free(table);
	return error;
}

static bool refused(struct result *why, const char *what, int error)
{
	ending_fill(why, RESULT_HOST_LACKS, "KVM refuses a first small guest: %s: %s", what,
		    strerror(error));
	return false;
}

static bool make_vcpu(struct probe *p, struct result *why)
{
	int error = vm_map_ram(&p->vm, &p->ram, NULL, 0);

	if (error < 0)
		return refused(why, "KVM_SET_USER_MEMORY_REGION", -error);
	p->fd = vm_create_vcpu(&p->vm, 0);
	if (p->fd < 0)
		return refused(why, "KVM_CREATE_VCPU", -p->fd);
	p->run = p->vm.kvm->mmap_run(p->vm.kvm->opaque, p->fd, p->vm.run_bytes);
	if (!p->run)
		return refused(why, "mmap of kvm_run", errno);
	error = set_cpuid(p);
	if (error < 0)
		return refused(why, "KVM_SET_CPUID2", -error);
	if (!kick_install() || !kick_join(&p->kick, p->run))
		return refused(why, "timer_create", errno);
	return true;
}

bool probe_open(struct probe *p, const struct kvm_calls *kvm, const struct host_traits *traits,
		struct result *why)
{
	char text[256];

	*p = (struct probe){.fd = -1};
	if (!vm_open(&p->vm, kvm, traits, VM_LAPIC_USER, why))
		return false;
	if (ram_create(&p->ram, RAM_SIZE_MIN, text, sizeof(text)) != RAM_OK)
		ending_fill(why, RESULT_HOST_LACKS, "%s", text);
	else if (!write_tables(&p->ram))
		ending_fill(why, RESULT_INTERNAL, "the probe's tables do not fit its memory");
	else if (make_vcpu(p, why))
		return true;
	probe_close(p);
	return false;
}

void probe_close(struct probe *p)
{
	const struct kvm_calls *kvm = p->vm.kvm;

	if (p->run) {
		kick_leave(&p->kick);
		kick_uninstall();
		kvm->munmap_run(kvm->opaque, p->run, p->vm.run_bytes);
	}
	if (p->fd >= 0)
		kvm->close(kvm->opaque, p->fd);
	vm_close(&p->vm);
	ram_destroy(&p->ram);
}

/* ---------------------------------------------------------------- running */

/* KVM ends an exit's instruction at the next entry: let it, lest it be done to the next guest. */
static void finish_exit(struct probe *p)
{
	kick_begin(&p->kick);
	p->run->immediate_exit = 1;
	vcpu_ioctl(p, KVM_RUN, NULL);
	p->run->immediate_exit = 0;
}

bool probe_load(struct probe *p, const uint8_t *code, size_t bytes)
{
	const uint8_t set_stack[] = {0xBC, (uint8_t)STACK, (uint8_t)(STACK >> 8),
				     (uint8_t)(STACK >> 16), 0}; /* mov esp, STACK */
	const uint64_t start = PROBE_CODE - sizeof(set_stack);
	uint8_t *to = ram_at(&p->ram, start, ROOM);
	struct boot_state state;

	if (!to || bytes > ROOM - sizeof(set_stack))
		return false;
	finish_exit(p);
	memset(to, 0xF4, ROOM); /* hlt: who runs past the end is seen */
	memcpy(to, set_stack, sizeof(set_stack));
	memcpy(to + sizeof(set_stack), code, bytes);
	boot_long_mode(&state, start, GDT, 0);
	state.idtr = (struct boot_table){.base = IDT, .limit = VECTORS * 16 - 1};
	p->run->request_interrupt_window = 0;
	p->run->cr8 = 0;
	return regs_set(&p->vm, p->fd, &state) >= 0;
}

int probe_run(struct probe *p)
{
	uint64_t end = kick_clock_ns() + BOUND_NS;
	int error;

	do {
		kick_begin(&p->kick);
		kick_after(&p->kick, BOUND_NS);
		error = vcpu_ioctl(p, KVM_RUN, NULL);
		kick_after(&p->kick, 0);
		if (error >= 0)
			return (int)p->run->exit_reason;
	} while ((error == -EINTR || error == -EAGAIN) && kick_clock_ns() < end);
	return error == -EINTR || error == -EAGAIN ? -ETIME : error;
}

bool probe_runs_to_out(struct probe *p, uint16_t port, uint8_t *al)
{
	const struct kvm_run *run = p->run;

	if (probe_run(p) != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT ||
	    run->io.port != port || run->io.size != 1)
		return false;
	*al = *((const uint8_t *)run + run->io.data_offset);
	return true;
}

bool probe_runs_to_msr(struct probe *p, bool write, uint32_t msr)
{
	int wanted = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;

	if (probe_run(p) != wanted || p->run->msr.index != msr)
		return false;
	p->run->msr.error = 0;
	return true;
}

bool probe_registers(struct probe *p, uint64_t *edx_eax, uint64_t *rcx)
{
	struct kvm_regs regs;

	if (vcpu_ioctl(p, KVM_GET_REGS, &regs) < 0)
		return false;
	*edx_eax = (regs.rdx << 32) | (uint32_t)regs.rax;
	*rcx = regs.rcx;
	return true;
}

uint32_t probe_last_exit(const struct probe *p)
{
	return p->run->exit_reason;
}
