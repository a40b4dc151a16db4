// SPDX-License-Identifier: BSD-2-Clause
// Answers the ioctls that a machine makes and keeps book of them; KVM_RUN goes to the test's
// script. Refuses nothing that KVM takes by mistake: it counts it.
#include "tests/vmm/fake_kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KVM_FD = 2000, VM_FD = 2001, VCPU_FD = 2002, SECOND = 1000 };

#define IO_OFFSET     4096u
#define MSR_TSC       0x10u
#define MSR_APIC_BASE 0x1Bu
#define MSR_ADJUST    0x3Bu
#define MSR_DEADLINE  0x6E0u
#define MSR_HWCR      0xC0010015u
#define MSR_PV_EOI    0x4B564D04u
#define RFLAGS_IF     0x200u

/* Which of the two, and the descriptor as if it were the first. */
static struct fake_kvm *kvm_of(struct fake_kvm *kvm, int *fd)
{
	if (*fd < KVM_FD + SECOND)
		return kvm;
	*fd -= SECOND;
	return kvm->there;
}

static struct fake_vcpu *vcpu_of(struct fake_kvm *kvm, int fd)
{
	unsigned index = (unsigned)(fd - VCPU_FD);

	return fd >= VCPU_FD && index < kvm->vcpu_count ? &kvm->vcpus[index] : NULL;
}

/* ---------------------------------------------------------------- time stamp counter */

static uint64_t guest_tsc(const struct fake_vcpu *v)
{
	const struct fake_kvm *kvm = v->kvm;
	unsigned __int128 host = kvm->host_tsc();

	return (uint64_t)(host * kvm->tsc_multiplier / kvm->tsc_divisor) + v->tsc_offset;
}

/* A multiple of 4, and where it is switched on, of memory. */
static bool pv_eoi_value(const struct fake_kvm *kvm, uint64_t value)
{
	return !(value & 2) && (!(value & 1) || fake_backed(kvm, value & ~UINT64_C(1)));
}

static int listed_msr(struct fake_vcpu *v, bool set, struct kvm_msr_entry *entry)
{
	const struct fake_kvm *kvm = v->kvm;

	for (unsigned i = 0; i < kvm->msr_count; i++) {
		if (kvm->msr_index[i] != entry->index || entry->index == kvm->msr_unreadable)
			continue;
		if (set && entry->index == kvm->msr_refused)
			return 0;
		if (set && entry->index == MSR_PV_EOI && !pv_eoi_value(kvm, entry->data))
			return 0;
		if (set)
			v->msrs[i] = entry->data;
		else
			entry->data = v->msrs[i];
		return 1;
	}
	return 0;
}

static uint32_t lapic_register(const struct fake_vcpu *v, unsigned offset)
{
	uint32_t value;

	memcpy(&value, v->lapic.regs + offset, sizeof(value));
	return value;
}

static bool deadline_mode(const struct fake_vcpu *v)
{
	return (lapic_register(v, 0x320) & 0x60000) == 0x40000;
}

static int one_msr(struct fake_vcpu *v, bool set, struct kvm_msr_entry *entry)
{
	switch (entry->index) {
	case MSR_TSC:
		if (set)
			v->tsc_offset += entry->data - guest_tsc(v);
		else
			entry->data = guest_tsc(v);
		return 1;
	case MSR_ADJUST:
		if (!v->kvm->tsc_adjust)
			return 0;
		if (set)
			v->tsc_adjust = entry->data;
		else
			entry->data = v->tsc_adjust;
		return 1;
	case MSR_DEADLINE:
		if (!v->kvm->split_pins)
			return 0;
		if (!set)
			entry->data = v->tsc_deadline;
		else if (deadline_mode(v))
			v->tsc_deadline = entry->data;
		return 1;
	case MSR_HWCR:
		if (v->kvm->no_hwcr)
			return 0;
		if (set)
			v->hwcr = entry->data;
		else
			entry->data = v->hwcr;
		return 1;
	case MSR_APIC_BASE:
		if (v->kvm->no_apic_base)
			return 0;
		if (set)
			v->apic_base = v->sregs.apic_base = entry->data;
		else
			entry->data = v->apic_base;
		return 1;
	default: return listed_msr(v, set, entry);
	}
}

