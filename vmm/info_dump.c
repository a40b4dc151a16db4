// SPDX-License-Identifier: BSD-2-Clause
// Puts the copies of all processors and the devices' state into one block.
// Not the words for each: the other info_* files have them.

#include "vmm/info_dump.h"

#include <stdlib.h>

#include "vmm/info_cpu.h"
#include "vmm/info_ioapic.h"
#include "vmm/info_pic.h"
#include "vmm/info_waits.h"
#include "vmm/machine.h"
#include "vmm/symbols.h"

extern const uint8_t vmm_tour_image[], vmm_tour_image_end[];

static struct image_file image_of(const struct options *options)
{
	if (options->image)
		return (struct image_file){.name = options->image};
	return (struct image_file){
		.name = "tour",
		.bytes = vmm_tour_image,
		.size = (uintptr_t)vmm_tour_image_end - (uintptr_t)vmm_tour_image,
	};
}

/* Asked once for all: the image's symbols are read each time. */
static void name_places(const struct machine *m, struct info_cpu *cpus, unsigned count)
{
	struct image_file image = image_of(m->options);
	uint64_t *addresses = calloc(count, sizeof(*addresses));
	char(*texts)[SYMBOLS_TEXT] = calloc(count, sizeof(*texts));

	if (addresses && texts) {
		for (unsigned i = 0; i < count; i++)
			addresses[i] = cpus[i].linear;
		symbols_find(&image, addresses, count, texts);
		for (unsigned i = 0; i < count; i++)
			snprintf(cpus[i].place, sizeof(cpus[i].place), "%s", texts[i]);
	}
	free(addresses);
	free(texts);
}

/* The n-th to print: `first`, then the others in order. */
static unsigned nth(unsigned n, int first)
{
	if (first < 0)
		return n;
	if (n == 0)
		return (unsigned)first;
	return n <= (unsigned)first ? n - 1 : n;
}

static void print_cpus(const struct info_cpu *cpus, unsigned count, unsigned left_out,
		       const struct info_dump_request *request, FILE *to)
{
	enum info_format format = request->format;

	for (unsigned i = 0; i < count; i++) {
		bool known = (int)cpus[i].cpu == request->registers_elsewhere;

		if (format == INFO_JSON && i)
			fputs(",\n", to);
		info_cpu_print(&cpus[i], format, !known, to);
		if (format != INFO_JSON)
			fputc('\n', to);
	}
	if (left_out && format != INFO_JSON)
		fprintf(to, "%u more CPUs are left out; --dump-state shows all\n\n", left_out);
}

static void print_devices(struct machine *m, const struct info_cpu *cpus, enum info_format format,
			  FILE *to)
{
	bool json = format == INFO_JSON;

	pthread_mutex_lock(&m->device_lock);
	fputs(json ? "],\n\"ioapic\": " : "", to);
	info_ioapic_print(&m->ioapic, format, to);
	fputs(json ? ",\n\"pic\": " : "", to);
	info_pic_print(&m->pic, format, to);
	fputs(json ? ",\n\"waits\": " : "", to);
	info_waits_print(cpus, m->cpus, &m->ioapic, &m->pic, format, to);
	fputs(json ? "}\n" : "", to);
	pthread_mutex_unlock(&m->device_lock);
}

bool info_dump(struct machine *m, const struct info_dump_request *request, FILE *to)
{
	unsigned count = request->cpus && request->cpus < m->cpus ? request->cpus : m->cpus;
	/* Those that are not printed may be whom an interrupt is sent to. */
	struct info_cpu *cpus = calloc(m->cpus, sizeof(*cpus));

	if (!cpus)
		return false;
	for (unsigned i = 0; i < m->cpus; i++)
		info_cpu_take(&m->vcpus[nth(i, request->first)], &cpus[i]);
	if (request->symbols)
		name_places(m, cpus, count);
	fputs(request->format == INFO_JSON ? "{\"cpus\": [\n" : "", to);
	print_cpus(cpus, count, m->cpus - count, request, to);
	print_devices(m, cpus, request->format, to);
	free(cpus);
	return true;
}
