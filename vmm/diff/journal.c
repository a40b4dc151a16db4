// SPDX-License-Identifier: BSD-2-Clause
// Writes and reads the log of a campaign. Each line ends in a checksum of the rest of it.
// Not tolerant: only a last line without its newline is taken for a write that a kill broke off.
#include "vmm/diff/journal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/ending.h"

#define MAGIC "lapicvm-diff-log 1 "

/* FNV-1a: against damage, not against forgery. */
static uint32_t checksum(const char *text, size_t length)
{
	uint32_t sum = 2166136261u;

	for (size_t i = 0; i < length; i++)
		sum = (sum ^ (unsigned char)text[i]) * 16777619u;
	return sum;
}

/* ---------------------------------------------------------------- lines */

static void put_text(const char *text, FILE *to)
{
	fputs(" text \"", to);
	for (const char *c = text; *c; c++)
		fputc(iscntrl((unsigned char)*c) ? '?' : *c == '"' ? '\'' : *c, to);
	fputc('"', to);
}

static void put_matches(const struct tally *tally, const uint64_t *matches, FILE *to)
{
	const char *before = " matches ";

	for (unsigned i = 0; i < tally->entry_count; i++) {
		if (!matches[i])
			continue;
		fprintf(to, "%s%s=%" PRIu64, before, tally->entries[i].name, matches[i]);
		before = ",";
	}
	if (before[0] == ' ')
		fputs(" matches -", to);
}

/* The line with its newline, malloc; NULL: no memory. */
static char *row_line(const struct journal *journal, const struct tally *tally,
		      const struct tally_row *row, const uint64_t *matches, size_t *length)
{
	char *line = NULL, *whole = NULL;
	FILE *to = open_memstream(&line, length);

	if (!to)
		return NULL;
	fprintf(to,
		"%s %" PRIu64 " %s cpus %u ops %" PRIu64 " of %" PRIu64 " explained %" PRIu64
		" ms %" PRIu64,
		journal->word, row->number, tally_outcome_name(row->outcome), row->cpus, row->done,
		row->ops, row->explained, row->ms);
	put_matches(tally, matches, to);
	if (row->text[0])
		put_text(row->text, to);
	if (fclose(to) == 0 &&
	    asprintf(&whole, "%s sum %08" PRIx32 "\n", line, checksum(line, *length)) < 0)
		whole = NULL;
	free(line);
	*length = whole ? strlen(whole) : 0;
	return whole;
}

/* Checks and cuts off " sum XXXXXXXX" of a line without its newline. */
static bool cut_sum(char *line)
{
	char *sum = NULL, *end;
	unsigned long value;

	for (char *next = strstr(line, " sum "); next; next = strstr(next + 1, " sum "))
		sum = next;
	if (!sum || strlen(sum) != strlen(" sum 00000000"))
		return false;
	value = strtoul(sum + strlen(" sum "), &end, 16);
	*sum = '\0';
	return *end == '\0' && value == checksum(line, strlen(line));
}

static bool outcome_of(const char *word, enum lockstep_outcome *outcome)
{
	for (unsigned i = 0; i < TALLY_OUTCOMES; i++)
		if (strcmp(word, tally_outcome_name((enum lockstep_outcome)i)) == 0) {
			*outcome = (enum lockstep_outcome)i;
			return true;
		}
	return false;
}

/* "NAME=N,NAME=N", or "-". */
static bool take_matches(char *text, const struct tally *tally, uint64_t *matches)
{
	char *place = NULL;

	memset(matches, 0, tally->entry_count * sizeof(*matches));
	if (strcmp(text, "-") == 0)
		return true;
	for (char *one = strtok_r(text, ",", &place); one; one = strtok_r(NULL, ",", &place)) {
		char *equals = strrchr(one, '=');
		unsigned i = 0;

		if (!equals)
			return false;
		*equals = '\0';
		while (i < tally->entry_count && strcmp(one, tally->entries[i].name) != 0)
			i++;
		if (i == tally->entry_count)
			return false;
		matches[i] = strtoull(equals + 1, NULL, 10);
	}
	return true;
}

