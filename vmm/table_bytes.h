// SPDX-License-Identifier: BSD-2-Clause
// What ACPI's and MP tables share: text without a terminator, and a checksum that makes 0 of a sum.
// Not their layouts, and not their numbers: devices/le.h puts those.
#ifndef VMM_TABLE_BYTES_H
#define VMM_TABLE_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void table_text(uint8_t *at, const char *text)
{
	while (*text != '\0')
		*at++ = (uint8_t)*text++;
}

/* What the checksum's byte, 0 so far, is to be. */
static inline uint8_t table_sum(const uint8_t *table, size_t size)
{
	unsigned sum = 0;

	while (size > 0)
		sum += table[--size];
	return (uint8_t)-sum;
}

#endif
