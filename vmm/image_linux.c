// SPDX-License-Identifier: BSD-2-Clause
// The format Linux: a bzImage by the 64-bit boot protocol, or by the 32-bit one where it lacks
// that. Not boot_params: linux_params.c writes it. Real-mode code in the file is passed over.
#include <inttypes.h>
#include <string.h>

#include "vmm/image_format.h"

/* "The Linux/x86 Boot Protocol", 1.2: offsets into the file, and who has them from when on. */
enum {
	SETUP_SECTS = 0x1F1,
	SYSSIZE = 0x1F4, /* in 16 bytes, from 2.04 on in 4 bytes */
	BOOT_FLAG = 0x1FE,
	JUMP_LENGTH = 0x201,
	HEADER_MAGIC = 0x202, /* and where the jump is counted from */
	VERSION = 0x206,
	LOADFLAGS = 0x211,
	CODE32_START = 0x214,
	INITRD_ADDR_MAX = 0x22C,  /* 2.03 */
	KERNEL_ALIGNMENT = 0x230, /* 2.05 */
	RELOCATABLE = 0x234,      /* 2.05 */
	XLOADFLAGS = 0x236,       /* 2.12 */
	CMDLINE_SIZE = 0x238,     /* 2.06 */
	PREF_ADDRESS = 0x258,     /* 2.10 */
	INIT_SIZE = 0x260,        /* 2.10 */

	HEADER_END_LEAST = 0x22C, /* of 2.02 */
	SECTOR = 512,
	SETUP_SECTS_DEFAULT = 4,
};

#define LOADED_HIGH             0x01
#define XLF_KERNEL_64           0x01
#define XLF_ABOVE_4G            0x02
#define ENTRY_64                0x200 /* from the load address */

#define CMDLINE_SIZE_BEFORE     255
#define INITRD_ADDR_MAX_BEFORE  UINT32_C(0x37FFFFFF)
#define RUNTIME_START_OTHERWISE RAM_ONE_MEGABYTE

/* The header's fields with their defaults in place of those that its version lacks. */
struct setup {
	uint16_t version;
	uint64_t size;    /* of the real-mode part, which the kernel follows in the file */
	uint64_t syssize; /* bytes of kernel at least; 0: not said */
	uint32_t code32_start, alignment, initrd_max, command_line_max, init_size;
	uint64_t preferred;
	bool relocatable, wide, above_4g;
};

static void read_setup(const struct image_bytes *file, struct setup *s)
{
	uint16_t xloadflags = 0;

	*s = (struct setup){
		.version = image_le16(file, VERSION),
		.code32_start = image_le32(file, CODE32_START),
		.initrd_max = INITRD_ADDR_MAX_BEFORE,
		.command_line_max = CMDLINE_SIZE_BEFORE,
		.preferred = RUNTIME_START_OTHERWISE,
	};
	s->size = file->bytes[SETUP_SECTS] ? file->bytes[SETUP_SECTS] : SETUP_SECTS_DEFAULT;
	s->size = (s->size + 1) * SECTOR;
	if (s->version >= 0x203)
		s->initrd_max = image_le32(file, INITRD_ADDR_MAX);
	if (s->version >= 0x204)
		s->syssize = (uint64_t)image_le32(file, SYSSIZE) * 16;
	if (s->version >= 0x205) {
		s->relocatable = file->bytes[RELOCATABLE] != 0;
		s->alignment = image_le32(file, KERNEL_ALIGNMENT);
	}
	if (s->version >= 0x206)
		s->command_line_max = image_le32(file, CMDLINE_SIZE);
	if (s->version >= 0x20A) {
		s->init_size = image_le32(file, INIT_SIZE);
		if (image_le64(file, PREF_ADDRESS) > RAM_ONE_MEGABYTE)
			s->preferred = image_le64(file, PREF_ADDRESS);
	}
	if (s->version >= 0x20C)
		xloadflags = image_le16(file, XLOADFLAGS);
	s->wide = xloadflags & XLF_KERNEL_64;
	s->above_4g = xloadflags & XLF_ABOVE_4G;
}

static enum image_verdict check_file(const struct image_bytes *file, struct image_reason *why)
{
	uint16_t version;

