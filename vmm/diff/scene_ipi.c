// SPDX-License-Identifier: BSD-2-Clause
// Scenes of messages: interrupts between processors, from outside, INIT and SIPI, sleep and waking.
// No SMI: hosts without system management mode have nothing to compare.
#include "vmm/diff/scene.h"

#include "vmm/msr_index.h"

static bool any_halted(const struct scene *s)
{
	for (unsigned cpu = 0; cpu < s->model.cpus; cpu++)
		if (s->model.cpu[cpu].halted)
			return true;
	return false;
}

static bool any_waiting(const struct scene *s)
{
	for (unsigned cpu = 0; cpu < s->model.cpus; cpu++)
		if (s->model.cpu[cpu].waiting)
			return true;
	return false;
}

/* Nobody who waits for a SIPI, nor one without a puppet's stack, is given an NMI: that would find
 * real mode. */
static bool nmi_is_safe(const struct scene *s)
{
	return !any_waiting(s);
}

static uint32_t trigger(struct scene *s)
{
	unsigned kind = scene_below(s, 100);

	if (kind < 80)
		return MODEL_ASSERT;
	if (kind < 90)
		return 0;
	return kind < 95 ? MODEL_LEVEL | MODEL_ASSERT : MODEL_LEVEL;
}

/* To itself, by the ICR, or by SELF IPI where the mode has that. */
void scene_self(struct scene *s, unsigned cpu)
{
	bool register_too = s->model.cpu[cpu].mode == FINDING_X2APIC;
	bool later = scene_chance(s, 30);

	if (later && s->model.cpu[cpu].interrupts)
		scene_plain(s, cpu, PROGRAM_CLI);
	for (unsigned i = 1 + scene_below(s, 3); i > 0; i--) {
		uint32_t vector = scene_vector(s);

		if (register_too && scene_chance(s, 50))
			scene_write(s, cpu, MODEL_SELF_IPI, vector);
		else
			scene_icr(s, cpu, 0, MODEL_SELF | MODEL_ASSERT | vector);
	}
	if (later && scene_chance(s, 50))
		scene_read(s, cpu, MODEL_IRR + scene_legal_vector(s) / 32u);
	if (later)
		scene_plain(s, cpu, PROGRAM_STI);
}

static uint32_t physical(struct scene *s, unsigned cpu)
{
	unsigned kind = scene_below(s, 100);
	bool wide = s->model.cpu[cpu].mode == FINDING_X2APIC;

	if (kind < 82)
		return scene_id(s, scene_below(s, s->model.cpus));
	if (kind < 90)
		return wide && scene_chance(s, 70) ? 0xFFFFFFFF : 0xFF;
	if (kind < 96 || !wide)
		return scene_below(s, 256);
	return kind < 98 ? 0x100u + scene_below(s, 4) : (uint32_t)scene_random(s);
}

void scene_physical(struct scene *s, unsigned cpu)
{
	uint32_t dest = physical(s, cpu), low = trigger(s);

	low |= scene_vector(s);
	if (scene_chance(s, 7))
		low |= MODEL_LOWEST << 8;
	scene_icr(s, cpu, dest, low);
	if (scene_chance(s, 15))
		scene_read(s, cpu, MODEL_ICR);
}

/* A logical destination of one or of a few. */
static uint32_t logical(struct scene *s, bool wide)
{
	unsigned kind = scene_below(s, 100);
	uint32_t dest = 0;

	if (kind < 8)
		return wide ? 0xFFFFFFFF : 0xFF;
	if (kind < 16) {
		dest = scene_below(s, 256);
		return wide && scene_chance(s, 40) ? dest << 16 | scene_below(s, 256) : dest;
	}
	for (unsigned i = kind < 60 ? 1 : 2; i > 0; i--) {
		unsigned cpu = scene_below(s, s->model.cpus);
		const struct model_cpu *c = &s->model.cpu[cpu];

		dest |= c->mode == FINDING_X2APIC ? 1u << cpu : c->ldr >> 24;
	}
	return dest;
}

