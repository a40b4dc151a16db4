// SPDX-License-Identifier: BSD-2-Clause
// A scripted KVM: each KVM_RUN plays what the test's script says, and every rule of injection is
// watched. Not an emulator: guest code is never looked at.
#ifndef TESTS_VMM_FAKE_KVM_H
#define TESTS_VMM_FAKE_KVM_H

#include <linux/kvm.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/kvm_calls.h"

#define FAKE_VCPUS     257u /* the last has an APIC ID that no xAPIC has */
#define FAKE_RUN_BYTES 12288u
#define FAKE_TAKEN     64u
#define FAKE_SLOTS     65u
#define FAKE_ROUTES    256u
#define FAKE_MSIS      16u

struct fake_kvm;

struct fake_vcpu {
	struct fake_kvm *kvm;
	uint32_t id;
	struct kvm_run *run;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	/* With split irqchip. */
	struct kvm_lapic_state lapic;
	uint64_t tsc_deadline;
	uint32_t mp_state;
	bool masked;     /* KVM_SET_SIGNAL_MASK is on: a KVM_RUN is a pass that runs no guest */
	unsigned passes; /* such passes */
	void (*at_pass)(struct fake_vcpu *v);
	uint64_t apic_base, tsc_adjust, tsc_offset, hwcr;
	uint32_t guest_debug; /* control of KVM_SET_GUEST_DEBUG */
	uint64_t breakpoint;  /* and the first breakpoint, 0 without KVM_GUESTDBG_USE_HW_BP */
	uint64_t stepped_rip; /* RIP when that began to single-step */

	/* What the guest is like after the last exit; the script changes it. */
	bool if_flag, shadow, nmi_blocked;
	int queued;           /* vector given by KVM_INTERRUPT and not taken yet, -1: none */
	unsigned nmis_queued; /* 0..2 */

	/* What happened. */
	unsigned runs, finishes;   /* entries; those with immediate_exit among the KVM_RUNs */
	uint8_t taken[FAKE_TAKEN]; /* vectors that the guest took, in order */
	unsigned taken_count;
	unsigned nmis, smis;
	unsigned bad_interrupts; /* KVM_INTERRUPT while the guest was closed: must stay 0 */
	unsigned cpuid_set, mp_states, state_changes;
	bool unfinished; /* an access was reported and KVM_RUN did not come back for it */
	unsigned changed_unfinished; /* registers set meanwhile: must stay 0 */
};

/* One KVM_RUN of the guest itself: 0 with *run filled, or -errno. */
typedef int fake_script(struct fake_vcpu *v, struct kvm_run *run);

struct fake_kvm {
	struct kvm_calls calls;
	/* Settings. */
	int open_error;                /* positive errno */
	unsigned long failing_request; /* this ioctl ... */
	int failing_error;             /* ... fails with this positive errno */
	uint32_t missing_cap;          /* KVM_ENABLE_CAP does not know this one; 0: it does */
	int msi_answer;                /* of KVM_SIGNAL_MSI */
	bool tsc_attribute;            /* KVM_VCPU_TSC_OFFSET is there */
	bool tsc_adjust;               /* IA32_TSC_ADJUST is there */
	uint32_t tsc_khz;
	uint64_t tsc_offset;                  /* of new vCPUs */
	unsigned tsc_multiplier, tsc_divisor; /* scaling; 1/1: none */
	uint64_t (*host_tsc)(void);
	bool amd, no_apic_base;
	bool no_hwcr;      /* KVM takes no value of HWCR */
	bool no_read_only; /* KVM_MEM_READONLY is not known */
	fake_script *script;
	void *opaque; /* for the script */
	/* Before KVM_SET_GUEST_DEBUG is answered: a moment at which something else may happen. */
	void (*at_debug)(struct fake_vcpu *v);
	/* What happened. */
	struct fake_vcpu vcpus[FAKE_VCPUS];
	unsigned vcpu_count, descriptors;
	struct kvm_msr_filter filter;
	uint64_t msr_reasons;
	unsigned split_pins; /* KVM_CAP_SPLIT_IRQCHIP's; 0: not enabled */
	uint64_t x2apic_api; /* KVM_CAP_X2APIC_API's flags */
	uint64_t quirks_off; /* KVM_CAP_DISABLE_QUIRKS */
	struct kvm_irq_routing_entry routes[FAKE_ROUTES];
	unsigned route_count;
	struct kvm_msi msis[FAKE_MSIS];
	unsigned msi_count;
	struct kvm_userspace_memory_region slots[FAKE_SLOTS];
	unsigned slot_changes;
	atomic_uint in_guest;         /* vCPUs in KVM_RUN now */
	unsigned slots_beside_guests; /* slots changed meanwhile: must stay 0 */
	bool tss_set, identity_set, vcpu_before_tss;
};

void fake_kvm_init(struct fake_kvm *kvm);

/* What a script fills *run with; each returns 0, KVM_RUN's own answer. */
int fake_exit(struct kvm_run *run, uint32_t reason);
int fake_mmio_write(struct fake_vcpu *v, uint64_t address, uint64_t value, unsigned width);
int fake_mmio_read(struct fake_vcpu *v, uint64_t address, unsigned width);
int fake_out(struct fake_vcpu *v, uint16_t port, uint32_t value, unsigned width);
int fake_in(struct fake_vcpu *v, uint16_t port, unsigned width);
int fake_wrmsr(struct fake_vcpu *v, uint32_t index, uint64_t value, uint32_t reason);
int fake_rdmsr(struct fake_vcpu *v, uint32_t index, uint32_t reason);
/* The data of the last access, after it was answered. */
uint64_t fake_data(const struct fake_vcpu *v);

/* Whether the guest's memory at gpa is backed by a slot. */
bool fake_backed(const struct fake_kvm *kvm, uint64_t gpa);
/* Whether the filter lets KVM answer this access itself. */
bool fake_filter_allows(const struct fake_kvm *kvm, uint32_t msr, bool write);

#endif
