// SPDX-License-Identifier: BSD-2-Clause
// The machine a guest sees: RAM, buses, devices, processors and the map of their Local APICs.
// Not KVM and not the host's side of the console.
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stdint.h>

#include "devices/acpi_pm.h"
#include "devices/bus.h"
#include "devices/cmos.h"
#include "devices/debug_exit.h"
#include "devices/debugcon.h"
#include "devices/fw_cfg.h"
#include "devices/hpet.h"
#include "devices/i8042.h"
#include "devices/i8254.h"
#include "devices/i8259.h"
#include "devices/ioapic.h"
#include "devices/irq_wire.h"
#include "devices/pci_host.h"
#include "devices/reset_port.h"
#include "devices/test_lines.h"
#include "devices/test_messages.h"
#include "devices/test_ports.h"
#include "devices/uart16550.h"
#include "devices/vga_text.h"
#include "vmm/census.h"
#include "vmm/ending.h"
#include "vmm/host.h"
#include "vmm/layout.h"
#include "vmm/options.h"
#include "vmm/pause.h"
#include "vmm/ram.h"
#include "vmm/timer.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"
#include "vmm/watch.h"

struct event_base;

/* Where the guest's console leads. put, fits and room are called with the device lock held. */
struct machine_console {
	void (*put)(void *opaque, uint8_t byte);
	/* Whether put() would take so many bytes now. */
	bool (*fits)(void *opaque, unsigned bytes);
	/* Waits until it may; called with no lock held. */
	void (*wait)(void *opaque, unsigned bytes);
	/* The UART can take input again. */
	void (*room)(void *opaque);
	/* Whether input may still come; asked with the watch's lock held. */
	bool (*open)(void *opaque);
	/* What machine_hold() wanted is so. [any thread] May be NULL. */
	void (*still)(void *opaque);
	void *opaque;
};

/* Whether the threads may go. */
enum machine_start { MACHINE_WAIT, MACHINE_GO, MACHINE_END };

#define MACHINE_REGIONS 32u

/* Exits by who answered, in the order of the bus's table. Under device_lock. */
struct machine_exits {
	uint64_t regions[MACHINE_REGIONS];
	uint64_t nobody;
};

/* A line that can be cut: what its driver says is kept. */
struct machine_gate {
	struct irq_line to;
	struct acpi_pm *told; /* that the clock's has risen, cut or not; else NULL */
	bool level, shut;
};

struct machine {
	const struct options *options;
	const struct host_traits *traits;
	struct ending *ending;
	struct machine_console console;
	struct vm vm;
	bool in_kernel; /* the Local APICs are KVM's, in `vm` */
	/* Where hops lead, with a double of each vCPU (machine_hop.h). */
	bool hops;
	struct vm there;
	struct hop *hop;
	bool settling;  /* the loop's thread waits for vCPUs, so they must not wait for it */
	unsigned holds; /* [main thread] machine_hold() not yet released */
	struct ram ram;
	struct ram_range rom; /* -bios; else empty */
	struct watch watch;
	struct pause pause;
	struct layout layout;
	/* Where the Local APICs are KVM's. */
	struct census census;
	struct timer census_timer;
	uint64_t census_wait_ns; /* [main thread] */
	unsigned census_entries; /* [main thread] entries of all vCPUs at the last look */
	atomic_bool intr;        /* the 8259s' INTR */
	atomic_bool warm;        /* the boot processor's INIT ends at 40h:67h (machine_warm.h) */

	pthread_mutex_t device_lock; /* devices/bus.h: around every access to a bus */
	struct bus ports, memory;
	struct bus_region port_regions[MACHINE_REGIONS], memory_regions[MACHINE_REGIONS];
	struct machine_exits port_exits, memory_exits;
	struct uart16550 uart, com2;
	struct debugcon debugcon;
	struct debug_exit debug_exit;
	struct reset_port reset;
	struct fw_cfg fw_cfg;
	struct cmos cmos;
	struct i8259 pic;
	struct ioapic ioapic;
	struct irq_wire wires[IOAPIC_PINS]; /* machine_irq.h */
	struct irq_line intr_pin;           /* the 8259s' INTR at the I/O APIC */
	struct machine_gate gates[2];       /* of IRQ 0 and IRQ 8, which the HPET may take over */
	struct i8254 pit;
	struct acpi_pm acpi_pm;
	struct hpet hpet;
	struct pci_host pci_host;
	struct i8042 i8042;
	struct vga_text vga_text;
	struct timer device_timer; /* machine_clock.h */
	uint64_t retry_at;         /* of the I/O APIC's levels that nobody took; 0: there is none */
	struct test_lines test_lines;
	struct test_messages test_messages;
	struct test_ports test_ports;

	pthread_mutex_t map_lock; /* struct lapic_map_config */
	void *map_memory;
	struct lapic_map *map;
	struct vcpu *vcpus;
	unsigned cpus; /* made so far */

	unsigned started; /* threads */
	pthread_mutex_t start_lock;
	pthread_cond_t start_cond;
	unsigned joined; /* threads that are ready to be kicked */
	bool failed;     /* one is not and will never be */
	enum machine_start start;
};

/*
 * Builds the machine: RAM, VM, devices, vCPUs, with the loop waiting for their timers. False: *why
 * says what failed. machine_close() is due either way. [main thread]
 */
bool machine_open(struct machine *machine, const struct options *options,
		  const struct host_traits *traits, const struct kvm_calls *kvm,
		  struct ending *ending, const struct machine_console *console,
		  struct event_base *base, struct result *why);
void machine_close(struct machine *machine);

/* Starts one thread for each vCPU. False: *why, and no thread runs. */
bool machine_start(struct machine *machine, struct result *why);
/* After the ending was reached: kicks every vCPU and waits until all threads have ended. */
void machine_stop(struct machine *machine);

/*
 * Makes every vCPU stand still between two instructions, as soon as each can: until
 * machine_release() its state is the caller's. The guest notices nothing but that time has passed.
 * Holds add up: each wants its release.
 * [main thread, between machine_start and machine_stop]
 */
void machine_hold(struct machine *machine);
void machine_release(struct machine *machine);
/* Whether they do. */
bool machine_still(struct machine *machine);

/* Answers an access that is not a LAPIC's. [any vCPU's thread] */
void machine_port(struct machine *machine, const struct access *access);
void machine_memory(struct machine *machine, const struct access *access);

/*
 * The 8259s' interrupt acknowledge cycle: the vector, IR7's where no request is left. [any vCPU's
 * thread]
 */
uint8_t machine_intack(struct machine *machine);

/* A Local APIC tells of the EOI of a level-triggered vector. [any vCPU's thread] */
void machine_eoi(struct machine *machine, uint8_t vector);

/* Input for the guest: how much was taken. [any thread] */
size_t machine_input(struct machine *machine, const uint8_t *bytes, size_t n);

#endif
