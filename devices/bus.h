// SPDX-License-Identifier: BSD-2-Clause
// One address space, ports or memory: which device model answers which addresses, at which widths.
// Not where RAM or a vCPU's own LAPIC page is found: the VMM takes those accesses before.
#ifndef DEVICES_BUS_H
#define DEVICES_BUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Threads: neither a bus nor any model of devices/ locks anything. Whoever owns the machine holds
 * one lock around every call into this folder, bus_read() and bus_write() above all; the models'
 * calls back (transmit, reset, exit, irq_line ...) are then made with that lock held, and must not
 * call back into the same model. Before the first vCPU runs no lock is needed.
 *
 * The table changes only in bus_add() and bus_remove(). A region's own callback may call both, for
 * its own region too: the bus looks the table up again before it touches it again.
 */

/* The last address of the two kinds of bus. */
#define BUS_LAST_PORT   0xFFFFu
#define BUS_LAST_MEMORY UINT64_MAX

/*
 * A device's callbacks. The access lies wholly within the region: offset + width <= region's size.
 * width is one that the region takes, in bytes. value is zero above width; the result may be
 * anything above width, the bus cuts it off.
 */
typedef uint64_t bus_read_fn(void *opaque, uint64_t offset, unsigned width);
typedef void bus_write_fn(void *opaque, uint64_t offset, unsigned width, uint64_t value);

struct bus_region {
	uint64_t base;
	uint64_t size;       /* bytes, at least 1; base + size - 1 is on the bus */
	const char *name;    /* outlives the region; for messages */
	unsigned widths;     /* the widths taken, in bytes, or-ed: 1 always, and 2, 4, 8 */
	bus_read_fn *read;   /* NULL: reads are open bus */
	bus_write_fn *write; /* NULL: writes are dropped */
	void *opaque;
};

struct bus {
	const char *name;
	uint64_t last;
	struct bus_region *regions; /* ascending by base */
	size_t capacity;
	size_t count;
};

enum bus_result {
	BUS_OK,
	BUS_BAD_REGION, /* no size, past the end of the bus, no name, or widths without 1 or beyond
			   8 */
	BUS_OVERLAP,    /* another region has one of these addresses */
	BUS_FULL,       /* the table's memory is used up */
	BUS_NO_REGION,  /* no region starts there */
};

/*
 * Makes an empty bus in the caller's memory. last is the highest address, name ("port I/O") is for
 * messages; table has room for capacity regions and belongs to the bus as long as it is used.
 */
void bus_init(struct bus *bus, const char *name, uint64_t last, struct bus_region *table,
	      size_t capacity);

/*
 * Takes a copy of *region into the table. On refusal the bus is as it was, and error (which may be
 * NULL when error_size is 0) holds one line that says why; an overlap names both regions.
 */
enum bus_result bus_add(struct bus *bus, const struct bus_region *region, char *error,
			size_t error_size);

/* Takes out the region that starts at base: BUS_OK or BUS_NO_REGION. */
enum bus_result bus_remove(struct bus *bus, uint64_t base);

/* The region that has this address, or NULL. Valid until the table changes. */
const struct bus_region *bus_find(const struct bus *bus, uint64_t address);

/*
 * One access of width bytes, 1 to 8 (also 3, 5, 6, 7: KVM cuts MMIO at page borders). One that lies
 * in a single region that takes its width goes there whole; any other is split into bytes, the
 * lowest address (the least significant byte) first, each going to whoever has its address. Where
 * nobody is, reads give ones and writes vanish, and so do bytes past the last address: nothing
 * wraps around. Of any other width reads are all ones and writes vanish. String instructions are
 * given element by element. The result of bus_read() is zero above width.
 */
uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned width);
void bus_write(const struct bus *bus, uint64_t address, unsigned width, uint64_t value);

#ifdef __cplusplus
}
#endif
#endif
