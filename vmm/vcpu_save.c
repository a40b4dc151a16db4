// SPDX-License-Identifier: BSD-2-Clause
// KVM's structures go into the file as they are, each with its length before it.
// What they mean is KVM's to judge, what the Local APIC's bytes mean liblapic's.

#include "vmm/vcpu_save.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/ending.h"
#include "vmm/lapic_host.h"
#include "vmm/machine.h"

#define APIC_BASE_EXTD 0x400u

/* ---- bytes ---- */

struct walk {
	struct state *s;
	const char **wrong;
};

static void find_wrong(const struct walk *w, const char *what)
{
	if (!*w->wrong)
		*w->wrong = what;
	w->s->bad = true;
}

static void walk_part(const struct walk *w, const char *name, void *bytes, uint32_t size)
{
	uint32_t length = size;

	state_u32(w->s, &length);
	if (!w->s->bad && length != size)
		find_wrong(w, name);
	state_bytes(w->s, bytes, size);
}

static void walk_msrs(const struct walk *w, struct vcpu_saved *saved)
{
	uint32_t count = saved->msrs.count;

	state_u32(w->s, &count);
	if (!w->s->bad && count > PROCESSOR_MSRS_MAX)
		find_wrong(w, "the number of its MSRs");
	saved->msrs.count = w->s->bad ? 0 : count;
	for (uint32_t i = 0; i < saved->msrs.count; i++) {
		state_u32(w->s, &saved->msrs.index[i]);
		state_u64(w->s, &saved->processor.msrs[i]);
		if (!w->s->bad && !processor_msr_travels(saved->msrs.index[i]))
			find_wrong(w, "an MSR that is not of this section");
	}
}

static void walk_lapic(const struct walk *w, struct vcpu_saved *saved)
{
	state_u32(w->s, &saved->lapic_bytes);
	if (!w->s->bad && saved->lapic_bytes > sizeof(saved->lapic))
		find_wrong(w, "the length of its Local APIC's state");
	if (!w->s->bad)
		state_bytes(w->s, saved->lapic, saved->lapic_bytes);
}

void vcpu_saved_walk(struct vcpu_saved *saved, struct state *s, const char **wrong)
{
	struct walk w = {s, wrong};
	struct processor *p = &saved->processor;

	*wrong = NULL;
	state_u8(s, &saved->state);
	if (saved->state > VCPU_WAITS_FOR_SIPI)
		find_wrong(&w, "whether it runs, halts or waits");
	state_u64(s, &saved->tsc);
	walk_part(&w, "struct kvm_regs", &p->regs, sizeof(p->regs));
	walk_part(&w, "struct kvm_sregs", &p->sregs, sizeof(p->sregs));
	walk_part(&w, "struct kvm_debugregs", &p->debug, sizeof(p->debug));
	walk_part(&w, "struct kvm_vcpu_events", &p->events, sizeof(p->events));
	walk_part(&w, "struct kvm_xsave", p->xsave, sizeof(p->xsave));
	walk_part(&w, "struct kvm_xcrs", &p->xcrs, sizeof(p->xcrs));
	walk_msrs(&w, saved);
	walk_lapic(&w, saved);
}

struct kvm_cpuid2 *vcpu_cpuid_new(void)
{
	return calloc(1,
		      sizeof(struct kvm_cpuid2) + VCPU_CPUID_MAX * sizeof(struct kvm_cpuid_entry2));
}

void vcpu_cpuid_walk(struct kvm_cpuid2 *table, struct state *s)
{
	state_u32(s, &table->nent);
	if (table->nent > VCPU_CPUID_MAX)
		s->bad = true;
	for (uint32_t i = 0; !s->bad && i < table->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &table->entries[i];

		state_u32(s, &entry->function);
		state_u32(s, &entry->index);
		state_u32(s, &entry->flags);
		state_u32(s, &entry->eax);
		state_u32(s, &entry->ebx);
		state_u32(s, &entry->ecx);
		state_u32(s, &entry->edx);
	}
}

/* ---- out of a vCPU ---- */