static bool one_bit(unsigned set)
{
	return set && !(set & (set - 1));
}

/* Lowest priority mostly where one alone can win. */
static bool lowest_too(struct scene *s, unsigned cpu, uint32_t dest)
{
	struct model_message message = {.sender = (int)cpu,
					.dest = dest,
					.low = MODEL_LOGICAL,
					.dest32 = s->model.cpu[cpu].mode == FINDING_X2APIC};

	return scene_chance(s, one_bit(model_reaches(&s->model, &message)) ? 30 : 3);
}

void scene_logical(struct scene *s, unsigned cpu)
{
	uint32_t dest = logical(s, s->model.cpu[cpu].mode == FINDING_X2APIC), low = trigger(s);

	low |= MODEL_LOGICAL | scene_vector(s);
	if (lowest_too(s, cpu, dest))
		low |= MODEL_LOWEST << 8;
	scene_icr(s, cpu, dest, low);
	if (scene_chance(s, 10))
		scene_read(s, cpu, MODEL_ICR);
}

void scene_shorthand(struct scene *s, unsigned cpu)
{
	uint32_t low = scene_chance(s, 60) ? MODEL_OTHERS : MODEL_ALL;

	low |= trigger(s);
	low |= scene_vector(s);
	if (scene_chance(s, 10))
		low |= MODEL_LOGICAL;
	scene_icr(s, cpu, 0, low);
}

/* Reserved delivery modes, NMI and lowest priority by the shorthands that take fixed alone, the
 * read-only status bit. */
void scene_odd_icr(struct scene *s, unsigned cpu)
{
	static const uint8_t modes[] = {3, 7, MODEL_LOWEST, MODEL_NMI, MODEL_SIPI, MODEL_INIT};
	uint32_t mode = modes[scene_below(s, sizeof(modes))], low = scene_vector(s);
	uint32_t dest = physical(s, cpu);

	/* KVM remembers mode 011b, once that of a remote read, and ends the next HLT by it. */
	if (mode == 3 && s->sleeps && scene_chance(s, 80))
		mode = 7;

	/* Some of these start or end a sleep on one side alone. */
	if (any_halted(s) || any_waiting(s))
		mode = 7;
	if (mode == MODEL_SIPI)
		low = PROGRAM_SIPI_FIRST + scene_below(s, 0x70);
	if (mode == MODEL_INIT)
		low |= MODEL_LEVEL; /* the old "INIT level de-assert" */
	else
		low |= trigger(s);
	if (mode != MODEL_INIT && scene_chance(s, 50))
		low |= scene_chance(s, 50) ? MODEL_SELF : MODEL_ALL;
	if (scene_chance(s, 30))
		low |= 0x1000;
	if (s->model.cpu[cpu].mode == FINDING_XAPIC && scene_chance(s, 20))
		low |= (uint32_t)scene_random(s) & 0xFFF32000;
	scene_icr(s, cpu, dest, low | mode << 8);
	scene_read(s, cpu, MODEL_ICR);
}

void scene_nmi(struct scene *s, unsigned cpu)
{
	int other = scene_other(s, cpu);
	uint32_t low = MODEL_NMI << 8 | MODEL_ASSERT | scene_below(s, 256);

	if (!nmi_is_safe(s))
		return;
	if (scene_chance(s, 25))
		scene_msi(s, scene_id(s, cpu), false, false, low & 0x7FF);
	else if (other >= 0 && scene_chance(s, 60))
		scene_icr(s, cpu, scene_id(s, (unsigned)other), low);
	else if (scene_chance(s, 70))
		scene_icr(s, cpu, scene_id(s, cpu), low);
	else
		scene_icr(s, cpu, 0, low | MODEL_OTHERS);
}

