// SPDX-License-Identifier: BSD-2-Clause
// FNV-1a over bytes, numbers and files.
// No meaning of what it sums up.
#include "vmm/diff/fingerprint.h"

#include <errno.h>
#include <stdio.h>

#define PRIME UINT64_C(0x100000001B3)

uint64_t fingerprint_bytes(uint64_t sum, const void *bytes, size_t size)
{
	const unsigned char *next = bytes;

	while (size--)
		sum = (sum ^ *next++) * PRIME;
	return sum;
}

uint64_t fingerprint_number(uint64_t sum, uint64_t number)
{
	for (unsigned i = 0; i < 8; i++, number >>= 8)
		sum = (sum ^ (number & 0xFF)) * PRIME;
	return sum;
}

bool fingerprint_file(uint64_t *sum, const char *path)
{
	unsigned char bytes[4096];
	FILE *from = fopen(path, "re");
	size_t size;
	bool good;

	if (!from)
		return false;
	while ((size = fread(bytes, 1, sizeof(bytes), from)) > 0)
		*sum = fingerprint_bytes(*sum, bytes, size);
	good = !ferror(from);
	fclose(from);
	if (!good)
		errno = EIO;
	return good;
}
