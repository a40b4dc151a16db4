// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as an image, with any command line and modules, loaded into 16 MiB of RAM.
// Not only a search for crashes: what was accepted must stand in RAM whole, and nothing over it.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vmm/image_build.h"
#include "vmm/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Input: skeleton, module count with screen and RSDP, length of -append, page shift of the modules,
 * file size (2 bytes), then for skeleton 0 the file itself, else patches of it: where (2), how many
 * bytes (1), value (8).
 */
enum {
	HEADER = 6,
	PATCH = 11,
	MODULES_MAX = 7,
	MODULE_BYTE = 0x5A,
	MODULE_SIZE_MAX = 1 << 20,
	LOW = 12 << 20,
	HIGH = 4 << 20,
};

static void require(bool good)
{
	if (!good)
		abort();
}

/* Allocated, not mapped, so that the sanitizer sees a step outside; high RAM stands alone, too. */
static struct ram *make_ram(void)
{
	static struct ram ram;

	if (ram.range_count == 0) {
		ram = (struct ram){
			.ranges = {{0, calloc(1, LOW), LOW},
				   {RAM_HIGH_START, calloc(1, HIGH), HIGH}},
			.range_count = 2,
			.size = LOW + HIGH,
		};
		require(ram.ranges[0].host && ram.ranges[1].host);
	}
	return &ram;
}

static void build_with_note(struct image_build *b, bool wide, const char *name, uint32_t type,
			    uint32_t value)
{
	build_small_elf(b, wide, 0x100000);
	build_notes(b, 0x800, build_note(b, 0x800, name, type, value, 4));
}

static void skeleton(struct image_build *b, uint8_t kind)
{
	size_t at;

	memset(b, 0, sizeof(*b));
	switch (kind % 12) {
	case 1: build_small_elf(b, true, 0x100000); break;
	case 2:
		build_small_elf(b, false, 0x100000);
		build_multiboot(b, 0x800, 3);
		break;
	case 3:
		build_small_elf(b, true, 0x8000);
		build_load(b, 0x1000, 0x10000, 8, 0x8F000);
		build_multiboot(b, 0x800, 0);
		break;
	case 4:
		build_fill(b, 0, 0x33, 0x100);
		build_multiboot(b, 0x20, 0x10000);
		build_addresses(b, 0x20, 0x100020, 0x100000, 0x100100, 0x100200, 0x100040);
		break;
	case 5:
		build_elf(b, true, 0xFFFFFFFF80000004);
		build_phdr(b, (struct build_segment){BUILD_PT_LOAD, 0x1000, 0xFFFFFFFF80000000,
						     0x200000, 16, 0x4000});
		build_load(b, 0x1010, 0x100000000, 16, 0x100);
		build_load(b, 0x1020, 0x400000, 16, 0x200000);
		build_fill(b, 0x1000, 0x90, 0x30);
		break;
	case 6: build_linux(b, 0x20F, 3); break;
	case 7: build_linux(b, 0x206, 0); break;
	case 8: build_with_note(b, true, "Xen", 18, 0x100004); break;
	case 9: build_with_note(b, false, "Linux", 0x100, 0); break;
	case 10:
		build_small_elf(b, true, 0x100000);
		at = build_tag(b, 0x810, 1, 0, (uint32_t[]){1, 3, 6, 21}, 4);
		at = build_tag(b, at, 10, 0, (uint32_t[]){0x200000, 0xFFFFFFFF, 0x1000, 0}, 4);
		at = build_tag(b, at, 4, 0, (uint32_t[]){1}, 1);
		build_multiboot2(b, 0x800, (uint32_t)(build_tag(b, at, 0, 0, NULL, 0) - 0x800));
		break;
	case 11:
		build_fill(b, 0, 0x33, 0x100);
		at = build_tag(b, 0x30, 2, 0, (uint32_t[]){0x100020, 0x100000, 0x100100, 0x100200},
			       4);
		at = build_tag(b, at, 3, 0, (uint32_t[]){0x100008}, 1);
		build_multiboot2(b, 0x20, (uint32_t)(build_tag(b, at, 0, 0, NULL, 0) - 0x20));
		break;
	default: break;
	}
}

static void build(struct image_build *b, const uint8_t *data, size_t size)
{
	size_t cut = data[4] | (size_t)data[5] << 8;

	skeleton(b, data[0]);
	if (b->size == 0) {
		b->size = size - HEADER < sizeof(b->bytes) ? size - HEADER : sizeof(b->bytes);
		memcpy(b->bytes, data + HEADER, b->size);
		return;
	}
	for (size_t at = HEADER; at + PATCH <= size; at += PATCH) {
		uint64_t value;

		memcpy(&value, data + at + 3, sizeof(value));
		build_put(b, (data[at] | (size_t)data[at + 1] << 8) % (sizeof(b->bytes) - 8), value,
			  1 + data[at + 2] % 8);
	}
	if (cut != 0 && cut < b->size)
		b->size = cut;
}

