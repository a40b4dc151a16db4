// SPDX-License-Identifier: BSD-2-Clause
// Reads the command line: one table of options, one function for each kind of value.
// Not getopt: QEMU's one-dash words, and a sentence for everything that is wrong.
#include "vmm/options.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/apic_page.h"
#include "vmm/diff/program.h"
#include "vmm/options_smp.h"
#include "vmm/options_spelling.h"
#include "vmm/options_value.h"
#include "vmm/topology.h"

#define DEFAULT_RAM  (UINT64_C(128) << 20)
#define DEFAULT_CPUS 1u
#define DEFAULT_OPS  1000u
/* The tour sends interrupts between processors, so it gets somebody to send them to. */
#define TOUR_CPUS 2u

enum id {
	OPT_MEMORY,
	OPT_SMP,
	OPT_KERNEL,
	OPT_BIOS,
	OPT_INITRD,
	OPT_APPEND,
	OPT_NO_REBOOT,
	OPT_HPET,
	OPT_ACPI,
	OPT_MPTABLE,
	OPT_LAPIC,
	OPT_APIC_PAGE,
	OPT_HOP,
	OPT_HOP_DROP,
	OPT_HALT_POLL,
	OPT_TIMER_ADVANCE,
	OPT_NO_X2APIC,
	OPT_NO_TSC_DEADLINE,
	OPT_PV_EOI,
	OPT_TIMEOUT,
	OPT_RESULT_JSON,
	OPT_STATS,
	OPT_DUMP_STATE,
	OPT_FORMAT,
	OPT_DUMP_SCREEN,
	OPT_SEED,
	OPT_SEEDS,
	OPT_TIME,
	OPT_OPS,
	OPT_CPUS,
	OPT_REPLAY,
	OPT_LOG,
	OPT_LEDGER,
	OPT_SAVE,
	OPT_RESTORE,
	OPT_TRACE,
	OPT_ALL_MET,
	OPT_COUNTS,
	OPT_CONSOLE,
	OPT_TAP,
	OPT_JUNIT,
	OPT_JSON,
	OPT_REPORT,
	OPT_HELP,
	OPT_VERSION
};

/* More than a sleep is late on a host that has time for it. */
#define ADVANCE_US   50
#define HALT_POLL_US 200

#define OF_RUN       1u
#define OF_DOCTOR    2u
/* The three forms of diff. */
#define OF_RANDOM   4u
#define OF_REPLAY   8u
#define OF_IMAGE    16u
#define OF_PROGRAMS (OF_RANDOM | OF_REPLAY)
#define OF_DIFF     (OF_PROGRAMS | OF_IMAGE)
#define OF_GUEST    (OF_RUN | OF_IMAGE)
/* What a saved machine brings with it. */
#define OF_SHAPE     32u
#define OF_ALL       (OF_RUN | OF_DOCTOR | OF_DIFF)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Spelled as shown to people; accepted with one dash or two. */
struct option {
	const char *name;
	enum id id;
	unsigned verbs;
	const char *value; /* what it takes, or NULL */
};

