// SPDX-License-Identifier: BSD-2-Clause
// What a saved machine was made of, and what its clocks read: two sections of a state file.
// Not its devices, memory and processors, which have sections of their own.
#ifndef VMM_SAVED_H
#define VMM_SAVED_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/state.h"
#include "vmm/boot_id.h"

#ifdef __cplusplus
extern "C" {
#endif

struct options;

/* Names of the sections, in the order in which they are written. */
#define SAVED_MACHINE     "machine"
#define SAVED_CLOCKS      "clocks"
#define SAVED_DEVICES     "devices"
#define SAVED_BOARD       "board"
#define SAVED_CPUID       "cpuid" /* one for each processor, in order */
#define SAVED_CPU         "cpu"   /* the same */
#define SAVED_ROM         "rom"   /* with -bios alone */
#define SAVED_RAM         "ram"   /* any number, ascending: an address, then whole pages */
#define SAVED_RAM_ADDRESS 8u

/*
 * The version in which a section of that name is written; it and all older ones are read. It grows
 * by one with what the section holds, as devices/state.h says. 0: there is no such section.
 */
uint32_t saved_version(const char *name);

/* A guest's clocks stay below this: no sum of what they read and what they run for wraps. */
#define SAVED_NS_MAX (UINT64_C(1) << 62)

/* The options that shape a machine, with their names there, and what followed from the host. */
struct saved_machine {
	uint32_t cpus, cores, threads;
	uint64_t ram_bytes;
	bool x2apic, tsc_deadline, hpet, no_acpi, no_mptable;
	bool eoi_suppression; /* its Local APICs have SVR[12] whatever their profile says */
	uint32_t tsc_khz;     /* of the guests' TSCs */
};

void saved_machine_walk(struct saved_machine *machine, struct state *s);
/* What of it no command line could ask for, or NULL. */
const char *saved_machine_error(const struct saved_machine *machine);
/* Sets these options, and no other. */
void saved_machine_options(const struct saved_machine *machine, struct options *options);

/* What belongs to no device and no processor. */
struct saved_board {
	uint32_t last_winner; /* lapic_map_last_winner() */
	bool warm;            /* machine_warm.h */
};

void saved_board_walk(struct saved_board *board, struct state *s);

/* At one moment. */
struct saved_clocks {
	uint64_t device_ns;    /* the devices' clock */
	uint64_t kvm_clock_ns; /* KVM_GET_CLOCK */
	uint64_t host_tsc;
	/* Version 2: boot_id.h; zeros: not known. */
	uint8_t boot_id[BOOT_ID_SIZE];
};

void saved_clocks_walk(struct saved_clocks *clocks, struct state *s);
const char *saved_clocks_error(const struct saved_clocks *clocks);

#ifdef __cplusplus
}
#endif

#endif