/* The strings of *row point into `line`, which is taken apart. */
static bool take_row(const char *wanted, char *line, const struct tally *tally,
		     struct tally_row *row, uint64_t *matches)
{
	char word[16], outcome[16], *rest, *quote;
	int used = 0;

	if (!cut_sum(line) ||
	    sscanf(line,
		   "%15s %" SCNu64 " %15s cpus %u ops %" SCNu64 " of %" SCNu64 " explained %" SCNu64
		   " ms %" SCNu64 " matches %n",
		   word, &row->number, outcome, &row->cpus, &row->done, &row->ops, &row->explained,
		   &row->ms, &used) != 8 ||
	    used == 0)
		return false;
	rest = line + used;
	quote = strstr(rest, " text \"");
	row->text = "";
	if (quote) {
		*quote = '\0';
		quote += strlen(" text \"");
		row->text = quote;
		if (quote[0] == '\0' || quote[strlen(quote) - 1] != '"')
			return false;
		quote[strlen(quote) - 1] = '\0';
	}
	return strcmp(word, wanted) == 0 && outcome_of(outcome, &row->outcome) &&
	       take_matches(rest, tally, matches);
}

/* ---------------------------------------------------------------- the file */

struct reading {
	struct journal *journal;
	const char *identity;
	uint64_t next; /* number of the row to come */
	void (*name)(void *opaque, uint64_t number, char text[256]);
	void *opaque;
	struct tally *tally;
	uint64_t *matches;
	unsigned line;
	struct result *result;
};

/* First word in which the two differ. */
static void other_identity(const struct reading *r, const char *theirs)
{
	const char *ours = r->identity;
	size_t start = 0;

	for (size_t i = 0; ours[i] && ours[i] == theirs[i]; i++)
		if (ours[i] == ' ')
			start = i + 1;
	ending_fill(r->result, RESULT_USAGE,
		    "--log %s: its results are of %.*s, and this is %.*s; give the same again, or "
		    "another file",
		    r->journal->path, (int)strcspn(theirs + start, " \n"), theirs + start,
		    (int)strcspn(ours + start, " "), ours + start);
}

static bool damaged(const struct reading *r, const char *what)
{
	ending_fill(r->result, RESULT_BAD_IMAGE,
		    "--log %s, line %u: %s; give another file, or cut it off before this line",
		    r->journal->path, r->line, what);
	return false;
}

static bool read_row(struct reading *r, char *line)
{
	struct tally_row row;
	char text[256];

	line[strlen(line) - 1] = '\0';
	if (!take_row(r->journal->word, line, r->tally, &row, r->matches))
		return damaged(r, "damaged");
	if (row.number != r->next) {
		snprintf(text, sizeof(text), "%s %" PRIu64 " where %" PRIu64 " is due",
			 r->journal->word, row.number, r->next);
		return damaged(r, text);
	}
	r->name(r->opaque, row.number, text);
	row.name = text;
	if (!tally_add(r->tally, &row, r->matches)) {
		ending_fill(r->result, RESULT_INTERNAL, "no memory for the log %s",
			    r->journal->path);
		return false;
	}
	r->next++;
	return true;
}

static bool read_header(struct reading *r, const char *line)
{
	size_t magic = strlen(MAGIC);

	if (strncmp(line, MAGIC, magic) != 0) {
		ending_fill(r->result, RESULT_BAD_IMAGE,
			    "--log %s: not a log of lapicvm diff; give another file",
			    r->journal->path);
		return false;
	}
	if (strncmp(line + magic, r->identity, strlen(r->identity)) == 0 &&
	    line[magic + strlen(r->identity)] == '\n')
		return true;
	other_identity(r, line + magic);
	return false;
}

/* Whether this line, which lacks its newline, can be the start of a header. */
static bool broken_header(const char *line, size_t length)
{
	size_t magic = strlen(MAGIC);

	return strncmp(line, MAGIC, length < magic ? length : magic) == 0;
}

