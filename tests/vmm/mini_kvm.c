// SPDX-License-Identifier: BSD-2-Clause
// Runs the probes' guests instruction by instruction, as the host of mini_kvm_host would.
// Not a model of timing, but for how long an instruction takes.
#include "tests/vmm/mini_kvm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <time.h>

enum { KVM_FD = 1003, VM_FD = 1004, VCPU_FD = 1005 };

#define RUN_BYTES 8192u
#define IO_OFFSET 4096u
#define RFLAGS_IF 0x200u
#define RFLAGS_ZF 0x40u

struct mini_kvm_host mini_kvm_host;

static struct {
	_Alignas(4096) uint8_t run[RUN_BYTES];
	struct kvm_userspace_memory_region memory[4];
	struct kvm_msr_filter filter;
	uint32_t msr_reasons;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint32_t leaf1_edx;
	uint64_t tsc_offset, tsc_adjust;
	bool shadow, stepping, nmi, unfinished_msr, unfinished_out;
	int queued; /* vector, or -1 */
	unsigned since_look;
} vm;

static struct kvm_run *run(void)
{
	return (struct kvm_run *)vm.run;
}

void mini_kvm_vmx(void)
{
	mini_kvm_host = (struct mini_kvm_host){
		.api_version = KVM_API_VERSION,
		.missing_cap = -1,
		.smm = true,
		.tsc_khz = 3000000,
		.max_vcpus = 4096,
		.max_vcpu_id = 4096,
		.sync_regs = 7,
		.msr_error_vector = 13,
		.nmi_vector = 2,
		.cr8_lowering_exits = true,
		.window_every = 1,
		.closed = CLOSED_FAILS_ENTRY,
		.step = STEP_EXACT,
	};
}

void mini_kvm_pvm(void)
{
	mini_kvm_vmx();
	mini_kvm_host.smm = false;
	mini_kvm_host.tsc_khz = 2596122;
	mini_kvm_host.max_vcpus = 1024;
	mini_kvm_host.cr8_lowering_exits = false;
	mini_kvm_host.window_every = 1024;
	mini_kvm_host.closed = CLOSED_DELIVERS;
	mini_kvm_host.ns_per_instruction = 250;
	mini_kvm_host.tsc_stays = true;
}

/* ---------------------------------------------------------------- memory */

static uint8_t *at(uint64_t gpa)
{
	for (unsigned i = 0; i < 4; i++) {
		const struct kvm_userspace_memory_region *m = &vm.memory[i];

		if (gpa >= m->guest_phys_addr && gpa - m->guest_phys_addr < m->memory_size)
			return (uint8_t *)(uintptr_t)(m->userspace_addr + gpa - m->guest_phys_addr);
	}
	return NULL;
}

static uint8_t byte(uint64_t gpa)
{
	const uint8_t *p = at(gpa);

	return p ? *p : 0xFF;
}

static uint32_t dword(uint64_t gpa)
{
	return byte(gpa) | (uint32_t)byte(gpa + 1) << 8 | (uint32_t)byte(gpa + 2) << 16 |
	       (uint32_t)byte(gpa + 3) << 24;
}

/* The identity map is taken at its word only after a walk down to the 2 MiB page. */
static bool is_mapped(uint64_t address)
{
	uint64_t entry = vm.sregs.cr3 & ~UINT64_C(0xFFF);

	for (int shift = 39; shift >= 21; shift -= 9) {
		uint64_t slot = entry + ((address >> shift) & 511) * 8;

		entry = dword(slot) | (uint64_t)dword(slot + 4) << 32;
		if (!(entry & 1))
			return false;
		if (shift == 21)
			return (entry & 0x80) &&
			       (entry & ~UINT64_C(0x1FFFFF)) == (address & ~UINT64_C(0x1FFFFF));
		entry &= ~UINT64_C(0xFFF);
	}
	return false;
}

/* ---------------------------------------------------------------- events */

static int leave(uint32_t reason)
{
	run()->exit_reason = reason;
	run()->if_flag = !!(vm.regs.rflags & RFLAGS_IF);
	run()->ready_for_interrupt_injection = run()->if_flag && !vm.shadow && vm.queued < 0;
	if ((run()->kvm_valid_regs & KVM_SYNC_X86_EVENTS) && mini_kvm_host.events != EVENTS_UNTOLD)
		run()->s.regs.events = (struct kvm_vcpu_events){
			.interrupt.injected = vm.queued >= 0,
			.nmi.pending = vm.nmi,
		};
	return 0;
}

