// SPDX-License-Identifier: BSD-2-Clause
// An I/O APIC on a bus of its own, its messages recorded, and taken or refused as the test says.
// Not a machine: the test is the processor, its Local APIC, and the devices that pull the lines.
#ifndef TESTS_DEVICES_IOAPIC_RIG_H
#define TESTS_DEVICES_IOAPIC_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/ioapic.h"
#include "tests/devices/recorder.h"

/* Addresses. */
#define PAGE     UINT64_C(0xFEC00000)
#define IOREGSEL PAGE
#define IOWIN    (PAGE + 0x10)
#define EOI_REG  (PAGE + 0x40)

/* Bits of an entry's low half: the data sheet's "I/O Redirection Table Registers". */
#define LOWEST       0x00100u
#define SMI          0x00200u
#define NMI          0x00400u
#define INIT         0x00500u
#define EXTINT       0x00700u
#define LOGICAL      0x00800u
#define SEND_PENDING 0x01000u
#define ACTIVE_LOW   0x02000u
#define REMOTE_IRR   0x04000u
#define LEVEL        0x08000u
#define MASKED       0x10000u

struct ioapic_rig {
	/* Messages as "<dest>:<vector> ", in hexadecimal; before the colon L where logical; after
	 * the vector m<mode> where not fixed, l where level, h with the redirection hint. One that
	 * is refused has an exclamation mark before it. */
	struct recorder log;
	struct ioapic dev;
	struct bus_region table[1];
	struct bus bus;
	bool refuse;
	unsigned changes;         /* calls of ops->changed */
	unsigned changes_at_send; /* how many there were when the last message left */
};

void ioapic_rig_set_up(struct ioapic_rig *rig, unsigned flags);

/* 32-bit accesses to the register of an index. */
uint32_t get(struct ioapic_rig *rig, unsigned index);
void set(struct ioapic_rig *rig, unsigned index, uint32_t value);
/* An entry's two halves. program() writes the high one first. */
void program(struct ioapic_rig *rig, unsigned pin, uint32_t dest, uint32_t low);
uint32_t low_half(struct ioapic_rig *rig, unsigned pin);
void set_low_half(struct ioapic_rig *rig, unsigned pin, uint32_t low);

void pull(struct ioapic_rig *rig, unsigned pin, bool level);
/* Low and then high: an edge, and the line stays high. */
void pulse(struct ioapic_rig *rig, unsigned pin);

#endif