/* *good: bytes up to which the file is whole. */
static bool read_lines(struct reading *r, FILE *from, off_t *good)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	bool fine = true;

	while (fine && (length = getline(&line, &room, from)) > 0) {
		bool whole = line[length - 1] == '\n';

		r->line++;
		if (!whole && (r->line > 1 || broken_header(line, (size_t)length))) {
			r->journal->mended = true;
			break;
		}
		if (strlen(line) != (size_t)length)
			fine = damaged(r, "holds a NUL");
		else if (r->line == 1)
			fine = read_header(r, line);
		else
			fine = read_row(r, line);
		*good += length;
	}
	if (fine && ferror(from)) {
		ending_fill(r->result, RESULT_UNREADABLE, "--log %s: %s", r->journal->path,
			    strerror(errno));
		fine = false;
	}
	free(line);
	return fine;
}

static bool read_all(struct reading *r, off_t *good)
{
	int fd = dup(r->journal->fd);
	FILE *from = fd < 0 ? NULL : fdopen(fd, "r");
	bool fine;

	r->matches = calloc(r->tally->entry_count + 1, sizeof(*r->matches));
	if (!from || !r->matches) {
		ending_fill(r->result, RESULT_INTERNAL, "--log %s: no memory", r->journal->path);
		if (fd >= 0 && !from)
			close(fd);
	}
	fine = from && r->matches && read_lines(r, from, good);
	if (from)
		fclose(from);
	free(r->matches);
	return fine;
}

static bool cannot(const struct journal *journal, const char *what, struct result *result)
{
	ending_fill(result, RESULT_OUTPUT_FAILED, "--log %s: %s", journal->path, what);
	return false;
}

/* Whole, or not at all. */
static bool append(struct journal *journal, const char *text, size_t length, struct result *result)
{
	struct stat before;
	ssize_t written;

	if (fstat(journal->fd, &before) != 0)
		return cannot(journal, strerror(errno), result);
	written = write(journal->fd, text, length);
	if (written == (ssize_t)length)
		return true;
	cannot(journal, written < 0 ? strerror(errno) : "no room for a whole line", result);
	/* What cannot be cut off is a broken last line: the next run drops it. */
	if (written > 0 && ftruncate(journal->fd, before.st_size) != 0)
		return false;
	return false;
}

static bool begin(struct journal *journal, const char *identity, struct result *result)
{
	char *line;
	int length = asprintf(&line, MAGIC "%s\n", identity);
	bool good;

	if (length < 0)
		return cannot(journal, "no memory", result);
	good = append(journal, line, (size_t)length, result);
	free(line);
	return good;
}

static bool open_file(struct journal *journal, struct result *result)
{
	struct stat there;

	journal->fd = open(journal->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (journal->fd < 0)
		return cannot(journal, strerror(errno), result);
	if (fstat(journal->fd, &there) != 0 || !S_ISREG(there.st_mode))
		return cannot(journal, "not a regular file, from which a later run could go on",
			      result);
	if (flock(journal->fd, LOCK_EX | LOCK_NB) != 0)
		return cannot(journal,
			      errno == EWOULDBLOCK ? "another run is writing to it"
						   : strerror(errno),
			      result);
	return true;
}

bool journal_open(struct journal *journal, const char *path, const char *identity, const char *word,
		  uint64_t first, void (*name)(void *opaque, uint64_t number, char text[256]),
		  void *opaque, struct tally *tally, struct result *result)
{
	struct reading r = {
		.journal = journal,
		.identity = identity,
		.next = first,
		.name = name,
		.opaque = opaque,
		.tally = tally,
		.result = result,
	};
	off_t good = 0;
	bool fine;

	*journal = (struct journal){.fd = -1, .path = path, .word = word};
	fine = open_file(journal, result) && read_all(&r, &good);
	if (fine && journal->mended && ftruncate(journal->fd, good) != 0)
		fine = cannot(journal, strerror(errno), result);
	if (fine && good == 0)
		fine = begin(journal, identity, result);
	if (!fine)
		journal_close(journal);
	return fine;
}

bool journal_add(struct journal *journal, const struct tally *tally, const struct tally_row *row,
		 const uint64_t *matches, struct result *result)
{
	size_t length;
	char *line = row_line(journal, tally, row, matches, &length);
	bool good;

	if (!line)
		return cannot(journal, "no memory", result);
	good = append(journal, line, length, result);
	free(line);
	return good;
}

void journal_close(struct journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
}