static void sync_events(void)
{
	const struct kvm_vcpu_events *events = &run()->s.regs.events;

	if (!(run()->kvm_dirty_regs & KVM_SYNC_X86_EVENTS) || mini_kvm_host.events == EVENTS_LOST)
		return;
	vm.queued = events->interrupt.injected ? events->interrupt.nr : -1;
	if (mini_kvm_host.events != EVENTS_TWICE)
		run()->kvm_dirty_regs = 0;
}

/* To the handler by the guest's own IDT; a stack must be there. False: as a triple fault. */
static bool deliver(unsigned vector)
{
	uint64_t gate = vm.sregs.idt.base + vector * 16;

	if (vm.sregs.idt.limit < vector * 16 + 15 || (byte(gate + 5) & 0x8F) != 0x8E ||
	    !is_mapped(vm.regs.rsp - 8))
		return false;
	vm.regs.rip = (dword(gate) & 0xFFFF) | (dword(gate + 4) & 0xFFFF0000) |
		      (uint64_t)dword(gate + 8) << 32;
	vm.regs.rsp -= 40;
	vm.regs.rflags &= ~(uint64_t)RFLAGS_IF;
	return true;
}

/* Before each instruction. Returns an exit (>= 0), or -1 to go on. */
static int events(void)
{
	bool open = (vm.regs.rflags & RFLAGS_IF) && !vm.shadow;

	if (vm.nmi && (open || !mini_kvm_host.nmi_waits_for_if)) {
		vm.nmi = false;
		return deliver(mini_kvm_host.nmi_vector) ? -1 : KVM_EXIT_SHUTDOWN;
	}
	if (vm.queued >= 0 && !open && mini_kvm_host.closed == CLOSED_FAILS_ENTRY)
		return KVM_EXIT_FAIL_ENTRY;
	if (vm.queued >= 0 && (open || mini_kvm_host.closed == CLOSED_DELIVERS)) {
		unsigned vector = (unsigned)vm.queued;

		vm.queued = -1;
		return deliver(vector) ? -1 : KVM_EXIT_SHUTDOWN;
	}
	if (++vm.since_look < mini_kvm_host.window_every)
		return -1;
	vm.since_look = 0;
	return run()->request_interrupt_window && open ? KVM_EXIT_IRQ_WINDOW_OPEN : -1;
}

/* ---------------------------------------------------------------- instructions */

static bool is_kept(uint32_t msr, bool write)
{
	return (msr == mini_kvm_host.kept_msr[0] || msr == mini_kvm_host.kept_msr[1]) &&
	       (write || !mini_kvm_host.keeps_writes_only);
}

static bool filter_denies(uint32_t msr, bool write)
{
	uint32_t flag = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;

	for (unsigned i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *r = &vm.filter.ranges[i];

		if ((r->flags & flag) && msr >= r->base && msr - r->base < r->nmsrs)
			return !(r->bitmap[(msr - r->base) / 8] >> ((msr - r->base) % 8) & 1);
	}
	return false;
}

static int access_msr(bool write)
{
	uint32_t msr = (uint32_t)vm.regs.rcx, reason = 0;

	/* api.rst: x2APIC MSRs cannot be filtered; without a LAPIC in the kernel they are invalid.
	 */
	if (msr >= 0x800 && msr <= 0x8FF)
		reason = KVM_MSR_EXIT_REASON_INVAL;
	else if (filter_denies(msr, write))
		reason = KVM_MSR_EXIT_REASON_FILTER;
	if (is_kept(msr, write) || !(reason & vm.msr_reasons)) {
		vm.regs.rip += 2;
		return -1;
	}
	run()->msr.index = msr;
	run()->msr.reason = reason;
	run()->msr.error = 0;
	run()->msr.data = (uint32_t)vm.regs.rax;
	if (!mini_kvm_host.msr_writes_are_32_bits)
		run()->msr.data |= vm.regs.rdx << 32;
	vm.unfinished_msr = true;
	return write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
}

/* KVM ends the instruction at the next entry. */
static int finish_msr(void)
{
	bool write = byte(vm.regs.rip + 1) == 0x30;

	vm.unfinished_msr = false;
	if (run()->msr.error && mini_kvm_host.msr_error_vector)
		return deliver(mini_kvm_host.msr_error_vector) ? -1 : KVM_EXIT_SHUTDOWN;
	if (!write) {
		vm.regs.rax = (uint32_t)run()->msr.data;
		vm.regs.rdx = mini_kvm_host.msr_reads_are_32_bits ? 0 : run()->msr.data >> 32;
	}
	vm.regs.rip += 2;
	return -1;
}

