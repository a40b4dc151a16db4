// SPDX-License-Identifier: BSD-2-Clause
// Reads image and module files; of an odd path nothing can block, act or never end.
// No mapping: a file cut short under a mapping would kill the program with SIGBUS.
#include "vmm/image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static bool unreadable(struct image_error *error,
							     const char *format, ...)
{
	va_list args;

	error->kind = IMAGE_UNREADABLE;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return false;
}

static const char *kind_of_file(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "a directory";
	case S_IFIFO: return "a pipe";
	case S_IFSOCK: return "a socket";
	case S_IFCHR: return "a character device";
	case S_IFBLK: return "a block device";
	default: return "no regular file";
	}
}

static bool is_regular(const char *name, const struct stat *st, struct image_error *error)
{
	if (S_ISREG(st->st_mode))
		return true;
	return unreadable(error, "cannot read '%.1000s': it is %s; name a regular file", name,
			  kind_of_file(st->st_mode));
}

bool image_file_open(const struct image_file *file, struct image_source *source,
		     struct image_error *error)
{
	struct stat st;

	*source = (struct image_source){
		.name = file->name, .bytes = file->bytes, .fd = -1, .size = file->size};
	if (file->bytes)
		return true;
	/* Looked at before it is opened, since opening some devices acts, and again after. */
	if (stat(file->name, &st) == 0 && !is_regular(file->name, &st, error))
		return false;
	source->fd = open(file->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (source->fd < 0 || fstat(source->fd, &st) != 0) {
		unreadable(error, "cannot open '%.1000s': %s", file->name, strerror(errno));
		image_file_close(source);
		return false;
	}
	if (!is_regular(file->name, &st, error)) {
		image_file_close(source);
		return false;
	}
	source->size = (uint64_t)st.st_size;
	return true;
}

bool image_file_copy(const struct image_source *source, void *to, struct image_error *error)
{
	uint8_t *next = to;
	uint64_t left = source->size;

	if (source->bytes && left > 0)
		memcpy(next, source->bytes, left);
	while (!source->bytes && left > 0) {
		ssize_t got = read(source->fd, next, left);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return unreadable(error, "cannot read '%.1000s': %s", source->name,
					  strerror(errno));
		if (got == 0)
			return unreadable(error,
					  "cannot read '%.1000s': it became shorter meanwhile; "
					  "try again when nobody writes it",
					  source->name);
		next += got;
		left -= (uint64_t)got;
	}
	return true;
}

void image_file_close(struct image_source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
}
