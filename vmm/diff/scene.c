// SPDX-License-Identifier: BSD-2-Clause
// What all scenes use: random numbers, operations by the door that the mode has, set-up.
// Not a scene itself; no random number comes from libc, so that a seed is one program everywhere.
#include "vmm/diff/scene.h"

#include "vmm/msr_index.h"

/* splitmix64: every state has a successor, and any seed is as good as another. */
uint64_t scene_random(struct scene *s)
{
	uint64_t z = s->random += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

uint32_t scene_below(struct scene *s, uint32_t bound)
{
	return (uint32_t)((scene_random(s) >> 32) * bound >> 32);
}

bool scene_chance(struct scene *s, unsigned percent)
{
	return scene_below(s, 100) < percent;
}

uint8_t scene_vector(struct scene *s)
{
	unsigned kind = scene_below(s, 100);

	if (kind < 4)
		return (uint8_t)scene_below(s, 16);
	return scene_legal_vector(s);
}

uint8_t scene_legal_vector(struct scene *s)
{
	unsigned kind = scene_below(s, 100);
	uint8_t known = s->vectors[scene_below(s, SCENE_VECTORS)];

	if (kind < 60)
		return known;
	if (kind < 75)
		return (uint8_t)((known & 0xF0) | scene_below(s, 16));
	if (kind < 85)
		return (uint8_t)(16 + scene_below(s, 16));
	return (uint8_t)(16 + scene_below(s, 240));
}

void scene_op(struct scene *s, struct program_op op)
{
	if (s->program->count >= s->limit)
		return;
	if (!program_add(s->program, &op)) {
		s->no_memory = true;
		return;
	}
	model_op(&s->model, &op);
}

void scene_plain(struct scene *s, unsigned cpu, enum program_kind kind)
{
	scene_op(s, (struct program_op){.kind = kind, .cpu = (uint8_t)cpu});
}

void scene_rdmsr(struct scene *s, unsigned cpu, uint32_t index)
{
	scene_op(s,
		 (struct program_op){.kind = PROGRAM_RDMSR, .cpu = (uint8_t)cpu, .where = index});
}

void scene_wrmsr(struct scene *s, unsigned cpu, uint32_t index, uint64_t value)
{
	scene_op(s, (struct program_op){.kind = PROGRAM_WRMSR,
					.cpu = (uint8_t)cpu,
					.where = index,
					.value = value});
}

void scene_read(struct scene *s, unsigned cpu, unsigned reg)
{
	if (s->model.cpu[cpu].mode == FINDING_X2APIC)
		scene_rdmsr(s, cpu, MSR_X2APIC_FIRST + reg);
	else
		scene_op(s, (struct program_op){.kind = PROGRAM_READ,
						.cpu = (uint8_t)cpu,
						.width = 4,
						.where = reg << 4});
}

void scene_write(struct scene *s, unsigned cpu, unsigned reg, uint32_t value)
{
	if (s->model.cpu[cpu].mode == FINDING_X2APIC)
		scene_wrmsr(s, cpu, MSR_X2APIC_FIRST + reg, value);
	else
		scene_op(s, (struct program_op){.kind = PROGRAM_WRITE,
						.cpu = (uint8_t)cpu,
						.width = 4,
						.where = reg << 4,
						.value = value});
}

void scene_wait(struct scene *s, unsigned us)
{
	scene_op(s, (struct program_op){.kind = PROGRAM_WAIT, .value = us});
}

void scene_icr(struct scene *s, unsigned cpu, uint32_t dest, uint32_t low)
{
	const struct model_cpu *c = &s->model.cpu[cpu];

	if (c->mode == FINDING_X2APIC) {
		scene_wrmsr(s, cpu, MSR_X2APIC_FIRST + MODEL_ICR, (uint64_t)dest << 32 | low);
		return;
	}
	if (!(low & MODEL_OTHERS) && (c->icr_high >> 24 != dest || scene_chance(s, 10)))
		scene_write(s, cpu, MODEL_ICR_HIGH, dest << 24);
	scene_write(s, cpu, MODEL_ICR, low);
}

void scene_msi(struct scene *s, uint32_t dest, bool logical, bool hint, uint32_t data)
{
	uint32_t where = 0xFEE00000u | (dest & 0xFF) << 12 | (hint ? 8u : 0) | (logical ? 4u : 0);

	scene_op(s, (struct program_op){.kind = PROGRAM_MSI, .where = where, .value = data});
}

uint32_t scene_id(const struct scene *s, unsigned cpu)
{
	const struct model_cpu *c = &s->model.cpu[cpu];

	return c->mode == FINDING_X2APIC ? cpu : c->id >> 24;
}

int scene_other(struct scene *s, unsigned but)
{
	unsigned first = scene_below(s, s->model.cpus);

	for (unsigned i = 0; i < s->model.cpus; i++) {
		unsigned cpu = (first + i) % s->model.cpus;

		if (cpu != but && model_acts(&s->model, cpu))
			return (int)cpu;
	}
	return -1;
}

void scene_set_up(struct scene *s, unsigned cpu)
{
	const struct model_cpu *c = &s->model.cpu[cpu];

	if (c->mode == FINDING_DISABLED)
		scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, c->base | MODEL_EN);
	if (!c->enabled)
		scene_write(s, cpu, MODEL_SVR,
			    0x100 | (scene_chance(s, 80) ? 0xFF : scene_below(s, 256)));
	if (c->mode == FINDING_XAPIC && !c->ldr && scene_chance(s, 70))
		scene_write(s, cpu, MODEL_LDR, 0x01000000u << cpu);
	if (c->tpr >= 0x20 && scene_chance(s, 50))
		scene_write(s, cpu, MODEL_TPR, scene_below(s, 32));
	if (!c->interrupts && scene_chance(s, 80))
		scene_plain(s, cpu, PROGRAM_STI);
}

void scene_pend(struct scene *s, unsigned cpu)
{
	if (s->model.cpu[cpu].mode == FINDING_DISABLED)
		return;
	if (s->model.cpu[cpu].interrupts)
		scene_plain(s, cpu, PROGRAM_CLI);
	for (unsigned i = 0; i <= scene_below(s, 3); i++)
		scene_icr(s, cpu, 0, MODEL_SELF | MODEL_ASSERT | scene_legal_vector(s));
}
