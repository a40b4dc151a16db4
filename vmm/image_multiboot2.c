// SPDX-License-Identifier: BSD-2-Clause
// The format Multiboot 2: finds the header, reads its tags and follows them.
// Not the information that the image is handed: multiboot2_info.c writes that.
#include <inttypes.h>
#include <string.h>

#include "vmm/image_format.h"
#include "vmm/multiboot2_info.h"

#define HEADER_MAGIC      UINT32_C(0xE85250D6)
#define LOAD_WHOLE_FILE   UINT32_C(0xFFFFFFFF) /* as the load address */
#define ARCHITECTURE_I386 0

/* Multiboot2 Specification 2.0, 3.1: fields of the header and of its tags, in bytes. */
enum {
	HEADER_SEARCHED = 32768,
	HEADER_ARCHITECTURE = 4,
	HEADER_LENGTH = 8,
	HEADER_CHECKSUM = 12,
	HEADER_SIZE = 16,

	TAG_FLAGS = 2,
	TAG_SIZE = 4,
	TAG_HEAD = 8,
	TAG_OPTIONAL = 1, /* in its flags */

	TAG_END = 0,
	TAG_INFORMATION = 1,
	TAG_ADDRESS = 2,
	TAG_ENTRY = 3,
	TAG_CONSOLE = 4,
	TAG_FRAMEBUFFER = 5,
	TAG_MODULE_ALIGN = 6,
	TAG_EFI_BOOT_SERVICES = 7,
	TAG_EFI32_ENTRY = 8,
	TAG_EFI64_ENTRY = 9,
	TAG_RELOCATABLE = 10,

	CONSOLE_REQUIRED = 1, /* in the console tag's flags */
};

/* The tags that matter here, as offsets into the file; 0: there is none. */
struct header {
	size_t at, address, entry, relocatable;
};

static size_t searched(const struct image_bytes *file)
{
	return file->size < HEADER_SEARCHED ? file->size : HEADER_SEARCHED;
}

/* bad: the last one with a wrong checksum, or SIZE_MAX. */
static bool find_header(const struct image_bytes *file, size_t *at, size_t *bad)
{
	*bad = SIZE_MAX;
	for (*at = 0; *at + HEADER_SIZE <= searched(file); *at += 8) {
		uint32_t sum = 0;

		if (image_le32(file, *at) != HEADER_MAGIC)
			continue;
		for (size_t field = 0; field < HEADER_SIZE; field += 4)
			sum += image_le32(file, *at + field);
		if (sum == 0)
			return true;
		*bad = *at;
	}
	return false;
}

static const char *information_name(uint32_t type)
{
	static const char *const names[] = {
		[1] = "the command line",
		[2] = "the boot loader's name",
		[3] = "modules",
		[4] = "basic memory information",
		[5] = "the BIOS boot device",
		[6] = "the memory map",
		[7] = "VBE information",
		[8] = "framebuffer information",
		[9] = "ELF sections",
		[10] = "the APM table",
		[11] = "the EFI 32-bit system table",
		[12] = "the EFI 64-bit system table",
		[13] = "SMBIOS tables",
		[14] = "the old RSDP",
		[15] = "the new RSDP",
		[16] = "networking information",
		[17] = "the EFI memory map",
		[18] = "EFI boot services",
		[19] = "the EFI 32-bit image handle",
		[20] = "the EFI 64-bit image handle",
		[21] = "the load base",
	};

	return type < sizeof(names) / sizeof(names[0]) && names[type]
		       ? names[type]
		       : "what the specification does not name";
}

/* All that may be there; whether this machine has a screen and an RSDP, image_handover.c knows. */
static bool may_inform(uint32_t type)
{
	switch (type) {
	case MULTIBOOT2_COMMAND_LINE:
	case MULTIBOOT2_LOADER_NAME:
	case MULTIBOOT2_MODULE:
	case MULTIBOOT2_MEMORY:
	case MULTIBOOT2_MAP:
	case MULTIBOOT2_FRAMEBUFFER:
	case MULTIBOOT2_RSDP_OLD:
	case MULTIBOOT2_RSDP_NEW:
	case MULTIBOOT2_LOAD_BASE: return true;
	default: return false;
	}
}

