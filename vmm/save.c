// SPDX-License-Identifier: BSD-2-Clause
// Section by section: what it is, clocks, devices, processors, memory.
// Each section's bytes are its owner's.

#include "vmm/save.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/machine.h"
#include "vmm/machine_clock.h"
#include "vmm/machine_hop.h"
#include "vmm/machine_state.h"
#include "vmm/output_file.h"
#include "vmm/processor.h"
#include "vmm/saved.h"
#include "vmm/state_file.h"
#include "vmm/vcpu_save.h"

/* Memory is written in pieces of this size at most. */
#define PIECE_MAX (UINT64_C(64) * RAM_MIB)

struct saving {
	struct machine *machine;
	struct state_file_writer file;
	uint64_t tsc_base;
	struct saved_clocks clocks;
	struct processor_msrs msrs;
	char *why;
	size_t why_size;
};

static bool failed(const struct saving *s, const char *what, int error)
{
	snprintf(s->why, s->why_size, "%s: %s", what, strerror(error));
	return false;
}

/* ---- small sections ---- */

/* A section whose bytes are those of a walk. */
static bool put_walk(struct saving *s, const char *name, void *what,
		     void (*walk)(void *what, struct state *state))
{
	struct state count = {0};
	struct state write = {.size = SIZE_MAX};

	walk(what, &count);
	write.to = malloc(count.used);
	if (!write.to)
		return failed(s, "memory", ENOMEM);
	walk(what, &write);
	state_file_section(&s->file, name, saved_version(name), write.used);
	state_file_bytes(&s->file, write.to, write.used);
	free(write.to);
	return true;
}

static void walk_machine(void *machine, struct state *state)
{
	saved_machine_walk(machine, state);
}

static void walk_clocks(void *clocks, struct state *state)
{
	saved_clocks_walk(clocks, state);
}

static void walk_board(void *board, struct state *state)
{
	saved_board_walk(board, state);
}

static void walk_cpuid(void *table, struct state *state)
{
	vcpu_cpuid_walk(table, state);
}

static void walk_cpu(void *cpu, struct state *state)
{
	const char *wrong;

	vcpu_saved_walk(cpu, state, &wrong);
}

static bool put_machine(struct saving *s)
{
	const struct machine *m = s->machine;
	struct saved_machine saved = {
		.cpus = m->options->cpus,
		.cores = m->options->cores,
		.threads = m->options->threads,
		.ram_bytes = m->options->ram_bytes,
		.x2apic = m->options->x2apic,
		.tsc_deadline = m->options->tsc_deadline,
		.hpet = m->options->hpet,
		.no_acpi = m->options->no_acpi,
		.no_mptable = m->options->no_mptable,
		.eoi_suppression = m->eoi_suppression,
		.tsc_khz = m->vcpus[0].tsc.khz,
	};

	return put_walk(s, SAVED_MACHINE, &saved, walk_machine);
}

/* All at one moment, as far as that goes. */
static bool read_clocks(struct saving *s)
{
	struct machine *m = s->machine;
	int error = vm_get_clock(&m->vm, &s->clocks.kvm_clock_ns);

	s->tsc_base = tsc_base(&m->vcpus[0].tsc);
	s->clocks.host_tsc = tsc_host();
	s->clocks.device_ns = machine_clock_now(m);
	boot_id_read(s->clocks.boot_id);
	return error >= 0 || failed(s, "KVM_GET_CLOCK", -error);
}

static bool put_devices(struct saving *s)
{
	size_t size = machine_state_size(s->machine);
	uint8_t *bytes = malloc(size);

	if (!bytes)
		return failed(s, "memory", ENOMEM);
	machine_state_save(s->machine, bytes);
	state_file_section(&s->file, SAVED_DEVICES, saved_version(SAVED_DEVICES), size);
	state_file_bytes(&s->file, bytes, size);
	free(bytes);
	return true;
}

/* ---- processors ---- */

static bool put_cpu(struct saving *s, struct vcpu *v, struct vcpu_saved *saved)
{
	struct processor_error error;
	char what[96];

	if (vcpu_save(v, &s->msrs, s->tsc_base, saved, &error))
		return put_walk(s, SAVED_CPU, saved, walk_cpu);
	snprintf(what, sizeof(what), "vCPU %u: %s", v->id, error.what);
	return failed(s, what, -error.error);
}

