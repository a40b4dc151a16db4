// SPDX-License-Identifier: BSD-2-Clause
/*
 * IA32_APIC_BASE and its modes, power-up reset, INIT and SIPI; SDM "Local APIC State After ..." and
 * "x2APIC State Transitions". Not the processor's own reset state: that is the embedder's.
 */
#include "lapic/core.h"

enum apic_mode mode_of(uint64_t apic_base)
{
	if (!(apic_base & APIC_BASE_EN))
		return MODE_DISABLED;
	return (apic_base & APIC_BASE_EXTD) ? MODE_X2APIC : MODE_XAPIC;
}

static bool reserved_bits_set(const struct lapic *l, uint64_t apic_base)
{
	uint64_t legal = APIC_BASE_BSP | APIC_BASE_EN | (l->config.x2apic ? APIC_BASE_EXTD : 0);

	legal |= ((1ull << l->config.maxphyaddr) - 1) & ~(uint64_t)(LAPIC_PAGE_SIZE - 1);
	return (apic_base & ~legal) != 0;
}

bool mode_base_valid(const struct lapic *l, uint64_t apic_base)
{
	return !reserved_bits_set(l, apic_base) &&
	       (apic_base & (APIC_BASE_EN | APIC_BASE_EXTD)) != APIC_BASE_EXTD;
}

void mode_set_work(struct lapic *l, uint64_t clear, uint64_t set)
{
	uint64_t old = atomic_load(&l->work);

	while (!atomic_compare_exchange_weak(&l->work, &old, (old & ~clear) | set))
		;
}

static uint32_t version(const struct lapic *l)
{
	uint32_t last_lvt = l->config.cmci ? 6 : 5;

	return VERSION_NUMBER | last_lvt << 16 |
	       (l->config.eoi_suppression ? VERSION_SUPPRESS_EOI : 0);
}

/* ID and LDR as the mode derives them from a current ID. */
static void set_id_registers(struct lapic *l, uint32_t id)
{
	*reg(l, REG_ID) = l->mode == MODE_X2APIC ? id : id << 24;
	*reg(l, REG_LDR) = l->mode == MODE_X2APIC ? dest_x2apic_ldr(id) : 0;
}

void mode_reset_registers(struct lapic *l, bool keep_id)
{
	uint32_t id = lapic_id(l);

	if (!keep_id)
		id = l->mode == MODE_X2APIC ? l->initial_id : (l->initial_id & 0xFFu);
	access_follow_mode(l);
	__builtin_memset(l->regs, 0, LAPIC_IMAGE_SIZE);
	set_id_registers(l, id);
	*reg(l, REG_VERSION) = version(l);
	*reg(l, REG_DFR) = DFR_FLAT;
	*reg(l, REG_SVR) = SVR_VECTOR;
	for (unsigned n = REG_LVT_TIMER; n <= REG_LVT_ERROR; n++)
		*reg(l, n) = LVT_MASKED;
	if (l->features & FEATURE_CMCI)
		*reg(l, REG_LVT_CMCI) = LVT_MASKED;
	l->esr_internal = 0;
	l->error_disarmed = false;
	timer_reset(l);
	priority_count_isr(l);
	dest_move(l, id);
}

static void changed(struct lapic *l)
{
	event_simple(l, LAPIC_EVENT_MODE, 0, l->apic_base);
	timer_tell(l);
	if (l->ops.base_changed)
		l->ops.base_changed(l->opaque, l->apic_base);
}

static void disable(struct lapic *l)
{
	mode_set_work(l, WORK_MESSAGES | WORK_TO_DRAIN, WORK_HW_DISABLED | WORK_SW_DISABLED);
	mailbox_flush(l, true);
	mode_reset_registers(l, false);
}

static void enable(struct lapic *l)
{
	mode_reset_registers(l, false);
	mode_set_work(l, WORK_TO_DRAIN, 0);
	mode_set_work(l, WORK_HW_DISABLED, 0);
}

/* SDM "x2APIC States": the ID becomes the initial one, LDR follows it, DFR is gone, the rest stays.
 */
