// SPDX-License-Identifier: BSD-2-Clause
// The format ELF: a static x86 executable, entered as its notes say, else in 64-bit mode.
// An ELF file with a Multiboot header is not of this format: image_multiboot.c has it first.
#include "vmm/image_format.h"

/* COMMAND_LINE_SIZE of Linux for x86, less the NUL; a vmlinux has no field that says so. */
#define LINUX_COMMAND_LINE_MAX 2047

/* initrd_addr_max of Linux's headers for 32 and for 64 bits. */
#define LINUX32_INITRD_MAX 0x37FFFFFF
#define LINUX64_INITRD_MAX 0x7FFFFFFF

static void enter_linux(struct image_plan *plan, bool wide)
{
	plan->mode = wide ? IMAGE_LINUX64 : IMAGE_LINUX32;
	plan->initrd_max = wide ? LINUX64_INITRD_MAX : LINUX32_INITRD_MAX;
	plan->code32_start = (uint32_t)plan->entry;
}

enum image_verdict image_elf_enter_plan(const struct image_bytes *file, struct image_plan *plan,
					struct image_reason *why)
{
	enum image_verdict verdict;

	if (!image_elf_has_magic(file))
		return image_refuse(why, IMAGE_OTHER, "does not begin as an ELF file");
	verdict = image_elf_plan(file, plan, why);
	if (verdict != IMAGE_FITS)
		return verdict;
	plan->command_line_limited = plan->notes.linux_kernel;
	plan->command_line_max = LINUX_COMMAND_LINE_MAX;
	if (plan->notes.pvh) {
		plan->mode = IMAGE_PVH;
		plan->entry = plan->notes.pvh_entry;
	} else if (plan->notes.linux_kernel) {
		enter_linux(plan, image_elf_is_64(file));
	} else if (image_elf_is_64(file)) {
		plan->mode = IMAGE_LONG_MODE;
	} else {
		return image_refuse(why, IMAGE_BROKEN,
				    "an ELF file of 32 bits; it needs a Multiboot header or a PVH "
				    "note that says how to enter it");
	}
	return IMAGE_FITS;
}
