// SPDX-License-Identifier: BSD-2-Clause
// memset and its kin, as the C standard has them.
// Not an allocator: guests have static memory only.
#ifndef GUESTS_RUNTIME_MEMORY_H
#define GUESTS_RUNTIME_MEMORY_H

#include <stddef.h>

void *memset(void *to, int byte, size_t count);
void *memcpy(void *__restrict to, const void *__restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
int memcmp(const void *left, const void *right, size_t count);

#endif