/* Nobody else has this CPU's ID. Where two have it KVM reaches one alone, and a processor that is
 * reset on one side is not worth that. */
static bool alone(const struct scene *s, unsigned cpu)
{
	struct model_message message = {.sender = -1, .dest = scene_id(s, cpu), .dest32 = true};

	return model_reaches(&s->model, &message) == 1u << cpu;
}

/* SIPI to one, by a CPU or, where none runs, by the host. */
static void sipi(struct scene *s, unsigned cpu)
{
	int sender = scene_other(s, cpu);
	uint32_t low = MODEL_SIPI << 8 | (PROGRAM_SIPI_FIRST + scene_below(s, 0x70));

	if (sender >= 0 && s->model.cpu[sender].mode != FINDING_DISABLED && !alone(s, cpu))
		scene_icr(s, (unsigned)sender, 0, low | MODEL_ASSERT | MODEL_OTHERS);
	else if (sender >= 0 && s->model.cpu[sender].mode != FINDING_DISABLED)
		scene_icr(s, (unsigned)sender, scene_id(s, cpu), low | MODEL_ASSERT);
	else
		scene_msi(s, scene_id(s, cpu), false, false, low);
}

void scene_start(struct scene *s, unsigned cpu)
{
	/* A disabled Local APIC hears no SIPI: nothing can be done for this one. */
	if (s->model.cpu[cpu].mode == FINDING_DISABLED)
		return;
	if (scene_chance(s, 15))
		scene_msi(s, scene_id(s, cpu), false, false, scene_legal_vector(s));
	sipi(s, cpu);
	if (scene_chance(s, 30))
		sipi(s, cpu);
	if (model_acts(&s->model, cpu) && scene_chance(s, 85))
		scene_set_up(s, cpu);
}

void scene_init(struct scene *s, unsigned cpu)
{
	int other = scene_other(s, cpu);
	uint32_t low = MODEL_INIT << 8 | MODEL_ASSERT | scene_below(s, 256);
	unsigned victim = cpu;

	if (scene_chance(s, 30))
		low |= MODEL_LEVEL;
	if (other >= 0 && scene_chance(s, 75))
		victim = (unsigned)other;
	if (scene_chance(s, 40) && model_acts(&s->model, victim))
		scene_pend(s, victim);
	if (victim == cpu && scene_chance(s, 50))
		scene_icr(s, cpu, 0, low | MODEL_SELF);
	else if (scene_chance(s, 15))
		scene_icr(s, cpu, 0, low | (scene_chance(s, 50) ? MODEL_OTHERS : MODEL_ALL));
	else if (!alone(s, victim))
		return;
	else if (scene_chance(s, 15))
		scene_msi(s, scene_id(s, victim), false, false, low & 0xC7FF);
	else
		scene_icr(s, cpu, scene_id(s, victim), low);
	for (unsigned i = 0; i < s->model.cpus; i++)
		if (s->model.cpu[i].waiting && scene_chance(s, 70))
			scene_start(s, i);
	if (model_acts(&s->model, victim) && scene_chance(s, 70))
		scene_set_up(s, victim);
}

void scene_message(struct scene *s, unsigned cpu)
{
	unsigned count = 1 + scene_below(s, 3);

	for (unsigned i = 0; i < count; i++) {
		bool by_logical = scene_chance(s, 40), hint = scene_chance(s, 25);
		uint32_t dest = by_logical ? logical(s, false) & 0xFF : physical(s, cpu) & 0xFF;
		uint32_t data = scene_vector(s);

		if (scene_chance(s, 45))
			data |= MODEL_LEVEL | (scene_chance(s, 85) ? MODEL_ASSERT : 0);
		if (!hint && scene_chance(s, 8))
			data |= MODEL_LOWEST << 8;
		if (by_logical && !lowest_too(s, cpu, dest)) {
			hint = false;
			data &= ~0x700u;
		}
		scene_msi(s, dest, by_logical, hint, data);
	}
	if (scene_chance(s, 40))
		scene_read(s, cpu, MODEL_TMR + s->vectors[scene_below(s, SCENE_VECTORS)] / 32u);
}

