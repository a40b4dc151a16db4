// SPDX-License-Identifier: BSD-2-Clause
// Reads the command line: one table of options, one function for each kind of value.
// Not getopt: QEMU's one-dash words, and a sentence for everything that is wrong.
#include "vmm/options.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/options_value.h"

#define DEFAULT_RAM  (UINT64_C(128) << 20)
#define DEFAULT_CPUS 1u
/* The tour sends interrupts between processors, so it gets somebody to send them to. */
#define TOUR_CPUS 2u

enum id {
	OPT_MEMORY,
	OPT_SMP,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_APPEND,
	OPT_NO_REBOOT,
	OPT_LAPIC,
	OPT_NO_X2APIC,
	OPT_NO_TSC_DEADLINE,
	OPT_TIMEOUT,
	OPT_RESULT_JSON,
	OPT_STATS,
	OPT_JSON,
	OPT_REPORT,
	OPT_HELP,
	OPT_VERSION
};

#define OF_RUN    1u
#define OF_DOCTOR 2u

/* Spelled as shown to people; accepted with one dash or two. */
struct option {
	const char *name;
	enum id id;
	unsigned verbs;
	const char *value; /* what it takes, or NULL */
};

static const struct option option_table[] = {
	{"-m", OPT_MEMORY, OF_RUN, "a size, such as 256M"},
	{"-smp", OPT_SMP, OF_RUN, "a number of processors"},
	{"-kernel", OPT_KERNEL, OF_RUN, "a file"},
	{"-initrd", OPT_INITRD, OF_RUN, "a file"},
	{"-append", OPT_APPEND, OF_RUN, "a command line"},
	{"-no-reboot", OPT_NO_REBOOT, OF_RUN, NULL},
	{"--lapic", OPT_LAPIC, OF_RUN, "the word user"},
	{"--no-x2apic", OPT_NO_X2APIC, OF_RUN, NULL},
	{"--no-tsc-deadline", OPT_NO_TSC_DEADLINE, OF_RUN, NULL},
	{"--timeout", OPT_TIMEOUT, OF_RUN, "a number of seconds"},
	{"--result-json", OPT_RESULT_JSON, OF_RUN, "a file"},
	{"--stats", OPT_STATS, OF_RUN, NULL},
	{"--json", OPT_JSON, OF_DOCTOR, NULL},
	{"--report", OPT_REPORT, OF_DOCTOR, "a file"},
	{"--help", OPT_HELP, OF_RUN | OF_DOCTOR, NULL},
	{"-h", OPT_HELP, OF_RUN | OF_DOCTOR, NULL},
	{"--version", OPT_VERSION, OF_RUN | OF_DOCTOR, NULL},
};

static const struct verb {
	const char *name;
	enum options_verb verb;
	unsigned takes;
} verb_table[] = {
	{"run", OPTIONS_RUN, OF_RUN},
	{"doctor", OPTIONS_DOCTOR, OF_DOCTOR},
	{"help", OPTIONS_HELP, 0},
	{"version", OPTIONS_VERSION, 0},
};

struct parser {
	struct options *options;
	const struct verb *verb;
	int argc;
	char **argv;
	int next; /* index of the next word */
	bool cpus_given;
	char *why;
	size_t why_size;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

#define SPELLING_MAX 24u

/* Insertions, deletions and replacements that turn a into b; words longer than SPELLING_MAX are far
 * from all. */
static size_t distance(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b), line[SPELLING_MAX + 1];

	if (rows > SPELLING_MAX || columns > SPELLING_MAX)
		return SPELLING_MAX;
	for (size_t j = 0; j <= columns; j++)
		line[j] = j;
	for (size_t i = 1; i <= rows; i++) {
		size_t diagonal = line[0];

		line[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = line[j];
			if (line[j] + 1 < best)
				best = line[j] + 1;
			if (line[j - 1] + 1 < best)
				best = line[j - 1] + 1;
			line[j] = best;
		}
	}
	return line[columns];
}

/* Near enough to be meant: a third of the word may be wrong. */
static bool nearer(const char *word, const char *name, size_t *best)
{
	size_t d = distance(word, name);

	if (d >= *best || d * 3 > strlen(name))
		return false;
	*best = d;
	return true;
}

static const char *nearest_option(const char *word, unsigned verbs)
{
	const char *found = NULL;
	size_t best = SPELLING_MAX;

	for (size_t i = 0; i < COUNT(option_table); i++)
		if ((option_table[i].verbs & verbs) &&
		    nearer(word, without_dashes(option_table[i].name), &best))
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
	char word[SPELLING_MAX + 2];
	const char *near;

	snprintf(word, sizeof(word), "%.*s", (int)(length < sizeof(word) ? length : sizeof(word)),
		 without_dashes(given));
	near = nearest_option(word, p->verb->takes);
	if (near)
		return refuse(p, "unknown option '%s'; did you mean %s?", given, near);
	return refuse(p, "unknown option '%s'; lapicvm --help lists all", given);
}

/* ---------------------------------------------------------------- values */

