// SPDX-License-Identifier: BSD-2-Clause
// The sections of a state file in the order in which a machine can take them.
// What a section's bytes mean is judged by their owners; here it gets a file and a name.

#include "vmm/restore.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpuid.h"
#include "vmm/cpuid_check.h"
#include "vmm/ending.h"
#include "vmm/firmware.h"
#include "vmm/image_file.h"
#include "vmm/machine.h"
#include "vmm/machine_clock.h"
#include "vmm/machine_state.h"
#include "vmm/saved.h"
#include "vmm/state_file.h"
#include "vmm/vcpu_save.h"

#define NONE UINT32_MAX

struct restore {
	const char *path;
	uint8_t *bytes;
	struct state_file file;
	struct saved_machine machine;
	struct saved_clocks clocks;
	struct saved_board board;
	struct state_section devices, rom;
	struct state_section *cpuid, *cpu; /* machine.cpus of each */
};

/* "FILE: section NAME N: ..."; name may be NULL, n NONE. */
static bool refuse(const struct restore *r, struct result *why, enum result_kind kind,
		   const char *name, uint32_t n, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

static bool refuse(const struct restore *r, struct result *why, enum result_kind kind,
		   const char *name, uint32_t n, const char *format, ...)
{
	char text[640], which[64] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (name && n != NONE)
		snprintf(which, sizeof(which), "section %s %" PRIu32 ": ", name, n);
	else if (name)
		snprintf(which, sizeof(which), "section %s: ", name);
	ending_fill(why, kind, "cannot restore %s: %s%s", r->path, which, text);
	return false;
}

/* ---- the file ---- */

static bool read_whole(struct restore *r, size_t *size, struct result *why)
{
	const struct image_file file = {.name = r->path};
	struct image_source source;
	struct image_error error = {.text = "no memory for it"};
	bool done = image_file_open(&file, &source, &error);

	if (done) {
		*size = (size_t)source.size;
		r->bytes = malloc(*size + 1);
		done = r->bytes && image_file_copy(&source, r->bytes, &error);
		image_file_close(&source);
	}
	/* That text has the file's name. */
	if (!done)
		ending_fill(why, RESULT_UNREADABLE, "--restore: %.900s", error.text);
	return done;
}

static struct state bytes_of(const struct state_section *section)
{
	return (struct state){
		.from = section->bytes,
		.size = (size_t)section->length,
		.version = section->version,
	};
}

/* A section of which there is one, as a walk over its bytes. */
static bool read_walk(const struct restore *r, const struct state_section *section, void *to,
		      void (*walk)(void *to, struct state *s), struct result *why)
{
	struct state s = bytes_of(section);

	walk(to, &s);
	return (!s.bad && s.used == s.size) ||
	       refuse(r, why, RESULT_BAD_IMAGE, section->name, NONE,
		      "its %" PRIu64 " bytes are not what it holds", section->length);
}

static void walk_machine(void *to, struct state *s)
{
	saved_machine_walk(to, s);
}

static void walk_clocks(void *to, struct state *s)
{
	saved_clocks_walk(to, s);
}

static void walk_board(void *to, struct state *s)
{
	saved_board_walk(to, s);
}

/* What has been met so far. */
struct seen {
	struct state_section machine, clocks, board;
	uint32_t cpuids, cpus;
};

static bool keep_cpu(const struct restore *r, const struct state_section *section,
		     struct state_section *list, uint32_t *count, struct result *why)
{
	if (!list)
		return refuse(r, why, RESULT_BAD_IMAGE, section->name, NONE,
			      "it comes before section " SAVED_MACHINE);
	if (*count == r->machine.cpus)
		return refuse(r, why, RESULT_BAD_IMAGE, section->name, *count,
			      "the machine has %" PRIu32 " processors", r->machine.cpus);
	list[(*count)++] = *section;
	return true;
}

static bool keep_one(const struct restore *r, const struct state_section *section,
		     struct state_section *to, struct result *why)
{
	if (to->bytes)
		return refuse(r, why, RESULT_BAD_IMAGE, section->name, NONE, "it comes twice");
	*to = *section;
	return true;
}

static bool take_machine(struct restore *r, const struct state_section *section, struct result *why)
{
	const char *wrong;

	if (!read_walk(r, section, &r->machine, walk_machine, why))
		return false;
	wrong = saved_machine_error(&r->machine);
	if (wrong)
		return refuse(r, why, RESULT_BAD_IMAGE, SAVED_MACHINE, NONE, "%s", wrong);
	r->cpuid = calloc(r->machine.cpus, sizeof(*r->cpuid));
	r->cpu = calloc(r->machine.cpus, sizeof(*r->cpu));
	return (r->cpuid && r->cpu) ||
	       refuse(r, why, RESULT_INTERNAL, NULL, NONE, "no memory for its processors");
}

static bool keep(struct restore *r, const struct state_section *section, struct seen *seen,
		 struct result *why)
{
	const char *name = section->name;
	const struct {
		const char *name;
		struct state_section *to;
	} singles[] = {
		{SAVED_MACHINE, &seen->machine},
		{SAVED_CLOCKS, &seen->clocks},
		{SAVED_DEVICES, &r->devices},
		{SAVED_BOARD, &seen->board},
		{SAVED_ROM, &r->rom},
	};

	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++)
		if (strcmp(name, singles[i].name) == 0)
			return keep_one(r, section, singles[i].to, why) &&
			       (i != 0 || take_machine(r, section, why));
	if (strcmp(name, SAVED_CPUID) == 0)
		return keep_cpu(r, section, r->cpuid, &seen->cpuids, why);
	if (strcmp(name, SAVED_CPU) == 0)
		return keep_cpu(r, section, r->cpu, &seen->cpus, why);
	return true;
}

