// SPDX-License-Identifier: BSD-2-Clause
// Renders the screen into memory, as the guest's RAM goes before the guest's last output is out.
// Not looked at while a guest runs.

#include "vmm/machine_screen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/machine.h"
#include "vmm/output_file.h"

#define GUESTS_CODES 64 /* from here on the exit status speaks of more than the guest's success */

static void append(void *opaque, const char *bytes, size_t n)
{
	struct machine_screen *screen = opaque;

	memcpy(screen->text + screen->size, bytes, n);
	screen->size += n;
}

void machine_screen_take(const struct machine *m, struct machine_screen *screen)
{
	screen->size = 0;
	vga_text_render(&m->vga_text, append, screen);
}

static bool to_stdout(const struct machine_screen *screen)
{
	return fwrite(screen->text, 1, screen->size, stdout) == screen->size && fflush(stdout) == 0;
}

static bool to_file(const struct machine_screen *screen, const char *path)
{
	struct output_file file;

	if (!output_file_open(&file, path))
		return false;
	/* What it could not take, the commit says. */
	fwrite(screen->text, 1, screen->size, file.stream);
	return output_file_commit(&file);
}

void machine_screen_write(const struct machine_screen *screen, const char *path,
			  struct result *result)
{
	bool standard = strcmp(path, "-") == 0;
	struct result ended = *result;
	int error;

	if (!screen->size || (standard ? to_stdout(screen) : to_file(screen, path)))
		return;
	error = errno;
	if (result_code(&ended) < GUESTS_CODES)
		ending_fill(result, RESULT_OUTPUT_FAILED,
			    "cannot write the screen to %s: %s; the run itself ended with %s",
			    standard ? "standard output" : path, strerror(error),
			    result_name(ended.kind));
	else
		fprintf(stderr, "lapicvm: cannot write the screen to %s: %s\n",
			standard ? "standard output" : path, strerror(error));
}
