// SPDX-License-Identifier: BSD-2-Clause
// Writes ACPI Machine Language: opcodes, package lengths, integers and resource descriptors.
// Not what the machine's namespace says: that is vmm/acpi_dsdt.c.
#ifndef VMM_AML_H
#define VMM_AML_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where the next byte goes. Filled in by the caller: {bytes, room, 0}, with room 0 to measure only.
 * used counts every byte asked for, also those that had no room and were dropped: with used > room
 * what stands in bytes is of no use, though nothing behind them was touched.
 */
struct aml {
	uint8_t *bytes;
	size_t room;
	size_t used;
};

/* "Namespace Modifier Objects Encoding", "Named Objects Encoding" of the ACPI Specification. */
#define AML_SCOPE   0x10u
#define AML_BUFFER  0x11u
#define AML_PACKAGE 0x12u
#define AML_DEVICE  0x5B82u

/* The n lowest bytes of value, the least significant first; n is 1 to 8. */
void aml_put(struct aml *aml, unsigned n, uint64_t value);

/* Four characters: upper case, digits, '_'. */
void aml_segment(struct aml *aml, const char *name);

/*
 * Whatever has a length: an opcode of AML_*, then, between open and close with what open answered,
 * the contents. close puts the length before them. They nest; 2^28 - 5 bytes at most.
 */
size_t aml_open(struct aml *aml, unsigned opcode);
void aml_close(struct aml *aml, size_t start);

/* In its shortest encoding. */
void aml_integer(struct aml *aml, uint32_t value);
void aml_string(struct aml *aml, const char *string);
/* EISAID("PNPxxxx"): the number that stands for a plug and play device. */
void aml_pnp(struct aml *aml, uint16_t product);

/* Name(name, ...): the object is to follow. */
void aml_name(struct aml *aml, const char *name);
/* A device that is told from others by _HID ("PNPxxxx") and _UID. To be closed. */
size_t aml_pnp_device(struct aml *aml, const char *name, uint16_t product, uint32_t uid);

/* Name(_CRS, ResourceTemplate() ...): "Resource Data Types for ACPI". To be closed by its own. */
struct aml_resources {
	size_t buffer;
	size_t size; /* where the buffer's size stands */
};
struct aml_resources aml_resources_open(struct aml *aml);
void aml_resources_close(struct aml *aml, struct aml_resources resources);

/* Ports base..base+length-1, all 16 address lines decoded. */
void aml_ports(struct aml *aml, uint16_t base, uint8_t length);
/* An ISA interrupt, 0 to 15: edge-triggered, active high. */
void aml_irq(struct aml *aml, unsigned irq);
/* Memory of the device's own, read-only: registers that no one else may be given. */
void aml_fixed_memory(struct aml *aml, uint32_t base, uint32_t length);

/* What a bridge hands on to the bus behind it: first..last. */
void aml_bus_window(struct aml *aml, uint16_t first, uint16_t last);
void aml_port_window(struct aml *aml, uint16_t first, uint16_t last);
void aml_memory_window(struct aml *aml, uint32_t first, uint32_t last);

#ifdef __cplusplus
}
#endif

#endif
