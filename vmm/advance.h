// SPDX-License-Identifier: BSD-2-Clause
// How much before a timer's moment a CPU is woken, learnt from how late it was before.
// Not the waiting: whoever asks looks at the clock until the moment has come.
#ifndef VMM_ADVANCE_H
#define VMM_ADVANCE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advance {
	uint64_t ns;
	uint64_t most_ns; /* 0: never early */
};

/*
 * How many ns before `at_ns` to be woken, now being now_ns. 0 for what is near: so that a CPU whose
 * timer is always near has at least half of its time for itself.
 */
uint64_t advance_before(const struct advance *advance, uint64_t now_ns, uint64_t at_ns);

/*
 * It was awake this much after it was to be woken. In the long run four of five wakes are not later
 * than ns, whatever the fifth was: a busy host's milliseconds do not count for more than its
 * microseconds.
 */
void advance_learn(struct advance *advance, uint64_t late_ns);

#ifdef __cplusplus
}
#endif

#endif
