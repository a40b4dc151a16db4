// SPDX-License-Identifier: BSD-2-Clause
// What a run has to say when it is over: where each vCPU stood, and the statistics.
// Not the result's one line.
#ifndef VMM_RUN_REPORT_H
#define VMM_RUN_REPORT_H

#include <stdbool.h>

struct ending;
struct machine;
struct result;

/* Ends the run as halted for ever; which CPU to name is found when all stand still. [any thread] */
void run_report_halted(struct ending *ending);
/*
 * Adds to *result where the vCPUs stood: rip for the one that it names, a line for each where
 * nobody ran into anything (timeout, halted for ever). [after the threads have ended]
 */
void run_report_where(const struct machine *machine, struct result *result);
/*
 * Where the guest died or hangs: the machine as it stands, to stderr, four CPUs at most and first
 * the one that *result names. [after the threads have ended]
 */
void run_report_death(struct machine *machine, const struct result *result);
/* What --dump-state asks for. False with errno set: it could not be written. [after the threads
 * have ended] */
bool run_report_state(struct machine *machine);
/* To stderr. [after the threads have ended] */
void run_report_stats(const struct machine *machine);

#endif