/* Those up to the first that is refused: how many. */
static int msrs(struct fake_vcpu *v, bool set, struct kvm_msrs *msrs)
{
	uint32_t i = 0;

	if (msrs->nmsrs > 256)
		return -E2BIG;
	while (i < msrs->nmsrs && one_msr(v, set, &msrs->entries[i]))
		i++;
	return (int)i;
}

static int list_msrs(const struct fake_kvm *kvm, struct kvm_msr_list *list)
{
	uint32_t room = list->nmsrs;

	list->nmsrs = kvm->msr_count;
	if (room < kvm->msr_count)
		return -E2BIG;
	memcpy(list->indices, kvm->msr_index, kvm->msr_count * sizeof(list->indices[0]));
	return 0;
}

static int offset_attribute(struct fake_vcpu *v, bool set, const struct kvm_device_attr *attr)
{
	uint64_t *value = (uint64_t *)(uintptr_t)attr->addr;

	if (!v->kvm->tsc_attribute || attr->group != KVM_VCPU_TSC_CTRL ||
	    attr->attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	if (set)
		v->tsc_offset = *value;
	else
		*value = v->tsc_offset;
	return 0;
}

/* ---------------------------------------------------------------- running */

static bool is_open(const struct fake_vcpu *v)
{
	return v->if_flag && !v->shadow && v->queued < 0;
}

static void get_events(struct fake_vcpu *v, struct kvm_vcpu_events *events)
{
	*events = v->events;
	events->flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
			 KVM_VCPUEVENT_VALID_SMM;
	events->nmi.pending = (uint8_t)v->nmis_queued;
	events->nmi.masked = v->nmi_blocked;
	events->interrupt.injected = v->queued >= 0;
	events->interrupt.nr = v->queued >= 0 ? (uint8_t)v->queued : 0;
	events->interrupt.shadow = v->shadow;
	if (v->cr2_payload)
		v->sregs.cr2 = v->cr2_payload;
	v->cr2_payload = 0;
}

/* What KVM writes at the end of every KVM_RUN. */
static int came_back(struct fake_vcpu *v, int returned)
{
	struct kvm_run *run = v->run;

	run->if_flag = v->if_flag;
	run->ready_for_interrupt_injection = is_open(v);
	if (run->kvm_valid_regs & KVM_SYNC_X86_EVENTS)
		get_events(v, &run->s.regs.events);
	if (run->kvm_valid_regs & KVM_SYNC_X86_REGS) {
		run->s.regs.regs = v->regs;
		run->s.regs.sregs = v->sregs;
	}
	return returned;
}

static void take_events(struct fake_vcpu *v)
{
	v->events.smi.pending = 0;
	if (v->nmis_queued && !v->nmi_blocked) {
		v->nmis_queued--;
		v->nmis++;
		v->nmi_blocked = true;
		v->if_flag = false;
	} else if (v->queued >= 0) {
		v->taken[v->taken_count++ % FAKE_TAKEN] = (uint8_t)v->queued;
		v->queued = -1;
		v->if_flag = false;
	}
}

static void set_events(struct fake_vcpu *v, const struct kvm_vcpu_events *events)
{
	const struct kvm_vcpu_events before = v->events;

	v->events = *events;
	if (!(events->flags & KVM_VCPUEVENT_VALID_SMM))
		v->events.smi = before.smi;
	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		v->nmis_queued = events->nmi.pending;
	v->nmi_blocked = events->nmi.masked;
	v->queued = events->interrupt.injected ? events->interrupt.nr : -1;
	if (events->flags & KVM_VCPUEVENT_VALID_SHADOW)
		v->shadow = events->interrupt.shadow;
}

/* What was written to kvm_run, before anything else. */
static void sync_events(struct fake_vcpu *v)
{
	const struct kvm_vcpu_events *events = &v->run->s.regs.events;

	if (!(v->run->kvm_dirty_regs & KVM_SYNC_X86_EVENTS))
		return;
	v->run->kvm_dirty_regs = 0;
	v->events_written++;
	if (events->interrupt.injected && !is_open(v))
		v->bad_interrupts++;
	if (v->nmi_blocked || v->events.exception.injected || v->events.exception.pending ||
	    v->events.nmi.injected)
		v->events_lost++;
	set_events(v, events);
}

static int enter(struct fake_vcpu *v)
{
	int returned;

	sync_events(v);
	v->unfinished = false;
	if (v->masked && !v->run->immediate_exit) {
		v->passes++;
		if (v->at_pass)
			v->at_pass(v);
		return came_back(v, v->pass ? v->pass(v, v->run) : -EINTR);
	}
	if (v->run->immediate_exit) {
		v->finishes++;
		return came_back(v, -EINTR);
	}
	v->runs++;
	take_events(v);
	v->shadow = false;
	atomic_fetch_add(&v->kvm->in_guest, 1);
	returned = v->kvm->script(v, v->run);
	atomic_fetch_sub(&v->kvm->in_guest, 1);
	return came_back(v, returned);
}

static void interrupt(struct fake_vcpu *v, const struct kvm_interrupt *interrupt)
{
	if (!is_open(v))
		v->bad_interrupts++;
	v->queued = (int)interrupt->irq;
}

/* ---------------------------------------------------------------- the calls */

static void set_state(struct fake_vcpu *v)
{
	v->state_changes++;
	if (v->unfinished)
		v->changed_unfinished++;
}

static int set_mp_state(struct fake_vcpu *v, const struct kvm_mp_state *state)
{
	/* Without Local APICs KVM knows one state. */
	if (!v->kvm->split_pins && state->mp_state != KVM_MP_STATE_RUNNABLE)
		return -EINVAL;
	/* An SMI comes first, and SMM holds INIT and SIPI back. */
	if (state->mp_state == KVM_MP_STATE_INIT_RECEIVED &&
	    (v->events.smi.smm || v->events.smi.pending))
		return -EINVAL;
	v->mp_states++;
	v->mp_state = state->mp_state;
	return 0;
}

/* As KVM: another family of timer modes forgets what was armed, and a count that has run out runs
 * out again. */
static int set_lapic(struct fake_vcpu *v, const struct kvm_lapic_state *state)
{
	bool was_deadline = deadline_mode(v);

	if (!v->kvm->split_pins)
		return -EINVAL;
	v->lapic = *state;
	if (was_deadline != deadline_mode(v)) {
		v->tsc_deadline = 0;
		memset(v->lapic.regs + 0x380, 0, 4);
	}
	if (!(lapic_register(v, 0x320) & 0x60000))
		v->fired_again += lapic_register(v, 0x380) && !lapic_register(v, 0x390);
	return 0;
}

static int get_lapic(struct fake_vcpu *v, struct kvm_lapic_state *state)
{
	if (!v->kvm->split_pins)
		return -EINVAL;
	if (v->at_get_lapic)
		v->at_get_lapic(v);
	*state = v->lapic;
	return 0;
}

static int vcpu_ioctl(struct fake_vcpu *v, unsigned long request, void *arg)
{
	struct kvm_translation *at = arg;

	v->log[v->log_count++ % FAKE_LOG] = request;
	switch (request) {
	case KVM_RUN: return enter(v);
	case KVM_GET_REGS: *(struct kvm_regs *)arg = v->regs; return 0;
	case KVM_SET_REGS:
		set_state(v);
		v->regs = *(struct kvm_regs *)arg;
		v->if_flag = (v->regs.rflags & RFLAGS_IF) != 0;
		return 0;
	case KVM_GET_SREGS: *(struct kvm_sregs *)arg = v->sregs; return 0;
	case KVM_SET_SREGS:
		set_state(v);
		v->sregs = *(struct kvm_sregs *)arg;
		v->apic_base = v->sregs.apic_base;
		return 0;
	case KVM_GET_XSAVE: memcpy(arg, v->xsave, sizeof(v->xsave)); return 0;
	case KVM_SET_XSAVE: memcpy(v->xsave, arg, sizeof(v->xsave)); return 0;
	case KVM_GET_XCRS: *(struct kvm_xcrs *)arg = v->xcrs; return 0;
	case KVM_SET_XCRS: v->xcrs = *(struct kvm_xcrs *)arg; return 0;
	case KVM_GET_DEBUGREGS: *(struct kvm_debugregs *)arg = v->debug; return 0;
	case KVM_SET_DEBUGREGS: v->debug = *(struct kvm_debugregs *)arg; return 0;
	case KVM_GET_VCPU_EVENTS: get_events(v, arg); return 0;
	case KVM_SET_VCPU_EVENTS: set_events(v, arg); return 0;
	case KVM_SET_MP_STATE: return set_mp_state(v, arg);
	case KVM_GET_MP_STATE: ((struct kvm_mp_state *)arg)->mp_state = v->mp_state; return 0;
	case KVM_SET_SIGNAL_MASK: v->masked = arg != NULL; return 0;
	case KVM_SET_CPUID2: v->cpuid_set++; return 0;
	case KVM_GET_TSC_KHZ: return (int)v->kvm->tsc_khz;
	case KVM_GET_MSRS: return msrs(v, false, arg);
	case KVM_SET_MSRS: return msrs(v, true, arg);
	case KVM_GET_LAPIC: return get_lapic(v, arg);
	case KVM_SET_LAPIC: return set_lapic(v, arg);
	case KVM_GET_DEVICE_ATTR: return offset_attribute(v, false, arg);
	case KVM_SET_DEVICE_ATTR: return offset_attribute(v, true, arg);
	case KVM_INTERRUPT: interrupt(v, arg); return 0;
	case KVM_NMI: v->nmis_queued += v->nmis_queued < 2; return 0;
	case KVM_SMI:
		v->smis++;
		v->events.smi.pending = 1;
		return 0;
	case KVM_SET_GUEST_DEBUG:
		if (v->kvm->at_debug)
			v->kvm->at_debug(v);
		v->guest_debug = ((struct kvm_guest_debug *)arg)->control;
		v->breakpoint = v->guest_debug & KVM_GUESTDBG_USE_HW_BP
					? ((struct kvm_guest_debug *)arg)->arch.debugreg[0]
					: 0;
		if (v->guest_debug & KVM_GUESTDBG_SINGLESTEP)
			v->stepped_rip = v->regs.rip;
		return 0;
	case KVM_TRANSLATE:
		at->physical_address = at->linear_address;
		at->valid = 1;
		return 0;
	default: return -ENOTTY;
	}
}

static int set_slot(struct fake_kvm *kvm, const struct kvm_userspace_memory_region *region)
{
	if (region->slot >= FAKE_SLOTS || region->flags & ~KVM_MEM_READONLY)
		return -EINVAL;
	if (region->flags && kvm->no_read_only)
		return -EINVAL;
	/* As KVM: a slot that exists can be deleted, not changed in size; two must not overlap. */
	if (region->memory_size) {
		if (kvm->slots[region->slot].memory_size)
			return -EINVAL;
		for (unsigned i = 0; i < FAKE_SLOTS; i++) {
			const struct kvm_userspace_memory_region *other = &kvm->slots[i];

			if (other->memory_size &&
			    region->guest_phys_addr < other->guest_phys_addr + other->memory_size &&
			    other->guest_phys_addr < region->guest_phys_addr + region->memory_size)
				return -EEXIST;
		}
	}
	kvm->slots[region->slot] = *region;
	kvm->slots_beside_guests += atomic_load(&kvm->in_guest) != 0;
	kvm->slot_changes++;
	return 0;
}

static int create_vcpu(struct fake_kvm *kvm, uint32_t id)
{
	struct fake_vcpu *v = &kvm->vcpus[kvm->vcpu_count];

	if (kvm->vcpu_count == FAKE_VCPUS)
		return -EINVAL;
	if (!kvm->tss_set || !kvm->identity_set)
		kvm->vcpu_before_tss = true;
	*v = (struct fake_vcpu){
		.kvm = kvm,
		.id = id,
		.queued = -1,
		.apic_base = 0xFEE00800,
		.tsc_offset = kvm->tsc_offset,
		.sregs = {.cr0 = 0x60000010, .cs = {.base = 0xFFFF0000}, .apic_base = 0xFEE00800},
		.regs = {.rip = 0xFFF0, .rflags = 2},
	};
	kvm->descriptors++;
	return VCPU_FD + (kvm->second ? SECOND : 0) + (int)kvm->vcpu_count++;
}

/* Enough for a Local APIC: the vendor, leaf 1 with APIC, and 36 bits of address. */
static int supported_cpuid(const struct fake_kvm *kvm, struct kvm_cpuid2 *cpuid)
{
	const struct kvm_cpuid_entry2 intel = {0,          0,          0,          0xD,
					       0x756E6547, 0x6C65746E, 0x49656E69, {0}};
	const struct kvm_cpuid_entry2 amd = {0, 0, 0, 0xD, 0x68747541, 0x444D4163, 0x69746E65, {0}};

	if (cpuid->nent < 5)
		return -E2BIG;
	cpuid->nent = kvm->pv_eoi ? 5 : 4;
	cpuid->entries[0] = kvm->amd ? amd : intel;
	cpuid->entries[1] =
		(struct kvm_cpuid_entry2){.function = 1, .eax = 0x306A9, .edx = 1u << 9};
	cpuid->entries[2] = (struct kvm_cpuid_entry2){.function = 0x80000000, .eax = 0x80000008};
	cpuid->entries[3] = (struct kvm_cpuid_entry2){.function = 0x80000008, .eax = 36};
	if (kvm->pv_eoi)
		cpuid->entries[4] =
			(struct kvm_cpuid_entry2){.function = 0x40000001, .eax = 1u << 6};
	return 0;
}

static int enable_cap(struct fake_kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (kvm->missing_cap && cap->cap == kvm->missing_cap)
		return -EINVAL;
	switch (cap->cap) {
	case KVM_CAP_X86_USER_SPACE_MSR: kvm->msr_reasons = cap->args[0]; return 0;
	case KVM_CAP_SPLIT_IRQCHIP:
		if (kvm->vcpu_count)
			return -EEXIST;
		kvm->split_pins = (unsigned)cap->args[0];
		return 0;
	case KVM_CAP_DISABLE_QUIRKS: kvm->quirks_off = cap->args[0]; return 0;
	case KVM_CAP_X2APIC_API: kvm->x2apic_api = cap->args[0]; return 0;
	default: return -EINVAL;
	}
}

static int route(struct fake_kvm *kvm, const struct kvm_irq_routing *routing)
{
	if (routing->nr > FAKE_ROUTES)
		return -EINVAL;
	kvm->route_count = routing->nr;
	memcpy(kvm->routes, routing->entries, routing->nr * sizeof(kvm->routes[0]));
	return 0;
}

static int signal_msi(struct fake_kvm *kvm, const struct kvm_msi *msi)
{
	kvm->msis[kvm->msi_count++ % FAKE_MSIS] = *msi;
	return kvm->msi_answer;
}

static int vm_ioctl(struct fake_kvm *kvm, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_SET_TSS_ADDR: kvm->tss_set = true; return 0;
	case KVM_SET_IDENTITY_MAP_ADDR: kvm->identity_set = true; return 0;
	case KVM_ENABLE_CAP: return enable_cap(kvm, arg);
	case KVM_X86_SET_MSR_FILTER: kvm->filter = *(struct kvm_msr_filter *)arg; return 0;
	case KVM_SET_USER_MEMORY_REGION: return set_slot(kvm, arg);
	case KVM_SET_GSI_ROUTING: return route(kvm, arg);
	case KVM_SIGNAL_MSI: return signal_msi(kvm, arg);
	case KVM_CREATE_VCPU: return create_vcpu(kvm, (uint32_t)(uintptr_t)arg);
	case KVM_GET_CLOCK: *(struct kvm_clock_data *)arg = kvm->clock; return 0;
	case KVM_SET_CLOCK:
		kvm->clock = *(struct kvm_clock_data *)arg;
		kvm->clocks_set++;
		return 0;
	default: return -ENOTTY;
	}
}

