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

/* Offset bits that are clear in an aligned access to a register number below REG_COUNT. */
#define ODD_OFFSET 0xC0Fu

static unsigned number_at(uint32_t offset)
{
	return (offset >> 4) & (REG_COUNT - 1);
}

/* SDM "Error Handling": only an access to a register that does not exist is an error, not misuse of
 * its direction. */
COLD static void illegal_register(struct lapic *l, uint32_t offset)
{
	event_mistake(l, "ACC-3", offset);
	error_set(l, ESR_ILLEGAL_REGISTER);
}

static uint64_t registers_with(const struct lapic *l, unsigned access)
{
	uint64_t mask = 0;

	for (unsigned n = 0; n < REG_COUNT; n++)
		if ((reg_table[n].access & access) && reg_exists(l, &reg_table[n]))
			mask |= 1ull << n;
	return mask;
}

void access_follow_mode(struct lapic *l)
{
	bool page = l->mode == MODE_XAPIC, msr = l->mode == MODE_X2APIC;

	l->may_read_page = page ? registers_with(l, ACCESS_PAGE) : 0;
	l->may_write_page = page ? registers_with(l, ACCESS_WX) : 0;
	l->may_read_msr = msr ? registers_with(l, ACCESS_RM) : 0;
	l->may_write_msr = msr ? registers_with(l, ACCESS_WM) : 0;
}

static bool may(uint64_t mask, unsigned n)
{
	return LIKELY(mask >> (n & (REG_COUNT - 1)) & 1u);
}

static uint64_t low_bytes(uint64_t value, unsigned size)
{
	return size >= 8 ? value : value & ((1ull << (8 * size)) - 1);
}

/* SDM "Accessing APIC Registers": what lies outside the low dword of a register is undefined; here
 * it reads as zeros. */
COLD static uint64_t read_odd(struct lapic *l, uint32_t offset, unsigned size)
{
	unsigned byte = offset & 0xFu;

	if (l->mode != MODE_XAPIC)
		return low_bytes(~0ull, size);
	if (byte || size != 4)
		event_mistake(l, "ACC-2", offset);
	if (byte >= 4 || !size)
		return 0;
	if ((offset & ODD_OFFSET & ~0xFu) || !may(l->may_read_page, number_at(offset))) {
		illegal_register(l, offset);
		return 0;
	}
	return low_bytes(lapic_mmio_read(l, offset & ~0xFu, 4) >> (8 * byte), size);
}

uint64_t lapic_mmio_read(struct lapic *l, uint32_t offset, unsigned size)
{
	unsigned n = number_at(offset);
	const struct reg_row *row = &reg_table[n];

	if (UNLIKELY((offset & ODD_OFFSET) || size != 4 || !may(l->may_read_page, n)))
		return read_odd(l, offset, size);
	return row->read ? row->read(l, n) : reg_get(l, n);
}

COLD static void write_odd(struct lapic *l, uint32_t offset, unsigned size)
{
	if (l->mode != MODE_XAPIC)
		return;
	if ((offset & 0xFu) || size != 4)
		event_mistake(l, "ACC-2", offset);
	else if (!(offset & ODD_OFFSET) && may(l->may_read_page, number_at(offset)))
		event_mistake(l, "ACC-4", offset);
	else
		illegal_register(l, offset);
}

void lapic_mmio_write(struct lapic *l, uint32_t offset, unsigned size, uint64_t value)
{
	unsigned n = number_at(offset);
	const struct reg_row *row = &reg_table[n];

	if (UNLIKELY((offset & ODD_OFFSET) || size != 4 || !may(l->may_write_page, n)))
		write_odd(l, offset, size);
	else
		row->write(l, n, (uint32_t)value & reg_writable(l, row));
}

COLD static enum lapic_result fault(struct lapic *l, const char *rule, uint32_t msr)
{
	event_mistake(l, rule, msr);
	return LAPIC_GP;
}

/* Outside x2APIC mode, in a gap, or the wrong way: #GP; and the two MSRs that lie elsewhere. */
COLD static enum lapic_result read_other(struct lapic *l, uint32_t msr, uint64_t *value)
{
	if (msr - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST)
		return fault(l, l->mode == MODE_X2APIC ? "MSR-2" : "MSR-1", msr);
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
	unsigned n = msr - MSR_X2APIC_FIRST;
	const struct reg_row *row = &reg_table[n & (REG_COUNT - 1)];

	if (UNLIKELY(n >= REG_COUNT || !may(l->may_read_msr, n)))
		return read_other(l, msr, value);
	*value = row->read ? row->read(l, n) : reg_get(l, n);
	return LAPIC_OK;
}

COLD static enum lapic_result write_other(struct lapic *l, uint32_t msr, uint64_t value)
{
	if (msr - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST)
		return fault(l, l->mode == MODE_X2APIC ? "MSR-2" : "MSR-1", msr);
	if (msr == MSR_APIC_BASE)
		return mode_write_base(l, value);
	if (msr != MSR_TSC_DEADLINE || !l->config.tsc_deadline)
		return fault(l, msr == MSR_TSC_DEADLINE ? "TMR-7" : "MSR-2", msr);
	timer_write_deadline(l, value);
	return LAPIC_OK;
}

COLD static enum lapic_result reserved_bits(struct lapic *l, unsigned n, uint64_t value)
{
	const struct reg_row *row = &reg_table[n];
	uint32_t illegal = (uint32_t)value & ~(row->legal & ~l->cut[row->cut]);
	const char *rule = "MSR-3";

	if (n == REG_EOI || n == REG_ESR)
		rule = "MSR-4";
	else if (n == REG_ICR && illegal == ICR_BUSY)
		rule = "MSR-5";
	return fault(l, rule, MSR_X2APIC_FIRST + n);
}

enum lapic_result lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value)
{
	unsigned n = msr - MSR_X2APIC_FIRST;
	const struct reg_row *row = &reg_table[n & (REG_COUNT - 1)];
	uint64_t high = n == REG_ICR ? 0xFFFFFFFFull << 32 : 0;

	if (UNLIKELY(n >= REG_COUNT || !may(l->may_write_msr, n)))
		return write_other(l, msr, value);
	if (UNLIKELY(value & ~(high | (row->legal & ~l->cut[row->cut]))))
		return reserved_bits(l, n, value);
	return row->write(l, n, value & (high | row->writable));
}
