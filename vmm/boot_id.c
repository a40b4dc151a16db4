// SPDX-License-Identifier: BSD-2-Clause
// Reads it where Linux has it, as a UUID in text.
// Never an error: what is not known differs from nothing.

#include "vmm/boot_id.h"

#include <stdio.h>
#include <string.h>

/* random(4): /proc/sys/kernel/random/boot_id */
#define WHERE "/proc/sys/kernel/random/boot_id"

/* The next hexadecimal digit, past dashes. -1: there is none. */
static int digit(FILE *from)
{
	static const char digits[] = "0123456789abcdef";
	int c = fgetc(from);
	const char *at;

	while (c == '-')
		c = fgetc(from);
	at = c > 0 ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

void boot_id_read(uint8_t id[BOOT_ID_SIZE])
{
	FILE *from = fopen(WHERE, "re");
	bool good = from != NULL;

	memset(id, 0, BOOT_ID_SIZE);
	for (unsigned i = 0; good && i < BOOT_ID_SIZE; i++) {
		int high = digit(from), low = digit(from);

		good = high >= 0 && low >= 0;
		id[i] = good ? (uint8_t)(high << 4 | low) : 0;
	}
	if (!good)
		memset(id, 0, BOOT_ID_SIZE);
	if (from)
		fclose(from);
}

bool boot_id_differs(const uint8_t id[BOOT_ID_SIZE])
{
	static const uint8_t unknown[BOOT_ID_SIZE];
	uint8_t here[BOOT_ID_SIZE];

	boot_id_read(here);
	return memcmp(id, unknown, BOOT_ID_SIZE) != 0 && memcmp(here, unknown, BOOT_ID_SIZE) != 0 &&
	       memcmp(id, here, BOOT_ID_SIZE) != 0;
}
