// SPDX-License-Identifier: BSD-2-Clause
// Program headers of a static ELF executable, 32 or 64 bits wide, turned into a plan.
// Not the entry state, which image_elf_enter.c and Multiboot decide; no sections, no symbols.
#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "vmm/image_format.h"

/* What is used of either header, widened to 64 bits. */
struct elf_header {
	uint16_t type, machine, phentsize, phnum;
	uint64_t entry, phoff;
};

struct elf_segment {
	uint32_t type;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

bool image_elf_has_magic(const struct image_bytes *file)
{
	return file->size >= SELFMAG && memcmp(file->bytes, ELFMAG, SELFMAG) == 0;
}

bool image_elf_is_64(const struct image_bytes *file)
{
	return file->size > EI_CLASS && file->bytes[EI_CLASS] == ELFCLASS64;
}

static void read_header32(const struct image_bytes *file, struct elf_header *to)
{
	Elf32_Ehdr from;

	memcpy(&from, file->bytes, sizeof(from));
	*to = (struct elf_header){.type = from.e_type,
				  .machine = from.e_machine,
				  .phentsize = from.e_phentsize,
				  .phnum = from.e_phnum,
				  .entry = from.e_entry,
				  .phoff = from.e_phoff};
}

static void read_header64(const struct image_bytes *file, struct elf_header *to)
{
	Elf64_Ehdr from;

	memcpy(&from, file->bytes, sizeof(from));
	*to = (struct elf_header){.type = from.e_type,
				  .machine = from.e_machine,
				  .phentsize = from.e_phentsize,
				  .phnum = from.e_phnum,
				  .entry = from.e_entry,
				  .phoff = from.e_phoff};
}

static struct elf_segment read_segment(const struct image_bytes *file, uint64_t offset)
{
	Elf32_Phdr narrow;
	Elf64_Phdr wide;

	if (image_elf_is_64(file)) {
		memcpy(&wide, file->bytes + offset, sizeof(wide));
		return (struct elf_segment){wide.p_type,  wide.p_offset, wide.p_vaddr,
					    wide.p_paddr, wide.p_filesz, wide.p_memsz,
					    wide.p_align};
	}
	memcpy(&narrow, file->bytes + offset, sizeof(narrow));
	return (struct elf_segment){narrow.p_type,  narrow.p_offset, narrow.p_vaddr,
				    narrow.p_paddr, narrow.p_filesz, narrow.p_memsz,
				    narrow.p_align};
}

static enum image_verdict check_ident(const struct image_bytes *file, struct image_reason *why)
{
	size_t header_size = image_elf_is_64(file) ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);

	if (file->size < EI_NIDENT)
		return image_refuse(why, IMAGE_BROKEN, "truncated: an ELF file of %zu bytes",
				    file->size);
	if (file->bytes[EI_CLASS] != ELFCLASS32 && file->bytes[EI_CLASS] != ELFCLASS64)
		return image_refuse(why, IMAGE_BROKEN, "an ELF file of unknown class %u",
				    file->bytes[EI_CLASS]);
	if (file->bytes[EI_DATA] != ELFDATA2LSB)
		return image_refuse(why, IMAGE_BROKEN, "an ELF file that is not little-endian");
	if (file->size < header_size)
		return image_refuse(why, IMAGE_BROKEN,
				    "truncated: %zu bytes, but the ELF header alone has %zu",
				    file->size, header_size);
	return IMAGE_FITS;
}

static enum image_verdict check_header(const struct image_bytes *file,
				       const struct elf_header *header, struct image_reason *why)
{
	bool wide = image_elf_is_64(file);
	size_t entry_size = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t table_size = (uint64_t)header->phnum * entry_size;

	if (header->machine != (wide ? EM_X86_64 : EM_386))
		return image_refuse(
			why, IMAGE_BROKEN, "an ELF%d file for machine %u; only %s can run here",
			wide ? 64 : 32, header->machine, wide ? "62 (x86-64)" : "3 (80386)");
	if (header->type == ET_DYN)
		return image_refuse(why, IMAGE_BROKEN,
				    "position-independent or a shared object; link it to a fixed "
				    "address (-static -no-pie)");
	if (header->type != ET_EXEC)
		return image_refuse(why, IMAGE_BROKEN,
				    "an ELF file of type %u, which is no executable; link it",
				    header->type);
	if (header->phnum == 0)
		return image_refuse(why, IMAGE_BROKEN, "an ELF file without program headers");
	if (header->phentsize != entry_size)
		return image_refuse(why, IMAGE_BROKEN,
				    "its program headers are %u bytes each; they should be %zu",
				    header->phentsize, entry_size);
	if (header->phoff > file->size || table_size > file->size - header->phoff)
		return image_refuse(why, IMAGE_BROKEN,
				    "truncated: %u program headers at offset %" PRIu64
				    " do not fit into its %zu bytes",
				    header->phnum, header->phoff, file->size);
	return IMAGE_FITS;
}

