// SPDX-License-Identifier: BSD-2-Clause
// A quantile by small steps: up by four where the wake was later, down by one where it was not.
// Not an average: one wake that is late by a time slice would spoil hundreds.
#include "vmm/advance.h"

#define DOWN_NS 250u
#define UP_NS   (4 * DOWN_NS)

uint64_t advance_before(const struct advance *advance, uint64_t now_ns, uint64_t at_ns)
{
	return at_ns > now_ns && at_ns - now_ns >= 2 * advance->ns ? advance->ns : 0;
}

void advance_learn(struct advance *advance, uint64_t late_ns)
{
	if (late_ns > advance->ns)
		advance->ns += UP_NS;
	else
		advance->ns -= advance->ns < DOWN_NS ? advance->ns : DOWN_NS;
	if (advance->ns > advance->most_ns)
		advance->ns = advance->most_ns;
}
