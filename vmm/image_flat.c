// SPDX-License-Identifier: BSD-2-Clause
// The format of last resort: a flat binary, code from its first byte on.
// Not for files of a known kind: those are named and refused, not run as if they were code.
#include <string.h>

#include "vmm/image.h"
#include "vmm/image_format.h"

struct magic {
	size_t offset;
	size_t size;
	const char *bytes;
	const char *what;
};

static const struct magic magics[] = {
	{0, 4, "\177ELF", "begins as an ELF file"},
	{0x202, 4, "HdrS", "a Linux kernel (bzImage), which needs a Linux boot loader"},
	{0, 2, "MZ", "begins as a DOS, Windows or UEFI program (MZ)"},
	{0, 2, "#!", "begins as a script (#!)"},
	{0, 2, "\x1F\x8B", "compressed with gzip; unpack it first"},
	{0, 5, "\3757zXZ", "compressed with xz; unpack it first"},
	{0, 4, "\x28\xB5\x2F\xFD", "compressed with zstd; unpack it first"},
	{0, 3, "BZh", "compressed with bzip2; unpack it first"},
	{0, 4, "PK\x03\x04", "a zip archive; unpack it first"},
	{0, 8, "!<arch>\n", "an archive of object files; link them"},
	{0, 4, "QFI\xFB", "a qcow2 disk image; only kernels can be booted"},
	{0x1FE, 2, "\x55\xAA", "a boot sector or disk image, which needs a BIOS"},
};

static bool has_magic(const struct image_bytes *file, const struct magic *magic)
{
	return file->size >= magic->offset + magic->size &&
	       memcmp(file->bytes + magic->offset, magic->bytes, magic->size) == 0;
}

/* Whoever names a README by mistake hears so. Code has other bytes: HLT, IN, OUT, every near CALL.
 */
static bool is_text(const struct image_bytes *file)
{
	size_t looked_at = file->size < 512 ? file->size : 512;

	for (size_t i = 0; i < looked_at; i++) {
		uint8_t c = file->bytes[i];

		if ((c < ' ' || c > '~') && c != '\t' && c != '\n' && c != '\r')
			return false;
	}
	return true;
}

/* Multiboot2 Specification, 3.1: 8-byte aligned in the first 32768 bytes, four fields sum to 0. */
static bool has_multiboot2_header(const struct image_bytes *file)
{
	enum { SEARCHED = 32768, HEADER_SIZE = 16 };

	for (size_t at = 0; at + HEADER_SIZE <= file->size && at + HEADER_SIZE <= SEARCHED;
	     at += 8) {
		uint32_t sum = 0;

		if (image_le32(file, at) != 0xE85250D6)
			continue;
		for (size_t field = 0; field < HEADER_SIZE; field += 4)
			sum += image_le32(file, at + field);
		if (sum == 0)
			return true;
	}
	return false;
}

enum image_verdict image_flat_plan(const struct image_bytes *file, struct image_plan *plan,
				   struct image_reason *why)
{
	if (file->size == 0)
		return image_refuse(why, IMAGE_OTHER, "the file is empty");
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (has_magic(file, &magics[i]))
			return image_refuse(why, IMAGE_OTHER, "%s", magics[i].what);
	if (is_text(file))
		return image_refuse(why, IMAGE_OTHER, "text, no code");
	if (has_multiboot2_header(file))
		return image_refuse(why, IMAGE_OTHER,
				    "has a Multiboot 2 header; only Multiboot 1 is understood");
	plan->segments[0] = (struct image_segment){
		.gpa = IMAGE_FLAT_START, .memory_size = file->size, .file_size = file->size};
	plan->segment_count = 1;
	plan->entry = IMAGE_FLAT_START;
	plan->mode = IMAGE_LONG_MODE;
	return IMAGE_FITS;
}
