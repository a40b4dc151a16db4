// SPDX-License-Identifier: BSD-2-Clause
// The board's interrupt wires: from devices to the 8259s and the I/O APIC, from these to Local
// APICs. Not the controllers themselves, and not the processor's side: inject.c, vcpu_kernel.c.
#ifndef VMM_MACHINE_IRQ_H
#define VMM_MACHINE_IRQ_H

#include <stdbool.h>

#include "devices/irq_line.h"

struct machine;

/* Who drives a wire. */
enum machine_irq_driver { MACHINE_IRQ_CHIP, MACHINE_IRQ_CHIP_2, MACHINE_IRQ_TEST };

/* Makes the 8259s, the I/O APIC, the wires between them and the test devices. [setup] */
void machine_irq_init(struct machine *machine);

/*
 * The end of wire `irq` at a device: 0 to 15 are ISA's, which lead to the 8259s and to the I/O APIC
 * pin of the same number, but for 0, which is pin 2, and 2, which is the 8259s' own; 16 to 23 lead
 * to the I/O APIC alone. Others lead nowhere. [setup]
 */
struct irq_line machine_irq(struct machine *machine, unsigned irq, enum machine_irq_driver driver);

/* The same for the 8254 and the CMOS clock, whose IRQ 0 and IRQ 8 the HPET can take over: `legacy`
 * of struct hpet_ops, whose opaque is the machine. */
struct irq_line machine_irq_of_8254(struct machine *machine);
struct irq_line machine_irq_of_clock(struct machine *machine);
void machine_irq_legacy(void *opaque, bool on);

/* The controllers are not what they were, or the Local APICs are others, with no edge or write that
 * said so: LINT0 and KVM's routes follow. [device lock held] */
void machine_irq_renew(struct machine *machine);

#endif