static int out(void)
{
	run()->io.direction = KVM_EXIT_IO_OUT;
	run()->io.port = byte(vm.regs.rip + 1);
	run()->io.size = 1;
	run()->io.count = 1;
	run()->io.data_offset = IO_OFFSET;
	vm.run[IO_OFFSET] = (uint8_t)vm.regs.rax;
	vm.unfinished_out = true;
	vm.regs.rip += 2;
	return KVM_EXIT_IO;
}

static int move_to_cr8(void)
{
	uint64_t old = run()->cr8;

	run()->cr8 = vm.regs.rax;
	vm.regs.rip += 4;
	return mini_kvm_host.cr8_lowering_exits && run()->cr8 < old ? KVM_EXIT_SET_TPR : -1;
}

static void cpuid(void)
{
	bool enabled = vm.sregs.apic_base & 0x800;

	vm.regs.rdx = vm.leaf1_edx;
	if (!enabled && !mini_kvm_host.apic_bit_stays)
		vm.regs.rdx &= ~(uint64_t)0x200;
	vm.regs.rax = vm.regs.rbx = vm.regs.rcx = 0;
	vm.regs.rip += 2;
}

static void rdtsc(void)
{
	uint64_t tsc = __builtin_ia32_rdtsc() + (mini_kvm_host.tsc_stays ? 0 : vm.tsc_offset);

	vm.regs.rax = (uint32_t)tsc;
	vm.regs.rdx = tsc >> 32;
	vm.regs.rip += 2;
}

static void load_immediate(unsigned opcode)
{
	__u64 *to[8] = {&vm.regs.rax, &vm.regs.rcx, &vm.regs.rdx, &vm.regs.rbx,
			&vm.regs.rsp, &vm.regs.rbp, &vm.regs.rsi, &vm.regs.rdi};

	*to[opcode & 7] = dword(vm.regs.rip + 1);
	vm.regs.rip += 5;
}

/* One instruction. Returns an exit (>= 0), or -1 to go on. */
static int instruction(void)
{
	uint8_t op = byte(vm.regs.rip), next = byte(vm.regs.rip + 1);

	vm.shadow = false;
	if (!is_mapped(vm.regs.rip) || (vm.sregs.efer & 0x500) != 0x500 || !vm.sregs.cs.l)
		return KVM_EXIT_SHUTDOWN;
	if (op == 0x0F && (next == 0x30 || next == 0x32))
		return access_msr(next == 0x30);
	if (op == 0xE6)
		return out();
	if (op == 0x44 && dword(vm.regs.rip) == 0xC0220F44)
		return move_to_cr8();
	if (op == 0x0F && next == 0xA2) {
		cpuid();
	} else if (op == 0x0F && next == 0x31) {
		rdtsc();
	} else if (op == 0xB0) {
		vm.regs.rax = (vm.regs.rax & ~(uint64_t)0xFF) | next;
		vm.regs.rip += 2;
	} else if (op >= 0xB8 && op <= 0xBF) {
		load_immediate(op);
	} else if (op == 0xFB || op == 0xFA) {
		vm.shadow = op == 0xFB && !(vm.regs.rflags & RFLAGS_IF);
		vm.regs.rflags = op == 0xFB ? vm.regs.rflags | RFLAGS_IF
					    : vm.regs.rflags & ~(uint64_t)RFLAGS_IF;
		vm.regs.rip++;
	} else if (op == 0xFF && next == 0xC9) {
		vm.regs.rcx = (uint32_t)vm.regs.rcx - 1;
		vm.regs.rflags = vm.regs.rcx ? vm.regs.rflags & ~(uint64_t)RFLAGS_ZF
					     : vm.regs.rflags | RFLAGS_ZF;
		vm.regs.rip += 2;
	} else if (op == 0x75) {
		vm.regs.rip += 2;
		if (!(vm.regs.rflags & RFLAGS_ZF))
			vm.regs.rip += (uint64_t)(int64_t)(int8_t)next;
	} else if (op == 0x90) {
		vm.regs.rip++;
	} else if (op == 0xF4) {
		vm.regs.rip++;
		return KVM_EXIT_HLT;
	} else {
		return KVM_EXIT_INTERNAL_ERROR;
	}
	return -1;
}

/*
 * A counting loop that nothing can interrupt, `dec ecx; jnz` to it, is run but for its last round
 * in no time of ours: how long it takes is for spend() to say, not for the speed of this
 * interpreter. Returns instructions.
 */
static unsigned skip_loop(void)
{
	uint32_t rounds = (uint32_t)vm.regs.rcx;

	if (dword(vm.regs.rip) != 0xFC75C9FF || rounds < 2 || vm.stepping || vm.nmi ||
	    vm.queued >= 0 || run()->request_interrupt_window)
		return 0;
	vm.regs.rcx = 1;
	return 2 * (rounds - 1);
}

