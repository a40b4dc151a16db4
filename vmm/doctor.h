// SPDX-License-Identifier: BSD-2-Clause
// `lapicvm doctor`: what this host's KVM does, and what follows for lapicvm.
// Not a second opinion: it prints what host.h found, which is what a run relies on.
#ifndef VMM_DOCTOR_H
#define VMM_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "vmm/host.h"
#include "vmm/kvm_calls.h"
#include "vmm/kvm_caps.h"
#include "vmm/options.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All that is told; plain data, so that texts can be tested without a host. */
struct doctor_facts {
	bool usable;
	struct host_error error; /* where not usable */
	struct host_traits traits;
	bool asked;             /* the traits were asked for: /dev/kvm could be opened */
	bool closed_asked;      /* inject_closed_bad was asked for */
	char kernel[192];       /* "Linux 6.1.0 #1 SMP ... x86_64" */
	char processor[96];     /* model name */
	int caps[KVM_CAPS_MAX]; /* KVM_CHECK_EXTENSION, in the order of kvm_caps_name() */
};

/* Looks at everything. `root` stands before the paths of /proc and /sys: "" for the host's own. */
void doctor_examine(const struct kvm_calls *kvm, const char *root, struct doctor_facts *facts);

/* For people: question, answer, what follows. */
void doctor_print_table(const struct doctor_facts *facts, FILE *to);
/* For programs: one JSON object. */
void doctor_print_json(const struct doctor_facts *facts, FILE *to);
/* For sending: the table, capabilities, processor flags and module parameters; no names of host or
 * user. */
void doctor_print_report(const struct doctor_facts *facts, const char *root, FILE *to);

/*
 * The verb: examines, prints to `out`, writes the report. False: *result says why the exit status
 * is not 0: host not usable, or the output failed.
 */
bool doctor(const struct options *options, const struct kvm_calls *kvm, FILE *out,
	    struct result *result);

#ifdef __cplusplus
}
#endif

#endif
