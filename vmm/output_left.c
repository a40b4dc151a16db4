// SPDX-License-Identifier: BSD-2-Clause
// Looks through a folder for outputs that nobody writes any more.
// Never an error: what cannot be removed stays.

#include "vmm/output_left.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A number in eight digits between the two: what lapicvm makes, and hardly anybody else. */
static bool is_ours(const char *name)
{
	size_t prefix = strlen(OUTPUT_LEFT_PREFIX);

	return strncmp(name, OUTPUT_LEFT_PREFIX, prefix) == 0 &&
	       strspn(name + prefix, "0123456789abcdef") == 8 &&
	       strcmp(name + prefix + 8, OUTPUT_LEFT_SUFFIX) == 0;
}

static void sweep_one(int folder, const char *name)
{
	struct stat there;
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &there) == 0 && S_ISREG(there.st_mode) && there.st_uid == geteuid() &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(folder, name, 0);
	close(fd);
}

void output_left_sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int kept = errno;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (is_ours(entry->d_name))
			sweep_one(dirfd(dir), entry->d_name);
	closedir(dir);
	errno = kept;
}
