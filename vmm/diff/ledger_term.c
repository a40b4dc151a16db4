// SPDX-License-Identifier: BSD-2-Clause
// The terms by which a ledger's entries know a finding: one row for each key.
// Not how terms make up an entry: ledger_read.c.
#include "vmm/diff/ledger_term.h"

#include <stdio.h>
#include <string.h>

#include "vmm/diff/ledger_word.h"
#include "vmm/msr_index.h"

#define REGISTERS        64u
#define OPS_NARROW       8
#define REGISTERS_NARROW 32
#define REG_EOI          0x0Bu
#define REG_ISR          0x10u
#define REG_ESR          0x28u
#define REG_ICR          0x30u

struct ledger_key {
	const char *name;
	bool (*read)(struct ledger_term *term, const char *text); /* NULL: a flag */
	bool (*holds)(const struct ledger_term *term, const struct finding *finding);
	bool narrow;
};

static bool is_page(const struct program_op *op)
{
	return op->kind == PROGRAM_READ || op->kind == PROGRAM_WRITE;
}

static bool is_msr(const struct program_op *op)
{
	return op->kind == PROGRAM_RDMSR || op->kind == PROGRAM_WRMSR;
}

/* The register that the operation names, or REGISTERS. */
static unsigned operand(const struct program_op *op)
{
	if (is_page(op) && op->where >> 4 < REGISTERS)
		return op->where >> 4;
	if (is_msr(op) && op->where >= MSR_X2APIC_FIRST && op->where < MSR_X2APIC_FIRST + REGISTERS)
		return op->where - MSR_X2APIC_FIRST;
	if (op->kind == PROGRAM_EOI)
		return REG_EOI;
	return REGISTERS;
}

static uint64_t meaning(const struct ledger_term *term, const struct finding *finding)
{
	switch (term->symbol) {
	case SYMBOL_VALUE: return finding->op->value;
	case SYMBOL_VECTOR: return finding->op->value & 0xFF;
	case SYMBOL_STARTED: return FINDING_STARTED | (finding->op->value & 0xFF);
	case SYMBOL_LVT_ERROR: return finding->lvt_error & 0xFF;
	case SYMBOL_LVT_TIMER: return finding->lvt_timer & 0xFF;
	case SYMBOL_SPURIOUS: return finding->svr & 0xFF;
	default: return term->a;
	}
}

static bool masked(const struct ledger_term *term, uint64_t want, uint64_t value)
{
	return ((want ^ value) & term->b) == 0;
}

static bool in_set(const struct ledger_term *term, unsigned member)
{
	return member < REGISTERS && (term->a >> member & 1);
}

static bool field_holds(const struct ledger_term *term, const struct finding *finding)
{
	return in_set(term, finding->field);
}

static bool op_holds(const struct ledger_term *term, const struct finding *finding)
{
	return in_set(term, finding->op->kind);
}

static bool at_holds(const struct ledger_term *term, const struct finding *finding)
{
	return finding->field == FINDING_REGISTER && in_set(term, finding->reg);
}

static bool to_holds(const struct ledger_term *term, const struct finding *finding)
{
	return in_set(term, operand(finding->op));
}

static bool has_where(const struct program_op *op)
{
	return is_page(op) || is_msr(op) || op->kind == PROGRAM_MSI;
}

static bool where_range_holds(const struct ledger_term *term, const struct finding *finding)
{
	return has_where(finding->op) && finding->op->where >= term->a &&
	       finding->op->where <= term->b;
}

static bool where_mask_holds(const struct ledger_term *term, const struct finding *finding)
{
	return has_where(finding->op) && masked(term, term->a, finding->op->where);
}

static bool value_holds(const struct ledger_term *term, const struct finding *finding)
{
	return masked(term, meaning(term, finding), finding->op->value);
}

static bool ours_holds(const struct ledger_term *term, const struct finding *finding)
{
	return masked(term, meaning(term, finding), finding->ours);
}

static bool kvm_holds(const struct ledger_term *term, const struct finding *finding)
{
	return masked(term, meaning(term, finding), finding->kvm);
}

static bool bits_hold(const struct ledger_term *term, const struct finding *finding)
{
	uint64_t differ = finding->ours ^ finding->kvm, vector = meaning(term, finding);

	if (term->symbol == SYMBOL_NUMBER)
		return (differ & ~term->a) == 0;
	/* Sets of vectors are eight registers each, from a multiple of eight on. */
	return finding->field == FINDING_REGISTER && finding->reg >= REG_ISR &&
	       finding->reg < REG_ESR && finding->reg % 8 == vector / 32 &&
	       differ == UINT64_C(1) << vector % 32;
}

