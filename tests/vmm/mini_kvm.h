// SPDX-License-Identifier: BSD-2-Clause
// A KVM in miniature for the probes: it runs their few instructions, with the ways of one host or
// another. Not an emulator: an instruction that no probe uses ends in KVM_EXIT_INTERNAL_ERROR.
#ifndef TESTS_VMM_MINI_KVM_H
#define TESTS_VMM_MINI_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/kvm_calls.h"

/* How this host behaves. mini_kvm_vmx() and mini_kvm_pvm() fill it; a test then changes one thing.
 */
struct mini_kvm_host {
	/* The device. */
	int open_error; /* positive errno; 0: opens */
	int api_version;
	int failing_request_error;     /* positive errno of ... */
	unsigned long failing_request; /* ... this ioctl; 0: none fails */
	int missing_cap;               /* a KVM_CAP_*; -1: none */
	bool smm;
	int tsc_khz, max_vcpus, max_vcpu_id, sync_regs;
	/* MSRs. */
	uint32_t kept_msr[2]; /* answered by the host in spite of filter and exit; 0: none */
	bool keeps_writes_only;
	bool msr_writes_are_32_bits, msr_reads_are_32_bits;
	unsigned msr_error_vector; /* 13; 0: the error is lost */
	/* Events. */
	bool cr8_lowering_exits;
	unsigned window_every; /* looks for an open window every so many instructions */
	enum { CLOSED_HOLDS, CLOSED_REFUSES, CLOSED_DELIVERS, CLOSED_FAILS_ENTRY } closed;
	/* What is written to kvm_run: delivered; not looked at; never told of; delivered again. */
	enum { EVENTS_INJECT, EVENTS_LOST, EVENTS_UNTOLD, EVENTS_TWICE } events;
	bool nmi_waits_for_if;
	unsigned nmi_vector; /* 2 */
	/* Processor. */
	enum { STEP_EXACT, STEP_BY_TWO, STEP_NEVER } step;
	unsigned ns_per_instruction;
	bool apic_bit_stays;
	bool tsc_stays; /* the guest's, whatever offset KVM is given */
	/* From the n-th KVM_RUN on (1 is the first), one that only a signal ends; 0: never. */
	unsigned hangs_from_run;
	/* What happened. */
	unsigned runs, open_descriptors;
	bool mapped;
	bool registers_set_too_early; /* KVM_SET_REGS while an exit's instruction was unfinished */
};

extern struct mini_kvm_host mini_kvm_host;
extern const struct kvm_calls mini_kvm_calls;

void mini_kvm_vmx(void);
void mini_kvm_pvm(void);

#endif
