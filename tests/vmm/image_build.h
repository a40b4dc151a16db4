// SPDX-License-Identifier: BSD-2-Clause
// Builds ELF, Multiboot and Linux images byte by byte, for the loader's tests and its fuzz target.
// Not the loader's own structures or elf.h: offsets are the specifications', so none cancels out.
#ifndef TESTS_VMM_IMAGE_BUILD_H
#define TESTS_VMM_IMAGE_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct image_build {
	uint8_t bytes[32768];
	size_t size; /* what of it is the file; grows with what is put */
	bool wide;   /* ELF64, else ELF32 */
};

enum {
	BUILD_EM_386 = 3,
	BUILD_EM_X86_64 = 62,
	BUILD_PT_LOAD = 1,
	BUILD_PT_INTERP = 3,
	BUILD_PT_NOTE = 4,
};

struct build_segment {
	uint32_t type;
	uint64_t offset, vaddr, paddr, filesz, memsz;
};

static inline void build_put(struct image_build *b, size_t at, uint64_t value, size_t width)
{
	for (size_t i = 0; i < width && at + i < sizeof(b->bytes); i++)
		b->bytes[at + i] = (uint8_t)(value >> (8 * i));
	if (at + width > b->size)
		b->size = at + width;
}

/* Code that a test can recognise: count bytes of value at `at`. */
static inline void build_fill(struct image_build *b, size_t at, uint8_t value, size_t count)
{
	memset(b->bytes + at, value, count);
	if (at + count > b->size)
		b->size = at + count;
}

/* An ELF header alone: executable, little-endian, no program headers yet. */
static inline void build_elf(struct image_build *b, bool wide, uint64_t entry)
{
	memset(b, 0, sizeof(*b));
	b->wide = wide;
	build_put(b, 0, 0x464C457F, 4);
	build_put(b, 4, wide ? 2 : 1, 1);
	build_put(b, 5, 1, 1); /* little-endian */
	build_put(b, 6, 1, 1);
	build_put(b, 16, 2, 2); /* ET_EXEC */
	build_put(b, 18, wide ? BUILD_EM_X86_64 : BUILD_EM_386, 2);
	build_put(b, 20, 1, 4);
	build_put(b, 24, entry, wide ? 8 : 4);
	build_put(b, wide ? 32 : 28, wide ? 64 : 52, wide ? 8 : 4); /* e_phoff */
	build_put(b, wide ? 52 : 40, wide ? 64 : 52, 2);            /* e_ehsize */
	build_put(b, wide ? 54 : 42, wide ? 56 : 32, 2);            /* e_phentsize */
	build_put(b, wide ? 56 : 44, 0, 2);                         /* e_phnum */
	b->size = wide ? 64 : 52;
}

/* Appends a program header behind those there are. */
static inline void build_phdr(struct image_build *b, struct build_segment s)
{
	size_t phnum_at = b->wide ? 56 : 44;
	unsigned index = b->bytes[phnum_at] | (unsigned)b->bytes[phnum_at + 1] << 8;

	build_put(b, phnum_at, index + 1, 2);
	if (b->wide) {
		size_t at = 64 + 56 * (size_t)index;

		build_put(b, at, s.type, 4);
		build_put(b, at + 4, 7, 4);
		build_put(b, at + 8, s.offset, 8);
		build_put(b, at + 16, s.vaddr, 8);
		build_put(b, at + 24, s.paddr, 8);
		build_put(b, at + 32, s.filesz, 8);
		build_put(b, at + 40, s.memsz, 8);
		build_put(b, at + 48, s.type == BUILD_PT_NOTE ? 4 : 0x1000, 8);
	} else {
		size_t at = 52 + 32 * (size_t)index;

		build_put(b, at, s.type, 4);
		build_put(b, at + 4, s.offset, 4);
		build_put(b, at + 8, s.vaddr, 4);
		build_put(b, at + 12, s.paddr, 4);
		build_put(b, at + 16, s.filesz, 4);
		build_put(b, at + 20, s.memsz, 4);
		build_put(b, at + 24, 7, 4);
		build_put(b, at + 28, s.type == BUILD_PT_NOTE ? 4 : 0x1000, 4);
	}
}

/* A loadable segment whose virtual address is the physical one. */
static inline void build_load(struct image_build *b, uint64_t offset, uint64_t paddr,
			      uint64_t filesz, uint64_t memsz)
{
	build_phdr(b, (struct build_segment){BUILD_PT_LOAD, offset, paddr, paddr, filesz, memsz});
}

