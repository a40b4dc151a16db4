// SPDX-License-Identifier: BSD-2-Clause
// The machine's ACPI namespace as AML: what the DSDT holds behind its header.
// Not the header, and none of the other tables: vmm/acpi_tables.c has those.
#ifndef VMM_ACPI_DSDT_H
#define VMM_ACPI_DSDT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct acpi_tables_machine;

/*
 * Writes the definition block to at, room bytes, and answers how many it takes: more than room, and
 * it is not all there. Nothing behind at[room - 1] is touched; with room 0 at may be NULL.
 */
size_t acpi_dsdt_write(const struct acpi_tables_machine *machine, uint8_t *at, size_t room);

#ifdef __cplusplus
}
#endif

#endif
