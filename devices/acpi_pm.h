// SPDX-License-Identifier: BSD-2-Clause
// ACPI's fixed hardware: PM1 events and control with the SCI, the PM timer, and the SMI command
// port that hands the machine to ACPI. Not the tables that tell of it, and no general events (GPE).
#ifndef DEVICES_ACPI_PM_H
#define DEVICES_ACPI_PM_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The block's ports, at 600h as on QEMU's PC. Any width up to 4 and any alignment is taken; what is
 * between the registers reads as 0.
 *   600h  PM1 status, 16 bits: what has happened; a one written clears it
 *   602h  PM1 enable, 16 bits: which of it raises the SCI
 *   604h  PM1 control, 16 bits
 *   608h  PM timer, 32 bits, read only
 */
#define ACPI_PM_PORT     0x600u
#define ACPI_PM_PORTS    12u
#define ACPI_PM_EVENT    0u /* offsets into it: PM1a_EVT_BLK, 4 bytes */
#define ACPI_PM_CONTROL  4u /* PM1a_CNT_BLK, 2 bytes */
#define ACPI_PM_TIMER    8u /* PM_TMR_BLK, 4 bytes */
#define ACPI_PM_TIMER_HZ 3579545u

/* Of PM1 status and enable; other bits are not there. */
#define ACPI_PM_TMR     0x0001u /* the timer's highest bit has changed */
#define ACPI_PM_GBL     0x0020u /* firmware has let go of the global lock */
#define ACPI_PM_PWRBTN  0x0100u
#define ACPI_PM_RTC     0x0400u /* the clock has raised IRQ 8 */
#define ACPI_PM_PRESENT (ACPI_PM_TMR | ACPI_PM_GBL | ACPI_PM_PWRBTN | ACPI_PM_RTC)

/* Of PM1 control. */
#define ACPI_PM_SCI_EN  0x0001u
#define ACPI_PM_BM_RLD  0x0002u
#define ACPI_PM_SLP_TYP 0x1C00u
#define ACPI_PM_SLP_EN  0x2000u /* reads as 0, as does GBL_RLS: no firmware waits for it */

/* SLP_TYP of soft-off, for the DSDT's \_S5: QEMU's PC has it, and small kernels write it unasked.
 */
#define ACPI_PM_TYPE_S5 0u

/*
 * Ports B2h and B3h: a write of these to B2h sets and clears SCI_EN, as firmware's SMI handler
 * would. Beyond that both keep what is written, for reading back.
 */
#define ACPI_PM_SMI_PORT    0xB2u
#define ACPI_PM_SMI_PORTS   2u
#define ACPI_PM_SMI_ENABLE  0xF1u
#define ACPI_PM_SMI_DISABLE 0xF0u

/* Calls out of the model; see devices/bus.h for the lock they are made under. */
struct acpi_pm_ops {
	/* Nanoseconds of a clock that never goes back. Never NULL. */
	uint64_t (*now)(void *opaque);
	/*
	 * The guest has written SLP_EN with this SLP_TYP, 0 to 7, whatever the tables say of it. It
	 * may do so again. Never NULL.
	 */
	void (*sleep)(void *opaque, unsigned type);
};

/* The caller's memory. Fields are for reading in tests and reports; only the functions write them.
 */
struct acpi_pm {
	const struct acpi_pm_ops *ops;
	void *opaque;
	struct irq_line sci;
	bool sci_level;
	bool wide; /* the timer has 32 bits, not 24 */
	uint16_t status, enable, control;
	uint8_t smi_command, smi_data;
	uint64_t start; /* ops->now when the timer was 0 */
	uint64_t seen;  /* ticks since then, up to where TMR_STS has been brought */
};

/*
 * Power-on: the timer starts at 0, and SCI_EN is clear, as before firmware has been asked for ACPI.
 * wide: the FADT's TMR_VAL_EXT. sci is copied, {0} leaves it unconnected; it is level-triggered.
 */
void acpi_pm_init(struct acpi_pm *pm, const struct acpi_pm_ops *ops, void *opaque,
		  struct irq_line sci, bool wide);

/* Power-on once more. */
void acpi_pm_reset(struct acpi_pm *pm);

/* Something has happened: ACPI_PM_PWRBTN, ACPI_PM_GBL, ACPI_PM_RTC or several. */
void acpi_pm_event(struct acpi_pm *pm, unsigned status);

/*
 * When acpi_pm_tick() is to be called next, by ops->now: when the timer's highest bit changes, if
 * the SCI is to rise for that. UINT64_MAX: not before the next access, event or reset.
 */
uint64_t acpi_pm_next(const struct acpi_pm *pm);

/* Brings TMR_STS and the SCI up to now; early, late or twice. All changes missed are one. */
void acpi_pm_tick(struct acpi_pm *pm);

/* devices/state.h. */
void acpi_pm_state(struct acpi_pm *pm, struct state *s);
struct state_error acpi_pm_state_error(const struct acpi_pm *pm);

/* 600h-60Bh and B2h-B3h, for bus_add(). pm must outlive the regions. Threads: see devices/bus.h. */
struct bus_region acpi_pm_region(struct acpi_pm *pm);
struct bus_region acpi_pm_smi_region(struct acpi_pm *pm);

#ifdef __cplusplus
}
#endif
#endif
