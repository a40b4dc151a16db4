// SPDX-License-Identifier: BSD-2-Clause
// One table of commands and what each does.
// Not the words in which state is printed: the info_* files have those.

#include "vmm/monitor_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/info_cpu.h"
#include "vmm/info_ioapic.h"
#include "vmm/info_pic.h"
#include "vmm/info_waits.h"
#include "vmm/machine.h"
#include "vmm/monitor.h"

#define WORDS_MAX 4u

struct words {
	char text[MONITOR_LINE];
	const char *word[WORDS_MAX];
	unsigned count; /* may be more than fit */
};

struct command {
	const char *first, *second; /* second: NULL where there is one word alone */
	bool waits;                 /* until all vCPUs stand still */
	bool cpu;                   /* a CPU's number may follow */
	void (*act)(struct monitor *m, unsigned cpu, FILE *to);
	const char *help;
};

/* ---- what they do ---- */

static void info_lapic(struct monitor *m, unsigned cpu, FILE *to)
{
	struct info_cpu *copy = malloc(sizeof(*copy));

	if (copy) {
		info_cpu_take(&m->machine->vcpus[cpu], copy);
		info_lapic_print(&copy->lapic, cpu, m->format, to);
	}
	fputs(copy ? "\n" : "no memory\n", to);
	free(copy);
}

static void info_cpus(struct monitor *m, unsigned unused, FILE *to)
{
	struct info_cpu *copy = malloc(sizeof(*copy));

	(void)unused;
	for (unsigned i = 0; copy && i < m->machine->cpus; i++) {
		info_cpu_take(&m->machine->vcpus[i], copy);
		/* In JSON a line for each, too. */
		info_cpu_line(copy, m->format, to);
		fputs(m->format == INFO_JSON ? "\n" : "", to);
	}
	fputs(copy ? "" : "no memory\n", to);
	free(copy);
}

static void info_ioapic(struct monitor *m, unsigned unused, FILE *to)
{
	struct ioapic copy;

	(void)unused;
	pthread_mutex_lock(&m->machine->device_lock);
	copy = m->machine->ioapic;
	pthread_mutex_unlock(&m->machine->device_lock);
	info_ioapic_print(&copy, m->format, to);
	fputs(m->format == INFO_JSON ? "\n" : "", to);
}

static void info_pic(struct monitor *m, unsigned unused, FILE *to)
{
	struct i8259 copy;

	(void)unused;
	pthread_mutex_lock(&m->machine->device_lock);
	copy = m->machine->pic;
	pthread_mutex_unlock(&m->machine->device_lock);
	info_pic_print(&copy, m->format, to);
	fputs(m->format == INFO_JSON ? "\n" : "", to);
}

static void info_waits(struct monitor *m, unsigned unused, FILE *to)
{
	unsigned count = m->machine->cpus;
	struct info_cpu *copies = calloc(count, sizeof(*copies));
	unsigned said;

	(void)unused;
	for (unsigned i = 0; copies && i < count; i++)
		info_cpu_take(&m->machine->vcpus[i], &copies[i]);
	if (copies) {
		pthread_mutex_lock(&m->machine->device_lock);
		said = info_waits_print(copies, count, &m->machine->ioapic, &m->machine->pic,
					m->format, to);
		pthread_mutex_unlock(&m->machine->device_lock);
		fputs(m->format == INFO_JSON ? "\n" : said ? "" : "Nothing waits.\n", to);
	}
	fputs(copies ? "" : "no memory\n", to);
	free(copies);
}

static void nmi(struct monitor *m, unsigned cpu, FILE *to)
{
	if (!vcpu_nmi(&m->machine->vcpus[cpu]))
		fprintf(to, "CPU %u takes no NMI now.\n", cpu);
}

static void stop(struct monitor *m, unsigned unused, FILE *to)
{
	(void)unused;
	fputs(m->stopped ? "The CPUs stand still already.\n" : "", to);
	m->stopped = true;
}

static void cont(struct monitor *m, unsigned unused, FILE *to)
{
	(void)unused;
	if (!m->stopped) {
		fputs("The CPUs are running.\n", to);
		return;
	}
	m->stopped = false;
	machine_release(m->machine);
}

