// SPDX-License-Identifier: BSD-2-Clause
// The format ELF64: a static x86-64 executable that is entered in 64-bit mode.
// An ELF64 file with a Multiboot header is not of this format: image_multiboot.c has it first.
#include "vmm/image_format.h"

enum image_verdict image_elf64_plan(const struct image_bytes *file, struct image_plan *plan,
				    struct image_reason *why)
{
	if (!image_elf_has_magic(file))
		return image_refuse(why, IMAGE_OTHER, "does not begin as an ELF file");
	if (!image_elf_is_64(file))
		return image_refuse(why, IMAGE_OTHER,
				    "an ELF file, but not of 64 bits; it needs a Multiboot header "
				    "that says how to enter it");
	plan->mode = IMAGE_LONG_MODE;
	return image_elf_plan(file, plan, why);
}
