// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prints the registers for people.
 * Not a format to parse: lapic_save() is for machines.
 */
#include "lapic/state.h"

struct sink {
	void (*put)(void *opaque, const char *text, size_t bytes);
	void *opaque;
};

static void text(const struct sink *sink, const char *string)
{
	size_t bytes = 0;

	while (string[bytes])
		bytes++;
	sink->put(sink->opaque, string, bytes);
}

static void hex(const struct sink *sink, const char *label, uint64_t value, unsigned digits)
{
	char buffer[16];

	text(sink, label);
	for (unsigned i = 0; i < digits; i++)
		buffer[i] = "0123456789abcdef"[value >> (4 * (digits - 1 - i)) & 0xFu];
	sink->put(sink->opaque, buffer, digits);
}

static void vectors(const struct sink *sink, const char *label, const uint32_t *regs)
{
	bool any = false;

	text(sink, label);
	for (unsigned v = 0; v < 256; v++) {
		if (!(regs[v / 32] >> (v % 32) & 1u))
			continue;
		hex(sink, any ? " " : "", v, 2);
		any = true;
	}
	text(sink, any ? "\n" : "none\n");
}

static void lvt(const struct sink *sink, const struct state *s, const char *label, unsigned n)
{
	static const char *const modes[] = {"fixed", "lowest", "SMI",  "reserved 3",
					    "NMI",   "INIT",   "SIPI", "ExtINT"};
	static const char *const timer_modes[] = {"one-shot", "periodic", "TSC-deadline",
						  "reserved"};
	uint32_t value = s->regs[n];

	hex(sink, label, value, 8);
	text(sink, (value & LVT_MASKED) ? " masked " : " ");
	text(sink, n == REG_LVT_TIMER
			   ? timer_modes[(value & LVT_TIMER_MODE) >> LVT_TIMER_MODE_SHIFT]
			   : modes[(value & LVT_MODE) >> LVT_MODE_SHIFT]);
	hex(sink, " vector ", value & LVT_VECTOR, 2);
	text(sink, "\n");
}

void lapic_print(struct lapic *l, void (*put)(void *opaque, const char *text, size_t bytes),
		 void *opaque)
{
	static const char *const modes[] = {"disabled", "xAPIC", "x2APIC"};
	struct sink sink = {put, opaque};
	struct state s;

	state_read(l, &s);
	hex(&sink, "LAPIC ID ", lapic_id(l), 8);
	hex(&sink, " base ", s.apic_base, 16);
	text(&sink, " ");
	text(&sink, modes[l->mode]);
	text(&sink, (s.regs[REG_SVR] & SVR_ENABLED) ? "" : ", software-disabled");
	text(&sink, (s.work & WORK_WAIT_SIPI) ? ", waits for SIPI\n" : "\n");
	hex(&sink, "VERSION ", s.regs[REG_VERSION], 8);
	hex(&sink, " SVR ", s.regs[REG_SVR], 8);
	hex(&sink, " LDR ", s.regs[REG_LDR], 8);
	hex(&sink, " DFR ", s.regs[REG_DFR], 8);
	hex(&sink, "\nTPR ", s.regs[REG_TPR], 2);
	hex(&sink, " PPR ", s.regs[REG_PPR], 2);
	hex(&sink, " ESR ", s.regs[REG_ESR], 2);
	hex(&sink, " (gathering ", s.esr_internal, 2);
	hex(&sink, ") ICR ", (uint64_t)s.regs[REG_ICR_HIGH] << 32 | s.regs[REG_ICR], 16);
	text(&sink, "\n");
	vectors(&sink, "IRR ", &s.regs[REG_IRR]);
	vectors(&sink, "ISR ", &s.regs[REG_ISR]);
	vectors(&sink, "TMR ", &s.regs[REG_TMR]);
	if (l->features & FEATURE_CMCI)
		lvt(&sink, &s, "LVT CMCI    ", REG_LVT_CMCI);
	lvt(&sink, &s, "LVT timer   ", REG_LVT_TIMER);
	lvt(&sink, &s, "LVT thermal ", REG_LVT_THERMAL);
	lvt(&sink, &s, "LVT perf    ", REG_LVT_PERF);
	lvt(&sink, &s, "LVT LINT0   ", REG_LVT_LINT0);
	lvt(&sink, &s, "LVT LINT1   ", REG_LVT_LINT1);
	lvt(&sink, &s, "LVT error   ", REG_LVT_ERROR);
	hex(&sink, "timer TMICT ", s.regs[REG_TMICT], 8);
	hex(&sink, " TMCCT ", s.regs[REG_TMCCT], 8);
	hex(&sink, " DCR ", s.regs[REG_DCR], 1);
	hex(&sink, " deadline ", s.tsc_deadline, 16);
	text(&sink, "\n");
}
