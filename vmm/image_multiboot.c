// SPDX-License-Identifier: BSD-2-Clause
// The format Multiboot 1: finds the header and follows it, by its addresses or by ELF headers.
// Not the information structure that the image is handed: multiboot_info.c writes that.
#include <inttypes.h>

#include "vmm/image_format.h"

#define HEADER_MAGIC UINT32_C(0x1BADB002)

/* Multiboot Specification 0.6.96, 3.1: fields of the header, in bytes. */
enum {
	HEADER_SEARCHED = 8192,
	HEADER_FLAGS = 4,
	HEADER_CHECKSUM = 8,
	HEADER_SIZE = 12,
	HEADER_ADDR = 12,
	LOAD_ADDR = 16,
	LOAD_END_ADDR = 20,
	BSS_END_ADDR = 24,
	ENTRY_ADDR = 28,
	HEADER_SIZE_WITH_ADDRESSES = 32,
};

/* Bits 0-2 ask for page-aligned modules, memory information, a video mode; 3-15 are undefined. */
#define FLAGS_UNKNOWN  UINT32_C(0xFFF8)
#define FLAG_ADDRESSES (UINT32_C(1) << 16)

struct addresses {
	uint32_t header, load, load_end, bss_end, entry;
};

static size_t searched(const struct image_bytes *file)
{
	return file->size < HEADER_SEARCHED ? file->size : HEADER_SEARCHED;
}

/* The first good header; if there is none, *bad counts those with a wrong checksum. */
static bool find_header(const struct image_bytes *file, size_t *at, unsigned *bad)
{
	*bad = 0;
	for (*at = 0; *at + HEADER_SIZE <= searched(file); *at += 4) {
		if (image_le32(file, *at) != HEADER_MAGIC)
			continue;
		if (HEADER_MAGIC + image_le32(file, *at + HEADER_FLAGS) +
			    image_le32(file, *at + HEADER_CHECKSUM) ==
		    0)
			return true;
		(*bad)++;
	}
	return false;
}

static enum image_verdict check_addresses(const struct addresses *a, size_t at,
					  struct image_reason *why)
{
	if (a->header < a->load || a->header - a->load > at)
		return image_refuse(why, IMAGE_BROKEN,
				    "the header at offset %zu is to go to %" PRIX32
				    "h, so the load address %" PRIX32 "h is not in the file",
				    at, a->header, a->load);
	if (a->load_end != 0 && a->load_end <= a->load)
		return image_refuse(why, IMAGE_BROKEN,
				    "its load end %" PRIX32 "h is not above its load address "
				    "%" PRIX32 "h",
				    a->load_end, a->load);
	return IMAGE_FITS;
}

static enum image_verdict plan_by_addresses(const struct image_bytes *file, size_t at,
					    struct image_plan *plan, struct image_reason *why)
{
	struct addresses a;
	struct image_segment segment;
	enum image_verdict verdict;

	if (at + HEADER_SIZE_WITH_ADDRESSES > searched(file))
		return image_refuse(why, IMAGE_BROKEN,
				    "the address fields of the header at offset %zu are cut off",
				    at);
	a = (struct addresses){
		.header = image_le32(file, at + HEADER_ADDR),
		.load = image_le32(file, at + LOAD_ADDR),
		.load_end = image_le32(file, at + LOAD_END_ADDR),
		.bss_end = image_le32(file, at + BSS_END_ADDR),
		.entry = image_le32(file, at + ENTRY_ADDR),
	};
	verdict = check_addresses(&a, at, why);
	if (verdict != IMAGE_FITS)
		return verdict;

	segment.gpa = a.load;
	segment.file_offset = at - (a.header - a.load);
	segment.file_size =
		a.load_end != 0 ? a.load_end - a.load : file->size - segment.file_offset;
	if (segment.file_size > file->size - segment.file_offset)
		return image_refuse(why, IMAGE_BROKEN,
				    "truncated: the header wants %" PRIu64
				    " bytes at offset %" PRIu64 ", the file has %zu",
				    segment.file_size, segment.file_offset, file->size);
	if (a.bss_end != 0 && a.bss_end < segment.gpa + segment.file_size)
		return image_refuse(why, IMAGE_BROKEN,
				    "its bss end %" PRIX32
				    "h lies before the end of what is loaded, "
				    "%" PRIX64 "h",
				    a.bss_end, segment.gpa + segment.file_size);
	segment.memory_size = a.bss_end != 0 ? (uint64_t)a.bss_end - a.load : segment.file_size;
	plan->segments[0] = segment;
	plan->segment_count = 1;
	plan->entry = a.entry;
	return IMAGE_FITS;
}

static enum image_verdict plan_by_elf(const struct image_bytes *file, struct image_plan *plan,
				      struct image_reason *why)
{
	if (!image_elf_has_magic(file))
		return image_refuse(why, IMAGE_BROKEN,
				    "its header gives no addresses (flag bit 16), and it is no ELF "
				    "file that would");
	return image_elf_plan(file, plan, why);
}

enum image_verdict image_multiboot_plan(const struct image_bytes *file, struct image_plan *plan,
					struct image_reason *why)
{
	size_t at;
	unsigned bad;
	uint32_t flags;

	if (!find_header(file, &at, &bad))
		return image_refuse(why, IMAGE_OTHER, "no Multiboot header %sin the first %d bytes",
				    bad > 0 ? "with a right checksum " : "", HEADER_SEARCHED);
	flags = image_le32(file, at + HEADER_FLAGS);
	if (flags & FLAGS_UNKNOWN)
		return image_refuse(
			why, IMAGE_BROKEN,
			"its header requires what is not known here (flag bits %04" PRIX32
			"h of %08" PRIX32 "h)",
			flags & FLAGS_UNKNOWN, flags);
	plan->mode = IMAGE_MULTIBOOT;
	if (flags & FLAG_ADDRESSES)
		return plan_by_addresses(file, at, plan, why);
	return plan_by_elf(file, plan, why);
}
