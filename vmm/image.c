// SPDX-License-Identifier: BSD-2-Clause
// Chooses an image's format, has it placed, adds modules and boot information.
// What a format looks like is known to image_elf64.c, image_multiboot.c and image_flat.c alone.
#include "vmm/image.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/image_file.h"
#include "vmm/image_format.h"
#include "vmm/multiboot_info.h"

/* All that one load owns besides guest RAM. */
struct load {
	const struct image_request *request;
	struct ram *ram;
	struct image_error *error;
	uint8_t *bytes;
	char *command_line;
	struct multiboot_module *modules;
	struct image_plan plan;
	uint64_t end;    /* low RAM is free from this page on */
	uint64_t tables; /* GDT, and BOOT_GDT_SIZE further the information */
};

static const struct {
	const char *name;
	enum image_verdict (*plan)(const struct image_bytes *file, struct image_plan *plan,
				   struct image_reason *why);
} formats[] = {
	{"multiboot", image_multiboot_plan},
	{"ELF64", image_elf64_plan},
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

uint32_t image_le32(const struct image_bytes *file, size_t offset)
{
	uint32_t value;

	memcpy(&value, file->bytes + offset, sizeof(value));
	return value;
}

__attribute__((format(printf, 2, 3))) static bool bad(struct load *load, const char *format, ...)
{
	va_list args;

	load->error->kind = IMAGE_BAD;
	va_start(args, format);
	vsnprintf(load->error->text, sizeof(load->error->text), format, args);
	va_end(args);
	return false;
}

/* Adds one line to the refusal that choose_format has begun. */
static void add_line(struct load *load, const char *format_name, const char *reason)
{
	size_t used = strlen(load->error->text);

	snprintf(load->error->text + used, sizeof(load->error->text) - used, "\n  %s: %s",
		 format_name, reason);
}

/* Tries each format, and the plan in this RAM; leaves every reason in the error if none will do. */
static bool choose_format(struct load *load, const struct image_bytes *file)
{
	const char *owner = NULL;

	bad(load, "cannot boot '%.400s': no image format fits", load->request->image.name);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct image_reason why;
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

static bool load_segments(struct load *load)
{
	struct image_source source;
	struct image_bytes file;
	bool done;

	if (!image_file_open(&load->request->image, &source, load->error))
		return false;
	if (source.size > IMAGE_SIZE_MAX) {
		image_file_close(&source);
		return bad(load,
			   "cannot boot '%.1000s': it has %" PRIu64
			   " bytes, an image at most %" PRIu64,
			   source.name, source.size, IMAGE_SIZE_MAX);
	}
	load->bytes = malloc(source.size > 0 ? source.size : 1);
	if (!load->bytes) {
		image_file_close(&source);
		bad(load, "cannot read '%.1000s': no host memory for its %" PRIu64 " bytes",
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

static size_t append_word(char *to, size_t used, const char *word)
{
	size_t length = strlen(word);

	if (used > 0)
		to[used++] = ' ';
	memcpy(to + used, word, length + 1);
	return used + length;
}

static bool build_command_line(struct load *load)
{
	const struct image_request *request = load->request;
	const char *append = request->append && request->append[0] ? request->append : NULL;
	size_t size = strlen(request->image.name) + 1 + (append ? strlen(append) + 1 : 0);
	size_t used;

	for (size_t i = 0; i < request->arg_count; i++)
		size += strlen(request->args[i]) + 1;
	load->command_line = malloc(size);
	if (!load->command_line)
		return bad(load, "no host memory for a command line of %zu bytes", size);
	used = append_word(load->command_line, 0, request->image.name);
	if (append)
		used = append_word(load->command_line, used, append);
	for (size_t i = 0; i < request->arg_count; i++)
		used = append_word(load->command_line, used, request->args[i]);
	return true;
}

/* Chosen before the modules have places, since the tables may have to lie in front of them. */
static bool place_tables(struct load *load, struct multiboot_content *content)
{
	const struct image_request *request = load->request;
	uint64_t size;

	load->modules = calloc(request->module_count + 1, sizeof(*load->modules));
	if (!load->modules)
		return bad(load, "no host memory for a list of %zu modules", request->module_count);
	for (size_t i = 0; i < request->module_count; i++)
		load->modules[i].string = request->modules[i].name;
	*content = (struct multiboot_content){.command_line = load->command_line,
					      .modules = load->modules,
					      .module_count = request->module_count};
	size = BOOT_GDT_SIZE + multiboot_info_size(load->ram, content);
	load->tables = image_place_tables(&load->plan, load->ram, size, &load->end);
	if (load->tables == 0)
		return bad(load,
			   "no room for %" PRIu64 " bytes of boot information (command line, %zu "
			   "modules) beside the image in %" PRIu64
			   " MiB of RAM; shorten them or ask "
			   "for more with -m",
			   size, request->module_count, load->ram->size / RAM_MIB);
	return true;
}

static bool has_room(struct load *load, const struct image_source *source)
{
	uint64_t low_end = load->ram->ranges[0].length;
	uint64_t size = ram_size_for(load->end, source->size) / RAM_MIB;
	char cure[64] = "no -m would give it room";

	if (source->size <= low_end - load->end)
		return true;
	if (size > 0)
		snprintf(cure, sizeof(cure), "it needs -m %" PRIu64 "M at least", size);
	return bad(
		load,
		"cannot load the module '%.1000s': it has %" PRIu64 " bytes, and behind the image "
		"and the modules before it %" PRIu64 " are free (%" PRIX64 "h to %" PRIX64 "h); %s",
		source->name, source->size, low_end - load->end, load->end, low_end, cure);
}

static bool load_module(struct load *load, size_t index)
{
	struct multiboot_module *module = &load->modules[index];
	struct image_source source;
	bool done;

	if (!image_file_open(&load->request->modules[index], &source, load->error))
		return false;
	done = has_room(load, &source);
	if (done && source.size > 0)
		done = image_file_copy(&source, ram_at(load->ram, load->end, source.size),
				       load->error);
	image_file_close(&source);
	module->start = (uint32_t)load->end;
	module->end = (uint32_t)(load->end + source.size);
	load->end = ram_page_up(load->end + source.size);
	return done;
}

static bool write_tables(struct load *load, const struct multiboot_content *content,
			 struct boot_state *state)
{
	const struct image_plan *plan = &load->plan;
	uint64_t info = load->tables + BOOT_GDT_SIZE;

	if (!boot_write_gdt(load->ram, load->tables) ||
	    !multiboot_info_write(load->ram, info, content))
		return bad(load, "no RAM at %" PRIX64 "h for the boot information", load->tables);
	if (plan->mode == IMAGE_MULTIBOOT) {
		boot_multiboot(state, (uint32_t)plan->entry, (uint32_t)load->tables,
			       (uint32_t)info);
		return true;
	}
	boot_long_mode(state, plan->entry, load->tables, info);
	return boot_write_page_tables(load->ram) ||
	       bad(load, "no RAM at %" PRIX64 "h for the first page tables", BOOT_PAGE_TABLES);
}

static bool load_all(struct load *load, struct boot_state *state)
{
	struct multiboot_content content;

	if (!load_segments(load))
		return false;
	load->end = image_place_end(&load->plan);
	if (!build_command_line(load) || !place_tables(load, &content))
		return false;
	for (size_t i = 0; i < load->request->module_count; i++)
		if (!load_module(load, i))
			return false;
	return write_tables(load, &content, state);
}

int image_load(const struct image_request *request, struct ram *ram, struct boot_state *state,
	       struct image_error *error)
{
	struct load load = {.request = request, .ram = ram, .error = error};
	bool done = load_all(&load, state);

	free(load.bytes);
	free(load.command_line);
	free(load.modules);
	return done ? 0 : -1;
}
