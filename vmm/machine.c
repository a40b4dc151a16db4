// SPDX-License-Identifier: BSD-2-Clause
// Puts a machine together from RAM, image, KVM, devices and vCPUs, and takes it apart again.
// Not what its parts do: devices are wired in machine_devices.c, threads run in machine_threads.c.

#include "vmm/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/apic_page.h"
#include "vmm/firmware.h"
#include "vmm/image.h"
#include "vmm/kernel_lapic.h"
#include "vmm/machine_census.h"
#include "vmm/machine_clock.h"
#include "vmm/machine_devices.h"
#include "vmm/machine_firmware.h"
#include "vmm/machine_hop.h"
#include "vmm/machine_tables.h"
#include "vmm/restore.h"
#include "vmm/topology.h"

extern const uint8_t vmm_tour_image[], vmm_tour_image_end[];

static void lock_map(void *opaque)
{
	struct machine *m = opaque;

	pthread_mutex_lock(&m->map_lock);
}

static void unlock_map(void *opaque)
{
	struct machine *m = opaque;

	pthread_mutex_unlock(&m->map_lock);
}

static bool make_map(struct machine *m, struct result *why)
{
	const struct topology topology = topology_of(m->options);
	struct lapic_map_config config = {
		.size = sizeof(config),
		.max_lapics = m->options->cpus,
		.max_id = topology_last_apic_id(&topology),
		.lock = lock_map,
		.unlock = unlock_map,
		.opaque = m,
	};
	size_t bytes = lapic_map_size(&config);

	m->map_memory = calloc(1, bytes);
	m->map = m->map_memory ? lapic_map_init(m->map_memory, bytes, &config) : NULL;
	m->vcpus = calloc(m->options->cpus, sizeof(*m->vcpus));
	if (m->map && m->vcpus)
		return true;
	ending_fill(why, RESULT_INTERNAL, "no memory for the Local APICs of %u CPUs",
		    m->options->cpus);
	return false;
}

static struct image_file image_file(const struct options *options)
{
	if (options->image)
		return (struct image_file){.name = options->image};
	return (struct image_file){
		.name = "tour",
		.bytes = vmm_tour_image,
		.size = (uintptr_t)vmm_tour_image_end - (uintptr_t)vmm_tour_image,
	};
}

/* One line for each format that was tried does not fit into the one line of a result. */
static void refuse_image(const struct image_error *error, const char *name, struct result *why)
{
	enum result_kind kind =
		error->kind == IMAGE_UNREADABLE ? RESULT_UNREADABLE : RESULT_BAD_IMAGE;

	if (!strchr(error->text, '\n')) {
		ending_fill(why, kind, "%s", error->text);
		return;
	}
	ending_fill(why, kind, "%s cannot be booted", name);
	snprintf(why->detail, sizeof(why->detail), "%s", error->text);
}

static bool load_firmware(struct machine *m, struct result *why)
{
	struct image_error error;

	if (firmware_load(m->options->bios, &m->ram, &m->rom, &error))
		return true;
	refuse_image(&error, m->options->bios, why);
	return false;
}

static bool load(struct machine *m, struct boot_state *state, struct result *why)
{
	const struct options *options = m->options;
	struct image_file modules[OPTIONS_MAX_INITRDS];
	struct image_request request = {
		.image = image_file(options),
		.append = options->append,
		.args = options->guest_args,
		.arg_count = (size_t)options->guest_arg_count,
		.modules = modules,
		.module_count = options->initrd_count,
		.rsdp = machine_tables_acpi(m),
		.text_screen = true,
	};
	struct image_error error;

	for (unsigned i = 0; i < options->initrd_count; i++)
		modules[i] = (struct image_file){.name = options->initrds[i]};
	machine_tables_bios(m);
	if (image_load(&request, &m->ram, state, &error) == 0)
		return true;
	refuse_image(&error, request.image.name, why);
	return false;
}

