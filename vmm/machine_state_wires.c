// SPDX-License-Identifier: BSD-2-Clause
// Follows each line from the device that drives it over its wire to the controllers' pins.
// Knows no number of an IRQ: the lines tell where they lead.

#include "vmm/machine_state_wires.h"

#include "vmm/machine.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GATES        2u

/* Level by level what the wires should be. */
struct levels {
	uint32_t high[IOAPIC_PINS];
	bool gates[GATES];
};

/* A line leads to a wire, or to a gate before one. */
static void drive(const struct machine *m, const struct machine *loaded, struct levels *levels,
		  const struct irq_line *line, bool level)
{
	for (unsigned n = 0; n < GATES; n++) {
		if (line->opaque != &m->gates[n])
			continue;
		levels->gates[n] = level;
		drive(m, loaded, levels, &m->gates[n].to, level && !loaded->gates[n].shut);
		return;
	}
	for (unsigned n = 0; n < IOAPIC_PINS; n++)
		if (line->opaque == &m->wires[n] && level)
			levels->high[n] |= UINT32_C(1) << line->n;
}

static void drive_all(const struct machine *m, const struct machine *loaded, struct levels *levels)
{
	const struct {
		const struct irq_line *line;
		bool level;
	} outputs[] = {
		{&m->uart.irq, loaded->uart.irq_level},
		{&m->com2.irq, loaded->com2.irq_level},
		{&m->cmos.irq, loaded->cmos.irq_level},
		{&m->pit.irq, loaded->pit.irq_level},
		{&m->acpi_pm.sci, loaded->acpi_pm.sci_level},
		{&m->i8042.irq1, loaded->i8042.irq1_level},
		{&m->i8042.irq12, loaded->i8042.irq12_level},
	};

	for (unsigned i = 0; i < COUNT(outputs); i++)
		drive(m, loaded, levels, outputs[i].line, outputs[i].level);
	for (unsigned i = 0; i < HPET_LINES; i++)
		drive(m, loaded, levels, &m->hpet.lines[i], loaded->hpet.levels >> i & 1);
	for (unsigned i = 0; i < TEST_LINES_COUNT; i++)
		drive(m, loaded, levels, &m->test_lines.lines[i],
		      loaded->test_lines.levels >> i & 1);
}

/* The level of the pin at the end of a wire. */
static bool pin_is_high(const struct machine *m, const struct machine *loaded,
			const struct irq_line *end)
{
	if (end->opaque == &m->ioapic)
		return loaded->ioapic.lines >> end->n & 1;
	return (end->n < 8 ? loaded->pic.master.lines : loaded->pic.slave.lines) >> end->n % 8 & 1;
}

static bool ends_agree(const struct machine *m, const struct machine *loaded, unsigned n)
{
	for (unsigned i = 0; i < IRQ_WIRE_ENDS; i++) {
		const struct irq_line *end = &m->wires[n].ends[i];

		if (irq_line_connected(end) &&
		    pin_is_high(m, loaded, end) != (loaded->wires[n].high != 0))
			return false;
	}
	return true;
}

struct state_error machine_state_wires(const struct machine *m, const struct machine *loaded)
{
	struct levels levels = {0};

	drive_all(m, loaded, &levels);
	for (unsigned n = 0; n < GATES; n++) {
		if (loaded->gates[n].level != levels.gates[n])
			return state_wrong_one("gate", n, "is not at its device's level");
		if (loaded->gates[n].shut != hpet_is_legacy(&loaded->hpet))
			return state_wrong_one("gate", n, "is not as the HPET wants it");
	}
	for (unsigned n = 0; n < IOAPIC_PINS; n++) {
		if (loaded->wires[n].high != levels.high[n])
			return state_wrong_one("wire", n, "is not as its devices hold it");
		if (!ends_agree(m, loaded, n))
			return state_wrong_one("wire", n, "is at another level at a controller");
	}
	if (pin_is_high(m, loaded, &m->intr_pin) != loaded->pic.intr_level)
		return state_wrong("INTR", "is at another level at the I/O APIC");
	if (!m->options->hpet && loaded->hpet.config)
		return state_wrong("the HPET", "runs, and this machine has none");
	return state_ok();
}
