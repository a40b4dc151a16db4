// SPDX-License-Identifier: BSD-2-Clause
// Lays out the Multiboot 1 information in guest RAM (Multiboot Specification 0.6.96, 3.3).
// Reads no file and places no module: addresses come in as arguments.
#include "vmm/multiboot_info.h"

#include <string.h>

#include "vmm/ram.h"

static const char loader_name[] = "lapicvm";

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
	INFO_SIZE = 116,

	MODULE_SIZE = 16,
	REGION_SIZE = 24,

	FLAG_MEMORY = 1 << 0,
	FLAG_COMMAND_LINE = 1 << 2,
	FLAG_MODULES = 1 << 3,
	FLAG_MMAP = 1 << 6,
	FLAG_LOADER_NAME = 1 << 9,
};

/* The next free byte of the information, in host and in guest terms. */
struct cursor {
	uint8_t *host;
	uint32_t gpa;
};

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static struct cursor take(struct cursor *cursor, size_t size)
{
	struct cursor taken = *cursor;

	cursor->host += size;
	cursor->gpa += (uint32_t)size;
	return taken;
}

static uint32_t put_string(struct cursor *cursor, const char *string)
{
	size_t size = strlen(string) + 1;
	struct cursor at = take(cursor, size);

	memcpy(at.host, string, size);
	return at.gpa;
}

unsigned multiboot_info_map(const struct ram *ram, struct multiboot_region *map)
{
	unsigned count = 0;
	uint64_t low = ram->ranges[0].length;

	map[count++] = (struct multiboot_region){0, RAM_EBDA_START, MULTIBOOT_USABLE};
	map[count++] = (struct multiboot_region){RAM_EBDA_START, RAM_RESERVED - RAM_EBDA_START,
						 MULTIBOOT_RESERVED};
	/* A0000h-EFFFFh is left out: device memory on a PC, of no type at all. */
	map[count++] = (struct multiboot_region){0xF0000, 0x10000, MULTIBOOT_RESERVED};
	map[count++] = (struct multiboot_region){RAM_ONE_MEGABYTE, low - RAM_ONE_MEGABYTE,
						 MULTIBOOT_USABLE};
	if (ram->range_count > 1)
		map[count++] = (struct multiboot_region){ram->ranges[1].gpa, ram->ranges[1].length,
							 MULTIBOOT_USABLE};
	return count;
}

uint64_t multiboot_info_size(const struct ram *ram, const struct multiboot_content *content)
{
	struct multiboot_region map[MULTIBOOT_REGIONS_MAX];
	uint64_t size = INFO_SIZE + REGION_SIZE * (uint64_t)multiboot_info_map(ram, map);

	/* Sums of lengths of objects that all exist in memory at once: they cannot wrap. */
	size += MODULE_SIZE * (uint64_t)content->module_count;
	for (size_t i = 0; i < content->module_count; i++)
		size += strlen(content->modules[i].string) + 1;
	size += strlen(content->command_line) + 1;
	return size + sizeof(loader_name);
}

static void put_map(uint8_t *info, struct cursor *cursor, const struct ram *ram)
{
	struct multiboot_region map[MULTIBOOT_REGIONS_MAX];
	unsigned count = multiboot_info_map(ram, map);

	put32(info + INFO_MMAP_LENGTH, count * REGION_SIZE);
	put32(info + INFO_MMAP_ADDR, cursor->gpa);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *at = take(cursor, REGION_SIZE).host;

		/* The size field does not count itself. */
		put32(at, REGION_SIZE - sizeof(uint32_t));
		put64(at + 4, map[i].start);
		put64(at + 12, map[i].length);
		put32(at + 20, map[i].type);
	}
}

static void put_modules(uint8_t *info, struct cursor *cursor,
			const struct multiboot_content *content)
{
	struct cursor list = take(cursor, MODULE_SIZE * content->module_count);

	put32(info + INFO_MODS_COUNT, (uint32_t)content->module_count);
	put32(info + INFO_MODS_ADDR, list.gpa);
	for (size_t i = 0; i < content->module_count; i++) {
		uint8_t *at = take(&list, MODULE_SIZE).host;

		put32(at, content->modules[i].start);
		put32(at + 4, content->modules[i].end);
		put32(at + 8, put_string(cursor, content->modules[i].string));
		put32(at + 12, 0);
	}
}

bool multiboot_info_write(const struct ram *ram, uint64_t gpa,
			  const struct multiboot_content *content)
{
	uint64_t size = multiboot_info_size(ram, content);
	uint8_t *info = ram_at(ram, gpa, size);
	struct cursor cursor;

	if (!info || gpa >= RAM_HIGH_START)
		return false;
	memset(info, 0, size);
	cursor = (struct cursor){.host = info + INFO_SIZE, .gpa = (uint32_t)gpa + INFO_SIZE};
	put32(info + INFO_FLAGS,
	      FLAG_MEMORY | FLAG_COMMAND_LINE | FLAG_MODULES | FLAG_MMAP | FLAG_LOADER_NAME);
	put32(info + INFO_MEM_LOWER, (uint32_t)(RAM_EBDA_START / 1024));
	put32(info + INFO_MEM_UPPER, (uint32_t)((ram->ranges[0].length - RAM_ONE_MEGABYTE) / 1024));
	put_map(info, &cursor, ram);
	put_modules(info, &cursor, content);
	put32(info + INFO_COMMAND_LINE, put_string(&cursor, content->command_line));
	put32(info + INFO_LOADER_NAME, put_string(&cursor, loader_name));
	return true;
}
