// SPDX-License-Identifier: BSD-2-Clause
// PM1, PM timer and SMI command, by the ACPI specification's "ACPI Hardware Specification".
// Not what sleep means, nor who presses the button: the owner's.
#include "devices/acpi_pm.h"

#define SECOND_NS UINT64_C(1000000000)
#define WRITABLE  (ACPI_PM_SCI_EN | ACPI_PM_BM_RLD | ACPI_PM_SLP_TYP)
#define TYPE_BIT  10u

/* ---- the timer ---- */

static uint64_t ticks_at(uint64_t ns)
{
	return ns / SECOND_NS * ACPI_PM_TIMER_HZ + ns % SECOND_NS * ACPI_PM_TIMER_HZ / SECOND_NS;
}

/* The first nanosecond of a tick. */
static uint64_t start_of_tick(uint64_t tick)
{
	return tick / ACPI_PM_TIMER_HZ * SECOND_NS +
	       (tick % ACPI_PM_TIMER_HZ * SECOND_NS + ACPI_PM_TIMER_HZ - 1) / ACPI_PM_TIMER_HZ;
}

/* "Power Management Timer": TMR_STS tells of each change of the highest bit, up or down. */
static unsigned highest_bit(const struct acpi_pm *pm)
{
	return pm->wide ? 31 : 23;
}

static void advance(struct acpi_pm *pm)
{
	uint64_t ticks = ticks_at(pm->ops->now(pm->opaque) - pm->start);

	if (ticks >> highest_bit(pm) != pm->seen >> highest_bit(pm))
		pm->status |= ACPI_PM_TMR;
	pm->seen = ticks;
}

static uint32_t timer_value(const struct acpi_pm *pm)
{
	return (uint32_t)(pm->seen & ((UINT64_C(2) << highest_bit(pm)) - 1));
}

/* Without SCI_EN these would be SMIs, and there is no firmware to take them. */
static bool asks(const struct acpi_pm *pm)
{
	return (pm->control & ACPI_PM_SCI_EN) && (pm->status & pm->enable);
}

static void drive(struct acpi_pm *pm)
{
	bool level = asks(pm);

	if (level == pm->sci_level)
		return;
	pm->sci_level = level;
	irq_line_set(&pm->sci, level);
}

uint64_t acpi_pm_next(const struct acpi_pm *pm)
{
	unsigned bit = highest_bit(pm);

	if (!(pm->control & ACPI_PM_SCI_EN) || !(pm->enable & ACPI_PM_TMR) || pm->sci_level)
		return UINT64_MAX;
	return pm->start + start_of_tick(((pm->seen >> bit) + 1) << bit);
}

void acpi_pm_tick(struct acpi_pm *pm)
{
	advance(pm);
	drive(pm);
}

void acpi_pm_event(struct acpi_pm *pm, unsigned status)
{
	pm->status |= status & ACPI_PM_PRESENT & ~ACPI_PM_TMR;
	acpi_pm_tick(pm);
}

/* ---- the block ---- */

/* All twelve bytes but the timer's four: as one number any part of it is read and written alike. */
static uint64_t registers(const struct acpi_pm *pm)
{
	return pm->status | (uint64_t)pm->enable << 16 | (uint64_t)pm->control << 32;
}

static uint64_t read_block(void *opaque, uint64_t offset, unsigned width)
{
	struct acpi_pm *pm = opaque;
	uint64_t timer;

	(void)width;
	acpi_pm_tick(pm);
	timer = timer_value(pm);
	if (offset >= ACPI_PM_TIMER)
		return timer >> (8 * (offset - ACPI_PM_TIMER));
	if (offset <= ACPI_PM_CONTROL)
		return registers(pm) >> (8 * offset);
	return registers(pm) >> (8 * offset) | timer << (8 * (ACPI_PM_TIMER - offset));
}

