// SPDX-License-Identifier: BSD-2-Clause
// What the guest's text screen shows, kept when its machine is gone, and written to a file.
// Not how cells become characters: that is devices/vga_text_render.c.
#ifndef VMM_MACHINE_SCREEN_H
#define VMM_MACHINE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/vga_text.h"

struct machine;
struct result;

struct machine_screen {
	char text[VGA_TEXT_ROWS * VGA_TEXT_LINE]; /* UTF-8, 25 lines */
	size_t size;                              /* bytes; 0: no machine has run */
};

/* The screen as it is now. [after the threads have ended] */
void machine_screen_take(const struct machine *machine, struct machine_screen *screen);

/*
 * Puts it into the file, whole or not at all, or, where that is "-", to standard output. What
 * cannot be written is the run's result, unless that says more already. [main thread]
 */
void machine_screen_write(const struct machine_screen *screen, const char *path,
			  struct result *result);

#endif