static enum image_verdict read_information(const struct image_bytes *file, size_t at, uint32_t size,
					   struct image_plan *plan, struct image_reason *why)
{
	for (size_t i = TAG_HEAD; i + 4 <= size; i += 4) {
		uint32_t type = image_le32(file, at + i);

		if (!may_inform(type))
			return image_refuse(why, IMAGE_BROKEN,
					    "its header requires %s (information tag %" PRIu32
					    "), which is not provided here",
					    information_name(type), type);
		plan->needs_screen |= type == MULTIBOOT2_FRAMEBUFFER;
		plan->needs_rsdp |= type == MULTIBOOT2_RSDP_OLD || type == MULTIBOOT2_RSDP_NEW;
	}
	return IMAGE_FITS;
}

/* The size that a tag must have at least for the fields that are read of it. */
static uint32_t tag_least(uint16_t type)
{
	switch (type) {
	case TAG_ADDRESS:
	case TAG_RELOCATABLE: return TAG_HEAD + 16;
	case TAG_ENTRY:
	case TAG_CONSOLE: return TAG_HEAD + 4;
	default: return TAG_HEAD;
	}
}

/* A framebuffer's mode is a wish, modules are aligned anyway, EFI tags are for EFI's loaders. */
static enum image_verdict read_tag(const struct image_bytes *file, size_t at, struct header *header,
				   struct image_plan *plan, struct image_reason *why)
{
	uint16_t type = image_le16(file, at);
	uint32_t size = image_le32(file, at + TAG_SIZE);
	bool required = !(image_le16(file, at + TAG_FLAGS) & TAG_OPTIONAL);

	switch (type) {
	case TAG_ADDRESS: header->address = at; return IMAGE_FITS;
	case TAG_ENTRY: header->entry = at; return IMAGE_FITS;
	case TAG_RELOCATABLE: header->relocatable = at; return IMAGE_FITS;
	case TAG_INFORMATION:
		return required ? read_information(file, at, size, plan, why) : IMAGE_FITS;
	case TAG_CONSOLE:
		plan->needs_screen |=
			required && (image_le32(file, at + TAG_HEAD) & CONSOLE_REQUIRED);
		return IMAGE_FITS;
	case TAG_FRAMEBUFFER:
	case TAG_MODULE_ALIGN:
	case TAG_EFI_BOOT_SERVICES:
	case TAG_EFI32_ENTRY:
	case TAG_EFI64_ENTRY: return IMAGE_FITS;
	default: break;
	}
	if (!required)
		return IMAGE_FITS;
	return image_refuse(why, IMAGE_BROKEN,
			    "its header requires tag %u, which is not known here", type);
}

static enum image_verdict read_tags(const struct image_bytes *file, size_t end,
				    struct header *header, struct image_plan *plan,
				    struct image_reason *why)
{
	size_t at = header->at + HEADER_SIZE;

	while (at < end && end - at >= TAG_HEAD) {
		uint16_t type = image_le16(file, at);
		uint32_t size = image_le32(file, at + TAG_SIZE);
		enum image_verdict verdict;

		if (size < tag_least(type) || size > end - at)
			return image_refuse(why, IMAGE_BROKEN,
					    "its header's tag %u at offset %zu has a size of "
					    "%" PRIu32 " bytes; from %" PRIu32 " to %zu would do",
					    type, at, size, tag_least(type), end - at);
		if (type == TAG_END)
			return IMAGE_FITS;
		verdict = read_tag(file, at, header, plan, why);
		if (verdict != IMAGE_FITS)
			return verdict;
		at += ((size_t)size + 7) / 8 * 8;
	}
	return image_refuse(why, IMAGE_BROKEN, "its header at offset %zu has no end tag",
			    header->at);
}

static enum image_verdict read_header(const struct image_bytes *file, struct header *header,
				      struct image_plan *plan, struct image_reason *why)
{
	uint32_t architecture, length;
	size_t bad;

