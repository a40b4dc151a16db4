// SPDX-License-Identifier: BSD-2-Clause
// The one host timer behind all timers of the machine's devices.
// Not the Local APICs' timers: each vCPU has its own (timer.h).
#ifndef VMM_MACHINE_CLOCK_H
#define VMM_MACHINE_CLOCK_H

#include <stdbool.h>

struct event_base;
struct machine;

/* 0 or -errno. machine_clock_close() is fine without. [loop's thread, setup] */
int machine_clock_open(struct machine *machine, struct event_base *base);
void machine_clock_close(struct machine *machine);

/* A device may want its tick at another time than before, or the I/O APIC another try. Before
 * machine_clock_open() it does nothing. [device lock held] */
void machine_clock_update(struct machine *machine);

/* Whether a device's timer is running whose interrupt may wake the guest. [device lock held] */
bool machine_clock_runs(const struct machine *machine);

#endif
