// SPDX-License-Identifier: BSD-2-Clause
// Prints the I/O APIC three ways, each pin on a line.
// The columns and words are those that tools and eyes know; what a bit means is the data sheet's.

#include "vmm/info_ioapic.h"

#include <inttypes.h>

#define VERSION     0x20u
#define REGISTER_1  (VERSION | (IOAPIC_PINS - 1) << 16)
#define REDIRECTION 0x10u

/* "I/O Redirection Table Registers": the entry as it reads. */
static uint64_t as_read(const struct ioapic *ioapic, unsigned pin)
{
	struct ioapic_entry e = ioapic_entry_of(ioapic, pin);

	return ioapic->entries[pin] | (e.pending ? UINT64_C(1) << 12 : 0) |
	       (e.remote_irr ? UINT64_C(1) << 14 : 0);
}

/* ---- QEMU ---- */

static void qemu_pins(const char *name, uint32_t pins, FILE *to)
{
	fprintf(to, "  %s", name);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		if (pins >> pin & 1)
			fprintf(to, " %u", pin);
	fputs(pins ? "\n" : " (none)\n", to);
}

static void qemu_pin(const struct ioapic *ioapic, unsigned pin, FILE *to)
{
	static const char *const modes[] = {"fixed", "lowest", "SMI", "...",
					    "NMI",   "INIT",   "...", "ExtINT"};
	struct ioapic_entry e = ioapic_entry_of(ioapic, pin);

	fprintf(to, "  pin %-2u 0x%016" PRIx64 " dest=%" PRIu32 " vec=%-3u %s %-5s %-6s %-6s %s\n",
		pin, as_read(ioapic, pin), e.dest, e.vector,
		e.active_low ? "active-lo" : "active-hi", e.level ? "level" : "edge",
		e.masked ? "masked" : "", modes[e.mode & 7], e.logical ? "logical" : "physical");
}

static void print_qemu(const struct ioapic *ioapic, FILE *to)
{
	uint32_t asks = 0;

	fprintf(to, "ioapic0: ver=0x%x id=0x%02x sel=0x%02x", VERSION, ioapic->id, ioapic->select);
	if (ioapic->select >= REDIRECTION && ioapic->select < REDIRECTION + 2 * IOAPIC_PINS)
		fprintf(to, " (redir[%u])", (ioapic->select - REDIRECTION) / 2);
	fputc('\n', to);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		qemu_pin(ioapic, pin, to);
		asks |= (uint32_t)ioapic_entry_of(ioapic, pin).asserted << pin;
	}
	qemu_pins("IRR       ", asks, to);
	qemu_pins("Remote IRR", ioapic->remote_irr, to);
}

/* ---- Linux ---- */

static void print_linux(const struct ioapic *ioapic, FILE *to)
{
	fprintf(to, "number of IO-APIC #%u registers: %u.\n", ioapic->id, IOAPIC_PINS);
	fprintf(to, "IO APIC #%u......\n", ioapic->id);
	fprintf(to, ".... register #00: %08" PRIX32 "\n", (uint32_t)ioapic->id << 24);
	fprintf(to, ".......    : physical APIC id: %02X\n", ioapic->id);
	fputs(".......    : Delivery Type: 0\n.......    : LTS          : 0\n", to);
	fprintf(to, ".... register #01: %08X\n", REGISTER_1);
	fprintf(to, ".......     : max redirection entries: %02X\n", IOAPIC_PINS - 1);
	fputs(".......     : PRQ implemented: 0\n", to);
	fprintf(to, ".......     : IO APIC version: %02X\n", VERSION);
	fprintf(to, ".... register #02: %08" PRIX32 "\n", (uint32_t)ioapic->id << 24);
	fprintf(to, ".......     : arbitration: %02X\n", ioapic->id);
	fputs(".... IRQ redirection table:\n", to);
	fputs("IOAPIC 0:\n", to);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		struct ioapic_entry e = ioapic_entry_of(ioapic, pin);

		fprintf(to,
			" pin%02x, %s, %s, %s, V(%02X), IRR(%1d), S(%1d), %s, D(%04" PRIX32
			"), M(%1d)\n",
			pin, e.masked ? "disabled" : "enabled ", e.level ? "level" : "edge ",
			e.active_low ? "low " : "high", e.vector, e.remote_irr, e.pending,
			e.logical ? "logical " : "physical", e.dest, e.mode);
	}
}

/* ---- JSON ---- */

static const char *truth(bool yes)
{
	return yes ? "true" : "false";
}

static void print_json(const struct ioapic *ioapic, FILE *to)
{
	fprintf(to, "{\"id\": %u, \"version\": %u, \"select\": %u, \"pins\": [", ioapic->id,
		VERSION, ioapic->select);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		struct ioapic_entry e = ioapic_entry_of(ioapic, pin);

		fprintf(to,
			"%s{\"entry\": \"0x%016" PRIx64 "\", \"dest\": %" PRIu32
			", \"vector\": %u, \"mode\": %u",
			pin ? ", " : "", as_read(ioapic, pin), e.dest, e.vector, e.mode);
		fprintf(to, ", \"logical\": %s, \"level\": %s, \"active_low\": %s, \"masked\": %s",
			truth(e.logical), truth(e.level), truth(e.active_low), truth(e.masked));
		fprintf(to, ", \"remote_irr\": %s, \"pending\": %s, \"asserted\": %s}",
			truth(e.remote_irr), truth(e.pending), truth(e.asserted));
	}
	fputs("]}", to);
}

void info_ioapic_print(const struct ioapic *ioapic, enum info_format format, FILE *to)
{
	switch (format) {
	case INFO_QEMU: print_qemu(ioapic, to); return;
	case INFO_LINUX: print_linux(ioapic, to); return;
	case INFO_JSON: print_json(ioapic, to); return;
	}
}