static int device_ioctl(struct fake_kvm *kvm, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_CREATE_VM:
		kvm->descriptors++;
		memset(kvm->slots, 0, sizeof(kvm->slots));
		kvm->vcpu_count = kvm->split_pins = kvm->route_count = kvm->msi_count = 0;
		return VM_FD + (kvm->second ? SECOND : 0);
	case KVM_GET_VCPU_MMAP_SIZE: return FAKE_RUN_BYTES;
	case KVM_GET_SUPPORTED_CPUID: return supported_cpuid(kvm, arg);
	case KVM_GET_MSR_INDEX_LIST: return list_msrs(kvm, arg);
	default: return -ENOTTY;
	}
}

static int fake_open(void *opaque)
{
	struct fake_kvm *kvm = opaque;

	if (kvm->opened && kvm->there)
		kvm = kvm->there;
	if (kvm->open_error)
		return -kvm->open_error;
	kvm->opened = true;
	kvm->descriptors++;
	return KVM_FD + (kvm->second ? SECOND : 0);
}

static int fake_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	struct fake_kvm *first = opaque, *kvm = kvm_of(first, &fd);
	struct fake_vcpu *v = vcpu_of(kvm, fd);

	if (atomic_fetch_add(&first->calls_made, 1) + 1 == first->failing_call)
		return -first->failing_call_error;
	if (kvm->failing_error && request == kvm->failing_request)
		return -kvm->failing_error;
	if (v)
		return vcpu_ioctl(v, request, arg);
	return fd == VM_FD ? vm_ioctl(kvm, request, arg) : device_ioctl(kvm, request, arg);
}

