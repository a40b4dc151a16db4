// SPDX-License-Identifier: BSD-2-Clause
// KVM_GET_REGS and its kind, and the same as KVM_SET_: in the order in which KVM wants them.
// Decides nothing of what they mean.

#include "vmm/processor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/msr_index.h"

/* KVM takes at most 256 MSRs in a call. */
#define BATCH 256u

union msr_batch {
	struct kvm_msrs head;
	unsigned char room[sizeof(struct kvm_msrs) + BATCH * sizeof(struct kvm_msr_entry)];
};

static bool failed(struct processor_error *error, const char *what, int code)
{
	error->error = code;
	snprintf(error->what, sizeof(error->what), "%s", what);
	return false;
}

/* ---- which MSRs ---- */

bool processor_msr_travels(uint32_t index)
{
	switch (index) {
	case MSR_IA32_TSC: /* by its offset */
	case MSR_IA32_APIC_BASE:
	case MSR_IA32_TSC_DEADLINE:
	/* Their write stores the time of day in the guest's memory, once. */
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW: return false;
	default: return index < MSR_X2APIC_FIRST || index > MSR_X2APIC_LAST;
	}
}

static void keep_readable(const struct vm *vm, int fd, const struct kvm_msr_list *list,
			  struct processor_msrs *msrs)
{
	msrs->count = 0;
	for (unsigned i = 0; i < list->nmsrs && msrs->count < PROCESSOR_MSRS_MAX; i++) {
		uint64_t value;

		if (processor_msr_travels(list->indices[i]) &&
		    vm_get_msr(vm, fd, list->indices[i], &value) == 0)
			msrs->index[msrs->count++] = list->indices[i];
	}
}

int processor_msrs_find(const struct vm *vm, int fd, struct processor_msrs *msrs)
{
	struct kvm_msr_list asked = {.nmsrs = 0}, *list;
	int error = kvm_ioctl(vm->kvm, vm->kvm_fd, KVM_GET_MSR_INDEX_LIST, &asked);

	msrs->count = 0;
	/* The answer to "too small" is the number that there are. */
	if (error >= 0)
		return 0;
	if (error != -E2BIG)
		return error;
	list = calloc(1, sizeof(*list) + asked.nmsrs * sizeof(list->indices[0]));
	if (!list)
		return -ENOMEM;
	list->nmsrs = asked.nmsrs;
	error = kvm_ioctl(vm->kvm, vm->kvm_fd, KVM_GET_MSR_INDEX_LIST, list);
	if (error >= 0)
		keep_readable(vm, fd, list, msrs);
	free(list);
	return error < 0 ? error : 0;
}

/* ---- MSRs ---- */

static bool get_msrs(const struct vm *vm, int fd, const struct processor_msrs *msrs,
		     uint64_t values[PROCESSOR_MSRS_MAX], struct processor_error *error)
{
	union msr_batch batch;
	char what[64];

	for (unsigned from = 0; from < msrs->count; from += BATCH) {
		unsigned left = msrs->count - from;
		int done;

		batch.head = (struct kvm_msrs){.nmsrs = left < BATCH ? left : BATCH};
		for (unsigned i = 0; i < batch.head.nmsrs; i++)
			batch.head.entries[i] =
				(struct kvm_msr_entry){.index = msrs->index[from + i]};
		done = kvm_ioctl(vm->kvm, fd, KVM_GET_MSRS, &batch);
		if (done != (int)batch.head.nmsrs) {
			snprintf(what, sizeof(what), "KVM_GET_MSRS: MSR %Xh",
				 msrs->index[from + (done < 0 ? 0 : (unsigned)done)]);
			return failed(error, what, done < 0 ? done : -ENXIO);
		}
		for (unsigned i = 0; i < batch.head.nmsrs; i++)
			values[from + i] = batch.head.entries[i].data;
	}
	return true;
}

static bool set_msrs(const struct vm *vm, int fd, const struct processor_msrs *msrs,
		     const uint64_t values[PROCESSOR_MSRS_MAX], struct processor_error *error)
{
	uint64_t now[PROCESSOR_MSRS_MAX] = {0};
	char what[64];

	if (!get_msrs(vm, fd, msrs, now, error))
		return false;
	for (unsigned i = 0; i < msrs->count; i++) {
		int result;

		/* Some take no other value than their own; the clock is to be told anew each time.
		 */
		if (now[i] == values[i] && msrs->index[i] != MSR_KVM_SYSTEM_TIME_NEW)
			continue;
		result = vm_set_msr(vm, fd, msrs->index[i], values[i]);
		/* A guest may have moved a Local APIC's page over its word: then it does without.
		 */
		if (result < 0 && msrs->index[i] == MSR_KVM_PV_EOI)
			result = vm_set_msr(vm, fd, msrs->index[i], 0);
		if (result < 0) {
			snprintf(what, sizeof(what), "KVM_SET_MSRS: MSR %Xh = %llXh",
				 msrs->index[i], (unsigned long long)values[i]);
			return failed(error, what, result);
		}
	}
	return true;
}

/* ---- the rest ---- */

struct call {
	unsigned long request;
	const char *name;
	void *argument;
};

static bool make(const struct vm *vm, int fd, const struct call *calls, size_t count,
		 struct processor_error *error)
{
	for (size_t i = 0; i < count; i++) {
		int result = kvm_ioctl(vm->kvm, fd, calls[i].request, calls[i].argument);

		if (result < 0)
			return failed(error, calls[i].name, result);
	}
	return true;
}

#define CALL(request, argument)                                                                    \
 {                                                                                                 \
  request, #request, argument                                                                      \
 }

bool processor_get(const struct vm *vm, int fd, const struct processor_msrs *msrs,
		   struct processor *p, struct processor_error *error)
{
	const struct call calls[] = {
		/* First: to tell of an exception KVM puts what it says into CR2 or DR6. */
		CALL(KVM_GET_VCPU_EVENTS, &p->events), CALL(KVM_GET_REGS, &p->regs),
		CALL(KVM_GET_SREGS, &p->sregs),        CALL(KVM_GET_DEBUGREGS, &p->debug),
		CALL(KVM_GET_XSAVE, p->xsave),         CALL(KVM_GET_XCRS, &p->xcrs),
	};

	*p = (struct processor){0};
	return make(vm, fd, calls, sizeof(calls) / sizeof(calls[0]), error) &&
	       get_msrs(vm, fd, msrs, p->msrs, error);
}

bool processor_set(const struct vm *vm, int fd, const struct processor_msrs *msrs,
		   const struct processor *from, struct processor_error *error)
{
	struct processor p = *from;
	/* XCR0 says what of XSAVE's state there is. What waits is told last: other calls drop it.
	 */
	const struct call first[] = {
		CALL(KVM_SET_SREGS, &p.sregs),
		CALL(KVM_SET_XCRS, &p.xcrs),
		CALL(KVM_SET_XSAVE, p.xsave),
	};
	const struct call last[] = {
		CALL(KVM_SET_REGS, &p.regs),
		CALL(KVM_SET_DEBUGREGS, &p.debug),
		CALL(KVM_SET_VCPU_EVENTS, &p.events),
	};

	/* It stands in the events as well. */
	memset(p.sregs.interrupt_bitmap, 0, sizeof(p.sregs.interrupt_bitmap));
	return make(vm, fd, first, sizeof(first) / sizeof(first[0]), error) &&
	       set_msrs(vm, fd, msrs, p.msrs, error) &&
	       make(vm, fd, last, sizeof(last) / sizeof(last[0]), error);
}
