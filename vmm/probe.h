// SPDX-License-Identifier: BSD-2-Clause
// A tiny virtual machine for one question to the host: load some bytes, run them to the next exit.
// Not the machine of a run, though it is set up by the same vm.h, boot.h and regs.h.
#ifndef VMM_PROBE_H
#define VMM_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/host.h"
#include "vmm/kick.h"
#include "vmm/kvm_calls.h"
#include "vmm/ram.h"
#include "vmm/result.h"
#include "vmm/vm.h"

/*
 * What a probe guest finds: 64-bit mode at CPL 0, interrupts off, a stack, and an IDT whose every
 * handler writes its vector to PROBE_VECTOR_PORT and halts.
 */
#define PROBE_PORT        0x80u
#define PROBE_VECTOR_PORT 0x81u
/* Where the first byte of the code lies. */
#define PROBE_CODE 0x10005u

struct probe {
	struct vm vm;
	struct ram ram;
	int fd; /* of the one vCPU */
	struct kvm_run *run;
	struct kick kick; /* no answer takes for ever */
};

/*
 * Makes the machine; the calling thread is its vCPU's until probe_close(), and must not be
 * another's. False: *why says what failed, and nothing is left open.
 */
bool probe_open(struct probe *probe, const struct kvm_calls *kvm, const struct host_traits *traits,
		struct result *why);
void probe_close(struct probe *probe);

/* Starts anew with this code; what the guest before left pending is gone. False: KVM refuses. */
bool probe_load(struct probe *probe, const uint8_t *code, size_t bytes);
/* Runs to the next exit: its KVM_EXIT_*, or -errno; -ETIME where none came within half a second. */
int probe_run(struct probe *probe);
/* Runs; true if the next exit is a one-byte OUT to this port, with its value in *al. */
bool probe_runs_to_out(struct probe *probe, uint16_t port, uint8_t *al);
/* Runs; true if the next exit is a write (or read) of this MSR. */
bool probe_runs_to_msr(struct probe *probe, bool write, uint32_t msr);
/* RAX and RDX, low halves joined as RDMSR gives them; and RCX. False: KVM refuses. */
bool probe_registers(struct probe *probe, uint64_t *edx_eax, uint64_t *rcx);

/* kvm_run's exit reason, for messages. */
uint32_t probe_last_exit(const struct probe *probe);

/* The questions of struct host_traits; each loads its own code. */
uint32_t probe_tsc_khz(struct probe *probe);
bool probe_hello(struct probe *probe);
bool probe_x2apic_exits(struct probe *probe);
bool probe_apic_base_exits(struct probe *probe);
bool probe_tsc_deadline_exits(struct probe *probe);
bool probe_tsc_write_exits(struct probe *probe);
bool probe_tsc_moves(struct probe *probe);
bool probe_cr8_lowering_exits(struct probe *probe);
bool probe_window_prompt(struct probe *probe);
bool probe_inject_closed_bad(struct probe *probe);
bool probe_events_inject(struct probe *probe, uint32_t sync_regs);
bool probe_nmi(struct probe *probe);
bool probe_single_step_cpl0(struct probe *probe);
bool probe_cpl0_emulated(struct probe *probe);
bool probe_apic_bit_follows(struct probe *probe);

#endif
