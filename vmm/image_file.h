// SPDX-License-Identifier: BSD-2-Clause
// An image or module file, opened and then copied whole to where its bytes are wanted.
// Knows nothing of formats or of guest RAM.
#ifndef VMM_IMAGE_FILE_H
#define VMM_IMAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/image.h"

#ifdef __cplusplus
extern "C" {
#endif

struct image_source {
	const char *name;
	const void *bytes; /* NULL for a file */
	int fd;            /* -1 for bytes */
	uint64_t size;     /* what is there to copy */
};

/*
 * Opens what `file` names and learns its size. False with *error filled for whatever is no regular
 * file that can be opened; a directory, pipe or device is not even opened.
 */
bool image_file_open(const struct image_file *file, struct image_source *source,
		     struct image_error *error);

/* Copies all source->size bytes to `to`, once. False with *error filled if the file fails or
 * shrank. */
bool image_file_copy(const struct image_source *source, void *to, struct image_error *error);

void image_file_close(struct image_source *source);

#ifdef __cplusplus
}
#endif

#endif
