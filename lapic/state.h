// SPDX-License-Identifier: BSD-2-Clause
/*
 * All state of a LAPIC as plain values: what save, restore and register images agree on.
 * Not a format: save.c and image.c each have one.
 */
#ifndef LAPIC_STATE_H
#define LAPIC_STATE_H

#include "lapic/core.h"

/* Bits of lapic.work that are state; BSP and HW_DISABLED follow from IA32_APIC_BASE. */
#define WORK_SAVED (WORK_MESSAGES | WORK_WAIT_SIPI | WORK_NMI_BLOCKED | WORK_TO_DRAIN | WORK_LINTS)

struct state {
	uint64_t apic_base;
	uint64_t tsc_deadline;
	uint64_t remaining; /* bus clock ticks to the next zero of the count */
	uint64_t work;
	uint32_t initial_id;
	uint8_t timer; /* enum timer_state */
	uint8_t esr_internal;
	uint8_t error_disarmed;
	uint8_t lint0_vector;
	uint32_t regs[REG_COUNT];
};

void state_read(struct lapic *l, struct state *state);
enum lapic_state_error state_check(const struct lapic *l, const struct state *state);
/* Of a state that state_check() accepts; `which`: the bits of lapic.work that it sets. */
void state_apply(struct lapic *l, const struct state *s, uint64_t which);

#endif