static void spend(unsigned instructions)
{
	uint64_t ns = (uint64_t)instructions * mini_kvm_host.ns_per_instruction;
	struct timespec time = {.tv_sec = 0, .tv_nsec = (long)ns};

	if (ns > 100000)
		nanosleep(&time, NULL);
}

/* Until a signal sets immediate_exit, as KVM_RUN does with a guest that never exits. */
static int hang(void)
{
	const volatile struct kvm_run *shared = run();
	const struct timespec moment = {.tv_nsec = 1000000};

	while (!shared->immediate_exit)
		nanosleep(&moment, NULL);
	return -EINTR;
}

static int enter(void)
{
	unsigned done = 0;
	int left;

	sync_events();
	left = vm.unfinished_msr ? finish_msr() : -1;
	vm.unfinished_out = false;
	if (run()->immediate_exit)
		return -EINTR;
	if (mini_kvm_host.hangs_from_run && ++mini_kvm_host.runs >= mini_kvm_host.hangs_from_run)
		return hang();
	for (; left < 0; done++) {
		left = events();
		if (left < 0) {
			done += skip_loop();
			left = instruction();
		}
		if (left < 0 && vm.stepping && mini_kvm_host.step != STEP_NEVER &&
		    (mini_kvm_host.step == STEP_EXACT || done == 1)) {
			run()->debug.arch.pc = vm.regs.rip;
			left = KVM_EXIT_DEBUG;
		}
	}
	spend(done);
	return leave((uint32_t)left);
}

/* ---------------------------------------------------------------- the interface */

static int capability(long cap)
{
	if (cap == mini_kvm_host.missing_cap)
		return 0;
	switch (cap) {
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_EXT_CPUID:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_X86_USER_SPACE_MSR:
	case KVM_CAP_X86_MSR_FILTER: return 1;
	case KVM_CAP_X86_SMM: return mini_kvm_host.smm;
	case KVM_CAP_SYNC_REGS: return mini_kvm_host.sync_regs;
	case KVM_CAP_MAX_VCPUS: return mini_kvm_host.max_vcpus;
	case KVM_CAP_MAX_VCPU_ID: return mini_kvm_host.max_vcpu_id;
	default: return 0;
	}
}

static int new_descriptor(int fd)
{
	mini_kvm_host.open_descriptors++;
	return fd;
}

static int create_vm(void)
{
	memset(&vm, 0, sizeof(vm));
	vm.queued = -1;
	vm.sregs.apic_base = 0xFEE00900;
	return new_descriptor(VM_FD);
}

static int system_ioctl(unsigned long request, void *arg)
{
	struct kvm_cpuid2 *offer = arg;

	switch (request) {
	case KVM_GET_API_VERSION: return mini_kvm_host.api_version;
	case KVM_CHECK_EXTENSION: return capability((long)(intptr_t)arg);
	case KVM_CREATE_VM: return create_vm();
	case KVM_GET_VCPU_MMAP_SIZE: return RUN_BYTES;
	case KVM_GET_SUPPORTED_CPUID:
		offer->nent = 2;
		memset(offer->entries, 0, 2 * sizeof(offer->entries[0]));
		offer->entries[0].eax = 0xD;
		offer->entries[1].function = 1;
		return 0;
	default: return -ENOTTY;
	}
}

static int vm_ioctl(unsigned long request, void *arg)
{
	const struct kvm_enable_cap *cap = arg;
	const struct kvm_userspace_memory_region *region = arg;

	switch (request) {
	case KVM_SET_TSS_ADDR:
	case KVM_SET_IDENTITY_MAP_ADDR: return 0;
	case KVM_ENABLE_CAP:
		if (cap->cap == KVM_CAP_X86_USER_SPACE_MSR)
			vm.msr_reasons = (uint32_t)cap->args[0];
		return 0;
	case KVM_X86_SET_MSR_FILTER: memcpy(&vm.filter, arg, sizeof(vm.filter)); return 0;
	case KVM_SET_USER_MEMORY_REGION:
		if (region->slot >= 4)
			return -EINVAL;
		vm.memory[region->slot] = *region;
		return 0;
	case KVM_CREATE_VCPU: return new_descriptor(VCPU_FD);
	default: return -ENOTTY;
	}
}

static int set_cpuid(const struct kvm_cpuid2 *table)
{
	for (uint32_t i = 0; i < table->nent; i++)
		if (table->entries[i].function == 1)
			vm.leaf1_edx = table->entries[i].edx;
	return 0;
}