static const struct option option_table[] = {
	{"-m", OPT_MEMORY, OF_GUEST | OF_SHAPE, "a size, such as 256M"},
	{"-smp", OPT_SMP, OF_GUEST | OF_SHAPE, "a number of processors"},
	{"-kernel", OPT_KERNEL, OF_GUEST | OF_SHAPE, "a file"},
	{"-bios", OPT_BIOS, OF_RUN | OF_SHAPE, "a file"},
	{"-initrd", OPT_INITRD, OF_GUEST | OF_SHAPE, "a file"},
	{"-append", OPT_APPEND, OF_GUEST | OF_SHAPE, "a command line"},
	{"-no-reboot", OPT_NO_REBOOT, OF_GUEST, NULL},
	{"--hpet", OPT_HPET, OF_GUEST | OF_SHAPE, NULL},
	{"--acpi", OPT_ACPI, OF_GUEST | OF_SHAPE, "the word on or off"},
	{"--mptable", OPT_MPTABLE, OF_GUEST | OF_SHAPE, "the word on or off"},
	{"--lapic", OPT_LAPIC, OF_RUN, "the word user or kernel"},
	{"--apic-page", OPT_APIC_PAGE, OF_RUN | OF_PROGRAMS, "the word exits or read-only"},
	{"--hop", OPT_HOP, OF_RUN, "a number of milliseconds"},
	{"--hop-drop", OPT_HOP_DROP, OF_RUN, "a number of hops"},
	{"--halt-poll", OPT_HALT_POLL, OF_RUN, "a number of microseconds"},
	{"--timer-advance", OPT_TIMER_ADVANCE, OF_RUN, "a number of microseconds"},
	{"--no-x2apic", OPT_NO_X2APIC, OF_GUEST | OF_RANDOM | OF_SHAPE, NULL},
	{"--no-tsc-deadline", OPT_NO_TSC_DEADLINE, OF_GUEST | OF_RANDOM | OF_SHAPE, NULL},
	{"--pv-eoi", OPT_PV_EOI, OF_GUEST | OF_SHAPE, NULL},
	{"--timeout", OPT_TIMEOUT, OF_GUEST, "a number of seconds"},
	{"--result-json", OPT_RESULT_JSON, OF_RUN, "a file"},
	{"--stats", OPT_STATS, OF_RUN, NULL},
	{"--dump-state", OPT_DUMP_STATE, OF_RUN, "a file"},
	{"--format", OPT_FORMAT, OF_RUN, "qemu, linux or json"},
	{"--dump-screen", OPT_DUMP_SCREEN, OF_RUN, "a file"},
	{"--seed", OPT_SEED, OF_RANDOM, "a number"},
	{"--seeds", OPT_SEEDS, OF_RANDOM, "a number of programs"},
	{"--time", OPT_TIME, OF_RANDOM, "a time, such as 10m"},
	{"--ops", OPT_OPS, OF_RANDOM, "a number of operations"},
	{"--cpus", OPT_CPUS, OF_RANDOM, "a number of processors"},
	{"--replay", OPT_REPLAY, OF_REPLAY, "a file"},
	{"--log", OPT_LOG, OF_PROGRAMS, "a file"},
	{"--ledger", OPT_LEDGER, OF_PROGRAMS, "a file"},
	{"--save", OPT_SAVE, OF_RUN | OF_PROGRAMS, "a file, or with diff a folder"},
	{"--restore", OPT_RESTORE, OF_RUN, "a file"},
	{"--trace", OPT_TRACE, OF_PROGRAMS, NULL},
	{"--all-met", OPT_ALL_MET, OF_PROGRAMS, NULL},
	{"--counts", OPT_COUNTS, OF_IMAGE, "exact, about or ignore"},
	{"--console", OPT_CONSOLE, OF_IMAGE, "exact, numbers or ignore"},
	{"--tap", OPT_TAP, OF_DIFF, "a file"},
	{"--junit", OPT_JUNIT, OF_DIFF, "a file"},
	{"--json", OPT_JSON, OF_DOCTOR, NULL},
	{"--report", OPT_REPORT, OF_DOCTOR, "a file"},
	{"--help", OPT_HELP, OF_ALL, NULL},
	{"-h", OPT_HELP, OF_ALL, NULL},
	{"--version", OPT_VERSION, OF_ALL, NULL},
};

static const struct verb {
	const char *name;
	enum options_verb verb;
	unsigned takes;
} verb_table[] = {
	{"run", OPTIONS_RUN, OF_RUN},          {"diff", OPTIONS_DIFF, OF_DIFF},
	{"doctor", OPTIONS_DOCTOR, OF_DOCTOR}, {"help", OPTIONS_HELP, 0},
	{"version", OPTIONS_VERSION, 0},
};

struct parser {
	struct options *options;
	const struct verb *verb;
	int argc;
	char **argv;
	int next;                                        /* index of the next word */
	const struct option *given[COUNT(option_table)]; /* by place in option_table; or NULL */
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct parser *p, const char *format,
							 ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(p->why, p->why_size, format, arguments);
	va_end(arguments);
	return false;
}