static void write_block(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct acpi_pm *pm = opaque;
	uint64_t written, merged;
	bool sleep;

	if (offset >= ACPI_PM_TIMER)
		return;
	advance(pm);
	written = ((UINT64_C(1) << (8 * width)) - 1) << (8 * offset);
	value <<= 8 * offset;
	merged = (registers(pm) & ~written) | value;
	pm->status &= (uint16_t)~value;
	pm->enable = (uint16_t)(merged >> 16) & ACPI_PM_PRESENT;
	pm->control = (uint16_t)(merged >> 32) & WRITABLE;
	sleep = value >> 32 & ACPI_PM_SLP_EN;
	drive(pm);
	if (sleep)
		pm->ops->sleep(pm->opaque, (pm->control & ACPI_PM_SLP_TYP) >> TYPE_BIT);
}

/* ---- the SMI command port ---- */

static uint64_t read_smi(void *opaque, uint64_t offset, unsigned width)
{
	const struct acpi_pm *pm = opaque;

	(void)width;
	return offset == 0 ? pm->smi_command : pm->smi_data;
}

static void write_smi(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct acpi_pm *pm = opaque;

	(void)width;
	if (offset != 0) {
		pm->smi_data = (uint8_t)value;
		return;
	}
	pm->smi_command = (uint8_t)value;
	if (value == ACPI_PM_SMI_ENABLE)
		pm->control |= ACPI_PM_SCI_EN;
	else if (value == ACPI_PM_SMI_DISABLE)
		pm->control &= (uint16_t)~ACPI_PM_SCI_EN;
	acpi_pm_tick(pm);
}

void acpi_pm_init(struct acpi_pm *pm, const struct acpi_pm_ops *ops, void *opaque,
		  struct irq_line sci, bool wide)
{
	*pm = (struct acpi_pm){.ops = ops, .opaque = opaque, .sci = sci, .wide = wide};
	pm->start = ops->now(opaque);
}

void acpi_pm_reset(struct acpi_pm *pm)
{
	pm->control = 0;
	drive(pm);
	acpi_pm_init(pm, pm->ops, pm->opaque, pm->sci, pm->wide);
}

void acpi_pm_state(struct acpi_pm *pm, struct state *s)
{
	state_bool(s, &pm->sci_level);
	state_u16(s, &pm->status);
	state_u16(s, &pm->enable);
	state_u16(s, &pm->control);
	state_u8(s, &pm->smi_command);
	state_u8(s, &pm->smi_data);
	state_u64(s, &pm->start);
	state_u64(s, &pm->seen);
}

struct state_error acpi_pm_state_error(const struct acpi_pm *pm)
{
	uint64_t now = pm->ops->now(pm->opaque);

	if ((pm->status | pm->enable) & ~ACPI_PM_PRESENT)
		return state_wrong("PM1 status or enable", "has bits set that are not there");
	if (pm->control & ~WRITABLE)
		return state_wrong("PM1 control", "has bits set that are not kept");
	if (pm->start > now || pm->seen > ticks_at(now - pm->start))
		return state_wrong("the timer", "is ahead of the clock");
	if (pm->sci_level != asks(pm))
		return state_wrong("the SCI", "is not what the registers make it");
	return state_ok();
}

struct bus_region acpi_pm_region(struct acpi_pm *pm)
{
	return (struct bus_region){
		.base = ACPI_PM_PORT,
		.size = ACPI_PM_PORTS,
		.name = "acpi-pm",
		.widths = 1 | 2 | 4,
		.read = read_block,
		.write = write_block,
		.opaque = pm,
	};
}

struct bus_region acpi_pm_smi_region(struct acpi_pm *pm)
{
	return (struct bus_region){
		.base = ACPI_PM_SMI_PORT,
		.size = ACPI_PM_SMI_PORTS,
		.name = "smi-command",
		.widths = 1,
		.read = read_smi,
		.write = write_smi,
		.opaque = pm,
	};
}