static bool check_version(const struct restore *r, const struct state_section *section,
			  struct result *why)
{
	uint32_t newest = saved_version(section->name);

	if (!newest)
		return refuse(r, why, RESULT_BAD_IMAGE, NULL, NONE,
			      "section \"%s\": this lapicvm knows none of that name",
			      section->name);
	if (section->version > newest)
		return refuse(r, why, RESULT_BAD_IMAGE, section->name, NONE,
			      "it has version %" PRIu32 ", of a newer lapicvm: this one knows "
			      "version %" PRIu32 " at most",
			      section->version, newest);
	return section->version || refuse(r, why, RESULT_BAD_IMAGE, section->name, NONE,
					  "it has version 0, which no lapicvm writes");
}

static bool missing(const struct restore *r, const struct seen *seen, struct result *why)
{
	const char *name = !seen->machine.bytes             ? SAVED_MACHINE
			   : !seen->clocks.bytes            ? SAVED_CLOCKS
			   : !r->devices.bytes              ? SAVED_DEVICES
			   : !seen->board.bytes             ? SAVED_BOARD
			   : seen->cpuids < r->machine.cpus ? SAVED_CPUID
			   : seen->cpus < r->machine.cpus   ? SAVED_CPU
							    : NULL;
	uint32_t n = !name                            ? NONE
		     : strcmp(name, SAVED_CPUID) == 0 ? seen->cpuids
		     : strcmp(name, SAVED_CPU) == 0   ? seen->cpus
						      : NONE;

	if (name)
		refuse(r, why, RESULT_BAD_IMAGE, name, n, "it is missing");
	return name != NULL;
}

static bool look_through(struct restore *r, size_t size, struct result *why)
{
	struct state_section section = {.bytes = NULL};
	struct seen seen = {0};
	const char *wrong;
	char text[256];

	if (!state_file_open(&r->file, r->bytes, size, text, sizeof(text)))
		return refuse(r, why, RESULT_BAD_IMAGE, NULL, NONE, "%s", text);
	while (state_file_next(&r->file, &section)) {
		if (!check_version(r, &section, why) || !keep(r, &section, &seen, why))
			return false;
	}
	if (missing(r, &seen, why) || !read_walk(r, &seen.clocks, &r->clocks, walk_clocks, why) ||
	    !read_walk(r, &seen.board, &r->board, walk_board, why))
		return false;
	wrong = saved_clocks_error(&r->clocks);
	return !wrong || refuse(r, why, RESULT_BAD_IMAGE, SAVED_CLOCKS, NONE, "%s", wrong);
}

bool restore_open(struct restore **restore, const char *path, struct options *options,
		  struct result *why)
{
	struct restore *r = calloc(1, sizeof(*r));
	size_t size = 0;

	*restore = r;
	if (!r) {
		ending_fill(why, RESULT_INTERNAL, "no memory");
		return false;
	}
	r->path = path;
	if (!read_whole(r, &size, why) || !look_through(r, size, why))
		return false;
	saved_machine_options(&r->machine, options);
	/* There is no image to start anew from. */
	options->no_reboot = true;
	return true;
}

