// SPDX-License-Identifier: BSD-2-Clause
// A Multiboot image that is loaded by its header's addresses, whatever the file is besides.
// Not where they stand in the header: image_multiboot.c and image_multiboot2.c know that.
#include <inttypes.h>

#include "vmm/image_format.h"

static enum image_verdict check_addresses(const struct image_addresses *a, size_t at,
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

enum image_verdict image_addresses_plan(const struct image_bytes *file, size_t at,
					const struct image_addresses *a, struct image_plan *plan,
					struct image_reason *why)
{
	struct image_segment segment;
	enum image_verdict verdict = check_addresses(a, at, why);

	if (verdict != IMAGE_FITS)
		return verdict;
	segment.gpa = a->load;
	segment.file_offset = at - (a->header - a->load);
	segment.file_size =
		a->load_end != 0 ? a->load_end - a->load : file->size - segment.file_offset;
	if (segment.file_size > file->size - segment.file_offset)
		return image_refuse(why, IMAGE_BROKEN,
				    "truncated: the header wants %" PRIu64
				    " bytes at offset %" PRIu64 ", the file has %zu",
				    segment.file_size, segment.file_offset, file->size);
	if (a->bss_end != 0 && a->bss_end < segment.gpa + segment.file_size)
		return image_refuse(why, IMAGE_BROKEN,
				    "its bss end %" PRIX32
				    "h lies before the end of what is loaded, "
				    "%" PRIX64 "h",
				    a->bss_end, segment.gpa + segment.file_size);
	segment.memory_size = a->bss_end != 0 ? (uint64_t)a->bss_end - a->load : segment.file_size;
	plan->segments[0] = segment;
	plan->segment_count = 1;
	plan->entry = a->entry;
	return IMAGE_FITS;
}
