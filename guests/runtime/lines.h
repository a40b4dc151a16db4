// SPDX-License-Identifier: BSD-2-Clause
// The test device's lines that send interrupt messages, edge or level: ports 2040h-207Fh.
// Not an I/O APIC, though each line has the two halves of one of its entries.
#ifndef GUESTS_RUNTIME_LINES_H
#define GUESTS_RUNTIME_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "guests/runtime/cpu.h"

#define LINES_PORT  0x2040
#define LINES_COUNT 4

enum {
	LINE_HOW = 0x0,   /* vector, delivery mode, and the bits below */
	LINE_DEST = 0x4,  /* 31:24 */
	LINE_LEVEL = 0x8, /* what is not 0 raises it */
	LINE_SENT = 0xc,  /* messages so far */

	LINE_FIXED = 0 << 8,
	LINE_LOWEST = 1 << 8,
	LINE_NMI = 4 << 8,
	LINE_LOGICAL = 1 << 11,
	LINE_REMOTE_IRR = 1 << 14,
	LINE_LEVEL_TRIGGERED = 1 << 15,
	LINE_MASKED = 1 << 16,
};

static inline uint32_t line_read(unsigned n, unsigned reg)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((uint16_t)(LINES_PORT + 16 * n + reg)));
	return value;
}

static inline void line_write(unsigned n, unsigned reg, uint32_t value)
{
	outl((uint16_t)(LINES_PORT + 16 * n + reg), value);
}

/* Low, and then as `how` says, to `dest`. */
static inline void line_set_up(unsigned n, uint32_t dest, uint32_t how)
{
	line_write(n, LINE_LEVEL, 0);
	line_write(n, LINE_HOW, LINE_MASKED);
	line_write(n, LINE_DEST, dest << 24);
	line_write(n, LINE_HOW, how);
}

static inline void line_raise(unsigned n)
{
	line_write(n, LINE_LEVEL, 1);
}

static inline void line_lower(unsigned n)
{
	line_write(n, LINE_LEVEL, 0);
}

static inline bool line_waits_for_eoi(unsigned n)
{
	return line_read(n, LINE_HOW) & LINE_REMOTE_IRR;
}

#endif