static void enter_x2apic(struct lapic *l)
{
	access_follow_mode(l);
	set_id_registers(l, l->initial_id);
	*reg(l, REG_DFR) = DFR_FLAT;
	*reg(l, REG_ICR_HIGH) = 0;
	dest_move(l, l->initial_id);
}

static bool transition_legal(enum apic_mode from, enum apic_mode to)
{
	if (from == MODE_DISABLED)
		return to != MODE_X2APIC;
	return !(from == MODE_X2APIC && to == MODE_XAPIC);
}

enum lapic_result mode_write_base(struct lapic *l, uint64_t value)
{
	enum apic_mode from = (enum apic_mode)l->mode, to = mode_of(value);

	if (!mode_base_valid(l, value) || !transition_legal(from, to)) {
		event_mistake(l, reserved_bits_set(l, value) ? "BASE-1" : "BASE-2", MSR_APIC_BASE);
		return LAPIC_GP;
	}
	if (value == l->apic_base)
		return LAPIC_OK;
	mailbox_drain(l);
	timer_settle(l);
	l->apic_base = value;
	l->mode = (uint8_t)to;
	if (value & APIC_BASE_BSP)
		mode_set_work(l, 0, WORK_BSP);
	else
		mode_set_work(l, WORK_BSP, 0);
	if (from != MODE_DISABLED && to == MODE_DISABLED)
		disable(l);
	else if (from == MODE_DISABLED && to != MODE_DISABLED)
		enable(l);
	else if (from != to)
		enter_x2apic(l);
	changed(l);
	return LAPIC_OK;
}

uint64_t lapic_apic_base(const struct lapic *l)
{
	return l->apic_base;
}

/* SDM "Local APIC State After Power-Up or Reset". The pins keep the level that the board gives
 * them. */
void lapic_reset(struct lapic *l)
{
	bool bsp = l->config.bsp;

	l->apic_base = LAPIC_DEFAULT_BASE | APIC_BASE_EN | (bsp ? APIC_BASE_BSP : 0);
	l->mode = MODE_XAPIC;
	mode_set_work(l, ~WORK_LINTS, WORK_SW_DISABLED | (bsp ? WORK_BSP : WORK_WAIT_SIPI));
	mailbox_flush(l, true);
	mode_reset_registers(l, false);
	changed(l);
}

/* SDM "Local APIC State After It Receives an INIT": as power-up, but ID and IA32_APIC_BASE stay. */
enum lapic_init_action lapic_take_init(struct lapic *l)
{
	uint64_t old = atomic_load(&l->work), wanted;

	do {
		if (!(old & WORK_INIT))
			return LAPIC_INIT_NONE;
		wanted = old & ~(WORK_INIT | WORK_EXTINT | WORK_TO_DRAIN | WORK_WAIT_SIPI |
				 WORK_NMI_BLOCKED);
		wanted |= WORK_SW_DISABLED | ((old & WORK_BSP) ? 0 : WORK_WAIT_SIPI);
	} while (!atomic_compare_exchange_weak(&l->work, &old, wanted));
	mailbox_flush(l, true);
	mode_reset_registers(l, true);
	event_simple(l, LAPIC_EVENT_INIT, 0, 0);
	timer_tell(l);
	return (old & WORK_BSP) ? LAPIC_INIT_RUN : LAPIC_INIT_WAIT_FOR_SIPI;
}

bool lapic_take_sipi(struct lapic *l, uint8_t *vector)
{
	uint64_t old = atomic_load(&l->work);

	do {
		if (!(old & WORK_SIPI) || (old & WORK_INIT))
			return false;
	} while (!atomic_compare_exchange_weak(
		&l->work, &old, old & ~(WORK_SIPI | WORK_SIPI_VECTOR | WORK_WAIT_SIPI)));
	*vector = (uint8_t)((old & WORK_SIPI_VECTOR) >> WORK_SIPI_VECTOR_SHIFT);
	event_simple(l, LAPIC_EVENT_SIPI, *vector, 0);
	return true;
}

bool lapic_waits_for_sipi(const struct lapic *l)
{
	return (atomic_load(&l->work) & WORK_WAIT_SIPI) != 0;
}
