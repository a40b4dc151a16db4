// SPDX-License-Identifier: BSD-2-Clause
// Scenes of the timer: far counts that a program never sees the end of, near ones that are waited
// for. Not counts that run out at a moment of chance: those prove nothing.
#include "vmm/diff/scene.h"

#include "vmm/msr_index.h"

#define BUS_PER_US 1000u

/* Ten seconds and more, whatever of these divisors is in force when. */
#define FAR_DIVIDE_MIN 4u
#define FAR_COUNT_MIN  0xE0000000u

static void set_divide(struct scene *s, unsigned cpu, unsigned divide)
{
	scene_write(s, cpu, MODEL_DCR, model_dcr(divide));
}

static unsigned any_divide(struct scene *s)
{
	return 1u << scene_below(s, 8);
}

static unsigned far_divide(struct scene *s)
{
	return FAR_DIVIDE_MIN << scene_below(s, 6);
}

static void set_lvt(struct scene *s, unsigned cpu, uint32_t mode, unsigned masked_percent)
{
	uint32_t value = mode | scene_vector(s);

	if (scene_chance(s, masked_percent))
		value |= MODEL_MASKED;
	scene_write(s, cpu, MODEL_LVT_TIMER, value);
}

static uint32_t counting_mode(struct scene *s)
{
	return scene_chance(s, 50) ? MODEL_TIMER_PERIODIC : 0;
}

static bool can_count(struct scene *s, unsigned cpu)
{
	if (s->model.cpu[cpu].mode != FINDING_DISABLED)
		return true;
	scene_read(s, cpu, MODEL_TMCCT);
	return false;
}

static void stop(struct scene *s, unsigned cpu)
{
	scene_write(s, cpu, MODEL_TMICT, 0);
}

static void arm_far(struct scene *s, unsigned cpu)
{
	const struct model_cpu *c = &s->model.cpu[cpu];

	if (c->counting)
		stop(s, cpu);
	if (c->divide < FAR_DIVIDE_MIN || scene_chance(s, 30))
		set_divide(s, cpu, far_divide(s));
	if (c->lvt_timer & MODEL_TIMER_DEADLINE || scene_chance(s, 60))
		set_lvt(s, cpu, counting_mode(s), 30);
	scene_write(s, cpu, MODEL_TMICT, FAR_COUNT_MIN + scene_below(s, 0x20000000));
}

/* What may happen to a count on its way. */
static void disturb(struct scene *s, unsigned cpu)
{
	const struct model_cpu *c = &s->model.cpu[cpu];

	switch (scene_below(s, 7)) {
	case 0: set_divide(s, cpu, far_divide(s)); return;
	case 1:
		set_divide(s, cpu, 1u << scene_below(s, 2));
		scene_read(s, cpu, MODEL_TMCCT);
		set_divide(s, cpu, far_divide(s));
		return;
	case 2: set_lvt(s, cpu, counting_mode(s), 30); return;
	case 3:
		set_lvt(s, cpu, MODEL_TIMER_DEADLINE | counting_mode(s), 30);
		scene_read(s, cpu, MODEL_TMICT);
		scene_write(s, cpu, MODEL_TMICT, FAR_COUNT_MIN);
		return;
	case 4:
		/* A switch to x2APIC keeps it. */
		if (s->x2apic && c->mode == FINDING_XAPIC)
			scene_wrmsr(s, cpu, MSR_IA32_APIC_BASE, c->base | MODEL_EXTD);
		return;
	case 5:
		scene_write(s, cpu, MODEL_SVR, 0xFF);
		scene_read(s, cpu, MODEL_TMCCT);
		scene_write(s, cpu, MODEL_SVR, 0x1FF);
		return;
	default:
		scene_write(s, cpu, MODEL_TMICT, FAR_COUNT_MIN + scene_below(s, 0x20000000));
		return;
	}
}

void scene_far_timer(struct scene *s, unsigned cpu)
{
	if (!can_count(s, cpu))
		return;
	/* What counts may be the rest of a near one. */
	if (!s->model.cpu[cpu].counting || s->model.cpu[cpu].divide < FAR_DIVIDE_MIN ||
	    scene_chance(s, 20))
		arm_far(s, cpu);
	scene_read(s, cpu, scene_chance(s, 80) ? MODEL_TMCCT : MODEL_TMICT);
	if (scene_chance(s, 70))
		disturb(s, cpu);
	scene_read(s, cpu, MODEL_TMCCT);
	if (scene_chance(s, 30)) {
		stop(s, cpu);
		scene_read(s, cpu, MODEL_TMCCT);
	}
}

