// SPDX-License-Identifier: BSD-2-Clause
// Scenes of registers: plain reads, odd accesses by both doors, priority, service, errors, LVT.
// Not modes or messages between processors.
#include "vmm/diff/scene.h"

#include "vmm/msr_index.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned readable(struct scene *s)
{
	static const uint8_t regs[] = {
		MODEL_ID,        MODEL_ID + 1,    MODEL_TPR,       MODEL_TPR + 1,
		MODEL_PPR,       MODEL_PPR,       MODEL_EOI,       MODEL_EOI + 1,
		MODEL_LDR,       MODEL_DFR,       MODEL_SVR,       MODEL_ESR,
		MODEL_ICR,       MODEL_ICR_HIGH,  MODEL_LVT_TIMER, MODEL_LVT_ERROR,
		MODEL_LVT_LINT0, MODEL_LVT_LINT1, MODEL_LVT_PERF,  MODEL_LVT_THERMAL,
		MODEL_CMCI,      MODEL_TMICT,     MODEL_TMCCT,     MODEL_DCR,
	};
	static const uint8_t sets[] = {MODEL_ISR, MODEL_TMR, MODEL_IRR};

	/* Where the vectors are that the program uses. */
	if (scene_chance(s, 35)) {
		unsigned set = sets[scene_below(s, 3)];

		return set + scene_vector(s) / 32u;
	}
	return regs[scene_below(s, COUNT(regs))];
}

void scene_registers(struct scene *s, unsigned cpu)
{
	for (unsigned i = scene_below(s, 3); i < 3; i++)
		scene_read(s, cpu, readable(s));
	if (scene_chance(s, 10))
		scene_rdmsr(s, cpu, MSR_IA32_APIC_BASE);
	if (scene_chance(s, 5))
		scene_rdmsr(s, cpu, MSR_IA32_TSC_DEADLINE);
	if (scene_chance(s, 5))
		scene_plain(s, cpu, PROGRAM_RDTSC);
	if (scene_chance(s, 10))
		scene_plain(s, cpu, PROGRAM_READ_CR8);
}

static unsigned offset(struct scene *s)
{
	unsigned kind = scene_below(s, 100);

	if (kind < 50)
		return readable(s) << 4;
	if (kind < 75)
		return (readable(s) << 4) + scene_below(s, 16);
	if (kind < 85)
		return scene_below(s, 0x40) << 4;
	return scene_below(s, 0x1000);
}

/* No whole write to a register comes from here: those have scenes of their own. */
static void odd_write(struct scene *s, unsigned cpu, unsigned where, unsigned width)
{
	static const uint8_t reserved[] = {0x00, 0x01, 0x04, 0x07, 0x09, 0x0C, 0x29, 0x2E,
					   0x39, 0x3A, 0x3D, 0x3F, 0x40, 0x41, 0x50, 0xFF};
	uint64_t value = scene_random(s) >> (64 - 8 * width);

	if (width == 4 && where % 16 == 0) {
		static const uint8_t read_only[] = {MODEL_ID + 1, MODEL_PPR, MODEL_ISR + 3,
						    MODEL_TMR + 2, MODEL_IRR + 7};

		if (scene_chance(s, 60))
			where = reserved[scene_below(s, COUNT(reserved))] << 4;
		else
			where = read_only[scene_below(s, COUNT(read_only))] << 4;
	}
	scene_op(s, (struct program_op){.kind = PROGRAM_WRITE,
					.cpu = (uint8_t)cpu,
					.width = (uint8_t)width,
					.where = where,
					.value = value});
}

void scene_odd_page(struct scene *s, unsigned cpu)
{
	static const uint8_t widths[] = {1, 2, 4, 4, 4, 8};

	for (unsigned i = 0; i < 2; i++) {
		unsigned width = widths[scene_below(s, COUNT(widths))], where = offset(s);

		if (where + width > 0x1000)
			where = 0x1000 - width;
		/* Rule ACC-2, where that bends. */
		if (s->page_is_memory && where % 16 + width > 16)
			where -= where % 16 + width - 16;
		if (scene_chance(s, 60))
			scene_op(s, (struct program_op){.kind = PROGRAM_READ,
							.cpu = (uint8_t)cpu,
							.width = (uint8_t)width,
							.where = where});
		else
			odd_write(s, cpu, where, width);
	}
}