static enum image_verdict check_segment(const struct image_bytes *file, unsigned index,
					const struct elf_segment *segment, struct image_reason *why)
{
	if (segment->offset > file->size || segment->filesz > file->size - segment->offset)
		return image_refuse(why, IMAGE_BROKEN,
				    "truncated: program header %u wants %" PRIu64
				    " bytes at offset %" PRIu64 ", the file has %zu",
				    index, segment->filesz, segment->offset, file->size);
	if (segment->filesz > segment->memsz)
		return image_refuse(why, IMAGE_BROKEN,
				    "program header %u has more bytes in the file (%" PRIu64
				    ") than in memory (%" PRIu64 ")",
				    index, segment->filesz, segment->memsz);
	if (segment->memsz > UINT64_MAX - segment->paddr)
		return image_refuse(why, IMAGE_BROKEN,
				    "program header %u wraps around the end of the address space "
				    "(%" PRIX64 "h + %" PRIX64 "h bytes)",
				    index, segment->paddr, segment->memsz);
	return IMAGE_FITS;
}

/*
 * e_entry is a virtual address by the ELF specification, yet kernels linked high often give a
 * physical one: what is not inside a segment's virtual addresses is taken as it stands.
 */
static void translate_entry(struct image_plan *plan, uint64_t entry,
			    const struct elf_segment *segment, bool *found)
{
	if (!*found && entry >= segment->vaddr && entry - segment->vaddr < segment->filesz) {
		plan->entry = segment->paddr + (entry - segment->vaddr);
		*found = true;
	}
}

static enum image_verdict add_segments(const struct image_bytes *file,
				       const struct elf_header *header, struct image_plan *plan,
				       struct image_reason *why)
{
	bool found = false;

	plan->entry = header->entry;
	for (unsigned i = 0; i < header->phnum; i++) {
		struct elf_segment segment =
			read_segment(file, header->phoff + (uint64_t)i * header->phentsize);
		enum image_verdict verdict;

		if (segment.type == PT_INTERP)
			return image_refuse(why, IMAGE_BROKEN,
					    "dynamically linked, a program for an operating "
					    "system; link it statically");
		if (segment.type == PT_NOTE)
			image_elf_read_notes(file, segment.offset, segment.filesz, segment.align,
					     &plan->notes);
		if (segment.type != PT_LOAD || segment.memsz == 0)
			continue;
		verdict = check_segment(file, i, &segment, why);
		if (verdict != IMAGE_FITS)
			return verdict;
		if (plan->segment_count == IMAGE_SEGMENTS_MAX)
			return image_refuse(why, IMAGE_BROKEN, "more than %d segments to load",
					    IMAGE_SEGMENTS_MAX);
		plan->segments[plan->segment_count++] =
			(struct image_segment){.gpa = segment.paddr,
					       .memory_size = segment.memsz,
					       .file_offset = segment.offset,
					       .file_size = segment.filesz};
		translate_entry(plan, header->entry, &segment, &found);
	}
	if (plan->segment_count == 0)
		return image_refuse(why, IMAGE_BROKEN, "an ELF file with nothing to load");
	return IMAGE_FITS;
}

enum image_verdict image_elf_plan(const struct image_bytes *file, struct image_plan *plan,
				  struct image_reason *why)
{
	struct elf_header header;
	enum image_verdict verdict = check_ident(file, why);

	if (verdict != IMAGE_FITS)
		return verdict;
	if (image_elf_is_64(file))
		read_header64(file, &header);
	else
		read_header32(file, &header);
	verdict = check_header(file, &header, why);
	if (verdict != IMAGE_FITS)
		return verdict;
	return add_segments(file, &header, plan, why);
}
