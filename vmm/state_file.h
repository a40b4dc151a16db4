// SPDX-License-Identifier: BSD-2-Clause
// The file that holds a saved machine, as a row of named sections under one checksum.
// Not what a section says: saved.h, vcpu_save.h and machine_state.h have that.
#ifndef VMM_STATE_FILE_H
#define VMM_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Version 1: magic (8 bytes), version (32 bits), then sections: a name in 16 bytes filled up with
 * zeros, a version (32 bits), the length of what follows (64 bits), and that many bytes. The last 4
 * bytes are the CRC-32 of all before them, zlib's. All numbers are little-endian.
 *
 * How it grows: this version is that of the frame alone. What a section holds has the section's
 * version, which starts at 1 and grows by one whenever fields are added, always at its end. Who
 * reads takes each section in any version up to the one that it writes itself; fields that an older
 * version lacks have their values at power-up. A newer version, or a section of an unknown name, is
 * refused by name: nothing of a guest is dropped in silence. So files go to newer programs, not
 * back. saved.h has the versions, devices/state.h says how to add a field, and tests/vmm/golden has
 * a file of each set of versions that was ever released: adding a field leaves those alone, and
 * adds one.
 *
 * [main thread] for all of this.
 */
#define STATE_FILE_NAME    16u
#define STATE_FILE_VERSION 1u

/* ---- writing ---- */

struct state_file_writer {
	FILE *to; /* whose error flag says whether all could be written */
	uint32_t crc;
	uint64_t bytes; /* so far */
};

void state_file_begin(struct state_file_writer *writer, FILE *to);
/* The head of a section of `length` bytes, which state_file_bytes() brings in any number of calls.
 */
void state_file_section(struct state_file_writer *writer, const char *name, uint32_t version,
			uint64_t length);
void state_file_bytes(struct state_file_writer *writer, const void *bytes, size_t count);
void state_file_end(struct state_file_writer *writer);

/* ---- reading ---- */

struct state_file {
	const uint8_t *sections; /* the first one's head */
	size_t size;             /* bytes of all of them */
};

struct state_section {
	char name[STATE_FILE_NAME + 1];
	uint32_t version;
	const uint8_t *bytes; /* in the file's memory; NULL: before the first section */
	uint64_t length;
};

/*
 * Looks through a file that may be an enemy's: afterwards its sections lie within it. False: why
 * says in a few words what is wrong, with the section's name where that is known.
 */
bool state_file_open(struct state_file *file, const uint8_t *bytes, size_t size, char *why,
		     size_t why_size);

/* From one section to the next, or to the first. False: there is none. */
bool state_file_next(const struct state_file *file, struct state_section *section);

#ifdef __cplusplus
}
#endif

#endif