static void arm(struct scene *s, unsigned cpu, uint32_t lvt, unsigned us)
{
	unsigned divide = any_divide(s);
	uint32_t count = us * BUS_PER_US / divide;

	if (s->model.cpu[cpu].counting)
		stop(s, cpu);
	scene_write(s, cpu, MODEL_LVT_TIMER, lvt);
	set_divide(s, cpu, divide);
	scene_write(s, cpu, MODEL_TMICT, count ? count : 1);
}

/* So near that whoever compares waits for it. */
static unsigned near_us(struct scene *s)
{
	return 10 + scene_below(s, 990);
}

static void enable(struct scene *s, unsigned cpu)
{
	if (!s->model.cpu[cpu].enabled)
		scene_write(s, cpu, MODEL_SVR, 0x1FF);
}

void scene_short_timer(struct scene *s, unsigned cpu)
{
	uint32_t lvt = scene_vector(s);
	bool masked = scene_chance(s, 20);

	if (!can_count(s, cpu))
		return;
	enable(s, cpu);
	if (scene_chance(s, 40))
		scene_plain(s, cpu, scene_chance(s, 50) ? PROGRAM_CLI : PROGRAM_STI);
	arm(s, cpu, masked ? lvt | MODEL_MASKED : lvt, near_us(s));
	if (scene_chance(s, 30))
		scene_wait(s, 2000);
	if (scene_chance(s, 50))
		scene_read(s, cpu, MODEL_TMCCT);
	/* Unmasked or made periodic too late: nothing comes. */
	if (masked && scene_chance(s, 70))
		scene_write(s, cpu, MODEL_LVT_TIMER, lvt);
	else if (scene_chance(s, 20))
		set_lvt(s, cpu, MODEL_TIMER_PERIODIC, 20);
	if (scene_chance(s, 30))
		set_divide(s, cpu, any_divide(s));
	if (scene_chance(s, 70))
		stop(s, cpu);
	if (!s->model.cpu[cpu].interrupts && scene_chance(s, 70))
		scene_plain(s, cpu, PROGRAM_STI);
}

/* It wakes the sleeper, or else what wakes all does. */
void scene_timed_sleep(struct scene *s, unsigned cpu)
{
	uint32_t lvt = scene_legal_vector(s);

	if (!s->sleeps || !can_count(s, cpu))
		return;
	enable(s, cpu);
	scene_write(s, cpu, MODEL_TPR, 0);
	scene_plain(s, cpu, PROGRAM_STI);
	arm(s, cpu, lvt, 8000);
	scene_plain(s, cpu, PROGRAM_HLT);
	scene_wait(s, 10000);
	scene_wake(s, cpu);
	stop(s, cpu);
}

/* Any number of periods is one interrupt for a processor that does not look; what is read or done
 * lies well between two. */
void scene_periodic(struct scene *s, unsigned cpu)
{
	uint32_t lvt = MODEL_TIMER_PERIODIC | scene_legal_vector(s);
	unsigned us = 10000 + scene_below(s, 5000), periods = 1 + scene_below(s, 2);

	if (!can_count(s, cpu))
		return;
	enable(s, cpu);
	scene_plain(s, cpu, scene_chance(s, 40) ? PROGRAM_CLI : PROGRAM_STI);
	arm(s, cpu, lvt, us);
	scene_wait(s, us * periods + us * 2 / 5);
	if (scene_chance(s, 50))
		scene_read(s, cpu, MODEL_TMCCT);
	if (scene_chance(s, 30))
		scene_write(s, cpu, MODEL_LVT_TIMER, lvt ^ MODEL_TIMER_PERIODIC);
	stop(s, cpu);
	scene_read(s, cpu, MODEL_TMCCT);
	if (!s->model.cpu[cpu].interrupts && scene_chance(s, 80))
		scene_plain(s, cpu, PROGRAM_STI);
}