/* ---------------------------------------------------------------- spelling */

static const char *without_dashes(const char *word)
{
	if (word[0] == '-')
		word++;
	if (word[0] == '-')
		word++;
	return word;
}

static const char *nearest_option(const char *word, unsigned verbs)
{
	const char *found = NULL;
	size_t best = OPTIONS_SPELLING_MAX;

	for (size_t i = 0; i < COUNT(option_table); i++)
		if ((option_table[i].verbs & verbs) &&
		    options_nearer(word, without_dashes(option_table[i].name), &best))
			found = option_table[i].name;
	return found;
}

static const struct option *find_option(const char *word, size_t length)
{
	for (size_t i = 0; i < COUNT(option_table); i++) {
		const char *name = without_dashes(option_table[i].name);

		if (strlen(name) == length && memcmp(name, word, length) == 0)
			return &option_table[i];
	}
	return NULL;
}

static bool unknown_option(const struct parser *p, const char *given, size_t length)
{
	char word[OPTIONS_SPELLING_MAX + 2];
	const char *near;

	snprintf(word, sizeof(word), "%.*s", (int)(length < sizeof(word) ? length : sizeof(word)),
		 without_dashes(given));
	near = nearest_option(word, p->verb->takes);
	if (near)
		return refuse(p, "unknown option '%s'; did you mean %s?", given, near);
	return refuse(p, "unknown option '%s'; lapicvm %s --help lists all", given, p->verb->name);
}

/* ---------------------------------------------------------------- values */

static bool take_off(struct parser *p, const char *name, const char *value, bool *off)
{
	*off = strcmp(value, "off") == 0;
	if (*off || strcmp(value, "on") == 0)
		return true;
	return refuse(p, "%s: '%s' is neither on nor off", name, value);
}

static bool take_lapic(const struct parser *p, const char *value)
{
	bool kernel = strcmp(value, "kernel") == 0;

	if (!kernel && strcmp(value, "user") != 0)
		return refuse(p, "--lapic=%s: no such place; give --lapic=user or --lapic=kernel",
			      value);
	p->options->kernel_lapic = kernel;
	return true;
}

static bool take_apic_page(const struct parser *p, const char *value)
{
	bool read_only = strcmp(value, "read-only") == 0;

	if (!read_only && strcmp(value, "exits") != 0)
		return refuse(p, "--apic-page=%s: give exits or read-only", value);
	p->options->apic_page_read_only = read_only;
	return true;
}

static bool take_image(const struct parser *p, const char *file)
{
	if (file[0] == '\0')
		return refuse(p, "the name of the image is empty; give a file, or nothing for the "
				 "built-in tour");
	if (p->options->image)
		return refuse(p,
			      "two images, '%s' and '%s'; give one (guest arguments come after "
			      "--, modules with -initrd)",
			      p->options->image, file);
	p->options->image = file;
	return true;
}

static bool take_initrd(const struct parser *p, const char *file)
{
	if (file[0] == '\0')
		return refuse(p, "-initrd: the name of the file is empty");
	if (p->options->initrd_count == OPTIONS_MAX_INITRDS)
		return refuse(p, "-initrd %s: too many modules; at most %d", file,
			      OPTIONS_MAX_INITRDS);
	p->options->initrds[p->options->initrd_count++] = file;
	return true;
}

static bool take_replay(const struct parser *p, const char *file)
{
	struct options_diff *diff = &p->options->diff;

	if (file[0] == '\0')
		return refuse(p, "--replay: the name of the file is empty");
	if (diff->replay_count == OPTIONS_MAX_REPLAYS)
		return refuse(p,
			      "--replay %s: at most %d may be given; put them into a folder and "
			      "give that",
			      file, OPTIONS_MAX_REPLAYS);
	diff->replays[diff->replay_count++] = file;
	return true;
}

