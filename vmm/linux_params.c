// SPDX-License-Identifier: BSD-2-Clause
// Fills boot_params as "The Linux/x86 Boot Protocol" and "Zero Page" of Linux's documentation say.
// Decides nothing: addresses come in as arguments.
#include "vmm/linux_params.h"

#include <string.h>

#include "vmm/boot_writer.h"
#include "vmm/memory_map.h"

/* Offsets into boot_params. */
enum {
	SCREEN_MODE = 0x06,
	SCREEN_COLUMNS = 0x07,
	SCREEN_EGA_BX = 0x0A,
	SCREEN_LINES = 0x0E,
	SCREEN_IS_VGA = 0x0F,
	SCREEN_POINTS = 0x10,
	ACPI_RSDP = 0x70,
	EXT_RAMDISK_IMAGE = 0xC0,
	EXT_RAMDISK_SIZE = 0xC4,
	E820_ENTRIES = 0x1E8,
	E820_TABLE = 0x2D0,
	E820_ENTRY_SIZE = 20,
	PARAMS_SIZE = 0x1000,

	SETUP_HEADER = 0x1F1,
	SETUP_HEADER_END = 0x290,
	BOOT_FLAG = 0x1FE,
	HEADER_MAGIC = 0x202,
	VERSION = 0x206,
	TYPE_OF_LOADER = 0x210,
	LOADFLAGS = 0x211,
	CODE32_START = 0x214,
	RAMDISK_IMAGE = 0x218,
	RAMDISK_SIZE = 0x21C,
	EXT_LOADER = 0x226, /* version and type, a byte each */
	CMD_LINE_PTR = 0x228,
	SETUP_DATA = 0x250,
};

#define HDRS             UINT32_C(0x53726448) /* the four letters */
#define LOADER_UNDEFINED 0xFF
#define LOADED_HIGH      0x01

uint64_t linux_params_size(const struct ram *ram, const struct boot_content *content)
{
	(void)ram;
	return PARAMS_SIZE + strlen(content->command_line) + 1;
}

/* Colour text mode 3 of a VGA, as its BIOS reports it. */
static void put_screen(uint8_t *params)
{
	params[SCREEN_MODE] = 3;
	params[SCREEN_COLUMNS] = 80;
	boot_put16(params + SCREEN_EGA_BX, 3); /* 256 KiB of colour memory */
	params[SCREEN_LINES] = 25;
	params[SCREEN_IS_VGA] = 1;
	boot_put16(params + SCREEN_POINTS, 16);
}

static void put_header(uint8_t *params, const struct boot_content *content)
{
	size_t size = content->setup_header_size;

	if (!content->setup_header) {
		boot_put16(params + BOOT_FLAG, 0xAA55);
		boot_put32(params + HEADER_MAGIC, HDRS);
		boot_put16(params + VERSION, 0x20F);
	} else {
		if (size > SETUP_HEADER_END - SETUP_HEADER)
			size = SETUP_HEADER_END - SETUP_HEADER;
		memcpy(params + SETUP_HEADER, content->setup_header, size);
	}
	params[TYPE_OF_LOADER] = LOADER_UNDEFINED;
	/* The other flags concern real mode, or are the kernel's own. */
	params[LOADFLAGS] = LOADED_HIGH;
	boot_put32(params + CODE32_START, content->code32_start);
	boot_put16(params + EXT_LOADER, 0);
	boot_put64(params + SETUP_DATA, 0);
}

static void put_ramdisk(uint8_t *params, const struct boot_content *content)
{
	uint64_t start = 0, size = 0;

	if (content->module_count > 0) {
		start = content->modules[0].start;
		size = content->modules[content->module_count - 1].end - start;
	}
	if (size == 0)
		start = 0;
	boot_put32(params + RAMDISK_IMAGE, (uint32_t)start);
	boot_put32(params + RAMDISK_SIZE, (uint32_t)size);
	boot_put32(params + EXT_RAMDISK_IMAGE, (uint32_t)(start >> 32));
	boot_put32(params + EXT_RAMDISK_SIZE, (uint32_t)(size >> 32));
}

static void put_e820(uint8_t *params, const struct ram *ram)
{
	struct memory_region map[MEMORY_REGIONS_MAX];
	unsigned count = memory_map(ram, map);

	params[E820_ENTRIES] = (uint8_t)count;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *at = params + E820_TABLE + (size_t)i * E820_ENTRY_SIZE;

		boot_put64(at, map[i].start);
		boot_put64(at + 8, map[i].length);
		boot_put32(at + 16, map[i].type);
	}
}

bool linux_params_write(const struct ram *ram, uint64_t gpa, const struct boot_content *content)
{
	uint8_t *params = ram_at(ram, gpa, linux_params_size(ram, content));
	struct boot_writer writer;

	if (!params || gpa >= RAM_HIGH_START)
		return false;
	memset(params, 0, PARAMS_SIZE);
	writer = (struct boot_writer){.host = params + PARAMS_SIZE, .gpa = gpa + PARAMS_SIZE};
	put_header(params, content);
	put_ramdisk(params, content);
	boot_put32(params + CMD_LINE_PTR,
		   (uint32_t)boot_put_string(&writer, content->command_line));
	put_e820(params, ram);
	boot_put64(params + ACPI_RSDP, content->rsdp);
	if (content->text_screen)
		put_screen(params);
	return true;
}
