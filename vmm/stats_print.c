// SPDX-License-Identifier: BSD-2-Clause
// The counts of a run as tables for people.
// Not a format for programs: columns may change.
#include "vmm/stats.h"

#include <inttypes.h>
#include <stdlib.h>

#include "vmm/kvm_names.h"

static const char *const mode_names[STATS_MODES] = {
	[LAPIC_SMI] = "SMI",   [LAPIC_NMI] = "NMI",       [LAPIC_INIT] = "INIT",
	[LAPIC_SIPI] = "SIPI", [LAPIC_EXTINT] = "ExtINT",
};

const char *stats_exit_name(uint32_t reason)
{
	return kvm_names_exit(reason);
}

static void print_exits(const struct stats_vcpu *sum, FILE *to)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < STATS_EXIT_KINDS; i++)
		all += sum->exits[i];
	fprintf(to, "exits by kind\n");
	for (unsigned i = 0; i < STATS_EXIT_KINDS; i++) {
		if (sum->exits[i] == 0)
			continue;
		if (kvm_names_exit(i))
			fprintf(to, "  %-20s", kvm_names_exit(i));
		else if (i == STATS_EXIT_KINDS - 1)
			fprintf(to, "  %u and above        ", i);
		else
			fprintf(to, "  reason %-13u", i);
		fprintf(to, " %12" PRIu64 "  %5.1f %%\n", sum->exits[i],
			100.0 * (double)sum->exits[i] / (double)all);
	}
	fprintf(to, "  %-20s %12" PRIu64 "\n", "all", all);
}

void stats_print_devices(const struct stats_device *devices, unsigned count, FILE *to)
{
	char name[64];

	fprintf(to, "exits by device\n");
	for (unsigned i = 0; i < count; i++) {
		if (devices[i].exits == 0)
			continue;
		if (devices[i].base)
			snprintf(name, sizeof(name), "%s %" PRIX64 "h", devices[i].name,
				 devices[i].base);
		else
			snprintf(name, sizeof(name), "%s", devices[i].name);
		fprintf(to, "  %-36s %12" PRIu64 "\n", name, devices[i].exits);
	}
}

static void print_row(const char *name, const uint64_t columns[5], FILE *to)
{
	fprintf(to, "  %-8s", name);
	for (unsigned i = 0; i < 5; i++)
		fprintf(to, " %10" PRIu64, columns[i]);
	fputc('\n', to);
}

static bool any(const uint64_t columns[5])
{
	return columns[0] || columns[1] || columns[2] || columns[3] || columns[4];
}

static void print_interrupts(const struct stats_vcpu *sum, FILE *to)
{
	fprintf(to, "interrupts\n  %-8s %10s %10s %10s %10s %10s\n", "vector", "posted", "merged",
		"refused", "delivered", "EOI");
	for (unsigned v = 0; v < STATS_VECTORS; v++) {
		const uint64_t columns[5] = {sum->posted[v], sum->merged[v], sum->refused[v],
					     sum->delivered[v], sum->eoi[v]};
		char name[8];

		snprintf(name, sizeof(name), "%02Xh", v);
		if (any(columns))
			print_row(name, columns, to);
	}
	for (unsigned m = 0; m < STATS_MODES; m++) {
		const uint64_t columns[5] = {sum->posted_mode[m], sum->merged_mode[m],
					     sum->refused_mode[m], sum->taken_mode[m], 0};

		if (mode_names[m] && any(columns))
			print_row(mode_names[m], columns, to);
	}
}

static void print_events(const struct stats_vcpu *sum, FILE *to)
{
	fprintf(to, "events\n");
	fprintf(to, "  %-36s %12" PRIu64 "\n", "kicks", sum->kicks);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "halts that went to sleep", sum->halts);
	fprintf(to, "  %-36s %12.3f\n", "halted, seconds", (double)sum->halted_ns / 1e9);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "halts that polled first", sum->polls);
	fprintf(to, "  %-36s %12.3f\n", "polled, seconds", (double)sum->polled_ns / 1e9);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "IPIs sent", sum->sent);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "exits for the LAPIC's page", sum->page_accesses);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "exits for the LAPIC's MSRs", sum->msr_accesses);
	if (sum->unseen_eois)
		fprintf(to, "  %-36s %12" PRIu64 "\n", "EOIs without an exit", sum->unseen_eois);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "entries that ask for the window", sum->windows);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "entries under single-step", sum->steps);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "spurious acknowledges", sum->spurious);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "accesses against a LAPIC rule", sum->mistakes);
	if (sum->smis_dropped)
		fprintf(to, "  %-36s %12" PRIu64 "\n", "SMIs dropped: the host has no SMM",
			sum->smis_dropped);
}

static void print_timer(const struct stats_histogram *timer, FILE *to)
{
	static const struct {
		const char *name;
		unsigned permille;
	} rows[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"max", 1000}};

	fprintf(to, "timer, from due to handler: %" PRIu64 " interrupts\n", timer->count);
	for (unsigned i = 0; timer->count && i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(to, "  %-20s %12.1f us\n", rows[i].name,
			(double)stats_percentile(timer, rows[i].permille) / 1000.0);
}

static void print_without_model(const struct stats_vcpu *sum, FILE *to)
{
	fprintf(to, "events\n");
	fprintf(to, "  %-36s %12" PRIu64 "\n", "kicks", sum->kicks);
	fprintf(to, "  %-36s %12" PRIu64 "\n", "entries that ask for the window", sum->windows);
	fprintf(to, "interrupts, halts and timer are not known: the Local APICs are KVM's\n");
}

bool stats_print(const struct stats_vcpu *const *vcpus, unsigned count, bool model, FILE *to)
{
	struct stats_vcpu *sum = calloc(1, sizeof(*sum));

	if (!sum)
		return false;
	for (unsigned i = 0; i < count; i++)
		stats_add(sum, vcpus[i]);
	fprintf(to, "statistics of %u %s\n", count, count == 1 ? "vCPU" : "vCPUs");
	print_exits(sum, to);
	if (model) {
		print_interrupts(sum, to);
		print_events(sum, to);
		print_timer(&sum->timer, to);
	} else {
		print_without_model(sum, to);
	}
	free(sum);
	return true;
}
