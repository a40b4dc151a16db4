// SPDX-License-Identifier: BSD-2-Clause
// Where modules go in guest RAM: behind the image each on a page, or all together as Linux's
// initrd. Nothing of what is in them, and not the list that tells the image of them.
#include <inttypes.h>
#include <stdio.h>

#include "vmm/image_file.h"
#include "vmm/image_load.h"

/* cpio archives stand at multiples of 4 bytes, with zeros between (Linux, "initramfs buffer
 * format"). */
enum { INITRD_ALIGN = 4 };

static bool has_room(struct image_load *load, const struct image_source *source)
{
	uint64_t low_end = load->ram->ranges[0].length;
	uint64_t size = ram_size_for(load->end, source->size) / RAM_MIB;
	char cure[64] = "no -m would give it room";

	if (source->size <= low_end - load->end)
		return true;
	if (size > 0)
		snprintf(cure, sizeof(cure), "it needs -m %" PRIu64 "M at least", size);
	return image_bad(
		load,
		"cannot load the module '%.1000s': it has %" PRIu64 " bytes, and behind the image "
		"and the modules before it %" PRIu64 " are free (%" PRIX64 "h to %" PRIX64 "h); %s",
		source->name, source->size, low_end - load->end, load->end, low_end, cure);
}

static bool load_module(struct image_load *load, size_t index)
{
	struct boot_module *module = &load->modules[index];
	struct image_source source;
	bool done;

	if (!image_file_open(&load->request->modules[index], &source, load->error))
		return false;
	done = has_room(load, &source);
	if (done && source.size > 0)
		done = image_file_copy(&source, ram_at(load->ram, load->end, source.size),
				       load->error);
	image_file_close(&source);
	module->start = load->end;
	module->end = load->end + source.size;
	load->end = ram_page_up(load->end + source.size);
	return done;
}

static uint64_t initrd_align(uint64_t size)
{
	return (size + INITRD_ALIGN - 1) / INITRD_ALIGN * INITRD_ALIGN;
}

/* The bytes of all modules together, as they are now. */
static bool initrd_size(struct image_load *load, uint64_t *total)
{
	*total = 0;
	for (size_t i = 0; i < load->request->module_count; i++) {
		struct image_source source;

		if (!image_file_open(&load->request->modules[i], &source, load->error))
			return false;
		image_file_close(&source);
		/* More than any guest has; so sums cannot wrap. */
		if (source.size > RAM_SIZE_MAX || *total > RAM_SIZE_MAX)
			return image_bad(load,
					 "cannot load the initrd '%.1000s': %" PRIu64
					 " bytes are more than any -m gives",
					 source.name, source.size);
		*total = initrd_align(*total) + source.size;
	}
	return true;
}

/*
 * As high as it may be: a kernel that is older than init_size unpacks itself to memory that nobody
 * knows the end of. Above 4 GiB only if it does not fit below.
 */
static uint64_t initrd_start(const struct image_load *load, uint64_t total)
{
	const struct ram *ram = load->ram;
	uint64_t top = ram->ranges[0].length;

	if (load->plan.initrd_max < top)
		top = load->plan.initrd_max + 1;
	if (top >= load->end && total <= top - load->end)
		return (top - total) / RAM_PAGE_SIZE * RAM_PAGE_SIZE;
	if (load->plan.initrd_above_4g && ram->range_count > 1 && total <= ram->ranges[1].length)
		return (ram->ranges[1].gpa + ram->ranges[1].length - total) / RAM_PAGE_SIZE *
		       RAM_PAGE_SIZE;
	return 0;
}

static bool no_initrd(struct image_load *load, uint64_t total)
{
	uint64_t size = ram_size_for(load->end, total);
	char cure[64] = "no -m would give it room";

	if (size > 0 && load->end + total - 1 <= load->plan.initrd_max)
		snprintf(cure, sizeof(cure), "it needs -m %" PRIu64 "M at least", size / RAM_MIB);
	return image_bad(load,
			 "cannot load the initrd '%.400s'%s: it has %" PRIu64
			 " bytes, and must lie between the kernel's end at %" PRIX64
			 "h and %" PRIX64 "h, in %" PRIu64 " MiB of RAM; %s",
			 load->request->modules[0].name,
			 load->request->module_count > 1 ? " and those behind it" : "", total,
			 load->end, load->plan.initrd_max, load->ram->size / RAM_MIB, cure);
}

static bool load_initrd_part(struct image_load *load, size_t index, uint64_t at, uint64_t limit)
{
	struct boot_module *module = &load->modules[index];
	struct image_source source;
	bool done = true;

	if (!image_file_open(&load->request->modules[index], &source, load->error))
		return false;
	if (at > limit || source.size > limit - at)
		done = image_bad(load, "cannot load the initrd '%.1000s': it grew meanwhile",
				 source.name);
	else if (source.size > 0)
		done = image_file_copy(&source, ram_at(load->ram, at, source.size), load->error);
	image_file_close(&source);
	module->start = at;
	module->end = at + source.size;
	return done;
}

/* One initrd of all modules: their archives one behind the other. */
static bool load_initrd(struct image_load *load)
{
	uint64_t total, at, limit;

	if (!initrd_size(load, &total))
		return false;
	at = initrd_start(load, total);
	if (at == 0)
		return no_initrd(load, total);
	limit = at + total;
	if (total > 0)
		ram_zero(load->ram, at, total);
	for (size_t i = 0; i < load->request->module_count; i++) {
		if (!load_initrd_part(load, i, at, limit))
			return false;
		at = initrd_align(load->modules[i].end);
	}
	return true;
}

bool image_modules_load(struct image_load *load)
{
	bool together = load->plan.mode == IMAGE_LINUX64 || load->plan.mode == IMAGE_LINUX32;

	if (together)
		return load->request->module_count == 0 || load_initrd(load);
	for (size_t i = 0; i < load->request->module_count; i++)
		if (!load_module(load, i))
			return false;
	return true;
}
