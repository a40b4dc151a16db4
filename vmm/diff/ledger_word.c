// SPDX-License-Identifier: BSD-2-Clause
// Reads what stands right of a ledger term's =: numbers, names, lists, masks.
// Not what a term means: ledger_term.c.
#include "vmm/diff/ledger_word.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGISTERS 64u

bool ledger_word_number(const char *text, size_t length, uint64_t *value)
{
	char word[24], *end;

	if (length == 0 || length >= sizeof(word) || text[0] < '0' || text[0] > '9')
		return false;
	memcpy(word, text, length);
	word[length] = '\0';
	*value = strtoull(word, &end, 0);
	/* strtoull: octal is no base of ours, and overflow is caught by the digits. */
	return *end == '\0' && !(word[0] == '0' && length > 1 && word[1] != 'x') &&
	       length <= (word[1] == 'x' ? 18u : 19u);
}

/* Comma-separated words into a set, by a function that gives each word's bits. */
static bool read_list(struct ledger_term *term, const char *text,
		      uint64_t (*bits)(const char *word, size_t length))
{
	term->a = 0;
	for (;;) {
		size_t length = strcspn(text, ",");
		uint64_t set = bits(text, length);

		if (!set)
			return false;
		term->a |= set;
		if (text[length] == '\0')
			return true;
		text += length + 1;
	}
}

static bool same(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(word, name, length) == 0;
}

static uint64_t find(const char *word, size_t length, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (same(word, length, names[i]))
			return UINT64_C(1) << i;
	return 0;
}

static uint64_t field_bit(const char *word, size_t length)
{
	static const char *const names[] = {"value", "fault",    "arrived", "eoi",      "state",
					    "nmi",   "register", "base",    "deadline", "count"};

	/* FINDING_OURS has no word: no ledger explains that. */
	return find(word, length, names, sizeof(names) / sizeof(names[0]));
}

static uint64_t op_bit(const char *word, size_t length)
{
	for (unsigned kind = 0; kind < PROGRAM_KINDS; kind++)
		if (same(word, length, program_word(kind)))
			return UINT64_C(1) << kind;
	return 0;
}

static uint64_t mode_bit(const char *word, size_t length)
{
	static const char *const names[] = {"disabled", "xapic", "x2apic"};

	return find(word, length, names, 3);
}

/* "IRR*" has eight. */
static uint64_t register_bits(const char *word, size_t length)
{
	bool all = length > 1 && word[length - 1] == '*';
	size_t compared = all ? length - 1 : length;
	uint64_t set = 0;

	for (unsigned reg = 0; reg < REGISTERS; reg++) {
		char name[16];

		snprintf(name, sizeof(name), "%s", finding_register_name(reg));
		for (char *c = name; *c; c++)
			if (*c == ' ')
				*c = '-';
		if (strncmp(name, word, compared) == 0 && (all || name[compared] == '\0'))
			set |= UINT64_C(1) << reg;
	}
	return set;
}

bool ledger_word_fields(struct ledger_term *term, const char *text)
{
	return read_list(term, text, field_bit);
}

bool ledger_word_ops(struct ledger_term *term, const char *text)
{
	return read_list(term, text, op_bit);
}

bool ledger_word_modes(struct ledger_term *term, const char *text)
{
	return read_list(term, text, mode_bit);
}

bool ledger_word_registers(struct ledger_term *term, const char *text)
{
	return read_list(term, text, register_bits);
}

bool ledger_word_bit(struct ledger_term *term, const char *text)
{
	term->a = text[0] == '1';
	return strcmp(text, "0") == 0 || strcmp(text, "1") == 0;
}

bool ledger_word_side(struct ledger_term *term, const char *text)
{
	term->a = strcmp(text, "ours") == 0;
	return term->a || strcmp(text, "kvm") == 0;
}

static bool read_symbol(struct ledger_term *term, const char *text, size_t length)
{
	static const struct {
		const char *name;
		enum ledger_symbol symbol;
		uint64_t number;
	} symbols[] = {
		{"none", SYMBOL_NUMBER, FINDING_NOTHING},
		{"gp", SYMBOL_NUMBER, 13},
		{"nmi", SYMBOL_NUMBER, 2},
		{"running", SYMBOL_NUMBER, FINDING_RUNNING},
		{"halted", SYMBOL_NUMBER, FINDING_HALTED},
		{"waits-for-sipi", SYMBOL_NUMBER, FINDING_WAITS_FOR_SIPI},
		{"lost", SYMBOL_NUMBER, FINDING_LOST},
		{"value", SYMBOL_VALUE, 0},
		{"vector", SYMBOL_VECTOR, 0},
		{"started", SYMBOL_STARTED, 0},
		{"at-reset", SYMBOL_NUMBER, FINDING_AT_RESET},
		{"extint", SYMBOL_NUMBER, FINDING_EXTINT},
		{"lvt-error", SYMBOL_LVT_ERROR, 0},
		{"lvt-timer", SYMBOL_LVT_TIMER, 0},
		{"spurious", SYMBOL_SPURIOUS, 0},
		{"id", SYMBOL_ID, 0},
		{"id-bit", SYMBOL_ID_BIT, 0},
	};

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (same(text, length, symbols[i].name)) {
			term->symbol = symbols[i].symbol;
			term->a = symbols[i].number;
			return true;
		}
	return ledger_word_number(text, length, &term->a);
}

/* Of a destination alone. */
static bool is_id(const struct ledger_term *term)
{
	return term->symbol == SYMBOL_ID || term->symbol == SYMBOL_ID_BIT;
}

/* N or N/MASK. A mask of nothing would hold for all. */
bool ledger_word_masked(struct ledger_term *term, const char *text)
{
	size_t length = strcspn(text, "/");

	term->b = UINT64_MAX;
	if (!read_symbol(term, text, length) || is_id(term))
		return false;
	return text[length] == '\0' ||
	       (ledger_word_number(text + length + 1, strlen(text + length + 1), &term->b) &&
		term->b != 0);
}

bool ledger_word_plain_masked(struct ledger_term *term, const char *text)
{
	return ledger_word_masked(term, text) && term->symbol == SYMBOL_NUMBER;
}

bool ledger_word_bits(struct ledger_term *term, const char *text)
{
	return read_symbol(term, text, strlen(text)) && term->symbol != SYMBOL_VALUE &&
	       !is_id(term) && term->a != UINT64_MAX &&
	       (term->symbol != SYMBOL_NUMBER || term->a != 0);
}

bool ledger_word_dest(struct ledger_term *term, const char *text)
{
	return read_symbol(term, text, strlen(text)) &&
	       (term->symbol == SYMBOL_NUMBER || is_id(term));
}
