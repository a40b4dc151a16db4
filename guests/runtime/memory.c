// SPDX-License-Identifier: BSD-2-Clause
// The memory and string functions that compilers call without being asked, and one that the runtime
// wants. Not a C library.
#include "guests/runtime/memory.h"

void *memset(void *to, int byte, size_t count)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(byte) : "memory");
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t count)
{
	unsigned char *at = to;
	const unsigned char *source = from;

	if (at <= source)
		return memcpy(to, from, count);
	while (count--)
		at[count] = source[count];
	return to;
}

int memcmp(const void *left, const void *right, size_t count)
{
	const unsigned char *a = left, *b = right;

	for (; count; count--, a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}
