// SPDX-License-Identifier: BSD-2-Clause
// The last exits of a vCPU, for the report of what a kernel did before it died.
// Not statistics, and nothing in the program depends on them.
#ifndef VMM_INFO_EXITS_H
#define VMM_INFO_EXITS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/exit.h"
#include "vmm/info_format.h"

#ifdef __cplusplus
extern "C" {
#endif

#define INFO_EXITS 16u

struct info_exit {
	enum exit_kind kind;
	uint32_t reason;  /* KVM_EXIT_* */
	uint64_t address; /* port, physical address or MSR; of EXIT_EOI the vector; else 0 */
	uint64_t value;   /* what was written, of strings the first element; of a read 0 */
	unsigned width, count;
	bool write;
	uint64_t times; /* so often in a row, but for the value: that is the last one's */
};

/* All zeros at the start. */
struct info_exits {
	struct info_exit last[INFO_EXITS];
	unsigned next; /* place of the next one */
};

/* Before the exit is answered. [owner] */
void info_exits_add(struct info_exits *exits, const struct exit *exit);

/* The oldest first: a line for each, or a JSON array without a newline behind it. [the owner
 * stands still] */
void info_exits_print(const struct info_exits *exits, enum info_format format, FILE *to);

#ifdef __cplusplus
}
#endif
#endif
