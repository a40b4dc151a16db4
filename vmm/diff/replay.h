// SPDX-License-Identifier: BSD-2-Clause
// Programs from files and folders, read before anything runs.
// Not their format: program.h.
#ifndef VMM_DIFF_REPLAY_H
#define VMM_DIFF_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/diff/program.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

struct replay_file {
	char *path;
	struct program program;
};

struct replay {
	struct replay_file *files;
	size_t count, room;
};

/*
 * Adds the programs of `path`: of a file, or of every *.prog in a folder, sorted by name. False:
 * *result says what cannot be read (66) or is damaged (65). replay_free() is due either way.
 */
bool replay_add(struct replay *replay, const char *path, struct result *result);
/* Of all operations: two lists with the same sum are the same. */
uint64_t replay_sum(const struct replay *replay);
void replay_free(struct replay *replay);

#ifdef __cplusplus
}
#endif

#endif
