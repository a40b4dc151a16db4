// SPDX-License-Identifier: BSD-2-Clause
// Carries a format's plan out in guest RAM, checked against RAM, reserved areas and itself.
// Knows no file format; where modules go is image.c's choice.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/boot.h"
#include "vmm/image_format.h"

/* Where GDT and information may lie below 1 MiB; the rest there is left to the guest. */
#define TABLES_LOW_ROOM  (BOOT_PAGE_TABLES - BOOT_TABLES_START)
#define TABLES_TOP_START UINT64_C(0x10000)
#define TABLES_TOP_END   UINT64_C(0x9F000)

static uint64_t segment_end(const struct image_segment *segment)
{
	return segment->gpa + segment->memory_size;
}

static bool segment_touches(const struct image_segment *segment, uint64_t start, uint64_t end)
{
	return segment->gpa < end && start < segment_end(segment);
}

static bool plan_touches(const struct image_plan *plan, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < plan->segment_count; i++)
		if (segment_touches(&plan->segments[i], start, end))
			return true;
	return false;
}

/* The size for -m that would hold all segments, in MiB; 0 if none would. */
static uint64_t mib_for(const struct image_plan *plan)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < plan->segment_count; i++) {
		uint64_t size = ram_size_for(plan->segments[i].gpa, plan->segments[i].memory_size);

		if (size == 0)
			return 0;
		if (size > most)
			most = size;
	}
	return most / RAM_MIB;
}

static bool outside_ram(const struct image_plan *plan, const struct image_segment *segment,
			const struct ram *ram, struct image_reason *why)
{
	uint64_t mib = mib_for(plan);
	char cure[64] = "no -m would hold it";

	if (mib > 0)
		snprintf(cure, sizeof(cure), "-m %" PRIu64 "M would hold it", mib);
	image_refuse(why, IMAGE_BROKEN,
		     "its segment %" PRIX64 "h-%" PRIX64 "h lies outside the guest's RAM (%" PRIu64
		     " MiB: 0-%" PRIX64 "h%s); %s",
		     segment->gpa, segment_end(segment) - 1, ram->size / RAM_MIB,
		     ram->ranges[0].length - 1, ram->range_count > 1 ? " and from 4 GiB" : "",
		     cure);
	return false;
}

static bool check_segment(const struct image_plan *plan, const struct image_segment *segment,
			  const struct ram *ram, struct image_reason *why)
{
	uint64_t last = segment_end(segment) - 1;

	if (!image_is_paged(plan) && last >= RAM_HIGH_START) {
		image_refuse(why, IMAGE_BROKEN,
			     "its segment %" PRIX64 "h-%" PRIX64
			     "h lies above 4 GiB, out of reach for what starts without paging",
			     segment->gpa, last);
		return false;
	}
	if (!ram_at(ram, segment->gpa, segment->memory_size))
		return outside_ram(plan, segment, ram, why);
	if (segment_touches(segment, RAM_RESERVED, RAM_ONE_MEGABYTE)) {
		image_refuse(why, IMAGE_BROKEN,
			     "its segment %" PRIX64 "h-%" PRIX64
			     "h touches A0000h-FFFFFh, which is not the guest's to use; link "
			     "all of it, an ELF file's headers too, to 1 MiB or higher",
			     segment->gpa, last);
		return false;
	}
	if (image_is_paged(plan) && segment_touches(segment, BOOT_TABLES_START, BOOT_TABLES_END)) {
		image_refuse(why, IMAGE_BROKEN,
			     "its segment %" PRIX64 "h-%" PRIX64 "h touches %" PRIX64 "h-%" PRIX64
			     "h, where the first page tables and the boot information lie; link it "
			     "to 1 MiB or higher",
			     segment->gpa, last, BOOT_TABLES_START, BOOT_TABLES_END - 1);
		return false;
	}
	return true;
}

static bool check_overlap(const struct image_plan *plan, unsigned index, struct image_reason *why)
{
	const struct image_segment *segment = &plan->segments[index];

	for (unsigned i = 0; i < index; i++) {
		const struct image_segment *other = &plan->segments[i];

		if (!segment_touches(segment, other->gpa, segment_end(other)))
			continue;
		image_refuse(why, IMAGE_BROKEN,
			     "its segments %" PRIX64 "h-%" PRIX64 "h and %" PRIX64 "h-%" PRIX64
			     "h overlap",
			     other->gpa, segment_end(other) - 1, segment->gpa,
			     segment_end(segment) - 1);
		return false;
	}
	return true;
}

static bool check_entry(const struct image_plan *plan, struct image_reason *why)
{
	bool loaded = false;

	for (unsigned i = 0; i < plan->segment_count; i++) {
		const struct image_segment *segment = &plan->segments[i];

		loaded |= plan->entry >= segment->gpa &&
			  plan->entry - segment->gpa < segment->file_size;
	}
	if (!loaded)
		image_refuse(why, IMAGE_BROKEN,
			     "its entry point %" PRIX64 "h lies in nothing that is loaded",
			     plan->entry);
	else if (plan->entry >= RAM_HIGH_START)
		image_refuse(why, IMAGE_BROKEN,
			     "its entry point %" PRIX64
			     "h lies above 4 GiB, which is not mapped when it starts",
			     plan->entry);
	return loaded && plan->entry < RAM_HIGH_START;
}

bool image_place_check(const struct image_plan *plan, const struct ram *ram,
		       struct image_reason *why)
{
	for (unsigned i = 0; i < plan->segment_count; i++)
		if (!check_segment(plan, &plan->segments[i], ram, why) ||
		    !check_overlap(plan, i, why))
			return false;
	return check_entry(plan, why);
}

void image_place_segments(const struct image_plan *plan, const struct image_bytes *file,
			  const struct ram *ram)
{
	for (unsigned i = 0; i < plan->segment_count; i++) {
		const struct image_segment *segment = &plan->segments[i];
		void *host = ram_at(ram, segment->gpa, segment->memory_size);

		if (segment->file_size > 0)
			memcpy(host, file->bytes + segment->file_offset, segment->file_size);
		ram_zero(ram, segment->gpa + segment->file_size,
			 segment->memory_size - segment->file_size);
	}
}

uint64_t image_place_end(const struct image_plan *plan)
{
	uint64_t end = RAM_ONE_MEGABYTE;

	for (unsigned i = 0; i < plan->segment_count; i++)
		if (plan->segments[i].gpa < RAM_HIGH_START && segment_end(&plan->segments[i]) > end)
			end = segment_end(&plan->segments[i]);
	return ram_page_up(end);
}

uint64_t image_place_tables(const struct image_plan *plan, const struct ram *ram, uint64_t size,
			    uint64_t *end)
{
	uint64_t start;

	if (size <= TABLES_LOW_ROOM &&
	    !plan_touches(plan, BOOT_TABLES_START, BOOT_TABLES_START + ram_page_up(size)))
		return BOOT_TABLES_START;
	if (size <= TABLES_TOP_END - TABLES_TOP_START) {
		start = TABLES_TOP_END - ram_page_up(size);
		if (!plan_touches(plan, start, TABLES_TOP_END))
			return start;
	}
	if (!ram_at(ram, *end, size))
		return 0;
	start = *end;
	*end = ram_page_up(start + size);
	return start;
}
