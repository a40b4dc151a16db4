// SPDX-License-Identifier: BSD-2-Clause
// Doubles, and gives up at once.
// No clock here.

#include "vmm/halt_poll.h"

#include <sched.h>

#define FIRST_NS 10000u

void halt_poll_learn(struct halt_poll *poll, uint64_t halted_ns)
{
	if (halted_ns > poll->most_ns)
		poll->ns = 0;
	else if (halted_ns > poll->ns)
		poll->ns = poll->ns ? 2 * poll->ns : FIRST_NS;
	if (poll->ns > poll->most_ns)
		poll->ns = poll->most_ns;
}

uint64_t halt_poll_most_ns(uint32_t option_us, unsigned cpus)
{
	cpu_set_t set;

	/* A host with more cores than the set has room for is one with enough. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0 && (unsigned)CPU_COUNT(&set) < cpus)
		return 0;
	return (uint64_t)option_us * 1000;
}
