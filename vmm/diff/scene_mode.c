// SPDX-License-Identifier: BSD-2-Clause
// Scenes of modes: software disable, IA32_APIC_BASE, relocation, who a Local APIC says it is.
// Not what other processors send meanwhile, beside what is pending before.
#include "vmm/diff/scene.h"

#include "vmm/msr_index.h"

#define DEFAULT_PAGE 0xFEE00000u

void scene_disable(struct scene *s, unsigned cpu)
{
	int other = scene_other(s, cpu);
	unsigned lvt = MODEL_LVT_LINT0 + scene_below(s, 3);
	uint32_t svr = 0x100 | scene_below(s, 256);

	if (scene_chance(s, 20))
		svr |= 0x200;
	if (scene_chance(s, 5))
		svr |= 0x1000;
	if (scene_chance(s, 50))
		scene_pend(s, cpu);
	scene_write(s, cpu, MODEL_SVR, scene_chance(s, 80) ? 0xFF : svr & 0xFF);
	if (scene_chance(s, 40))
		scene_write(s, cpu, lvt, scene_legal_vector(s));
	if (other >= 0 && scene_chance(s, 50))
		scene_icr(s, (unsigned)other, scene_id(s, cpu), MODEL_ASSERT | scene_vector(s));
	else if (scene_chance(s, 40))
		scene_icr(s, cpu, 0, MODEL_SELF | MODEL_ASSERT | scene_vector(s));
	if (scene_chance(s, 50))
		scene_plain(s, cpu, PROGRAM_STI);
	if (scene_chance(s, 80))
		scene_write(s, cpu, MODEL_SVR, svr);
	if (scene_chance(s, 30))
		scene_read(s, cpu, lvt);
}

static uint64_t next_base(struct scene *s, unsigned cpu)
{
	const struct model_cpu *c = &s->model.cpu[cpu];
	uint64_t base = c->base & ~(uint64_t)(MODEL_EN | MODEL_EXTD);
	unsigned kind = scene_below(s, 100);

	switch (c->mode) {
	case FINDING_XAPIC:
		if (kind < 70 && s->x2apic)
			return base | MODEL_EN | MODEL_EXTD;
		return kind < 90 ? base : base | MODEL_EXTD;
	case FINDING_X2APIC:
		if (kind < 60)
			return base;
		return kind < 85 ? base | MODEL_EN : base | MODEL_EN | MODEL_EXTD;
	default:
		if (kind < 80)
			return base | MODEL_EN;
		return kind < 90 ? base | MODEL_EN | MODEL_EXTD : base | MODEL_EXTD;
	}
}

void scene_mode(struct scene *s, unsigned cpu)
{
	static const uint8_t told[] = {MODEL_ID,  MODEL_LDR, MODEL_SVR,       MODEL_TPR,
				       MODEL_DFR, MODEL_ICR, MODEL_LVT_TIMER, MODEL_TMICT};
	const struct model_cpu *c = &s->model.cpu[cpu];

	if (scene_chance(s, 50))
		scene_pend(s, cpu);
	scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, next_base(s, cpu));
	for (unsigned i = scene_below(s, 3); i < 3; i++)
		scene_read(s, cpu, told[scene_below(s, sizeof(told))]);
	if (scene_chance(s, 15))
		scene_plain(s, cpu, scene_chance(s, 50) ? PROGRAM_EOI : PROGRAM_READ_CR8);
	if (scene_chance(s, 15))
		scene_read(s, cpu, MODEL_IRR + scene_legal_vector(s) / 32u);
	if (c->mode == FINDING_DISABLED && scene_chance(s, 60)) {
		if (scene_chance(s, 30))
			scene_msi(s, cpu, false, false, scene_legal_vector(s));
		if (scene_chance(s, 20))
			scene_op(s, (struct program_op){.kind = PROGRAM_WRITE_CR8,
							.cpu = (uint8_t)cpu,
							.value = scene_below(s, 16)});
		scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, c->base | MODEL_EN);
		if (s->x2apic && scene_chance(s, 40))
			scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, c->base | MODEL_EXTD);
	}
	if (scene_chance(s, 60))
		scene_set_up(s, cpu);
}

