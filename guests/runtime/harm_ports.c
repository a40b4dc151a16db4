// SPDX-License-Identifier: BSD-2-Clause
// Random port accesses, and PC chips programmed so that they interrupt.
// Not what ends the run by right: that is a table here, and left out.
#include "guests/runtime/apic.h"
#include "guests/runtime/cpu.h"
#include "guests/runtime/harm.h"
#include "guests/runtime/lines.h"
#include "guests/runtime/memory.h"

#define PM_CONTROL  0x605 /* of its second byte bit 5 is SLP_EN */
#define IOAPIC      0xfec00000u
#define STRING_INS  "+D"(memory), "+c"(count) : "d"(at) : "memory"
#define STRING_OUTS "+S"(memory), "+c"(count) : "d"(at) : "memory"

/* A byte written to first..last ends the run if the bits of mask are those of value. */
static const struct {
	uint16_t first, last;
	uint8_t mask, value;
} fatal_bytes[] = {
	{0xf4, 0xf7, 0x00, 0x00},             /* the guest's exit status */
	{0x64, 0x64, 0xf1, 0xf0},             /* 8042: pulses the reset line */
	{0x64, 0x64, 0xff, 0xd1},             /* 8042: next byte sets the reset line */
	{PM_CONTROL, PM_CONTROL, 0x20, 0x20}, /* sleep, soft-off among it */
	{0xcf9, 0xcf9, 0x04, 0x04},           /* reset control register */
	/* Lines of the test device with INIT or SIPI; those with NMI are harm_lines()'s. */
	{0x2041, 0x2041, 0x04, 0x04},
	{0x2051, 0x2051, 0x04, 0x04},
	{0x2061, 0x2061, 0x04, 0x04},
	{0x2071, 0x2071, 0x04, 0x04},
};

static bool ends_run(unsigned port, unsigned width, uint32_t data)
{
	/* All four bytes at CF8h are the PCI address, without the register in their midst. */
	if (port == 0xcf8 && width == 4)
		return false;
	for (unsigned i = 0; i < width; i++, data >>= 8)
		for (unsigned row = 0; row < sizeof(fatal_bytes) / sizeof(fatal_bytes[0]); row++)
			if (port + i >= fatal_bytes[row].first &&
			    port + i <= fatal_bytes[row].last &&
			    (data & fatal_bytes[row].mask) == fatal_bytes[row].value)
				return true;
	return false;
}

static uint16_t port(void)
{
	static const uint16_t first[] = {0x20,  0x40,  0x60,  0x70,  0x80,  0x92,   0xa0,   0xb2,
					 0xe0,  0xe9,  0xf0,  0x2f8, 0x3c0, 0x3d0,  0x3f8,  0x402,
					 0x4d0, 0x510, 0x600, 0x608, 0xcf8, 0x2000, 0x2010, 0x2040};

	if (harm_below(8) == 0)
		return (uint16_t)harm_any();
	return (uint16_t)(first[harm_below(sizeof(first) / sizeof(first[0]))] + harm_below(8));
}

static void out(uint16_t at, unsigned width, uint32_t data)
{
	if (ends_run(at, width, data))
		return;
	if (width == 1)
		outb(at, (uint8_t)data);
	else if (width == 2)
		outw(at, (uint16_t)data);
	else
		outl(at, data);
}

void harm_ports(void)
{
	uint32_t data = (uint32_t)harm_value();
	uint16_t at = port();
	unsigned width = 1u << harm_below(3);

	if (harm_below(2))
		out(at, width, data);
	else if (width == 1)
		__asm__ volatile("inb %1, %b0" : "=a"(data) : "Nd"(at));
	else if (width == 2)
		__asm__ volatile("inw %1, %w0" : "=a"(data) : "Nd"(at));
	else
		__asm__ volatile("inl %1, %0" : "=a"(data) : "Nd"(at));
}

/* A string of outputs takes its bytes from memory that others write, too: only to ports where no
 * byte is fatal. */
static bool string_may(uint16_t at, unsigned width)
{
	for (unsigned row = 0; row < sizeof(fatal_bytes) / sizeof(fatal_bytes[0]); row++)
		if (at + width > fatal_bytes[row].first && at <= fatal_bytes[row].last)
			return false;
	return true;
}

void harm_strings(void)
{
	static uint8_t buffer[4096 * 4] __attribute__((aligned(4096)));
	uint16_t at = port();
	unsigned width = 1u << harm_below(3);
	uint64_t count = harm_below(16) ? harm_below(32) : harm_below(4096);
	uint8_t *memory = buffer;

	if (harm_below(2)) {
		if (width == 1)
			__asm__ volatile("rep insb" : STRING_INS);
		else if (width == 2)
			__asm__ volatile("rep insw" : STRING_INS);
		else
			__asm__ volatile("rep insl" : STRING_INS);
	} else if (string_may(at, width)) {
		if (width == 1)
			__asm__ volatile("rep outsb" : STRING_OUTS);
		else if (width == 2)
			__asm__ volatile("rep outsw" : STRING_OUTS);
		else
			__asm__ volatile("rep outsl" : STRING_OUTS);
	}
}

/* Programmed as a driver would, so that interrupts do come, and quickly. */
void harm_chips(void)
{
	switch (harm_below(7)) {
	case 0:
		outb(0x20, 0x11);
		outb(0x21, (uint8_t)harm_any());
		outb(0x21, 4);
		outb(0x21, harm_below(4) ? 1 : 3);
		outb(0x21, harm_below(2) ? 0 : (uint8_t)harm_any());
		return;
	case 1:
		outb(0x43, (uint8_t)(0x30 | harm_below(6) << 1));
		outb(0x40, (uint8_t)harm_below(8));
		outb(0x40, 0);
		return;
	case 2:
		outb(0x70, 0xa);
		outb(0x71, (uint8_t)(0x20 | harm_below(16)));
		outb(0x70, 0xb);
		outb(0x71, (uint8_t)(harm_any() & 0x7f));
		outb(0x70, 0xc);
		inb(0x71);
		return;
	case 3:
		harm_send(harm_below(harm_cpus()), 0x20 + harm_below(0xe0));
		harm_pages();
		return;
	case 4: harm_own_timer(); return;
	case 5:
		apic_mmio_write32(IOAPIC, 0x10 + 2 * harm_below(24));
		apic_mmio_write32(IOAPIC + 0x10,
				  (0x20 + harm_below(0xe0)) | (harm_below(2) ? HARM_BIT(15) : 0));
		return;
	default:
		for (unsigned i = 0; i < 4; i++) {
			outb(0x20, 0x20);
			outb(0xa0, 0x20);
		}
		return;
	}
}

void harm_lines(void)
{
	unsigned n = harm_below(LINES_COUNT);

	switch (harm_below(3)) {
	case 0: outb((uint16_t)(0x2000 + harm_below(24)), (uint8_t)harm_below(2)); return;
	case 1:
		line_write(n, LINE_DEST, (uint32_t)harm_any());
		line_write(n, LINE_HOW, (uint32_t)harm_without_init(harm_any()) & 0xfffff);
		return;
	default: line_write(n, LINE_LEVEL, harm_below(2)); return;
	}
}
