// SPDX-License-Identifier: BSD-2-Clause
// `lapicvm diff`: this Local APIC beside KVM's, by programs of operations or by a whole guest.
// Not a comparison of its own: it brings the parts together.
#ifndef VMM_DIFF_DIFF_H
#define VMM_DIFF_DIFF_H

#include <stdbool.h>

#include "vmm/kvm_calls.h"
#include "vmm/options.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The verb. True: the same, but for what the ledger explains, and all that was asked for is
 * written. Else *result says why not. [main thread, before any other; SIGINT and SIGTERM are its
 * own meanwhile]
 */
bool diff(const struct options *options, const struct kvm_calls *kvm, struct result *result);

#ifdef __cplusplus
}
#endif

#endif