static bool lacks_holds(const struct ledger_term *term, const struct finding *finding)
{
	uint64_t ours = finding->ours, kvm = finding->kvm;

	return term->a ? (ours & ~kvm) == 0 : (kvm & ~ours) == 0;
}

/* Where the operation sends to; false: it sends nothing. */
static bool dest_of(const struct finding *finding, uint32_t *dest)
{
	const struct program_op *op = finding->op;
	bool writes = op->kind == PROGRAM_WRITE || op->kind == PROGRAM_WRMSR;

	if (op->kind == PROGRAM_MSI)
		*dest = op->where >> 12 & 0xFF;
	else if (op->kind == PROGRAM_WRMSR)
		*dest = (uint32_t)(op->value >> 32);
	else
		*dest = finding->icr_high >> 24;
	return op->kind == PROGRAM_MSI || (writes && operand(op) == REG_ICR);
}

static bool dest_holds(const struct ledger_term *term, const struct finding *finding)
{
	uint32_t own = finding->mode == FINDING_X2APIC ? finding->id : finding->id >> 24, dest;

	if (!dest_of(finding, &dest))
		return false;
	if (term->symbol == SYMBOL_ID)
		return dest == own;
	if (term->symbol == SYMBOL_ID_BIT)
		return dest >> 16 == own >> 4 && (dest >> (own & 15) & 1);
	return dest == term->a;
}

static bool before_holds(const struct ledger_term *term, const struct finding *finding)
{
	return in_set(term, finding->before);
}

static bool mode_holds(const struct ledger_term *term, const struct finding *finding)
{
	return in_set(term, finding->mode);
}

static bool enabled_holds(const struct ledger_term *term, const struct finding *finding)
{
	return finding->enabled == (term->a == 1);
}

static bool addressed_holds(const struct ledger_term *term, const struct finding *finding)
{
	return finding->addressed == (term->a == 1);
}

static bool lvt_error_holds(const struct ledger_term *term, const struct finding *finding)
{
	return masked(term, term->a, finding->lvt_error);
}

static bool lvt_timer_holds(const struct ledger_term *term, const struct finding *finding)
{
	return masked(term, term->a, finding->lvt_timer);
}

static bool svr_holds(const struct ledger_term *term, const struct finding *finding)
{
	return masked(term, term->a, finding->svr);
}

static bool dfr_holds(const struct ledger_term *term, const struct finding *finding)
{
	return masked(term, term->a, finding->dfr);
}

static bool ldr_holds(const struct ledger_term *term, const struct finding *finding)
{
	return masked(term, term->a, finding->ldr);
}

static bool dword_holds(const struct ledger_term *term, const struct finding *finding)
{
	const struct program_op *op = finding->op;

	return is_page(op) && (op->where % 16 + op->width <= 4) == (term->a == 1);
}

static bool whole_holds(const struct ledger_term *term, const struct finding *finding)
{
	const struct program_op *op = finding->op;

	return is_page(op) && (op->where % 16 == 0 && op->width == 4) == (term->a == 1);
}

static bool same_cpu_holds(const struct ledger_term *term, const struct finding *finding)
{
	(void)term;
	return finding->cpu == finding->op->cpu && finding->op->kind != PROGRAM_WAIT &&
	       finding->op->kind != PROGRAM_MSI;
}

static bool other_cpu_holds(const struct ledger_term *term, const struct finding *finding)
{
	return !same_cpu_holds(term, finding);
}

static bool past_holds(const struct ledger_term *term, const struct finding *finding)
{
	(void)term;
	return finding->field == FINDING_DEADLINE && finding->past;
}

static bool twin_holds(const struct ledger_term *term, const struct finding *finding)
{
	(void)term;
	return finding->twin;
}

static bool counted_holds(const struct ledger_term *term, const struct finding *finding)
{
	return finding->counted == (term->a == 1);
}

static bool was_enabled_holds(const struct ledger_term *term, const struct finding *finding)
{
	return finding->was_enabled == (term->a == 1);
}

static bool was_masked_holds(const struct ledger_term *term, const struct finding *finding)
{
	return finding->was_masked == (term->a == 1);
}

static bool was_ldr_holds(const struct ledger_term *term, const struct finding *finding)
{
	return masked(term, term->a, finding->was_ldr);
}

static bool unchanged_holds(const struct ledger_term *term, const struct finding *finding)
{
	(void)term;
	return finding->field == FINDING_REGISTER && finding->unchanged;
}