/* Holes below 4 GiB where neither side has memory or a device. */
static uint64_t hole(struct scene *s)
{
	switch (scene_below(s, 4)) {
	case 0: return 0xFE000000u + (scene_below(s, 16) << 12);
	case 1: return 0xD0000000u + (scene_below(s, 256) << 12);
	case 2: return 0xFEE00000u + (scene_below(s, 16) << 12);
	default: return DEFAULT_PAGE;
	}
}

void scene_relocate(struct scene *s, unsigned cpu)
{
	const struct model_cpu *c = &s->model.cpu[cpu];

	if (c->mode == FINDING_DISABLED && scene_chance(s, 70))
		scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, c->base | MODEL_EN);
	if (scene_chance(s, 30))
		scene_pend(s, cpu);
	scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, hole(s) | (c->base & 0xFFF));
	scene_read(s, cpu, scene_chance(s, 50) ? MODEL_ID : MODEL_SVR);
	if (scene_chance(s, 50))
		scene_write(s, cpu, MODEL_TPR, scene_below(s, 48));
	if (scene_chance(s, 50))
		scene_icr(s, cpu, 0, MODEL_SELF | MODEL_ASSERT | scene_legal_vector(s));
	if (scene_chance(s, 60))
		scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, DEFAULT_PAGE | (c->base & 0xFFF));
}

void scene_leave_default(struct scene *s, unsigned cpu)
{
	const struct model_cpu *c = &s->model.cpu[cpu];

	if (c->mode == FINDING_XAPIC && c->base >> 12 == DEFAULT_PAGE >> 12)
		scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, hole(s) | (c->base & 0xFFF));
}

void scene_base_bits(struct scene *s, unsigned cpu)
{
	static const uint8_t reserved[] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 52, 60, 63};
	uint64_t base = s->model.cpu[cpu].base;

	scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE,
		    base | UINT64_C(1) << reserved[scene_below(s, sizeof(reserved))]);
	if (scene_chance(s, 30)) {
		/* The BSP flag decides what an INIT does: it is not left so. */
		scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, base ^ MODEL_BSP);
		scene_rdmsr(s, cpu, MSR_IA32_APIC_BASE);
		scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, base);
	}
	scene_rdmsr(s, cpu, MSR_IA32_APIC_BASE);
}

static uint32_t some_ldr(struct scene *s, unsigned cpu)
{
	switch (scene_below(s, 4)) {
	case 0: return scene_below(s, 256) << 24;
	case 1: return (scene_below(s, 3) << 4 | 1u << cpu) << 24;
	default: return 0x01000000u << cpu;
	}
}

void scene_identity(struct scene *s, unsigned cpu)
{
	static const uint32_t models[] = {0xFFFFFFFF, 0xFFFFFFFF, 0x0FFFFFFF, 0x0FFFFFFF,
					  0x7FFFFFFF};
	uint32_t dfr = models[scene_below(s, 5)];

	if (s->model.cpu[cpu].mode != FINDING_XAPIC && scene_chance(s, 80)) {
		scene_read(s, cpu, scene_chance(s, 50) ? MODEL_ID : MODEL_LDR);
		return;
	}
	switch (scene_below(s, 10)) {
	case 0:
		scene_write(s, cpu, MODEL_ID, scene_below(s, 256) << 24);
		scene_read(s, cpu, MODEL_ID);
		return;
	case 1: scene_write(s, cpu, MODEL_ID, scene_below(s, 2 * s->model.cpus) << 24); return;
	case 2: scene_write(s, cpu, MODEL_ID, cpu << 24 | scene_below(s, 256)); return;
	case 3:
	case 4: scene_write(s, cpu, MODEL_DFR, dfr); return;
	case 5:
		/* All that can: a machine whose logical modes agree. */
		for (unsigned i = 0; i < s->model.cpus; i++)
			if (model_acts(&s->model, i) && s->model.cpu[i].mode == FINDING_XAPIC) {
				scene_write(s, i, MODEL_DFR, dfr);
				scene_write(s, i, MODEL_LDR, 0x01000000u << i);
			}
		return;
	default: {
		uint32_t ldr = some_ldr(s, cpu);

		scene_write(s, cpu, MODEL_LDR, scene_chance(s, 10) ? ldr | 0x123456 : ldr);
		if (scene_chance(s, 30))
			scene_read(s, cpu, MODEL_LDR);
		return;
	}
	}
}
