// SPDX-License-Identifier: BSD-2-Clause
// A number as the little-endian bytes in which a PC's guests expect it.
// Not for host memory: the host's own byte order plays no part.
#ifndef DEVICES_LE_H
#define DEVICES_LE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Stores the lowest n bytes of value; n is 1 to 8. */
static inline void le_put(uint8_t *bytes, unsigned n, uint64_t value)
{
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

#ifdef __cplusplus
}
#endif
#endif
