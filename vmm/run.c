// SPDX-License-Identifier: BSD-2-Clause
// Runs a guest: opens everything, waits in the loop for the end, writes out what is left, closes.
// Not the machine and not the command line.

#include "vmm/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "vmm/console.h"
#include "vmm/kvm_stats.h"
#include "vmm/loop.h"
#include "vmm/machine.h"
#include "vmm/machine_hop.h"
#include "vmm/machine_screen.h"
#include "vmm/monitor.h"
#include "vmm/run_report.h"
#include "vmm/save_end.h"

/* After an end that is not the guest's own, stdout gets this long to take the guest's last words.
 */
#define LAST_WORDS_MS 1000

struct session {
	const struct options *options;
	struct loop loop;
	struct console console;
	struct ending ending;
	struct machine machine;
	struct monitor monitor;
	struct save_end save;
	struct machine_screen screen; /* of the machine that ran last */
	bool machine_up;              /* machine_input() may be called */
	bool give_up;                 /* output that stdout does not take is dropped */
	struct result cut;            /* why output was cut short */
	/* An end from outside that came beside a reset by the guest: no reboot forgets it. */
	bool has_outside;
	struct result outside;
};

/* ---- the loop's calls [main thread] ---- */

static void keep_outside(struct session *s, const struct result *result)
{
	if (!ending_report(&s->ending, result) && !s->has_outside) {
		s->has_outside = true;
		s->outside = *result;
	}
}

static void end_when_saved(struct session *s)
{
	if (save_end_still(&s->save, &s->machine))
		keep_outside(s, &s->save.result);
}

static void on_mail(void *opaque, unsigned bits)
{
	struct session *s = opaque;

	if (bits & LOOP_OUTPUT)
		console_gather(&s->console);
	if (bits & LOOP_ROOM)
		console_room(&s->console);
	if (bits & LOOP_STILL && s->machine_up) {
		machine_hop_still(&s->machine);
		monitor_still(&s->monitor);
		end_when_saved(s);
	}
	if (bits & LOOP_ENDED)
		loop_break(&s->loop);
}

/* An end from outside: of the guest if it still runs, else of the wait for stdout. */
static void end_from_outside(struct session *s, enum result_kind kind, const char *text)
{
	struct result result;

	s->give_up = true;
	ending_fill(&result, kind, "%s", text);
	if (s->machine_up && save_end_begin(&s->save, &s->machine, &result)) {
		/* A processor may wait for a stdout that takes nothing. */
		loop_limit(&s->loop, SAVE_END_PATIENCE_MS);
		end_when_saved(s);
	} else {
		keep_outside(s, &result);
	}
}

static void on_signal(void *opaque, int number)
{
	struct session *s = opaque;

	if (number == SIGCONT)
		console_listen(&s->console);
	else
		end_from_outside(s, number == SIGINT ? RESULT_SIGINT : RESULT_SIGTERM, "");
}

static void on_timeout(void *opaque)
{
	struct session *s = opaque;
	char text[64];

	snprintf(text, sizeof(text), "the guest had not ended after %u.%03u s",
		 s->options->timeout_ms / 1000, s->options->timeout_ms % 1000);
	end_from_outside(s, RESULT_TIMEOUT, text);
}

static const struct loop_calls loop_calls = {
	.mail = on_mail,
	.signal = on_signal,
	.timeout = on_timeout,
};

/* ---- the console's calls ---- */

static void on_output(void *opaque)
{
	struct session *s = opaque;

	loop_post(&s->loop, LOOP_OUTPUT);
}

static size_t on_input(void *opaque, const uint8_t *bytes, size_t n)
{
	struct session *s = opaque;

	return s->machine_up ? machine_input(&s->machine, bytes, n) : 0;
}

static void on_quit(void *opaque)
{
	end_from_outside(opaque, RESULT_USER_QUIT, "");
}

static void on_monitor(void *opaque, bool on)
{
	struct session *s = opaque;

	monitor_enter(&s->monitor, on);
}

static void on_key(void *opaque, uint8_t key)
{
	struct session *s = opaque;

	monitor_key(&s->monitor, key);
}

static void on_say(void *opaque, const char *text, size_t bytes)
{
	struct session *s = opaque;

	console_say(&s->console, text, bytes);
}

static const struct monitor_calls monitor_calls = {.say = on_say, .quit = on_quit};

static void on_output_failed(void *opaque, int error)
{
	struct session *s = opaque;

	ending_fill(&s->cut, RESULT_OUTPUT_FAILED, "writing the guest's output to stdout: %s",
		    strerror(error));
	keep_outside(s, &s->cut);
}