static bool make_vcpus(struct machine *m, struct result *why)
{
	for (m->cpus = 0; m->cpus < m->options->cpus;) {
		struct vcpu *v = &m->vcpus[m->cpus];

		m->cpus++;
		if (!vcpu_open(v, m, m->cpus - 1, why))
			return false;
	}
	return true;
}

/* Firmware finds the machine as after power-on, and makes what it leaves to others itself. */
static int start_firmware(struct machine *m)
{
	struct boot_state state;

	boot_reset(&state, m->vcpus[0].signature);
	return vcpu_boot(&m->vcpus[0], &state);
}

/*
 * As firmware hands over a machine with IDs that xAPICs cannot have: systems that find their boot
 * processor in xAPIC mode do not look for more than xAPIC entries in the MADT, and an application
 * processor in xAPIC mode would answer to the low byte of its ID, which is another's whole one.
 */
static int enter_x2apic(struct machine *m)
{
	const struct topology topology = topology_of(m->options);
	int error = 0;

	if (topology_last_apic_id(&topology) <= TOPOLOGY_XAPIC_LAST)
		return 0;
	for (unsigned i = 0; i < m->cpus && error >= 0; i++)
		error = vcpu_enter_x2apic(&m->vcpus[i]);
	return error;
}

static int start_image(struct machine *m, const struct boot_state *state)
{
	int error;

	machine_tables_mp(m);
	error = boot_follows_firmware(state) ? machine_firmware(m) : 0;
	if (error >= 0)
		error = enter_x2apic(m);
	return error < 0 ? error : vcpu_boot(&m->vcpus[0], state);
}

static bool boot(struct machine *m, const struct boot_state *state, struct result *why)
{
	int error = vm_map_ram(&m->vm, &m->ram, NULL, 0);

	if (error >= 0 && m->rom.length)
		error = vm_map_rom(&m->vm, &m->rom);
	if (error < 0) {
		ending_fill(why, RESULT_INTERNAL, "KVM_SET_USER_MEMORY_REGION: %s",
			    strerror(-error));
		return false;
	}
	if (m->restore)
		return restore_machine(m->restore, m, why);
	error = m->rom.length ? start_firmware(m) : start_image(m, state);
	if (error < 0)
		ending_fill(why, RESULT_INTERNAL,
			    "KVM refuses the boot processor's first state: %s", strerror(-error));
	return error >= 0;
}

/* The guest's interrupt for a received byte must get through, else input cannot wake anybody; or a
 * device's timer may. */
static bool input_may_wake(void *opaque)
{
	struct machine *m = opaque;
	bool may = m->console.open(m->console.opaque);

	pthread_mutex_lock(&m->device_lock);
	may = (may && uart16550_rx_interrupts(&m->uart)) || machine_clock_runs(m);
	pthread_mutex_unlock(&m->device_lock);
	return may;
}

static bool fill_memory(struct machine *m, struct boot_state *state, struct result *why)
{
	if (m->restore)
		return restore_begin(m->restore, m, why) &&
		       restore_memory(m->restore, &m->ram, &m->rom, why);
	return m->options->bios ? load_firmware(m, why) : load(m, state, why);
}

static bool enough_host(const struct machine *m, struct result *why)
{
	uint32_t most = m->traits->max_vcpus;

	if (!most || m->options->cpus <= most)
		return true;
	ending_fill(why, RESULT_HOST_LACKS, "-smp %u: this host's KVM makes at most %u vCPUs",
		    m->options->cpus, most);
	return false;
}

static bool open_vm(struct machine *m, const struct kvm_calls *kvm, struct result *why)
{
	const struct topology topology = topology_of(m->options);

	return vm_open(&m->vm, kvm, m->traits, m->in_kernel ? VM_LAPIC_KERNEL : VM_LAPIC_USER,
		       why) &&
	       (!m->in_kernel ||
		kernel_lapic_enable(&m->vm, topology_last_apic_id(&topology), why)) &&
	       (!m->hops || machine_hop_open(m, kvm, why));
}

