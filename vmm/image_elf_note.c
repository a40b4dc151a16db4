// SPDX-License-Identifier: BSD-2-Clause
// The notes of an ELF executable that say how it is booted: Xen's entry for PVH, and Linux's own.
// A damaged note says nothing; whether the file can be loaded at all, image_elf.c says.
#include <elf.h>
#include <string.h>

#include "vmm/image_format.h"

/* Room for any kernel's notes (Linux has some hundred bytes), so that a hostile file ends soon. */
enum { NOTE_BYTES_MOST = 65536 };

/* xen/include/public/elfnote.h; include/linux/build-salt.h */
#define XEN_PHYS32_ENTRY 18
#define LINUX_BUILD_SALT 0x100

static bool is_named(const struct image_bytes *file, uint64_t at, uint32_t size, const char *name)
{
	return size == strlen(name) + 1 && memcmp(file->bytes + at, name, size) == 0;
}

/* One note whose name and descriptor lie inside the file. */
static void read_note(const struct image_bytes *file, const Elf64_Nhdr *note, uint64_t name,
		      uint64_t descriptor, struct image_notes *notes)
{
	if (is_named(file, name, note->n_namesz, "Linux") && note->n_type == LINUX_BUILD_SALT)
		notes->linux_kernel = true;
	if (!is_named(file, name, note->n_namesz, "Xen") || note->n_type != XEN_PHYS32_ENTRY)
		return;
	if (note->n_descsz != 4 && note->n_descsz != 8)
		return;
	notes->pvh = true;
	notes->pvh_entry =
		note->n_descsz == 8 ? image_le64(file, descriptor) : image_le32(file, descriptor);
}

static uint64_t padded(uint64_t size, uint64_t align)
{
	return (size + align - 1) / align * align;
}

void image_elf_read_notes(const struct image_bytes *file, uint64_t offset, uint64_t size,
			  uint64_t align, struct image_notes *notes)
{
	uint64_t end;

	if (offset > file->size || size > file->size - offset)
		return;
	if (size > NOTE_BYTES_MOST - notes->bytes)
		size = NOTE_BYTES_MOST - notes->bytes;
	notes->bytes += (uint32_t)size;
	/* All are padded to 4 bytes, but for those of a segment aligned to 8 (gABI, "Note
	 * Section"). */
	if (align != 8)
		align = 4;
	end = offset + size;
	/* The last padding may leave the segment. */
	while (offset < end && end - offset >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t name = offset + sizeof(note), descriptor;

		memcpy(&note, file->bytes + offset, sizeof(note));
		descriptor = offset + padded(sizeof(note) + (uint64_t)note.n_namesz, align);
		if (descriptor > end || note.n_descsz > end - descriptor)
			return;
		read_note(file, &note, name, descriptor, notes);
		offset = descriptor + padded(note.n_descsz, align);
	}
}
