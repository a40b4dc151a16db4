// SPDX-License-Identifier: BSD-2-Clause
// What a PC's board does: ISA's wires go to the 8259s and the I/O APIC, the 8259s' INTR to LINT0 of
// the boot processor and to pin 0 of the I/O APIC. Not who answers an address: machine_devices.c.

#include "vmm/machine_irq.h"

#include <string.h>

#include "vmm/kernel_lapic.h"
#include "vmm/machine.h"
#include "vmm/machine_clock.h"

#define PIN_OF_INTR 0u
#define PIN_OF_IRQ0 2u

/* ---- the 8259s' INTR ---- */

static void set_lint0(struct machine *m, bool level)
{
	atomic_store(&m->intr, level);
	if (!m->in_kernel) {
		lapic_set_lint(m->vcpus[0].lapic, 0, level);
		return;
	}
	/* While devices are made there is nobody to kick. */
	if (level && m->started)
		vcpu_kick(&m->vcpus[0]);
}

/* As the MultiProcessor Specification has it in "Virtual Wire Mode", by either way. */
static void set_intr(void *opaque, unsigned n, bool level)
{
	struct machine *m = opaque;

	(void)n;
	irq_line_set(&m->intr_pin, level);
	set_lint0(m, level);
}

uint8_t machine_intack(struct machine *m)
{
	uint8_t vector;

	pthread_mutex_lock(&m->device_lock);
	vector = i8259_intack(&m->pic);
	pthread_mutex_unlock(&m->device_lock);
	return vector;
}

/* ---- interrupt messages ---- */

static bool send(struct machine *m, const struct ioapic_message *from)
{
	const struct lapic_message message = {
		.dest = from->dest,
		.vector = from->vector,
		.mode = from->mode,
		.logical = from->logical,
		.level = from->level,
	};
	struct ioapic_msi msi = ioapic_msi_of(from, true);

	if (m->in_kernel)
		return kernel_lapic_send(&m->vm,
					 &(struct kernel_lapic_message){msi.address, msi.data}) > 0;
	return lapic_map_send(m->map, &message) != LAPIC_REFUSED;
}

static bool send_of_ioapic(void *opaque, const struct ioapic_message *message)
{
	return send(opaque, message);
}

static struct ioapic_message as_message(const struct test_message *test)
{
	return (struct ioapic_message){
		.dest = test->dest,
		.vector = test->vector,
		.mode = test->mode,
		.logical = test->logical,
		.level = test->level,
	};
}

static bool send_of_test(void *opaque, const struct test_message *test)
{
	const struct ioapic_message message = as_message(test);

	return send(opaque, &message);
}

static void add_line(struct kernel_lapic_message *lines, unsigned *count,
		     const struct ioapic_message *message)
{
	struct ioapic_msi msi = ioapic_msi_of(message, true);

	if (message->level)
		lines[(*count)++] = (struct kernel_lapic_message){msi.address, msi.data};
}

/* KVM is told of level lines alone: of others no EOI is wanted. */
static void messages_changed(void *opaque)
{
	struct machine *m = opaque;
	struct kernel_lapic_message lines[IOAPIC_PINS + TEST_MESSAGES_COUNT];
	unsigned count = 0;
	int error;

	if (!m->in_kernel)
		return;
	for (unsigned n = 0; n < IOAPIC_PINS; n++) {
		struct ioapic_message message = ioapic_message_of(&m->ioapic, n);

		add_line(lines, &count, &message);
	}
	for (unsigned n = 0; n < TEST_MESSAGES_COUNT; n++) {
		struct test_message test = test_messages_of(&m->test_messages, n);
		struct ioapic_message message = as_message(&test);

		add_line(lines, &count, &message);
	}
	error = kernel_lapic_route(&m->vm, lines, count);
	if (error < 0)
		ending_say(m->ending, RESULT_INTERNAL, -1, 0, "KVM_SET_GSI_ROUTING: %s",
			   strerror(-error));
}

void machine_irq_renew(struct machine *m)
{
	set_lint0(m, m->pic.intr_level);
	messages_changed(m);
}

void machine_eoi(struct machine *m, uint8_t vector)
{
	pthread_mutex_lock(&m->device_lock);
	ioapic_eoi(&m->ioapic, vector);
	test_messages_eoi(&m->test_messages, vector);
	machine_clock_update(m);
	pthread_mutex_unlock(&m->device_lock);
}

/* ---- what the HPET takes over ---- */

static void gate_set(void *opaque, unsigned n, bool level)
{
	struct machine_gate *gate = opaque;

	(void)n;
	gate->level = level;
	if (!gate->shut)
		irq_line_set(&gate->to, level);
	/* ACPI hears of the clock itself, whoever has its wire. */
	if (gate->told && level)
		acpi_pm_event(gate->told, ACPI_PM_RTC);
}

static struct irq_line gated(struct machine *m, unsigned n, unsigned irq)
{
	m->gates[n].to = machine_irq(m, irq, MACHINE_IRQ_CHIP);
	return (struct irq_line){.set = gate_set, .opaque = &m->gates[n]};
}

struct irq_line machine_irq_of_8254(struct machine *m)
{
	return gated(m, 0, 0);
}

struct irq_line machine_irq_of_clock(struct machine *m)
{
	m->gates[1].told = &m->acpi_pm;
	return gated(m, 1, 8);
}

void machine_irq_legacy(void *opaque, bool on)
{
	struct machine *m = opaque;

	for (unsigned n = 0; n < 2; n++) {
		struct machine_gate *gate = &m->gates[n];

		gate->shut = on;
		irq_line_set(&gate->to, gate->level && !on);
	}
}

/* ---- making ---- */

static const struct ioapic_ops ioapic_ops = {
	.send = send_of_ioapic,
	.changed = messages_changed,
};

static const struct test_messages_ops test_ops = {
	.send = send_of_test,
	.changed = messages_changed,
};

static unsigned pin_of(unsigned irq)
{
	return irq == 0 ? PIN_OF_IRQ0 : irq;
}

void machine_irq_init(struct machine *m)
{
	const struct irq_line intr = {.set = set_intr, .opaque = m};

	/* Test guests were written for KVM and QEMU, where an edge outlives its line. */
	i8259_init(&m->pic, intr, true);
	ioapic_init(&m->ioapic, &ioapic_ops, m, IOAPIC_EXT_DEST);
	m->intr_pin = ioapic_input(&m->ioapic, PIN_OF_INTR);
	for (unsigned irq = 0; irq < IOAPIC_PINS; irq++) {
		struct irq_wire *wire = &m->wires[irq];

		if (irq == I8259_CASCADE)
			continue;
		if (irq < I8259_INPUTS)
			wire->ends[0] = i8259_input(&m->pic, irq);
		wire->ends[1] = ioapic_input(&m->ioapic, pin_of(irq));
	}
	test_messages_init(&m->test_messages, &test_ops, m);
	for (unsigned n = 0; n < TEST_LINES_COUNT; n++)
		m->test_lines.lines[n] = machine_irq(m, n, MACHINE_IRQ_TEST);
}

struct irq_line machine_irq(struct machine *m, unsigned irq, enum machine_irq_driver driver)
{
	if (irq >= IOAPIC_PINS)
		return (struct irq_line){0};
	return irq_wire_driver(&m->wires[irq], driver);
}
