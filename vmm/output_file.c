// SPDX-License-Identifier: BSD-2-Clause
// Writes a file whole: temporary beside its place, checked, renamed.
// Not durable against power loss: nothing here needs fsync.
#include "vmm/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void forget(struct output_file *file)
{
	int kept = errno;

	free(file->path);
	free(file->temporary);
	*file = (struct output_file){NULL, NULL, NULL};
	errno = kept;
}

/* "DIR/.lapicvm-XXXXXX" in the folder of path: a rename works within one file system only. */
static char *beside(const char *path)
{
	static const char name[] = ".lapicvm-XXXXXX";
	const char *slash = strrchr(path, '/');
	size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
	char *result = malloc(folder + sizeof(name));

	if (!result)
		return NULL;
	memcpy(result, path, folder);
	memcpy(result + folder, name, sizeof(name));
	return result;
}

static mode_t fresh_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static bool open_temporary(struct output_file *file, mode_t mode)
{
	int fd;

	file->temporary = beside(file->path);
	if (!file->temporary)
		return false;
	fd = mkostemp(file->temporary, O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fchmod(fd, mode) == 0)
		file->stream = fdopen(fd, "w");
	if (!file->stream) {
		int kept = errno;

		close(fd);
		unlink(file->temporary);
		errno = kept;
	}
	return file->stream != NULL;
}

bool output_file_open(struct output_file *file, const char *path)
{
	struct stat there;
	bool exists = stat(path, &there) == 0, opened;

	*file = (struct output_file){NULL, NULL, NULL};
	if (!exists && errno != ENOENT)
		return false;
	/* A link stays a link: what it points to is replaced. */
	file->path = exists ? realpath(path, NULL) : strdup(path);
	if (!file->path)
		return false;
	if (exists && S_ISDIR(there.st_mode)) {
		errno = EISDIR;
		opened = false;
	} else if (exists && !S_ISREG(there.st_mode)) {
		file->stream = fopen(path, "we");
		opened = file->stream != NULL;
	} else {
		opened = open_temporary(file, exists ? there.st_mode & 0777 : fresh_mode());
	}
	if (!opened)
		forget(file);
	return opened;
}

bool output_file_commit(struct output_file *file)
{
	bool written = !ferror(file->stream), good;
	int error = errno;

	/* fclose() reports what the last write could not place. */
	good = fclose(file->stream) == 0;
	if (!written)
		errno = error ? error : EIO;
	good = good && written;
	if (good && file->temporary)
		good = rename(file->temporary, file->path) == 0;
	if (!good && file->temporary) {
		error = errno;
		unlink(file->temporary);
		errno = error;
	}
	forget(file);
	return good;
}

void output_file_abandon(struct output_file *file)
{
	fclose(file->stream);
	if (file->temporary)
		unlink(file->temporary);
	forget(file);
}

bool output_file_possible(const char *path)
{
	struct output_file file;
	struct stat there;

	/* Opening a pipe or device has effects of its own, such as waiting for a reader. */
	if (stat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode))
		return access(path, W_OK) == 0;
	if (!output_file_open(&file, path))
		return false;
	output_file_abandon(&file);
	return true;
}
