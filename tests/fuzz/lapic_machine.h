// SPDX-License-Identifier: BSD-2-Clause
/*
 * A machine of a few LAPICs with a clock that the fuzzers turn.
 * Not a test of itself.
 */
#ifndef TESTS_FUZZ_LAPIC_MACHINE_H
#define TESTS_FUZZ_LAPIC_MACHINE_H

#include "lapic/lapic.h"

#define MACHINE_LAPICS 3u

struct machine {
	struct lapic_map *map;
	struct lapic *lapics[MACHINE_LAPICS];
	uint64_t ns, tsc;
};

/* Bits of `flavour` choose the configuration's fields. */
void machine_make(struct machine *m, uint32_t flavour);
void machine_free(struct machine *m);

#endif
