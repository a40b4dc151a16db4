// SPDX-License-Identifier: BSD-2-Clause
// Holds the trials of shrink() against the difference that was found, and writes the file.
// Not how a program is made smaller: shrink.c.
#include "vmm/diff/culprit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/ending.h"
#include "vmm/output_file.h"

/* A difference that hangs on a moment may need more than one try to come again. */
#define SAME_AGAIN 3u
#define SHOWN_MAX  24u

struct trial {
	const struct campaign_calls *calls;
	struct finding wanted;
	uint64_t end_ms;
	unsigned again;              /* runs of each candidate */
	struct lockstep_report last; /* of the last that failed; its finding.op is not valid */
	size_t at;                   /* which of its operations, from 1 */
};

/* Fields that name the difference, without the operands that shrinking makes plainer. */
static bool same_way(const struct finding *a, const struct finding *b)
{
	if (a->field != b->field)
		return false;
	if (a->field == FINDING_REGISTER)
		return a->reg == b->reg;
	if (a->field == FINDING_FAULT)
		return a->ours == b->ours && a->kvm == b->kvm;
	if (a->field == FINDING_ARRIVED || a->field == FINDING_EOI)
		return (a->ours == FINDING_NOTHING) == (b->ours == FINDING_NOTHING) &&
		       (a->kvm == FINDING_NOTHING) == (b->kvm == FINDING_NOTHING);
	return true;
}

static size_t place_of(const struct finding *finding, const struct program *program)
{
	return finding->op ? (size_t)(finding->op - program->ops) + 1 : 0;
}

static bool fails(void *opaque, const struct program *program)
{
	struct trial *trial = opaque;
	const struct campaign_calls *calls = trial->calls;

	for (unsigned i = 0; i < trial->again; i++) {
		struct lockstep_report report = {.outcome = LOCKSTEP_FAILED};

		if (calls->now_ms(calls->opaque) >= trial->end_ms || calls->signal(calls->opaque))
			return false;
		calls->run(calls->opaque, program, false, &report);
		if (report.outcome != LOCKSTEP_DIFFERS ||
		    !same_way(&report.finding, &trial->wanted))
			continue;
		trial->last = report;
		trial->at = place_of(&report.finding, program);
		return true;
	}
	return false;
}

/* "diff-17.prog" of "seed 17", "diff-timer.prog" of "programs/timer.prog", in the folder. */
static char *path_of(const char *folder, const char *name)
{
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	size_t length = strlen(base);
	char *path;

	if (strncmp(name, "seed ", 5) == 0) {
		base = name + 5;
		length = strlen(base);
	} else if (length > 5 && strcmp(base + length - 5, ".prog") == 0) {
		length -= 5;
	}
	return asprintf(&path, "%s/diff-%.*s.prog", folder, (int)length, base) < 0 ? NULL : path;
}

static bool cannot_save(const char *path, struct result *result, const char *name,
			const struct lockstep_report *report)
{
	ending_fill(result, RESULT_DIVERGED, "%s: %s; and the program cannot be saved as %s: %s",
		    name, report->text, path, strerror(errno));
	return false;
}

static bool write_file(const char *path, const struct program *program, const char *comment)
{
	struct output_file file;

	if (!output_file_open(&file, path))
		return false;
	errno = 0;
	if (!program_write(program, comment, file.stream)) {
		output_file_abandon(&file);
		return false;
	}
	return output_file_commit(&file);
}

/* What the file says of itself. malloc; NULL: no memory. */
static char *comment_of(const char *name, size_t ops, unsigned tries, bool again,
			const struct trial *trial)
{
	char *text;

	if (asprintf(&text,
		     "%s, of %zu operations%s (%u tries).\n"
		     "Differs at operation %zu: %s\n%s",
		     name, ops,
		     again ? "; made smaller"
			   : "; the difference did not come again, so it is whole",
		     tries, trial->at, trial->last.text, trial->last.step) < 0)
		return NULL;
	return text;
}

/* A CI keeps what was printed, but not always the file. */
static void show(const struct program *program, FILE *to)
{
	char text[80];

	if (program->count > SHOWN_MAX)
		return;
	fprintf(to, "  cpus %u%s\n", program->cpus, program->started ? ", started" : "");
	for (size_t i = 0; i < program->count; i++) {
		program_op_text(&program->ops[i], text);
		fprintf(to, "  %s\n", text);
	}
}

static bool save(const struct campaign_config *config, const struct program *program,
		 const char *name, const char *comment, const struct lockstep_report *report,
		 struct result *result)
{
	char *path = path_of(config->save, name);
	bool good = path && comment && write_file(path, program, comment);

	if (!path || !comment)
		errno = ENOMEM;
	if (good)
		fprintf(config->out,
			"saved with %zu operation%s; again: lapicvm diff --replay %s%s\n",
			program->count, program->count == 1 ? "" : "s", path, config->again);
	else
		cannot_save(path ? path : config->save, result, name, report);
	free(path);
	return good;
}

bool culprit_keep(const struct campaign_config *config, const struct campaign_calls *calls,
		  struct program *program, const char *name, const struct lockstep_report *report,
		  struct result *result)
{
	struct trial trial = {
		.calls = calls,
		.wanted = report->finding,
		.end_ms = calls->now_ms(calls->opaque) + config->shrink_ms,
		.again = SAME_AGAIN,
		.last = *report,
		.at = place_of(&report->finding, program),
	};
	size_t ops = program->count;
	unsigned tries = 0;
	char *comment, *path;
	bool again, good;

	fprintf(config->out, "%s differs at operation %zu: %s\n", name, trial.at, report->text);
	fflush(config->out);
	/* A kill while it is made smaller loses nothing. */
	path = path_of(config->save, name);
	comment = comment_of(name, ops, 0, false, &trial);
	if (path && comment)
		write_file(path, program, comment);
	free(path);
	free(comment);
	again = fails(&trial, program);
	/* One that comes each time is tried once for each candidate. */
	trial.again = 1;
	if (again)
		tries = calls->shrink(program, fails, &trial, config->shrink_tries);
	comment = comment_of(name, ops, tries, again, &trial);
	show(program, config->out);
	good = save(config, program, name, comment, report, result);
	free(comment);
	return good;
}
