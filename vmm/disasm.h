// SPDX-License-Identifier: BSD-2-Clause
// Instruction bytes to Intel syntax, for messages about what a guest did.
// Not a tracer, and nobody decides anything by its answer.
#ifndef VMM_DISASM_H
#define VMM_DISASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The first instruction of `bytes` (up to 15 of them) as "mov eax, [rbx]". mode: 16, 32 or 64 bits,
 * the size of the code segment; rip: its address, for branch targets. False, and *text says why in
 * brackets, where the bytes are no instruction or too few; text is NUL-terminated either way
 * (text_size > 0).
 */
bool disasm(const uint8_t *bytes, size_t length, unsigned mode, uint64_t rip, char *text,
	    size_t text_size);

/* How many of the bytes that instruction has; 0 where they are none. */
unsigned disasm_length(const uint8_t *bytes, size_t length, unsigned mode);

#ifdef __cplusplus
}
#endif

#endif
