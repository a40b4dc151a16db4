// SPDX-License-Identifier: BSD-2-Clause
/*
 * ESR: errors gather inside, a write latches them into view; SDM "Error Handling".
 * Not the judgement what is an error: callers know.
 */
#include "lapic/core.h"

void error_set(struct lapic *l, uint32_t bits)
{
	uint32_t lvt = reg_get(l, REG_LVT_ERROR);
	uint8_t vector = (uint8_t)(lvt & LVT_VECTOR);

	l->esr_internal |= (uint8_t)bits;
	event_simple(l, LAPIC_EVENT_ERROR, vector, bits);
	if (l->error_disarmed || (lvt & LVT_MASKED))
		return;
	l->error_disarmed = true;
	/* An illegal vector here is one more error, but must not raise itself again. */
	if (vector < 16) {
		l->esr_internal |= ESR_RECEIVE_ILLEGAL;
		event_simple(l, LAPIC_EVENT_ERROR, vector, ESR_RECEIVE_ILLEGAL);
	} else {
		mailbox_fixed(l, vector, false, LAPIC_FROM_ERROR);
	}
}

enum lapic_result error_write_esr(struct lapic *l, unsigned n, uint64_t value)
{
	(void)value;
	mailbox_drain(l);
	*reg(l, n) = l->esr_internal;
	l->esr_internal = 0;
	l->error_disarmed = false;
	return LAPIC_OK;
}

void lapic_error_p6(struct lapic *l, uint32_t bits)
{
	if (l->config.p6_errors && (bits & ESR_BUS_ERRORS) && l->mode != MODE_DISABLED)
		error_set(l, bits & ESR_BUS_ERRORS);
}