/* The smallest good ELF: 16 bytes of 90h from offset 1000h at `address`, entered there. */
static inline void build_small_elf(struct image_build *b, bool wide, uint64_t address)
{
	build_elf(b, wide, address);
	build_load(b, 0x1000, address, 16, 16);
	build_fill(b, 0x1000, 0x90, 16);
}

/* A note at `at`, its parts padded to 4 bytes; answers where the next would stand. */
static inline size_t build_note(struct image_build *b, size_t at, const char *name, uint32_t type,
				uint64_t value, size_t value_size)
{
	size_t name_size = strlen(name) + 1;

	build_put(b, at, name_size, 4);
	build_put(b, at + 4, value_size, 4);
	build_put(b, at + 8, type, 4);
	memcpy(b->bytes + at + 12, name, name_size);
	at += 12 + (name_size + 3) / 4 * 4;
	build_put(b, at, value, value_size);
	return at + (value_size + 3) / 4 * 4;
}

/* A segment of notes from offset at to offset end. */
static inline void build_notes(struct image_build *b, size_t at, size_t end)
{
	build_phdr(b, (struct build_segment){BUILD_PT_NOTE, at, 0, 0, end - at, end - at});
}

/* A Multiboot 1 header with its checksum at a multiple of 4. */
static inline void build_multiboot(struct image_build *b, size_t at, uint32_t flags)
{
	build_put(b, at, 0x1BADB002, 4);
	build_put(b, at + 4, flags, 4);
	build_put(b, at + 8, 0 - (0x1BADB002 + flags), 4);
}

/* A Multiboot 2 header of 16 bytes at a multiple of 8; the length is what header and tags have. */
static inline void build_multiboot2(struct image_build *b, size_t at, uint32_t length)
{
	build_put(b, at, 0xE85250D6, 4);
	build_put(b, at + 4, 0, 4);
	build_put(b, at + 8, length, 4);
	build_put(b, at + 12, 0 - (0xE85250D6 + length), 4);
}

/* A tag of it with up to four words; answers where the next goes. */
static inline size_t build_tag(struct image_build *b, size_t at, uint16_t type, uint16_t flags,
			       const uint32_t *words, size_t count)
{
	build_put(b, at, type, 2);
	build_put(b, at + 2, flags, 2);
	build_put(b, at + 4, 8 + 4 * count, 4);
	for (size_t i = 0; i < count; i++)
		build_put(b, at + 8 + 4 * i, words[i], 4);
	return at + (8 + 4 * count + 7) / 8 * 8;
}

/* The five address fields that flag bit 16 announces. */
static inline void build_addresses(struct image_build *b, size_t at, uint32_t header, uint32_t load,
				   uint32_t load_end, uint32_t bss_end, uint32_t entry)
{
	build_put(b, at + 12, header, 4);
	build_put(b, at + 16, load, 4);
	build_put(b, at + 20, load_end, 4);
	build_put(b, at + 24, bss_end, 4);
	build_put(b, at + 28, entry, 4);
}

/*
 * A bzImage: two setup sectors with the header of this protocol version, then 1000h bytes of 66h.
 * What the version has not yet is filled all the same, with what nobody could follow.
 */
static inline void build_linux(struct image_build *b, uint16_t version, uint16_t xloadflags)
{
	memset(b, 0, sizeof(*b));
	build_fill(b, 0x1F1, 0xEF, 0x268 - 0x1F1);
	build_put(b, 0x1F1, 1, 1);
	build_put(b, 0x1F4, 0x100, 4);
	build_put(b, 0x1FE, 0xAA55, 2);
	build_put(b, 0x200, 0x66EB, 2);
	build_put(b, 0x202, 0x53726448, 4);
	build_put(b, 0x206, version, 2);
	build_put(b, 0x211, 0xE1, 1);
	build_put(b, 0x214, 0x100000, 4);
	if (version >= 0x203)
		build_put(b, 0x22C, 0x7FFFFFFF, 4);
	if (version >= 0x205)
		build_put(b, 0x230, 0x0100200000, 5); /* 2 MiB, relocatable */
	if (version >= 0x206)
		build_put(b, 0x238, 100, 4);
	if (version >= 0x20A) {
		build_put(b, 0x258, 0x400000, 8);
		build_put(b, 0x260, 0x300000, 4);
	}
	if (version >= 0x20C)
		build_put(b, 0x236, xloadflags, 2);
	build_fill(b, 1024, 0x66, 0x1000);
}

#endif
