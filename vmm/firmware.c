// SPDX-License-Identifier: BSD-2-Clause
// Reads a firmware image and puts it where a PC's reset vector is.
// Starts nothing: the processor after reset begins there by itself.
#include "vmm/firmware.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/image_file.h"

static bool good_size(const struct image_source *source, struct image_error *error)
{
	if (source->size && source->size <= FIRMWARE_SIZE_MAX && source->size % FIRMWARE_STEP == 0)
		return true;
	error->kind = IMAGE_BAD;
	snprintf(
		error->text, sizeof(error->text),
		"'%.1000s' is no firmware: it has %" PRIu64
		" bytes, and a PC's ROM has a multiple of 64 KiB, here 16 MiB at most; an image to "
		"boot is given without -bios",
		source->name, source->size);
	return false;
}

static bool reserve(struct ram_range *rom, uint64_t size, struct image_error *error)
{
	void *host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (host == MAP_FAILED) {
		error->kind = IMAGE_UNREADABLE;
		snprintf(error->text, sizeof(error->text), "no memory for the firmware: %s",
			 strerror(errno));
		return false;
	}
	*rom = (struct ram_range){.gpa = FIRMWARE_END - size, .host = host, .length = size};
	return true;
}

static bool shadow(const struct ram *ram, const struct ram_range *rom)
{
	uint64_t room = FIRMWARE_SHADOW_END - FIRMWARE_SHADOW;
	uint64_t size = rom->length < room ? rom->length : room;
	void *below = ram_at(ram, FIRMWARE_SHADOW_END - size, size);

	if (below)
		memcpy(below, rom->host + rom->length - size, size);
	return below != NULL;
}

bool firmware_load(const char *path, const struct ram *ram, struct ram_range *rom,
		   struct image_error *error)
{
	const struct image_file file = {.name = path};
	struct image_source source;
	bool done;

	*rom = (struct ram_range){0};
	if (!image_file_open(&file, &source, error))
		return false;
	/* RAM has 2 MiB at least, so that shadow() finds its place. */
	done = good_size(&source, error) && reserve(rom, source.size, error) &&
	       image_file_copy(&source, rom->host, error) && shadow(ram, rom);
	image_file_close(&source);
	if (!done)
		firmware_unload(rom);
	return done;
}

bool firmware_take(const void *bytes, uint64_t size, struct ram_range *rom,
		   struct image_error *error)
{
	const struct image_source source = {.name = "ROM", .size = size};

	*rom = (struct ram_range){0};
	if (!good_size(&source, error) || !reserve(rom, size, error))
		return false;
	memcpy(rom->host, bytes, size);
	return true;
}

void firmware_unload(struct ram_range *rom)
{
	if (rom->host)
		munmap(rom->host, rom->length);
	*rom = (struct ram_range){0};
}
