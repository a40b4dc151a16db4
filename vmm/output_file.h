// SPDX-License-Identifier: BSD-2-Clause
// A file that appears whole or not at all: written beside its place, then renamed into it.
// Not for the guest's console, which is a stream.
#ifndef VMM_OUTPUT_FILE_H
#define VMM_OUTPUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct output_file {
	FILE *stream; /* to be written to; NULL when closed */
	char *path;   /* its place, links followed */
	char *name;   /* it has for now, beside its place; NULL: none as yet, or written in place */
	int held; /* another descriptor of a file that has no name or another one; -1: written in
		     place, since the place is no regular file (/dev/stderr, a pipe) */
};

/*
 * Makes a new file for this place. False with errno set: nothing is open, and what was there stays,
 * as does a file that may not be written. Main thread.
 *
 * Until it is complete it has no name, so that nothing is left of it whatever ends the program; on
 * file systems that have no such files, and for the moment in which one replaces the other, it is
 * called ".lapicvm-", eight digits and ".part". One of those that is left by a program that was
 * killed is removed by the next that opens an output in the same folder.
 */
bool output_file_open(struct output_file *file, const char *path);
/* Ends the writing and puts the file into its place. False with errno set: what was there stays.
 * Closes either way. */
bool output_file_commit(struct output_file *file);
/*
 * The same, and true is said when the disk has it: no later crash or loss of power leaves an empty
 * file or the old one. False: what was there stays, or, where the new one is whole and the disk
 * failed as the folder was written, either may come back after a crash.
 */
bool output_file_commit_durable(struct output_file *file);
/* Ends the writing, leaves nothing. */
void output_file_abandon(struct output_file *file);
/* Whether output_file_open() would succeed now: to find out before the work, not after. False with
 * errno set. */
bool output_file_possible(const char *path);

#ifdef __cplusplus
}
#endif

#endif
