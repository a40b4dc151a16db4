// SPDX-License-Identifier: BSD-2-Clause
// When vCPUs with Local APICs in the kernel are asked whether they sleep for ever.
// Not how they find out: census.h, vcpu_kernel.h.
#ifndef VMM_MACHINE_CENSUS_H
#define VMM_MACHINE_CENSUS_H

struct event_base;
struct machine;

/* Begins to ask, from the loop. 0 or -errno. [main thread, before the threads start] */
int machine_census_open(struct machine *machine, struct event_base *base);
/* [main thread, after the threads have ended; fine if it was not opened] */
void machine_census_close(struct machine *machine);

#endif
