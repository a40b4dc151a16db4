// SPDX-License-Identifier: BSD-2-Clause
// Plays scenes by weight until a program is long enough, and brings back who has gone to sleep.
// Not the scenes themselves.
#include "vmm/diff/generate.h"

#include "vmm/diff/scene.h"

static const struct {
	void (*play)(struct scene *s, unsigned cpu);
	unsigned weight;
} scenes[] = {
	{scene_registers, 90}, {scene_odd_page, 45},    {scene_odd_msr, 60},
	{scene_priority, 90},  {scene_in_service, 60},  {scene_errors, 35},
	{scene_lvt, 40},       {scene_disable, 45},     {scene_mode, 60},
	{scene_relocate, 20},  {scene_base_bits, 10},   {scene_identity, 60},
	{scene_self, 70},      {scene_physical, 90},    {scene_logical, 90},
	{scene_shorthand, 40}, {scene_odd_icr, 25},     {scene_nmi, 25},
	{scene_init, 25},      {scene_message, 90},     {scene_halt, 55},
	{scene_far_timer, 70}, {scene_short_timer, 40}, {scene_timed_sleep, 3},
	{scene_periodic, 5},   {scene_rearm, 2},        {scene_deadline, 60},
	{scene_delivery, 40},
};

static void play_one(struct scene *s, unsigned cpu)
{
	unsigned total = 0, at;
	size_t i = 0;

	for (size_t n = 0; n < sizeof(scenes) / sizeof(scenes[0]); n++)
		total += scenes[n].weight;
	for (at = scene_below(s, total); at >= scenes[i].weight; i++)
		at -= scenes[i].weight;
	scenes[i].play(s, cpu);
}

/* Nobody stays where nothing can happen to him for long. */
static void revive(struct scene *s)
{
	bool any = scene_other(s, s->model.cpus) >= 0;

	for (unsigned cpu = 0; cpu < s->model.cpus; cpu++) {
		const struct model_cpu *c = &s->model.cpu[cpu];

		if (c->waiting && (!any || scene_chance(s, 40)))
			scene_start(s, cpu);
		else if (c->halted && (!any || scene_chance(s, 25)))
			scene_wake(s, cpu);
	}
}

static void refresh(struct scene *s, unsigned cpu)
{
	const struct model_cpu *c = &s->model.cpu[cpu];
	struct program_op no_keep = {.kind = PROGRAM_KEEP, .cpu = (uint8_t)cpu, .value = 0};

	if (c->mode == FINDING_DISABLED ? scene_chance(s, 40) : !c->enabled && scene_chance(s, 25))
		scene_set_up(s, cpu);
	if (c->keep && scene_chance(s, 25))
		scene_op(s, no_keep);
	while (!c->keep && c->kept && scene_chance(s, 60))
		scene_plain(s, cpu, PROGRAM_EOI);
	if (!c->interrupts && scene_chance(s, 10))
		scene_plain(s, cpu, PROGRAM_STI);
	if (s->page_is_memory && scene_chance(s, 10))
		scene_leave_default(s, cpu);
	if (c->tpr >= 0x20 && scene_chance(s, 15))
		scene_write(s, cpu, MODEL_TPR, 0);
}

static void begin(struct scene *s)
{
	/* Two of one class at least. */
	for (unsigned i = 0; i < SCENE_VECTORS; i++)
		s->vectors[i] = (uint8_t)(16 + scene_below(s, 240));
	s->vectors[1] = (uint8_t)((s->vectors[0] & 0xF0) | scene_below(s, 16));
	/* After power-up KVM's processors hear a SIPI only when they have had an INIT. */
	if (!s->program->started && s->model.cpus > 1)
		scene_icr(s, 0, 0, MODEL_INIT << 8 | MODEL_ASSERT | MODEL_OTHERS);
	for (unsigned cpu = 0; cpu < s->model.cpus; cpu++) {
		if (!model_acts(&s->model, cpu))
			scene_start(s, cpu);
		else if (scene_chance(s, 85))
			scene_set_up(s, cpu);
		if (s->page_is_memory)
			scene_leave_default(s, cpu);
	}
}

static unsigned some_cpus(struct scene *s)
{
	static const uint8_t often[] = {1, 2, 2, 2, 2, 3, 3, 4, 4, 4};

	return often[scene_below(s, sizeof(often))];
}

bool generate(const struct generate_config *config, struct program *program)
{
	struct scene s = {.program = program,
			  .limit = config->ops,
			  .random = config->seed,
			  .x2apic = config->x2apic,
			  .tsc_deadline = config->tsc_deadline,
			  .page_is_memory = config->page_is_memory};
	unsigned cpus = some_cpus(&s);

	*program =
		(struct program){.cpus = config->cpus ? config->cpus : cpus, .seed = config->seed};
	program->started = scene_chance(&s, 80);
	s.sleeps = scene_chance(&s, 80);
	model_start(&s.model, program->cpus, program->started, s.x2apic);
	begin(&s);
	while (program->count < s.limit && !s.no_memory) {
		int cpu;

		revive(&s);
		cpu = scene_other(&s, program->cpus);
		if (cpu < 0) {
			/* All are lost but to time. */
			scene_wait(&s, 100);
			continue;
		}
		refresh(&s, (unsigned)cpu);
		play_one(&s, (unsigned)cpu);
	}
	if (s.no_memory)
		program_free(program);
	return !s.no_memory;
}
