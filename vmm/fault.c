// SPDX-License-Identifier: BSD-2-Clause
// Words for the ends that a vCPU can come to: triple fault, failed entry, failed emulation, errors
// of KVM. Not a debugger: one line that names the cause, and a few that show the place.

#include "vmm/fault.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/disasm.h"
#include "vmm/fetch.h"
#include "vmm/machine.h"
#include "vmm/regs.h"
#include "vmm/vcpu.h"

#define RESET_CS_BASE UINT64_C(0xFFFF0000)
#define RESET_RIP     UINT64_C(0xFFF0)
#define BYTES_MAX     15u

struct place {
	bool known;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint8_t bytes[BYTES_MAX];
	unsigned length;
};

static struct place find(const struct vcpu *v)
{
	struct place p = {0};

	p.known = regs_get(v->vm, v->fd, &p.regs, &p.sregs) >= 0;
	if (p.known)
		p.length = fetch_code(v->vm, v->fd, &v->machine->ram, &p.sregs, p.regs.rip, p.bytes,
				      BYTES_MAX);
	return p;
}

__attribute__((format(printf, 2, 3))) static void add(struct result *result, const char *format,
						      ...)
{
	size_t used = strlen(result->detail);
	va_list args;

	va_start(args, format);
	vsnprintf(result->detail + used, sizeof(result->detail) - used, format, args);
	va_end(args);
}

