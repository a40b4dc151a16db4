// SPDX-License-Identifier: BSD-2-Clause
// struct kvm_run to struct exit.
// Decodes only: what it finds is acted upon elsewhere.

#include "vmm/exit.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "vmm/stats.h"

/* KVM puts at most this many bytes of an MMIO access into kvm_run. */
#define MMIO_MAX 8u

static void decode_port(struct kvm_run *run, size_t run_bytes, struct exit *out)
{
	uint64_t bytes = (uint64_t)run->io.size * run->io.count;

	if (run->io.size == 0 || run->io.size > 4 || run->io.count == 0 ||
	    run->io.data_offset > run_bytes || bytes > run_bytes - run->io.data_offset)
		return;
	out->kind = EXIT_PORT;
	out->unfinished = true;
	out->u.access = (struct access){
		.address = run->io.port,
		.width = run->io.size,
		.count = run->io.count,
		.write = run->io.direction == KVM_EXIT_IO_OUT,
		.data = (uint8_t *)run + run->io.data_offset,
	};
}

static void decode_memory(struct kvm_run *run, struct exit *out)
{
	if (run->mmio.len == 0 || run->mmio.len > MMIO_MAX)
		return;
	out->kind = EXIT_MEMORY;
	out->unfinished = true;
	out->u.access = (struct access){
		.address = run->mmio.phys_addr,
		.width = run->mmio.len,
		.count = 1,
		.write = run->mmio.is_write,
		.data = run->mmio.data,
	};
}

static void decode_msr(const struct kvm_run *run, bool write, struct exit *out)
{
	out->kind = EXIT_MSR;
	out->unfinished = true;
	out->u.msr = (struct msr_access){
		.index = run->msr.index,
		.write = write,
		.value = write ? run->msr.data : 0,
	};
}

static void decode_internal(const struct kvm_run *run, struct exit *out)
{
	unsigned count = run->internal.ndata;

	out->kind = run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION ? EXIT_EMULATION
									   : EXIT_INTERNAL;
	out->u.failure.suberror = run->internal.suberror;
	out->u.failure.data_count = count > 16 ? 16 : count;
	memcpy(out->u.failure.data, run->internal.data, sizeof(out->u.failure.data));
	/* The bytes are there only if ndata reaches them and the flag says so. */
	if (out->kind == EXIT_EMULATION && count >= 3 &&
	    (run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)) {
		unsigned length = run->emulation_failure.insn_size;

		out->u.failure.length = length > 15 ? 15 : length;
		memcpy(out->u.failure.bytes, run->emulation_failure.insn_bytes, 15);
	}
}

void exit_decode(struct kvm_run *run, size_t run_bytes, int returned, struct exit *out)
{
	*out = (struct exit){.kind = EXIT_UNKNOWN, .reason = run->exit_reason};
	if (returned < 0) {
		/* exit_reason may be an old one: KVM_RUN can return before it writes it. */
		out->kind = returned == -EINTR ? EXIT_NOTHING : EXIT_UNKNOWN;
		out->reason = KVM_EXIT_INTR;
		return;
	}
	switch (run->exit_reason) {
	case KVM_EXIT_IO: decode_port(run, run_bytes, out); break;
	case KVM_EXIT_MMIO: decode_memory(run, out); break;
	case KVM_EXIT_X86_RDMSR: decode_msr(run, false, out); break;
	case KVM_EXIT_X86_WRMSR: decode_msr(run, true, out); break;
	case KVM_EXIT_HLT: out->kind = EXIT_HALT; break;
	case KVM_EXIT_SET_TPR: out->kind = EXIT_TPR; break;
	case KVM_EXIT_IOAPIC_EOI:
		out->kind = EXIT_EOI;
		out->u.vector = run->eoi.vector;
		break;
	case KVM_EXIT_DEBUG: out->kind = EXIT_STEP; break;
	case KVM_EXIT_SHUTDOWN: out->kind = EXIT_SHUTDOWN; break;
	case KVM_EXIT_INTERNAL_ERROR: decode_internal(run, out); break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_NMI: /* the host's own NMI came while the guest ran */
	case KVM_EXIT_IRQ_WINDOW_OPEN: out->kind = EXIT_NOTHING; break;
	case KVM_EXIT_FAIL_ENTRY:
		out->kind = EXIT_FAILED_ENTRY;
		out->u.failure.code = run->fail_entry.hardware_entry_failure_reason;
		break;
	case KVM_EXIT_UNKNOWN: out->u.failure.code = run->hw.hardware_exit_reason; break;
	default: break;
	}
}

void exit_answer_msr(struct kvm_run *run, bool ok, uint64_t value)
{
	run->msr.error = !ok;
	if (ok && run->exit_reason == KVM_EXIT_X86_RDMSR)
		run->msr.data = value;
}

const char *exit_reason_name(uint32_t reason)
{
	const char *name = stats_exit_name(reason);

	return name ? name : "?";
}
