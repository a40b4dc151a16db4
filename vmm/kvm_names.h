// SPDX-License-Identifier: BSD-2-Clause
// KVM's names for what it tells by number.
// Not a list of what lapicvm handles.
#ifndef VMM_KVM_NAMES_H
#define VMM_KVM_NAMES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "HLT" for KVM_EXIT_HLT; NULL for a reason without a name here. */
const char *kvm_names_exit(uint32_t reason);

#ifdef __cplusplus
}
#endif

#endif
