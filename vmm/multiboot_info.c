// SPDX-License-Identifier: BSD-2-Clause
// Lays out the Multiboot 1 information in guest RAM (Multiboot Specification 0.6.96, 3.3).
// Reads no file and places no module: addresses come in as arguments.
#include "vmm/multiboot_info.h"

#include <string.h>

#include "vmm/boot_writer.h"
#include "vmm/memory_map.h"

/* The fields' offsets, in bytes, and the bits of the first that say which others are valid. */
enum {
	INFO_FLAGS = 0,
	INFO_MEM_LOWER = 4, /* KiB from 0 */
	INFO_MEM_UPPER = 8, /* KiB from 1 MiB to the first hole */
	INFO_COMMAND_LINE = 16,
	INFO_MODS_COUNT = 20,
	INFO_MODS_ADDR = 24,
	INFO_MMAP_LENGTH = 44,
	INFO_MMAP_ADDR = 48,
	INFO_LOADER_NAME = 64,
	INFO_FRAMEBUFFER = 88,
	INFO_PITCH = 96, /* bytes a line */
	INFO_WIDTH = 100,
	INFO_HEIGHT = 104,
	INFO_BITS = 108,
	INFO_FRAMEBUFFER_TYPE = 109,
	INFO_SIZE = 116,

	MODULE_SIZE = 16,
	REGION_SIZE = 24,

	FLAG_MEMORY = 1 << 0,
	FLAG_COMMAND_LINE = 1 << 2,
	FLAG_MODULES = 1 << 3,
	FLAG_MMAP = 1 << 6,
	FLAG_LOADER_NAME = 1 << 9,
	FLAG_FRAMEBUFFER = 1 << 12,

	EGA_TEXT = 2,
};

#define TEXT_MEMORY 0xB8000

uint64_t multiboot_info_size(const struct ram *ram, const struct boot_content *content)
{
	struct memory_region map[MEMORY_REGIONS_MAX];
	uint64_t size = INFO_SIZE + REGION_SIZE * (uint64_t)memory_map(ram, map);

	/* Sums of lengths of objects that all exist in memory at once: they cannot wrap. */
	size += MODULE_SIZE * (uint64_t)content->module_count;
	for (size_t i = 0; i < content->module_count; i++)
		size += strlen(content->modules[i].string) + 1;
	size += strlen(content->command_line) + 1;
	return size + sizeof(BOOT_LOADER_NAME);
}

static void put_map(uint8_t *info, struct boot_writer *writer, const struct ram *ram)
{
	struct memory_region map[MEMORY_REGIONS_MAX];
	unsigned count = memory_map(ram, map);

	boot_put32(info + INFO_MMAP_LENGTH, count * REGION_SIZE);
	boot_put32(info + INFO_MMAP_ADDR, (uint32_t)writer->gpa);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *at = boot_take(writer, REGION_SIZE).host;

		/* The size field does not count itself. */
		boot_put32(at, REGION_SIZE - sizeof(uint32_t));
		boot_put64(at + 4, map[i].start);
		boot_put64(at + 12, map[i].length);
		boot_put32(at + 20, map[i].type);
	}
}

static void put_modules(uint8_t *info, struct boot_writer *writer,
			const struct boot_content *content)
{
	struct boot_writer list = boot_take(writer, MODULE_SIZE * content->module_count);

	boot_put32(info + INFO_MODS_COUNT, (uint32_t)content->module_count);
	boot_put32(info + INFO_MODS_ADDR, (uint32_t)list.gpa);
	for (size_t i = 0; i < content->module_count; i++) {
		uint8_t *at = boot_take(&list, MODULE_SIZE).host;

		boot_put32(at, (uint32_t)content->modules[i].start);
		boot_put32(at + 4, (uint32_t)content->modules[i].end);
		boot_put32(at + 8, (uint32_t)boot_put_string(writer, content->modules[i].string));
		boot_put32(at + 12, 0);
	}
}

/* A header that requires a video mode, by its flag bit 2, may be given text whatever it prefers. */
static void put_text_screen(uint8_t *info)
{
	boot_put64(info + INFO_FRAMEBUFFER, TEXT_MEMORY);
	boot_put32(info + INFO_PITCH, 160);
	boot_put32(info + INFO_WIDTH, 80);
	boot_put32(info + INFO_HEIGHT, 25);
	info[INFO_BITS] = 16;
	info[INFO_FRAMEBUFFER_TYPE] = EGA_TEXT;
}

bool multiboot_info_write(const struct ram *ram, uint64_t gpa, const struct boot_content *content)
{
	uint64_t size = multiboot_info_size(ram, content);
	uint8_t *info = ram_at(ram, gpa, size);
	struct boot_writer writer;

	if (!info || gpa >= RAM_HIGH_START)
		return false;
	memset(info, 0, size);
	writer = (struct boot_writer){.host = info + INFO_SIZE, .gpa = gpa + INFO_SIZE};
	boot_put32(info + INFO_FLAGS, FLAG_MEMORY | FLAG_COMMAND_LINE | FLAG_MODULES | FLAG_MMAP |
					      FLAG_LOADER_NAME |
					      (content->text_screen ? FLAG_FRAMEBUFFER : 0));
	boot_put32(info + INFO_MEM_LOWER, memory_map_lower_kib());
	boot_put32(info + INFO_MEM_UPPER, memory_map_upper_kib(ram));
	if (content->text_screen)
		put_text_screen(info);
	put_map(info, &writer, ram);
	put_modules(info, &writer, content);
	boot_put32(info + INFO_COMMAND_LINE,
		   (uint32_t)boot_put_string(&writer, content->command_line));
	boot_put32(info + INFO_LOADER_NAME, (uint32_t)boot_put_string(&writer, BOOT_LOADER_NAME));
	return true;
}
