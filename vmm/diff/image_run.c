// SPDX-License-Identifier: BSD-2-Clause
// Starts `lapicvm run` as a child, waits for it, and reads what it left.
// Not a shell: the child gets its words as they are, and signals are passed on.
#include "vmm/diff/image_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmm/ending.h"
#include "vmm/topology.h"

#define JSON_MAX  65536u
#define WORDS_MAX 24u /* besides -initrd and the guest's arguments */

enum file { CONSOLE, ERRORS, JSON, FILES };

struct start {
	const char *program;
	char path[FILES][512];
	char memory[24], cpus[64], timeout[24], lapic[16];
	char **words;
	int count;
	pid_t pid;
	struct result *why;
};

static bool refuse(const struct start *s, const char *what)
{
	ending_fill(s->why, RESULT_INTERNAL, "%s: %s", what, strerror(errno));
	return false;
}

/* ---------------------------------------------------------------- its words */

static void word(struct start *s, const char *text)
{
	/* execv() takes them as they are in its own declaration. */
	s->words[s->count++] = (char *)(uintptr_t)text;
}

static void pair(struct start *s, const char *option, const char *value)
{
	word(s, option);
	word(s, value);
}

static bool make_words(struct start *s, const struct options *o, bool kernel)
{
	const struct topology topology = topology_of(o);

	s->words = calloc(WORDS_MAX + 2 * o->initrd_count + (size_t)o->guest_arg_count,
			  sizeof(*s->words));
	if (!s->words)
		return refuse(s, "lapicvm run");
	snprintf(s->memory, sizeof(s->memory), "%" PRIu64 "K", o->ram_bytes >> 10);
	snprintf(s->cpus, sizeof(s->cpus), "%" PRIu32 ",cores=%" PRIu32 ",threads=%" PRIu32,
		 topology.cpus, topology.cores, topology.threads);
	snprintf(s->timeout, sizeof(s->timeout), "%" PRIu32 ".%03" PRIu32, o->timeout_ms / 1000,
		 o->timeout_ms % 1000);
	snprintf(s->lapic, sizeof(s->lapic), "--lapic=%s", kernel ? "kernel" : "user");
	pair(s, "lapicvm", "run");
	pair(s, "-kernel", o->image);
	pair(s, "-m", s->memory);
	pair(s, "-smp", s->cpus);
	pair(s, "--timeout", s->timeout);
	pair(s, "--result-json", s->path[JSON]);
	word(s, s->lapic);
	if (o->append)
		pair(s, "-append", o->append);
	for (unsigned i = 0; i < o->initrd_count; i++)
		pair(s, "-initrd", o->initrds[i]);
	if (o->no_acpi)
		word(s, "--acpi=off");
	if (o->no_mptable)
		word(s, "--mptable=off");
	if (o->hpet)
		word(s, "--hpet");
	if (o->no_reboot)
		word(s, "-no-reboot");
	if (!o->x2apic)
		word(s, "--no-x2apic");
	if (!o->tsc_deadline)
		word(s, "--no-tsc-deadline");
	if (o->pv_eoi)
		word(s, "--pv-eoi");
	if (o->guest_args)
		word(s, "--");
	for (int i = 0; o->guest_args && i < o->guest_arg_count; i++)
		word(s, o->guest_args[i]);
	return true;
}

/* ---------------------------------------------------------------- the child */

static void signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGCHLD);
}

static bool redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd >= 0 && dup2(fd, to) == to;
}

