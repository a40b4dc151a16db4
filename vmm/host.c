// SPDX-License-Identifier: BSD-2-Clause
// Asks the host once, in order: the device, the capabilities, then the tiny guests.
// Not the questions themselves: those are in probe_*.c.
#include "vmm/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/host_access.h"
#include "vmm/kvm_calls.h"
#include "vmm/kvm_caps.h"
#include "vmm/probe.h"
#include "vmm/result.h"

#define CODE_NO_KVM     69
#define CODE_HOST_LACKS 77

__attribute__((format(printf, 3, 4))) static bool fail(struct host_error *error, int code,
						       const char *format, ...)
{
	va_list arguments;

	error->code = code;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return false;
}

const char *host_backend_name(enum host_backend backend)
{
	switch (backend) {
	case HOST_KVM_INTEL: return "kvm_intel";
	case HOST_KVM_AMD: return "kvm_amd";
	case HOST_KVM_PVM: return "kvm_pvm";
	case HOST_UNKNOWN: break;
	}
	return "unknown";
}

void host_error_result(const struct host_error *error, struct result *result)
{
	*result = (struct result){.cpu = -1};
	result->kind = error->code == CODE_NO_KVM       ? RESULT_NO_KVM
		       : error->code == CODE_HOST_LACKS ? RESULT_HOST_LACKS
							: RESULT_INTERNAL;
	snprintf(result->text, sizeof(result->text), "%s", error->text);
}

/* ---------------------------------------------------------------- the device */

static bool is_kvm(const struct kvm_calls *kvm, int fd, struct host_error *error)
{
	int version = kvm_caps_version(kvm, fd);

	if (version < 0)
		return fail(error, CODE_NO_KVM,
			    "/dev/kvm is not KVM's device: KVM_GET_API_VERSION: %s",
			    strerror(-version));
	if (version != kvm_caps_version_wanted)
		return fail(
			error, CODE_NO_KVM,
			"/dev/kvm speaks version %d of KVM's interface, lapicvm version %d only",
			version, kvm_caps_version_wanted);
	return true;
}

static bool ask_capabilities(const struct kvm_calls *kvm, int fd, struct host_traits *traits,
			     struct host_error *error)
{
	const char *missing, *since;

	kvm_caps_fill(kvm, fd, traits);
	if (kvm_caps_suffice(kvm, fd, &missing, &since))
		return true;
	return fail(
		error, CODE_HOST_LACKS,
		"this kernel's KVM lacks %s, which a Local APIC in user space needs: boot Linux "
		"%s or later",
		missing, since);
}

/* ---------------------------------------------------------------- the guests */

static bool ask_guests(struct probe *probe, struct host_traits *traits, struct host_error *error)
{
	traits->tsc_khz = probe_tsc_khz(probe);
	if (!probe_hello(probe))
		return fail(error, CODE_HOST_LACKS,
			    "KVM does not run a guest of two instructions as it should (last exit "
			    "reason %u); the kernel's log may say why: sudo dmesg",
			    probe_last_exit(probe));
	traits->x2apic_exits = probe_x2apic_exits(probe);
	traits->apic_base_exits = probe_apic_base_exits(probe);
	traits->tsc_deadline_exits = probe_tsc_deadline_exits(probe);
	traits->tsc_write_exits = probe_tsc_write_exits(probe);
	traits->tsc_moves = probe_tsc_moves(probe);
	traits->cr8_lowering_exits = probe_cr8_lowering_exits(probe);
	traits->window_prompt = probe_window_prompt(probe);
	traits->events_inject = probe_events_inject(probe, traits->sync_regs);
	traits->nmi = probe_nmi(probe);
	traits->single_step_cpl0 = probe_single_step_cpl0(probe);
	traits->cpl0_emulated = probe_cpl0_emulated(probe);
	traits->apic_bit_follows = probe_apic_bit_follows(probe);
	if (!traits->apic_base_exits)
		return fail(error, CODE_HOST_LACKS,
			    "this KVM keeps IA32_APIC_BASE (MSR 1Bh) to itself in spite of the MSR "
			    "filter, so that a guest's Local APIC cannot be moved or switched");
	if (!traits->nmi)
		return fail(error, CODE_HOST_LACKS,
			    "this KVM does not deliver an NMI to a guest with interrupts off");
	return true;
}

/* A question in a machine of its own. */
static bool ask(const struct kvm_calls *kvm, struct host_traits *traits, struct host_error *error,
		bool (*question)(struct probe *probe, struct host_traits *traits,
				 struct host_error *error))
{
	struct result why = {.cpu = -1};
	struct probe probe;
	bool good = probe_open(&probe, kvm, traits, &why);

	if (good) {
		good = question(&probe, traits, error);
		probe_close(&probe);
	} else {
		fail(error, result_code(&why), "%.500s", why.text);
	}
	return good;
}

bool host_probe(const struct kvm_calls *kvm, struct host_traits *traits, struct host_error *error)
{
	int fd = kvm->open_kvm(kvm->opaque);
	bool good;

	*traits = (struct host_traits){.backend = host_access_backend("")};
	if (fd < 0) {
		host_access_explain("", -fd, error);
		return false;
	}
	good = is_kvm(kvm, fd, error) && ask_capabilities(kvm, fd, traits, error);
	kvm->close(kvm->opaque, fd);
	return good && ask(kvm, traits, error, ask_guests);
}

static bool ask_closed(struct probe *probe, struct host_traits *traits, struct host_error *error)
{
	(void)error;
	traits->inject_closed_bad = probe_inject_closed_bad(probe);
	return true;
}

bool host_probe_closed(const struct kvm_calls *kvm, struct host_traits *traits,
		       struct host_error *error)
{
	return ask(kvm, traits, error, ask_closed);
}