static void on_input_ended(void *opaque)
{
	struct session *s = opaque;

	if (s->machine_up && watch_dead(&s->machine.watch))
		run_report_halted(&s->ending);
}

static const struct console_calls console_calls = {
	.output = on_output,
	.input = on_input,
	.quit = on_quit,
	.monitor = on_monitor,
	.key = on_key,
	.failed = on_output_failed,
	.ended = on_input_ended,
};

/* ---- the machine's calls [vCPU threads] ---- */

static void guest_put(void *opaque, uint8_t byte)
{
	struct session *s = opaque;

	console_put(&s->console, byte);
}

static bool guest_fits(void *opaque, unsigned bytes)
{
	struct session *s = opaque;

	return console_fits(&s->console, bytes);
}

static void guest_wait(void *opaque, unsigned bytes)
{
	struct session *s = opaque;

	console_wait(&s->console, bytes);
}

static void guest_room(void *opaque)
{
	struct session *s = opaque;

	if (console_wants_room(&s->console))
		loop_post(&s->loop, LOOP_ROOM);
}

static bool guest_open(void *opaque)
{
	struct session *s = opaque;

	return console_in_open(&s->console);
}

static void on_still(void *opaque)
{
	struct session *s = opaque;

	loop_post(&s->loop, LOOP_STILL);
}

static void on_ending(void *opaque)
{
	struct session *s = opaque;

	loop_post(&s->loop, LOOP_ENDED);
}

/* ---- the run ---- */

static void wait_for_end(struct session *s)
{
	while (!ending_reached(&s->ending))
		loop_run(&s->loop);
	monitor_detach(&s->monitor);
	/* Whoever waits for room in the console has to come out before it can be joined. */
	console_release(&s->console, true);
	machine_stop(&s->machine);
	console_release(&s->console, false);
	s->machine_up = false;
}

static bool open_machine(struct session *s, const struct host_traits *traits,
			 const struct kvm_calls *kvm, struct result *result)
{
	const struct machine_console console = {
		.put = guest_put,
		.fits = guest_fits,
		.wait = guest_wait,
		.room = guest_room,
		.open = guest_open,
		.still = on_still,
		.opaque = s,
	};

	return machine_open(&s->machine, s->options, traits, kvm, &s->ending, &console,
			    s->loop.base, result);
}

static void mask_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(how, &set, NULL);
}

void run_hold_signals(void)
{
	mask_signals(SIG_BLOCK);
}

static bool begin(struct session *s, struct result *result)
{
	if (loop_listen(&s->loop) &&
	    (!s->options->timeout_ms || loop_limit(&s->loop, s->options->timeout_ms))) {
		mask_signals(SIG_UNBLOCK);
		return true;
	}
	ending_fill(result, RESULT_INTERNAL, "the event loop: no memory");
	return false;
}

static bool count_of(const struct machine *m, int fd, struct result *result)
{
	return kvm_stats_add(m->vm.kvm, fd, &result->interrupts, &result->nmis);
}

/* Of both VMs, where it hops. */
static void count_interrupts(const struct machine *m, struct result *result)
{
	result->counted = true;
	for (unsigned i = 0; i < m->cpus && result->counted; i++)
		result->counted = count_of(m, m->vcpus[i].fd, result) &&
				  (!m->hops || count_of(m, m->vcpus[i].there_fd, result));
}

/* A status that says more stays: of the guest's failure, a signal, a defect. */
static void dump_state(struct session *s, struct result *result)
{
	char said[sizeof(result->text) / 2];

	if (run_report_state(&s->machine))
		return;
	snprintf(said, sizeof(said), "cannot write %s: %s; the run itself ended with %s code=%d",
		 s->options->dump_state, strerror(errno), result_name(result->kind),
		 result_code(result));
	if (result_code(result) < 64)
		ending_fill(result, RESULT_OUTPUT_FAILED, "%s", said);
	else
		fprintf(stderr, "lapicvm: %s\n", said);
}

/* What is printed while the machine is still there. */
static void report(struct session *s, struct result *result)
{
	bool again = result->kind == RESULT_RESET && !s->has_outside && !s->options->no_reboot;

	run_report_where(&s->machine, result);
	count_interrupts(&s->machine, result);
	machine_screen_take(&s->machine, &s->screen);
	/* As far as stdout takes it at once, the guest's last words come before. */
	console_flush(&s->console);
	if (result->kind != RESULT_RESET)
		machine_hop_not_dropped(&s->machine, stderr);
	if (s->options->stats && result->kind != RESULT_RESET)
		run_report_stats(&s->machine);
	if (!s->save.done)
		run_report_death(&s->machine, result);
	if (!again)
		dump_state(s, result);
}

