// SPDX-License-Identifier: BSD-2-Clause
// What the loader and the platform tell the guest: its arguments, the number of processors.
// Not the Multiboot structure: only what guests ask for.
#ifndef GUESTS_RUNTIME_BOOT_H
#define GUESTS_RUNTIME_BOOT_H

#include <stdint.h>

/* What every guest defines; to return is guest_pass(). Runs on the BSP, interrupts off. */
void guest_main(void);

/* Value of the argument "name=value", "" for a bare "name", NULL if it was not given. */
const char *guest_arg(const char *name);
/* The number in it, or the default. */
unsigned guest_arg_number(const char *name, unsigned otherwise);

/* Called by start.S with the address of the Multiboot information. */
void guest_boot(uint32_t info);

#endif
