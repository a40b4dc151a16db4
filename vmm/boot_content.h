// SPDX-License-Identifier: BSD-2-Clause
// What an image is told when it starts, whatever its boot protocol.
// Not how: multiboot_info.h, multiboot2_info.h, linux_params.h and pvh_info.h write it to RAM.
#ifndef VMM_BOOT_CONTENT_H
#define VMM_BOOT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The loader's name, where a protocol has a field for it. */
#define BOOT_LOADER_NAME "lapicvm"

/* A module already in guest RAM: start..end-1. Below 4 GiB for all protocols but Linux's. */
struct boot_module {
	uint64_t start;
	uint64_t end;
	const char *string; /* its file name */
};

struct boot_content {
	const char *command_line;
	const struct boot_module *modules;
	size_t module_count;
	uint64_t rsdp;    /* guest physical address of ACPI's RSDP; 0: none */
	bool text_screen; /* VGA text, 80x25 at B8000h */
	/* Multiboot 2: where a relocatable image went; 0: it is not relocatable. */
	uint32_t load_base;
	/* Linux: the image's setup header from 1F1h on, perhaps longer than boot_params has room;
	 * NULL if it has none; and its 32-bit entry. */
	const uint8_t *setup_header;
	size_t setup_header_size;
	uint32_t code32_start;
};

#endif
