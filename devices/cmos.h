// SPDX-License-Identifier: BSD-2-Clause
// The PC's CMOS memory and clock at 70h/71h: an MC146818, and the BIOS's notes on the machine.
// Not an alarm: it raises no interrupt, and of status C's flags only "update ended" is ever set.
#ifndef DEVICES_CMOS_H
#define DEVICES_CMOS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "devices/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CMOS_PORT      0x70u
#define CMOS_PORTS     2u
#define CMOS_REGISTERS 128u
#define CMOS_SHUTDOWN  0x0Fu /* shutdown code: what the BIOS is to do after a reset */

/* Calls out of the model; see devices/bus.h for the lock they are made under. */
struct cmos_ops {
	/*
	 * The time of day: seconds since 1970-01-01 (in whatever zone the guest's clock is to show)
	 * within
	 * +-2^50, and nanoseconds 0 to 999999999. It may stand still or step back, and is asked at
	 * every access to 71h. Never NULL.
	 */
	void (*now)(void *opaque, struct timespec *now);
};

struct cmos_machine {
	uint64_t ram_below_4g; /* bytes of RAM under the 4 GiB border, the first 640 KiB included */
	uint64_t ram_above_4g; /* bytes */
	unsigned cpus;         /* at least 1; 5Fh holds 256 at most */
};

/* The caller's memory. Fields are for reading in tests and reports; only the functions write them.
 */
struct cmos {
	const struct cmos_ops *ops;
	void *opaque;
	uint8_t index;        /* 0 to 127: what 71h reaches */
	bool nmi_masked;      /* bit 7 of what was last written to 70h */
	int64_t seconds_off;  /* the guest's time minus ops->now */
	uint32_t phase_off;   /* nanoseconds added to that, below one second */
	int64_t updates_seen; /* how far status C's update-ended flag has been brought */
	uint8_t regs[CMOS_REGISTERS];
};

/* A set clock (24 hours, BCD) on a healthy battery, and memory that describes the machine. */
void cmos_init(struct cmos *cmos, const struct cmos_ops *ops, void *opaque,
	       const struct cmos_machine *machine);

/* The chip's RESET pin: interrupt enables and flags go, time and memory stay. */
void cmos_reset(struct cmos *cmos);

/*
 * Ports 70h (index; bit 7 masks NMI; reads are open bus) and 71h (data), for bus_add(). cmos must
 * outlive the region. Threads: see devices/bus.h.
 */
struct bus_region cmos_region(struct cmos *cmos);

#ifdef __cplusplus
}
#endif
#endif
