// SPDX-License-Identifier: BSD-2-Clause
// Writes a file whole: without a name or under another one, checked, renamed.
// Not durable against power loss unless asked: most outputs need no fsync.
#include "vmm/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/output_left.h"

#define NAME_SIZE sizeof(OUTPUT_LEFT_PREFIX "12345678" OUTPUT_LEFT_SUFFIX)

static void forget(struct output_file *file)
{
	int kept = errno;

	if (file->held >= 0)
		close(file->held);
	free(file->path);
	free(file->name);
	*file = (struct output_file){NULL, NULL, NULL, -1};
	errno = kept;
}

/* "DIR/" of the path, with room for a name behind it, or "" for the current folder. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) + 1 : 0;
	char *folder = malloc(length + NAME_SIZE);

	if (!folder)
		return NULL;
	memcpy(folder, path, length);
	folder[length] = '\0';
	return folder;
}

/* "DIR/.lapicvm-1234abcd.part": a rename works within one file system only. */
static char *beside(const char *path)
{
	char *name = folder_of(path);
	uint32_t number = 0;
	size_t length;

	if (!name)
		return NULL;
	length = strlen(name);
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
		number = (uint32_t)getpid();
	snprintf(name + length, NAME_SIZE, OUTPUT_LEFT_PREFIX "%08x" OUTPUT_LEFT_SUFFIX,
		 (unsigned)number);
	return name;
}

static mode_t fresh_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

/* ---- opening ---- */

/* A file that gets its name when it is complete. */
static int open_nameless(const char *path)
{
	char *folder = folder_of(path);
	int fd;

	if (!folder)
		return -1;
	/* Its name comes to it by this. */
	if (access("/proc/self/fd", X_OK) < 0) {
		free(folder);
		errno = EOPNOTSUPP;
		return -1;
	}
	fd = open(folder[0] ? folder : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	free(folder);
	return fd;
}

/* One that has a name at once, as file systems go that have no others: NFS, some overlays. */
static int open_named(struct output_file *file)
{
	struct stat there;
	int fd;

	for (unsigned tries = 0; tries < 100; tries++) {
		free(file->name);
		file->name = beside(file->path);
		if (!file->name)
			return -1;
		fd = open(file->name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return -1;
		/* Somebody who sweeps may have met it before it was held. */
		flock(fd, LOCK_EX);
		if (fstat(fd, &there) == 0 && there.st_nlink > 0)
			return fd;
		close(fd);
	}
	errno = EEXIST;
	return -1;
}

static void give_up(struct output_file *file)
{
	int kept = errno;

	if (file->name)
		unlink(file->name);
	errno = kept;
}

static bool open_new(struct output_file *file, mode_t mode)
{
	int fd = open_nameless(file->path);

	if (fd >= 0)
		flock(fd, LOCK_EX);
	else if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)
		/* open(2): what kernels and file systems say that do not know O_TMPFILE. */
		fd = open_named(file);
	if (fd < 0)
		return false;
	file->held = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (file->held >= 0 && fchmod(fd, mode) == 0)
		file->stream = fdopen(fd, "w");
	if (!file->stream) {
		close(fd);
		give_up(file);
	}
	return file->stream != NULL;
}

bool output_file_open(struct output_file *file, const char *path)
{
	struct stat there;
	bool exists = stat(path, &there) == 0, opened;
	char *folder;

	*file = (struct output_file){NULL, NULL, NULL, -1};
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
	} else if (exists && faccessat(AT_FDCWD, file->path, W_OK, AT_EACCESS) < 0) {
		/* A rename would ask the folder alone, or be refused only when all is done. */
		opened = false;
	} else {
		folder = folder_of(file->path);
		if (folder)
			output_left_sweep(folder[0] ? folder : ".");
		free(folder);
		opened = open_new(file, exists ? there.st_mode & 0777 : fresh_mode());
	}
	if (!opened)
		forget(file);
	return opened;
}

/* ---- ending ---- */

static bool give_name(struct output_file *file)
{
	char self[32];

	if (file->name)
		return true;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", file->held);
	for (unsigned tries = 0; tries < 100; tries++) {
		file->name = beside(file->path);
		if (!file->name)
			return false;
		if (linkat(AT_FDCWD, self, AT_FDCWD, file->name, AT_SYMLINK_FOLLOW) == 0)
			return true;
		free(file->name);
		file->name = NULL;
		if (errno != EEXIST)
			return false;
	}
	return false;
}

/* The new entry of the folder is on the disk. */
static bool sync_folder(const char *path)
{
	char *folder = folder_of(path);
	int fd, error;

	if (!folder)
		return false;
	fd = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	/* A folder that may be written and not read: nothing can be done for it. */
	if (fd < 0)
		return errno == EACCES;
	/* fsync(2): some file systems know it of files alone. */
	error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
	close(fd);
	errno = error;
	return error == 0;
}

static bool commit(struct output_file *file, bool durable)
{
	bool written = !ferror(file->stream), good;
	int error = errno;

	/* fclose() reports what the last write could not place. */
	good = fclose(file->stream) == 0;
	if (!written)
		errno = error ? error : EIO;
	good = good && written;
	if (file->held >= 0) {
		good = good && (!durable || fsync(file->held) == 0) && give_name(file) &&
		       rename(file->name, file->path) == 0;
		if (!good)
			give_up(file);
		good = good && (!durable || sync_folder(file->path));
	}
	forget(file);
	return good;
}

bool output_file_commit(struct output_file *file)
{
	return commit(file, false);
}

bool output_file_commit_durable(struct output_file *file)
{
	return commit(file, true);
}

void output_file_abandon(struct output_file *file)
{
	fclose(file->stream);
	give_up(file);
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
