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

static size_t searched(const struct image_bytes *file)
{
	return file->size < HEADER_SEARCHED ? file->size : HEADER_SEARCHED;
}

/* The first good header; if there is none, *bad counts those with a wrong checksum. */
/* bad: the last one with a wrong checksum, or SIZE_MAX. */
static bool find_header(const struct image_bytes *file, size_t *at, size_t *bad)
{
	*bad = SIZE_MAX;
	for (*at = 0; *at + HEADER_SIZE <= searched(file); *at += 4) {
		if (image_le32(file, *at) != HEADER_MAGIC)
			continue;
		if (HEADER_MAGIC + image_le32(file, *at + HEADER_FLAGS) +
			    image_le32(file, *at + HEADER_CHECKSUM) ==
		    0)
			return true;
		*bad = *at;
	}
	return false;
}

static enum image_verdict plan_by_addresses(const struct image_bytes *file, size_t at,
					    struct image_plan *plan, struct image_reason *why)
{
	struct image_addresses a;

	if (at + HEADER_SIZE_WITH_ADDRESSES > searched(file))
		return image_refuse(why, IMAGE_BROKEN,
				    "the address fields of the header at offset %zu are cut off",
				    at);
	a = (struct image_addresses){
		.header = image_le32(file, at + HEADER_ADDR),
		.load = image_le32(file, at + LOAD_ADDR),
		.load_end = image_le32(file, at + LOAD_END_ADDR),
		.bss_end = image_le32(file, at + BSS_END_ADDR),
		.entry = image_le32(file, at + ENTRY_ADDR),
	};
	return image_addresses_plan(file, at, &a, plan, why);
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
	size_t bad;
	uint32_t flags;

	if (!find_header(file, &at, &bad)) {
		if (bad == SIZE_MAX)
			return image_refuse(why, IMAGE_OTHER,
					    "no Multiboot header in the first %d bytes",
					    HEADER_SEARCHED);
		return image_refuse(why, IMAGE_OTHER,
				    "the Multiboot header at offset %zu has a wrong checksum: its "
				    "three fields must add up to 0",
				    bad);
	}
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
