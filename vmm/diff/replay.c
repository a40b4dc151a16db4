// SPDX-License-Identifier: BSD-2-Clause
// Finds program files and reads them all.
// Nothing is run here, and nothing is left half read: one that is damaged refuses the whole list.
#include "vmm/diff/replay.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/diff/fingerprint.h"
#include "vmm/ending.h"

#define SUFFIX ".prog"

static bool refuse(const char *path, struct result *result)
{
	ending_fill(result, errno == ENOMEM ? RESULT_INTERNAL : RESULT_UNREADABLE,
		    "--replay %s: %s", path, strerror(errno));
	return false;
}

static bool grow(struct replay *replay)
{
	size_t room = replay->room ? 2 * replay->room : 16;
	struct replay_file *files;

	if (replay->count < replay->room)
		return true;
	files = reallocarray(replay->files, room, sizeof(*files));
	if (!files)
		return false;
	replay->files = files;
	replay->room = room;
	return true;
}

static bool add_file(struct replay *replay, const char *path, struct result *result)
{
	struct replay_file file = {.path = strdup(path)};
	FILE *from = fopen(path, "re");
	char why[512];
	bool good, unreadable;

	if (!from || !file.path || !grow(replay)) {
		good = refuse(path, result);
		free(file.path);
		if (from)
			fclose(from);
		return good;
	}
	good = program_read(&file.program, from, path, why, sizeof(why));
	unreadable = ferror(from) != 0;
	fclose(from);
	if (good) {
		replay->files[replay->count++] = file;
	} else {
		free(file.path);
		ending_fill(result, unreadable ? RESULT_UNREADABLE : RESULT_BAD_IMAGE, "%s", why);
	}
	return good;
}

static int is_program(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > strlen(SUFFIX) && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static bool add_entry(struct replay *replay, const char *folder, const char *name,
		      struct result *result)
{
	size_t length = strlen(folder);
	const char *slash = length && folder[length - 1] == '/' ? "" : "/";
	char *path;
	bool good;

	if (asprintf(&path, "%s%s%s", folder, slash, name) < 0) {
		errno = ENOMEM;
		return refuse(folder, result);
	}
	good = add_file(replay, path, result);
	free(path);
	return good;
}

static bool add_folder(struct replay *replay, const char *folder, struct result *result)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_program, alphasort);
	bool good = count > 0;

	if (count < 0)
		return refuse(folder, result);
	if (count == 0)
		ending_fill(result, RESULT_UNREADABLE, "--replay %s: no *%s in this folder", folder,
			    SUFFIX);
	for (int i = 0; i < count; i++) {
		good = good && add_entry(replay, folder, entries[i]->d_name, result);
		free(entries[i]);
	}
	free(entries);
	return good;
}

bool replay_add(struct replay *replay, const char *path, struct result *result)
{
	struct stat there;

	if (stat(path, &there) != 0)
		return refuse(path, result);
	return S_ISDIR(there.st_mode) ? add_folder(replay, path, result)
				      : add_file(replay, path, result);
}

uint64_t replay_sum(const struct replay *replay)
{
	uint64_t sum = FINGERPRINT_EMPTY;

	for (size_t i = 0; i < replay->count; i++) {
		const struct program *program = &replay->files[i].program;

		sum = fingerprint_number(sum, program->cpus);
		sum = fingerprint_number(sum, program->started);
		sum = fingerprint_number(sum, program->count);
		for (size_t k = 0; k < program->count; k++) {
			const struct program_op *op = &program->ops[k];

			sum = fingerprint_number(sum, op->kind);
			sum = fingerprint_number(sum, (uint64_t)op->cpu << 8 | op->width);
			sum = fingerprint_number(sum, op->where);
			sum = fingerprint_number(sum, op->value);
		}
	}
	return sum;
}

void replay_free(struct replay *replay)
{
	for (size_t i = 0; i < replay->count; i++) {
		free(replay->files[i].path);
		program_free(&replay->files[i].program);
	}
	free(replay->files);
	*replay = (struct replay){NULL, 0, 0};
}