static bool put_cpus(struct saving *s)
{
	struct machine *m = s->machine;
	struct vcpu_saved *saved = malloc(sizeof(*saved));
	int error = processor_msrs_find(&m->vm, m->vcpus[0].fd, &s->msrs);
	bool done = saved != NULL && error >= 0;

	if (!saved)
		failed(s, "memory", ENOMEM);
	else if (error < 0)
		failed(s, "KVM_GET_MSR_INDEX_LIST", -error);
	for (unsigned i = 0; done && i < m->cpus; i++)
		done = put_walk(s, SAVED_CPUID, m->vcpus[i].cpuid, walk_cpuid);
	for (unsigned i = 0; done && i < m->cpus; i++)
		done = put_cpu(s, &m->vcpus[i], saved);
	free(saved);
	return done;
}

/* ---- memory ---- */

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, RAM_PAGE_SIZE - 1) == 0;
}

/* How many bytes from here on are pages that are all zero, or all not; up to the end or `most`. */
static uint64_t run_of(const struct ram_range *range, uint64_t from, bool zero, uint64_t most)
{
	uint64_t bytes = 0;

	while (from + bytes < range->length && bytes < most &&
	       is_zero(range->host + from + bytes) == zero)
		bytes += RAM_PAGE_SIZE;
	return bytes;
}

static void put_ram(struct saving *s, const struct ram_range *range)
{
	for (uint64_t at = 0; at < range->length;) {
		uint64_t bytes, gpa, address;
		uint8_t head[SAVED_RAM_ADDRESS];
		struct state state = {.to = head, .size = sizeof(head)};

		at += run_of(range, at, true, UINT64_MAX);
		bytes = run_of(range, at, false, PIECE_MAX);
		gpa = range->gpa + at;
		address = gpa;
		if (!bytes || ferror(s->file.to))
			return;
		state_u64(&state, &address);
		state_file_section(&s->file, SAVED_RAM, saved_version(SAVED_RAM),
				   sizeof(head) + bytes);
		state_file_bytes(&s->file, head, sizeof(head));
		state_file_bytes(&s->file, range->host + at, bytes);
		at += bytes;
	}
}

static void put_memory(struct saving *s)
{
	const struct machine *m = s->machine;

	if (m->rom.length) {
		state_file_section(&s->file, SAVED_ROM, saved_version(SAVED_ROM), m->rom.length);
		state_file_bytes(&s->file, m->rom.host, m->rom.length);
	}
	for (unsigned i = 0; i < m->ram.range_count; i++)
		put_ram(s, &m->ram.ranges[i]);
}

/* ---- all of it ---- */

static bool put_all(struct saving *s, FILE *to)
{
	struct saved_board board = {
		.last_winner = lapic_map_last_winner(s->machine->map),
		.warm = atomic_load(&s->machine->warm),
	};

	state_file_begin(&s->file, to);
	if (!read_clocks(s) || !put_machine(s) ||
	    !put_walk(s, SAVED_CLOCKS, &s->clocks, walk_clocks) || !put_devices(s) ||
	    !put_walk(s, SAVED_BOARD, &board, walk_board) || !put_cpus(s))
		return false;
	put_memory(s);
	state_file_end(&s->file);
	return true;
}

/* The file holds Local APICs of ours. */
static bool come_home(struct machine *m, char *why, size_t why_size)
{
	if (m->in_kernel && m->hops)
		machine_hop(m);
	if (!m->in_kernel && !ending_reached(m->ending))
		return true;
	snprintf(why, why_size, "%s",
		 m->hops ? "the Local APICs could not be taken over from KVM"
			 : "the Local APICs are KVM's own; for that --save is to be given at the "
			   "start");
	return false;
}

bool save(struct machine *m, const char *path, uint64_t *bytes, char *why, size_t why_size)
{
	char said[256] = "";
	struct saving s = {.machine = m, .why = said, .why_size = sizeof(said)};
	bool was_in_kernel = m->in_kernel;
	struct output_file file;
	bool done;

	if (!come_home(m, said, sizeof(said)))
		done = false;
	else if (!output_file_open(&file, path))
		done = failed(&s, "opening it", errno);
	else if (!put_all(&s, file.stream)) {
		output_file_abandon(&file);
		done = false;
	} else
		done = output_file_commit_durable(&file) || failed(&s, "writing it", errno);
	*bytes = s.file.bytes;
	if (!done)
		snprintf(why, why_size, "cannot save %s: %s", path, said);
	/* Where nothing hops by itself it would stay. */
	if (was_in_kernel && !m->in_kernel && !m->options->hop_ms)
		machine_hop(m);
	return done;
}
