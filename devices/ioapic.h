// SPDX-License-Identifier: BSD-2-Clause
// The I/O APIC 82093AA with an EOI register, as later chip sets have it: 24 pins, version 20h.
// Not the Local APICs: who receives a message, and whether anybody does, is behind ops->send.
#ifndef DEVICES_IOAPIC_H
#define DEVICES_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The page at FEC00000h has three registers, that repeat nowhere in it:
 *   00h  IOREGSEL  the index, in bits 7:0; taken by bytes too, of which the first counts
 *   10h  IOWIN     the register of that index, in accesses of 32 bits alone
 *   40h  EOI       write only, in accesses of 32 bits alone: bits 7:0 are a vector
 * Anything else, by address, width or index, reads as 0 and takes nothing.
 *
 * Index 0: bits 27:24 are the ID, and nothing goes by it. 1: 00170020h. 2: the arbitration ID, that
 * is the ID, as there is no APIC bus to arbitrate. 10h to 3Fh: the redirection table, low halves at
 * even indices. Of an entry, all that is reserved reads as 0; delivery status and remote IRR ignore
 * what is written to them.
 */
#define IOAPIC_ADDRESS 0xFEC00000u
#define IOAPIC_SIZE    0x1000u
#define IOAPIC_PINS    24u

/*
 * What a pin does:
 *
 * Edge: each rise sends one message. A rise on a masked pin is lost, by the data sheet's "Interrupt
 * Mask" as in KVM and QEMU; so is a message that nobody took. Writing to an entry makes no edge.
 *
 * Level, which fixed and lowest priority can be: a pin that is asserted, unmasked and without
 * remote IRR sends, whichever of the three came last. Taken, it sets remote IRR, and the next is
 * sent after the EOI: one for each EOI, however long the line stays. A message that nobody took
 * leaves remote IRR clear, and delivery status reads as "send pending" as long as the line asks;
 * it is sent again by the next write to the entry, EOI of its vector, rise of the line, or
 * ioapic_retry(). (QEMU sets remote IRR whoever took it, KVM where nobody was addressed: that pin
 * is dead until software clears it.)
 *
 * Remote IRR falls with an EOI of the vector that the entry has by now, masked or not, and when the
 * entry stops being level-triggered: software that knows no EOI register counts on that.
 *
 * SMI, NMI, INIT and ExtINT are edges, whatever the trigger mode says. An ExtINT message has no
 * vector of its own; the receiver asks the 8259A, whose INTR is the wire of such a pin. The two
 * reserved delivery modes send nothing.
 */

/* Flags of ioapic_init(). */
/* Bits 55:49 of an entry are bits 14:8 of its destination, bits 11:5 of an MSI's address: what a
 * guest may count on where CPUID has KVM_FEATURE_MSI_EXT_DEST_ID. Otherwise they are reserved. */
#define IOAPIC_EXT_DEST 1u
/*
 * The lines are electrical: a pin is asserted when its line is as the polarity bit says (0: high).
 * Otherwise the line says that its device asks for service, as irq_line.h has it, the polarity bit
 * is kept and read back and means nothing: so it is in KVM and QEMU, whose guests get along with
 * a polarity that is not the board's. Who sets this inverts the wires that are active low.
 */
#define IOAPIC_ELECTRICAL 2u

/* Delivery modes. 3 and 6 are reserved. */
enum ioapic_mode {
	IOAPIC_FIXED = 0,
	IOAPIC_LOWEST = 1,
	IOAPIC_SMI = 2,
	IOAPIC_NMI = 4,
	IOAPIC_INIT = 5,
	IOAPIC_EXTINT = 7
};

/* An interrupt message on its way to Local APICs; all are asserts. */
struct ioapic_message {
	uint32_t dest;         /* 8 bits, 15 with IOAPIC_EXT_DEST */
	uint8_t vector;        /* as programmed, 0 to 255, in every mode */
	uint8_t mode;          /* enum ioapic_mode, or a reserved one where nothing is sent */
	bool logical;          /* destination mode */
	bool level;            /* an EOI is due */
	bool redirection_hint; /* set for lowest priority, as the chip sets do */
};