bool vcpu_save(struct vcpu *v, const struct processor_msrs *msrs, uint64_t base,
	       struct vcpu_saved *saved, struct processor_error *error)
{
	memset(saved, 0, sizeof(*saved));
	saved->state = (uint8_t)vcpu_state(v);
	saved->tsc = tsc_at(&v->tsc, base);
	saved->msrs = *msrs;
	if (!processor_get(v->vm, v->fd, msrs, &saved->processor, error))
		return false;
	/* Of these two KVM's are not the last word. */
	saved->processor.sregs.apic_base = lapic_apic_base(v->lapic);
	saved->processor.sregs.cr8 = lapic_cr8(v->lapic);
	/* A vector that was acknowledged and not taken yet is among KVM's events. */
	saved->lapic_bytes = (uint32_t)lapic_save(v->lapic, saved->lapic, sizeof(saved->lapic), -1);
	return true;
}

/* ---- into one ---- */

static bool restore_tsc(struct vcpu *v, uint64_t value, const uint64_t *base, struct result *why)
{
	int error = base ? tsc_go_on(&v->tsc, value, *base) : 0;

	if (error < 0)
		ending_fill(why, RESULT_HOST_LACKS, "KVM does not let its TSC go on: %s",
			    strerror(-error));
	return error >= 0;
}

static bool restore_lapic(struct vcpu *v, const struct vcpu_saved *saved, struct result *why)
{
	int inflight = -1;
	enum lapic_state_error error;

	error = lapic_restore(v->own_lapic, saved->lapic, saved->lapic_bytes, &inflight);
	if (error == LAPIC_STATE_OK && inflight >= 0)
		error = LAPIC_STATE_INFLIGHT;
	v->clock_at_ns = 0;
	if (error != LAPIC_STATE_OK)
		ending_fill(why,
			    error == LAPIC_STATE_FEATURE ? RESULT_HOST_LACKS : RESULT_BAD_IMAGE,
			    "its Local APIC: %s", lapic_state_error_name(error));
	else if (lapic_waits_for_sipi(v->own_lapic) != (saved->state == VCPU_WAITS_FOR_SIPI))
		ending_fill(why, RESULT_BAD_IMAGE,
			    "whether it waits for SIPI is not as its Local APIC has it");
	else
		return true;
	return false;
}

static bool restore_processor(struct vcpu *v, const struct vcpu_saved *saved, struct result *why)
{
	struct processor p = saved->processor;
	struct processor_error error;
	bool msr;

	/* As lapic_host.c: KVM is told of xAPIC mode or disabled. */
	p.sregs.apic_base = lapic_apic_base(v->own_lapic) & ~(uint64_t)APIC_BASE_EXTD;
	p.sregs.cr8 = lapic_cr8(v->own_lapic);
	if (processor_set(v->vm, v->fd, &saved->msrs, &p, &error)) {
		pv_eoi_follow(v);
		return true;
	}
	msr = strstr(error.what, "MSRS") != NULL;
	ending_fill(why, msr ? RESULT_HOST_LACKS : RESULT_BAD_IMAGE,
		    msr ? "this host's KVM lacks it or refuses it: %s: %s"
			: "KVM refuses it: %s: %s",
		    error.what, strerror(-error.error));
	return false;
}

bool vcpu_restore(struct vcpu *v, const struct vcpu_saved *saved, const uint64_t *base,
		  struct result *why)
{
	const struct kvm_vcpu_events *events = &saved->processor.events;

	if (!restore_tsc(v, saved->tsc, base, why) || !restore_lapic(v, saved, why) ||
	    !restore_processor(v, saved, why))
		return false;
	/* What KVM says of IF and of its readiness has to be true at the first turn: an interrupt
	 * that ends HLT is given before the next instruction. */
	v->unfinished = true;
	if (!vcpu_finish(v)) {
		ending_fill(why, RESULT_BAD_IMAGE, "KVM cannot run it: %s",
			    v->machine->ending->result.text);
		return false;
	}
	v->halted = saved->state == VCPU_HALTED;
	v->given = events->interrupt.injected;
	v->nmi_given = events->nmi.pending != 0;
	v->deadline_changed = true;
	return true;
}
