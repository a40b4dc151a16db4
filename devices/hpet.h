// SPDX-License-Identifier: BSD-2-Clause
// An IA-PC HPET: a 64-bit counter of 10 ns and three comparators, one-shot and periodic, that
// interrupt by edge or level. Not messages: it offers no delivery by the front side bus (MSI).
#ifndef DEVICES_HPET_H
#define DEVICES_HPET_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HPET_BASE    0xFED00000u
#define HPET_SIZE    0x400u
#define HPET_TIMERS  3u
#define HPET_TICK_NS 10u
#define HPET_ID      0x8086A201u /* the low half of the capabilities, also in ACPI's HPET table */

/*
 * Shorter periods than 100 us are followed at the first multiple that is not shorter: a periodic
 * comparator moves on by that much, and interrupts as often. Deadlines are met as they are.
 */
#define HPET_SHORTEST_PERIOD 10000u /* ticks */

/* Its outputs: IRQ 0 and IRQ 8, used only in legacy replacement, then I/O APIC inputs 20 to 23. */
#define HPET_LINE_IRQ0   0u
#define HPET_LINE_IRQ8   1u
#define HPET_LINE_20     2u
#define HPET_LINES       6u
#define HPET_FIRST_ROUTE 20u
#define HPET_LAST_ROUTE  23u

/* Calls out of the model; see devices/bus.h for the lock they are made under. */
struct hpet_ops {
	/* Nanoseconds of a clock that never goes back. Never NULL. */
	uint64_t (*now)(void *opaque);
	/*
	 * From now on IRQ 0 and IRQ 8 are comparators 0 and 1 (on), or the 8254 and the CMOS clock
	 * again (off), as after power-on: it is the owner who keeps the others from them. The
	 * HPET's own two lines are low at that moment. Never NULL.
	 */
	void (*legacy)(void *opaque, bool on);
};

struct hpet_timer {
	uint32_t config;     /* the low half of its configuration */
	uint64_t comparator; /* in 32-bit mode, as is period, below 2^32 */
	uint64_t period;     /* ticks; 0: as if one-shot */
	uint64_t due;        /* its next match, in ticks as hpet.seen; UINT64_MAX: never */
};

/* The caller's memory. Fields are for reading in tests and reports; only the functions write them.
 */
struct hpet {
	const struct hpet_ops *ops;
	void *opaque;
	uint8_t levels; /* of the lines, one bit each */
	uint8_t config; /* the general one */
	uint8_t status; /* one bit for each timer in level mode */
	uint64_t base;  /* the main counter when seen was 0 */
	uint64_t since; /* ops->now at that time; while the counter is halted it means nothing */
	uint64_t seen;  /* ticks since then, up to where all has been brought */
	struct hpet_timer timers[HPET_TIMERS];
	struct irq_line lines[HPET_LINES];
};

/*
 * Power-on: the counter is 0 and halted. The lines are copied; {0} leaves one unconnected.
 *
 * An edge is a pulse, up and down within one call: the input behind the line must be one that
 * keeps edges (the last argument of i8259_init()). A level stays until the guest clears its status.
 */
void hpet_init(struct hpet *hpet, const struct hpet_ops *ops, void *opaque,
	       const struct irq_line lines[HPET_LINES]);

/* Power-on once more. */
void hpet_reset(struct hpet *hpet);

/*
 * When hpet_tick() is to be called next, by ops->now: at the first match that is to interrupt,
 * UINT64_MAX if there is none before the guest's next access.
 */
uint64_t hpet_next(const struct hpet *hpet);

/*
 * Brings comparators, status and lines up to now; early, late or twice. Matches that a timer has
 * missed are one interrupt, and a periodic timer goes on in step.
 */
void hpet_tick(struct hpet *hpet);

/* devices/state.h. A load does not tell ops->legacy: the owner's switches are saved as well. */
void hpet_state(struct hpet *hpet, struct state *s);
struct state_error hpet_state_error(const struct hpet *hpet);

/* Whether IRQ 0 and IRQ 8 are the HPET's: what ops->legacy was last told. */
bool hpet_is_legacy(const struct hpet *hpet);

/*
 * The kilobyte at FED00000h, for bus_add(). Reads of any width within one register of 8 bytes are
 * answered, writes taken of aligned 4 and 8 bytes; anything else reads as ones and vanishes. hpet
 * must outlive the region. Threads: see devices/bus.h.
 */
struct bus_region hpet_region(struct hpet *hpet);

#ifdef __cplusplus
}
#endif
#endif
