// SPDX-License-Identifier: BSD-2-Clause
// The numbers of a command line: sizes, counts, times.
// Not strtoul: no signs, blanks, other bases or silent overflow.
#ifndef VMM_OPTIONS_VALUE_H
#define VMM_OPTIONS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each: false leaves the value alone, and `why` (of why_size bytes) says in one sentence what is
 * wrong. */

/* -m: 256M, 1G, 4096K; a number alone counts MiB. Whole pages, RAM_SIZE_MIN .. RAM_SIZE_MAX bytes.
 */
bool options_memory(const char *text, uint64_t *bytes, char *why, size_t why_size);
/* --timeout: seconds with a fraction, rounded up to ms, 0 .. 2^32-1 ms. */
bool options_timeout(const char *text, uint32_t *ms, char *why, size_t why_size);
/* Of this option: 1 .. most. */
bool options_number(const char *option, const char *text, uint64_t most, uint64_t *value, char *why,
		    size_t why_size);
/* --time: a whole number with s, m, h or nothing for s; 1 s .. 1000 h, in ms. */
bool options_duration(const char *text, uint64_t *ms, char *why, size_t why_size);

#ifdef __cplusplus
}
#endif

#endif