static void quit(struct monitor *m, unsigned unused, FILE *to)
{
	(void)unused;
	(void)to;
	m->calls->quit(m->opaque);
}

static void help(struct monitor *m, unsigned unused, FILE *to);

static const struct command commands[] = {
	{"info", "lapic", true, true, info_lapic, "info lapic [CPU]  registers of its Local APIC"},
	{"info", "ioapic", false, false, info_ioapic, "info ioapic       the redirection table"},
	{"info", "pic", false, false, info_pic, "info pic          the two 8259As"},
	{"info", "cpus", true, false, info_cpus, "info cpus         what each CPU does, and where"},
	{"info", "waits", true, false, info_waits,
	 "info waits        which interrupts wait, and for what"},
	{"nmi", NULL, true, true, nmi, "nmi [CPU]         sends it an NMI"},
	{"stop", NULL, true, false, stop, "stop              all CPUs stand still"},
	{"cont", NULL, false, false, cont, "cont              they go on"},
	{"quit", NULL, false, false, quit, "quit              ends the run"},
	{"help", NULL, false, false, help, "help              this; no CPU given is CPU 0"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(struct monitor *m, unsigned unused, FILE *to)
{
	(void)m;
	(void)unused;
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(to, "%s\n", commands[i].help);
	fputs("Ctrl-a c goes back to the guest.\n", to);
}

/* ---- which one, and for which CPU ---- */

static void split(const char *line, struct words *w)
{
	char *rest = NULL;

	*w = (struct words){.count = 0};
	snprintf(w->text, sizeof(w->text), "%s", line);
	for (char *word = strtok_r(w->text, " \t", &rest); word;
	     word = strtok_r(NULL, " \t", &rest))
		if (w->count++ < WORDS_MAX)
			w->word[w->count - 1] = word;
}

static const struct command *find(const struct words *w)
{
	for (unsigned i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];

		if (w->count == 0 || strcmp(w->word[0], c->first) != 0)
			continue;
		if (!c->second || (w->count > 1 && strcmp(w->word[1], c->second) == 0))
			return c;
	}
	return NULL;
}

/* False, and said why: no CPU, or more words than the command has. */
static bool take_cpu(const struct monitor *m, const struct command *c, const struct words *w,
		     unsigned *cpu, FILE *to)
{
	unsigned at = c->second ? 2 : 1;
	char *end = NULL;
	unsigned long n;

	*cpu = 0;
	if (w->count > at + c->cpu) {
		fprintf(to, "'%s' is more than '%s' takes; 'help' lists the commands.\n",
			w->word[at + c->cpu], c->second ? c->second : c->first);
		return false;
	}
	if (w->count == at)
		return true;
	n = strtoul(w->word[at], &end, 10);
	if (w->word[at][0] < '0' || w->word[at][0] > '9' || *end || n >= m->machine->cpus) {
		fprintf(to, "There is no CPU '%s'; they are 0 to %u.\n", w->word[at],
			m->machine->cpus - 1);
		return false;
	}
	*cpu = (unsigned)n;
	return true;
}

static void do_line(struct monitor *m, const char *line, FILE *to)
{
	const struct command *c;
	struct words w;
	unsigned cpu;

	split(line, &w);
	if (w.count == 0)
		return;
	c = find(&w);
	if (!c && strcmp(w.word[0], "info") == 0)
		fputs("info what? lapic, ioapic, pic, cpus and waits are known.\n", to);
	else if (!c)
		fprintf(to, "'%s' is no command; 'help' lists them.\n", w.word[0]);
	else if (!m->machine)
		fputs("No machine is running.\n", to);
	else if (take_cpu(m, c, &w, &cpu, to))
		c->act(m, cpu, to);
}

bool monitor_command_waits(const char *line)
{
	const struct command *c;
	struct words w;

	split(line, &w);
	c = find(&w);
	return c && c->waits;
}

void monitor_command(struct monitor *m, const char *line)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return;
	do_line(m, line, to);
	if (fclose(to) == 0 && bytes)
		m->calls->say(m->opaque, text, bytes);
	free(text);
}
