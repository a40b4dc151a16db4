// SPDX-License-Identifier: BSD-2-Clause
// Heads, lengths and the checksum of a file of sections.
// Trusts no number in it before it was compared with what is there.

#include "vmm/state_file.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#include "devices/state.h"

#define MAGIC      "LAPICVM"
#define MAGIC_SIZE 8u
#define START      (MAGIC_SIZE + 4u)
#define HEAD       (STATE_FILE_NAME + 4u + 8u)
#define CHECKSUM   4u

/* ---- writing ---- */

void state_file_bytes(struct state_file_writer *w, const void *bytes, size_t count)
{
	w->crc = (uint32_t)crc32_z(w->crc, bytes, count);
	w->bytes += count;
	fwrite(bytes, 1, count, w->to);
}

static void put(struct state_file_writer *w, uint64_t value, size_t count)
{
	uint8_t bytes[8];
	struct state s = {.to = bytes, .size = sizeof(bytes)};

	state_u64(&s, &value);
	state_file_bytes(w, bytes, count);
}

void state_file_begin(struct state_file_writer *w, FILE *to)
{
	*w = (struct state_file_writer){.to = to, .crc = (uint32_t)crc32_z(0, NULL, 0)};
	state_file_bytes(w, MAGIC, MAGIC_SIZE);
	put(w, STATE_FILE_VERSION, 4);
}

void state_file_section(struct state_file_writer *w, const char *name, uint32_t version,
			uint64_t length)
{
	char field[STATE_FILE_NAME] = {0};

	for (unsigned i = 0; i < STATE_FILE_NAME && name[i]; i++)
		field[i] = name[i];
	state_file_bytes(w, field, sizeof(field));
	put(w, version, 4);
	put(w, length, 8);
}

void state_file_end(struct state_file_writer *w)
{
	put(w, w->crc, CHECKSUM);
}

/* ---- reading ---- */

/* Of bytes that are known to be there. */
static uint64_t get(const uint8_t *bytes, size_t count)
{
	uint8_t wide[8] = {0};
	struct state s = {.from = wide, .size = sizeof(wide)};
	uint64_t value = 0;

	memcpy(wide, bytes, count);
	state_u64(&s, &value);
	return value;
}

/* The section whose head is there. Its length has not been compared with anything. */
static void read_head(const uint8_t *head, struct state_section *section)
{
	*section = (struct state_section){
		.version = (uint32_t)get(head + STATE_FILE_NAME, 4),
		.bytes = head + HEAD,
		.length = get(head + STATE_FILE_NAME + 4, 8),
	};
	for (unsigned i = 0; i < STATE_FILE_NAME && head[i]; i++)
		section->name[i] = head[i] >= ' ' && head[i] < 0x7F ? (char)head[i] : '?';
}

static bool check_sections(const struct state_file *file, char *why, size_t why_size)
{
	struct state_section section;

	for (size_t at = 0; at < file->size; at += HEAD + (size_t)section.length) {
		size_t left = file->size - at;

		if (left < HEAD) {
			snprintf(why, why_size, "it is cut short, or damaged, in a section's head");
			return false;
		}
		read_head(file->sections + at, &section);
		if (section.length > left - HEAD) {
			snprintf(why, why_size,
				 "section %s ends after %zu of its %" PRIu64
				 " bytes: it is cut short, or damaged",
				 section.name, left - HEAD, section.length);
			return false;
		}
	}
	return true;
}

bool state_file_open(struct state_file *file, const uint8_t *bytes, size_t size, char *why,
		     size_t why_size)
{
	uint32_t wanted, found;

	if (size < MAGIC_SIZE || memcmp(bytes, MAGIC, MAGIC_SIZE) != 0) {
		snprintf(why, why_size, "it does not begin as a machine saved by lapicvm does");
		return false;
	}
	if (size < START + CHECKSUM) {
		snprintf(why, why_size, "it is cut short after %zu bytes", size);
		return false;
	}
	if (get(bytes + MAGIC_SIZE, 4) != STATE_FILE_VERSION) {
		snprintf(why, why_size, "it has version %" PRIu64 ", and this lapicvm knows %u",
			 get(bytes + MAGIC_SIZE, 4), STATE_FILE_VERSION);
		return false;
	}
	*file = (struct state_file){bytes + START, size - START - CHECKSUM};
	if (!check_sections(file, why, why_size))
		return false;
	wanted = (uint32_t)get(bytes + size - CHECKSUM, CHECKSUM);
	found = (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, size - CHECKSUM);
	if (wanted == found)
		return true;
	snprintf(why, why_size, "it is damaged: its checksum is %08" PRIX32 "h, not %08" PRIX32 "h",
		 found, wanted);
	return false;
}

bool state_file_next(const struct state_file *file, struct state_section *section)
{
	const uint8_t *end = file->sections + file->size;
	const uint8_t *next = section->bytes ? section->bytes + section->length : file->sections;

	if (next == end)
		return false;
	read_head(next, section);
	return true;
}
