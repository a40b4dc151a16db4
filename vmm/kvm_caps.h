// SPDX-License-Identifier: BSD-2-Clause
// What KVM says of itself: the version of its interface and its capabilities.
// Not what it does: host.h asks that by tiny guests.
#ifndef VMM_KVM_CAPS_H
#define VMM_KVM_CAPS_H

#include <stdbool.h>

#include "vmm/host.h"
#include "vmm/kvm_calls.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version that lapicvm speaks; the device's own, or -errno where it is not KVM's. */
extern const int kvm_caps_version_wanted;
int kvm_caps_version(const struct kvm_calls *kvm, int kvm_fd);

/* False: *missing names a capability that lapicvm needs, *since the Linux that brought it. */
bool kvm_caps_suffice(const struct kvm_calls *kvm, int kvm_fd, const char **missing,
		      const char **since);
/* Fills the traits that are capabilities. */
void kvm_caps_fill(const struct kvm_calls *kvm, int kvm_fd, struct host_traits *traits);

/* A list for reports. "KVM_CAP_..." of row i, NULL past the end; its number in *cap. */
#define KVM_CAPS_MAX 64
const char *kvm_caps_name(unsigned i, int *cap);
/* The answer of KVM_CHECK_EXTENSION; 0 where it fails. */
int kvm_caps_ask(const struct kvm_calls *kvm, int kvm_fd, int cap);

#ifdef __cplusplus
}
#endif

#endif
