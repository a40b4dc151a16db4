// SPDX-License-Identifier: BSD-2-Clause
// Loads a guest image, its modules and its command line into guest RAM.
// Not the command line parser, and no symbols: its answer is the boot processor's first state.
#ifndef VMM_IMAGE_H
#define VMM_IMAGE_H

#include <stddef.h>

#include "vmm/boot.h"
#include "vmm/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Formats, tried in this order:
 * - Linux: a bzImage of boot protocol 2.02 or newer. Entered in 64-bit mode, 200h behind its load
 *   address, if its header offers that (XLF_KERNEL_64), else in 32-bit protected mode; RSI leads to
 *   boot_params. A relocatable kernel goes to its preferred address, aligned as it wants; another
 *   to 1 MiB. Up to init_size behind where it will run memory is zeroed and kept free.
 * - multiboot: a Multiboot 1 header with a right checksum in the first 8192 bytes. With header flag
 *   bit 16 the file is loaded by the header's addresses (whatever the file is besides), else by its
 *   ELF program headers, which may be ELF32 for the 386 or ELF64 for x86-64. Entered in 32-bit
 *   protected mode, an ELF64 file too: the header is a promise about the entry state (GRUB keeps
 *   it, QEMU refuses such files). Flag bits 0 and 1 are always honoured, bit 2 (video mode) by
 *   telling of the text screen, the other bits of 15:0 are refused.
 * - multiboot2: a Multiboot 2 header for i386 with a right checksum in the first 32768 bytes.
 *   Loaded by its address tag or as ELF, entered as by Multiboot 1. A relocatable image stays where
 *   it is linked to if its tag allows that, else goes to the lowest place that the tag allows. What
 *   is required, information or tag, and cannot be had here is refused by name.
 * - ELF: a static x86 executable without such a header. With a note XEN_ELFNOTE_PHYS32_ENTRY it is
 *   entered there by the PVH protocol, 32-bit protected mode with EBX to hvm_start_info. A Linux
 *   vmlinux without it, known by its note "Linux", is entered at e_entry by Linux's 64-bit or
 *   32-bit boot protocol. Other ELF64 files are entered in 64-bit mode, other ELF32 files refused.
 * - flat binary: what begins like no file format known here. Loaded at IMAGE_FLAT_START, entered at
 *   its first byte in 64-bit mode, as a plain ELF64 image is.
 *
 * ELF images go to their p_paddr, and are entered at e_entry, translated if that is a virtual
 * address of a segment. No segment may overlap another, leave RAM or touch A0000h-FFFFFh; in 64-bit
 * mode none may touch BOOT_TABLES_START..BOOT_TABLES_END, and the entry must lie below 4 GiB. All
 * of an image that starts without paging lies below 4 GiB. Modules follow the image's last byte
 * below 4 GiB (at 1 MiB or higher), each at the start of a page, in their order. Linux alone takes
 * them as one initrd, one behind the other at multiples of 4 bytes, as high as its header allows,
 * above 4 GiB only if they do not fit below. Every image that is not told by another protocol of
 * its own gets the Multiboot information structure; boot.h says where.
 */
#define IMAGE_FLAT_START RAM_ONE_MEGABYTE

/* The largest image file that is read; the rest of a module's limit is the guest's RAM. */
#define IMAGE_SIZE_MAX (UINT64_C(1) << 30)

/* What to load: the file at the path `name`, or bytes, if not NULL, under that name. */
struct image_file {
	const char *name;
	const void *bytes;
	size_t size;
};

struct image_request {
	struct image_file image;
	const char *append; /* -append; NULL or empty for none */
	char *const *args;  /* after "--" */
	size_t arg_count;
	const struct image_file *modules; /* -initrd, in order */
	size_t module_count;
	/* Guest physical address of ACPI's RSDP; 0: none. It stands in RAM before image_load, since
	 * Multiboot 2 has a copy of it, and in no place that the loader may use. */
	uint64_t rsdp;
	bool text_screen; /* the machine has VGA text memory, 80x25 at B8000h */
};

enum image_error_kind {
	IMAGE_UNREADABLE, /* a file cannot be read: exit status 66 */
	IMAGE_BAD,        /* it was read, but cannot be booted with this RAM: exit status 65 */
};

struct image_error {
	enum image_error_kind kind;
	char text[2048]; /* what failed, why, and what would do; lines with no newline at the end */
};

/*
 * Loads the image into RAM, which is fresh or holds what does not matter, and sets *state to what
 * the boot processor starts with. 0, or -1 with *error filled and RAM in any state. The command
 * line is the image's name, then append, then args, with single spaces between; Linux and PVH
 * images get no name, and a line that is longer than a Linux kernel takes is refused.
 */
int image_load(const struct image_request *request, struct ram *ram, struct boot_state *state,
	       struct image_error *error);

#ifdef __cplusplus
}
#endif

#endif