/* The place of `value` among the words, or -1. */
static int place_among(const char *value, const char *const *words, int count)
{
	int i = count;

	while (i-- > 0 && strcmp(value, words[i]) != 0)
		;
	return i;
}

static bool take_counts(const struct parser *p, const char *value)
{
	static const char *const words[] = {
		[OPTIONS_COUNTS_ABOUT] = "about",
		[OPTIONS_COUNTS_EXACT] = "exact",
		[OPTIONS_COUNTS_IGNORE] = "ignore",
	};
	int i = place_among(value, words, COUNT(words));

	p->options->diff.counts = (enum options_counts)i;
	return i >= 0 || refuse(p, "--counts=%s: give exact, about or ignore", value);
}

static bool take_console(const struct parser *p, const char *value)
{
	static const char *const words[] = {
		[OPTIONS_CONSOLE_EXACT] = "exact",
		[OPTIONS_CONSOLE_NUMBERS] = "numbers",
		[OPTIONS_CONSOLE_IGNORE] = "ignore",
	};
	int i = place_among(value, words, COUNT(words));

	p->options->diff.console = (enum options_consoles)i;
	return i >= 0 || refuse(p, "--console=%s: give exact, numbers or ignore", value);
}

static bool take_format(const struct parser *p, const char *value)
{
	static const char *const words[] = {
		[INFO_QEMU] = "qemu",
		[INFO_LINUX] = "linux",
		[INFO_JSON] = "json",
	};
	int i = place_among(value, words, COUNT(words));

	p->options->format = (enum info_format)i;
	return i >= 0 || refuse(p, "--format=%s: give qemu, linux or json", value);
}

static bool take_number(const struct parser *p, const struct option *option, const char *value,
			uint64_t most, uint64_t *to)
{
	return options_number(option->name, value, most, to, p->why, p->why_size);
}

static bool take_small(const struct parser *p, const struct option *option, const char *value,
		       uint32_t most, uint32_t *to)
{
	uint64_t number;

	if (!take_number(p, option, value, most, &number))
		return false;
	*to = (uint32_t)number;
	return true;
}

/* Microseconds, or 0 for never. */
static bool take_us(const struct parser *p, const struct option *option, const char *value,
		    uint32_t *to)
{
	bool good = true;

	*to = 0;
	if (strcmp(value, "0") != 0)
		good = take_small(p, option, value, OPTIONS_MAX_US, to);
	if (!good)
		snprintf(p->why + strlen(p->why), p->why_size - strlen(p->why), ", or 0 for never");
	return good;
}

static const char **take_save(const struct parser *p)
{
	return p->verb->verb == OPTIONS_RUN ? &p->options->save : &p->options->diff.save;
}

static bool take_output(const struct parser *p, const struct option *option, const char *file,
			const char **to)
{
	if (file[0] == '\0')
		return refuse(p, "%s: the name of the file is empty", option->name);
	*to = file;
	return true;
}

/* ---------------------------------------------------------------- words */

