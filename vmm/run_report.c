// SPDX-License-Identifier: BSD-2-Clause
// The state of vCPUs whose threads have ended, in words.
// Not the report of a fault: that is written on the spot, by fault.c.

#include "vmm/run_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/info_dump.h"
#include "vmm/machine.h"
#include "vmm/machine_hop.h"
#include "vmm/output_file.h"
#include "vmm/stats.h"

#define DEATH_CPUS 4u

void run_report_halted(struct ending *ending)
{
	ending_say(ending, RESULT_HALTED_FOREVER, 0, 0,
		   "every CPU is halted or waits for a SIPI, and no timer, interrupt or input is "
		   "left that could wake one");
}

/* One line; false where there is no room for it. */
static bool add_cpu(struct result *result, const struct vcpu *v)
{
	size_t used = strlen(result->detail), room = sizeof(result->detail) - used;
	bool interrupts_on;
	uint64_t rip;
	int length;

	enum vcpu_state state = vcpu_state(v);

	if (state == VCPU_WAITS_FOR_SIPI)
		length = snprintf(result->detail + used, room, "cpu %u: waits for a SIPI\n", v->id);
	else if (!vcpu_place(v, &rip, &interrupts_on))
		length = snprintf(result->detail + used, room, "cpu %u: not known\n", v->id);
	else
		length = snprintf(result->detail + used, room,
				  "cpu %u: %s at rip=0x%" PRIx64 ", interrupts %s, TPR class %u\n",
				  v->id, state == VCPU_HALTED ? "halted" : "running", rip,
				  interrupts_on ? "on" : "off", vcpu_tpr_class(v));
	if (length >= 0 && (size_t)length < room)
		return true;
	result->detail[used] = '\0';
	return false;
}

/* In place of the last line, if need be. */
static void add_rest(struct result *result, unsigned count)
{
	char line[40];
	size_t length = (size_t)snprintf(line, sizeof(line), "and %u more\n", count);
	size_t used = strlen(result->detail);

	while (used + length >= sizeof(result->detail)) {
		result->detail[--used] = '\0';
		while (used > 0 && result->detail[used - 1] != '\n')
			result->detail[--used] = '\0';
		length = (size_t)snprintf(line, sizeof(line), "and %u more\n", ++count);
	}
	memcpy(result->detail + used, line, length + 1);
}

static void add_dropped_smis(const struct machine *m, struct result *result)
{
	size_t used = strlen(result->detail);
	uint64_t dropped = 0;

	for (unsigned i = 0; i < m->cpus; i++)
		dropped += m->vcpus[i].stats.smis_dropped;
	if (dropped)
		snprintf(result->detail + used, sizeof(result->detail) - used,
			 "%" PRIu64 " SMIs were dropped: this host's KVM has no "
			 "KVM_CAP_X86_SMM\n",
			 dropped);
}

/* Of those that sleep for ever the one to name is the first that got there by its own HLT. */
static int first_halted(const struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++)
		if (vcpu_state(&m->vcpus[i]) == VCPU_HALTED)
			return (int)i;
	return 0;
}

void run_report_where(const struct machine *m, struct result *result)
{
	bool interrupts_on;

	if (result->kind == RESULT_HALTED_FOREVER)
		result->cpu = first_halted(m);
	if (result->cpu >= 0 && result->rip == 0 && (unsigned)result->cpu < m->cpus)
		vcpu_place(&m->vcpus[result->cpu], &result->rip, &interrupts_on);
	add_dropped_smis(m, result);
	if (result->kind != RESULT_TIMEOUT && result->kind != RESULT_HALTED_FOREVER)
		return;
	for (unsigned i = 0; i < m->cpus; i++)
		if (!add_cpu(result, &m->vcpus[i])) {
			add_rest(result, m->cpus - i);
			return;
		}
}

static bool died(const struct result *result)
{
	switch (result->kind) {
	case RESULT_TRIPLE_FAULT:
	case RESULT_EMULATION:
	case RESULT_HALTED_FOREVER:
	case RESULT_TIMEOUT: return true;
	case RESULT_INTERNAL: return result->cpu >= 0;
	default: return false;
	}
}

/* fault.c wrote down the registers of the one that it is about. */
static bool has_registers(const struct result *result)
{
	return result->kind != RESULT_HALTED_FOREVER && result->kind != RESULT_TIMEOUT;
}

static bool to_stderr(const struct options *options)
{
	return options->dump_state && strcmp(options->dump_state, "-") == 0;
}

void run_report_death(struct machine *m, const struct result *result)
{
	const struct info_dump_request request = {
		.format = m->options->format == INFO_LINUX ? INFO_LINUX : INFO_QEMU,
		.cpus = DEATH_CPUS,
		.first = result->cpu,
		.registers_elsewhere = has_registers(result) ? result->cpu : -1,
		.symbols = true,
	};

	/* Twice the same would not be clearer. */
	if (!died(result) || m->options->verb != OPTIONS_RUN || to_stderr(m->options))
		return;
	fprintf(stderr, "---- the machine at its end (%s) ----\n", result_name(result->kind));
	info_dump(m, &request, stderr);
	fputs("----\n", stderr);
}

bool run_report_state(struct machine *m)
{
	const struct info_dump_request request = {
		.format = m->options->format,
		.first = -1,
		.registers_elsewhere = -1,
		.symbols = true,
	};
	struct output_file file;

	if (!m->options->dump_state)
		return true;
	if (to_stderr(m->options))
		return info_dump(m, &request, stderr);
	if (!output_file_open(&file, m->options->dump_state))
		return false;
	errno = 0;
	if (info_dump(m, &request, file.stream))
		return output_file_commit(&file);
	output_file_abandon(&file);
	errno = ENOMEM;
	return false;
}

static unsigned list_bus(struct stats_device *to, const struct bus *bus,
			 const struct machine_exits *exits, const char *nobody)
{
	for (size_t i = 0; i < bus->count; i++)
		to[i] = (struct stats_device){bus->regions[i].name, bus->regions[i].base,
					      exits->regions[i]};
	to[bus->count] = (struct stats_device){nobody, 0, exits->nobody};
	return (unsigned)bus->count + 1;
}

static void report_devices(const struct machine *m)
{
	struct stats_device devices[2 * (MACHINE_REGIONS + 1)];
	unsigned count = list_bus(devices, &m->ports, &m->port_exits, "nobody's port");

	count += list_bus(devices + count, &m->memory, &m->memory_exits, "nobody's memory");
	stats_print_devices(devices, count, stderr);
}

void run_report_stats(const struct machine *m)
{
	const struct stats_vcpu **all = calloc(m->cpus, sizeof(const struct stats_vcpu *));

	if (!all)
		return;
	for (unsigned i = 0; i < m->cpus; i++)
		all[i] = &m->vcpus[i].stats;
	stats_print(all, m->cpus, !m->options->kernel_lapic || m->hops, stderr);
	report_devices(m);
	machine_hop_print(m, stderr);
	free(all);
}
