// SPDX-License-Identifier: BSD-2-Clause
// A number that tells one content from another: of what the results in a log are.
// Not a cryptographic hash: FNV-1a, 64 bits.
#ifndef VMM_DIFF_FINGERPRINT_H
#define VMM_DIFF_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FINGERPRINT_EMPTY UINT64_C(0xCBF29CE484222325)

/* Each goes on from a sum. */
uint64_t fingerprint_bytes(uint64_t sum, const void *bytes, size_t size);
uint64_t fingerprint_number(uint64_t sum, uint64_t number);
/* A file's bytes. False with errno set. */
bool fingerprint_file(uint64_t *sum, const char *path);

#ifdef __cplusplus
}
#endif

#endif
