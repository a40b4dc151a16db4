// SPDX-License-Identifier: BSD-2-Clause
// Prints a register image of a Local APIC three ways.
// The columns and words are those that tools and eyes know; what a bit means is the SDM's.

#include "vmm/info_lapic.h"

#include <inttypes.h>

#define ID      0x020u
#define VERSION 0x030u
#define TPR     0x080u
#define APR     0x090u
#define PPR     0x0A0u
#define RRR     0x0C0u
#define LDR     0x0D0u
#define DFR     0x0E0u
#define SVR     0x0F0u
#define ISR     0x100u
#define TMR     0x180u
#define IRR     0x200u
#define ESR     0x280u
#define CMCI    0x2F0u
#define ICR     0x300u
#define ICR2    0x310u
#define LVTT    0x320u
#define LVTTHMR 0x330u
#define LVTPC   0x340u
#define LVT0    0x350u
#define LVT1    0x360u
#define LVTERR  0x370u
#define TMICT   0x380u
#define TMCCT   0x390u
#define TDCR    0x3E0u

/* IA32_APIC_BASE. */
#define BASE_EXTD 0x400u
#define BASE_EN   0x800u

/* SDM, "Local Vector Table" and "Interrupt Command Register (ICR)". */
#define PENDING       0x1000u
#define ACTIVE_LOW    0x2000u
#define LEVEL         0x8000u
#define MASKED        0x10000u
#define LOGICAL       0x800u
#define ASSERT        0x4000u
#define MODE_NMI      4u
#define SVR_ENABLED   0x100u
#define SVR_FOCUS_OFF 0x200u
#define VERSION_XAPIC 0x14u

