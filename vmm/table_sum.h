// SPDX-License-Identifier: BSD-2-Clause
// The checksum that ACPI's and MP tables share: all bytes of a table add up to 0.
// Not a proof of anything else about them.
#ifndef VMM_TABLE_SUM_H
#define VMM_TABLE_SUM_H

#include <stddef.h>
#include <stdint.h>

/* What the checksum's byte, 0 so far, is to be. */
static inline uint8_t table_sum(const uint8_t *table, size_t size)
{
	unsigned sum = 0;

	while (size > 0)
		sum += table[--size];
	return (uint8_t)-sum;
}

#endif
