// SPDX-License-Identifier: BSD-2-Clause
/*
 * A LAPIC's state carried to another machine, for the tests of save and restore.
 * Not a judge of what arrives, but for this: saved again it is the same.
 */
#ifndef TESTS_LAPIC_MOVING_H
#define TESTS_LAPIC_MOVING_H

#include "tests/lapic/rig.h"

#define ROOM 1024u

struct saved {
	uint8_t bytes[ROOM];
	size_t size;
};

struct saved save_of(struct lapic *l, int inflight);
void restore_to(struct lapic *l, const struct saved *s);
/* The same LAPIC in another machine, whose clocks stand elsewhere, used before. */
struct lapic *moved(struct lapic *l);

#endif
