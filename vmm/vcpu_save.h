// SPDX-License-Identifier: BSD-2-Clause
// One processor with its Local APIC, CPUID and TSC as bytes, and out of them again.
// Not the file, and not the rest of the machine: save.h, restore.h.
#ifndef VMM_VCPU_SAVE_H
#define VMM_VCPU_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/state.h"
#include "vmm/processor.h"
#include "vmm/vcpu.h"

struct kvm_cpuid2;
struct result;

/* More than any version of liblapic's format has had. */
#define VCPU_SAVED_LAPIC_MAX 4096u

struct vcpu_saved {
	uint8_t state; /* enum vcpu_state */
	uint64_t tsc;  /* what its TSC read when all clocks were read */
	struct processor_msrs msrs;
	struct processor processor;
	uint32_t lapic_bytes;
	uint8_t lapic[VCPU_SAVED_LAPIC_MAX]; /* lapic_save() */
};

/*
 * Both ways by one list. *wrong: what of it does not fit, or NULL; s->bad is set then too.
 */
void vcpu_saved_walk(struct vcpu_saved *saved, struct state *s, const char **wrong);

/*
 * Takes down a vCPU whose Local APIC is ours, which goes on as if nothing had been; base: of
 * tsc_base(), the same for all of a machine. False: *error says why. [it stands still]
 */
bool vcpu_save(struct vcpu *v, const struct processor_msrs *msrs, uint64_t base,
	       struct vcpu_saved *saved, struct processor_error *error);

/*
 * Makes a new vCPU be what was saved; where the host's TSC is also the guest's, base is NULL, and
 * it stays what it is. False: *why is RESULT_BAD_IMAGE or RESULT_HOST_LACKS, with a text that names
 * neither file nor processor. [setup]
 */
bool vcpu_restore(struct vcpu *v, const struct vcpu_saved *saved, const uint64_t *base,
		  struct result *why);

/* How many entries a table may have: KVM holds no more. */
#define VCPU_CPUID_MAX 256u

/* Room for so many; free() gives it back. NULL: no memory. */
struct kvm_cpuid2 *vcpu_cpuid_new(void);
/* A table of as many entries as it says, both ways; loading, `table` is vcpu_cpuid_new()'s. */
void vcpu_cpuid_walk(struct kvm_cpuid2 *table, struct state *s);

#endif
