// SPDX-License-Identifier: BSD-2-Clause
// Little-endian fields and strings, one behind the other, in guest RAM that was checked before.
// Checks nothing: whoever writes has asked ram_at for all of it.
#ifndef VMM_BOOT_WRITER_H
#define VMM_BOOT_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The next free byte, in host and in guest terms. */
struct boot_writer {
	uint8_t *host;
	uint64_t gpa;
};

static inline void boot_put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void boot_put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void boot_put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline struct boot_writer boot_take(struct boot_writer *writer, size_t size)
{
	struct boot_writer taken = *writer;

	writer->host += size;
	writer->gpa += size;
	return taken;
}

/* The string with its NUL; answers where it went. */
static inline uint64_t boot_put_string(struct boot_writer *writer, const char *string)
{
	size_t size = strlen(string) + 1;
	struct boot_writer at = boot_take(writer, size);

	memcpy(at.host, string, size);
	return at.gpa;
}

#endif
