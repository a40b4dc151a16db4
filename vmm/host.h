// SPDX-License-Identifier: BSD-2-Clause
/*
 * What this host's /dev/kvm does, asked once at start by tiny guests; `run` relies on it, `doctor`
 * prints it. Not a list of backends with assumed behaviour: every field but the names is an answer
 * that a probe measured.
 */
#ifndef VMM_HOST_H
#define VMM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kvm_calls;
struct result;

enum host_backend { HOST_UNKNOWN, HOST_KVM_INTEL, HOST_KVM_AMD, HOST_KVM_PVM };

struct host_traits {
	enum host_backend backend;
	uint32_t tsc_khz;        /* KVM_GET_TSC_KHZ of a fresh vCPU; 0: unknown */
	uint32_t sync_regs;      /* KVM_CAP_SYNC_REGS bits */
	uint32_t max_vcpus;      /* KVM_CAP_MAX_VCPUS */
	uint32_t max_vcpu_id;    /* KVM_CAP_MAX_VCPU_ID */
	bool msr_exits;          /* KVM_CAP_X86_USER_SPACE_MSR and KVM_CAP_X86_MSR_FILTER */
	bool x2apic_exits;       /* RDMSR/WRMSR of 800h-8FFh exit, data intact, error=1 gives #GP */
	bool apic_base_exits;    /* 1Bh exits through the filter */
	bool tsc_deadline_exits; /* 6E0h exits through the filter, writes too */
	bool tsc_write_exits;    /* 10h and 3Bh exit through the filter */
	bool tsc_moves;          /* RDTSC shows an offset that KVM has been given */
	bool cr8_lowering_exits; /* MOV to CR8 that lowers gives KVM_EXIT_SET_TPR */
	bool window_prompt; /* KVM_EXIT_IRQ_WINDOW_OPEN comes at `sti; nop; cli`, at the first */
	bool inject_closed_bad; /* KVM_INTERRUPT with IF=0 is delivered nevertheless: readiness must
				   be checked by us */
	bool events_inject; /* events written to kvm_run deliver an interrupt at the next entry */
	bool nmi;           /* KVM_NMI is delivered with IF=0 */
	bool single_step_cpl0; /* KVM_GUESTDBG_SINGLESTEP shows each CPL0 boundary */
	bool cpl0_emulated;    /* kernel code runs at about 1 MIPS */
	bool smm;              /* KVM_CAP_X86_SMM */
	bool readonly_memory;  /* KVM_CAP_READONLY_MEM */
	bool apic_bit_follows; /* CPUID.1:EDX[9] follows KVM_SET_SREGS.apic_base at run time */
};

/* Text of a failure of the host: what failed, why, and the one command that cures it. */
struct host_error {
	char text[512];
	int code; /* exit status: 69 no usable /dev/kvm, 77 the host lacks a feature */
};

/*
 * Asks everything but inject_closed_bad. False: *error says why, and what was not asked is false.
 * Takes some 30 ms, and SIGUSR1 for that long. To be called where no vCPU runs and no other thread
 * asks.
 */
bool host_probe(const struct kvm_calls *kvm, struct host_traits *traits, struct host_error *error);
/*
 * Asks inject_closed_bad, in a machine that is thrown away. Apart from the rest since no run relies
 * on it (readiness is always checked), and an Intel host's kernel logs the failed entry.
 */
bool host_probe_closed(const struct kvm_calls *kvm, struct host_traits *traits,
		       struct host_error *error);
const char *host_backend_name(enum host_backend backend);
/* The same failure as the result of a run. */
void host_error_result(const struct host_error *error, struct result *result);

#ifdef __cplusplus
}
#endif

#endif