static bool begin_census(struct machine *m, struct event_base *base, struct result *why)
{
	int error = m->in_kernel || m->hops ? machine_census_open(m, base) : 0;

	if (error < 0)
		ending_fill(why, RESULT_INTERNAL, "a timer for the machine: %s", strerror(-error));
	return error >= 0;
}

static bool begin_hops(struct machine *m, struct event_base *base, struct result *why)
{
	int error = m->options->hop_ms ? machine_hop_start(m, base) : 0;

	if (error < 0)
		ending_fill(why, RESULT_INTERNAL, "a timer for hops: %s", strerror(-error));
	return error >= 0;
}

static bool start_clock(struct machine *m, struct event_base *base, struct result *why)
{
	int error = machine_clock_open(m, base);

	if (error < 0)
		ending_fill(why, RESULT_INTERNAL, "a timer for the devices: %s", strerror(-error));
	return error >= 0;
}

bool machine_open(struct machine *m, const struct options *options,
		  const struct host_traits *traits, const struct kvm_calls *kvm,
		  struct ending *ending, const struct machine_console *console,
		  struct event_base *base, struct result *why)
{
	struct boot_state state;
	char text[256];

	*m = (struct machine){
		.options = options,
		.traits = traits,
		.ending = ending,
		.console = *console,
		.vm = {.kvm = kvm, .kvm_fd = -1, .fd = -1},
		.there = {.kvm = kvm, .kvm_fd = -1, .fd = -1},
		/* A file holds Local APICs of ours: machine_hop_soon(). */
		.in_kernel = options->kernel_lapic && !options->restored,
		.hops = options_both_lapics(options),
		.eoi_suppression = options_both_lapics(options),
		.restore = options->restored,
	};
	pthread_mutex_init(&m->device_lock, NULL);
	pthread_mutex_init(&m->map_lock, NULL);
	pthread_mutex_init(&m->start_lock, NULL);
	pthread_cond_init(&m->start_cond, NULL);
	layout_init(&m->layout);
	census_init(&m->census, options->cpus);
	pause_init(&m->pause, options->cpus, m->console.still, m->console.opaque);
	if (!watch_init(&m->watch, options->cpus, input_may_wake, m)) {
		ending_fill(why, RESULT_INTERNAL, "no memory for %u CPUs", options->cpus);
		return false;
	}
	/* Only the file says how many processors a restored machine has. */
	if (!enough_host(m, why) ||
	    (options->apic_page_read_only && !apic_page_possible(traits, options->cpus, why)))
		return false;
	if (ram_create(&m->ram, options->ram_bytes, text, sizeof(text)) != RAM_OK) {
		ending_fill(why, RESULT_USAGE, "%s", text);
		return false;
	}
	return fill_memory(m, &state, why) && open_vm(m, kvm, why) && machine_wire(m, why) &&
	       make_map(m, why) && make_vcpus(m, why) && boot(m, &state, why) &&
	       start_clock(m, base, why) && begin_census(m, base, why) && begin_hops(m, base, why);
}

void machine_close(struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++)
		vcpu_close(&m->vcpus[i]);
	machine_hop_close(m);
	vm_close(&m->vm);
	ram_destroy(&m->ram);
	firmware_unload(&m->rom);
	watch_destroy(&m->watch);
	free(m->vcpus);
	free(m->map_memory);
	machine_census_close(m);
	machine_clock_close(m);
	census_destroy(&m->census);
	pause_destroy(&m->pause);
	layout_destroy(&m->layout);
	pthread_cond_destroy(&m->start_cond);
	pthread_mutex_destroy(&m->start_lock);
	pthread_mutex_destroy(&m->map_lock);
	pthread_mutex_destroy(&m->device_lock);
}