static void *fake_mmap(void *opaque, int fd, size_t bytes)
{
	struct fake_vcpu *v = fake_vcpu_of(opaque, fd);

	v->run = bytes == FAKE_RUN_BYTES ? calloc(1, bytes) : NULL;
	errno = ENOMEM;
	return v->run;
}

static void fake_munmap(void *opaque, void *run, size_t bytes)
{
	(void)opaque;
	(void)bytes;
	free(run);
}

static void fake_close(void *opaque, int fd)
{
	struct fake_kvm *kvm = kvm_of(opaque, &fd);

	if (fd == KVM_FD)
		kvm->opened = false;
	kvm->descriptors--;
}

static uint64_t real_tsc(void)
{
	return __builtin_ia32_rdtsc();
}

void fake_kvm_init(struct fake_kvm *kvm)
{
	*kvm = (struct fake_kvm){
		.calls = {fake_open, fake_ioctl, fake_mmap, fake_munmap, fake_close, kvm},
		.tsc_attribute = true,
		.tsc_adjust = true,
		.tsc_khz = 2000000,
		.msi_answer = 1,
		.tsc_multiplier = 1,
		.tsc_divisor = 1,
		.host_tsc = real_tsc,
	};
}

void fake_kvm_pair(struct fake_kvm *kvm, struct fake_kvm *there)
{
	fake_kvm_init(there);
	there->second = true;
	there->script = kvm->script;
	there->opaque = kvm->opaque;
	kvm->there = there;
}

