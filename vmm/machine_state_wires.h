// SPDX-License-Identifier: BSD-2-Clause
// Whether loaded devices, wires and controllers agree on the level of each line between them.
// Not what a single device may hold: its own X_state_error().
#ifndef VMM_MACHINE_STATE_WIRES_H
#define VMM_MACHINE_STATE_WIRES_H

#include "devices/state.h"

struct machine;

/*
 * loaded has device members that were copied from machine and then loaded: their lines still lead
 * to the wires of machine, which is how it is wired itself.
 */
struct state_error machine_state_wires(const struct machine *machine, const struct machine *loaded);

#endif
