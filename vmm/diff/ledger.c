// SPDX-License-Identifier: BSD-2-Clause
// Holds findings against a ledger's entries, and counts.
// Not its reader: ledger_read.c.
#include "vmm/diff/ledger.h"

#include <stdlib.h>

#include "vmm/diff/ledger_term.h"

static bool when_holds(const struct ledger_when *when, const struct finding *finding)
{
	for (size_t i = 0; i < when->count; i++)
		if (!ledger_term_holds(&when->terms[i], finding))
			return false;
	return true;
}

static bool explains(const struct ledger_entry *entry, const struct finding *finding)
{
	for (size_t i = 0; i < entry->count; i++)
		if (when_holds(&entry->whens[i], finding))
			return true;
	return false;
}

int ledger_find(const struct ledger *ledger, const struct finding *finding)
{
	for (unsigned i = 0; i < ledger->count && finding->field != FINDING_OURS; i++)
		if (explains(&ledger->entries[i], finding))
			return (int)i;
	return -1;
}

unsigned ledger_count(const struct ledger *ledger)
{
	return ledger->count;
}

const char *ledger_name(const struct ledger *ledger, unsigned entry)
{
	return ledger->entries[entry].name;
}

const char *ledger_rule(const struct ledger *ledger, unsigned entry)
{
	return ledger->entries[entry].rule;
}

enum ledger_verdict ledger_verdict(const struct ledger *ledger, unsigned entry)
{
	return ledger->entries[entry].verdict;
}

uint64_t ledger_matches(const struct ledger *ledger, unsigned entry)
{
	return ledger->entries[entry].matches;
}

void ledger_add_matches(struct ledger *ledger, unsigned entry, uint64_t matches)
{
	ledger->entries[entry].matches += matches;
}

static void free_entry(struct ledger_entry *entry)
{
	for (size_t i = 0; i < entry->count; i++)
		free(entry->whens[i].terms);
	free(entry->whens);
	free(entry->name);
	free(entry->rule);
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	for (unsigned i = 0; i < ledger->count; i++)
		free_entry(&ledger->entries[i]);
	free(ledger->entries);
	free(ledger);
}
