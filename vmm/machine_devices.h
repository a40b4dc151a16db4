// SPDX-License-Identifier: BSD-2-Clause
// The devices of a machine: where each lies and what it is wired to.
// Not the devices: those are models in devices/.
#ifndef VMM_MACHINE_DEVICES_H
#define VMM_MACHINE_DEVICES_H

#include <stdbool.h>

struct machine;
struct result;

/* Makes both buses and everything on them. False: *why names what overlaps. [setup] */
bool machine_wire(struct machine *machine, struct result *why);

#endif
