// SPDX-License-Identifier: BSD-2-Clause
// Adds up what a campaign has run.
// Not a judge: what a sum means for the exit status is campaign.c's.
#include "vmm/diff/tally.h"

#include <stdlib.h>
#include <string.h>

const char *tally_outcome_name(enum lockstep_outcome outcome)
{
	static const char *const names[TALLY_OUTCOMES] = {
		[LOCKSTEP_SAME] = "same",
		[LOCKSTEP_DIFFERS] = "differs",
		[LOCKSTEP_STALLED] = "stalled",
		[LOCKSTEP_FAILED] = "failed",
	};

	return names[outcome];
}

static bool grow(struct tally *tally)
{
	size_t room = tally->room ? 2 * tally->room : 64;
	struct tally_row *rows;

	if (tally->count < tally->room)
		return true;
	rows = reallocarray(tally->rows, room, sizeof(*rows));
	if (!rows)
		return false;
	tally->rows = rows;
	tally->room = room;
	return true;
}

bool tally_add(struct tally *tally, const struct tally_row *row, const uint64_t *matches)
{
	char *name = strdup(row->name), *text = strdup(row->text);

	if (!name || !text || !grow(tally)) {
		free(name);
		free(text);
		return false;
	}
	tally->rows[tally->count] = *row;
	tally->rows[tally->count].name = name;
	tally->rows[tally->count++].text = text;
	tally->done += row->done;
	tally->explained += row->explained;
	tally->ms += row->ms;
	tally->outcomes[row->outcome]++;
	for (unsigned i = 0; i < tally->entry_count; i++)
		tally->entries[i].matches += matches[i];
	return true;
}

void tally_free(struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++) {
		free((char *)(uintptr_t)tally->rows[i].name);
		free((char *)(uintptr_t)tally->rows[i].text);
	}
	free(tally->rows);
	tally->rows = NULL;
	tally->count = tally->room = 0;
}
