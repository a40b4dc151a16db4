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
#define FAKE_SLOTS     66u
#define FAKE_ROUTES    256u
#define FAKE_MSIS      16u
#define FAKE_MSRS      300u
#define FAKE_LOG       1024u

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
	/* After that, what such a KVM_RUN is in the place of a script's; NULL: it was interrupted.
	 */
	int (*pass)(struct fake_vcpu *v, struct kvm_run *run);
	void (*at_get_lapic)(struct fake_vcpu *v); /* before it is answered */
	uint64_t cr2_payload; /* of an exception that waits: in CR2 when KVM tells of it */
	uint8_t xsave[4096];
	struct kvm_xcrs xcrs;
	uint64_t msrs[FAKE_MSRS]; /* by place in fake_kvm.msr_index */
	unsigned fired_again;     /* one-shot timers set although they had run out: must stay 0 */
	uint64_t apic_base, tsc_adjust, tsc_offset, hwcr;
	uint32_t guest_debug; /* control of KVM_SET_GUEST_DEBUG */
	uint64_t breakpoint;  /* and the first breakpoint, 0 without KVM_GUESTDBG_USE_HW_BP */
	uint64_t stepped_rip; /* RIP when that began to single-step */

	/* What the guest is like after the last exit; the script changes it. */
	bool if_flag, shadow, nmi_blocked;
	int queued;           /* vector given to KVM and not taken yet, -1: none */
	unsigned nmis_queued; /* 0..2 */

	/* What happened. */
	unsigned runs, finishes;   /* entries; those with immediate_exit among the KVM_RUNs */
	uint8_t taken[FAKE_TAKEN]; /* vectors that the guest took, in order */
	unsigned taken_count;
	unsigned nmis, smis;
	unsigned bad_interrupts; /* interrupts given while the guest was closed: must stay 0 */
	unsigned events_written; /* through kvm_run */
	unsigned events_lost;    /* what was under way then and is replaced: must stay 0 */
	unsigned cpuid_set, mp_states, state_changes;
	bool unfinished; /* an access was reported and KVM_RUN did not come back for it */
	unsigned changed_unfinished; /* registers set meanwhile: must stay 0 */
	unsigned long log[FAKE_LOG]; /* its ioctls, in order */
	unsigned log_count;
};

/* One KVM_RUN of the guest itself: 0 with *run filled, or -errno. */
typedef int fake_script(struct fake_vcpu *v, struct kvm_run *run);

struct fake_kvm {
	struct kvm_calls calls;
	/* Settings. */
	int open_error;                /* positive errno */
	unsigned long failing_request; /* this ioctl ... */
	int failing_error;             /* ... fails with this positive errno */
	unsigned failing_call;  /* this one of all that are counted from now on fails; 0: none */
	int failing_call_error; /* with this positive errno */
	/* A second VM, for whoever opens /dev/kvm while it is open. */
	struct fake_kvm *there;
	/* KVM_GET_MSR_INDEX_LIST, and values of its MSRs. */
	uint32_t msr_index[FAKE_MSRS];
	unsigned msr_count;
	uint32_t msr_unreadable, msr_refused; /* cannot be read; takes no other value; 0: none */
	uint32_t missing_cap; /* KVM_ENABLE_CAP does not know this one; 0: it does */
	int msi_answer;       /* of KVM_SIGNAL_MSI */
	bool tsc_attribute;   /* KVM_VCPU_TSC_OFFSET is there */
	bool tsc_adjust;      /* IA32_TSC_ADJUST is there */
	uint32_t tsc_khz;
	uint64_t tsc_offset;                  /* of new vCPUs */
	unsigned tsc_multiplier, tsc_divisor; /* scaling; 1/1: none */
	uint64_t (*host_tsc)(void);
	bool amd, no_apic_base;
	bool pv_eoi;       /* CPUID offers it; its MSR is to be among msr_index */
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
	bool opened, second;
	struct kvm_clock_data clock; /* as it was set, or reads */
	unsigned clocks_set;
	atomic_uint calls_made;
};

void fake_kvm_init(struct fake_kvm *kvm);
/* The same twice: whoever opens the first a second time opens the other. Settings of each are its
 * own; script, opaque and the call that fails are the first one's. */
void fake_kvm_pair(struct fake_kvm *kvm, struct fake_kvm *there);
/* The vCPU behind a descriptor, of either. */
struct fake_vcpu *fake_vcpu_of(struct fake_kvm *kvm, int fd);
/* Where in its log the last such ioctl stands, from 1; 0: nowhere. */
unsigned fake_logged(const struct fake_vcpu *v, unsigned long request);

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