static bool sent_011_holds(const struct ledger_term *term, const struct finding *finding)
{
	(void)term;
	return finding->sent_011;
}

static bool read_where(struct ledger_term *term, const char *text);

static const struct ledger_key keys[] = {
	{"field", ledger_word_fields, field_holds, false},
	{"op", ledger_word_ops, op_holds, true},
	{"at", ledger_word_registers, at_holds, true},
	{"to", ledger_word_registers, to_holds, true},
	{"where", read_where, where_range_holds, true},
	{"value", ledger_word_masked, value_holds, true},
	{"ours", ledger_word_masked, ours_holds, true},
	{"kvm", ledger_word_masked, kvm_holds, true},
	{"bits", ledger_word_bits, bits_hold, true},
	{"lacks", ledger_word_side, lacks_holds, false},
	{"dest", ledger_word_dest, dest_holds, true},
	{"before", ledger_word_modes, before_holds, false},
	{"mode", ledger_word_modes, mode_holds, false},
	{"enabled", ledger_word_bit, enabled_holds, false},
	{"addressed", ledger_word_bit, addressed_holds, false},
	{"lvt-error", ledger_word_plain_masked, lvt_error_holds, false},
	{"lvt-timer", ledger_word_plain_masked, lvt_timer_holds, false},
	{"svr", ledger_word_plain_masked, svr_holds, false},
	{"dfr", ledger_word_plain_masked, dfr_holds, false},
	{"ldr", ledger_word_plain_masked, ldr_holds, false},
	{"dword", ledger_word_bit, dword_holds, false},
	{"whole", ledger_word_bit, whole_holds, false},
	{"same-cpu", NULL, same_cpu_holds, false},
	{"other-cpu", NULL, other_cpu_holds, false},
	{"twin", NULL, twin_holds, false},
	{"counted", ledger_word_bit, counted_holds, false},
	{"was-enabled", ledger_word_bit, was_enabled_holds, false},
	{"was-masked", ledger_word_bit, was_masked_holds, false},
	{"was-ldr", ledger_word_plain_masked, was_ldr_holds, false},
	{"unchanged", NULL, unchanged_holds, false},
	{"past", NULL, past_holds, true},
	{"sent-011", NULL, sent_011_holds, false},
};
static const struct ledger_key where_masked = {"where", NULL, where_mask_holds, true};

/* N, N..M or N/MASK. */
static bool read_where(struct ledger_term *term, const char *text)
{
	const char *dots = strstr(text, "..");

	if (strchr(text, '/')) {
		term->key = &where_masked;
		return ledger_word_plain_masked(term, text);
	}
	if (!dots) {
		bool good = ledger_word_number(text, strlen(text), &term->a);

		term->b = term->a;
		return good;
	}
	return ledger_word_number(text, (size_t)(dots - text), &term->a) &&
	       ledger_word_number(dots + 2, strlen(dots + 2), &term->b) && term->a <= term->b;
}

bool ledger_term_read(struct ledger_term *term, const char *text, char *why, size_t why_size)
{
	size_t length = strcspn(text, "!=");
	const char *value = text + length;

	*term = (struct ledger_term){0};
	term->negate = *value == '!';
	value += term->negate;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !term->key; i++)
		if (strlen(keys[i].name) == length && memcmp(text, keys[i].name, length) == 0)
			term->key = &keys[i];
	if (!term->key) {
		snprintf(why, why_size, "there is no term '%.*s'", length < 40 ? (int)length : 40,
			 text);
		return false;
	}
	if (!term->key->read) {
		if (text[length] == '\0')
			return true;
	} else if (*value == '=' && term->key->read(term, value + 1)) {
		return true;
	}
	snprintf(why, why_size, "'%.60s' is not what %s takes", text, term->key->name);
	return false;
}

bool ledger_term_holds(const struct ledger_term *term, const struct finding *finding)
{
	return term->key->holds(term, finding) != term->negate;
}

bool ledger_term_is_field(const struct ledger_term *term)
{
	return term->key == &keys[0] && !term->negate;
}

/* A list of nearly all is as wide as none. */
static bool is_short_list(const struct ledger_term *term)
{
	if (term->key->read == ledger_word_ops)
		return __builtin_popcountll(term->a) <= OPS_NARROW;
	return term->key->read != ledger_word_registers ||
	       __builtin_popcountll(term->a) <= REGISTERS_NARROW;
}

bool ledger_term_is_narrow(const struct ledger_term *term)
{
	return term->key->narrow && !term->negate && is_short_list(term);
}
