// SPDX-License-Identifier: BSD-2-Clause
// The user's terminal while a guest has it: raw, and as it was again on every way out.
// Not the bytes that go through it.
#ifndef VMM_TERMINAL_H
#define VMM_TERMINAL_H

#include <stdbool.h>

/*
 * Makes the terminal behind fd raw: every key comes through as it is. False, with nothing changed,
 * where fd is no terminal or this process is not in its foreground. From the first success on the
 * terminal is also restored by exit(3) and by signals that kill. One terminal at a time. [main
 * thread]
 */
bool terminal_raw(int fd);
/* As it was before; harmless at any time, async-signal-safe. */
void terminal_restore(void);

#endif