/* Never returns. */
static void become(const struct start *s, const sigset_t *mask, pid_t parent)
{
	const struct rlimit console = {IMAGE_RUN_CONSOLE_MAX, IMAGE_RUN_CONSOLE_MAX};
	int made = O_WRONLY | O_CREAT | O_TRUNC;

	/* A parent that was killed leaves no guest behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && redirect("/dev/null", O_RDONLY, 0) &&
	    redirect(s->path[CONSOLE], made | O_APPEND, 1) &&
	    redirect(s->path[ERRORS], made | O_APPEND, 2) &&
	    setrlimit(RLIMIT_FSIZE, &console) == 0) {
		sigprocmask(SIG_SETMASK, mask, NULL);
		execv(s->program, s->words);
	}
	_exit(127);
}

/* Until the child has ended; a signal is passed on to it, and a second one ends it at once. 0, or
 * the first signal. */
static int wait_for(const struct start *s, const sigset_t *set, int *status)
{
	int first = 0;

	while (waitpid(s->pid, status, WNOHANG) == 0) {
		siginfo_t info;
		int number = sigwaitinfo(set, &info);

		if (number != SIGINT && number != SIGTERM)
			continue;
		kill(s->pid, first ? SIGKILL : number);
		first = first ? first : number;
	}
	return first;
}

static bool start_and_wait(struct start *s, int *status)
{
	sigset_t set, before;
	pid_t parent = getpid();
	int number;

	signals(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	signal(SIGCHLD, SIG_DFL);
	s->pid = fork();
	if (s->pid == 0)
		become(s, &before, parent);
	number = s->pid > 0 ? wait_for(s, &set, status) : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (s->pid < 0)
		return refuse(s, "lapicvm run: fork");
	if (number)
		ending_fill(s->why, number == SIGINT ? RESULT_SIGINT : RESULT_SIGTERM,
			    "ended by a signal before both runs were over");
	return number == 0;
}

/* ---------------------------------------------------------------- what it left */

/* At most `most` bytes; NULL: not there, or no memory. */
static char *read_file(const char *path, size_t most, size_t *size)
{
	FILE *from = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	*size = 0;
	while (from && *size < most && !feof(from) && !ferror(from)) {
		char *more;

		room = room ? 2 * room : 4096;
		more = realloc(text, room + 1);
		if (!more)
			break;
		text = more;
		*size += fread(text + *size, 1, room - *size, from);
		text[*size] = '\0';
	}
	if (from)
		fclose(from);
	return text;
}

/* The value of a key of result_write_json(), which gives each a line of its own. */
static const char *find(const char *json, const char *key)
{
	char line[32];
	const char *found;

	snprintf(line, sizeof(line), "\n  \"%s\": ", key);
	found = strstr(json, line);
	return found ? found + strlen(line) : NULL;
}

static bool number(const char *json, const char *key, uint64_t *value)
{
	const char *text = find(json, key);
	char *end;

	if (!text)
		return false;
	*value = strtoull(text, &end, 10);
	return end != text;
}

/* Only for people, and so escapes stay, but for line ends. */
static void read_text(const char *json, const char *key, char *to, size_t size)
{
	const char *text = find(json, key);
	size_t length = text ? strcspn(text, "\n") : 0;

	/* The last one has no comma behind it. */
	length -= length && text[length - 1] == ',';
	if (length <= 2)
		return;
	snprintf(to, size, "%.*s", (int)length - 2, text + 1);
	for (char *end = to; (end = strstr(end, "\\n"));) {
		*end++ = '\n';
		memmove(end, end + 1, strlen(end));
	}
}

static bool read_json(const char *json, struct result *result)
{
	const char *name = find(json, "result");
	bool known = false;

	*result = (struct result){.cpu = -1};
	for (int kind = 0; name && kind <= RESULT_LAST && !known; kind++) {
		const char *one = result_name((enum result_kind)kind);

		known = strncmp(name + 1, one, strlen(one)) == 0 && name[1 + strlen(one)] == '"';
		if (known)
			result->kind = (enum result_kind)kind;
	}
	if (!known || (result->kind == RESULT_GUEST_EXIT && !number(json, "value", &result->value)))
		return false;
	result->counted = number(json, "interrupts", &result->interrupts) &&
			  number(json, "nmis", &result->nmis);
	read_text(json, "text", result->text, sizeof(result->text));
	read_text(json, "detail", result->detail, sizeof(result->detail));
	return true;
}

static bool no_result(const struct start *s, int status)
{
	size_t size;
	char *errors = read_file(s->path[ERRORS], JSON_MAX, &size);

	ending_fill(s->why, RESULT_INTERNAL, "run %s left no result and ended with %s %d: %.*s",
		    s->lapic, WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		    errors ? (int)strcspn(errors, "\n") : 0, errors ? errors : "");
	free(errors);
	return false;
}

static bool read_all(const struct start *s, int status, struct image_run *run)
{
	size_t size;
	char *json = read_file(s->path[JSON], JSON_MAX, &size);
	bool good = json && read_json(json, &run->result);

	free(json);
	if (!good)
		return no_result(s, status);
	run->console = read_file(s->path[CONSOLE], IMAGE_RUN_CONSOLE_MAX, &run->console_size);
	return run->console || refuse(s, s->path[CONSOLE]);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool image_run(struct image_run *run, const char *program, const struct options *options,
	       bool kernel, const char *folder, struct result *why)
{
	static const char *const names[FILES] = {"console", "errors", "json"};
	struct start s = {.program = program, .why = why};
	uint64_t since = now_ms();
	int status = 0;
	bool good;

	*run = (struct image_run){.console = NULL};
	for (unsigned i = 0; i < FILES; i++)
		snprintf(s.path[i], sizeof(s.path[i]), "%s/%s", folder, names[i]);
	good = make_words(&s, options, kernel) && start_and_wait(&s, &status) &&
	       read_all(&s, status, run);
	run->ms = now_ms() - since;
	for (unsigned i = 0; i < FILES; i++)
		unlink(s.path[i]);
	free(s.words);
	return good;
}

void image_run_free(struct image_run *run)
{
	free(run->console);
	run->console = NULL;
}
