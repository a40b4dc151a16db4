// SPDX-License-Identifier: BSD-2-Clause
// One address space as a sorted table of regions, looked up by halving; what fits nobody is split
// into bytes. Not a device: it holds no guest state, and knows none of the models by name.
#include "devices/bus.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WIDEST 8u

static uint64_t width_mask(unsigned width)
{
	return width < WIDEST ? (UINT64_C(1) << (8 * width)) - 1 : UINT64_MAX;
}

static uint64_t region_last(const struct bus_region *region)
{
	return region->base + (region->size - 1);
}

/* How many regions start at or below address: the one that may have it is just before. */
static size_t regions_up_to(const struct bus *bus, uint64_t address)
{
	size_t low = 0;
	size_t high = bus->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bus->regions[middle].base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void bus_init(struct bus *bus, const char *name, uint64_t last, struct bus_region *table,
	      size_t capacity)
{
	*bus = (struct bus){
		.name = name,
		.last = last,
		.regions = table,
		.capacity = capacity,
	};
}

__attribute__((format(printf, 4, 5))) static enum bus_result
refuse(enum bus_result why, char *error, size_t error_size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, error_size, format, args);
	va_end(args);
	return why;
}

static bool region_is_sane(const struct bus *bus, const struct bus_region *region)
{
	return region->name && region->size && region->base <= bus->last &&
	       region->size - 1 <= bus->last - region->base && (region->widths & 1) &&
	       region->widths < 2 * WIDEST;
}

enum bus_result bus_add(struct bus *bus, const struct bus_region *region, char *error,
			size_t error_size)
{
	const struct bus_region *clash = NULL;
	size_t at;

	if (!region_is_sane(bus, region))
		return refuse(BUS_BAD_REGION, error, error_size,
			      "%s: region %s (base 0x%" PRIx64 ", size 0x%" PRIx64
			      ", widths 0x%x) is malformed or does not fit below 0x%" PRIx64,
			      bus->name, region->name ? region->name : "without a name",
			      region->base, region->size, region->widths, bus->last);

	at = regions_up_to(bus, region->base);
	if (at > 0 && region_last(&bus->regions[at - 1]) >= region->base)
		clash = &bus->regions[at - 1];
	else if (at < bus->count && bus->regions[at].base <= region_last(region))
		clash = &bus->regions[at];
	if (clash)
		return refuse(BUS_OVERLAP, error, error_size,
			      "%s: %s at 0x%" PRIx64 "-0x%" PRIx64 " overlaps %s at 0x%" PRIx64
			      "-0x%" PRIx64,
			      bus->name, region->name, region->base, region_last(region),
			      clash->name, clash->base, region_last(clash));
	if (bus->count == bus->capacity)
		return refuse(BUS_FULL, error, error_size,
			      "%s: no room for %s, all %zu regions are taken", bus->name,
			      region->name, bus->capacity);

	memmove(&bus->regions[at + 1], &bus->regions[at],
		(bus->count - at) * sizeof(bus->regions[0]));
	bus->regions[at] = *region;
	bus->count++;
	return BUS_OK;
}

enum bus_result bus_remove(struct bus *bus, uint64_t base)
{
	size_t after = regions_up_to(bus, base);

	if (after == 0 || bus->regions[after - 1].base != base)
		return BUS_NO_REGION;
	memmove(&bus->regions[after - 1], &bus->regions[after],
		(bus->count - after) * sizeof(bus->regions[0]));
	bus->count--;
	return BUS_OK;
}

const struct bus_region *bus_find(const struct bus *bus, uint64_t address)
{
	size_t after = regions_up_to(bus, address);

	if (after == 0 || region_last(&bus->regions[after - 1]) < address)
		return NULL;
	return &bus->regions[after - 1];
}

static bool takes(const struct bus_region *region, uint64_t address, unsigned width)
{
	uint64_t room = region->size - (address - region->base);

	/* A width that is a power of two is its own bit in widths. */
	return width <= room && (width & (width - 1)) == 0 && (region->widths & width);
}

/* How many bytes of the access, from its first, have an address on this bus. */
static unsigned bytes_on_bus(const struct bus *bus, uint64_t address, unsigned width)
{
	if (width > WIDEST || address > bus->last)
		return 0;
	return bus->last - address < width ? (unsigned)(bus->last - address) + 1 : width;
}

static uint64_t region_read(const struct bus_region *region, uint64_t address, unsigned width)
{
	if (!region || !region->read)
		return width_mask(width);
	return region->read(region->opaque, address - region->base, width) & width_mask(width);
}

static void region_write(const struct bus_region *region, uint64_t address, unsigned width,
			 uint64_t value)
{
	if (region && region->write)
		region->write(region->opaque, address - region->base, width,
			      value & width_mask(width));
}

uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned width)
{
	unsigned bytes = bytes_on_bus(bus, address, width);
	const struct bus_region *region = bytes ? bus_find(bus, address) : NULL;
	uint64_t value = width_mask(width);

	if (region && takes(region, address, width))
		return region_read(region, address, width);
	for (unsigned i = 0; i < bytes; i++) {
		value &= ~(UINT64_C(0xFF) << (8 * i));
		value |= region_read(bus_find(bus, address + i), address + i, 1) << (8 * i);
	}
	return value;
}

void bus_write(const struct bus *bus, uint64_t address, unsigned width, uint64_t value)
{
	unsigned bytes = bytes_on_bus(bus, address, width);
	const struct bus_region *region = bytes ? bus_find(bus, address) : NULL;

	if (region && takes(region, address, width)) {
		region_write(region, address, width, value);
		return;
	}
	for (unsigned i = 0; i < bytes; i++)
		region_write(bus_find(bus, address + i), address + i, 1, value >> (8 * i));
}
