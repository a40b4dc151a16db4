// SPDX-License-Identifier: BSD-2-Clause
// The PC's CMOS memory and clock at 70h/71h: an MC146818 with the interrupts that are IRQ 8, and
// the BIOS's notes on the machine. Not the square wave, nor another crystal than the PC's 32768 Hz
// one.
#ifndef DEVICES_CMOS_H
#define DEVICES_CMOS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CMOS_PORT      0x70u
#define CMOS_PORTS     2u
#define CMOS_REGISTERS 128u
#define CMOS_SHUTDOWN  0x0Fu /* shutdown code: what the BIOS is to do after a reset */

/* Calls out of the model; see devices/bus.h for the lock they are made under. */
struct cmos_ops {
	/* Nanoseconds of a clock that never goes back, below 2^63. The chip runs on it. Never NULL.
	 */
	uint64_t (*now)(void *opaque);
	/*
	 * The time of day: seconds since 1970-01-01 (in whatever zone the guest's clock is to show)
	 * within +-2^50, and nanoseconds 0 to 999999999. The clock starts with it; when it parts
	 * from ops->now by more than two seconds, because the host was asleep or its clock was set,
	 * the guest's clock makes the same step. It is asked at every access to 71h and at every
	 * tick. Never NULL.
	 */
	void (*time_of_day)(void *opaque, struct timespec *now);
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
	struct irq_line irq;
	bool irq_level;      /* that of status C's IRQF */
	uint8_t index;       /* 0 to 127: what 71h reaches */
	bool nmi_masked;     /* bit 7 of what was last written to 70h */
	uint32_t phase_off;  /* the divider chain minus ops->now: nanoseconds below one second */
	uint64_t seen;       /* the divider chain, up to where the registers have been brought */
	int64_t seconds_off; /* the guest's time minus the chain's seconds */
	int64_t host_off;    /* the time of day minus the chain's seconds */
	uint8_t regs[CMOS_REGISTERS];
};

/*
 * A set clock (24 hours, BCD) on a healthy battery, and memory that describes the machine. ops and
 * opaque stay the caller's; irq is copied, {0} leaves it unconnected.
 */
void cmos_init(struct cmos *cmos, const struct cmos_ops *ops, void *opaque, struct irq_line irq,
	       const struct cmos_machine *machine);

/* What stands at CMOS_SHUTDOWN, and 0 in its place: a BIOS that acts on it forgets it. */
uint8_t cmos_shutdown_code(const struct cmos *cmos);
void cmos_clear_shutdown_code(struct cmos *cmos);

/* The chip's RESET pin: interrupt enables and flags go, time and memory stay. */
void cmos_reset(struct cmos *cmos);

/*
 * When cmos_tick() is to be called next, by ops->now: at the next interrupt that is enabled, unless
 * the line is high already. UINT64_MAX: not before the guest's next access to 71h.
 */
uint64_t cmos_next(const struct cmos *cmos);

/*
 * Brings flags and interrupt line up to now; it may come early, late or twice. Flags are not
 * counted: of all the periods, updates and alarms since status C was last read each kind is one.
 */
void cmos_tick(struct cmos *cmos);

/*
 * devices/state.h. What the time of day has moved beyond ops->now since the state was saved, the
 * guest's clock moves too at its next access or tick, as after a suspend of the host.
 */
void cmos_state(struct cmos *cmos, struct state *s);
struct state_error cmos_state_error(const struct cmos *cmos);

/*
 * Ports 70h (index; bit 7 masks NMI; reads are open bus) and 71h (data), for bus_add(). cmos must
 * outlive the region. Threads: see devices/bus.h.
 */
struct bus_region cmos_region(struct cmos *cmos);

#ifdef __cplusplus
}
#endif
#endif
