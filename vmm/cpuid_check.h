// SPDX-License-Identifier: BSD-2-Clause
// Whether a host offers all that a saved guest was told by CPUID.
// Not the making of a table: cpuid.h.
#ifndef VMM_CPUID_CHECK_H
#define VMM_CPUID_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kvm_cpuid2;

/*
 * host: what cpuid_build() makes on this host for a processor with the same options. False: why
 * says which leaf, register and bit the host lacks, or that the vendor is another. Leaves without
 * features, such as caches and topology, are the saved ones.
 */
bool cpuid_check(const struct kvm_cpuid2 *saved, const struct kvm_cpuid2 *host, char *why,
		 size_t why_size);

#ifdef __cplusplus
}
#endif

#endif
