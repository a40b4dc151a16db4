// SPDX-License-Identifier: BSD-2-Clause
// Opens what a campaign needs, lets it run, tells how it went.
// Nothing is decided here about programs or differences.
#include "vmm/diff/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vmm/apic_page.h"
#include "vmm/diff/campaign.h"
#include "vmm/diff/fingerprint.h"
#include "vmm/diff/generate.h"
#include "vmm/diff/image_diff.h"
#include "vmm/diff/ledger.h"
#include "vmm/diff/lockstep.h"
#include "vmm/diff/replay.h"
#include "vmm/diff/report.h"
#include "vmm/diff/shrink.h"
#include "vmm/ending.h"
#include "vmm/host.h"

#define SELF         "/proc/self/exe"
#define SUITE        "lapicvm diff"
#define SHRINK_MS    60000u
#define SHRINK_TRIES 2000u
#define PROGRESS_MS  1000u
#define CLEAR_LINE   "\r\033[K"

struct session {
	const struct options *options;
	const struct options_diff *diff;
	FILE *out;
	struct replay replay;
	struct ledger *ledger;
	struct tally_entry *entries;
	struct lockstep *lockstep;
	bool x2apic, tsc_deadline; /* for random programs */
	struct journal journal;
	struct tally tally;
	uint64_t shown_ms; /* last progress */
	char again[1100];  /* options as they were given, so that what differs differs again */
};

/* ---------------------------------------------------------------- what the campaign calls */