/* The same as a device on PCI would write it. */
struct ioapic_msi {
	uint64_t address;
	uint32_t data;
};

/*
 * Where bits of the destination above 7:0 go: false: address bits 11:5, which hold 7; true: address
 * bits 63:40, which hold all, as KVM_CAP_X2APIC_API wants them in KVM_SIGNAL_MSI and in routes.
 */
static inline struct ioapic_msi ioapic_msi_of(const struct ioapic_message *message, bool dest32)
{
	uint64_t above = message->dest >> 8;
	struct ioapic_msi msi;

	msi.address = 0xFEE00000u | (message->dest & 0xFFu) << 12 |
		      (message->redirection_hint ? 8u : 0) | (message->logical ? 4u : 0);
	msi.address |= dest32 ? above << 40 : (above & 0x7Fu) << 5;
	msi.data = message->vector | (message->mode & 7u) << 8 | 1u << 14 |
		   (message->level ? 1u << 15 : 0);
	return msi;
}

struct ioapic_ops {
	/* Sends it. Whether a Local APIC took it, be it that it was pending there already. */
	bool (*send)(void *opaque, const struct ioapic_message *message);
	/* The writable part of an entry is not what it was; ioapic_message_of() and
	 * ioapic_entry_of() say what it is. Comes before what the pin sends by it. May be NULL. */
	void (*changed)(void *opaque);
};

/* The caller's memory. Fields are for reading in tests and reports, and for saving; only the
 * functions write them. Bit n of a set is pin n. */
struct ioapic {
	const struct ioapic_ops *ops;
	void *opaque;
	unsigned flags;
	uint8_t select; /* IOREGSEL */
	uint8_t id;     /* 0 to 15 */
	uint32_t lines; /* those that are high */
	uint32_t remote_irr;
	uint64_t entries[IOAPIC_PINS]; /* the writable bits */
};

/* An entry taken to pieces, for reports. */
struct ioapic_entry {
	uint32_t dest;
	uint8_t vector, mode;
	bool logical, masked;
	bool level;      /* the trigger mode bit */
	bool active_low; /* the polarity bit */
	bool remote_irr;
	bool pending;  /* delivery status: a level asks, and nobody has taken its message */
	bool asserted; /* the pin's input asks now, masked or not */
};

/* After power-on: every pin masked, its line low. ops and opaque must outlive *dev. */
void ioapic_init(struct ioapic *dev, const struct ioapic_ops *ops, void *opaque, unsigned flags);

/* Power-on once more; the lines are as high as their devices hold them. Tells ops->changed. */
void ioapic_reset(struct ioapic *dev);

/* The page, for bus_add(). dev must outlive the region. Threads: see devices/bus.h; the functions
 * below are calls into this folder like any other. */
struct bus_region ioapic_region(struct ioapic *dev);

/* The wire to a pin, 0 to 23; one from 24 on leads nowhere. A line has one driver; who has more of
 * them ors them together. */
struct irq_line ioapic_input(struct ioapic *dev, unsigned pin);

/* A Local APIC has told all I/O APICs of the EOI of a level-triggered vector. At most one send for
 * each pin that has it. */
void ioapic_eoi(struct ioapic *dev, uint8_t vector);

/* Local APICs may take now what they would not (one was enabled, say): levels that are pending are
 * sent again, each once, but for vectors below 16, which are an error to any Local APIC. */
void ioapic_retry(struct ioapic *dev);

/* Whether ioapic_retry() would send one. Nobody tells when its receiver will take it: the owner
 * tries again after some time, as the I/O APIC itself does on its bus. */
bool ioapic_wants_retry(const struct ioapic *dev);

/* What a pin, 0 to 23, would send now, masked or not. */
struct ioapic_message ioapic_message_of(const struct ioapic *dev, unsigned pin);

/* devices/state.h. */
void ioapic_state(struct ioapic *dev, struct state *s);
struct state_error ioapic_state_error(const struct ioapic *dev);

/* How a pin, 0 to 23, is programmed, and where it stands. */
struct ioapic_entry ioapic_entry_of(const struct ioapic *dev, unsigned pin);

#ifdef __cplusplus
}
#endif
#endif
