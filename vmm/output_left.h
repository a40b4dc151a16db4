// SPDX-License-Identifier: BSD-2-Clause
// What a program that was killed left of an output it had begun.
// Not how outputs are made: output_file.h.
#ifndef VMM_OUTPUT_LEFT_H
#define VMM_OUTPUT_LEFT_H

#ifdef __cplusplus
extern "C" {
#endif

/* How the names of outputs begin that are not complete. Whoever writes one holds it by flock(). */
#define OUTPUT_LEFT_PREFIX ".lapicvm-"
/* And how they end, behind eight digits: a date there is somebody's own file. */
#define OUTPUT_LEFT_SUFFIX ".part"

/* Removes from this folder all of them that are this user's and that nobody holds. Any thread. */
void output_left_sweep(const char *folder);

#ifdef __cplusplus
}
#endif

#endif