/* A value with a reserved bit set, so that nothing but #GP is right. */
static uint64_t reserved_value(struct scene *s, unsigned reg)
{
	static const struct {
		uint8_t reg;
		uint32_t reserved;
	} rows[] = {
		{MODEL_TPR, 0xFFFFFF00},         {MODEL_SVR, 0xFFFFEC00},
		{MODEL_ESR, 0xFFFFFFFF},         {MODEL_EOI, 0xFFFFFFFF},
		{MODEL_DCR, 0xFFFFFFF4},         {MODEL_ICR, 0xFFF32000},
		{MODEL_SELF_IPI, 0xFFFFFF00},    {MODEL_LVT_TIMER, 0xFFF8EF00},
		{MODEL_LVT_ERROR, 0xFFFEEF00},   {MODEL_LVT_PERF, 0xFFFEE800},
		{MODEL_LVT_THERMAL, 0xFFFEE800}, {MODEL_LVT_LINT0, 0xFFFE0800},
		{MODEL_LVT_LINT1, 0xFFFE0800},
	};
	uint32_t reserved = 0, bit;
	uint64_t high = UINT64_C(1) << (32 + scene_below(s, 32));

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].reg == reg)
			reserved = rows[i].reserved;
	if (!reserved || (reg != MODEL_ICR && scene_chance(s, 30)))
		return high | (scene_random(s) & 0xFF);
	do
		bit = 1u << scene_below(s, 32);
	while (!(reserved & bit));
	return bit | scene_legal_vector(s);
}

void scene_odd_msr(struct scene *s, unsigned cpu)
{
	static const uint8_t writable[] = {
		MODEL_TPR,       MODEL_SVR,         MODEL_ESR,       MODEL_EOI,
		MODEL_DCR,       MODEL_ICR,         MODEL_SELF_IPI,  MODEL_LVT_TIMER,
		MODEL_LVT_ERROR, MODEL_LVT_PERF,    MODEL_LVT_LINT0, MODEL_LVT_LINT1,
		MODEL_TMICT,     MODEL_LVT_THERMAL,
	};
	static const uint8_t not_writable[] = {
		0x00, MODEL_ID, MODEL_ID + 1, 0x09, MODEL_PPR,   0x0C, MODEL_LDR, MODEL_DFR, 0x10,
		0x18, 0x27,     0x2E,         0x31, MODEL_TMCCT, 0x3A, 0x40,      0x7F,      0xFF,
	};
	unsigned kind = scene_below(s, 100);
	unsigned reg = writable[scene_below(s, COUNT(writable))];

	if (kind < 35) {
		scene_rdmsr(s, cpu,
			    MSR_X2APIC_FIRST +
				    (scene_chance(s, 60) ? readable(s) : scene_below(s, 256)));
	} else if (kind < 65) {
		reg = not_writable[scene_below(s, COUNT(not_writable))];
		scene_wrmsr(s, cpu, MSR_X2APIC_FIRST + reg, scene_chance(s, 50) ? 0 : 0xFF);
	} else {
		scene_wrmsr(s, cpu, MSR_X2APIC_FIRST + reg, reserved_value(s, reg));
		if (scene_chance(s, 40))
			scene_read(s, cpu, reg);
	}
}

void scene_priority(struct scene *s, unsigned cpu)
{
	unsigned tpr = scene_chance(s, 70) ? scene_legal_vector(s) : scene_below(s, 256);

	if (scene_chance(s, 40))
		scene_pend(s, cpu);
	if (scene_chance(s, 50))
		scene_write(s, cpu, MODEL_TPR, tpr);
	else
		scene_op(s,
			 (struct program_op){.kind = PROGRAM_WRITE_CR8,
					     .cpu = (uint8_t)cpu,
					     .value = scene_chance(s, 95)
							      ? scene_below(s, 16)
							      : UINT64_C(1) << scene_below(s, 64)});
	if (scene_chance(s, 30))
		scene_plain(s, cpu, PROGRAM_STI);
	if (scene_chance(s, 30))
		scene_plain(s, cpu, PROGRAM_READ_CR8);
	if (scene_chance(s, 40))
		scene_read(s, cpu, MODEL_PPR);
	if (scene_chance(s, 40))
		scene_icr(s, cpu, 0, MODEL_SELF | MODEL_ASSERT | scene_vector(s));
	if (scene_chance(s, 40))
		scene_write(s, cpu, MODEL_TPR, scene_chance(s, 50) ? 0 : scene_below(s, 256));
	if (scene_chance(s, 15))
		scene_read(s, cpu, MODEL_TPR + 1);
}

