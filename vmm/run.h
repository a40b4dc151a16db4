// SPDX-License-Identifier: BSD-2-Clause
// One run of a guest from its image to its result.
// Not the command line, and not where the result is printed.
#ifndef VMM_RUN_H
#define VMM_RUN_H

#include "vmm/host.h"
#include "vmm/kvm_calls.h"
#include "vmm/options.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * SIGINT and SIGTERM wait from here until a run's loop listens to them, so that what the host is
 * asked before does not end without a result. [main thread, before any other]
 */
void run_hold_signals(void);

/*
 * Builds the machine that the options ask for on a host with these traits, runs the guest and fills
 * *result. Takes stdin and stdout for the guest's console and gives them back as they were. To be
 * called from the main thread, once at a time; signals SIGINT, SIGTERM, SIGPIPE and SIGUSR1 are its
 * own meanwhile. When it returns every vCPU thread has ended.
 */
void run(const struct options *options, const struct host_traits *traits, struct result *result);
/* The same on another KVM. */
void run_with(const struct options *options, const struct host_traits *traits,
	      const struct kvm_calls *kvm, struct result *result);

#ifdef __cplusplus
}
#endif

#endif