struct fake_vcpu *fake_vcpu_of(struct fake_kvm *kvm, int fd)
{
	kvm = kvm_of(kvm, &fd);
	return vcpu_of(kvm, fd);
}

unsigned fake_logged(const struct fake_vcpu *v, unsigned long request)
{
	unsigned at = v->log_count < FAKE_LOG ? v->log_count : FAKE_LOG;

	while (at > 0 && v->log[at - 1] != request)
		at--;
	return at;
}

/* ---------------------------------------------------------------- what a script says */

int fake_exit(struct kvm_run *run, uint32_t reason)
{
	run->exit_reason = reason;
	return 0;
}

static int mmio(struct fake_vcpu *v, uint64_t address, uint64_t value, unsigned width, bool write)
{
	struct kvm_run *run = v->run;

	v->unfinished = true;
	run->mmio.phys_addr = address;
	run->mmio.len = width;
	run->mmio.is_write = write;
	memcpy(run->mmio.data, &value, sizeof(value));
	return fake_exit(run, KVM_EXIT_MMIO);
}

int fake_mmio_write(struct fake_vcpu *v, uint64_t address, uint64_t value, unsigned width)
{
	return mmio(v, address, value, width, true);
}

int fake_mmio_read(struct fake_vcpu *v, uint64_t address, unsigned width)
{
	return mmio(v, address, UINT64_C(0xA5A5A5A5A5A5A5A5), width, false);
}