/* By the page any value is an EOI. */
static void end_one(struct scene *s, unsigned cpu)
{
	if (scene_chance(s, 80))
		scene_plain(s, cpu, PROGRAM_EOI);
	else if (s->model.cpu[cpu].mode == FINDING_X2APIC)
		scene_write(s, cpu, MODEL_EOI, 0);
	else
		scene_write(s, cpu, MODEL_EOI, scene_below(s, 256));
}

/* Handlers without EOI, one nested in another, then the EOIs one by one. */
void scene_in_service(struct scene *s, unsigned cpu)
{
	struct program_op keep = {.kind = PROGRAM_KEEP, .cpu = (uint8_t)cpu, .value = 1};
	unsigned count = 1 + scene_below(s, 4);

	if (!s->model.cpu[cpu].interrupts)
		scene_plain(s, cpu, PROGRAM_STI);
	scene_op(s, keep);
	for (unsigned i = 0; i < count; i++)
		scene_icr(s, cpu, 0, MODEL_SELF | MODEL_ASSERT | scene_legal_vector(s));
	if (scene_chance(s, 50))
		scene_read(s, cpu, MODEL_PPR);
	if (scene_chance(s, 50))
		scene_read(s, cpu, MODEL_ISR + scene_legal_vector(s) / 32u);
	keep.value = 0;
	if (scene_chance(s, 75))
		scene_op(s, keep);
	for (unsigned i = 0; i < count; i++)
		if (scene_chance(s, 85))
			end_one(s, cpu);
	if (scene_chance(s, 30))
		end_one(s, cpu);
}

void scene_errors(struct scene *s, unsigned cpu)
{
	uint32_t lvt = scene_vector(s);

	if (scene_chance(s, 20))
		lvt |= MODEL_MASKED;
	if (scene_chance(s, 50))
		scene_write(s, cpu, MODEL_LVT_ERROR, lvt);
	for (unsigned i = 0; i < 2; i++) {
		uint32_t illegal = scene_below(s, 16);
		int other = scene_other(s, cpu);

		switch (scene_below(s, 4)) {
		case 0: scene_icr(s, cpu, 0, MODEL_SELF | MODEL_ASSERT | illegal); break;
		case 1:
			if (other >= 0)
				scene_icr(s, cpu, scene_id(s, (unsigned)other),
					  MODEL_ASSERT | illegal);
			break;
		case 2: scene_msi(s, scene_id(s, cpu), false, false, illegal); break;
		default: scene_odd_page(s, cpu); break;
		}
		if (scene_chance(s, 50))
			scene_read(s, cpu, MODEL_ESR);
		if (scene_chance(s, 60))
			scene_write(s, cpu, MODEL_ESR, 0);
		if (scene_chance(s, 50))
			scene_read(s, cpu, MODEL_ESR);
	}
}

void scene_lvt(struct scene *s, unsigned cpu)
{
	static const uint8_t entries[] = {MODEL_LVT_LINT0,   MODEL_LVT_LINT1, MODEL_LVT_PERF,
					  MODEL_LVT_THERMAL, MODEL_LVT_ERROR, MODEL_CMCI};
	unsigned reg = entries[scene_below(s, COUNT(entries))];
	uint32_t value = scene_vector(s);

	if (scene_chance(s, 50))
		value |= MODEL_MASKED;
	if (reg != MODEL_LVT_ERROR && scene_chance(s, 40))
		value |= scene_below(s, 8) << 8;
	if ((reg == MODEL_LVT_LINT0 || reg == MODEL_LVT_LINT1) && scene_chance(s, 40))
		value |= scene_below(s, 4) << 13 & 0xA000;
	if (scene_chance(s, 10))
		value |= 0x1000;
	if (s->model.cpu[cpu].mode == FINDING_XAPIC && scene_chance(s, 20))
		value |= (uint32_t)scene_random(s) & 0xFFFEE800;
	scene_write(s, cpu, reg, value);
	if (scene_chance(s, 60))
		scene_read(s, cpu, reg);
}
