// SPDX-License-Identifier: BSD-2-Clause
// Reads a ledger, and says in a sentence what is wrong with one that is damaged or too wide.
// Not the meaning of its terms: ledger_term.c.
#include <stdlib.h>
#include <string.h>

#include "vmm/diff/ledger_term.h"
#include "vmm/diff/lines.h"

#define LINE_MAX_BYTES 400u
#define ENTRIES_MAX    1000u
#define TERMS_MAX      20u

struct reader {
	struct lines lines;
	char text[LINE_MAX_BYTES + 1];
	struct ledger *ledger;
	struct ledger_entry *entry; /* the one that is being read */
	bool sdm, verdict, reason;  /* what it has had */
};

#define refuse(reader, ...) lines_refuse(&(reader)->lines, __VA_ARGS__)

/* "- ID " at a line's begin, as the catalogue has its rules. */
static bool known_rule(const char *id)
{
	size_t length = strlen(id);

	for (const char *line = ledger_rules; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "- ", 2) == 0 && strncmp(line + 2, id, length) == 0 &&
		    line[2 + length] == ' ')
			return true;
	}
	return false;
}

/* The entry has all that it needs; also before the first one. */
static bool finished(struct reader *r)
{
	const struct ledger_entry *entry = r->entry;
	const char *lacks = NULL;

	if (!entry)
		return true;
	if (!entry->rule)
		lacks = "rule";
	else if (!r->sdm)
		lacks = "sdm";
	else if (!r->verdict)
		lacks = "verdict";
	else if (!r->reason)
		lacks = "why";
	else if (!entry->count)
		lacks = "when";
	return !lacks || refuse(r, "the entry '%s' that ends here has no '%s'", entry->name, lacks);
}

static bool entry_line(struct reader *r, const char *text)
{
	struct ledger *ledger = r->ledger;
	struct ledger_entry *more;

	if (!finished(r))
		return false;
	if (text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		return refuse(r, "'%.40s' is no name: small letters, digits and - alone", text);
	for (unsigned i = 0; i < ledger->count; i++)
		if (strcmp(ledger->entries[i].name, text) == 0)
			return refuse(r, "there is an entry '%.40s' already", text);
	if (ledger->count == ENTRIES_MAX)
		return refuse(r, "too many entries: at most %u", ENTRIES_MAX);
	more = realloc(ledger->entries, (ledger->count + 1) * sizeof(*more));
	if (!more)
		return refuse(r, "out of memory");
	ledger->entries = more;
	r->entry = &more[ledger->count];
	*r->entry = (struct ledger_entry){.name = strdup(text)};
	ledger->count++;
	r->sdm = r->verdict = r->reason = false;
	return r->entry->name || refuse(r, "out of memory");
}

static bool rule_line(struct reader *r, const char *text)
{
	if (r->entry->rule)
		return refuse(r, "'rule' comes a second time in this entry");
	if (!known_rule(text))
		return refuse(r, "lapic/RULES.md has no rule '%.40s'", text);
	r->entry->rule = strdup(text);
	return r->entry->rule || refuse(r, "out of memory");
}

static bool sdm_line(struct reader *r, const char *text)
{
	(void)text;
	if (r->sdm)
		return refuse(r, "'sdm' comes a second time in this entry");
	r->sdm = true;
	return true;
}

static bool verdict_line(struct reader *r, const char *text)
{
	static const char *const verdicts[] = {
		[LEDGER_OURS_SDM] = "ours-sdm",
		[LEDGER_BOTH_ALLOWED] = "both-allowed",
		[LEDGER_UNDEFINED] = "undefined",
	};

	if (r->verdict)
		return refuse(r, "'verdict' comes a second time in this entry");
	for (unsigned i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (strcmp(text, verdicts[i]) == 0) {
			r->entry->verdict = i;
			r->verdict = true;
		}
	return r->verdict ||
	       refuse(r, "'%.40s' is no verdict: ours-sdm, both-allowed or undefined", text);
}

static bool why_line(struct reader *r, const char *text)
{
	(void)text;
	r->reason = true;
	return true;
}

/* Terms of one line. False: refused, or no memory. */
static bool read_terms(struct reader *r, struct ledger_when *when, char *text)
{
	bool field = false, narrow = false;
	char what[128], *save = NULL;

	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		struct ledger_term *term = &when->terms[when->count];

		if (when->count == TERMS_MAX)
			return refuse(r, "more than %u terms", TERMS_MAX);
		if (!ledger_term_read(term, word, what, sizeof(what)))
			return refuse(r, "%s", what);
		when->count++;
		field = field || ledger_term_is_field(term);
		narrow = narrow || ledger_term_is_narrow(term);
	}
	if (!field)
		return refuse(r, "a 'when' must say field=");
	return narrow || refuse(r, "this 'when' is too wide: say which operation, which register "
				   "or what the two sides had");
}

static bool when_line(struct reader *r, const char *text)
{
	struct ledger_entry *entry = r->entry;
	struct ledger_when *more = realloc(entry->whens, (entry->count + 1) * sizeof(*more));
	char copy[LINE_MAX_BYTES + 1];

	if (!more)
		return refuse(r, "out of memory");
	entry->whens = more;
	more += entry->count;
	*more = (struct ledger_when){.terms = calloc(TERMS_MAX + 1, sizeof(*more->terms))};
	if (!more->terms)
		return refuse(r, "out of memory");
	entry->count++;
	snprintf(copy, sizeof(copy), "%s", text);
	return read_terms(r, more, copy);
}

static bool one_line(struct reader *r)
{
	static const struct {
		const char *word;
		bool (*read)(struct reader *r, const char *text);
	} rows[] = {{"entry", entry_line},     {"rule", rule_line}, {"sdm", sdm_line},
		    {"verdict", verdict_line}, {"why", why_line},   {"when", when_line}};
	char *word = r->text + strspn(r->text, " ");
	size_t length = strcspn(word, " ");
	char *text = word + length + strspn(word + length, " ");

	if (*word == '\0' || *word == '#')
		return true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strlen(rows[i].word) != length || memcmp(word, rows[i].word, length) != 0)
			continue;
		if (i > 0 && !r->entry)
			return refuse(r, "'%s' stands before the first entry", rows[i].word);
		if (*text == '\0')
			return refuse(r, "'%s' says nothing", rows[i].word);
		return rows[i].read(r, text);
	}
	return refuse(r, "there is no line '%.*s'", length < 40 ? (int)length : 40, word);
}

static bool all_lines(struct reader *r)
{
	enum lines_read line;

	while ((line = lines_next(&r->lines, r->text)) == LINES_READ)
		if (!one_line(r))
			return false;
	return line == LINES_END && finished(r);
}

struct ledger *ledger_read(FILE *from, const char *name, char *why, size_t why_size)
{
	struct reader r = {.lines = {.from = from,
				     .name = name,
				     .kind = "ledger",
				     .why = why,
				     .why_size = why_size,
				     .longest = LINE_MAX_BYTES}};

	r.ledger = calloc(1, sizeof(*r.ledger));
	if (!r.ledger) {
		refuse(&r, "out of memory");
		return NULL;
	}
	if (all_lines(&r))
		return r.ledger;
	ledger_free(r.ledger);
	return NULL;
}
