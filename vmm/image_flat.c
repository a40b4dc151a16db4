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

#define PACKED(kind) "packed with " kind ", a kernel or an initrd; unpack a kernel first"
#define CPIO         "a cpio archive: an initrd, which goes beside a kernel as -initrd"

/* The first that matches names the file: what else begins so stands before a general kind. */
static const struct magic magics[] = {
	{0x38, 4, "ARM\x64", "a Linux arm64 Image; this machine is an x86-64 PC"},
	{0x38, 4, "RSC\x05", "a Linux RISC-V Image; this machine is an x86-64 PC"},
	{0x24, 4, "\x18\x28\x6F\x01", "a Linux ARM zImage; this machine is an x86-64 PC"},
	{0, 4, "\x27\x05\x19\x56", "a U-Boot uImage; give the kernel that is packed in it"},
	{0, 4, "\xD0\x0D\xFE\xED", "a device tree, or a FIT image for U-Boot"},
	{0, 2, "#!", "begins as a script (#!)"},
	{0, 6, "070701", CPIO},
	{0, 6, "070702", CPIO},
	{0, 6, "070707", CPIO},
	{0, 2, "\xC7\x71", CPIO},
	{0, 2, "\x1F\x8B", PACKED("gzip")},
	{0, 5, "\3757zXZ", PACKED("xz")},
	{0, 4, "\x28\xB5\x2F\xFD", PACKED("zstd")},
	{0, 3, "BZh", PACKED("bzip2")},
	{0, 4, "\x02\x21\x4C\x18", PACKED("lz4")},
	{0, 4, "\x04\x22\x4D\x18", PACKED("lz4")},
	{0, 4, "\x89LZO", PACKED("lzop")},
	{0, 5, "\x5D\0\0\x80\0", PACKED("lzma")},
	{0, 4, "PK\x03\x04", "a zip archive; unpack it first"},
	{0x101, 5, "ustar", "a tar archive; unpack it first"},
	{0, 8, "!<arch>\n", "an archive of object files, or a Debian package; link or unpack it"},
	{0, 4, "hsqs", "a squashfs file system; only kernels can be booted"},
	{0, 4, "QFI\xFB", "a qcow2 disk image; only kernels can be booted"},
	{0x8001, 5, "CD001", "a CD image; only kernels can be booted"},
	{0, 2, "MZ", NULL}, /* name_mz */
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

/* Microsoft PE Format, "MS-DOS Stub": where the PE header is; "Optional Header": its subsystem. */
static const char *name_mz(const struct image_bytes *file)
{
	enum { PE_POINTER = 0x3C, SUBSYSTEM = 0x5C, EFI_FIRST = 10, EFI_LAST = 13 };
	static const char dos[] = "begins as a DOS program (MZ)";
	uint32_t at;

	if (file->size < PE_POINTER + 4)
		return dos;
	at = image_le32(file, PE_POINTER);
	if (file->size < SUBSYSTEM + 2 || at > file->size - SUBSYSTEM - 2 ||
	    memcmp(file->bytes + at, "PE\0\0", 4) != 0)
		return dos;
	if (image_le16(file, at + SUBSYSTEM) >= EFI_FIRST &&
	    image_le16(file, at + SUBSYSTEM) <= EFI_LAST)
		return "an EFI application without the Linux header, which needs EFI firmware";
	return "a Windows program (MZ, PE)";
}

static const char *name_known(const struct image_bytes *file)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (has_magic(file, &magics[i]))
			return magics[i].what ? magics[i].what : name_mz(file);
	return NULL;
}

enum image_verdict image_flat_plan(const struct image_bytes *file, struct image_plan *plan,
				   struct image_reason *why)
{
	const char *known;

	if (file->size == 0)
		return image_refuse(why, IMAGE_OTHER, "the file is empty");
	known = name_known(file);
	if (known)
		return image_refuse(why, IMAGE_OTHER, "%s", known);
	if (is_text(file))
		return image_refuse(why, IMAGE_OTHER, "text, no code");
	plan->segments[0] = (struct image_segment){
		.gpa = IMAGE_FLAT_START, .memory_size = file->size, .file_size = file->size};
	plan->segment_count = 1;
	plan->entry = IMAGE_FLAT_START;
	plan->mode = IMAGE_LONG_MODE;
	return IMAGE_FITS;
}