static uint32_t le32(const struct ram *ram, uint64_t gpa)
{
	const void *host = ram_at(ram, gpa, 4);
	uint32_t value;

	require(host != NULL);
	memcpy(&value, host, sizeof(value));
	return value;
}

static uint64_t le64(const struct ram *ram, uint64_t gpa)
{
	return le32(ram, gpa) | (uint64_t)le32(ram, gpa + 4) << 32;
}

static void require_string(const struct ram *ram, uint64_t gpa, const char *begin)
{
	const char *host = ram_at(ram, gpa, strlen(begin) + 1);

	if (!host || strncmp(host, begin, strlen(begin)) != 0)
		abort();
	while (*host++)
		gpa++;
	require(ram_at(ram, gpa, 1) != NULL);
}

/* One module stands in RAM as it was given; answers where it ends. */
static uint64_t require_module(const struct ram *ram, uint64_t start, uint64_t size,
			       const struct image_file *module)
{
	const uint8_t *host = ram_at(ram, start, size);

	require(size == module->size);
	require(size == 0 || (host && memcmp(host, module->bytes, size) == 0));
	return start + size;
}

static void require_multiboot(const struct ram *ram, uint64_t info,
			      const struct image_request *request)
{
	uint64_t end = 0x100000;
	uint32_t list = le32(ram, info + 24);

	require(ram_at(ram, info, 116) &&
		le32(ram, info) == (request->text_screen ? 0x124Du : 0x24Du));
	require(le32(ram, info + 20) == request->module_count);
	require_string(ram, le32(ram, info + 16), "img");
	for (size_t i = 0; i < request->module_count; i++, list += 16) {
		uint32_t start = le32(ram, list);

		require(start % 4096 == 0 && start >= end);
		end = require_module(ram, start, le32(ram, list + 4) - start, &request->modules[i]);
		require_string(ram, le32(ram, list + 8), "module");
	}
}

static void require_multiboot2(const struct ram *ram, uint64_t info,
			       const struct image_request *request)
{
	uint64_t total = le32(ram, info), at = info + 8;
	size_t modules = 0;

	require(ram_at(ram, info, total) && total % 8 == 0);
	for (; le32(ram, at) != 0; at += (le32(ram, at + 4) + UINT64_C(7)) / 8 * 8) {
		require(le32(ram, at + 4) >= 8 && at + le32(ram, at + 4) < info + total);
		if (le32(ram, at) != 3)
			continue;
		require(modules < request->module_count && le32(ram, at + 8) % 4096 == 0);
		require_module(ram, le32(ram, at + 8), le32(ram, at + 12) - le32(ram, at + 8),
			       &request->modules[modules++]);
	}
	require(at + 8 == info + total && modules == request->module_count);
}

static void require_pvh(const struct ram *ram, uint64_t info, const struct image_request *request)
{
	uint64_t list = le64(ram, info + 16);

	require(le32(ram, info) == 0x336EC578 && le32(ram, info + 4) == 1);
	require(le32(ram, info + 12) == request->module_count);
	require(le32(ram, info + 48) == 5 && ram_at(ram, le64(ram, info + 40), 5 * 24));
	require_string(ram, le64(ram, info + 24), request->append);
	for (size_t i = 0; i < request->module_count; i++, list += 32) {
		require_module(ram, le64(ram, list), le64(ram, list + 8), &request->modules[i]);
		require_string(ram, le64(ram, list + 16), "module");
	}
}

static void require_linux(const struct ram *ram, uint64_t params,
			  const struct image_request *request)
{
	uint64_t start = le32(ram, params + 0x218) | (uint64_t)le32(ram, params + 0xC0) << 32;
	uint64_t size = le32(ram, params + 0x21C), at = start;

	require(ram_at(ram, params, 4096) && le32(ram, params + 0x202) == 0x53726448);
	require((le32(ram, params + 0x210) & 0xFFFF) == 0x01FF);
	require_string(ram, le32(ram, params + 0x228), request->append);
	for (size_t i = 0; i < request->module_count && size > 0; i++)
		at = require_module(ram, (at + 3) / 4 * 4, request->modules[i].size,
				    &request->modules[i]);
	require(at == start + size);
}

static void require_information(const struct ram *ram, const struct boot_state *state,
				const struct image_request *request)
{
	require(state->rbx < RAM_HIGH_START && state->rsi < RAM_HIGH_START);
	if (state->rsi != 0)
		require_linux(ram, state->rsi, request);
	else if (state->rax == 0x36D76289)
		require_multiboot2(ram, state->rbx, request);
	else if (state->rax == 0x2BADB002)
		require_multiboot(ram, state->rbx, request);
	else
		require_pvh(ram, state->rbx, request);
}

static bool loads_by_addresses(const struct image_build *b)
{
	for (size_t at = 0; at + 12 <= b->size && at + 12 <= 8192; at += 4) {
		uint32_t field[3];

		memcpy(field, b->bytes + at, sizeof(field));
		if (field[0] == 0x1BADB002 && field[0] + field[1] + field[2] == 0)
			return field[1] & 0x10000;
	}
	return false;
}