static int port_io(struct fake_vcpu *v, uint16_t port, uint32_t value, unsigned width, bool out)
{
	struct kvm_run *run = v->run;

	v->unfinished = true;
	run->io.direction = out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
	run->io.size = (uint8_t)width;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = IO_OFFSET;
	memcpy((uint8_t *)run + IO_OFFSET, &value, sizeof(value));
	return fake_exit(run, KVM_EXIT_IO);
}

int fake_out(struct fake_vcpu *v, uint16_t port, uint32_t value, unsigned width)
{
	return port_io(v, port, value, width, true);
}

int fake_in(struct fake_vcpu *v, uint16_t port, unsigned width)
{
	return port_io(v, port, 0xA5A5A5A5, width, false);
}

static int msr(struct fake_vcpu *v, uint32_t index, uint64_t value, uint32_t reason, uint32_t exit)
{
	v->unfinished = true;
	v->run->msr.index = index;
	v->run->msr.data = value;
	v->run->msr.reason = reason;
	v->run->msr.error = 0;
	return fake_exit(v->run, exit);
}

int fake_wrmsr(struct fake_vcpu *v, uint32_t index, uint64_t value, uint32_t reason)
{
	return msr(v, index, value, reason, KVM_EXIT_X86_WRMSR);
}

int fake_rdmsr(struct fake_vcpu *v, uint32_t index, uint32_t reason)
{
	return msr(v, index, UINT64_C(0xA5A5A5A5A5A5A5A5), reason, KVM_EXIT_X86_RDMSR);
}

uint64_t fake_data(const struct fake_vcpu *v)
{
	uint64_t value = 0;

	switch (v->run->exit_reason) {
	case KVM_EXIT_MMIO: memcpy(&value, v->run->mmio.data, v->run->mmio.len); return value;
	case KVM_EXIT_IO:
		memcpy(&value, (const uint8_t *)v->run + IO_OFFSET, v->run->io.size);
		return value;
	default: return v->run->msr.data;
	}
}

bool fake_backed(const struct fake_kvm *kvm, uint64_t gpa)
{
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		if (gpa >= kvm->slots[i].guest_phys_addr &&
		    gpa - kvm->slots[i].guest_phys_addr < kvm->slots[i].memory_size)
			return true;
	return false;
}

bool fake_filter_allows(const struct fake_kvm *kvm, uint32_t index, bool write)
{
	uint32_t wanted = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;

	for (unsigned i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *range = &kvm->filter.ranges[i];
		uint32_t bit = index - range->base;

		if (range->nmsrs && (range->flags & wanted) && bit < range->nmsrs)
			return range->bitmap[bit / 8] >> (bit % 8) & 1;
	}
	return !(kvm->filter.flags & KVM_MSR_FILTER_DEFAULT_DENY);
}
