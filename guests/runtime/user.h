// SPDX-License-Identifier: BSD-2-Clause
// Code at CPL3: run it, and leave it from an interrupt or exception handler.
// No system calls.
#ifndef GUESTS_RUNTIME_USER_H
#define GUESTS_RUNTIME_USER_H

#include <stdbool.h>

#include "guests/runtime/trap.h"

/* Enters `code` at CPL3, interrupts on, on a stack of its own; returns after user_leave(),
 * interrupts off. `code` must not return. Any processor, one at a time on each. */
void user_run(void (*code)(void));
/* Makes the handler's return lead back to behind user_run(). */
void user_leave(struct trap_frame *frame);
/* Whether the interrupted code was at CPL3. */
bool user_was_in(const struct trap_frame *frame);

#endif