	if (!find_header(file, &header->at, &bad)) {
		if (bad == SIZE_MAX)
			return image_refuse(why, IMAGE_OTHER,
					    "no Multiboot 2 header in the first %d bytes",
					    HEADER_SEARCHED);
		return image_refuse(why, IMAGE_OTHER,
				    "the Multiboot 2 header at offset %zu has a wrong checksum: "
				    "its four fields must add up to 0",
				    bad);
	}
	architecture = image_le32(file, header->at + HEADER_ARCHITECTURE);
	length = image_le32(file, header->at + HEADER_LENGTH);
	if (architecture != ARCHITECTURE_I386)
		return image_refuse(why, IMAGE_BROKEN,
				    "its header is for architecture %" PRIu32 "%s; only 0 (i386) "
				    "can run here",
				    architecture, architecture == 4 ? " (MIPS)" : "");
	if (length > searched(file) - header->at)
		return image_refuse(why, IMAGE_BROKEN,
				    "its header at offset %zu has %" PRIu32
				    " bytes, and does not end in the file's first %zu",
				    header->at, length, searched(file));
	return read_tags(file, header->at + length, header, plan, why);
}

static enum image_verdict plan_by_addresses(const struct image_bytes *file,
					    const struct header *header, struct image_plan *plan,
					    struct image_reason *why)
{
	size_t at = header->address + TAG_HEAD;
	struct image_addresses a = {
		.header = image_le32(file, at),
		.load = image_le32(file, at + 4),
		.load_end = image_le32(file, at + 8),
		.bss_end = image_le32(file, at + 12),
	};

	if (!header->entry)
		return image_refuse(why, IMAGE_BROKEN,
				    "its header has an address tag, but no entry address tag");
	if (a.load == LOAD_WHOLE_FILE && a.header >= header->at)
		a.load = a.header - (uint32_t)header->at;
	a.entry = image_le32(file, header->entry + TAG_HEAD);
	return image_addresses_plan(file, header->at, &a, plan, why);
}

static enum image_verdict plan_by_elf(const struct image_bytes *file, const struct header *header,
				      struct image_plan *plan, struct image_reason *why)
{
	enum image_verdict verdict;

	if (!image_elf_has_magic(file))
		return image_refuse(why, IMAGE_BROKEN,
				    "its header has no address tag, and it is no ELF file that "
				    "would give addresses");
	verdict = image_elf_plan(file, plan, why);
	if (verdict == IMAGE_FITS && header->entry)
		plan->entry = image_le32(file, header->entry + TAG_HEAD);
	return verdict;
}

/* Where the image is linked to, if that is allowed, else the lowest place from 1 MiB that is. */
static enum image_verdict relocate(const struct image_bytes *file, const struct header *header,
				   struct image_plan *plan, struct image_reason *why)
{
	size_t at = header->relocatable + TAG_HEAD;
	uint64_t least = image_le32(file, at), most = image_le32(file, at + 4);
	uint64_t align = image_le32(file, at + 8) ? image_le32(file, at + 8) : 1;
	uint64_t first = UINT64_MAX, end = 0, to;

	for (unsigned i = 0; i < plan->segment_count; i++) {
		const struct image_segment *segment = &plan->segments[i];

		if (segment->gpa < first)
			first = segment->gpa;
		if (segment->gpa + segment->memory_size > end)
			end = segment->gpa + segment->memory_size;
	}
	to = first;
	if (first < least || end - 1 > most || first % align != 0) {
		to = least < RAM_ONE_MEGABYTE ? RAM_ONE_MEGABYTE : least;
		to = (to + align - 1) / align * align;
	}
	if (to > most || end - first - 1 > most - to)
		return image_refuse(why, IMAGE_BROKEN,
				    "its %" PRIu64 " bytes do not fit between %" PRIX64
				    "h and %" PRIX64 "h, where it is relocatable to",
				    end - first, least, most);
	for (unsigned i = 0; i < plan->segment_count; i++)
		plan->segments[i].gpa += to - first;
	plan->entry += to - first;
	plan->load_base = (uint32_t)to;
	return IMAGE_FITS;
}

enum image_verdict image_multiboot2_plan(const struct image_bytes *file, struct image_plan *plan,
					 struct image_reason *why)
{
	struct header header = {0};
	enum image_verdict verdict = read_header(file, &header, plan, why);

	if (verdict != IMAGE_FITS)
		return verdict;
	plan->mode = IMAGE_MULTIBOOT2;
	if (header.address)
		verdict = plan_by_addresses(file, &header, plan, why);
	else
		verdict = plan_by_elf(file, &header, plan, why);
	if (verdict == IMAGE_FITS && header.relocatable)
		verdict = relocate(file, &header, plan, why);
	return verdict;
}
