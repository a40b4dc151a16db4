// SPDX-License-Identifier: BSD-2-Clause
// The instructions around a place, as a listing.
// Not where the bytes come from, and nobody decides anything by it.
#ifndef VMM_INFO_CODE_H
#define VMM_INFO_CODE_H

#include <stdint.h>
#include <stdio.h>

#include "vmm/info_format.h"

#ifdef __cplusplus
extern "C" {
#endif

#define INFO_CODE_BEFORE 32u
#define INFO_CODE_AFTER  48u

struct info_code {
	uint8_t bytes[INFO_CODE_BEFORE + INFO_CODE_AFTER];
	unsigned before; /* bytes before rip, up to INFO_CODE_BEFORE */
	unsigned count;  /* all of them; before or less: none at rip are known */
	unsigned last;   /* bytes of the instruction before rip, up to `before`; 0: not known */
	unsigned mode;   /* 16, 32 or 64 */
	uint64_t rip;
};

/*
 * A line for each instruction, an arrow at rip; up to three before it. Where code before rip begins
 * is not to be known: shown is the longest way of reading it that ends at rip, or nothing. JSON: a
 * string of hexadecimal digits, the bytes from rip on, or null.
 */
void info_code_print(const struct info_code *code, enum info_format format, FILE *to);

#ifdef __cplusplus
}
#endif
#endif