void restore_close(struct restore *r)
{
	if (!r)
		return;
	free(r->cpuid);
	free(r->cpu);
	free(r->bytes);
	free(r);
}

/* ---- clocks ---- */

/* How long ago by a TSC that went on without the guest. */
static uint64_t lapse_ns(const struct restore *r, uint64_t host_tsc)
{
	return (uint64_t)((unsigned __int128)(host_tsc - r->clocks.host_tsc) * 1000000 /
			  r->machine.tsc_khz);
}

bool restore_begin(const struct restore *r, struct machine *m, struct result *why)
{
	uint64_t tsc = tsc_host(), now = kick_clock_ns(), lapse = 0;

	m->eoi_suppression |= r->machine.eoi_suppression;
	if (m->traits->tsc_khz && m->traits->tsc_khz != r->machine.tsc_khz)
		return refuse(r, why, RESULT_HOST_LACKS, SAVED_MACHINE, NONE,
			      "its guest's TSC runs at %" PRIu32 " kHz, this host's at %" PRIu32,
			      r->machine.tsc_khz, m->traits->tsc_khz);
	if (!m->traits->tsc_moves) {
		if (tsc < r->clocks.host_tsc || boot_id_differs(r->clocks.boot_id))
			return refuse(
				r, why, RESULT_HOST_LACKS, SAVED_CLOCKS, NONE,
				"it was saved before this host's last start, or on another: the "
				"guest's TSC is the host's here, and cannot go on from where it "
				"was");
		lapse = lapse_ns(r, tsc);
		m->restored_at_ns = now > lapse ? now - lapse : 1;
	}
	if (lapse >= SAVED_NS_MAX - r->clocks.device_ns ||
	    lapse >= SAVED_NS_MAX - r->clocks.kvm_clock_ns)
		return refuse(r, why, RESULT_BAD_IMAGE, SAVED_CLOCKS, NONE,
			      "it was saved longer ago than any host has run");
	return true;
}

/* The guest's TSC goes on from where it was, or has gone on with the host's: then so have all.
 * *base: tsc_base() of the same moment. */
static bool restore_clock(const struct restore *r, struct machine *m, uint64_t *base,
			  struct result *why)
{
	uint64_t lapse = m->traits->tsc_moves ? 0 : lapse_ns(r, tsc_host());
	int error;

	if (m->vcpus[0].tsc.khz != r->machine.tsc_khz)
		return refuse(r, why, RESULT_HOST_LACKS, SAVED_MACHINE, NONE,
			      "its guest's TSC runs at %" PRIu32 " kHz, this host's at %" PRIu32,
			      r->machine.tsc_khz, m->vcpus[0].tsc.khz);
	m->clock_offset_ns = r->clocks.device_ns + lapse - kick_clock_ns();
	*base = tsc_base(&m->vcpus[0].tsc);
	error = vm_set_clock(&m->vm, r->clocks.kvm_clock_ns + lapse);
	return error >= 0 || refuse(r, why, RESULT_HOST_LACKS, SAVED_CLOCKS, NONE,
				    "KVM_SET_CLOCK: %s", strerror(-error));
}

/* ---- memory ---- */

static bool restore_ram(const struct restore *r, const struct state_section *section,
			const struct ram *ram, uint64_t *end, struct result *why)
{
	struct state s = bytes_of(section);
	uint64_t gpa = 0, length = section->length - SAVED_RAM_ADDRESS;
	void *to;

	state_u64(&s, &gpa);
	if (s.bad || length % RAM_PAGE_SIZE || gpa % RAM_PAGE_SIZE)
		return refuse(r, why, RESULT_BAD_IMAGE, SAVED_RAM, NONE,
			      "its %" PRIu64 " bytes are no address and whole pages",
			      section->length);
	to = ram_at(ram, gpa, length);
	if (!to || gpa < *end)
		return refuse(r, why, RESULT_BAD_IMAGE, SAVED_RAM, NONE,
			      "%" PRIu64 " bytes at %" PRIX64 "h are not RAM of this machine, or "
			      "come a second time",
			      length, gpa);
	memcpy(to, section->bytes + s.used, length);
	*end = gpa + length;
	return true;
}

