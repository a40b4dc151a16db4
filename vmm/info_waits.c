// SPDX-License-Identifier: BSD-2-Clause
// Follows each raised line from the 8259s and the I/O APIC to a processor, and says where it stops.
// Not the history: an edge that was lost, or a message that was sent, has left no trace here.

#include "vmm/info_waits.h"

#include <inttypes.h>
#include <stdarg.h>

#define TPR         0x080u
#define PPR         0x0A0u
#define LDR         0x0D0u
#define DFR         0x0E0u
#define SVR         0x0F0u
#define ISR         0x100u
#define IRR         0x200u
#define LVTT        0x320u
#define LVT0        0x350u
#define TMICT       0x380u

#define BASE_EXTD   0x400u
#define BASE_EN     0x800u
#define SVR_ENABLED 0x100u
#define LVT_MASKED  0x10000u
#define RFLAGS_IF   0x200u
#define MODE_LOWEST 1u
#define MODE_EXTINT 7u
#define DFR_FLAT    0xFu
#define BROADCAST   0xFFu
#define VECTORS     256

#define IRQ_TIMER   0
#define PIN_INTR    0u
#define PIN_TIMER   2u
#define NO_IRQ      (-1)

struct waits {
	const struct info_cpu *cpus;
	unsigned count;
	const struct ioapic *ioapic;
	const struct i8259 *pic;
	enum info_format format;
	FILE *to;
	unsigned said;
};

__attribute__((format(printf, 2, 3))) static void say(struct waits *w, const char *format, ...)
{
	bool json = w->format == INFO_JSON;
	va_list arguments;

	if (json)
		fputs(w->said ? ", \"" : "\"", w->to);
	else
		fputs(w->said ? "  " : "what interrupts wait for:\n  ", w->to);
	va_start(arguments, format);
	vfprintf(w->to, format, arguments);
	va_end(arguments);
	fputc(json ? '"' : '\n', w->to);
	w->said++;
}

/* ---- a processor ---- */