/* A real KVM would do the rest of the old instruction to the new registers. */
static int set_regs(const struct kvm_regs *regs)
{
	if (vm.unfinished_msr || vm.unfinished_out)
		mini_kvm_host.registers_set_too_early = true;
	vm.regs = *regs;
	return 0;
}

static int interrupt(const struct kvm_interrupt *given)
{
	bool open = (vm.regs.rflags & RFLAGS_IF) && !vm.shadow;

	if (!open && mini_kvm_host.closed == CLOSED_REFUSES)
		return -EINVAL;
	vm.queued = (int)given->irq;
	return 0;
}

static int msrs(struct kvm_msrs *msrs, bool set)
{
	struct kvm_msr_entry *entry = &msrs->entries[0];

	if (entry->index == 0x10 && !set)
		entry->data = __builtin_ia32_rdtsc() + vm.tsc_offset;
	else if (entry->index == 0x3B && set)
		vm.tsc_adjust = entry->data;
	else if (entry->index == 0x3B)
		entry->data = vm.tsc_adjust;
	else
		return 0;
	return 1;
}

static int tsc_offset(const struct kvm_device_attr *attr, bool set)
{
	uint64_t *value = (uint64_t *)(uintptr_t)attr->addr;

	if (attr->group != KVM_VCPU_TSC_CTRL || attr->attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	if (set)
		vm.tsc_offset = *value;
	else
		*value = vm.tsc_offset;
	return 0;
}

static int vcpu_ioctl(unsigned long request, void *arg)
{
	const struct kvm_guest_debug *debug = arg;

	switch (request) {
	case KVM_RUN: return enter();
	case KVM_GET_TSC_KHZ: return mini_kvm_host.tsc_khz;
	case KVM_SET_CPUID2: return set_cpuid(arg);
	case KVM_GET_REGS: memcpy(arg, &vm.regs, sizeof(vm.regs)); return 0;
	case KVM_SET_REGS: return set_regs(arg);
	case KVM_GET_SREGS: memcpy(arg, &vm.sregs, sizeof(vm.sregs)); return 0;
	case KVM_SET_SREGS: memcpy(&vm.sregs, arg, sizeof(vm.sregs)); return 0;
	case KVM_SET_VCPU_EVENTS:
		vm.nmi = vm.shadow = false;
		vm.queued = -1;
		return 0;
	case KVM_GET_VCPU_EVENTS: memset(arg, 0, sizeof(struct kvm_vcpu_events)); return 0;
	case KVM_SET_DEBUGREGS: return 0;
	case KVM_GET_MSRS: return msrs(arg, false);
	case KVM_SET_MSRS: return msrs(arg, true);
	case KVM_GET_DEVICE_ATTR: return tsc_offset(arg, false);
	case KVM_SET_DEVICE_ATTR: return tsc_offset(arg, true);
	case KVM_INTERRUPT: return interrupt(arg);
	case KVM_NMI: vm.nmi = true; return 0;
	case KVM_SET_GUEST_DEBUG: vm.stepping = debug->control & KVM_GUESTDBG_SINGLESTEP; return 0;
	default: return -ENOTTY;
	}
}

static int mini_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	(void)opaque;
	if (request == mini_kvm_host.failing_request && request)
		return -mini_kvm_host.failing_request_error;
	switch (fd) {
	case KVM_FD: return system_ioctl(request, arg);
	case VM_FD: return vm_ioctl(request, arg);
	case VCPU_FD: return vcpu_ioctl(request, arg);
	default: return -EBADF;
	}
}

static int mini_open(void *opaque)
{
	(void)opaque;
	return mini_kvm_host.open_error ? -mini_kvm_host.open_error : new_descriptor(KVM_FD);
}

static void *mini_mmap(void *opaque, int fd, size_t bytes)
{
	(void)opaque;
	if (fd != VCPU_FD || bytes != RUN_BYTES) {
		errno = EINVAL;
		return NULL;
	}
	mini_kvm_host.mapped = true;
	return vm.run;
}

static void mini_munmap(void *opaque, void *mapped, size_t bytes)
{
	(void)opaque;
	if (mapped == vm.run && bytes == RUN_BYTES)
		mini_kvm_host.mapped = false;
}

static void mini_close(void *opaque, int fd)
{
	(void)opaque;
	if (fd >= KVM_FD && fd <= VCPU_FD)
		mini_kvm_host.open_descriptors--;
}

const struct kvm_calls mini_kvm_calls = {
	.open_kvm = mini_open,
	.ioctl = mini_ioctl,
	.mmap_run = mini_mmap,
	.munmap_run = mini_munmap,
	.close = mini_close,
};