/* From an image in RAM to the guest's end. False: it never ran. */
static bool run_once(struct session *s, const struct host_traits *traits,
		     const struct kvm_calls *kvm, bool first, struct result *result)
{
	bool ran = false;

	ending_init(&s->ending, on_ending, s);
	if (!open_machine(s, traits, kvm, result))
		goto out;
	if (first && !begin(s, result))
		goto out;
	/* What was restored has its Local APICs here. */
	if (s->options->kernel_lapic && !s->machine.in_kernel)
		machine_hop_soon(&s->machine);
	if (!machine_start(&s->machine, result))
		goto out;
	s->machine_up = true;
	monitor_attach(&s->monitor, &s->machine);
	console_listen(&s->console);
	wait_for_end(s);
	if (save_end_overtaken(&s->save))
		keep_outside(s, &s->save.result);
	*result = s->ending.result;
	report(s, result);
	ran = true;
out:
	machine_close(&s->machine);
	ending_destroy(&s->ending);
	return ran;
}

/* The guest's output comes before the result. */
static void write_the_rest(struct session *s, struct result *result)
{
	bool own_end = result->kind == RESULT_GUEST_EXIT || result->kind == RESULT_RESET ||
		       result->kind == RESULT_POWER_OFF;
	bool limited = s->give_up || !own_end;

	s->give_up = false;
	if (limited && !loop_limit(&s->loop, LAST_WORDS_MS))
		s->give_up = true;
	console_flush(&s->console);
	while (console_pending(&s->console) && !s->give_up)
		loop_once(&s->loop);
	if (console_pending(&s->console) && s->cut.kind != RESULT_OUTPUT_FAILED)
		ending_fill(&s->cut, RESULT_OUTPUT_FAILED,
			    "stdout did not take the last %u bytes of the guest's output",
			    console_pending(&s->console));
	if (own_end && s->cut.kind == RESULT_OUTPUT_FAILED)
		*result = s->cut;
	if (isatty(STDERR_FILENO) && console_mid_line(&s->console))
		fputc('\n', stderr);
}

static void run_guest(struct session *s, const struct host_traits *traits,
		      const struct kvm_calls *kvm, struct result *result)
{
	bool ran = run_once(s, traits, kvm, true, result);

	while (ran && result->kind == RESULT_RESET && !s->has_outside && !s->options->no_reboot)
		ran = run_once(s, traits, kvm, false, result);
	if (ran)
		save_end_finish(&s->save);
	if (ran && result->kind == RESULT_RESET && s->has_outside)
		*result = s->outside;
	/* Reports that come from now on have no guest to end. */
	ending_init(&s->ending, NULL, NULL);
	ending_report(&s->ending, result);
	write_the_rest(s, result);
	ending_destroy(&s->ending);
}

/* Two for each vCPU, its own and its timer's, and some dozens besides. */
static void allow_descriptors(uint32_t cpus)
{
	rlim_t needed = 2 * (rlim_t)cpus + 64;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
		return;
	/* Where that is refused, whoever runs out of them says so. */
	limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool open_session(struct session *s, const struct options *options, struct result *result)
{
	*s = (struct session){.options = options, .save = {.path = options->save}};
	monitor_init(&s->monitor, options->format, &monitor_calls, s);
	allow_descriptors(options->cpus);
	if (!loop_open(&s->loop, &loop_calls, s)) {
		ending_fill(result, RESULT_INTERNAL, "the event loop: %s", strerror(errno));
		return false;
	}
	if (console_open(&s->console, 0, 1, s->loop.base, &console_calls, s) && kick_install())
		return true;
	ending_fill(result, RESULT_INTERNAL, "the console: %s", strerror(errno));
	console_close(&s->console);
	loop_close(&s->loop);
	return false;
}

void run_with(const struct options *options, const struct host_traits *traits,
	      const struct kvm_calls *kvm, struct result *result)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	/* Too large for a stack, most of all the console's buffers. */
	struct session *s = malloc(sizeof(*s));

	ending_fill(result, RESULT_INTERNAL, "no memory");
	if (s && open_session(s, options, result)) {
		/* A closed pipe is an error of write(2), and that has a name and a code. */
		sigaction(SIGPIPE, &ignore, &before);
		run_guest(s, traits, kvm, result);
		console_close(&s->console);
		loop_close(&s->loop);
		if (options->dump_screen)
			machine_screen_write(&s->screen, options->dump_screen, result);
		kick_uninstall();
		sigaction(SIGPIPE, &before, NULL);
	}
	free(s);
}

void run(const struct options *options, const struct host_traits *traits, struct result *result)
{
	run_with(options, traits, &kvm_calls_real, result);
}
