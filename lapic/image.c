// SPDX-License-Identifier: BSD-2-Clause
/*
 * The register page as others keep it: struct kvm_lapic_state and the VMX virtual-APIC page.
 * Not all state: pending NMI, SMI, INIT and SIPI, APIC base and deadline have no place in a page.
 */
#include "lapic/state.h"

static uint32_t image_get(const uint8_t *image, unsigned offset)
{
	return image[offset] | (uint32_t)image[offset + 1] << 8 |
	       (uint32_t)image[offset + 2] << 16 | (uint32_t)image[offset + 3] << 24;
}

static void image_put(uint8_t *image, unsigned offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		image[offset + i] = (uint8_t)(value >> (8 * i));
}

void lapic_export_image(struct lapic *l, enum lapic_image kind, uint8_t image[LAPIC_IMAGE_SIZE])
{
	struct state s;

	state_read(l, &s);
	__builtin_memset(image, 0, LAPIC_IMAGE_SIZE);
	for (unsigned n = 0; n < REG_COUNT; n++)
		image_put(image, n << 4, s.regs[n]);
	if (l->mode != MODE_X2APIC)
		return;
	if (kind == LAPIC_IMAGE_KVM_LEGACY)
		image_put(image, REG_ID << 4, s.regs[REG_ID] << 24);
	if (kind == LAPIC_IMAGE_VMX) {
		image_put(image, (REG_ICR << 4) + 4, s.regs[REG_ICR_HIGH]);
		image_put(image, REG_ICR_HIGH << 4, 0);
	}
}

/* What an image says of the timer: the current count is the only trace of time in it. */
static void timer_from_image(struct state *s, uint64_t tsc_deadline)
{
	uint32_t mode = s->regs[REG_LVT_TIMER] & LVT_TIMER_MODE;
	uint32_t tmict = s->regs[REG_TMICT], count = s->regs[REG_TMCCT];
	uint8_t shift = timer_shift_of(s->regs[REG_DCR]);

	s->timer = TIMER_OFF;
	if (mode & LVT_TIMER_DEADLINE) {
		s->tsc_deadline = mode == LVT_TIMER_DEADLINE ? tsc_deadline : 0;
		s->timer = s->tsc_deadline ? TIMER_DEADLINE : TIMER_OFF;
		return;
	}
	/* A periodic count is read as 0 only at the moment of its reload. */
	if (!count && mode == LVT_TIMER_PERIODIC)
		count = tmict;
	if (count) {
		s->timer = TIMER_COUNTING;
		s->remaining = (uint64_t)count << shift;
	}
}

/*
 * Others keep bits that a register here does not have, leave LVT entries unmasked while the LAPIC
 * is disabled (KVM's BSP after reset), and may have no CMCI entry at all: what such a LAPIC does is
 * what this one does without.
 */
static void tolerate(struct lapic *l, struct state *s)
{
	bool off = !(s->regs[REG_SVR] & SVR_ENABLED),
	     cmci = (s->regs[REG_VERSION] >> 16 & 0xFFu) >= 6;

	s->regs[REG_ICR] &= reg_table[REG_ICR].writable;
	for (unsigned n = REG_LVT_CMCI; n <= REG_LVT_ERROR; n++) {
		uint32_t keep = reg_table[n].writable | (n == REG_LVT_LINT0 ? LVT_REMOTE_IRR : 0);

		if (n == REG_ICR || n == REG_ICR_HIGH)
			continue;
		s->regs[n] = (s->regs[n] & keep) | (off ? LVT_MASKED : 0);
	}
	if (!(l->features & FEATURE_CMCI))
		s->regs[REG_LVT_CMCI] &= ~LVT_MASKED;
	else if (!cmci)
		s->regs[REG_LVT_CMCI] = LVT_MASKED;
}

enum lapic_state_error lapic_import_image(struct lapic *l, enum lapic_image kind,
					  const uint8_t image[LAPIC_IMAGE_SIZE], uint64_t apic_base,
					  uint64_t tsc_deadline)
{
	bool x2apic = mode_of(apic_base) == MODE_X2APIC;
	enum lapic_state_error error;
	struct state s = {.apic_base = apic_base, .initial_id = l->initial_id};

	for (unsigned n = 0; n < REG_COUNT; n++)
		s.regs[n] = image_get(image, n << 4);
	s.work = atomic_load(&l->work) & WORK_SAVED;
	if (x2apic && kind == LAPIC_IMAGE_KVM_LEGACY && s.regs[REG_ID] == l->initial_id << 24)
		s.regs[REG_ID] = l->initial_id;
	if (x2apic && kind == LAPIC_IMAGE_VMX)
		s.regs[REG_ICR_HIGH] = image_get(image, (REG_ICR << 4) + 4);
	if (x2apic)
		s.regs[REG_DFR] = DFR_FLAT;
	tolerate(l, &s);
	s.lint0_vector = (uint8_t)(s.regs[REG_LVT_LINT0] & LVT_VECTOR);
	timer_from_image(&s, tsc_deadline);
	error = state_check(l, &s);
	if (!error)
		state_apply(l, &s, WORK_BSP | WORK_HW_DISABLED | WORK_SW_DISABLED);
	return error;
}

const void *lapic_page(const struct lapic *l)
{
	return l->regs;
}

/* As state_read(), without the rest of the state: this may stand before each entry of a guest. */
void lapic_page_sync(struct lapic *l)
{
	uint64_t remaining;

	mailbox_drain(l);
	remaining = timer_remaining(l);
	for (unsigned i = 0; i < 8; i++) {
		*reg(l, REG_IRR + i) = mailbox_register(l->irr, i);
		*reg(l, REG_TMR + i) = mailbox_register(l->tmr, i);
	}
	*reg(l, REG_TMCCT) = timer_count_of(l, remaining);
	*reg(l, REG_APR) = l->mode == MODE_XAPIC ? (uint32_t)priority_apr(l, REG_APR) : 0;
	/* SDM "Virtual-APIC Page": in x2APIC mode the ICR is 64 bits at 300h. */
	reg(l, REG_ICR)[1] = l->mode == MODE_X2APIC ? reg_get(l, REG_ICR_HIGH) : 0;
	timer_tell(l);
}
