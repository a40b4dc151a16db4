// SPDX-License-Identifier: BSD-2-Clause
// The text file of `doctor --report`: what somebody else needs to understand this host.
// Nothing in it says whose host it is: no host or user names, no serial numbers, no addresses.
#include "vmm/doctor.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/host_access.h"

static const char *const modules[] = {"kvm", "kvm_intel", "kvm_amd", "kvm_pvm"};

/* The flags that bear on interrupts, timers and virtualisation; the whole list would drown them. */
static const char *const flags[] = {
	"vmx",          "svm",
	"hypervisor",   "apic",
	"x2apic",       "extd_apicid",
	"tsc",          "constant_tsc",
	"nonstop_tsc",  "tsc_known_freq",
	"tsc_adjust",   "tsc_scale",
	"tsc_reliable", "tsc_deadline_timer",
	"arat",         "tpr_shadow",
	"flexpriority", "vnmi",
	"ept",          "vpid",
	"npt",          "avic",
	"x2avic",       "apicv",
	"posted_intr",  "umip",
	"smap",         "smep",
	"xsave",        "topoext",
};

static void print_parameter(const char *folder, const char *name, FILE *to)
{
	char path[768], line[128] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		snprintf(line, sizeof(line), "(unreadable)");
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
	fprintf(to, "  %s=%s\n", name, line);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void print_module(const char *root, const char *module, FILE *to)
{
	char folder[512];
	struct dirent **names;
	int count;

	snprintf(folder, sizeof(folder), "%s/sys/module/%s/parameters", root, module);
	count = scandir(folder, &names, not_hidden, alphasort);
	if (count < 0)
		return;
	fprintf(to, "\nmodule %s\n", module);
	for (int i = 0; i < count; i++) {
		print_parameter(folder, names[i]->d_name, to);
		free(names[i]);
	}
	free(names);
}

static void print_caps(const struct doctor_facts *facts, FILE *to)
{
	const char *name;
	int number;

	fprintf(to, "\ncapabilities (KVM_CHECK_EXTENSION)\n");
	for (unsigned i = 0; (name = kvm_caps_name(i, &number)); i++)
		fprintf(to, "  %-34s %3d  %d\n", name, number, facts->caps[i]);
}

void doctor_print_report(const struct doctor_facts *facts, const char *root, FILE *to)
{
	fprintf(to, "Report of lapicvm doctor. It holds no names of persons or machines.\n\n");
	doctor_print_table(facts, to);
	fprintf(to, "\nprocessor flags:");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (host_access_cpu_flag(root, flags[i]))
			fprintf(to, " %s", flags[i]);
	fputc('\n', to);
	if (facts->asked)
		print_caps(facts, to);
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		print_module(root, modules[i], to);
	fprintf(to, "\nthe same for programs\n");
	doctor_print_json(facts, to);
}
