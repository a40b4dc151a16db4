// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sending interprocessor interrupts: what the ICR and SELF IPI ask for, and what of it is legal.
 * Not who receives: dest.c matches destinations.
 */
#include "lapic/core.h"

enum shorthand { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS };

struct ipi {
	uint32_t dest;
	enum lapic_delivery mode;
	uint8_t vector;
	enum shorthand shorthand;
	bool logical, dest32;
	origin_t origin;
};

static void send(struct lapic *l, const struct ipi *ipi)
{
	switch (ipi->shorthand) {
	case TO_DEST:
		if (ipi->logical)
			dest_logical(l->map, ipi->dest, ipi->dest32, ipi->mode, ipi->vector, false,
				     ipi->mode == LAPIC_LOWEST, ipi->origin);
		else
			dest_physical(l->map, ipi->dest, ipi->dest32, true, ipi->mode, ipi->vector,
				      false, ipi->origin);
		break;
	case TO_SELF: mailbox_post(l, ipi->mode, ipi->vector, false, ipi->origin); break;
	case TO_ALL: dest_all(l->map, NULL, ipi->mode, ipi->vector, false, ipi->origin); break;
	case TO_OTHERS:
		if (ipi->mode == LAPIC_LOWEST)
			dest_lowest_but(l->map, l, ipi->vector, ipi->origin);
		else
			dest_all(l->map, l, ipi->mode, ipi->vector, false, ipi->origin);
		break;
	}
}

static bool is_vectored(enum lapic_delivery mode)
{
	return mode == LAPIC_FIXED || mode == LAPIC_LOWEST;
}

static void mistake(struct lapic *l, const char *rule)
{
	event_mistake(l, rule, REG_ICR << 4);
}

/* SDM "Valid Combinations" of shorthand, mode, trigger and level, and the errors of "Error
 * Handling". */
static bool legal(struct lapic *l, const struct ipi *ipi, uint32_t icr)
{
	bool to_self = ipi->shorthand == TO_SELF || ipi->shorthand == TO_ALL;

	if (ipi->mode == 3 || ipi->mode == LAPIC_EXTINT) {
		mistake(l, "ICR-2");
		return false;
	}
	if (ipi->mode == LAPIC_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT))
		return false; /* INIT level de-assert: a relic, not sent */
	if (to_self && ipi->mode != LAPIC_FIXED &&
	    !(ipi->mode == LAPIC_INIT && l->config.init_to_self)) {
		mistake(l, "ICR-3");
		return false;
	}
	if (ipi->mode == LAPIC_LOWEST && !l->config.lowest_priority) {
		error_set(l, ESR_REDIRECTABLE);
		return false;
	}
	if (is_vectored(ipi->mode) && ipi->vector < 16) {
		mistake(l, "ERR-2");
		error_set(l,
			  ESR_SEND_ILLEGAL | (ipi->shorthand == TO_SELF ? ESR_RECEIVE_ILLEGAL : 0));
		return false;
	}
	return true;
}

COLD static void told_sent(struct lapic *l, uint8_t vector, uint32_t icr, uint32_t dest)
{
	event_emit(l, &(struct lapic_event){.kind = LAPIC_EVENT_SENT,
					    .source = LAPIC_FROM_IPI,
					    .sender = lapic_id(l),
					    .vector = vector,
					    .mode = (uint8_t)(icr >> ICR_MODE_SHIFT & 7u),
					    .value = (uint64_t)dest << 32 | icr});
}

static void send_other(struct lapic *l, uint32_t icr, uint32_t dest, bool dest32)
{
	struct ipi ipi = {
		.dest = dest,
		.mode = (enum lapic_delivery)(icr >> ICR_MODE_SHIFT & 7u),
		.vector = (uint8_t)(icr & ICR_VECTOR),
		.shorthand = (enum shorthand)(icr >> ICR_SHORTHAND_SHIFT & 3u),
		.logical = (icr & ICR_LOGICAL) != 0,
		.dest32 = dest32,
		.origin = origin_of(LAPIC_FROM_IPI, lapic_id(l)),
	};

	if (legal(l, &ipi, icr))
		send(l, &ipi);
}

#define ICR_NOT_PLAIN (7u << ICR_MODE_SHIFT | ICR_LOGICAL | 3u << ICR_SHORTHAND_SHIFT)

/* In x2APIC mode one 64-bit register; in xAPIC mode the low dword sends to whatever the high one
 * holds. */
enum lapic_result icr_write(struct lapic *l, unsigned n, uint64_t value)
{
	bool x2apic = l->mode == MODE_X2APIC;
	uint32_t icr = (uint32_t)value, dest = (uint32_t)(value >> 32);
	uint8_t vector = (uint8_t)(icr & ICR_VECTOR);

	*reg(l, n) = icr;
	if (x2apic)
		*reg(l, REG_ICR_HIGH) = dest;
	else
		dest = reg_get(l, REG_ICR_HIGH) >> 24;
	if (UNLIKELY(traced(l)))
		told_sent(l, vector, icr, dest);
	/* By far the most common IPI: fixed, to one physical ID. */
	if (LIKELY(!(icr & ICR_NOT_PLAIN) && vector >= 16))
		dest_physical(l->map, dest, x2apic, true, LAPIC_FIXED, vector, false,
			      origin_of(LAPIC_FROM_IPI, lapic_id(l)));
	else
		send_other(l, icr, dest, x2apic);
	return LAPIC_OK;
}

uint64_t icr_read(struct lapic *l, unsigned n)
{
	uint64_t high = l->mode == MODE_X2APIC ? reg_get(l, REG_ICR_HIGH) : 0;

	return high << 32 | reg_get(l, n);
}

enum lapic_result icr_write_self(struct lapic *l, unsigned n, uint64_t value)
{
	uint8_t vector = (uint8_t)value;

	(void)n;
	if (UNLIKELY(traced(l)))
		told_sent(l, vector, vector, lapic_id(l));
	if (vector < 16) {
		event_mistake(l, "ERR-2", MSR_X2APIC_FIRST + REG_SELF_IPI);
		error_set(l, ESR_SEND_ILLEGAL | ESR_RECEIVE_ILLEGAL);
		return LAPIC_OK;
	}
	mailbox_fixed(l, vector, false, origin_of(LAPIC_FROM_IPI, lapic_id(l)));
	return LAPIC_OK;
}
