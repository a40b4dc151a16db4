// SPDX-License-Identifier: BSD-2-Clause
// ACPI Machine Language, byte by byte ("AML Specification", "Resource Data Types for ACPI").
// No allocation, and no opinion on what is written.
#include "vmm/aml.h"

#include <string.h>

enum {
	ZERO_OP = 0x00,
	ONE_OP = 0x01,
	NAME_OP = 0x08,
	BYTE_PREFIX = 0x0A,
	WORD_PREFIX = 0x0B,
	DWORD_PREFIX = 0x0C,
	STRING_PREFIX = 0x0D,

	IRQ_NO_FLAGS = 0x22,
	IO_PORT = 0x47,
	END_TAG = 0x79,
	FIXED_MEMORY_32 = 0x86,
	DWORD_ADDRESS = 0x87,
	WORD_ADDRESS = 0x88,

	DECODE_16 = 1,

	SPACE_MEMORY = 0,
	SPACE_PORTS = 1,
	SPACE_BUSES = 2,
	WINDOW_FIXED = 0x0C, /* neither end can be moved; a bridge's, decoded positively */
	MEMORY_WRITABLE = 1, /* and not to be cached */
	PORTS_ENTIRE = 3,    /* ISA and other ports alike */
};

void aml_put(struct aml *aml, unsigned n, uint64_t value)
{
	for (unsigned i = 0; i < n; i++, aml->used++)
		if (aml->used < aml->room)
			aml->bytes[aml->used] = (uint8_t)(value >> (8 * i));
}

void aml_segment(struct aml *aml, const char *name)
{
	for (unsigned i = 0; i < 4; i++)
		aml_put(aml, 1, (uint8_t)name[i]);
}

size_t aml_open(struct aml *aml, unsigned opcode)
{
	if (opcode > 0xFF)
		aml_put(aml, 1, opcode >> 8);
	aml_put(aml, 1, opcode & 0xFF);
	return aml->used;
}

/* The length counts itself: one byte up to 63, else a byte with a count and 4 bits, then more. */
void aml_close(struct aml *aml, size_t start)
{
	size_t end = aml->used;
	size_t length = end - start;
	unsigned extra = 0;

	if (length + 1 > 0x3F)
		for (extra = 1; length + 1 + extra >= (size_t)1 << (4 + 8 * extra);)
			extra++;
	length += 1 + extra;
	if (start + length <= aml->room)
		memmove(aml->bytes + start + 1 + extra, aml->bytes + start, end - start);
	aml->used = start;
	if (extra == 0) {
		aml_put(aml, 1, length);
	} else {
		aml_put(aml, 1, extra << 6 | (length & 0xF));
		aml_put(aml, extra, length >> 4);
	}
	aml->used = start + length;
}

void aml_integer(struct aml *aml, uint32_t value)
{
	if (value <= 1) {
		aml_put(aml, 1, value == 0 ? ZERO_OP : ONE_OP);
	} else if (value <= UINT8_MAX) {
		aml_put(aml, 1, BYTE_PREFIX);
		aml_put(aml, 1, value);
	} else if (value <= UINT16_MAX) {
		aml_put(aml, 1, WORD_PREFIX);
		aml_put(aml, 2, value);
	} else {
		aml_put(aml, 1, DWORD_PREFIX);
		aml_put(aml, 4, value);
	}
}

void aml_string(struct aml *aml, const char *string)
{
	aml_put(aml, 1, STRING_PREFIX);
	do
		aml_put(aml, 1, (uint8_t)*string);
	while (*string++ != '\0');
}

void aml_pnp(struct aml *aml, uint16_t product)
{
	/* Five bits a letter, and all of it with the most significant byte first. */
	const unsigned vendor = ('P' - '@') << 10 | ('N' - '@') << 5 | ('P' - '@');

	aml_put(aml, 1, DWORD_PREFIX);
	aml_put(aml, 1, vendor >> 8);
	aml_put(aml, 1, vendor & 0xFF);
	aml_put(aml, 1, product >> 8);
	aml_put(aml, 1, product & 0xFF);
}

void aml_name(struct aml *aml, const char *name)
{
	aml_put(aml, 1, NAME_OP);
	aml_segment(aml, name);
}

size_t aml_pnp_device(struct aml *aml, const char *name, uint16_t product, uint32_t uid)
{
	size_t device = aml_open(aml, AML_DEVICE);

	aml_segment(aml, name);
	aml_name(aml, "_HID");
	aml_pnp(aml, product);
	aml_name(aml, "_UID");
	aml_integer(aml, uid);
	return device;
}

struct aml_resources aml_resources_open(struct aml *aml)
{
	struct aml_resources resources;

	aml_name(aml, "_CRS");
	resources.buffer = aml_open(aml, AML_BUFFER);
	/* A byte is enough for any template here, and its size known only at the end. */
	aml_put(aml, 1, BYTE_PREFIX);
	resources.size = aml->used;
	aml_put(aml, 1, 0);
	return resources;
}

void aml_resources_close(struct aml *aml, struct aml_resources resources)
{
	aml_put(aml, 1, END_TAG);
	aml_put(aml, 1, 0); /* stands for a checksum that is right */
	if (resources.size < aml->room)
		aml->bytes[resources.size] = (uint8_t)(aml->used - resources.size - 1);
	aml_close(aml, resources.buffer);
}

void aml_ports(struct aml *aml, uint16_t base, uint8_t length)
{
	aml_put(aml, 1, IO_PORT);
	aml_put(aml, 1, DECODE_16);
	aml_put(aml, 2, base);
	aml_put(aml, 2, base);
	aml_put(aml, 1, 1); /* alignment */
	aml_put(aml, 1, length);
}

void aml_irq(struct aml *aml, unsigned irq)
{
	aml_put(aml, 1, IRQ_NO_FLAGS);
	aml_put(aml, 2, UINT64_C(1) << irq);
}

void aml_fixed_memory(struct aml *aml, uint32_t base, uint32_t length)
{
	aml_put(aml, 1, FIXED_MEMORY_32);
	aml_put(aml, 2, 9);
	aml_put(aml, 1, 0); /* not writable */
	aml_put(aml, 4, base);
	aml_put(aml, 4, length);
}

/* "Address Space Resource Descriptors": n bytes for each of five numbers. */
static void window(struct aml *aml, unsigned space, unsigned flags, unsigned n, uint32_t first,
		   uint32_t last)
{
	aml_put(aml, 1, n == 2 ? WORD_ADDRESS : DWORD_ADDRESS);
	aml_put(aml, 2, 3 + 5 * n);
	aml_put(aml, 1, space);
	aml_put(aml, 1, WINDOW_FIXED);
	aml_put(aml, 1, flags);
	aml_put(aml, n, 0); /* granularity */
	aml_put(aml, n, first);
	aml_put(aml, n, last);
	aml_put(aml, n, 0); /* the same addresses on both sides */
	aml_put(aml, n, last - first + UINT64_C(1));
}

void aml_bus_window(struct aml *aml, uint16_t first, uint16_t last)
{
	window(aml, SPACE_BUSES, 0, 2, first, last);
}

void aml_port_window(struct aml *aml, uint16_t first, uint16_t last)
{
	window(aml, SPACE_PORTS, PORTS_ENTIRE, 2, first, last);
}

void aml_memory_window(struct aml *aml, uint32_t first, uint32_t last)
{
	window(aml, SPACE_MEMORY, MEMORY_WRITABLE, 4, first, last);
}