static uint32_t reg(const struct info_lapic *l, unsigned offset)
{
	const uint8_t *b = &l->image[offset];

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static bool has(const struct info_lapic *l, unsigned set, unsigned vector)
{
	return reg(l, set + vector / 32 * 16) >> vector % 32 & 1;
}

static bool is_x2apic(const struct info_lapic *l)
{
	return (l->apic_base & (BASE_EN | BASE_EXTD)) == (BASE_EN | BASE_EXTD);
}

static unsigned highest_lvt(const struct info_lapic *l)
{
	return reg(l, VERSION) >> 16 & 0xFF;
}

/* ---- QEMU ---- */

static unsigned divisor(const struct info_lapic *l)
{
	unsigned bits = (reg(l, TDCR) & 3) | (reg(l, TDCR) >> 1 & 4);

	return bits == 7 ? 1 : 2u << bits;
}

static const char *timer_mode(uint32_t lvt)
{
	static const char *const modes[] = {"one-shot", "periodic", "tsc-deadline", "reserved"};

	return modes[lvt >> 17 & 3];
}

static void qemu_lvt(const struct info_lapic *l, const char *name, unsigned offset, FILE *to)
{
	static const char *const modes[] = {"Fixed", "...",  "SMI", "...",
					    "NMI",   "INIT", "...", "ExtINT"};
	uint32_t lvt = reg(l, offset);
	unsigned mode = lvt >> 8 & 7;

	fprintf(to, "%s\t 0x%08" PRIx32 " %s %-5s %-6s %-7s %-12s %-6s", name, lvt,
		lvt & ACTIVE_LOW ? "active-lo" : "active-hi", lvt & LEVEL ? "level" : "edge",
		lvt & MASKED ? "masked" : "", lvt & PENDING ? "pending" : "",
		offset == LVTT ? timer_mode(lvt) : "", modes[mode]);
	if (mode == MODE_NMI)
		fputc('\n', to);
	else
		fprintf(to, " (vec %u)\n", (unsigned)(lvt & 0xFF));
}

static void mask(uint32_t bits, unsigned width, FILE *to)
{
	while (width--)
		fputc('0' + (char)(bits >> width & 1), to);
}

/* Whom the last IPI without a shorthand was for. */
static void qemu_destination(const struct info_lapic *l, FILE *to)
{
	bool x2apic = is_x2apic(l);
	const char *kind = x2apic ? "X2APIC ID" : "APIC ID";
	uint32_t dest = x2apic ? reg(l, ICR2) : reg(l, ICR2) >> 24;
	unsigned low = x2apic ? 16 : 4;

	if (!(reg(l, ICR) & LOGICAL)) {
		fprintf(to, " cpu %" PRIu32 " (%s)", dest, kind);
		return;
	}
	if (!x2apic && reg(l, DFR) >> 28 == 0xF) {
		fputs(" mask ", to);
		mask(dest, 8, to);
	} else {
		fprintf(to, " cluster %" PRIu32 " mask ", dest >> low);
		mask(dest, low, to);
	}
	fprintf(to, " (%s)", kind);
}

static void qemu_icr(const struct info_lapic *l, FILE *to)
{
	static const char *const shorthands[] = {"no-shorthand", "self", "all-self", "all"};
	uint32_t icr = reg(l, ICR);

	fprintf(to, "ICR\t 0x%08" PRIx32 " %s %s %s %s\n", icr,
		icr & LOGICAL ? "logical" : "physical", icr & LEVEL ? "level" : "edge",
		icr & ASSERT ? "assert" : "de-assert", shorthands[icr >> 18 & 3]);
	fprintf(to, "ICR2\t 0x%08" PRIx32, reg(l, ICR2));
	if (!(icr >> 18 & 3))
		qemu_destination(l, to);
	fputc('\n', to);
}

static void qemu_vectors(const struct info_lapic *l, const char *name, unsigned set, FILE *to)
{
	bool any = false;

	fprintf(to, "%s\t", name);
	for (unsigned v = 0; v < 256; v++) {
		if (!has(l, set, v))
			continue;
		any = true;
		fprintf(to, " %u%s", v, has(l, TMR, v) ? "(level)" : "");
	}
	fputs(any ? "\n" : " (none)\n", to);
}

static void print_qemu(const struct info_lapic *l, unsigned cpu, FILE *to)
{
	uint32_t svr = reg(l, SVR);
	/* In xAPIC mode the register's upper byte. */
	unsigned shift = is_x2apic(l) ? 0 : 24;

	fprintf(to, "dumping local APIC state for CPU %u (APIC ID %" PRIu32 ", %s)\n\n", cpu, l->id,
		!(l->apic_base & BASE_EN) ? "disabled"
		: is_x2apic(l)            ? "x2APIC"
					  : "xAPIC");
	qemu_lvt(l, "LVT0", LVT0, to);
	qemu_lvt(l, "LVT1", LVT1, to);
	qemu_lvt(l, "LVTPC", LVTPC, to);
	qemu_lvt(l, "LVTERR", LVTERR, to);
	qemu_lvt(l, "LVTTHMR", LVTTHMR, to);
	qemu_lvt(l, "LVTT", LVTT, to);
	if (highest_lvt(l) >= 6)
		qemu_lvt(l, "LVTCMCI", CMCI, to);
	fprintf(to,
		"Timer\t DCR=0x%" PRIx32 " (divide by %u) initial_count = %" PRIu32
		" current_count = %" PRIu32 " tsc_deadline = %" PRIu64 "\n",
		reg(l, TDCR), divisor(l), reg(l, TMICT), reg(l, TMCCT), l->tsc_deadline);
	fprintf(to, "SPIV\t 0x%08" PRIx32 " APIC %s, focus=%s, spurious vec %u\n", svr,
		svr & SVR_ENABLED ? "enabled" : "disabled", svr & SVR_FOCUS_OFF ? "off" : "on",
		(unsigned)(svr & 0xFF));
	qemu_icr(l, to);
	fprintf(to, "ESR\t 0x%08" PRIx32 "\n", reg(l, ESR));
	qemu_vectors(l, "ISR", ISR, to);
	qemu_vectors(l, "IRR", IRR, to);
	fprintf(to,
		"\nAPR 0x%02" PRIx32 " TPR 0x%02" PRIx32 " DFR 0x%02" PRIx32 " LDR 0x%02" PRIx32
		" PPR 0x%02" PRIx32 "\n",
		reg(l, APR), reg(l, TPR), reg(l, DFR) >> 28, reg(l, LDR) >> shift, reg(l, PPR));
}

/* ---- Linux ---- */

static void linux_set(const struct info_lapic *l, const char *name, unsigned set, FILE *to)
{
	fprintf(to, "... APIC %s field:\n", name);
	for (unsigned i = 0; i < 8; i++)
		fprintf(to, "%08" PRIx32, reg(l, set + i * 16));
	fputc('\n', to);
}

static void linux_reg(const struct info_lapic *l, const char *name, unsigned offset, FILE *to)
{
	fprintf(to, "... APIC %s: %08" PRIx32 "\n", name, reg(l, offset));
}

static void print_linux(const struct info_lapic *l, unsigned cpu, FILE *to)
{
	unsigned highest = highest_lvt(l);

	fprintf(to, "printing local APIC contents on CPU#%u/%" PRIu32 ":\n", cpu, l->id);
	fprintf(to, "... APIC ID:      %08" PRIx32 " (%01" PRIx32 ")\n", reg(l, ID), l->id);
	linux_reg(l, "VERSION", VERSION, to);
	fprintf(to, "... APIC TASKPRI: %08" PRIx32 " (%02" PRIx32 ")\n", reg(l, TPR),
		reg(l, TPR) & 0xFF);
	if ((reg(l, VERSION) & 0xFF) < VERSION_XAPIC)
		fprintf(to, "... APIC ARBPRI: %08" PRIx32 " (%02" PRIx32 ")\n", reg(l, APR),
			reg(l, APR) & 0xFF);
	linux_reg(l, "PROCPRI", PPR, to);
	if (highest == 3)
		linux_reg(l, "RRR", RRR, to);
	linux_reg(l, "LDR", LDR, to);
	if (!is_x2apic(l))
		linux_reg(l, "DFR", DFR, to);
	linux_reg(l, "SPIV", SVR, to);
	linux_set(l, "ISR", ISR, to);
	linux_set(l, "TMR", TMR, to);
	linux_set(l, "IRR", IRR, to);
	linux_reg(l, "ESR", ESR, to);
	linux_reg(l, "ICR", ICR, to);
	linux_reg(l, "ICR2", ICR2, to);
	linux_reg(l, "LVTT", LVTT, to);
	if (highest > 3)
		linux_reg(l, "LVTPC", LVTPC, to);
	linux_reg(l, "LVT0", LVT0, to);
	linux_reg(l, "LVT1", LVT1, to);
	if (highest > 2)
		linux_reg(l, "LVTERR", LVTERR, to);
	linux_reg(l, "TMICT", TMICT, to);
	linux_reg(l, "TMCCT", TMCCT, to);
	linux_reg(l, "TDCR", TDCR, to);
}

/* ---- JSON ---- */

static void json_set(const struct info_lapic *l, const char *name, unsigned set, FILE *to)
{
	const char *before = "";

	fprintf(to, ", \"%s\": [", name);
	for (unsigned v = 0; v < 256; v++)
		if (has(l, set, v)) {
			fprintf(to, "%s%u", before, v);
			before = ", ";
		}
	fputc(']', to);
}

static void print_json(const struct info_lapic *l, FILE *to)
{
	static const struct {
		const char *name;
		unsigned offset;
	} rows[] = {
		{"version", VERSION},
		{"tpr", TPR},
		{"apr", APR},
		{"ppr", PPR},
		{"ldr", LDR},
		{"dfr", DFR},
		{"svr", SVR},
		{"esr", ESR},
		{"icr", ICR},
		{"icr2", ICR2},
		{"lvt_timer", LVTT},
		{"lvt_thermal", LVTTHMR},
		{"lvt_perf", LVTPC},
		{"lvt_lint0", LVT0},
		{"lvt_lint1", LVT1},
		{"lvt_error", LVTERR},
		{"initial_count", TMICT},
		{"current_count", TMCCT},
		{"divide", TDCR},
	};

	fprintf(to, "{\"id\": %" PRIu32 ", \"mode\": \"%s\", \"apic_base\": \"0x%" PRIx64 "\"",
		l->id,
		!(l->apic_base & BASE_EN) ? "disabled"
		: is_x2apic(l)            ? "x2apic"
					  : "xapic",
		l->apic_base);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(to, ", \"%s\": %" PRIu32, rows[i].name, reg(l, rows[i].offset));
	if (highest_lvt(l) >= 6)
		fprintf(to, ", \"lvt_cmci\": %" PRIu32, reg(l, CMCI));
	json_set(l, "isr", ISR, to);
	json_set(l, "irr", IRR, to);
	json_set(l, "tmr", TMR, to);
	/* A string: JSON numbers end at 2^53. */
	fprintf(to, ", \"tsc_deadline\": \"%" PRIu64 "\"}", l->tsc_deadline);
}

void info_lapic_print(const struct info_lapic *l, unsigned cpu, enum info_format format, FILE *to)
{
	if (!l->known) {
		if (format == INFO_JSON)
			fputs("null", to);
		else
			fprintf(to, "the Local APIC of CPU %u: KVM does not tell its state\n", cpu);
		return;
	}
	switch (format) {
	case INFO_QEMU: print_qemu(l, cpu, to); return;
	case INFO_LINUX: print_linux(l, cpu, to); return;
	case INFO_JSON: print_json(l, to); return;
	}
}
