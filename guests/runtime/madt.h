// SPDX-License-Identifier: BSD-2-Clause
// The ACPI table that lists processors by their APIC IDs.
// No other table, and no checksums: that the tables are right is proved elsewhere.
#ifndef GUESTS_RUNTIME_MADT_H
#define GUESTS_RUNTIME_MADT_H

#include <stdint.h>

/* The IDs of the processors that may be started, in the table's order, `room` at most; how many
 * there are. 0: there is no such table. */
unsigned madt_ids(uint32_t *ids, unsigned room);

#endif
