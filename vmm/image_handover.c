// SPDX-License-Identifier: BSD-2-Clause
// What an image is handed by its protocol: tables, information, first state, and their place.
// Not the layout of any of them: boot.c, multiboot_info.c, linux_params.c, pvh_info.c know those.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/image_load.h"
#include "vmm/linux_params.h"
#include "vmm/multiboot2_info.h"
#include "vmm/multiboot_info.h"
#include "vmm/pvh_info.h"

/* One protocol. */
struct handover {
	uint64_t (*size)(const struct ram *ram, const struct boot_content *content);
	bool (*write)(const struct ram *ram, uint64_t gpa, const struct boot_content *content);
	void (*state)(struct boot_state *state, uint64_t entry, uint64_t gdt, uint64_t info);
	bool names_image;
};

static const struct handover handovers[] = {
	[IMAGE_LONG_MODE] = {multiboot_info_size, multiboot_info_write, boot_long_mode, true},
	[IMAGE_MULTIBOOT] = {multiboot_info_size, multiboot_info_write, boot_multiboot, true},
	[IMAGE_MULTIBOOT2] = {multiboot2_info_size, multiboot2_info_write, boot_multiboot2, true},
	[IMAGE_LINUX64] = {linux_params_size, linux_params_write, boot_linux64, false},
	[IMAGE_LINUX32] = {linux_params_size, linux_params_write, boot_linux32, false},
	[IMAGE_PVH] = {pvh_info_size, pvh_info_write, boot_pvh, false},
};

static const struct handover *handover_of(const struct image_plan *plan)
{
	return &handovers[plan->mode];
}

bool image_handover_names_image(const struct image_plan *plan)
{
	return handover_of(plan)->names_image;
}

/* What there is, apart from the modules' places. */
static bool fill_content(struct image_load *load)
{
	const struct image_request *request = load->request;
	const struct image_plan *plan = &load->plan;

	load->modules = calloc(request->module_count + 1, sizeof(*load->modules));
	if (!load->modules)
		return image_bad(load, "no host memory for a list of %zu modules",
				 request->module_count);
	for (size_t i = 0; i < request->module_count; i++)
		load->modules[i].string = request->modules[i].name;
	load->content = (struct boot_content){
		.command_line = load->command_line,
		.modules = load->modules,
		.module_count = request->module_count,
		.rsdp = request->rsdp,
		.text_screen = request->text_screen,
		.load_base = plan->load_base,
		.code32_start = plan->code32_start,
	};
	if (plan->setup_header) {
		load->content.setup_header = load->bytes + plan->setup_header;
		load->content.setup_header_size = plan->setup_header_size;
	}
	return true;
}

static bool command_line_fits(struct image_load *load)
{
	size_t length = strlen(load->command_line);

	if (!load->plan.command_line_limited || length <= load->plan.command_line_max)
		return true;
	return image_bad(load,
			 "cannot boot '%.1000s': the command line has %zu bytes, and this kernel "
			 "takes %" PRIu32 " at most; shorten -append",
			 load->request->image.name, length, load->plan.command_line_max);
}

static bool machine_suffices(struct image_load *load)
{
	const char *name = load->request->image.name;

	if (load->plan.needs_screen && !load->request->text_screen)
		return image_bad(
			load,
			"cannot boot '%.1000s': its Multiboot 2 header requires a console, "
			"and this machine has no text screen",
			name);
	if (load->plan.needs_rsdp && load->request->rsdp == 0)
		return image_bad(load,
				 "cannot boot '%.1000s': its Multiboot 2 header requires ACPI's "
				 "RSDP, and this machine has none",
				 name);
	return true;
}

bool image_handover_place(struct image_load *load)
{
	size_t module_count = load->request->module_count;
	uint64_t size;

	if (!machine_suffices(load) || !command_line_fits(load) || !fill_content(load))
		return false;
	size = BOOT_GDT_SIZE + handover_of(&load->plan)->size(load->ram, &load->content);
	load->tables = image_place_tables(&load->plan, load->ram, size, &load->end);
	if (load->tables == 0)
		return image_bad(
			load,
			"no room for %" PRIu64 " bytes of boot information (command line, %zu "
			"modules) beside the image in %" PRIu64 " MiB of RAM; shorten them or ask "
			"for more with -m",
			size, module_count, load->ram->size / RAM_MIB);
	return true;
}

static bool write_gdt(const struct image_load *load)
{
	enum image_entry_mode mode = load->plan.mode;

	if (mode == IMAGE_LINUX64 || mode == IMAGE_LINUX32)
		return boot_write_linux_gdt(load->ram, load->tables, mode == IMAGE_LINUX64);
	return boot_write_gdt(load->ram, load->tables);
}

bool image_handover_write(struct image_load *load, struct boot_state *state)
{
	const struct handover *handover = handover_of(&load->plan);
	uint64_t info = load->tables + BOOT_GDT_SIZE;

	if (!write_gdt(load) || !handover->write(load->ram, info, &load->content))
		return image_bad(load, "no RAM at %" PRIX64 "h for the boot information",
				 load->tables);
	handover->state(state, load->plan.entry, load->tables, info);
	return !image_is_paged(&load->plan) || boot_write_page_tables(load->ram) ||
	       image_bad(load, "no RAM at %" PRIX64 "h for the first page tables",
			 BOOT_PAGE_TABLES);
}