/* Changed well before it runs out: the new vector, mask, count or divisor is what counts. */
void scene_rearm(struct scene *s, unsigned cpu)
{
	uint32_t first = scene_legal_vector(s), second = scene_legal_vector(s);

	if (!can_count(s, cpu))
		return;
	enable(s, cpu);
	arm(s, cpu, first, 20000);
	scene_wait(s, 5000);
	switch (scene_below(s, 5)) {
	case 0: scene_write(s, cpu, MODEL_LVT_TIMER, second); break;
	case 1: scene_write(s, cpu, MODEL_LVT_TIMER, first | MODEL_MASKED); break;
	case 2:
		/* Twice as fast: it ends early. */
		if (s->model.cpu[cpu].divide > 1)
			set_divide(s, cpu, s->model.cpu[cpu].divide / 2);
		break;
	case 3: stop(s, cpu); break;
	default:
		scene_write(s, cpu, MODEL_TMICT, 20000 * BUS_PER_US / s->model.cpu[cpu].divide);
		scene_wait(s, 10000);
		break;
	}
	scene_read(s, cpu, MODEL_TMCCT);
	scene_wait(s, 30000);
	scene_read(s, cpu, MODEL_TMCCT);
	stop(s, cpu);
}

static void relative(struct scene *s, unsigned cpu, int64_t ticks)
{
	scene_op(s, (struct program_op){.kind = PROGRAM_DEADLINE,
					.cpu = (uint8_t)cpu,
					.value = (uint64_t)ticks});
}

/* Half a minute and more at 8 GHz, and less than KVM's product of ticks and ns can hold. */
#define FAR_TICKS (INT64_C(1) << 38)

static void arm_deadline(struct scene *s, unsigned cpu)
{
	static const uint64_t far_away[] = {UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX >> 1};

	switch (scene_below(s, 10)) {
	case 0:
	case 1:
	case 2: relative(s, cpu, FAR_TICKS + (int64_t)scene_below(s, 1u << 31)); return;
	case 3: relative(s, cpu, -(int64_t)scene_below(s, 1u << 30)); return;
	case 4: scene_wrmsr(s, cpu, MSR_IA32_TSC_DEADLINE, 1 + scene_below(s, 1000)); return;
	case 5: scene_wrmsr(s, cpu, MSR_IA32_TSC_DEADLINE, 0); return;
	case 6:
		/* Taken back at once, for who overflows has no moment of its own. */
		scene_wrmsr(s, cpu, MSR_IA32_TSC_DEADLINE, far_away[scene_below(s, 3)]);
		scene_rdmsr(s, cpu, MSR_IA32_TSC_DEADLINE);
		scene_wrmsr(s, cpu, MSR_IA32_TSC_DEADLINE, 0);
		return;
	default:
		relative(s, cpu, 10000 + (int64_t)scene_below(s, 990000));
		if (scene_chance(s, 30))
			scene_wait(s, 2000);
		return;
	}
}

void scene_deadline(struct scene *s, unsigned cpu)
{
	if (!s->tsc_deadline || scene_chance(s, 10)) {
		scene_wrmsr(s, cpu, MSR_IA32_TSC_DEADLINE, scene_random(s));
		scene_rdmsr(s, cpu, MSR_IA32_TSC_DEADLINE);
		return;
	}
	if (!can_count(s, cpu))
		return;
	enable(s, cpu);
	if (scene_chance(s, 20))
		scene_plain(s, cpu, PROGRAM_CLI);
	if (!(s->model.cpu[cpu].lvt_timer & MODEL_TIMER_DEADLINE) || scene_chance(s, 50))
		set_lvt(s, cpu, MODEL_TIMER_DEADLINE, 20);
	arm_deadline(s, cpu);
	scene_rdmsr(s, cpu, MSR_IA32_TSC_DEADLINE);
	if (scene_chance(s, 30))
		set_lvt(s, cpu, scene_chance(s, 50) ? counting_mode(s) : MODEL_TIMER_DEADLINE, 20);
	if (scene_chance(s, 40))
		scene_rdmsr(s, cpu, MSR_IA32_TSC_DEADLINE);
	if (!s->model.cpu[cpu].interrupts && scene_chance(s, 60))
		scene_plain(s, cpu, PROGRAM_STI);
}
