// SPDX-License-Identifier: BSD-2-Clause
// The PC's whole board, wired as lapicvm wires it, and random accesses, time and EOIs for it.
// Not lapicvm's own wiring code: a board of its own, on a clock that only the fuzzer moves.
#ifndef TESTS_FUZZ_BOARD_H
#define TESTS_FUZZ_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/acpi_pm.h"
#include "devices/bus.h"
#include "devices/cmos.h"
#include "devices/fw_cfg.h"
#include "devices/hpet.h"
#include "devices/i8042.h"
#include "devices/i8254.h"
#include "devices/i8259.h"
#include "devices/ioapic.h"
#include "devices/irq_wire.h"
#include "devices/pci_host.h"
#include "devices/test_lines.h"
#include "devices/test_ports.h"
#include "devices/test_messages.h"
#include "devices/uart16550.h"
#include "devices/vga_text.h"

#define BOARD_REGIONS 32

struct board {
	struct bus_region port_table[BOARD_REGIONS], memory_table[BOARD_REGIONS];
	struct bus ports, memory;
	struct i8259 pic;
	struct ioapic ioapic;
	struct irq_wire wires[IOAPIC_PINS];
	struct irq_line intr_pin;
	struct i8254 pit;
	struct cmos cmos;
	struct acpi_pm pm;
	struct hpet hpet;
	struct i8042 i8042;
	struct reset_port reset;
	struct pci_host pci;
	struct vga_text vga;
	struct uart16550 com1, com2;
	struct fw_cfg fw_cfg;
	struct test_lines test_lines;
	struct test_ports test_ports;
	uint64_t flushed; /* the last page */
	struct test_messages test_messages;
	uint64_t now, day_off;
	unsigned sends;
	bool taken; /* whether a Local APIC takes what is sent */
	uint8_t last_level;
	uint64_t heard; /* a hash of all that was read, sent and told so far */
};

/* What the fuzzer gives, taken from its front; 0 when there is no more. */
struct board_input {
	const uint8_t *data;
	size_t left;
};

void board_require(bool holds);
uint64_t board_take(struct board_input *in, unsigned bytes);

/* Power-on, at time 0. */
void board_make(struct board *b);

/* One access, EOI, acknowledge, received byte or span of time; aborts where a promise is broken. */
void board_step(struct board *b, struct board_input *in);

#endif