/* "0f 0b  ud2" of the instruction at the place; false where there are no bytes. */
static bool instruction(const struct place *p, char *text, size_t size)
{
	char words[128];
	size_t used = 0;
	unsigned length = disasm_length(p->bytes, p->length, fetch_mode(&p->sregs));

	if (!p->length)
		return false;
	/* All of them where they are no instruction. */
	length = length ? length : p->length;
	for (unsigned i = 0; i < length && used + 4 < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%02x ", p->bytes[i]);
	disasm(p->bytes, p->length, fetch_mode(&p->sregs), p->regs.rip, words, sizeof(words));
	snprintf(text + used, size - used, "(%s)", words);
	return true;
}

static void show(struct result *result, const struct place *p)
{
	const struct kvm_regs *r = &p->regs;
	const struct kvm_sregs *s = &p->sregs;
	char text[256];

	if (!p->known)
		return;
	add(result, "rax=%016" PRIx64 " rbx=%016" PRIx64 " rcx=%016" PRIx64 " rdx=%016" PRIx64 "\n",
	    (uint64_t)r->rax, (uint64_t)r->rbx, (uint64_t)r->rcx, (uint64_t)r->rdx);
	add(result, "rsi=%016" PRIx64 " rdi=%016" PRIx64 " rbp=%016" PRIx64 " rsp=%016" PRIx64 "\n",
	    (uint64_t)r->rsi, (uint64_t)r->rdi, (uint64_t)r->rbp, (uint64_t)r->rsp);
	add(result,
	    "rip=%016" PRIx64 " rflags=%08" PRIx64 " cs=%04x (base %" PRIx64
	    ", %u bit) ss=%04x cpl=%u\n",
	    (uint64_t)r->rip, (uint64_t)r->rflags, s->cs.selector, (uint64_t)s->cs.base,
	    fetch_mode(s), s->ss.selector, s->ss.dpl);
	add(result,
	    "cr0=%08" PRIx64 " cr2=%016" PRIx64 " cr3=%016" PRIx64 " cr4=%08" PRIx64
	    " efer=%" PRIx64 "\n",
	    (uint64_t)s->cr0, (uint64_t)s->cr2, (uint64_t)s->cr3, (uint64_t)s->cr4,
	    (uint64_t)s->efer);
	add(result, "gdt=%016" PRIx64 "+%x idt=%016" PRIx64 "+%x\n", (uint64_t)s->gdt.base,
	    s->gdt.limit, (uint64_t)s->idt.base, s->idt.limit);
	if (instruction(p, text, sizeof(text)))
		add(result, "at rip: %s\n", text);
}

__attribute__((format(printf, 5, 6))) static void end(struct vcpu *v, enum result_kind kind,
						      const struct place *p, const char *detail,
						      const char *format, ...)
{
	struct result result = {.kind = kind, .cpu = (int)v->id, .rip = p->regs.rip};
	va_list args;

	va_start(args, format);
	vsnprintf(result.text, sizeof(result.text), format, args);
	va_end(args);
	add(&result, "%s", detail);
	show(&result, p);
	ending_report(v->machine->ending, &result);
}

static bool at_reset_vector(const struct place *p)
{
	return p->known && p->sregs.cs.base == RESET_CS_BASE && p->regs.rip == RESET_RIP;
}

static void shutdown(struct vcpu *v, const struct place *p)
{
	/* SVM leaves no state behind: KVM resets the vCPU there. */
	if (at_reset_vector(p))
		end(v, RESULT_TRIPLE_FAULT, p, "",
		    "triple fault on vCPU %u (KVM_EXIT_SHUTDOWN); this host does not keep the "
		    "state, rip is that of a reset",
		    v->id);
	else
		end(v, RESULT_TRIPLE_FAULT, p, "", "triple fault on vCPU %u (KVM_EXIT_SHUTDOWN)",
		    v->id);
}

static bool in_exception(const struct vcpu *v, unsigned *vector)
{
	struct kvm_vcpu_events events = {0};

	if (kvm_ioctl(v->vm->kvm, v->fd, KVM_GET_VCPU_EVENTS, &events) < 0 ||
	    !(events.exception.injected || events.exception.pending))
		return false;
	*vector = events.exception.nr;
	return true;
}

static void emulation(struct vcpu *v, struct place *p, const struct exit *exit)
{
	char text[256] = "no bytes known";
	unsigned vector;

	/* What KVM itself stumbled over counts more than what lies there now. */
	if (exit->u.failure.length) {
		memcpy(p->bytes, exit->u.failure.bytes, BYTES_MAX);
		p->length = exit->u.failure.length;
	}
	instruction(p, text, sizeof(text));
	if (at_reset_vector(p))
		end(v, RESULT_EMULATION, p, "",
		    "vCPU %u was sent an INIT and started at the reset vector FFFFFFF0h, where "
		    "this machine has no firmware",
		    v->id);
	else if (in_exception(v, &vector))
		end(v, RESULT_TRIPLE_FAULT, p, "",
		    "triple fault on vCPU %u: exception %u could not be delivered "
		    "(KVM_EXIT_INTERNAL_ERROR, suberror 1, as this host reports it)",
		    v->id, vector);
	else
		end(v, RESULT_EMULATION, p, "",
		    "KVM cannot emulate an instruction of vCPU %u: %s%s", v->id, text,
		    v->machine->traits->cpl0_emulated
			    ? "; this host emulates kernel code, one that runs it natively "
			      "('lapicvm doctor' tells) may know the instruction"
			    : "");
}

static void internal(struct vcpu *v, const struct place *p, const struct exit *exit)
{
	char data[512] = "";
	size_t used = 0;

	for (unsigned i = 0; i < exit->u.failure.data_count; i++)
		used += (size_t)snprintf(data + used, sizeof(data) - used, "data[%u]=%" PRIx64 "%s",
					 i, exit->u.failure.data[i],
					 i + 1 == exit->u.failure.data_count ? "\n" : " ");
	end(v, RESULT_EMULATION, p, data,
	    "KVM gave vCPU %u up (KVM_EXIT_INTERNAL_ERROR, suberror %u)", v->id,
	    exit->u.failure.suberror);
}

void fault_report(struct vcpu *v, const struct exit *exit)
{
	struct place p = find(v);

	switch (exit->kind) {
	case EXIT_SHUTDOWN: shutdown(v, &p); return;
	case EXIT_EMULATION: emulation(v, &p, exit); return;
	case EXIT_INTERNAL: internal(v, &p, exit); return;
	case EXIT_FAILED_ENTRY:
		end(v, RESULT_EMULATION, &p, "",
		    "the processor refused to enter vCPU %u (KVM_EXIT_FAIL_ENTRY, hardware reason "
		    "0x%" PRIx64 ")",
		    v->id, exit->u.failure.code);
		return;
	default:
		end(v, RESULT_INTERNAL, &p, "",
		    "KVM_RUN of vCPU %u came back with exit reason %u (%s), which nothing here "
		    "asked for",
		    v->id, exit->reason, exit_reason_name(exit->reason));
		return;
	}
}

void fault_report_errno(struct vcpu *v, int error)
{
	struct place p = find(v);

	if (error == -EFAULT)
		end(v, RESULT_INTERNAL, &p, "",
		    "KVM_RUN of vCPU %u: %s; guest RAM could not be brought in, the host may be out "
		    "of memory",
		    v->id, strerror(-error));
	else
		end(v, RESULT_INTERNAL, &p, "", "KVM_RUN of vCPU %u: %s", v->id, strerror(-error));
}
