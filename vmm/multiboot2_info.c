// SPDX-License-Identifier: BSD-2-Clause
// Lays the Multiboot 2 information out in guest RAM (Multiboot2 Specification 2.0, 3.6).
// Reads no file and places no module: addresses come in as arguments.
#include "vmm/multiboot2_info.h"

#include <string.h>

#include "vmm/boot_writer.h"
#include "vmm/memory_map.h"

/* Sizes with the tag's own head of 8 bytes: type and size. */
enum {
	HEAD_SIZE = 8, /* of the information as a whole too: total size and a reserved word */
	TAG_ALIGN = 8,
	TAG_END = 0,
	MODULE_SIZE = 16, /* before the string */
	MEMORY_SIZE = 16,
	MAP_SIZE = 16, /* before the entries */
	MAP_ENTRY_SIZE = 24,
	FRAMEBUFFER_SIZE = 32,
	LOAD_BASE_SIZE = 12,
	FRAMEBUFFER_EGA_TEXT = 2,

	/* ACPI Specification, "Root System Description Pointer" */
	RSDP_OLD_SIZE = 20,
	RSDP_NEW_SIZE = 36,
	RSDP_REVISION = 15,
};

#define TEXT_MEMORY 0xB8000

static uint64_t padded(uint64_t size)
{
	return (size + TAG_ALIGN - 1) / TAG_ALIGN * TAG_ALIGN;
}

static uint64_t string_tag_size(uint64_t before, const char *string)
{
	return padded(before + strlen(string) + 1);
}

/* The RSDP in RAM; NULL if there is none. */
static const uint8_t *find_rsdp(const struct ram *ram, const struct boot_content *content)
{
	const uint8_t *rsdp = content->rsdp ? ram_at(ram, content->rsdp, RSDP_NEW_SIZE) : NULL;

	return rsdp && memcmp(rsdp, "RSD PTR ", 8) == 0 ? rsdp : NULL;
}

static bool rsdp_is_new(const uint8_t *rsdp)
{
	return rsdp[RSDP_REVISION] >= 2;
}

uint64_t multiboot2_info_size(const struct ram *ram, const struct boot_content *content)
{
	struct memory_region map[MEMORY_REGIONS_MAX];
	uint64_t size = HEAD_SIZE + MEMORY_SIZE + HEAD_SIZE;
	const uint8_t *rsdp = find_rsdp(ram, content);

	size += MAP_SIZE + MAP_ENTRY_SIZE * (uint64_t)memory_map(ram, map);
	size += string_tag_size(HEAD_SIZE, content->command_line);
	size += string_tag_size(HEAD_SIZE, BOOT_LOADER_NAME);
	for (size_t i = 0; i < content->module_count; i++)
		size += string_tag_size(MODULE_SIZE, content->modules[i].string);
	if (content->text_screen)
		size += FRAMEBUFFER_SIZE;
	if (rsdp)
		size += padded(HEAD_SIZE + RSDP_OLD_SIZE);
	if (rsdp && rsdp_is_new(rsdp))
		size += padded(HEAD_SIZE + RSDP_NEW_SIZE);
	if (content->load_base)
		size += padded(LOAD_BASE_SIZE);
	return size;
}

/* The next tag; what it does not fill is zero. */
static uint8_t *put_tag(struct boot_writer *writer, uint32_t type, uint64_t size)
{
	uint8_t *at = boot_take(writer, padded(size)).host;

	boot_put32(at, type);
	boot_put32(at + 4, (uint32_t)size);
	return at;
}

static uint8_t *put_string_tag(struct boot_writer *writer, uint32_t type, uint64_t before,
			       const char *string)
{
	size_t length = strlen(string) + 1;
	uint8_t *at = put_tag(writer, type, before + length);

	memcpy(at + before, string, length);
	return at;
}

static void put_memory(struct boot_writer *writer, const struct ram *ram)
{
	struct memory_region map[MEMORY_REGIONS_MAX];
	unsigned count = memory_map(ram, map);
	uint8_t *at = put_tag(writer, MULTIBOOT2_MEMORY, MEMORY_SIZE);

	boot_put32(at + 8, memory_map_lower_kib());
	boot_put32(at + 12, memory_map_upper_kib(ram));
	at = put_tag(writer, MULTIBOOT2_MAP, MAP_SIZE + MAP_ENTRY_SIZE * (uint64_t)count);
	boot_put32(at + 8, MAP_ENTRY_SIZE);
	at += MAP_SIZE;
	for (unsigned i = 0; i < count; i++, at += MAP_ENTRY_SIZE) {
		boot_put64(at, map[i].start);
		boot_put64(at + 8, map[i].length);
		boot_put32(at + 16, map[i].type);
	}
}

static void put_modules(struct boot_writer *writer, const struct boot_content *content)
{
	for (size_t i = 0; i < content->module_count; i++) {
		const struct boot_module *module = &content->modules[i];
		uint8_t *at =
			put_string_tag(writer, MULTIBOOT2_MODULE, MODULE_SIZE, module->string);

		boot_put32(at + 8, (uint32_t)module->start);
		boot_put32(at + 12, (uint32_t)module->end);
	}
}

static void put_text_screen(struct boot_writer *writer)
{
	uint8_t *at = put_tag(writer, MULTIBOOT2_FRAMEBUFFER, FRAMEBUFFER_SIZE);

	boot_put64(at + 8, TEXT_MEMORY);
	boot_put32(at + 16, 160); /* bytes a line */
	boot_put32(at + 20, 80);
	boot_put32(at + 24, 25);
	at[28] = 16;
	at[29] = FRAMEBUFFER_EGA_TEXT;
}

static void put_rsdp(struct boot_writer *writer, const struct ram *ram,
		     const struct boot_content *content)
{
	const uint8_t *rsdp = find_rsdp(ram, content);
	uint8_t *at;

	if (!rsdp)
		return;
	at = put_tag(writer, MULTIBOOT2_RSDP_OLD, HEAD_SIZE + RSDP_OLD_SIZE);
	memcpy(at + HEAD_SIZE, rsdp, RSDP_OLD_SIZE);
	if (!rsdp_is_new(rsdp))
		return;
	at = put_tag(writer, MULTIBOOT2_RSDP_NEW, HEAD_SIZE + RSDP_NEW_SIZE);
	memcpy(at + HEAD_SIZE, rsdp, RSDP_NEW_SIZE);
}

bool multiboot2_info_write(const struct ram *ram, uint64_t gpa, const struct boot_content *content)
{
	uint64_t size = multiboot2_info_size(ram, content);
	uint8_t *info = ram_at(ram, gpa, size);
	struct boot_writer writer;

	if (!info || gpa >= RAM_HIGH_START)
		return false;
	memset(info, 0, size);
	boot_put32(info, (uint32_t)size);
	writer = (struct boot_writer){.host = info + HEAD_SIZE, .gpa = gpa + HEAD_SIZE};
	put_string_tag(&writer, MULTIBOOT2_COMMAND_LINE, HEAD_SIZE, content->command_line);
	put_string_tag(&writer, MULTIBOOT2_LOADER_NAME, HEAD_SIZE, BOOT_LOADER_NAME);
	put_modules(&writer, content);
	put_memory(&writer, ram);
	if (content->text_screen)
		put_text_screen(&writer);
	put_rsdp(&writer, ram, content);
	if (content->load_base)
		boot_put32(put_tag(&writer, MULTIBOOT2_LOAD_BASE, LOAD_BASE_SIZE) + 8,
			   content->load_base);
	put_tag(&writer, TAG_END, HEAD_SIZE);
	return true;
}
