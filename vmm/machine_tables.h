// SPDX-License-Identifier: BSD-2-Clause
// The tables by which a kernel finds processors and interrupt controllers, at F0000h of this
// machine. Not what they look like: acpi_tables.c, mp_table.c.
#ifndef VMM_MACHINE_TABLES_H
#define VMM_MACHINE_TABLES_H

#include <stdint.h>

struct machine;

/* Writes the ACPI tables, if the machine is to have them: before the image is loaded, which may
 * want to know where. The address of the RSDP, or 0. [setup] */
uint64_t machine_tables_acpi(struct machine *machine);

/* Writes the MP table, if the machine is to have it, behind them: after the vCPUs are made. [setup]
 */
void machine_tables_mp(struct machine *machine);

/*
 * Writes what a BIOS notes in low memory: the end of that memory, where Xen and others put their
 * trampolines below, and the serial ports. Before the image is loaded, which may want the place.
 * [setup]
 */
void machine_tables_bios(struct machine *machine);

#endif