static bool take(struct parser *p, const struct option *option, const char *value)
{
	struct options *o = p->options;
	struct options_diff *diff = &o->diff;

	p->given[option - option_table] = option;
	switch (option->id) {
	case OPT_MEMORY: return options_memory(value, &o->ram_bytes, p->why, p->why_size);
	case OPT_SMP: return options_smp(value, o, p->why, p->why_size);
	case OPT_KERNEL: return take_image(p, value);
	case OPT_BIOS: return take_output(p, option, value, &o->bios);
	case OPT_INITRD: return take_initrd(p, value);
	case OPT_APPEND: o->append = value; return true;
	case OPT_NO_REBOOT: o->no_reboot = true; return true;
	case OPT_HPET: o->hpet = true; return true;
	case OPT_ACPI: return take_off(p, "--acpi", value, &o->no_acpi);
	case OPT_MPTABLE: return take_off(p, "--mptable", value, &o->no_mptable);
	case OPT_LAPIC: return take_lapic(p, value);
	case OPT_APIC_PAGE: return take_apic_page(p, value);
	case OPT_HOP: return take_small(p, option, value, OPTIONS_MAX_HOP_MS, &o->hop_ms);
	case OPT_HOP_DROP: return take_small(p, option, value, UINT32_MAX, &o->hop_drop);
	case OPT_HALT_POLL: return take_us(p, option, value, &p->options->halt_poll_us);
	case OPT_TIMER_ADVANCE: return take_us(p, option, value, &p->options->timer_advance_us);
	case OPT_NO_X2APIC: o->x2apic = false; return true;
	case OPT_NO_TSC_DEADLINE: o->tsc_deadline = false; return true;
	case OPT_PV_EOI: o->pv_eoi = true; return true;
	case OPT_TIMEOUT: return options_timeout(value, &o->timeout_ms, p->why, p->why_size);
	case OPT_RESULT_JSON: return take_output(p, option, value, &o->result_json);
	case OPT_STATS: o->stats = true; return true;
	case OPT_DUMP_STATE: return take_output(p, option, value, &o->dump_state);
	case OPT_FORMAT: return take_format(p, value);
	case OPT_DUMP_SCREEN: return take_output(p, option, value, &o->dump_screen);
	case OPT_SEED: return take_number(p, option, value, INT64_MAX, &diff->seed);
	case OPT_SEEDS: return take_number(p, option, value, INT64_MAX, &diff->seeds);
	case OPT_TIME: return options_duration(value, &diff->time_ms, p->why, p->why_size);
	case OPT_OPS: return take_small(p, option, value, PROGRAM_OPS_MAX, &diff->ops);
	case OPT_CPUS: return take_small(p, option, value, PROGRAM_CPUS_MAX, &diff->cpus);
	case OPT_REPLAY: return take_replay(p, value);
	case OPT_LOG: return take_output(p, option, value, &diff->log);
	case OPT_LEDGER: return take_output(p, option, value, &diff->ledger);
	case OPT_SAVE: return take_output(p, option, value, take_save(p));
	case OPT_RESTORE: return take_output(p, option, value, &o->restore);
	case OPT_TRACE: diff->trace = true; return true;
	case OPT_ALL_MET: diff->all_met = true; return true;
	case OPT_COUNTS: return take_counts(p, value);
	case OPT_CONSOLE: return take_console(p, value);
	case OPT_TAP: return take_output(p, option, value, &diff->tap);
	case OPT_JUNIT: return take_output(p, option, value, &diff->junit);
	case OPT_JSON: o->json = true; return true;
	case OPT_REPORT: return take_output(p, option, value, &o->report);
	case OPT_HELP: o->verb = OPTIONS_HELP; return true;
	case OPT_VERSION: o->verb = OPTIONS_VERSION; return true;
	}
	return refuse(p, "option %s is not handled", option->name);
}

static const char *owner(const struct option *option)
{
	for (size_t i = 0; i < COUNT(verb_table); i++)
		if (verb_table[i].takes & option->verbs)
			return verb_table[i].name;
	return "lapicvm";
}

/* `given` starts with a dash; its value stands behind '=' or is the next word. */
static bool parse_option(struct parser *p, const char *given)
{
	const char *word = without_dashes(given), *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : strlen(word);
	const struct option *option = find_option(word, length);

	if (!option)
		return unknown_option(p, given, length);
	if (!(option->verbs & p->verb->takes))
		return refuse(p, "%s is an option of '%s', not of '%s'", option->name,
			      owner(option), p->verb->name);
	if (!option->value && equals)
		return refuse(p, "%s takes no value, but '%s' gives one", option->name, given);
	if (!option->value)
		return take(p, option, "");
	if (equals)
		return take(p, option, equals + 1);
	/* Its file stands behind '=' or not at all. */
	if (option->id == OPT_DUMP_STATE)
		return take(p, option, "-");
	if (p->next == p->argc)
		return refuse(p, "%s needs %s after it", option->name, option->value);
	return take(p, option, p->argv[p->next++]);
}

