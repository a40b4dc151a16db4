// SPDX-License-Identifier: BSD-2-Clause
/*
 * The two front doors onto one register core: the xAPIC page drops what is wrong, the x2APIC MSRs
 * answer #GP. Not what a register does: that is in the files that reg_table.c names.
 */
#include "lapic/core.h"

bool lapic_claims(const struct lapic *l, uint64_t gpa)
{
	return l->mode == MODE_XAPIC && (gpa ^ l->apic_base) < LAPIC_PAGE_SIZE;
}

/* SDM "Error Handling": only an access to a register that does not exist is an error, not misuse of
 * its direction. */
static const struct reg_row *page_row(struct lapic *l, unsigned n, uint32_t offset)
{
	const struct reg_row *row = &reg_table[n & (REG_COUNT - 1)];

	if (UNLIKELY(n >= REG_COUNT || !(row->access & ACCESS_PAGE) || !reg_exists(l, row))) {
		event_mistake(l, "ACC-3", offset);
		error_set(l, ESR_ILLEGAL_REGISTER);
		return NULL;
	}
	return row;
}

static uint32_t page_read(struct lapic *l, unsigned n, uint32_t offset)
{
	const struct reg_row *row = page_row(l, n, offset);

	if (UNLIKELY(!row))
		return 0;
	return row->read ? row->read(l, n) : reg_get(l, n);
}

static uint64_t low_bytes(uint64_t value, unsigned size)
{
	return size >= 8 ? value : value & ((1ull << (8 * size)) - 1);
}

/* SDM "Accessing APIC Registers": what lies outside the low dword of a register is undefined; here
 * it reads as zeros. */
static uint64_t page_read_odd(struct lapic *l, uint32_t offset, unsigned size)
{
	unsigned byte = offset & 0xFu;

	event_mistake(l, "ACC-2", offset);
	if (byte >= 4 || !size)
		return 0;
	return low_bytes((uint64_t)page_read(l, (offset >> 4) & 0xFFu, offset) >> (8 * byte), size);
}

uint64_t lapic_mmio_read(struct lapic *l, uint32_t offset, unsigned size)
{
	if (UNLIKELY(l->mode != MODE_XAPIC))
		return low_bytes(~0ull, size);
	if (UNLIKELY((offset & 0xFu) || size != 4))
		return page_read_odd(l, offset, size);
	return page_read(l, (offset >> 4) & 0xFFu, offset);
}

void lapic_mmio_write(struct lapic *l, uint32_t offset, unsigned size, uint64_t value)
{
	unsigned n = (offset >> 4) & 0xFFu;
	const struct reg_row *row;

	if (UNLIKELY(l->mode != MODE_XAPIC))
		return;
	if (UNLIKELY((offset & 0xFu) || size != 4)) {
		event_mistake(l, "ACC-2", offset);
		return;
	}
	row = page_row(l, n, offset);
	if (UNLIKELY(!row))
		return;
	if (LIKELY(row->write != NULL))
		row->write(l, n, (uint32_t)value & reg_writable(l, row));
	else
		event_mistake(l, "ACC-4", offset);
}

static enum lapic_result fault(struct lapic *l, const char *rule, uint32_t msr)
{
	event_mistake(l, rule, msr);
	return LAPIC_GP;
}

static const struct reg_row *msr_row(struct lapic *l, uint32_t msr, unsigned access)
{
	unsigned n = msr - MSR_X2APIC_FIRST;
	const struct reg_row *row = &reg_table[n & (REG_COUNT - 1)];

	return n < REG_COUNT && (row->access & access) && reg_exists(l, row) ? row : NULL;
}

static enum lapic_result read_other(struct lapic *l, uint32_t msr, uint64_t *value)
{
	if (msr == MSR_APIC_BASE)
		*value = l->apic_base;
	else if (msr == MSR_TSC_DEADLINE && l->config.tsc_deadline)
		*value = timer_read_deadline(l);
	else
		return fault(l, msr == MSR_TSC_DEADLINE ? "TMR-7" : "MSR-2", msr);
	return LAPIC_OK;
}

enum lapic_result lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value)
{
	const struct reg_row *row;
	unsigned n = msr - MSR_X2APIC_FIRST;

	if (UNLIKELY(n > MSR_X2APIC_LAST - MSR_X2APIC_FIRST))
		return read_other(l, msr, value);
	if (UNLIKELY(l->mode != MODE_X2APIC))
		return fault(l, "MSR-1", msr);
	row = msr_row(l, msr, ACCESS_RM);
	if (UNLIKELY(!row))
		return fault(l, "MSR-2", msr);
	*value = row->read ? row->read(l, n) : reg_get(l, n);
	if (n == REG_ICR)
		*value |= (uint64_t)reg_get(l, REG_ICR_HIGH) << 32;
	return LAPIC_OK;
}

static enum lapic_result write_other(struct lapic *l, uint32_t msr, uint64_t value)
{
	if (msr == MSR_APIC_BASE)
		return mode_write_base(l, value);
	if (msr != MSR_TSC_DEADLINE || !l->config.tsc_deadline)
		return fault(l, msr == MSR_TSC_DEADLINE ? "TMR-7" : "MSR-2", msr);
	timer_write_deadline(l, value);
	return LAPIC_OK;
}

/* Bit 12 of the ICR does not exist in x2APIC mode: one family ignores it, the other faults. */
static uint32_t legal_bits(const struct lapic *l, const struct reg_row *row)
{
	return reg_writable(l, row) | (row->ignored & ~l->cut[row->cut]);
}

enum lapic_result lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value)
{
	const struct reg_row *row;
	unsigned n = msr - MSR_X2APIC_FIRST;

	if (UNLIKELY(n > MSR_X2APIC_LAST - MSR_X2APIC_FIRST))
		return write_other(l, msr, value);
	if (UNLIKELY(l->mode != MODE_X2APIC))
		return fault(l, "MSR-1", msr);
	row = msr_row(l, msr, ACCESS_WM);
	if (UNLIKELY(!row))
		return fault(l, "MSR-2", msr);
	if (n == REG_ICR) {
		if ((uint32_t)value & ~legal_bits(l, row))
			return fault(l, (value & ICR_BUSY) ? "MSR-5" : "MSR-3", msr);
		icr_write_x2apic(l, value & (0xFFFFFFFFull << 32 | reg_writable(l, row)));
		return LAPIC_OK;
	}
	if (UNLIKELY(value & ~(uint64_t)legal_bits(l, row)))
		return fault(l, n == REG_EOI || n == REG_ESR ? "MSR-4" : "MSR-3", msr);
	row->write(l, n, (uint32_t)value & reg_writable(l, row));
	return LAPIC_OK;
}