static bool restore_rom(const struct restore *r, struct ram_range *rom, struct result *why)
{
	struct image_error error;

	if (!r->rom.bytes || firmware_take(r->rom.bytes, r->rom.length, rom, &error))
		return true;
	return refuse(r, why, RESULT_BAD_IMAGE, SAVED_ROM, NONE, "%.600s", error.text);
}

bool restore_memory(const struct restore *r, struct ram *ram, struct ram_range *rom,
		    struct result *why)
{
	struct state_section section = {.bytes = NULL};
	uint64_t end = 0;

	while (state_file_next(&r->file, &section))
		if (strcmp(section.name, SAVED_RAM) == 0 &&
		    !restore_ram(r, &section, ram, &end, why))
			return false;
	return restore_rom(r, rom, why);
}

/* ---- processors ---- */

bool restore_cpuid(const struct restore *r, struct vcpu *v, struct result *why)
{
	const struct state_section *section = &r->cpuid[v->id];
	struct state s = bytes_of(section);
	struct kvm_cpuid2 *saved = vcpu_cpuid_new();
	char text[256];
	bool done = false;

	if (!saved)
		return refuse(r, why, RESULT_INTERNAL, SAVED_CPUID, v->id, "no memory");
	vcpu_cpuid_walk(saved, &s);
	if (s.bad || s.used != s.size)
		refuse(r, why, RESULT_BAD_IMAGE, SAVED_CPUID, v->id,
		       "its %" PRIu64 " bytes are no table of entries", section->length);
	else if (!cpuid_check(saved, v->cpuid, text, sizeof(text)))
		refuse(r, why, RESULT_HOST_LACKS, SAVED_CPUID, v->id, "%s", text);
	else if (v->machine->options->apic_page_read_only && cpuid_has_pv_eoi(saved))
		/* As on a command line: options.c. */
		refuse(r, why, RESULT_USAGE, SAVED_CPUID, v->id,
		       "the guest was offered --pv-eoi, and with --apic-page=read-only an EOI "
		       "without an exit would not show in the page; leave that option out");
	else
		done = true;
	if (!done) {
		free(saved);
		return false;
	}
	free(v->cpuid);
	v->cpuid = saved;
	return true;
}

static bool restore_cpu(const struct restore *r, struct vcpu *v, struct vcpu_saved *saved,
			const uint64_t *base, struct result *why)
{
	const struct state_section *section = &r->cpu[v->id];
	struct state s = bytes_of(section);
	struct result said = {.cpu = -1};
	const char *wrong;

	memset(saved, 0, sizeof(*saved));
	vcpu_saved_walk(saved, &s, &wrong);
	if (wrong)
		return refuse(r, why, RESULT_BAD_IMAGE, SAVED_CPU, v->id, "%s is wrong", wrong);
	if (s.bad || s.used != s.size)
		return refuse(r, why, RESULT_BAD_IMAGE, SAVED_CPU, v->id,
			      "its %" PRIu64 " bytes are not what it holds", section->length);
	return vcpu_restore(v, saved, base, &said) ||
	       refuse(r, why, said.kind, SAVED_CPU, v->id, "%s", said.text);
}

static bool restore_cpus(const struct restore *r, struct machine *m, const uint64_t *base,
			 struct result *why)
{
	struct vcpu_saved *saved = malloc(sizeof(*saved));
	bool done = saved != NULL;

	if (!saved)
		refuse(r, why, RESULT_INTERNAL, SAVED_CPU, NONE, "no memory");
	for (unsigned i = 0; done && i < m->cpus; i++)
		done = restore_cpu(r, &m->vcpus[i], saved, base, why);
	free(saved);
	return done;
}

bool restore_machine(const struct restore *r, struct machine *m, struct result *why)
{
	char text[256];
	uint64_t base;

	if (!restore_clock(r, m, &base, why))
		return false;
	if (!machine_state_load(m, r->devices.bytes, (size_t)r->devices.length, r->devices.version,
				text, sizeof(text)))
		return refuse(r, why, RESULT_BAD_IMAGE, SAVED_DEVICES, NONE, "%s", text);
	/* After the devices: what LINT0 is then is no edge. */
	if (!restore_cpus(r, m, m->traits->tsc_moves ? &base : NULL, why))
		return false;
	lapic_map_set_last_winner(m->map, r->board.last_winner);
	atomic_store(&m->warm, r->board.warm);
	return true;
}