	if (file->size < VERSION || memcmp(file->bytes + HEADER_MAGIC, "HdrS", 4) != 0)
		return image_refuse(why, IMAGE_OTHER, "no Linux setup header (HdrS) at 202h");
	if (image_le16(file, BOOT_FLAG) != 0xAA55)
		return image_refuse(why, IMAGE_BROKEN,
				    "a Linux setup header without the boot flag AA55h at 1FEh");
	/* The smallest real-mode part, two sectors, holds the whole header. */
	if (file->size < 2 * SECTOR)
		return image_refuse(why, IMAGE_BROKEN,
				    "truncated: %zu bytes, and the setup alone has 1024 at least",
				    file->size);
	version = image_le16(file, VERSION);
	if (version < 0x202)
		return image_refuse(why, IMAGE_BROKEN,
				    "a Linux kernel of boot protocol %u.%02u; 2.02 (Linux 2.4.0) "
				    "is the oldest that is understood",
				    version >> 8, version & 0xFFu);
	if (HEADER_MAGIC + file->bytes[JUMP_LENGTH] < HEADER_END_LEAST)
		return image_refuse(why, IMAGE_BROKEN,
				    "its setup header ends at %Xh, before the command line's "
				    "pointer",
				    HEADER_MAGIC + file->bytes[JUMP_LENGTH]);
	if (!(file->bytes[LOADFLAGS] & LOADED_HIGH))
		return image_refuse(why, IMAGE_BROKEN,
				    "a Linux zImage, which runs below 1 MiB from real mode; build "
				    "a bzImage");
	return IMAGE_FITS;
}

static enum image_verdict check_setup(const struct image_bytes *file, const struct setup *s,
				      struct image_reason *why)
{
	uint64_t kernel = file->size > s->size ? file->size - s->size : 0;

	/* The last unit of 16 bytes need not be whole. */
	if (kernel == 0 || (kernel + 15) / 16 * 16 < s->syssize)
		return image_refuse(why, IMAGE_BROKEN,
				    "truncated: its setup has %" PRIu64
				    " bytes and its kernel %" PRIu64 ", the file %zu",
				    s->size, s->syssize, file->size);
	if (s->relocatable && (s->alignment == 0 || (s->alignment & (s->alignment - 1)) != 0))
		return image_refuse(why, IMAGE_BROKEN,
				    "its kernel alignment %" PRIX32 "h is no power of two",
				    s->alignment);
	if (s->preferred >= RAM_HIGH_START)
		return image_refuse(why, IMAGE_BROKEN,
				    "its preferred address %" PRIX64
				    "h lies above 4 GiB, out of reach for it when it starts",
				    s->preferred);
	return IMAGE_FITS;
}

/*
 * "The Linux/x86 Boot Protocol", init_size: where it will run and how much it uses there before it
 * has seen the memory map. A kernel that is not relocatable is loaded to 1 MiB and moves itself.
 */
static void plan_memory(const struct setup *s, struct image_plan *plan,
			struct image_segment *segment)
{
	uint64_t mask = s->relocatable ? (uint64_t)s->alignment - 1 : 0;
	uint64_t run = (s->preferred + mask) & ~mask;
	uint64_t load = s->relocatable ? run : RAM_ONE_MEGABYTE;
	uint64_t run_end = run + s->init_size;

	segment->gpa = load;
	segment->memory_size = segment->file_size;
	if (run_end > load + segment->file_size)
		segment->memory_size = run_end - load;
	plan->code32_start = (uint32_t)(load + (s->code32_start - RAM_ONE_MEGABYTE));
	plan->entry = s->wide ? load + ENTRY_64 : plan->code32_start;
}

enum image_verdict image_linux_plan(const struct image_bytes *file, struct image_plan *plan,
				    struct image_reason *why)
{
	struct setup s;
	enum image_verdict verdict = check_file(file, why);

	if (verdict != IMAGE_FITS)
		return verdict;
	read_setup(file, &s);
	verdict = check_setup(file, &s, why);
	if (verdict != IMAGE_FITS)
		return verdict;
	plan->segments[0].file_offset = s.size;
	plan->segments[0].file_size = file->size - s.size;
	plan->segment_count = 1;
	plan_memory(&s, plan, &plan->segments[0]);
	plan->mode = s.wide ? IMAGE_LINUX64 : IMAGE_LINUX32;
	plan->setup_header_size = HEADER_MAGIC + file->bytes[JUMP_LENGTH] - SETUP_SECTS;
	plan->setup_header = SETUP_SECTS;
	plan->command_line_limited = true;
	plan->command_line_max = s.command_line_max;
	plan->initrd_max = s.initrd_max;
	plan->initrd_above_4g = s.wide && s.above_4g;
	return IMAGE_FITS;
}