static uint32_t reg(const struct info_cpu *c, unsigned offset)
{
	const uint8_t *b = &c->lapic.image[offset];

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static bool has(const struct info_cpu *c, unsigned set, unsigned vector)
{
	return reg(c, set + vector / 32 * 16) >> vector % 32 & 1;
}

static int highest(const struct info_cpu *c, unsigned set)
{
	for (int vector = VECTORS - 1; vector >= 0; vector--)
		if (has(c, set, (unsigned)vector))
			return vector;
	return -1;
}

static bool interrupts_off(const struct info_cpu *c)
{
	return c->registers.known && !(c->registers.rflags & RFLAGS_IF);
}

static bool turned_on(const struct info_cpu *c)
{
	return c->lapic.known && c->lapic.apic_base & BASE_EN;
}

static bool takes_vectors(const struct info_cpu *c)
{
	return turned_on(c) && reg(c, SVR) & SVR_ENABLED;
}

/* SDM, "Task and Processor Priorities": by classes, and only those above get through. */
static void look_at_irr(struct waits *w, const struct info_cpu *c)
{
	int waits = highest(c, IRR), served = highest(c, ISR);
	unsigned tpr = reg(c, TPR) & 0xFF;

	if (waits < 0)
		return;
	if (served >> 4 >= waits >> 4)
		say(w,
		    "CPU %u: vector %02Xh waits in IRR, as vector %02Xh is in service and has had "
		    "no EOI",
		    c->cpu, (unsigned)waits, (unsigned)served);
	if (tpr >> 4 >= (unsigned)waits >> 4)
		say(w, "CPU %u: vector %02Xh waits in IRR, as TPR is %02Xh and holds it back",
		    c->cpu, (unsigned)waits, tpr);
	if (interrupts_off(c))
		say(w, "CPU %u: vector %02Xh waits in IRR, as interrupts are off (IF=0)", c->cpu,
		    (unsigned)waits);
}

static void look_at_cpu(struct waits *w, const struct info_cpu *c)
{
	if (c->state == VCPU_WAITS_FOR_SIPI)
		return;
	if (c->state == VCPU_HALTED && interrupts_off(c))
		say(w,
		    "CPU %u: halted with interrupts off (IF=0), so that only an NMI, SMI or INIT "
		    "wakes it",
		    c->cpu);
	if (!turned_on(c))
		return;
	look_at_irr(w, c);
	if (reg(c, LVTT) & LVT_MASKED && (reg(c, TMICT) || c->lapic.tsc_deadline))
		say(w, "CPU %u: its LAPIC timer is set, but masked in LVTT", c->cpu);
}

/* ---- an entry of the I/O APIC that is not masked ---- */

static bool is_x2apic(const struct info_cpu *c)
{
	return turned_on(c) && c->lapic.apic_base & BASE_EXTD;
}

/* Clusters are not looked into: there a processor counts as addressed. */
static bool addressed(const struct info_cpu *c, const struct ioapic_entry *e)
{
	if (!c->lapic.known)
		return true;
	if (!e->logical)
		return c->lapic.id == e->dest || (e->dest == BROADCAST && !is_x2apic(c));
	if (is_x2apic(c) || reg(c, DFR) >> 28 != DFR_FLAT)
		return true;
	return reg(c, LDR) >> 24 & e->dest;
}

/* An edge came while nobody looked, or the handler left its device's request standing. */
static void look_for_edge(struct waits *w, const struct info_cpu *c, const struct ioapic_entry *e,
			  unsigned pin)
{
	if (e->level || pin == PIN_TIMER || has(c, IRR, e->vector) || has(c, ISR, e->vector))
		return;
	say(w,
	    "I/O APIC pin %u: its line is high and stays so, and an edge-triggered pin sends only "
	    "when it rises; let the device take its request back first",
	    pin);
}

static void look_at_target(struct waits *w, const struct ioapic_entry *e, unsigned pin)
{
	const struct info_cpu *target = NULL;
	unsigned targets = 0;

	for (unsigned i = 0; i < w->count; i++)
		if (addressed(&w->cpus[i], e)) {
			target = &w->cpus[i];
			targets++;
		}
	if (targets == 0)
		say(w,
		    "I/O APIC pin %u: sends vector %02Xh to %s %02" PRIX32 "h, and no CPU is that",
		    pin, e->vector, e->logical ? "logical destination" : "APIC ID", e->dest);
	if (targets != 1)
		return;
	if (target->state == VCPU_WAITS_FOR_SIPI)
		say(w, "I/O APIC pin %u: sends vector %02Xh to CPU %u, which waits for a SIPI", pin,
		    e->vector, target->cpu);
	else if (target->lapic.known && !takes_vectors(target))
		say(w,
		    "I/O APIC pin %u: sends vector %02Xh to CPU %u, whose Local APIC is disabled "
		    "(SVR bit 8 is 0)",
		    pin, e->vector, target->cpu);
	else if (target->lapic.known)
		look_for_edge(w, target, e, pin);
}

static void look_at_entry(struct waits *w, const struct ioapic_entry *e, unsigned pin)
{
	if (e->mode > MODE_LOWEST)
		return;
	if (e->vector < 16)
		say(w, "I/O APIC pin %u: has vector %02Xh, and no Local APIC takes one below 10h",
		    pin, e->vector);
	else if (e->level && e->remote_irr)
		say(w, "I/O APIC pin %u: waits for an EOI of vector %02Xh (remote IRR is set)", pin,
		    e->vector);
	else
		look_at_target(w, e, pin);
}

/* ---- the 8259s ---- */

static const struct i8259_chip *chip_of(const struct i8259 *pic, int irq)
{
	return irq < 8 ? &pic->master : &pic->slave;
}

static bool chip_blocks(const struct i8259_chip *c, unsigned ir)
{
	return c->step == I8259_POWER_ON || c->imr >> ir & 1;
}

static bool pic_blocks(const struct i8259 *pic, int irq)
{
	if (irq == NO_IRQ || chip_blocks(chip_of(pic, irq), irq & 7))
		return true;
	return irq >= 8 && chip_blocks(&pic->master, I8259_CASCADE);
}

static void look_at_chip(struct waits *w, const struct i8259_chip *c, unsigned first)
{
	unsigned asks = i8259_chip_irr(c) & (unsigned)~c->imr, served = 0;

	if (c->step == I8259_POWER_ON || !asks || !c->isr || i8259_chip_request(c) >= 0)
		return;
	while (!(c->isr >> served & 1))
		served++;
	say(w, "8259: a request waits, as IRQ %u is in service and has had no EOI", first + served);
}

static void look_at_intr(struct waits *w)
{
	const struct info_cpu *c = NULL;

	for (unsigned i = 0; i < w->count; i++)
		if (w->cpus[i].cpu == 0)
			c = &w->cpus[i];
	/* A Local APIC that is turned off leaves its pin to the processor as INTR. */
	if (!w->pic->intr_level || !c || !c->lapic.known ||
	    !ioapic_entry_of(w->ioapic, PIN_INTR).masked)
		return;
	if (turned_on(c) && reg(c, LVT0) & LVT_MASKED)
		say(w,
		    "8259: asks CPU 0 by LINT0, which is masked there; SVR 1FFh and LVT0 700h let "
		    "it through");
	else if (turned_on(c) && (reg(c, LVT0) >> 8 & 7) != MODE_EXTINT)
		say(w,
		    "8259: asks CPU 0 by LINT0, which is not ExtINT there; LVT0 700h makes it so");
	else if (interrupts_off(c))
		say(w, "8259: asks CPU 0, where interrupts are off (IF=0)");
}

/* ---- a line ---- */

static int irq_of(unsigned pin)
{
	if (pin == PIN_TIMER)
		return IRQ_TIMER;
	return pin < I8259_INPUTS ? (int)pin : NO_IRQ;
}

static void say_masked(struct waits *w, unsigned pin, int irq)
{
	if (irq == NO_IRQ)
		say(w, "I/O APIC pin %u: its line is raised, and the pin is masked", pin);
	else if (chip_of(w->pic, irq)->step == I8259_POWER_ON)
		say(w,
		    "IRQ %d: its line is raised, but the 8259 has had no ICW1, and pin %u of the "
		    "I/O APIC is masked",
		    irq, pin);
	else
		say(w,
		    "IRQ %d: its line is raised, but masked in the 8259 and at pin %u of the I/O APIC",
		    irq, pin);
}

static void look_at_pin(struct waits *w, unsigned pin)
{
	struct ioapic_entry e = ioapic_entry_of(w->ioapic, pin);
	int irq = irq_of(pin);
	bool at_pic = irq != NO_IRQ && i8259_chip_irr(chip_of(w->pic, irq)) >> (irq & 7) & 1;

	if (!e.asserted && !at_pic)
		return;
	if (e.masked && pic_blocks(w->pic, irq))
		say_masked(w, pin, irq);
	else if (!e.masked && e.asserted)
		look_at_entry(w, &e, pin);
}

static bool all_sleep(const struct waits *w)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->cpus[i].state == VCPU_RUNNING)
			return false;
	return true;
}

unsigned info_waits_print(const struct info_cpu *cpus, unsigned count, const struct ioapic *ioapic,
			  const struct i8259 *pic, enum info_format format, FILE *to)
{
	struct waits w = {cpus, count, ioapic, pic, format, to, 0};

	if (format == INFO_JSON)
		fputc('[', to);
	for (unsigned i = 0; i < count; i++)
		look_at_cpu(&w, &cpus[i]);
	for (unsigned pin = PIN_INTR + 1; pin < IOAPIC_PINS; pin++)
		look_at_pin(&w, pin);
	look_at_chip(&w, &pic->master, 0);
	look_at_chip(&w, &pic->slave, 8);
	look_at_intr(&w);
	if (!w.said && all_sleep(&w))
		say(&w, "nothing: no line is raised and no vector is pending");
	if (format == INFO_JSON)
		fputc(']', to);
	return w.said;
}
