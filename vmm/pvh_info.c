// SPDX-License-Identifier: BSD-2-Clause
// Lays hvm_start_info out in guest RAM, as Xen's "x86/HVM direct boot ABI" has it.
// Reads no file and places no module: addresses come in as arguments.
#include "vmm/pvh_info.h"

#include <string.h>

#include "vmm/boot_writer.h"
#include "vmm/memory_map.h"

/* Offsets and sizes of hvm_start_info, of a module's entry and of the memory map's. */
enum {
	INFO_MAGIC = 0,
	INFO_VERSION = 4,
	INFO_MODULES = 12,
	INFO_MODULE_LIST = 16,
	INFO_COMMAND_LINE = 24,
	INFO_RSDP = 32,
	INFO_MAP = 40,
	INFO_MAP_ENTRIES = 48,
	INFO_SIZE = 56,

	MODULE_SIZE = 32,
	REGION_SIZE = 24,
};

#define START_MAGIC UINT32_C(0x336EC578)

uint64_t pvh_info_size(const struct ram *ram, const struct boot_content *content)
{
	struct memory_region map[MEMORY_REGIONS_MAX];
	uint64_t size = INFO_SIZE + REGION_SIZE * (uint64_t)memory_map(ram, map);

	size += MODULE_SIZE * (uint64_t)content->module_count;
	for (size_t i = 0; i < content->module_count; i++)
		size += strlen(content->modules[i].string) + 1;
	return size + strlen(content->command_line) + 1;
}

static void put_map(uint8_t *info, struct boot_writer *writer, const struct ram *ram)
{
	struct memory_region map[MEMORY_REGIONS_MAX];
	unsigned count = memory_map(ram, map);

	boot_put64(info + INFO_MAP, writer->gpa);
	boot_put32(info + INFO_MAP_ENTRIES, count);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *at = boot_take(writer, REGION_SIZE).host;

		boot_put64(at, map[i].start);
		boot_put64(at + 8, map[i].length);
		boot_put32(at + 16, map[i].type);
	}
}

static void put_modules(uint8_t *info, struct boot_writer *writer,
			const struct boot_content *content)
{
	struct boot_writer list = boot_take(writer, MODULE_SIZE * content->module_count);

	if (content->module_count == 0)
		return;
	boot_put32(info + INFO_MODULES, (uint32_t)content->module_count);
	boot_put64(info + INFO_MODULE_LIST, list.gpa);
	for (size_t i = 0; i < content->module_count; i++) {
		const struct boot_module *module = &content->modules[i];
		uint8_t *at = boot_take(&list, MODULE_SIZE).host;

		boot_put64(at, module->start);
		boot_put64(at + 8, module->end - module->start);
		boot_put64(at + 16, boot_put_string(writer, module->string));
	}
}

bool pvh_info_write(const struct ram *ram, uint64_t gpa, const struct boot_content *content)
{
	uint64_t size = pvh_info_size(ram, content);
	uint8_t *info = ram_at(ram, gpa, size);
	struct boot_writer writer;

	if (!info || gpa >= RAM_HIGH_START)
		return false;
	memset(info, 0, size);
	writer = (struct boot_writer){.host = info + INFO_SIZE, .gpa = gpa + INFO_SIZE};
	boot_put32(info + INFO_MAGIC, START_MAGIC);
	boot_put32(info + INFO_VERSION, 1);
	put_map(info, &writer, ram);
	put_modules(info, &writer, content);
	boot_put64(info + INFO_COMMAND_LINE, boot_put_string(&writer, content->command_line));
	boot_put64(info + INFO_RSDP, content->rsdp);
	return true;
}