static bool take_lapic(const struct parser *p, const char *value)
{
	if (strcmp(value, "user") == 0)
		return true;
	if (strcmp(value, "kernel") == 0)
		return refuse(p, "--lapic=kernel: lapicvm has its Local APIC in user space only; "
				 "leave the option out, or give --lapic=user");
	return refuse(p, "--lapic=%s: no such place; give --lapic=user", value);
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

	switch (option->id) {
	case OPT_MEMORY: return options_memory(value, &o->ram_bytes, p->why, p->why_size);
	case OPT_SMP:
		p->cpus_given = true;
		return options_cpus(value, &o->cpus, p->why, p->why_size);
	case OPT_KERNEL: return take_image(p, value);
	case OPT_INITRD: return take_initrd(p, value);
	case OPT_APPEND: o->append = value; return true;
	case OPT_NO_REBOOT: o->no_reboot = true; return true;
	case OPT_LAPIC: return take_lapic(p, value);
	case OPT_NO_X2APIC: o->x2apic = false; return true;
	case OPT_NO_TSC_DEADLINE: o->tsc_deadline = false; return true;
	case OPT_TIMEOUT: return options_timeout(value, &o->timeout_ms, p->why, p->why_size);
	case OPT_RESULT_JSON: return take_output(p, option, value, &o->result_json);
	case OPT_STATS: o->stats = true; return true;
	case OPT_JSON: o->json = true; return true;
	case OPT_REPORT: return take_output(p, option, value, &o->report);
	case OPT_HELP: o->verb = OPTIONS_HELP; return true;
	case OPT_VERSION: o->verb = OPTIONS_VERSION; return true;
	}
	return refuse(p, "option %s is not handled", option->name);
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
			      option->verbs & OF_RUN ? "run" : "doctor", p->verb->name);
	if (!option->value && equals)
		return refuse(p, "%s takes no value, but '%s' gives one", option->name, given);
	if (!option->value)
		return take(p, option, "");
	if (equals)
		return take(p, option, equals + 1);
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
	if (p->verb->verb == OPTIONS_RUN)
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
	size_t best = SPELLING_MAX;

	if (p->argc < 2) {
		refuse(p, "say what to do: 'lapicvm run' boots the built-in tour, "
			  "'lapicvm --help' lists the rest");
		return NULL;
	}
	word = p->argv[p->next++];
	for (size_t i = 0; i < COUNT(verb_table); i++) {
		if (is_verb(&verb_table[i], word))
			return &verb_table[i];
		if (nearer(word, verb_table[i].name, &best))
			near = verb_table[i].name;
	}
	if (word[0] == '-')
		refuse(p, "'%s' stands where 'run' or 'doctor' is expected", word);
	else if (near)
		refuse(p, "no command '%s'; did you mean %s?", word, near);
	else
		refuse(p,
		       "no command '%s'; to boot an image say 'lapicvm run IMAGE', to check this "
		       "host 'lapicvm doctor'",
		       word);
	return NULL;
}

static bool check_whole(struct parser *p)
{
	struct options *o = p->options;

	if (!p->cpus_given)
		o->cpus = o->image ? DEFAULT_CPUS : TOUR_CPUS;
	if (o->cpus > OPTIONS_MAX_XAPIC_CPUS && !o->x2apic)
		return refuse(p,
			      "-smp %" PRIu32 " with --no-x2apic: an xAPIC ID has 8 bits; at most "
			      "%d processors without x2APIC",
			      o->cpus, OPTIONS_MAX_XAPIC_CPUS);
	return true;
}

bool options_parse(int argc, char **argv, struct options *options, char *why, size_t why_size)
{
	struct parser p = {NULL, NULL, argc, argv, 1, false, why, why_size};

	*options = (struct options){.ram_bytes = DEFAULT_RAM, .x2apic = true, .tsc_deadline = true};
	p.options = options;
	p.verb = parse_verb(&p);
	if (!p.verb)
		return false;
	options->verb = p.verb->verb;
	while (p.next < argc && options->verb == p.verb->verb && p.verb->takes) {
		char *word = argv[p.next++];

		if (strcmp(word, "--") == 0 && options->verb == OPTIONS_RUN) {
			options->guest_args = &argv[p.next];
			options->guest_arg_count = argc - p.next;
			break;
		}
		if (!parse_word(&p, word))
			return false;
	}
	return options->verb != OPTIONS_RUN || check_whole(&p);
}

const char *options_help(void)
{
	return "lapicvm boots a guest on KVM with its whole Local APIC in user space.\n"
	       "\n"
	       "  lapicvm run [IMAGE] [options] [-- guest arguments]\n"
	       "        boots IMAGE (ELF64, flat binary or multiboot), or the built-in tour\n"
	       "  lapicvm doctor [--json] [--report FILE]\n"
	       "        says what this host's /dev/kvm does and what follows from it\n"
	       "\n"
	       "Options of run:\n"
	       "  -m SIZE             guest RAM: 256M, 1G, 4096K; a number alone is MiB (128M)\n"
	       "  -smp N              processors, 1 to 1024 (1; the tour has 2)\n"
	       "  -kernel FILE        the image, as QEMU spells it\n"
	       "  -initrd FILE        a module for the guest; may be given more than once\n"
	       "  -append TEXT        the guest's command line\n"
	       "  -no-reboot          a reset by the guest ends the run instead of starting anew\n"
	       "  --lapic=user        where the Local APIC is; user space is the only place\n"
	       "  --no-x2apic         hide x2APIC from the guest\n"
	       "  --no-tsc-deadline   hide the TSC-deadline timer from the guest\n"
	       "  --timeout SECONDS   end the run after this long (exit status 124)\n"
	       "  --result-json FILE  write how the run ended\n"
	       "  --stats             print exits, interrupts and timer latencies at the end\n"
	       "\n"
	       "The guest's serial port is stdin and stdout; Ctrl-a x ends, Ctrl-a Ctrl-a sends\n"
	       "Ctrl-a. Exit status: 0-63 the guest's own; 64 usage; 65 bad image; 66 unreadable\n"
	       "file; 69 no usable /dev/kvm; 70 defect in lapicvm; 74 output failed; 77 the host\n"
	       "lacks a feature; 96 triple fault; 97 halted for ever; 124 timeout; 130, 143\n"
	       "signals. `man lapicvm` (here: man/lapicvm.1) says more. Also: --help, --version.\n";
}
