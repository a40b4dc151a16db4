// SPDX-License-Identifier: BSD-2-Clause
// Doubles, and gives up at once.
// Not a clock: times come in.

#include "vmm/halt_poll.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_NS     10000u
#define LOOK_NS      UINT64_C(5000000)
#define OFF_LEAST_NS UINT64_C(50000000)
#define OFF_MOST_NS  UINT64_C(2000000000)
#define WAIT_SHARE   8u /* of the time, spent waiting for a core: too much */

void halt_poll_learn(struct halt_poll *poll, uint64_t halted_ns)
{
	if (halted_ns > poll->most_ns)
		poll->ns = 0;
	else if (halted_ns > poll->ns)
		poll->ns = poll->ns ? 2 * poll->ns : FIRST_NS;
	if (poll->ns > poll->most_ns)
		poll->ns = poll->most_ns;
}

bool halt_poll_wants_look(const struct halt_poll *poll, uint64_t now_ns)
{
	return poll->ns && now_ns >= poll->off_until_ns && now_ns - poll->looked_ns >= LOOK_NS;
}

void halt_poll_looked(struct halt_poll *poll, uint64_t now_ns, uint64_t waited_ns)
{
	uint64_t waited = waited_ns - poll->waited_ns, time = now_ns - poll->looked_ns;

	poll->looked_ns = now_ns;
	poll->waited_ns = waited_ns;
	if (waited_ns != UINT64_MAX && waited <= time / WAIT_SHARE) {
		poll->off_ns /= 2;
		return;
	}
	poll->off_ns = 2 * poll->off_ns;
	if (poll->off_ns < OFF_LEAST_NS)
		poll->off_ns = OFF_LEAST_NS;
	if (poll->off_ns > OFF_MOST_NS)
		poll->off_ns = OFF_MOST_NS;
	poll->off_until_ns = now_ns + poll->off_ns;
}

bool halt_poll_on(const struct halt_poll *poll, uint64_t now_ns)
{
	return poll->ns && now_ns >= poll->off_until_ns;
}

uint64_t halt_poll_waited_in(const char *schedstat)
{
	char *rest;
	/* Time on a core, time waiting for one, time slices. */
	uint64_t ran = strtoull(schedstat, &rest, 10);

	return ran && *rest == ' ' ? strtoull(rest, NULL, 10) : UINT64_MAX;
}

uint64_t halt_poll_waited(void)
{
	char text[128];
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return UINT64_MAX;
	text[got] = '\0';
	return halt_poll_waited_in(text);
}

uint64_t halt_poll_most_ns(uint32_t option_us, unsigned cpus)
{
	cpu_set_t set;

	/* A host with more cores than the set has room for is one with enough. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0 && (unsigned)CPU_COUNT(&set) < cpus)
		return 0;
	return (uint64_t)option_us * 1000;
}