/* Any delivery mode and trigger to any destination, by the ICR or as a message. */
void scene_delivery(struct scene *s, unsigned cpu)
{
	static const uint8_t modes[] = {MODEL_FIXED, MODEL_LOWEST, 3,           MODEL_NMI,
					MODEL_INIT,  MODEL_SIPI,   MODEL_EXTINT};
	uint32_t mode = modes[scene_below(s, sizeof(modes))], low = scene_vector(s);
	bool by_logical = scene_chance(s, 50), by_message = scene_chance(s, 50);
	bool wide = !by_message && s->model.cpu[cpu].mode == FINDING_X2APIC;
	uint32_t dest = by_logical ? logical(s, wide) : physical(s, cpu);
	int other = scene_other(s, cpu);

	if (mode == MODEL_NMI && !nmi_is_safe(s))
		return;
	if (other >= 0 && s->model.cpu[other].mode != FINDING_DISABLED && scene_chance(s, 20))
		scene_write(s, (unsigned)other, MODEL_SVR, 0xFF);
	/* As in scene_odd_icr(). */
	if (mode == 3 && s->sleeps && scene_chance(s, 60))
		mode = MODEL_EXTINT;
	if (mode == MODEL_SIPI)
		low = PROGRAM_SIPI_FIRST + scene_below(s, 0x70);
	low |= mode << 8 | (scene_chance(s, 50) ? MODEL_ASSERT : 0);
	low |= scene_chance(s, 50) ? MODEL_LEVEL : 0;
	if (by_message) {
		scene_msi(s, dest, by_logical, scene_chance(s, 20), low);
	} else {
		low |= by_logical ? MODEL_LOGICAL : 0;
		scene_icr(s, cpu, dest, low | (scene_chance(s, 30) ? MODEL_OTHERS : 0));
	}
	for (unsigned i = 0; i < s->model.cpus; i++)
		if (s->model.cpu[i].waiting && scene_chance(s, 70))
			scene_start(s, i);
}

static bool awake(const struct scene *s, unsigned cpu)
{
	return !s->model.cpu[cpu].halted;
}

void scene_wake(struct scene *s, unsigned cpu)
{
	int sender = scene_other(s, cpu);
	uint32_t low = MODEL_ASSERT | scene_legal_vector(s);

	if (sender >= 0 && s->model.cpu[sender].mode != FINDING_DISABLED && scene_chance(s, 75))
		scene_icr(s, (unsigned)sender, scene_id(s, cpu), low);
	else
		scene_msi(s, scene_id(s, cpu), false, false, low & 0xFF);
	if (!awake(s, cpu) && nmi_is_safe(s))
		scene_msi(s, scene_id(s, cpu), false, false, MODEL_NMI << 8);
}

void scene_halt(struct scene *s, unsigned cpu)
{
	const struct model_cpu *c = &s->model.cpu[cpu];
	bool off = scene_chance(s, 8);

	/* Nothing reaches a disabled Local APIC: that would be a sleep for ever. */
	if (!s->sleeps || c->mode == FINDING_DISABLED || (off && !nmi_is_safe(s)))
		return;
	if (!c->enabled)
		scene_write(s, cpu, MODEL_SVR, 0x1FF);
	if (c->tpr >= 0x10 && scene_chance(s, 80))
		scene_write(s, cpu, MODEL_TPR, 0);
	if (off && c->interrupts)
		scene_plain(s, cpu, PROGRAM_CLI);
	else if (!off && !c->interrupts)
		scene_plain(s, cpu, PROGRAM_STI);
	scene_plain(s, cpu, PROGRAM_HLT);
	if (scene_chance(s, 60))
		scene_wake(s, cpu);
}
