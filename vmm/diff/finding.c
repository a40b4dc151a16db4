// SPDX-License-Identifier: BSD-2-Clause
// Findings as sentences, and the names of registers.
// Not where two sides are compared.
#include "vmm/diff/finding.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const register_names[64] = {
	"reg 00h",  "reg 01h",   "ID",          "VERSION",  "reg 04h",   "reg 05h",   "reg 06h",
	"reg 07h",  "TPR",       "APR",         "PPR",      "EOI",       "RRD",       "LDR",
	"DFR",      "SVR",       "ISR0",        "ISR1",     "ISR2",      "ISR3",      "ISR4",
	"ISR5",     "ISR6",      "ISR7",        "TMR0",     "TMR1",      "TMR2",      "TMR3",
	"TMR4",     "TMR5",      "TMR6",        "TMR7",     "IRR0",      "IRR1",      "IRR2",
	"IRR3",     "IRR4",      "IRR5",        "IRR6",     "IRR7",      "ESR",       "reg 29h",
	"reg 2Ah",  "reg 2Bh",   "reg 2Ch",     "reg 2Dh",  "reg 2Eh",   "LVT CMCI",  "ICR",
	"ICR high", "LVT timer", "LVT thermal", "LVT perf", "LVT LINT0", "LVT LINT1", "LVT error",
	"TMICT",    "TMCCT",     "reg 3Ah",     "reg 3Bh",  "reg 3Ch",   "reg 3Dh",   "DCR",
	"SELF IPI",
};

const char *finding_register_name(unsigned reg)
{
	return reg < 64 ? register_names[reg] : "no register";
}

/* One side's answer, in words where the field has some. */
static void answer(const struct finding *finding, uint64_t value, char text[32])
{
	static const char *const states[] = {"running", "halted", "waits for SIPI", "lost"};

	switch (finding->field) {
	case FINDING_FAULT:
		if (value == FINDING_NO_FAULT)
			snprintf(text, 32, "none");
		else if (value == 13)
			snprintf(text, 32, "#GP");
		else
			snprintf(text, 32, "exception %" PRIu64, value);
		return;
	case FINDING_ARRIVED:
	case FINDING_EOI:
		if (value == FINDING_NOTHING)
			snprintf(text, 32, "none");
		else if (value == 2 && finding->field == FINDING_ARRIVED)
			snprintf(text, 32, "NMI");
		else if (value == FINDING_EXTINT)
			snprintf(text, 32, "ExtINT");
		else if ((value & ~UINT64_C(0xFF)) == FINDING_STARTED)
			snprintf(text, 32, "started at page %02" PRIX64 "h", value & 0xFF);
		else
			snprintf(text, 32, "vector %02" PRIX64 "h", value);
		return;
	case FINDING_STATE:
		if (value <= FINDING_LOST)
			snprintf(text, 32, "%s", states[value]);
		else
			snprintf(text, 32, "state %" PRIu64, value);
		return;
	case FINDING_NMI: snprintf(text, 32, "%s", value ? "one" : "none"); return;
	case FINDING_COUNT: snprintf(text, 32, "%" PRIu64, value); return;
	case FINDING_REGISTER: snprintf(text, 32, "%08" PRIX64, value); return;
	default: snprintf(text, 32, "%" PRIX64 "h", value); return;
	}
}

static void subject(const struct finding *finding, char text[48])
{
	static const char *const names[FINDING_FIELDS] = {
		[FINDING_VALUE] = "value read by",
		[FINDING_FAULT] = "exception on",
		[FINDING_STATE] = "state of",
		[FINDING_NMI] = "NMI kept for",
		[FINDING_BASE] = "IA32_APIC_BASE of",
		[FINDING_DEADLINE] = "IA32_TSC_DEADLINE of",
		[FINDING_COUNT] = "TMCCT by the clock of",
	};

	if (finding->field == FINDING_REGISTER)
		snprintf(text, 48, "%s of", finding_register_name(finding->reg));
	else if (finding->field == FINDING_ARRIVED)
		snprintf(text, 48, "interrupt %u of the step on", finding->n + 1);
	else if (finding->field == FINDING_EOI)
		snprintf(text, 48, "EOI %u of the step from", finding->n + 1);
	else
		snprintf(text, 48, "%s", names[finding->field]);
}

static void text_of_ours(const struct finding *finding, char text[160])
{
	unsigned cpu = finding->cpu;

	switch ((enum finding_ours)finding->n) {
	case FINDING_REFUSED:
		snprintf(text, 160, "refused by CPU %u of ours, and yet %s changed to %08" PRIX64,
			 cpu, finding_register_name(finding->reg), finding->ours);
		return;
	case FINDING_NOBODY:
		snprintf(text, 160, "a lowest-priority interrupt went to nobody in ours");
		return;
	case FINDING_SEVERAL:
		snprintf(text, 160,
			 "a lowest-priority interrupt went to %" PRIu64 " processors of ours",
			 finding->ours);
		return;
	case FINDING_UNMEANT:
		snprintf(text, 160,
			 "CPU %u of ours took an interrupt that is not for it, or while disabled",
			 cpu);
		return;
	case FINDING_TRIGGER:
		snprintf(text, 160, "CPU %u of ours took an interrupt as %s-triggered", cpu,
			 finding->ours ? "level" : "edge");
		return;
	case FINDING_HIGHER:
		snprintf(text, 160,
			 "a lowest-priority interrupt went to CPU %u of ours, though another's "
			 "PPR is lower",
			 cpu);
		return;
	case FINDING_OVERDUE:
		snprintf(text, 160, "the timer of CPU %u of ours is due, and does not run out",
			 cpu);
		return;
	case FINDING_NO_REST:
		snprintf(text, 160, "the step does not end, and no periodic timer is to blame");
		return;
	}
	text[0] = '\0';
}

void finding_text(const struct finding *finding, char text[160])
{
	char what[48], ours[32], kvm[32];

	if (finding->field == FINDING_OURS) {
		text_of_ours(finding, text);
		return;
	}
	subject(finding, what);
	answer(finding, finding->ours, ours);
	answer(finding, finding->kvm, kvm);
	snprintf(text, 160, "%s CPU %u: ours %s, KVM %s", what, finding->cpu, ours, kvm);
}