static bool parse_word(struct parser *p, const char *word)
{
	if (strcmp(word, "-") == 0)
		return refuse(p, "'-': an image is not read from standard input; give a file");
	if (word[0] == '-')
		return parse_option(p, word);
	if (p->verb->takes & OF_GUEST)
		return take_image(p, word);
	return refuse(p, "'%s' takes no argument, but '%s' is one", p->verb->name, word);
}

static bool is_verb(const struct verb *verb, const char *word)
{
	if (strcmp(word, "-h") == 0)
		return verb->verb == OPTIONS_HELP;
	if (verb->takes == 0)
		word = without_dashes(word);
	return strcmp(word, verb->name) == 0;
}

/* The first word says what to do; --help and --version may stand there too. NULL: refused. */
static const struct verb *parse_verb(struct parser *p)
{
	const char *near = NULL, *word;
	size_t best = OPTIONS_SPELLING_MAX;

	if (p->argc < 2) {
		refuse(p, "say what to do: 'lapicvm run' boots the built-in tour, "
			  "'lapicvm --help' lists the rest");
		return NULL;
	}
	word = p->argv[p->next++];
	for (size_t i = 0; i < COUNT(verb_table); i++) {
		if (is_verb(&verb_table[i], word))
			return &verb_table[i];
		if (options_nearer(word, verb_table[i].name, &best))
			near = verb_table[i].name;
	}
	if (word[0] == '-')
		refuse(p, "'%s' stands where 'run', 'diff' or 'doctor' is expected", word);
	else if (near)
		refuse(p, "no command '%s'; did you mean %s?", word, near);
	else
		refuse(p,
		       "no command '%s'; to boot an image say 'lapicvm run IMAGE', to check this "
		       "host 'lapicvm doctor'",
		       word);
	return NULL;
}

static bool is_given(const struct parser *p, enum id id)
{
	for (size_t i = 0; i < COUNT(p->given); i++)
		if (p->given[i] && p->given[i]->id == id)
			return true;
	return false;
}

/* All that shapes the machine is in the file. */
static bool check_restore(const struct parser *p)
{
	const struct options *o = p->options;

	for (size_t i = 0; i < COUNT(p->given); i++)
		if (p->given[i] && (p->given[i]->verbs & OF_SHAPE))
			return refuse(p,
				      "%s with --restore: the machine is the one in %s; leave it "
				      "out",
				      p->given[i]->name, o->restore);
	if (o->image)
		return refuse(p, "--restore %s with the image %s: the guest is the one in the file",
			      o->restore, o->image);
	if (o->guest_args)
		return refuse(p, "--restore %s with guest arguments: the guest runs already",
			      o->restore);
	return true;
}

static bool check_apic_page(const struct parser *p)
{
	const struct options *o = p->options;

	if (!o->apic_page_read_only)
		return true;
	if (o->kernel_lapic || o->hop_ms)
		return refuse(p,
			      "--apic-page=read-only with %s: KVM's own Local APIC answers reads "
			      "itself; leave one of the two out",
			      o->hop_ms ? "--hop" : "--lapic=kernel");
	if (o->pv_eoi)
		return refuse(
			p, "--apic-page=read-only with --pv-eoi: an EOI without an exit would not "
			   "show in the page; leave one of the two out");
	if (o->cpus > 1)
		return refuse(p, "--apic-page=read-only with -smp %" PRIu32 ": %s", o->cpus,
			      apic_page_one_cpu);
	if (o->diff.cpus > 1)
		return refuse(p, "--apic-page=read-only with --cpus %" PRIu32 ": %s", o->diff.cpus,
			      apic_page_one_cpu);
	return true;
}

