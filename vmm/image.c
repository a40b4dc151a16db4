// SPDX-License-Identifier: BSD-2-Clause
// Chooses an image's format, has it placed, adds modules and boot information.
// What a format looks like is known to image_linux.c, image_multiboot.c and their kind alone.
#include "vmm/image.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/image_file.h"
#include "vmm/image_load.h"

static const struct {
	const char *name;
	enum image_verdict (*plan)(const struct image_bytes *file, struct image_plan *plan,
				   struct image_reason *why);
} formats[] = {
	{"Linux", image_linux_plan},           {"multiboot", image_multiboot_plan},
	{"multiboot2", image_multiboot2_plan}, {"ELF", image_elf_enter_plan},
	{"flat binary", image_flat_plan},
};

enum image_verdict image_refuse(struct image_reason *why, enum image_verdict verdict,
				const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return verdict;
}

uint16_t image_le16(const struct image_bytes *file, size_t offset)
{
	uint16_t value;

	memcpy(&value, file->bytes + offset, sizeof(value));
	return value;
}

uint32_t image_le32(const struct image_bytes *file, size_t offset)
{
	uint32_t value;

	memcpy(&value, file->bytes + offset, sizeof(value));
	return value;
}

uint64_t image_le64(const struct image_bytes *file, size_t offset)
{
	uint64_t value;

	memcpy(&value, file->bytes + offset, sizeof(value));
	return value;
}

bool image_bad(struct image_load *load, const char *format, ...)
{
	va_list args;

	load->error->kind = IMAGE_BAD;
	va_start(args, format);
	vsnprintf(load->error->text, sizeof(load->error->text), format, args);
	va_end(args);
	return false;
}

/* Adds one line to the refusal that choose_format has begun. */
static void add_line(struct image_load *load, const char *format_name, const char *reason)
{
	size_t used = strlen(load->error->text);

	snprintf(load->error->text + used, sizeof(load->error->text) - used, "\n  %s: %s",
		 format_name, reason);
}

/* Tries each format, and the plan in this RAM; leaves every reason in the error if none will do. */
static bool choose_format(struct image_load *load, const struct image_bytes *file)
{
	const char *owner = NULL;

	image_bad(load, "cannot boot '%.400s': no image format fits", load->request->image.name);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct image_reason why = {.text = ""};
		enum image_verdict verdict;

		if (owner) {
			image_refuse(&why, IMAGE_OTHER, "not tried, the file is of format %s",
				     owner);
			add_line(load, formats[i].name, why.text);
			continue;
		}
		memset(&load->plan, 0, sizeof(load->plan));
		verdict = formats[i].plan(file, &load->plan, &why);
		if (verdict == IMAGE_FITS && image_place_check(&load->plan, load->ram, &why))
			return true;
		if (verdict != IMAGE_OTHER)
			owner = formats[i].name;
		add_line(load, formats[i].name, why.text);
	}
	return false;
}

static bool load_segments(struct image_load *load)
{
	struct image_source source;
	struct image_bytes file;
	bool done;

	if (!image_file_open(&load->request->image, &source, load->error))
		return false;
	if (source.size > IMAGE_SIZE_MAX) {
		image_file_close(&source);
		return image_bad(load,
				 "cannot boot '%.1000s': it has %" PRIu64
				 " bytes, an image at most %" PRIu64,
				 source.name, source.size, IMAGE_SIZE_MAX);
	}
	load->bytes = malloc(source.size > 0 ? source.size : 1);
	if (!load->bytes) {
		image_file_close(&source);
		image_bad(load, "cannot read '%.1000s': no host memory for its %" PRIu64 " bytes",
			  source.name, source.size);
		load->error->kind = IMAGE_UNREADABLE;
		return false;
	}
	file = (struct image_bytes){.bytes = load->bytes, .size = source.size};
	done = image_file_copy(&source, load->bytes, load->error);
	image_file_close(&source);
	if (!done || !choose_format(load, &file))
		return false;
	image_place_segments(&load->plan, &file, load->ram);
	return true;
}

static void append_word(char *line, const char *word)
{
	size_t used = strlen(line);

	if (used > 0)
		line[used++] = ' ';
	memcpy(line + used, word, strlen(word) + 1);
}

static bool build_command_line(struct image_load *load)
{
	const struct image_request *request = load->request;
	const char *append = request->append && request->append[0] ? request->append : NULL;
	const char *name = image_handover_names_image(&load->plan) ? request->image.name : NULL;
	size_t size = 1 + (name ? strlen(name) + 1 : 0) + (append ? strlen(append) + 1 : 0);

	for (size_t i = 0; i < request->arg_count; i++)
		size += strlen(request->args[i]) + 1;
	load->command_line = calloc(1, size);
	if (!load->command_line)
		return image_bad(load, "no host memory for a command line of %zu bytes", size);
	if (name)
		append_word(load->command_line, name);
	if (append)
		append_word(load->command_line, append);
	for (size_t i = 0; i < request->arg_count; i++)
		append_word(load->command_line, request->args[i]);
	return true;
}

static bool load_all(struct image_load *load, struct boot_state *state)
{
	if (!load_segments(load))
		return false;
	load->end = image_place_end(&load->plan);
	/* The tables have their place before the modules: they may have to lie in front of them. */
	return build_command_line(load) && image_handover_place(load) && image_modules_load(load) &&
	       image_handover_write(load, state);
}

int image_load(const struct image_request *request, struct ram *ram, struct boot_state *state,
	       struct image_error *error)
{
	struct image_load load = {.request = request, .ram = ram, .error = error};
	bool done = load_all(&load, state);

	free(load.bytes);
	free(load.command_line);
	free(load.modules);
	return done ? 0 : -1;
}