static uint64_t get(const struct image_build *b, size_t at, size_t width)
{
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++)
		value |= (uint64_t)b->bytes[at + i] << (8 * i);
	return value;
}

/* The accepted file read again, by no code of the loader: its segments are in RAM as it wants. */
static void require_elf_segments(const struct ram *ram, const struct image_build *b)
{
	bool wide = b->bytes[4] == 2;
	size_t word = wide ? 8 : 4;
	size_t at = get(b, wide ? 32 : 28, word);
	uint64_t count = get(b, wide ? 56 : 44, 2);

	for (uint64_t i = 0; i < count; i++, at += wide ? 56 : 32) {
		uint64_t offset = get(b, at + word, word), paddr = get(b, at + 3 * word, word);
		uint64_t filesz = get(b, at + 4 * word, word), memsz = get(b, at + 5 * word, word);
		const uint8_t *host;

		if (get(b, at, 4) != BUILD_PT_LOAD || memsz == 0)
			continue;
		host = ram_at(ram, paddr, memsz);
		require(host && filesz <= memsz && offset + filesz <= b->size);
		require(memcmp(host, b->bytes + offset, filesz) == 0);
		host += filesz;
		memsz -= filesz;
		require(memsz == 0 || (host[0] == 0 && memcmp(host, host + 1, memsz - 1) == 0));
	}
}

/* From where it is entered on: the kernel as it stands in the file, behind the setup sectors. */
static void require_bzimage(const struct ram *ram, const struct boot_state *state,
			    const struct image_build *b)
{
	size_t setup = ((b->bytes[0x1F1] ? b->bytes[0x1F1] : 4) + (size_t)1) * 512;
	uint64_t load = state->cs.l ? state->rip - 0x200
				    : state->rip - ((uint32_t)get(b, 0x214, 4) - 0x100000);
	const uint8_t *host = ram_at(ram, load, b->size - setup);

	require(host && memcmp(host, b->bytes + setup, b->size - setup) == 0);
}

static void require_booted(const struct ram *ram, const struct boot_state *state,
			   const struct image_request *request, const struct image_build *b)
{
	require(ram_at(ram, state->rip, 1) && state->rip < RAM_HIGH_START);
	require(ram_at(ram, state->gdtr.base, state->gdtr.limit + 1) != NULL);
	require(le32(ram, state->gdtr.base + state->cs.selector) == 0xFFFF);
	if (state->cr3 != 0)
		require((le32(ram, state->cr3) & 0xFFF) == 3);
	require_information(ram, state, request);
	/* Multiboot 2 may load an ELF file elsewhere, by addresses or because it is relocatable. */
	if (b->size >= 4 && memcmp(b->bytes, "\177ELF", 4) == 0 && !loads_by_addresses(b) &&
	    state->rax != 0x36D76289)
		require_elf_segments(ram, b);
	if (state->rsi != 0 && memcmp(b->bytes, "\177ELF", 4) != 0)
		require_bzimage(ram, state, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct image_build b;
	static uint8_t module_bytes[MODULE_SIZE_MAX];
	static char append[256 * 64 + 1];
	struct image_file modules[MODULES_MAX];
	struct image_request request = {.image = {.name = "img"}, .append = append};
	struct ram *ram = make_ram();
	struct boot_state state;
	struct image_error error;
	uint8_t *copy;

	if (size < HEADER)
		return 0;
	build(&b, data, size);
	if (module_bytes[0] == 0)
		memset(module_bytes, MODULE_BYTE, sizeof(module_bytes));
	memset(append, 'a', sizeof(append) - 1);
	append[data[2] * 64] = '\0';
	memcpy(ram_at(ram, 0xF0000, 16), "RSD PTR \0lapic\0\2", 16);
	request.modules = modules;
	request.module_count = data[1] % (MODULES_MAX + 1);
	for (size_t i = 0; i < request.module_count; i++)
		modules[i] = (struct image_file){"module", module_bytes,
						 (data[3] + i) << (data[3] % 13)};
	/* Exactly as long as the file, so that the sanitizer sees a read behind it. */
	copy = malloc(b.size > 0 ? b.size : 1);
	require(copy != NULL);
	memcpy(copy, b.bytes, b.size);
	request.text_screen = data[1] & 0x10;
	request.rsdp = data[1] & 0x20 ? 0xF0000 : data[1] & 0x40 ? UINT64_MAX : 0;
	request.image.bytes = copy;
	request.image.size = b.size;

	error.text[0] = '\0';
	if (image_load(&request, ram, &state, &error) == 0)
		require_booted(ram, &state, &request, &b);
	else
		require(error.kind == IMAGE_BAD && error.text[0] != '\0' &&
			memchr(error.text, '\0', sizeof(error.text)));
	free(copy);
	return 0;
}