static bool check_guest(struct parser *p)
{
	struct options *o = p->options;
	bool alone = o->image || o->bios || o->apic_page_read_only;
	struct topology topology;

	if (o->hop_drop && !o->hop_ms)
		return refuse(p, "--hop-drop without --hop: there is no hop to lose a vector at");
	if (o->restore)
		return check_restore(p) && check_apic_page(p);

	if (!is_given(p, OPT_SMP))
		o->cpus = alone ? DEFAULT_CPUS : TOUR_CPUS;
	if (!check_apic_page(p))
		return false;
	if (o->bios && (o->image || o->initrd_count || o->append || o->guest_args))
		return refuse(p,
			      "-bios %s: firmware is started alone; leave the image, -initrd, "
			      "-append and guest arguments out",
			      o->bios);
	topology = topology_of(o);
	if (topology_last_apic_id(&topology) > TOPOLOGY_XAPIC_LAST && !o->x2apic)
		return refuse(p,
			      "-smp %" PRIu32 " with --no-x2apic: APIC IDs would go up to %" PRIu32
			      ", and without x2APIC they have 8 bits; at most %u",
			      o->cpus, topology_last_apic_id(&topology), TOPOLOGY_XAPIC_LAST);
	return true;
}

/* What to give, or leave out, so that this option means something. */
static const char *form_wanted(const struct option *option, unsigned form)
{
	if (option->verbs & OF_IMAGE)
		return "a whole guest: it needs an IMAGE, and no --replay";
	if (form == OF_IMAGE)
		return "programs of operations, not for a whole guest: leave it or the image out";
	return "random programs: leave it or --replay out";
}

static bool check_diff(struct parser *p)
{
	struct options *o = p->options;
	struct options_diff *diff = &o->diff;
	unsigned form = o->image ? OF_IMAGE : diff->replay_count ? OF_REPLAY : OF_RANDOM;

	for (size_t i = 0; i < COUNT(p->given); i++)
		if (p->given[i] && !(p->given[i]->verbs & form))
			return refuse(p, "%s is for %s", p->given[i]->name,
				      form_wanted(p->given[i], form));
	if (o->guest_args && form != OF_IMAGE)
		return refuse(p, "guest arguments after -- need an IMAGE before them");
	if (diff->tap && diff->junit && strcmp(diff->tap, "-") == 0 &&
	    strcmp(diff->junit, "-") == 0)
		return refuse(p, "--tap and --junit both to standard output; give one a file");
	if (o->apic_page_read_only && !is_given(p, OPT_CPUS))
		diff->cpus = 1;
	if (!is_given(p, OPT_SEEDS) && !is_given(p, OPT_TIME))
		diff->seeds = 1;
	if (diff->seeds && diff->seeds - 1 > INT64_MAX - diff->seed)
		return refuse(p,
			      "--seed %" PRIu64 " with --seeds %" PRIu64
			      ": a seed is at most %" PRId64,
			      diff->seed, diff->seeds, INT64_MAX);
	return check_guest(p);
}

static bool check_whole(struct parser *p)
{
	switch (p->options->verb) {
	case OPTIONS_RUN: return check_guest(p);
	case OPTIONS_DIFF: return check_diff(p);
	default: return true;
	}
}

bool options_both_lapics(const struct options *o)
{
	return o->hop_ms || (o->kernel_lapic && (o->save || o->restore));
}

bool options_parse(int argc, char **argv, struct options *options, char *why, size_t why_size)
{
	struct parser p = {
		.options = options,
		.argc = argc,
		.argv = argv,
		.next = 1,
		.why = why,
		.why_size = why_size,
	};

	*options = (struct options){
		.ram_bytes = DEFAULT_RAM,
		.x2apic = true,
		.halt_poll_us = HALT_POLL_US,
		.timer_advance_us = ADVANCE_US,
		.tsc_deadline = true,
		.diff = {.seed = 1, .ops = DEFAULT_OPS, .save = "."},
	};
	p.verb = parse_verb(&p);
	if (!p.verb)
		return false;
	options->verb = options->topic = p.verb->verb;
	while (p.next < argc && options->verb == p.verb->verb && p.verb->takes) {
		char *word = argv[p.next++];

		if (strcmp(word, "--") == 0 && (p.verb->takes & OF_GUEST)) {
			options->guest_args = &argv[p.next];
			options->guest_arg_count = argc - p.next;
			break;
		}
		if (!parse_word(&p, word))
			return false;
	}
	return check_whole(&p);
}