static uint64_t now_ms(void *opaque)
{
	struct timespec now;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool random_program(void *opaque, uint64_t number, struct program *program)
{
	const struct session *s = opaque;
	const struct generate_config config = {
		.seed = number,
		.ops = s->diff->ops,
		.cpus = s->diff->cpus,
		.x2apic = s->x2apic,
		.tsc_deadline = s->tsc_deadline,
		.page_is_memory = s->options->apic_page_read_only,
	};

	return generate(&config, program);
}

/* Each is run once, and so it is given away. */
static bool file_program(void *opaque, uint64_t number, struct program *program)
{
	struct session *s = opaque;
	struct program *theirs = &s->replay.files[number - 1].program;

	*program = *theirs;
	*theirs = (struct program){.cpus = 0};
	return true;
}

static void random_name(void *opaque, uint64_t number, char text[256])
{
	(void)opaque;
	snprintf(text, 256, "seed %" PRIu64, number);
}

static void file_name(void *opaque, uint64_t number, char text[256])
{
	const struct session *s = opaque;

	snprintf(text, 256, "%s",
		 number <= s->replay.count ? s->replay.files[number - 1].path : "?");
}

static void run_program(void *opaque, const struct program *program, bool first,
			struct lockstep_report *report)
{
	const struct session *s = opaque;

	lockstep_run(s->lockstep, program, s->ledger, first && s->diff->trace ? stderr : NULL,
		     report);
}

static void ask_matches(void *opaque, uint64_t *matches)
{
	const struct session *s = opaque;

	for (unsigned i = 0; i < s->tally.entry_count; i++)
		matches[i] = ledger_matches(s->ledger, i);
}

static volatile sig_atomic_t signal_seen;

static int ask_signal(void *opaque)
{
	(void)opaque;
	return signal_seen;
}

static void show_progress(void *opaque, const struct tally *tally)
{
	struct session *s = opaque;
	uint64_t now = now_ms(NULL);

	if (!isatty(STDERR_FILENO) || now - s->shown_ms < PROGRESS_MS)
		return;
	s->shown_ms = now;
	fprintf(stderr, CLEAR_LINE "%zu programs, %" PRIu64 " operations, %" PRIu64 " s\r",
		tally->count, tally->done, tally->ms / 1000);
}

/* ---------------------------------------------------------------- signals */

static void on_signal(int number)
{
	signal_seen = number;
}

/* The program that runs is broken off, and not counted; a second signal ends it at once, and the
 * log has what was done before. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ---------------------------------------------------------------- opening */

static bool save_possible(const char *folder, struct result *result)
{
	struct stat there;

	if (mkdir(folder, 0777) == 0)
		return true;
	if (errno == EEXIST && stat(folder, &there) == 0 && !S_ISDIR(there.st_mode))
		errno = ENOTDIR;
	else if (errno == EEXIST && access(folder, W_OK | X_OK) == 0)
		return true;
	ending_fill(result, RESULT_OUTPUT_FAILED, "--save %s: %s", folder, strerror(errno));
	return false;
}

static bool open_replay(struct session *s, struct result *result)
{
	for (unsigned i = 0; i < s->diff->replay_count; i++)
		if (!replay_add(&s->replay, s->diff->replays[i], result))
			return false;
	for (size_t i = 0; s->options->apic_page_read_only && i < s->replay.count; i++) {
		if (s->replay.files[i].program.cpus == 1)
			continue;
		ending_fill(result, RESULT_USAGE, "--apic-page=read-only with %s: %s",
			    s->replay.files[i].path, apic_page_one_cpu);
		return false;
	}
	return true;
}

static bool set_entries(struct session *s, struct result *result)
{
	unsigned count = ledger_count(s->ledger);

	s->entries = calloc(count + 1, sizeof(*s->entries));
	if (!s->entries) {
		ending_fill(result, RESULT_INTERNAL, "no memory for the ledger");
		return false;
	}
	for (unsigned i = 0; i < count; i++)
		s->entries[i] =
			(struct tally_entry){ledger_name(s->ledger, i), ledger_rule(s->ledger, i),
					     ledger_verdict(s->ledger, i), 0};
	s->tally.entries = s->entries;
	s->tally.entry_count = count;
	return true;
}

static bool open_ledger(struct session *s, struct result *result)
{
	const char *path = s->diff->ledger;
	FILE *from = path ? fopen(path, "re")
			  : fmemopen((void *)(uintptr_t)ledger_text, strlen(ledger_text), "r");
	char why[512];

	if (!from) {
		ending_fill(result, path ? RESULT_UNREADABLE : RESULT_INTERNAL, "--ledger %s: %s",
			    path ? path : "built in", strerror(errno));
		return false;
	}
	s->ledger = ledger_read(from, path ? path : "the ledger built in", why, sizeof(why));
	fclose(from);
	if (!s->ledger)
		ending_fill(result, path ? RESULT_BAD_IMAGE : RESULT_INTERNAL, "%s", why);
	return s->ledger && set_entries(s, result);
}

static bool open_lockstep(struct session *s, const struct kvm_calls *kvm,
			  struct host_traits *traits, struct result *result)
{
	struct host_error error;

	if (!host_probe(kvm, traits, &error)) {
		host_error_result(&error, result);
		return false;
	}
	if (s->options->apic_page_read_only && !apic_page_possible(traits, 1, result))
		return false;
	s->lockstep = lockstep_open(kvm, traits, &signal_seen, result);
	if (!s->lockstep)
		return false;
	if (s->options->apic_page_read_only)
		lockstep_show_page(s->lockstep);
	s->x2apic = s->options->x2apic && lockstep_x2apic(s->lockstep);
	s->tsc_deadline = s->options->tsc_deadline && lockstep_tsc_deadline(s->lockstep);
	return true;
}

/* Of what the results in a log are: the same words give the same results again. */
static bool identify(const struct session *s, char text[256], struct result *result)
{
	uint64_t build = FINGERPRINT_EMPTY;
	char cpus[16] = "any";
	const char *failed = NULL;

	if (!fingerprint_file(&build, SELF))
		failed = SELF;
	else if (s->diff->ledger && !fingerprint_file(&build, s->diff->ledger))
		failed = s->diff->ledger;
	if (failed) {
		ending_fill(result, RESULT_UNREADABLE, "%s: %s", failed, strerror(errno));
		return false;
	}
	if (s->diff->cpus)
		snprintf(cpus, sizeof(cpus), "%" PRIu32, s->diff->cpus);
	if (s->replay.count)
		snprintf(text, 256, "files=%zu programs=%016" PRIx64, s->replay.count,
			 replay_sum(&s->replay));
	else
		snprintf(text, 256,
			 "seed=%" PRIu64 " ops=%" PRIu32 " cpus=%s x2apic=%s "
			 "tsc-deadline=%s",
			 s->diff->seed, s->diff->ops, cpus, s->x2apic ? "yes" : "no",
			 s->tsc_deadline ? "yes" : "no");
	snprintf(text + strlen(text), 256 - strlen(text), "%s build-and-ledger=%016" PRIx64,
		 s->options->apic_page_read_only ? " apic-page=read-only" : "", build);
	return true;
}

static void tell_done(const struct session *s)
{
	fprintf(s->out, "%s: ", s->diff->log);
	report_print_amount(s->tally.count, "program", s->out);
	fputs(", ", s->out);
	report_print_amount(s->tally.done, "operation", s->out);
	fprintf(s->out, " done before; going on after %s\n",
		s->tally.rows[s->tally.count - 1].name);
}

static bool open_log(struct session *s, const struct campaign_config *config,
		     const struct campaign_calls *calls, struct result *result)
{
	char identity[256];

	if (!s->diff->log)
		return true;
	if (!identify(s, identity, result) ||
	    !journal_open(&s->journal, s->diff->log, identity, config->word, config->first,
			  calls->name, s, &s->tally, result))
		return false;
	if (s->journal.mended)
		fprintf(s->out, "%s: its last line was broken off and is dropped\n", s->diff->log);
	if (s->tally.count)
		tell_done(s);
	return true;
}

/* ---------------------------------------------------------------- a campaign */

static const char isr_lost_text[] =
	"note: KVM here gives each EOI itself when the processor takes the interrupt "
	"(vmm/diff/FINDINGS.md);\nISR was put back by KVM_SET_LAPIC each time, so that all else "
	"could be compared\n";

/* A consumer of the files alone sees it too. */
static bool add_broken_off(struct report *report, bool good, const struct result *result)
{
	const struct report_test test = {"the campaign came to its end", REPORT_FAILED, 0,
					 result->text};

	if (good || (result->kind != RESULT_SIGINT && result->kind != RESULT_SIGTERM))
		return true;
	return report_add(report, &test);
}

/* What beside --seed or --replay makes the same program of a number. */
static void say_again(const struct session *s, char text[1200])
{
	int used = 0;

	if (!s->replay.count)
		used = snprintf(text, 100, " --ops %" PRIu32, s->diff->ops);
	if (!s->replay.count && s->diff->cpus)
		used += snprintf(text + used, 100, " --cpus %" PRIu32, s->diff->cpus);
	snprintf(text + used, 1200 - (size_t)used, "%s", s->again);
}

/* Also where it was broken off: what has been run is told. */
static bool tell(struct session *s, int unmet, bool good, struct result *result)
{
	const struct options_diff *diff = s->diff;
	struct report report = {NULL, 0, 0};
	struct result files;
	char again[1200];

	if (s->shown_ms)
		fputs(CLEAR_LINE, stderr);
	report_print(&s->tally, s->out);
	if (lockstep_isr_lost(s->lockstep))
		fputs(isr_lost_text, s->out);
	if (s->options->apic_page_read_only)
		fputs(apic_page_left_out, s->out);
	say_again(s, again);
	if (!report_of_tally(&report, &s->tally, again, unmet) ||
	    !add_broken_off(&report, good, result)) {
		ending_fill(&files, RESULT_INTERNAL, "no memory for the report");
		good = report_output_failed(&files, good, result);
	} else if (!report_finish(&report, SUITE, s->out, diff->tap, diff->junit, &files)) {
		good = report_output_failed(&files, good, result);
	}
	report_free(&report);
	return good;
}

static bool run_campaign(struct session *s, struct result *result)
{
	bool files = s->replay.count != 0;
	const struct campaign_calls calls = {
		.program = files ? file_program : random_program,
		.name = files ? file_name : random_name,
		.run = run_program,
		.matches = ask_matches,
		.shrink = shrink,
		.now_ms = now_ms,
		.signal = ask_signal,
		.progress = show_progress,
		.opaque = s,
	};
	const struct campaign_config config = {
		.word = files ? "file" : "seed",
		.first = files ? 1 : s->diff->seed,
		.programs = files ? s->replay.count : s->diff->seeds,
		.time_ms = s->diff->time_ms,
		.all_met = s->diff->all_met,
		.save = s->diff->save,
		.again = s->again,
		.shrink_ms = SHRINK_MS,
		.shrink_tries = SHRINK_TRIES,
		.out = s->out,
	};
	bool good;
	int unmet;

	if (!open_log(s, &config, &calls, result))
		return false;
	good = campaign(&config, &calls, s->diff->log ? &s->journal : NULL, &s->tally, &unmet,
			result);
	return tell(s, unmet, good, result);
}

/* What needs no host comes first: a mistake is told at once. */
static bool diff_programs(const struct options *options, const struct kvm_calls *kvm,
			  struct result *result)
{
	struct session s = {
		.options = options,
		.diff = &options->diff,
		.out = report_stream(options->diff.tap, options->diff.junit),
		.journal = {.fd = -1},
	};
	struct host_traits traits;
	bool good;

	snprintf(s.again, sizeof(s.again), "%s%s%s",
		 options->apic_page_read_only ? " --apic-page=read-only" : "",
		 s.diff->ledger ? " --ledger " : "", s.diff->ledger ? s.diff->ledger : "");
	good = report_files_possible(s.diff->tap, s.diff->junit, result) &&
	       save_possible(s.diff->save, result) && open_replay(&s, result) &&
	       open_ledger(&s, result);

	if (good) {
		catch_signals();
		good = open_lockstep(&s, kvm, &traits, result) && run_campaign(&s, result);
	}
	journal_close(&s.journal);
	if (s.lockstep)
		lockstep_close(s.lockstep);
	tally_free(&s.tally);
	free(s.entries);
	if (s.ledger)
		ledger_free(s.ledger);
	replay_free(&s.replay);
	return good;
}

bool diff(const struct options *options, const struct kvm_calls *kvm, struct result *result)
{
	if (options->image)
		return image_diff(options, SELF, result);
	return diff_programs(options, kvm, result);
}
