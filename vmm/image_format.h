// SPDX-License-Identifier: BSD-2-Clause
// Between image.c, the formats and the placing: a plan of what goes where in guest RAM.
// Not public: only the image_*.c files include it. A format reads the file, never touches RAM.
#ifndef VMM_IMAGE_FORMAT_H
#define VMM_IMAGE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/* More loadable segments than any linker makes of a kernel. */
enum { IMAGE_SEGMENTS_MAX = 64 };

/* The image file in host memory. */
struct image_bytes {
	const uint8_t *bytes;
	size_t size;
};

/*
 * file_size bytes at file_offset of the file go to gpa, zeros after them up to memory_size. A
 * format answers for: file_offset + file_size inside the file, file_size <= memory_size,
 * memory_size > 0, gpa + memory_size does not wrap.
 */
struct image_segment {
	uint64_t gpa;
	uint64_t memory_size;
	uint64_t file_offset;
	uint64_t file_size;
};

/* How the image is entered and by which protocol it is told what there is. */
enum image_entry_mode {
	IMAGE_LONG_MODE,
	IMAGE_MULTIBOOT,
	IMAGE_MULTIBOOT2,
	IMAGE_LINUX64,
	IMAGE_LINUX32,
	IMAGE_PVH,
};

/* What an ELF file's notes say about booting it. */
struct image_notes {
	bool pvh; /* it has XEN_ELFNOTE_PHYS32_ENTRY ... */
	uint64_t pvh_entry;
	bool linux_kernel; /* a vmlinux */
	uint32_t bytes;    /* looked at so far */
};

struct image_plan {
	struct image_segment segments[IMAGE_SEGMENTS_MAX];
	unsigned segment_count;
	uint64_t entry; /* guest physical */
	enum image_entry_mode mode;
	struct image_notes notes; /* of an ELF file */

	bool command_line_limited;
	uint32_t command_line_max; /* bytes without the NUL */

	/* Multiboot 2 alone. */
	bool needs_screen, needs_rsdp; /* it will not start without */
	uint32_t load_base;            /* where a relocatable image goes, else 0 */

	/* Linux alone. */
	uint64_t initrd_max;      /* the last byte of an initrd lies here at the latest, */
	bool initrd_above_4g;     /* or anywhere above 4 GiB */
	size_t setup_header;      /* its offset in the file; 0: there is none */
	size_t setup_header_size; /* bytes of it inside the file */
	uint32_t code32_start;    /* guest physical, of the 32-bit entry */
};

enum image_verdict {
	IMAGE_FITS,
	IMAGE_OTHER,  /* not of this format: try the next */
	IMAGE_BROKEN, /* of this format, but unusable: no other may have it */
};

/* One phrase that says why, to stand behind the format's name and a colon. */
struct image_reason {
	char text[480];
};

/* Sets the reason and returns the verdict, so that a refusal is one statement. */
__attribute__((format(printf, 3, 4))) enum image_verdict
image_refuse(struct image_reason *why, enum image_verdict verdict, const char *format, ...);

/* Little-endian fields of the file; the caller has checked that they lie inside it. */
uint16_t image_le16(const struct image_bytes *file, size_t offset);
uint32_t image_le32(const struct image_bytes *file, size_t offset);
uint64_t image_le64(const struct image_bytes *file, size_t offset);

/* The formats. Each fills *plan (all zero before) or *why. */
enum image_verdict image_linux_plan(const struct image_bytes *file, struct image_plan *plan,
				    struct image_reason *why);
enum image_verdict image_multiboot_plan(const struct image_bytes *file, struct image_plan *plan,
					struct image_reason *why);
enum image_verdict image_multiboot2_plan(const struct image_bytes *file, struct image_plan *plan,
					 struct image_reason *why);
enum image_verdict image_elf_enter_plan(const struct image_bytes *file, struct image_plan *plan,
					struct image_reason *why);
enum image_verdict image_flat_plan(const struct image_bytes *file, struct image_plan *plan,
				   struct image_reason *why);

/* What both Multiboots share: a file loaded by addresses that its header, at offset at, gives. */
struct image_addresses {
	uint32_t header, load, load_end, bss_end, entry;
};

enum image_verdict image_addresses_plan(const struct image_bytes *file, size_t at,
					const struct image_addresses *a, struct image_plan *plan,
					struct image_reason *why);

/* What image_elf_enter and Multiboot share: segments, entry and notes of an ELF executable. */
bool image_elf_has_magic(const struct image_bytes *file);
bool image_elf_is_64(const struct image_bytes *file); /* asked of what has the magic */
enum image_verdict image_elf_plan(const struct image_bytes *file, struct image_plan *plan,
				  struct image_reason *why);

/* Adds to *notes what the notes in `size` bytes at offset say, as far as they lie in the file. */
void image_elf_read_notes(const struct image_bytes *file, uint64_t offset, uint64_t size,
			  uint64_t align, struct image_notes *notes);

/* Whether the image starts with the page tables of boot.h. */
static inline bool image_is_paged(const struct image_plan *plan)
{
	return plan->mode == IMAGE_LONG_MODE || plan->mode == IMAGE_LINUX64;
}

/* Whether the plan can be carried out in this RAM; if not, *why says what is in the way. */
bool image_place_check(const struct image_plan *plan, const struct ram *ram,
		       struct image_reason *why);

/* Carries out a checked plan: bytes copied, the rest of each segment zeroed. */
void image_place_segments(const struct image_plan *plan, const struct image_bytes *file,
			  const struct ram *ram);

/* The first page behind the image, at 1 MiB at least; above it, low RAM is free. */
uint64_t image_place_end(const struct image_plan *plan);

/*
 * A page for GDT and boot information, `size` bytes, that no segment touches; boot.h says
 * where. *end, from image_place_end, moves up if it lies there. 0 if there is no room.
 */
uint64_t image_place_tables(const struct image_plan *plan, const struct ram *ram, uint64_t size,
			    uint64_t *end);

#ifdef __cplusplus
}
#endif

#endif
