// SPDX-License-Identifier: BSD-2-Clause
// The monitor's commands, each a line of words.
// Not who types them, and not how the vCPUs are made to stand still.
#ifndef VMM_MONITOR_COMMAND_H
#define VMM_MONITOR_COMMAND_H

#include <stdbool.h>

struct monitor;

/* Whether this line is a command for vCPUs that stand still. */
bool monitor_command_waits(const char *line);

/* Does it and says what it gave, or in one sentence why not. [main thread; where it waits for that
 * and there is a machine, all vCPUs stand still] */
void monitor_command(struct monitor *monitor, const char *line);

#endif
