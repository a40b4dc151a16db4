// SPDX-License-Identifier: BSD-2-Clause
// One load under way, shared by image.c, image_modules.c and image_handover.c.
// Not public: only those three include it.
#ifndef VMM_IMAGE_LOAD_H
#define VMM_IMAGE_LOAD_H

#include "vmm/boot_content.h"
#include "vmm/image.h"
#include "vmm/image_format.h"

/* All that one load owns besides guest RAM. */
struct image_load {
	const struct image_request *request;
	struct ram *ram;
	struct image_error *error;
	uint8_t *bytes; /* the image file */
	char *command_line;
	struct boot_module *modules;
	struct boot_content content;
	struct image_plan plan;
	uint64_t end;    /* low RAM is free from this page on */
	uint64_t tables; /* GDT, and BOOT_GDT_SIZE further the information */
};

/* Fills the load's error, of kind IMAGE_BAD; always false. */
__attribute__((format(printf, 2, 3))) bool image_bad(struct image_load *load, const char *format,
						     ...);

/* Copies the modules to RAM behind load->end, and sets load->modules[].start and end. */
bool image_modules_load(struct image_load *load);

/* Whether the command line begins with the image's name, as Multiboot's does. */
bool image_handover_names_image(const struct image_plan *plan);

/* Chooses load->tables; the modules' places are not known yet, their number is. */
bool image_handover_place(struct image_load *load);

/* Writes GDT, page tables and information, and sets the boot processor's first state. */
bool image_handover_write(struct image_load *load, struct boot_state *state);

#endif
